"""Overlaps of boxes: of all pairs of two sets, or box by box. docs/SPEC.md, section 2, has the formulas."""

from __future__ import annotations

import torch
from torch import Tensor

from .._library.autograd.overlap import (
    BoxLossFunction,
    EagerBoxLoss,
    EagerPairwiseOverlap,
    PairwiseOverlapFunction,
    kept_slopes,
)
from .._library.checks import check_dense
from .._library.overlap_checks import check_boxes, check_two
from .._library.register import operator
from .._shared.checks import check_at_least, check_flag, one_of
from ..reference.loss_terms import guarded
from ._broadcast import broadcast, with_equal_batch
from .rotated_degrees import NUMBERS, of_torchvision

GRADED_BOX_LOSS = operator("graded_box_loss")
PAIRWISE_OVERLAP = operator("pairwise_overlap")
ROTATED_PAIRWISE_OVERLAP = operator("rotated_pairwise_overlap")

__all__ = [
    "BoxLossFunction",
    "PairwiseOverlapFunction",
    "bbox_iou",
    "box_iof",
    "box_ios",
    "box_iou",
    "complete_box_iou",
    "distance_box_iou",
    "generalized_box_iou",
    "overlap",
    "pairwise_overlap",
]

FORMATS = ("xyxy", "xywh", "cxcywh")


def pairwise_overlap(
    boxes1: Tensor, boxes2: Tensor, kind: str = "iou", *, eps: float = 0.0, fmt: str = "xyxy"
) -> Tensor:
    """The overlap of each box of one set with each of another, in one pass and without temporaries.

    Args:
        boxes1: (..., N, 4), floats or integers, any unit and strides; leading dimensions broadcast.
        boxes2: (..., M, 4).
        kind: as `metric` of `ptdet.nms`; the first box is the candidate.
        eps: added to the denominators of the penalties of giou, diou and ciou.
        fmt: of both: xyxy, xywh (corner and size) or cxcywh (centre and size).

    Returns:
        (..., N, M): float64 if a set is, else float32; finite whatever the boxes, 0 for 0/0. Differentiable twice.

    Raises:
        TypeError, ValueError: naming the argument, what was expected and what came.

    >>> import torch, ptdet
    >>> a, b = torch.tensor([[0., 0., 2., 2.]]), torch.tensor([[1., 1., 3., 3.], [0., 0., 2., 1.]])
    >>> ptdet.pairwise_overlap(a, b)
    tensor([[0.1429, 0.5000]])
    """
    check_two(boxes1, boxes2, kind, least_dims=2)
    check_at_least("eps", eps)
    try:
        if not (isinstance(fmt, str) and fmt == "xyxy"):
            boxes1, boxes2 = corners(boxes1, fmt), corners(boxes2, fmt)
        if boxes1.shape[:-2] != boxes2.shape[:-2]:
            boxes1, boxes2 = with_equal_batch(_in_range(boxes1), _in_range(boxes2))
        settings = kind, eps, 0.0
        if torch.compiler.is_compiling():
            return PAIRWISE_OVERLAP(boxes1, boxes2, *settings)  # type: ignore[no-any-return]
        run = PairwiseOverlapFunction if torch._C._are_functorch_transforms_active() else EagerPairwiseOverlap
        overlaps: Tensor = run.apply(boxes1, boxes2, *settings)
        return overlaps
    except (RuntimeError, ValueError):
        check_dense(boxes1=boxes1, boxes2=boxes2)
        raise


def _scripted(boxes1: Tensor, boxes2: Tensor, kind: str, eps: float, fmt: str) -> Tensor:
    """What TorchScript makes of the functions below: it compiles neither checks nor autograd Functions."""
    if fmt != "xyxy":
        raise ValueError("fmt: expected xyxy, which is what torch.jit.script is offered, got " + fmt)
    overlaps: Tensor = torch.ops.ptdet.pairwise_overlap(boxes1, boxes2, kind, eps, 0.0)
    return overlaps


def box_iou(boxes1: Tensor, boxes2: Tensor, fmt: str = "xyxy") -> Tensor:
    """Pairwise intersection over union, with the signature of torchvision.ops.box_iou.

    Args, returns and raises: as `pairwise_overlap`. `fmt` may also be one of torchvision's rotated formats, cxcywhr and
    xywhr (angles in degrees, counter-clockwise on the picture) or xyxyxyxy; `ptdet.rotated.box_iou` takes radians.

    >>> import torch, ptdet
    >>> ptdet.box_iou(torch.tensor([[0., 0., 2., 2.]]), torch.tensor([[1., 1., 3., 3.]]))
    tensor([[0.1429]])
    """
    if torch.jit.is_scripting():  # type: ignore[attr-defined]
        return _scripted(boxes1, boxes2, "iou", 0.0, fmt)
    if isinstance(fmt, str) and fmt in NUMBERS:
        check_dense(boxes1=boxes1, boxes2=boxes2)
        turned = of_torchvision("boxes1", boxes1, fmt), of_torchvision("boxes2", boxes2, fmt)
        check_two(*turned, "iou", ("iou",), 2, 5)
        overlaps: Tensor = ROTATED_PAIRWISE_OVERLAP(*with_equal_batch(*turned), "iou")
        is_double = torch.float64 in (boxes1.dtype, boxes2.dtype)
        return overlaps.to(device=boxes1.device, dtype=torch.float64 if is_double else torch.float32)
    return pairwise_overlap(boxes1, boxes2, "iou", fmt=fmt)


