"""Suppressions and fusions of axis-aligned boxes, once more for rotated ones. Nothing here needs torch."""

from __future__ import annotations

from collections.abc import Callable
from functools import wraps
from inspect import signature
from typing import Any, NamedTuple, TypeVar

from .parameters import ROTATED_METRICS

Function = TypeVar("Function", bound=Callable[..., Any])

_TOLD = """`{home}.{name}` of rotated boxes: the same rule, order and ties, with overlaps decided in float64.
{note}
    Args:
        {first}: {shape} cx, cy, w, h, angle, the angle in radians from +x to +y.{metric}

    The other arguments, what is returned, boxes of five numbers, and what raises are those of `{home}.{name}`.

{example}    """

_METRIC = f"""
        metric: {", ".join(ROTATED_METRICS[:-1])} or {ROTATED_METRICS[-1]}; iof is the share of the candidate that is
            covered, ios that of the smaller box."""


class Rotated(NamedTuple):
    """Boxes (N, 5), or a list of them, on their way through a function of boxes (N, 4) to the operators of rotated."""

    boxes: Any


def unwrapped(boxes: Any) -> tuple[Any, bool]:
    """The boxes that a function was given, and whether they are rotated."""
    return (boxes.boxes, True) if type(boxes) is Rotated else (boxes, False)


def of_rotated(
    function: Function, home: str, module: str, example: str = "", note: str = "", shape: str = "(N, 5)"
) -> Function:
    """`function` of `home` with the same arguments, as one of `module` that takes boxes (N, 5)."""
    names = list(signature(function).parameters)
    first = names[0]

    @wraps(function)
    def rotated(*arguments: Any, **keywords: Any) -> Any:
        if arguments:
            return function(Rotated(arguments[0]), *arguments[1:], **keywords)
        if first in keywords:
            keywords[first] = Rotated(keywords[first])
        return function(**keywords)

    rotated.__module__ = module
    shown = "".join(f"    {line}\n" for line in example.splitlines())
    noted = "".join(f"\n    {line}" for line in note.splitlines())
    rotated.__doc__ = _TOLD.format(
        home=home,
        name=function.__name__,
        first=first,
        shape=shape,
        metric=_METRIC if "metric" in names else "",
        note=f"{noted}\n" if note else "",
        example=shown,
    )
    return rotated  # type: ignore[return-value]
