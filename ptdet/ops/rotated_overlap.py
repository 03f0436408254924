"""Overlaps of rotated boxes. docs/SPEC.md, section 2, has the definition."""

from __future__ import annotations

import torch
from torch import Tensor

from .._library.checks import check_dense
from .._library.overlap_checks import check_two
from .._library.register import operator
from .._shared.checks import one_of
from .._shared.parameters import ROTATED_OVERLAPS
from ..reference import enclosed_overlap
from ..reference.loss_terms import guarded
from ._broadcast import broadcast, with_equal_batch

ROTATED_OVERLAP = operator("rotated_overlap")
ROTATED_PAIRWISE_OVERLAP = operator("rotated_pairwise_overlap")
ENCLOSING = ("hull", "aligned", "smallest")
ENCLOSED = ("giou", "diou", "tiou")


def pairwise_overlap(boxes1: Tensor, boxes2: Tensor, kind: str = "iou", *, enclosing: str = "hull") -> Tensor:
    """The overlap of each rotated box of one set with each of another.

    Args:
        boxes1: (..., N, 5) cx, cy, w, h, angle: any unit, and radians from +x to +y, any real number; floats or
            integers, any strides. A box with a side that is not above 0 is empty. Leading dimensions broadcast.
        boxes2: (..., M, 5).
        kind: iou, giou, diou, iof (share of the first box that is covered), ios (of the smaller box), tiou (the smaller
            area over that of what encloses both), probiou or kfiou (of Gaussians: see `probiou` and `kfiou`).
        enclosing: what giou, diou and tiou divide by: the convex hull of both, or composed of torch operations the box
            around both that is not rotated ("aligned") or the smallest rectangle ("smallest").

    Returns:
        (..., N, M) in [0, 1] (giou, diou: above -1): float64 if a set is, else float32; computed in float64 from the
        numbers as given, and rounded once. The same bits with the sets exchanged (not iof); 1 for a box with itself
        (kfiou: 1/3). 0 for 0/0, and where a number is not finite. Differentiable twice.

    Raises:
        TypeError, ValueError: naming the argument, what was expected and what came.

    >>> import math, torch, ptdet
    >>> square = torch.tensor([[5., 5., 2., 2., 0.]])
    >>> ptdet.rotated.pairwise_overlap(square, torch.tensor([[5., 5., 2., 2., math.pi / 4], [6., 5., 2., 2., 0.]]))
    tensor([[0.7071, 0.3333]])
    """
    check_two(boxes1, boxes2, kind, ROTATED_OVERLAPS, 2, 5)
    one_of("enclosing", enclosing, ENCLOSING)
    try:
        if enclosing != "hull" and kind in ENCLOSED:
            return _composed(boxes1[..., :, None, :], boxes2[..., None, :, :], kind, enclosing)
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


def generalized_box_iou(boxes1: Tensor, boxes2: Tensor, enclosing: str = "hull") -> Tensor:
    """Pairwise IoU - (area(C) - union) / area(C) of rotated boxes, C what encloses both.

    Args:
        enclosing: C: the convex hull; "aligned", the box around both that is not rotated, where a rotated box with
            itself is below 1; "smallest", the smallest rectangle.

    Rezatofighi et al., "Generalized Intersection over Union", CVPR 2019. The other arguments, what is returned and what
    raises: as `pairwise_overlap`.

    >>> import torch, ptdet
    >>> ptdet.rotated.generalized_box_iou(torch.tensor([[5., 5., 2., 2., 0.]]), torch.tensor([[8., 5., 2., 2., 0.]]))
    tensor([[-0.2000]])
    """
    return pairwise_overlap(boxes1, boxes2, "giou", enclosing=enclosing)


