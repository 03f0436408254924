"""Suppressions of axis-aligned boxes, once more for rotated ones. Nothing here needs torch."""

from __future__ import annotations

from collections.abc import Callable
from functools import wraps
from typing import Any, NamedTuple, TypeVar

Function = TypeVar("Function", bound=Callable[..., Any])

_TOLD = """`{home}.{name}` of rotated boxes: the same rule, order and ties, with overlaps decided in float64.

    Args:
        boxes: (N, 5) cx, cy, w, h, angle, the angle in radians from +x to +y.
        metric: iou, iof (share of the candidate that is covered) or ios (of the smaller box).

    The other arguments, what is returned and what raises are those of `{home}.{name}`.

{example}    """


class Rotated(NamedTuple):
    """Boxes (N, 5) on their way through a function of boxes (N, 4) to the operators of rotated boxes."""

    boxes: Any


def of_rotated(function: Function, home: str, module: str, example: str = "") -> Function:
    """`function` of `home` with the same arguments, as one of `module` that takes boxes (N, 5)."""

    @wraps(function)
    def rotated(boxes: Any, *arguments: Any, **keywords: Any) -> Any:
        return function(Rotated(boxes), *arguments, **keywords)

    rotated.__module__ = module
    shown = "".join(f"    {line}\n" for line in example.splitlines())
    rotated.__doc__ = _TOLD.format(home=home, name=function.__name__, example=shown)
    return rotated  # type: ignore[return-value]
