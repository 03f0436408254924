"""Overlaps of rotated boxes, and the loss made of them. docs/SPEC.md, section 2, has the definition."""

from __future__ import annotations

import torch
from torch import Tensor

from .._library.checks import check_dense
from .._library.overlap_checks import check_two
from .._library.register import operator
from .._shared.checks import check_positive, one_of
from .._shared.parameters import ROTATED_METRICS
from ._broadcast import broadcast, with_equal_batch
from .losses import reduced

ROTATED_OVERLAP = operator("rotated_overlap")
ROTATED_PAIRWISE_OVERLAP = operator("rotated_pairwise_overlap")
MODES = ("linear", "log", "square")


def pairwise_overlap(boxes1: Tensor, boxes2: Tensor, kind: str = "iou") -> Tensor:
    """The overlap of each rotated box of one set with each of another.

    Args:
        boxes1: (..., N, 5) cx, cy, w, h, angle: any unit, and radians from +x to +y, any real number; floats or
            integers, any strides. A box with a side that is not above 0 is empty. Leading dimensions broadcast.
        boxes2: (..., M, 5).
        kind: iou, iof (share of the first box that is covered) or ios (of the smaller box).

    Returns:
        (..., N, M) in [0, 1]: float64 if a set is, else float32; computed in float64 from the numbers as given, and
        rounded once. The same bits with the sets exchanged (iou, ios); 1 for a box with itself. 0 for 0/0, and where a
        number is not finite. Differentiable twice.

    Raises:
        TypeError, ValueError: naming the argument, what was expected and what came.

    >>> import math, torch, ptdet
    >>> square = torch.tensor([[5., 5., 2., 2., 0.]])
    >>> ptdet.rotated.pairwise_overlap(square, torch.tensor([[5., 5., 2., 2., math.pi / 4], [6., 5., 2., 2., 0.]]))
    tensor([[0.7071, 0.3333]])
    """
    check_two(boxes1, boxes2, kind, ROTATED_METRICS, 2, 5)
    try:
        if boxes1.shape[:-2] != boxes2.shape[:-2]:
            boxes1, boxes2 = with_equal_batch(boxes1, boxes2)
        overlaps: Tensor = ROTATED_PAIRWISE_OVERLAP(boxes1, boxes2, kind)
        return overlaps
    except (RuntimeError, ValueError):
        check_dense(boxes1=boxes1, boxes2=boxes2)
        raise


def box_iou(boxes1: Tensor, boxes2: Tensor) -> Tensor:
    """Pairwise intersection over union of rotated boxes. Args, returns and raises: as `pairwise_overlap`.

    >>> import torch, ptdet
    >>> ptdet.rotated.box_iou(torch.tensor([[5., 5., 4., 2., 0.3]]), torch.tensor([[5., 5., 4., 1., 0.3]]))
    tensor([[0.5000]])
    """
    return pairwise_overlap(boxes1, boxes2, "iou")


def overlap(boxes1: Tensor, boxes2: Tensor, kind: str = "iou") -> Tensor:
    """The overlap of rotated boxes one by one: of (..., 5) and (..., 5), which broadcast, as (...).

    The arguments, what is returned and what raises are those of `pairwise_overlap`.

    >>> import torch, ptdet
    >>> ptdet.rotated.overlap(torch.tensor([5., 5., 4., 2., 0.3]), torch.tensor([5., 5., 2., 2., 0.3]), "iof")
    tensor(0.5000)
    """
    check_two(boxes1, boxes2, kind, ROTATED_METRICS, numbers=5)
    try:
        if boxes1.shape != boxes2.shape:
            boxes1, boxes2 = broadcast(boxes1, boxes2)
        overlaps: Tensor = ROTATED_OVERLAP(boxes1, boxes2, kind)
        return overlaps
    except (RuntimeError, ValueError):
        check_dense(boxes1=boxes1, boxes2=boxes2)
        raise


def box_iou_loss(
    boxes1: Tensor, boxes2: Tensor, reduction: str = "none", *, mode: str = "linear", eps: float = 1e-6
) -> Tensor:
    """A loss of the rotated IoU of boxes one by one.

    Args:
        boxes1: (..., 5), predicted, as in `pairwise_overlap`.
        boxes2: (..., 5), target, of a shape that broadcasts with that of `boxes1`.
        reduction: "none" for a loss a pair, "mean", or "sum"; the mean over no pair is 0.
        mode: "linear", 1 - IoU; "log", -ln max(IoU, eps); "square", 1 - IoU^2.
        eps: above 0, of "log"; below it the loss has no gradient.

    Returns:
        The loss (...), or () if reduced; float64 if one of the inputs is, else float32. Boxes apart have no gradient.

    Raises:
        TypeError, ValueError: naming the argument, what was expected and what came.

    Zhou et al., "IoU Loss for 2D/3D Object Detection", 3DV 2019; modes and eps as mmrotate has them.

    >>> import torch, ptdet
    >>> ptdet.rotated.box_iou_loss(torch.tensor([5., 5., 4., 2., 0.3]), torch.tensor([5., 5., 2., 2., 0.3]))
    tensor(0.5000)
    """
    one_of("mode", mode, MODES)
    one_of("reduction", reduction, ("none", "mean", "sum"))
    check_positive("eps", eps)
    iou = overlap(boxes1, boxes2)
    if mode == "log":
        return reduced(-torch.log(iou.clamp(min=eps)), reduction)
    return reduced(1 - (iou if mode == "linear" else iou * iou), reduction)
