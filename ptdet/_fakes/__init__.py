"""Shapes and dtypes without data: one function an operator, by its name."""

from collections.abc import Callable
from typing import Any

from . import suppression

FAKES: dict[str, Callable[..., Any]] = {
    "nms": suppression.nms,
    "nms_walk": suppression.nms_walk,
}
