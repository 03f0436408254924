"""What a case ought to give: by ptdet's reference, and by torchvision where it is right."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager
from typing import Any

import torch
import torchvision
from torch import Tensor

from ptdet import reference
from ptdet.testing import Case


@contextmanager
def one_thread() -> Iterator[None]:
    """The reference works in thousands of small operations, which are seven times slower on two threads."""
    before = torch.get_num_threads()
    torch.set_num_threads(1)
    try:
        yield
    finally:
        torch.set_num_threads(before)


def reference_walk(*arguments: Any, **keywords: Any) -> tuple[Tensor, Tensor, Tensor]:
    with one_thread():
        return reference.nms_walk(*arguments, **keywords)


def torchvision_keep(case: Case) -> Tensor:
    """torchvision.ops.nms, class by class: its batched_nms moves the classes apart and rounds coordinates in doing so.

    Right for finite boxes with x2 >= x1 and y2 >= y1 in float32 or float64, and IoU > threshold >= 0.
    """
    if case.idxs is None:
        return torchvision.ops.nms(case.boxes, case.scores, case.iou_threshold)
    kept = torch.zeros(len(case.scores), dtype=torch.bool)
    for rows in rows_by_class(case.idxs):
        kept[rows[torchvision.ops.nms(case.boxes[rows], case.scores[rows], case.iou_threshold)]] = True
    by_index = torch.nonzero(kept)[:, 0]
    return by_index[torch.sort(case.scores[by_index], descending=True, stable=True).indices]


def rows_by_class(idxs: Tensor) -> list[Tensor]:
    """The rows of each class in rising order, by comparing Python numbers: slow, and plainly right."""
    rows: dict[float, list[int]] = {}
    for row, label in enumerate(idxs.tolist()):
        rows.setdefault(label, []).append(row)
    return [torch.tensor(members) for members in rows.values()]


def assert_same_walk(got: tuple[Tensor, ...], expected: tuple[Tensor, ...], what: object = "") -> None:
    for name, ours, theirs in zip(("keep", "owner", "kept"), got, expected, strict=True):
        assert ours.dtype == torch.int64 and torch.equal(ours.cpu(), theirs.cpu()), f"{name} differs: {what}"
