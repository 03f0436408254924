"""What schemas.txt says of each operator: the names of its arguments and results, which decide shapes and checks."""

from __future__ import annotations

from typing import Any, NamedTuple

import torch

from .load import SCHEMAS


class Signature(NamedTuple):
    """An operator's arguments and results by name."""

    name: str
    arguments: tuple[str, ...]
    tensors: frozenset[str]  # those of the arguments that are tensors, or None if they are optional
    optional: frozenset[str]
    defaults: dict[str, Any]
    results: tuple[str, ...]

    def named(self, *arguments: Any, **keywords: Any) -> dict[str, Any]:
        """The arguments of a call by name, without the defaults."""
        return {**dict(zip(self.arguments, arguments, strict=False)), **keywords}


def _signature(schema: str) -> Signature:
    parsed = torch._C.parse_schema(f"ptdet::{schema}")
    return Signature(
        schema.split("(")[0],
        tuple(each.name for each in parsed.arguments),
        frozenset(each.name for each in parsed.arguments if str(each.type) in ("Tensor", "Optional[Tensor]")),
        frozenset(each.name for each in parsed.arguments if str(each.type) == "Optional[Tensor]"),
        {each.name: each.default_value for each in parsed.arguments if each.has_default_value()},
        tuple(each.name for each in parsed.returns),
    )


SIGNATURES: dict[str, Signature] = {signature.name: signature for signature in map(_signature, SCHEMAS)}
