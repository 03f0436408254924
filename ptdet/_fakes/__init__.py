"""Shapes and dtypes without data: one function an operator, by its name."""

from collections.abc import Callable
from typing import Any

from . import image_slots, methods, suppression, yolo

FAKES: dict[str, Callable[..., Any]] = {
    "nms": suppression.nms,
    "nms_walk": suppression.nms_walk,
    "yolo_filter": yolo.yolo_filter,
    "image_slots": image_slots.image_slots,
}
FAKES.update(methods.METHODS)
