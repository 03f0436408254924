"""Runs the emulated kernels of the other methods. Free of pytest."""

from __future__ import annotations

import math
import struct
from dataclasses import dataclass, replace
from typing import Any

import torch
from torch import Tensor

from ptdet._library.arguments import NUMBERS
from ptdet._library.fakes.derived import RESULTS
from ptdet._library.signatures import SIGNATURES
from ptdet._shared.parameters import parameter_of
from ptdet.testing.samples_methods import OPERATORS, number_a_box, own_options

from .harness import TYPES, Case, Flavour, build, encode, execute, memory_of

METHODS = tuple(name for name in OPERATORS if name.endswith("_walk"))


@dataclass(frozen=True)
class MethodCase:
    """Arguments of one call: those of plain suppression, the method's own; of wbf_walk its models."""

    method: str
    case: Case
    options: dict[str, Any]
    models: Tensor | None = None
    weights: Tensor | None = None
    numbers: Tensor | None = None  # None: those of number_a_box

    @property
    def tensors(self) -> dict[str, Tensor]:
        """The numbers by their name."""
        given = number_a_box(self.case.scores) if self.numbers is None else self.numbers
        return dict.fromkeys(NUMBERS.get(self.method, ()), given)

    @property
    def keywords(self) -> dict[str, Any]:
        """As the operator's schema has them."""
        given = {**vars(self.case), "models": self.models, "weights": self.weights}
        named = SIGNATURES[self.method].arguments[3:]
        plain = "models" not in named  # `weights` are then names
        common = {name: given[name] for name in named if name in given and not (plain and name == "weights")}
        return {**self.tensors, **common, **self.options}


def plain_case(case: MethodCase) -> Case:
    return replace(case.case, metric="diou") if case.method == "diou_nms_walk" else case.case


def encode_options(case: MethodCase) -> bytes:
    """The operator's name, its own names and flags as numbers, what it has of models and boxes, its own numbers."""
    chosen, numbers = [], []
    for name in own_options(case.method):
        value = case.options.get(name, SIGNATURES[case.method].defaults[name])
        if isinstance(value, (str, bool)):
            chosen.append(parameter_of(case.method, name).tries.index(value))
        else:
            numbers.append(value)
    types = [TYPES.index(each.dtype) for each in case.tensors.values()]
    ensemble = (-1, -1) if case.weights is None else (len(case.weights), TYPES.index(case.weights.dtype))
    return struct.pack(
        "<32s6q2d",
        *(case.method.encode(), *[*chosen, 0, 0][:2], case.models is not None, *ensemble, *[*types, -1][:1]),
        *[*numbers, 0.0, 0.0][:2],
    )


def encode_ensemble(case: MethodCase) -> bytes:
    given = (case.models, case.weights, *case.tensors.values())
    return b"".join(memory_of(each) for each in given if each is not None)


def run(flavour: Flavour, cases: list[MethodCase], seed: int) -> list[tuple[Tensor, ...]]:
    """What the operator would return of each case, all from one process."""
    given = b"".join(encode(plain_case(each), True, encode_options(each)) + encode_ensemble(each) for each in cases)
    done = execute(build(flavour) / "methods_driver", [], seed, given)
    if done.returncode != 0:
        raise AssertionError(f"{flavour.name}: exit {done.returncode}\n{done.stderr.decode()[-6000:]}")
    found, at = [], 0

    def take(count: int, dtype: torch.dtype) -> Tensor:
        nonlocal at
        size = count * dtype.itemsize
        bytes_, at = done.stdout[at : at + size], at + size
        return torch.frombuffer(bytearray(bytes_), dtype=dtype) if count else torch.empty(0, dtype=dtype)

    for each in cases:
        n, results = len(each.case.boxes), SIGNATURES[each.method].results
        sizes = {"boxes": (n, 4), "sides": (n, 4), "scores": (n,), "nothing": ()}
        dtypes = {"boxes": each.case.boxes.dtype, "scores": each.case.scores.dtype, "int64": torch.int64}
        of_all = ("num_kept", "keep", "owner")
        parts = {}
        for name in (*of_all, *(name for name in results if name not in of_all)):
            shape = sizes[RESULTS[name].like]
            parts[name] = take(math.prod(shape), dtypes[RESULTS[name].dtype]).view(shape)
        found.append(tuple(parts[name] for name in results))
    return found