def generalized_box_iou(boxes1: Tensor, boxes2: Tensor, fmt: str = "xyxy") -> Tensor:
    """Pairwise IoU - (area(C) - union) / area(C), C the smallest box around both.

    Rezatofighi et al., "Generalized Intersection over Union", CVPR 2019. Args, returns and raises: as
    `pairwise_overlap`.

    >>> import torch, ptdet
    >>> ptdet.generalized_box_iou(torch.tensor([[0., 0., 2., 2.]]), torch.tensor([[1., 1., 3., 3.]]))
    tensor([[-0.0794]])
    """
    if torch.jit.is_scripting():  # type: ignore[attr-defined]
        return _scripted(boxes1, boxes2, "giou", 0.0, fmt)
    return pairwise_overlap(boxes1, boxes2, "giou", fmt=fmt)


def distance_box_iou(boxes1: Tensor, boxes2: Tensor, eps: float = 1e-7, fmt: str = "xyxy") -> Tensor:
    """Pairwise IoU - rho^2 / (c^2 + eps), the distance of the centres and the diagonal of the enclosing box.

    Zheng et al., "Distance-IoU Loss", AAAI 2020. Args, returns and raises: as `pairwise_overlap`.

    >>> import torch, ptdet
    >>> ptdet.distance_box_iou(torch.tensor([[0., 0., 2., 2.]]), torch.tensor([[1., 1., 3., 3.]]))
    tensor([[0.0317]])
    """
    if torch.jit.is_scripting():  # type: ignore[attr-defined]
        return _scripted(boxes1, boxes2, "diou", eps, fmt)
    return pairwise_overlap(boxes1, boxes2, "diou", eps=eps, fmt=fmt)


def complete_box_iou(boxes1: Tensor, boxes2: Tensor, eps: float = 1e-7, fmt: str = "xyxy") -> Tensor:
    """Pairwise DIoU - alpha v, v the squared difference in aspect and alpha = v / (1 - IoU + v + eps).

    Zheng et al., AAAI 2020; alpha is constant in the gradient. Args, returns and raises: as `pairwise_overlap`.

    >>> import torch, ptdet
    >>> ptdet.complete_box_iou(torch.tensor([[0., 0., 2., 2.]]), torch.tensor([[1., 1., 3., 3.]]))
    tensor([[0.0317]])
    """
    if torch.jit.is_scripting():  # type: ignore[attr-defined]
        return _scripted(boxes1, boxes2, "ciou", eps, fmt)
    return pairwise_overlap(boxes1, boxes2, "ciou", eps=eps, fmt=fmt)


def box_iof(boxes1: Tensor, boxes2: Tensor, fmt: str = "xyxy") -> Tensor:
    """Pairwise intersection over the area of the first box: how much of it is covered.

    Args, returns and raises: as `pairwise_overlap`.

    >>> import torch, ptdet
    >>> ptdet.box_iof(torch.tensor([[0., 0., 2., 2.]]), torch.tensor([[1., 1., 3., 3.]]))
    tensor([[0.2500]])
    """
    return pairwise_overlap(boxes1, boxes2, "iof", fmt=fmt)


def box_ios(boxes1: Tensor, boxes2: Tensor, fmt: str = "xyxy") -> Tensor:
    """Pairwise intersection over the area of the smaller box.

    Args, returns and raises: as `pairwise_overlap`.

    >>> import torch, ptdet
    >>> ptdet.box_ios(torch.tensor([[0., 0., 2., 2.]]), torch.tensor([[1., 1., 2., 2.]]))
    tensor([[1.]])
    """
    return pairwise_overlap(boxes1, boxes2, "ios", fmt=fmt)


def overlap(boxes1: Tensor, boxes2: Tensor, kind: str = "iou", *, eps: float = 0.0, fmt: str = "xyxy") -> Tensor:
    """The overlap of boxes one by one: of (..., 4) and (..., 4), which broadcast, as (...).

    The arguments, what is returned and what raises are those of `pairwise_overlap`.

    >>> import torch, ptdet
    >>> boxes = torch.tensor([[0., 0., 2., 2.], [1., 1., 3., 3.]])
    >>> ptdet.overlap(boxes, boxes[0])
    tensor([1.0000, 0.1429])
    """
    check_two(boxes1, boxes2, kind)
    check_at_least("eps", eps)
    try:
        if not (isinstance(fmt, str) and fmt == "xyxy"):
            boxes1, boxes2 = corners(boxes1, fmt), corners(boxes2, fmt)
        return graded(boxes1, boxes2, kind, eps, 0.0, True)
    except (RuntimeError, ValueError):
        check_dense(boxes1=boxes1, boxes2=boxes2)
        raise