def distance_box_iou(boxes1: Tensor, boxes2: Tensor, enclosing: str = "hull") -> Tensor:
    """Pairwise IoU - rho^2 / c^2 of rotated boxes: the distance of the centres over the diameter of what encloses both.

    Args:
        enclosing: the convex hull, with the greatest distance of two of its corners; "aligned" or "smallest", as in
            `generalized_box_iou`, with the diagonal.

    Zheng et al., "Distance-IoU Loss", AAAI 2020. The other arguments, what is returned and what raises: as
    `pairwise_overlap`.

    >>> import torch, ptdet
    >>> ptdet.rotated.distance_box_iou(torch.tensor([[5., 5., 2., 2., 0.]]), torch.tensor([[9., 5., 2., 2., 0.]]))
    tensor([[-0.4000]])
    """
    return pairwise_overlap(boxes1, boxes2, "diou", enclosing=enclosing)


def probiou(boxes1: Tensor, boxes2: Tensor) -> Tensor:
    """Pairwise ProbIoU: 1 - the distance of Hellinger of the boxes as Gaussians of variances w^2 / 12 and h^2 / 12.

    It is no overlap: boxes apart are above 0, and a square and the same turned by 45 degrees have 1. ultralytics adds
    an eps of 1e-7 in several places, which takes up to 3e-4 from it. Murrugarra-Llerena et al., "Probabilistic
    Intersection-over-Union for Training and Evaluation of Oriented Object Detectors", IEEE TIP 2024.

    Args, returns and raises: as `pairwise_overlap`.

    >>> import torch, ptdet
    >>> ptdet.rotated.probiou(torch.tensor([[5., 5., 4., 2., 0.]]), torch.tensor([[6., 5., 4., 2., 0.]]))
    tensor([[0.7009]])
    """
    return pairwise_overlap(boxes1, boxes2, "probiou")


def kfiou(boxes1: Tensor, boxes2: Tensor) -> Tensor:
    """Pairwise KFIoU: how much of the Gaussians their product covers, if both had one centre. At most 1/3.

    It sees sides and angles, not where the boxes are. Yang et al., "The KFIoU Loss for Rotated Object Detection", ICLR
    2023. Args, returns and raises: as `pairwise_overlap`.

    >>> import torch, ptdet
    >>> ptdet.rotated.kfiou(torch.tensor([[5., 5., 4., 2., 0.]]), torch.tensor([[9., 5., 2., 4., 0.]]))
    tensor([[0.2500]])
    """
    return pairwise_overlap(boxes1, boxes2, "kfiou")


def _composed(boxes1: Tensor, boxes2: Tensor, kind: str, enclosing: str) -> Tensor:
    dtype = torch.float64 if torch.float64 in (boxes1.dtype, boxes2.dtype) else torch.float32
    device = boxes1.device
    if device.type == "mps":  # has no float64
        boxes1, boxes2 = boxes1.cpu(), boxes2.cpu()
    a, b = broadcast(guarded(boxes1, torch.float64), guarded(boxes2, torch.float64))
    return enclosed_overlap(a, b, kind, enclosing).to(device=device, dtype=dtype)


def overlap(boxes1: Tensor, boxes2: Tensor, kind: str = "iou", *, enclosing: str = "hull") -> Tensor:
    """The overlap of rotated boxes one by one: of (..., 5) and (..., 5), which broadcast, as (...).

    The arguments, what is returned and what raises are those of `pairwise_overlap`.

    >>> import torch, ptdet
    >>> ptdet.rotated.overlap(torch.tensor([5., 5., 4., 2., 0.3]), torch.tensor([5., 5., 2., 2., 0.3]), "iof")
    tensor(0.5000)
    """
    check_two(boxes1, boxes2, kind, ROTATED_OVERLAPS, numbers=5)
    one_of("enclosing", enclosing, ENCLOSING)
    try:
        if enclosing != "hull" and kind in ENCLOSED:
            return _composed(boxes1, boxes2, kind, enclosing)
        if boxes1.shape != boxes2.shape:
            boxes1, boxes2 = broadcast(boxes1, boxes2)
        overlaps: Tensor = ROTATED_OVERLAP(boxes1, boxes2, kind)
        return overlaps
    except (RuntimeError, ValueError):
        check_dense(boxes1=boxes1, boxes2=boxes2)
        raise
