"""Small things done to boxes, under torchvision's names and with its results. Plain torch: one pass is all there is."""

from __future__ import annotations

import math
from typing import Any

import torch
from torch import Tensor

from .._library.checks import check_dense, check_has_data
from .._library.overlap_checks import check_boxes
from .._shared.checks import MOST, check_number
from . import rotated_degrees

FORMATS = ("xyxy", "xywh", "cxcywh")


def box_convert(boxes: Tensor, in_fmt: str, out_fmt: str) -> Tensor:
    """Boxes in another format.

    "xyxy": two corners; "xywh": the upper left corner, width, height; "cxcywh": the centre, width, height. Or rotated
    boxes among "xywhr", "cxcywhr" and "xyxyxyxy", as torchvision has them: the angle in degrees, counter-clockwise on
    the picture, x and y of xywhr the corner that is upper left before the turn, and the corners from there along the
    width.

    Args:
        boxes: (..., 4), or (..., 5) and (..., 8) of rotated ones, in any unit, floats or integers.
        in_fmt: the format they are in.
        out_fmt: the format to give.

    Returns:
        (..., 4), or as many numbers as the format has, of the input's dtype, in new memory. But integers, where formats
            differ, come out float32 if a centre is involved, as torchvision has it, and else at least int32, so that
            nothing wraps (torchvision's uint8 does); those of rotated boxes are rounded, and keep their dtype.

    Raises:
        TypeError, ValueError: naming the argument, what was expected and what came. From a rotated box to one that is
            not: `ptdet.rotated.box_convert`, whose angles are in radians.

    >>> import torch, ptdet
    >>> ptdet.box_convert(torch.tensor([1., 2., 5., 4.]), "xyxy", "cxcywh")
    tensor([3., 3., 4., 2.])
    """
    if not torch.jit.is_scripting():  # type: ignore[attr-defined]
        if _is_rotated(in_fmt) and _is_rotated(out_fmt):
            check_dense(boxes=boxes)
            check_boxes("boxes", boxes, numbers=rotated_degrees.NUMBERS[in_fmt])
            return boxes.clone() if in_fmt == out_fmt else rotated_degrees.converted(boxes, in_fmt, out_fmt)
        _check_format("in_fmt", in_fmt)
        _check_format("out_fmt", out_fmt)
        check_dense(boxes=boxes)
        check_boxes("boxes", boxes)
    if in_fmt == out_fmt:
        return boxes.clone()
    corners = _to_corners(_widened(boxes, torch.int32), in_fmt)
    converted = corners if out_fmt == "xyxy" else _from_corners(corners, out_fmt)
    return converted.to(boxes.dtype) if boxes.is_floating_point() else converted


def box_area(boxes: Tensor, fmt: str = "xyxy") -> Tensor:
    """Width times height of each box: negative for a box inverted on one axis, as torchvision has it.

    Args:
        boxes: (..., 4) in any unit, floats or integers.
        fmt: "xyxy", "xywh" or "cxcywh".

    Returns:
        (...): half types come out float32, uint8 and int8 as int32, wider integers as int64, all else as it is.
            torchvision makes all but int64 int32, where areas of int16 and int32 boxes wrap.

    Raises:
        TypeError, ValueError: naming the argument, what was expected and what came.

    >>> import torch, ptdet
    >>> ptdet.box_area(torch.tensor([[0, 0, 20, 20], [5, 5, 6, 9]], dtype=torch.uint8))
    tensor([400,   4], dtype=torch.int32)
    """
    if not torch.jit.is_scripting():  # type: ignore[attr-defined]
        _check_format("fmt", fmt)
        check_dense(boxes=boxes)
        check_boxes("boxes", boxes)
    whole = torch.int32 if boxes.dtype == torch.uint8 or boxes.dtype == torch.int8 else torch.int64
    a, b, c, d = _widened(boxes, whole).unbind(-1)
    return (c - a) * (d - b) if fmt == "xyxy" else c * d


