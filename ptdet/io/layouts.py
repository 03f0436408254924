"""Bare tensors of detectors: which column is what, and how the layouts are told apart.

Shape alone cannot: (84, 300) is 300 boxes of 80 classes in columns or 84 rows of 295 classes. So a layout must also fit
the values (probabilities lie in 0..1, widths are not negative) and, where known, the number of classes. What still fits
two layouts is an error, never a guess.
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass

import torch
from torch import Tensor

from ..reference import computed, sigmoid
from .predictions import FileProblem, ReadOptions


@dataclass(frozen=True)
class Scored:
    """One picture's boxes (N, 4) as corners and what was said about each."""

    boxes: Tensor
    scores: Tensor  # (N,) or (N, C)
    labels: Tensor | None = None
    objectness: Tensor | None = None


@dataclass(frozen=True)
class Layout:
    """One way to write boxes into a tensor (B, rows, columns)."""

    shape: str
    columns: bool  # one column a box
    read: Callable[[Tensor, str], Scored]  # (N, width) rows of one picture and `logits`
    may_be: Callable[[Tensor, ReadOptions], bool]  # (B, N, width)

    def rows_of(self, tensor: Tensor) -> Tensor:
        return tensor.transpose(1, 2) if self.columns else tensor


def _no_more_than_one(scores: Tensor) -> bool:
    """No score that a probability cannot be; NaN says nothing. Half precision may round to a little above 1."""
    return not bool(((scores < 0) | (scores > 1.001)).any())


def _sizes(rows: Tensor) -> bool:
    return not bool((rows[..., 2:4] < 0).any())


def _count(width: int, options: ReadOptions) -> bool:
    return width >= 1 and (not options.classes or len(options.classes) == width)


def _with_objectness(rows: Tensor, options: ReadOptions) -> bool:
    if not _count(rows.shape[2] - 5, options) or not _sizes(rows):
        return False
    objectness = options.logits == "all" or _no_more_than_one(rows[..., 4])
    return objectness and (options.logits != "none" or _no_more_than_one(rows[..., 5:]))


def _without_objectness(rows: Tensor, options: ReadOptions) -> bool:
    fits = _count(rows.shape[2] - 4, options) and _sizes(rows)
    return fits and (options.logits != "none" or _no_more_than_one(rows[..., 4:]))


def _detections(rows: Tensor, options: ReadOptions) -> bool:
    if rows.shape[2] not in (5, 6) or options.logits != "none":
        return False
    ordered = not bool((rows[..., 2:4] < rows[..., :2]).any())
    whole = rows.shape[2] == 5 or not bool(((rows[..., 5] != rows[..., 5].round()) | (rows[..., 5] < 0)).any())
    return ordered and whole and _no_more_than_one(rows[..., 4])


def _corners(rows: Tensor) -> Tensor:
    half = rows[:, 2:4] / 2
    return torch.cat([rows[:, :2] - half, rows[:, :2] + half], 1)


def _sigmoid(logits: Tensor) -> Tensor:
    return sigmoid(computed(logits)).to(logits.dtype)


def _read_with_objectness(rows: Tensor, logits: str) -> Scored:
    objectness, classes = rows[:, 4], rows[:, 5:]
    objectness = _sigmoid(objectness) if logits == "all" else objectness
    return Scored(_corners(rows), _sigmoid(classes) if logits != "none" else classes, objectness=objectness)


def _read_without_objectness(rows: Tensor, logits: str) -> Scored:
    return Scored(_corners(rows), _sigmoid(rows[:, 4:]) if logits != "none" else rows[:, 4:])


def _read_detections(rows: Tensor, logits: str) -> Scored:
    labels = rows[:, 5].nan_to_num(0).to(torch.int64) if rows.shape[1] == 6 else None
    return Scored(rows[:, :4], rows[:, 4], labels)


LAYOUTS = {
    "detections": Layout("(N,6) x1 y1 x2 y2 score class", False, _read_detections, _detections),
    "yolov5": Layout("(B,N,5+C) cx cy w h objectness scores", False, _read_with_objectness, _with_objectness),
    "yolov8": Layout("(B,4+C,N) cx cy w h scores", True, _read_without_objectness, _without_objectness),
    "yolov8-rows": Layout("(B,N,4+C) cx cy w h scores", False, _read_without_objectness, _without_objectness),
}
LISTED = ", ".join(f"{name} {layout.shape}" for name, layout in LAYOUTS.items())


def read_tensor(tensor: Tensor, options: ReadOptions) -> tuple[str, list[Scored]]:
    """The layout's name and the pictures of a tensor (B, rows, columns) or (rows, columns).

    Raises:
        FileProblem: the layout cannot be told, or the one asked for does not fit.
    """
    found = f"a tensor of shape {tuple(tensor.shape)}"
    if tensor.dim() not in (2, 3):
        raise FileProblem(f"holds {found}; expected {LISTED}")
    if tensor.is_complex() or tensor.dtype == torch.bool:
        raise FileProblem(f"holds {found} of {tensor.dtype}; expected numbers")
    tensor = _computable(tensor[None] if tensor.dim() == 2 else tensor)
    name = options.layout or _tell(tensor, options, found)
    layout = LAYOUTS[name]
    rows = layout.rows_of(tensor)
    if not layout.may_be(rows, options):
        raise FileProblem(f"holds {found} that cannot be {name} {layout.shape}: {_why(rows, options)}")
    return name, [layout.read(picture, options.logits) for picture in rows]


def _computable(tensor: Tensor) -> Tensor:
    """Half types hold 416.25 as 416.25 but obj * class with three digits: products are taken in float32."""
    if tensor.dtype == torch.float64 or tensor.dtype == torch.int64:
        return tensor.double()
    return tensor.float()


def _tell(tensor: Tensor, options: ReadOptions, found: str) -> str:
    fits = [name for name, layout in LAYOUTS.items() if layout.may_be(layout.rows_of(tensor), options)]
    if "detections" in fits:
        return "detections"  # ordered corners and whole class numbers: nothing else looks like it by chance
    if "yolov8" in fits and len(fits) > 1:
        rows, columns = tensor.shape[1:]
        many, few = max(rows, columns), min(rows, columns)
        if many >= 300 and many >= 8 * few:  # a head has far more boxes than numbers a box
            fits = ["yolov8"] if columns > rows else [name for name in fits if name != "yolov8"]
    if fits == ["yolov5", "yolov8-rows"] and tensor.shape[2] != 84:
        return "yolov5"  # 84 alone is as likely 80 COCO classes without objectness
    if len(fits) == 1:
        return fits[0]
    why = f"fits {' and '.join(fits)}" if fits else f"fits no layout: {_why(tensor, options)}"
    raise FileProblem(f"holds {found} that {why}; say --layout; layouts: {LISTED}")


def _why(rows: Tensor, options: ReadOptions) -> str:
    """The likely reason why rows do not fit."""
    if rows.shape[2] < 5:
        return "too few numbers a box"
    if options.classes:
        return f"{rows.shape[2]} numbers a box for {len(options.classes)} classes, or scores outside 0..1"
    scores = rows[..., 4:]
    if options.logits == "none" and not _no_more_than_one(scores):
        low, high = scores.min().item(), scores.max().item()
        return f"its scores go from {low:.3g} to {high:.3g}: if they are logits, say --logits classes or --logits all"
    return "its corners, sizes or class numbers are none"