def bbox_iou(
    box1: Tensor, boxes2: Tensor, x1y1x2y2: bool = True, GIoU: bool = False, DIoU: bool = False, CIoU: bool = False
) -> Tensor:
    """The overlap of one box with many, as YOLOv3's `bbox_iou`.

    Args:
        box1: (4,).
        boxes2: (M, 4).
        x1y1x2y2: corners; else centre, width and height.
        GIoU, DIoU, CIoU: the first that is set decides; none: IoU.

    Returns:
        (M,), with 1e-16 added to the union, the enclosing area and the squared diagonal. Types and gradients: as
        `pairwise_overlap`.

    >>> import torch, ptdet
    >>> ptdet.bbox_iou(torch.tensor([1., 1., 2., 2.]), torch.tensor([[2., 2., 2., 2.]]), x1y1x2y2=False, GIoU=True)
    tensor([-0.0794])
    """
    for name, flag in (("x1y1x2y2", x1y1x2y2), ("GIoU", GIoU), ("DIoU", DIoU), ("CIoU", CIoU)):
        check_flag(name, flag)
    check_boxes("box1", box1)
    check_boxes("boxes2", boxes2)
    if box1.dim() != 1:
        raise ValueError(f"box1: expected shape (4,), got {tuple(box1.shape)}")
    if boxes2.dim() != 2:
        raise ValueError(f"boxes2: expected shape (M, 4), got {tuple(boxes2.shape)}")
    if box1.device != boxes2.device:
        raise ValueError(f"boxes2: expected device {box1.device} as of box1, got {boxes2.device}")
    kind = "giou" if GIoU else "diou" if DIoU else "ciou" if CIoU else "iou"
    try:
        if not x1y1x2y2:
            box1, boxes2 = corners(box1, "cxcywh"), corners(boxes2, "cxcywh")
        return graded(box1, boxes2, kind, 1e-16, 1e-16, True)
    except (RuntimeError, ValueError):
        check_dense(box1=box1, boxes2=boxes2)
        raise


def graded(
    boxes1: Tensor,
    boxes2: Tensor,
    kind: str,
    eps: float,
    joint_eps: float,
    similarity: bool,
    shape: tuple[float, float, str] = (1.0, 1.0, "iou"),
) -> Tensor:
    """The value of `graded_box_loss`, for boxes that broadcast and have been checked; shape is power, scale, base."""
    if boxes1.shape != boxes2.shape:
        boxes1, boxes2 = broadcast(_in_range(boxes1), _in_range(boxes2))
    if torch.compiler.is_compiling():
        run = GRADED_BOX_LOSS
        needed = _needed(boxes1, boxes2)
    elif torch._C._are_functorch_transforms_active():  # there a tensor does not say that it needs a gradient
        run = BoxLossFunction.apply
        needed = (boxes1.is_floating_point() and boxes2.is_floating_point(),) * 2
    else:
        kept = kept_slopes(boxes1, boxes2, _needed(boxes1, boxes2))
        value: Tensor = EagerBoxLoss.apply(boxes1, boxes2, kind, eps, joint_eps, similarity, *kept, *shape)
        return value
    kept = kept_slopes(boxes1, boxes2, needed)
    return run(boxes1, boxes2, kind, eps, joint_eps, similarity, *kept, *shape)[0]  # type: ignore[no-any-return]


def _needed(boxes1: Tensor, boxes2: Tensor) -> tuple[bool, bool]:
    recorded = torch.is_grad_enabled()
    return recorded and boxes1.requires_grad, recorded and boxes2.requires_grad


def corners(boxes: Tensor, fmt: str) -> Tensor:
    """x1, y1, x2, y2 of boxes in another format; half types and integers as float32."""
    one_of("fmt", fmt, FORMATS)
    check_boxes("boxes", boxes)
    boxes = _in_range(boxes) if boxes.is_floating_point() else boxes.to(torch.float64)
    place, size = boxes[..., :2], boxes[..., 2:]
    first = place if fmt == "xywh" else place - size / 2
    return torch.cat([first, place + size if fmt == "xywh" else place + size / 2], dim=-1)


def _in_range(boxes: Tensor) -> Tensor:
    """Floats in the type that computes. Sums of their gradients are made there, and kept within their own range."""
    dtype = torch.float64 if boxes.dtype == torch.float64 else torch.float32
    if not boxes.is_floating_point():
        return boxes
    if _needed(boxes, boxes)[0] or (torch.is_grad_enabled() and torch._C._are_functorch_transforms_active()):
        return guarded(boxes, dtype)
    return boxes.to(dtype)