def clip_boxes_to_image(boxes: Tensor, size: tuple[int, int]) -> Tensor:
    """Boxes with x in [0, width] and y in [0, height].

    Args:
        boxes: (..., 4) x1, y1, x2, y2 in pixels.
        size: (height, width) of the image.

    Returns:
        (..., 4) of the input's dtype, in new memory.

    Raises:
        TypeError, ValueError: naming the argument, what was expected and what came.

    >>> import torch, ptdet
    >>> ptdet.clip_boxes_to_image(torch.tensor([-1., 2., 9., 9.]), (4, 8))
    tensor([0., 2., 8., 4.])
    """
    check_dense(boxes=boxes)
    check_boxes("boxes", boxes)
    if not isinstance(size, (tuple, list, torch.Size)) or len(size) != 2:
        raise TypeError(f"size: expected (height, width), got {size!r}")
    for side in size:
        if not isinstance(side, torch.SymInt):
            check_number("size", side)
        if side < 0:
            raise ValueError(f"size: expected (height, width) >= 0, got {tuple(size)}")
    # integers cannot be compared with what their type does not hold
    most = math.inf if boxes.is_floating_point() else torch.iinfo(boxes.dtype).max
    height, width = (side if isinstance(side, torch.SymInt) else min(side, most) for side in size)
    x1, y1, x2, y2 = boxes.unbind(-1)
    x1, x2 = x1.clamp(min=0, max=width), x2.clamp(min=0, max=width)
    y1, y2 = y1.clamp(min=0, max=height), y2.clamp(min=0, max=height)
    return torch.stack([x1, y1, x2, y2], dim=-1)


def remove_small_boxes(boxes: Tensor, min_size: float) -> Tensor:
    """The indices of boxes whose width and height are both >= `min_size`.

    Args:
        boxes: (N, 4) x1, y1, x2, y2 in any unit.
        min_size: in the same unit; any number but NaN.

    Returns:
        (K,) int64, rising.

    Raises:
        TypeError, ValueError: naming the argument, what was expected and what came.

    >>> import torch, ptdet
    >>> ptdet.remove_small_boxes(torch.tensor([[0., 0., 5., 5.], [0., 0., 5., 1.]]), 2)
    tensor([0])
    """
    check_dense(boxes=boxes)
    check_boxes("boxes", boxes)
    if boxes.dim() != 2:
        raise ValueError(f"boxes: expected shape (N, 4), got {tuple(boxes.shape)}")
    check_number("min_size", min_size)
    check_has_data("boxes", boxes)
    if isinstance(min_size, int) and not -MOST <= min_size <= MOST:  # torch compares with no such integer
        min_size = float(min_size)
    x1, y1, x2, y2 = _widened(boxes, torch.int64).unbind(-1)
    width, height = x2 - x1, y2 - y1
    return torch.where((width >= min_size) & (height >= min_size))[0]


def _to_corners(boxes: Tensor, fmt: str) -> Tensor:
    if fmt == "xyxy":
        return boxes
    x, y, width, height = boxes.unbind(-1)
    if fmt == "xywh":
        return torch.stack([x, y, x + width, y + height], dim=-1)
    half_width, half_height = width / 2, height / 2
    return torch.stack([x - half_width, y - half_height, x + half_width, y + half_height], dim=-1)


def _from_corners(corners: Tensor, fmt: str) -> Tensor:
    x1, y1, x2, y2 = corners.unbind(-1)
    if fmt == "xywh":
        return torch.stack([x1, y1, x2 - x1, y2 - y1], dim=-1)
    return torch.stack([(x1 + x2) / 2, (y1 + y2) / 2, x2 - x1, y2 - y1], dim=-1)


def _widened(boxes: Tensor, whole: torch.dtype) -> Tensor:
    """In a type that what is computed of them does not overflow: float32 or float64, `whole` or int64."""
    if boxes.is_floating_point():
        return boxes if boxes.dtype == torch.float32 or boxes.dtype == torch.float64 else boxes.float()
    return boxes if boxes.dtype == torch.int64 else boxes.to(whole)


def _is_rotated(fmt: Any) -> bool:
    return isinstance(fmt, str) and fmt in rotated_degrees.NUMBERS


def _check_format(name: str, fmt: Any) -> None:
    if not isinstance(fmt, str) or fmt not in FORMATS:
        rotated = " (a rotated box, which ptdet.rotated.box_convert puts in an upright one)" if _is_rotated(fmt) else ""
        raise ValueError(f"{name}: expected one of {', '.join(FORMATS)}, got {fmt!r}{rotated}")
