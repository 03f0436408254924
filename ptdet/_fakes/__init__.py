"""Shapes and dtypes without data: one function an operator, by its name."""

from collections.abc import Callable
from typing import Any

from . import methods, suppression

FAKES: dict[str, Callable[..., Any]] = {
    "nms": suppression.nms,
    "nms_walk": suppression.nms_walk,
}
FAKES.update(methods.METHODS)
