"""What every overlap asks of its boxes."""

from __future__ import annotations

from typing import Any

from .._shared.checks import one_of
from .._shared.parameters import METRICS
from .checks import FLOATS, INTEGERS, check_dense, check_device, check_tensor

DTYPES = frozenset((*FLOATS, *INTEGERS))


def check_boxes(name: str, boxes: Any, least_dims: int = 1, numbers: int = 4) -> None:
    """`numbers`: of a box."""
    check_tensor(name, boxes)
    try:
        is_wrong = boxes.dim() < least_dims or boxes.shape[-1] != numbers
    except RuntimeError:  # a nested tensor has no sizes
        check_dense(**{name: boxes})
        raise
    if is_wrong:
        expected = f"(..., N, {numbers})" if least_dims == 2 else f"(..., {numbers})"
        raise ValueError(f"{name}: expected shape {expected}, got {tuple(boxes.shape)}")
    if boxes.dtype not in DTYPES:
        raise TypeError(f"{name}: expected floats, int64, int32, int16, int8 or uint8, got {boxes.dtype}")


def check_two(
    boxes1: Any, boxes2: Any, kind: Any, kinds: tuple[str, ...] = METRICS, least_dims: int = 1, numbers: int = 4
) -> None:
    check_boxes("boxes1", boxes1, least_dims, numbers)
    check_boxes("boxes2", boxes2, least_dims, numbers)
    check_device("boxes2", boxes2, boxes1, "boxes1")
    one_of("kind", kind, kinds)


def check_pair(boxes1: Any, boxes2: Any, kind: Any, kinds: tuple[str, ...] = METRICS, numbers: int = 4) -> None:
    """For an operator that goes box by box."""
    check_two(boxes1, boxes2, kind, kinds, numbers=numbers)
    if boxes1.shape != boxes2.shape:
        raise ValueError(f"boxes2: expected shape {tuple(boxes1.shape)} as of boxes1, got {tuple(boxes2.shape)}")


def check_rows(boxes1: Any, boxes2: Any, kind: Any, kinds: tuple[str, ...] = METRICS, numbers: int = 4) -> None:
    """For an operator that meets all rows with all."""
    check_two(boxes1, boxes2, kind, kinds, 2, numbers)
    if boxes1.shape[:-2] != boxes2.shape[:-2]:
        raise ValueError(f"boxes2: expected leading dimensions {tuple(boxes1.shape[:-2])}, got {tuple(boxes2.shape)}")
