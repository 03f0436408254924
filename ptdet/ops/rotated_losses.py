"""Losses of rotated boxes (..., 5), a number a pair, or its mean or sum."""

from __future__ import annotations

from collections.abc import Callable

import torch
from torch import Tensor

from .._library.checks import check_dense
from .._library.overlap_checks import check_two
from .._shared.checks import check_at_least, check_flag, check_positive, one_of
from ..reference import bhattacharyya, kullback_leibler, of_filled_boxes, wasserstein
from ..reference.elementary import square_root
from ..reference.rotated_box import Turned
from ._broadcast import broadcast
from .losses import reduced
from .rotated_overlap import overlap

MODES = ("linear", "log", "square")
PROBIOU_MODES = ("l1", "l2")
KFIOU_FUNCTIONS = ("none", "ln", "exp")
DISTANCE_FUNCTIONS = ("log1p", "sqrt", "none")
REDUCTIONS = ("none", "mean", "sum")


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
    one_of("reduction", reduction, REDUCTIONS)
    check_positive("eps", eps)
    iou = overlap(boxes1, boxes2)
    if mode == "log":
        return reduced(-torch.log(iou.clamp(min=eps)), reduction)
    return reduced(1 - (iou if mode == "linear" else iou * iou), reduction)


def generalized_box_iou_loss(
    boxes1: Tensor, boxes2: Tensor, reduction: str = "none", *, enclosing: str = "hull"
) -> Tensor:
    """GIoU loss: 1 - IoU + (area(C) - union) / area(C), C what encloses both.

    Args:
        enclosing: as in `generalized_box_iou`; "aligned" gives rotated boxes a loss at a perfect match too.

    The other arguments, what is returned and what raises are those of `box_iou_loss`; boxes apart have a gradient.
    Rezatofighi et al., "Generalized Intersection over Union", CVPR 2019; Zhou et al., 3DV 2019.

    >>> import torch, ptdet
    >>> ptdet.rotated.generalized_box_iou_loss(torch.tensor([5., 5., 2., 2., 0.]), torch.tensor([8., 5., 2., 2., 0.]))
    tensor(1.2000)
    """
    one_of("reduction", reduction, REDUCTIONS)
    return reduced(1 - overlap(boxes1, boxes2, "giou", enclosing=enclosing), reduction)


def distance_box_iou_loss(
    boxes1: Tensor, boxes2: Tensor, reduction: str = "none", *, enclosing: str = "hull"
) -> Tensor:
    """DIoU loss: 1 - IoU + rho^2 / c^2, the distance of the centres over the diagonal of what encloses both.

    Args:
        enclosing: as in `distance_box_iou`.

    The other arguments, what is returned and what raises are those of `box_iou_loss`; boxes apart have a gradient.
    Zheng et al., "Distance-IoU Loss", AAAI 2020.

    >>> import torch, ptdet
    >>> ptdet.rotated.distance_box_iou_loss(torch.tensor([5., 5., 2., 2., 0.]), torch.tensor([9., 5., 2., 2., 0.]))
    tensor(1.4000)
    """
    one_of("reduction", reduction, REDUCTIONS)
    return reduced(1 - overlap(boxes1, boxes2, "diou", enclosing=enclosing), reduction)


def probiou_loss(boxes1: Tensor, boxes2: Tensor, reduction: str = "none", *, mode: str = "l1") -> Tensor:
    """The loss of `probiou`: 1 - ProbIoU, the distance of Hellinger, or -ln(1 - that squared), of Bhattacharyya.

    Args:
        mode: "l1", in [0, 1], or "l2", which grows with the distance and is smooth at a perfect match.

    A pair of which a box is empty or not finite has loss 1 and no gradient. The other arguments, what is returned and
    what raises are those of `box_iou_loss`. Murrugarra-Llerena et al., "Probabilistic Intersection-over-Union for
    Training and Evaluation of Oriented Object Detectors", IEEE TIP 2024, without the eps of ultralytics.

    >>> import torch, ptdet
    >>> ptdet.rotated.probiou_loss(torch.tensor([5., 5., 4., 2., 0.]), torch.tensor([6., 5., 4., 2., 0.]), mode="l2")
    tensor(0.0938)
    """
    one_of("mode", mode, PROBIOU_MODES)
    if mode == "l2":
        return _of_gaussians(boxes1, boxes2, reduction, bhattacharyya)
    one_of("reduction", reduction, REDUCTIONS)
    return reduced(1 - overlap(boxes1, boxes2, "probiou"), reduction)


def kfiou_loss(
    boxes1: Tensor, boxes2: Tensor, reduction: str = "none", *, fun: str = "none", eps: float = 1e-6
) -> Tensor:
    """The loss of sides and angles by `kfiou`: f(3 KFIoU), which is 0 at a perfect match.

    It does not see where boxes are: the paper adds a smooth L1 of the centres, as the head encodes them. mmrotate's
    code takes KFIoU without the 3, so that its losses of a perfect match are not 0.

    Args:
        fun: "none", 1 - x; "ln", -ln max(x, eps); "exp", e^(1 - x) - 1, the paper's.
        eps: above 0, of "ln"; below it the loss has no gradient.

    The other arguments, what is returned and what raises are those of `box_iou_loss`.
    Yang et al., "The KFIoU Loss for Rotated Object Detection", ICLR 2023.

    >>> import torch, ptdet
    >>> ptdet.rotated.kfiou_loss(torch.tensor([5., 5., 4., 2., 0.]), torch.tensor([5., 5., 2., 4., 0.]))
    tensor(0.2500)
    """
    one_of("fun", fun, KFIOU_FUNCTIONS)
    one_of("reduction", reduction, REDUCTIONS)
    check_positive("eps", eps)
    alike = (3 * overlap(boxes1, boxes2, "kfiou")).clamp(max=1)
    if fun == "none":
        return reduced(1 - alike, reduction)
    loss = torch.expm1(1 - alike) if fun == "exp" else -torch.log(alike.clamp(min=eps))
    return reduced(loss, reduction)


def gwd_loss(
    boxes1: Tensor,
    boxes2: Tensor,
    reduction: str = "none",
    *,
    fun: str = "log1p",
    tau: float = 1.0,
    alpha: float = 1.0,
    normalize: bool = True,
) -> Tensor:
    """The loss of the 2-Wasserstein distance d of the boxes as Gaussians, 1 - 1 / (tau + f(d)).

    d^2 = |centre1 - centre2|^2 + alpha^2 tr(S1 + S2 - 2 (S1^1/2 S2 S1^1/2)^1/2), S the covariances, of variances
    w^2 / 4 and h^2 / 4.

    Args:
        fun: f, of log1p, sqrt and none.
        tau: >= 0; below 1 the loss is f(d) itself. At a perfect match it is 0 for tau <= 1.
        alpha: above 0, the weight of sides and angle against the centre.
        normalize: d over the mean side, the fourth root of the product of the areas.

    A pair of which a box is empty or not finite has loss 1 and no gradient. The other arguments, what is returned and
    what raises are those of `box_iou_loss`. Yang et al., "Rethinking Rotated Object Detection with Gaussian Wasserstein
    Distance Loss", ICML 2021; parameters as mmrotate has them.

    >>> import torch, ptdet
    >>> ptdet.rotated.gwd_loss(torch.tensor([5., 5., 2., 2., 0.]), torch.tensor([8., 5., 2., 2., 0.]), fun="none")
    tensor(0.6000)
    """
    check_flag("normalize", normalize)
    check_positive("alpha", alpha)
    return _of_distance(
        boxes1, boxes2, reduction, fun, tau, lambda a, b: wasserstein(a, b, float(alpha), bool(normalize))
    )


def kld_loss(
    boxes1: Tensor,
    boxes2: Tensor,
    reduction: str = "none",
    *,
    fun: str = "log1p",
    tau: float = 1.0,
    alpha: float = 1.0,
    sqrt: bool = True,
) -> Tensor:
    """The loss of the divergence of Kullback and Leibler of the target from the prediction, as Gaussians.

    d = d^T S1^-1 d / (2 alpha^2) + (tr(S1^-1 S2) + ln(det S1 / det S2)) / 2 - 1, with the way d between the centres.

    Args:
        alpha: above 0; the part of the centres is divided by its square.
        sqrt: of d its root.

    The loss, fun, tau, the other arguments, what is returned and what raises are those of `gwd_loss`. Yang et al.,
    "Learning High-Precision Bounding Box for Rotated Object Detection via Kullback-Leibler Divergence", NeurIPS 2021;
    parameters as mmrotate has them.

    >>> import torch, ptdet
    >>> ptdet.rotated.kld_loss(torch.tensor([5., 5., 2., 2., 0.]), torch.tensor([6., 5., 2., 2., 0.]), fun="none")
    tensor(0.4142)
    """
    check_flag("sqrt", sqrt)
    check_positive("alpha", alpha)

    def distance(a: Turned, b: Turned) -> Tensor:
        divergence = kullback_leibler(a, b, float(alpha))
        return square_root(divergence) if sqrt else divergence

    return _of_distance(boxes1, boxes2, reduction, fun, tau, distance)


def _of_distance(
    boxes1: Tensor, boxes2: Tensor, reduction: str, fun: str, tau: float, distance: Callable[[Turned, Turned], Tensor]
) -> Tensor:
    one_of("fun", fun, DISTANCE_FUNCTIONS)
    check_at_least("tau", tau)
    tau = float(tau)

    def loss(a: Turned, b: Turned) -> Tensor:
        d = distance(a, b)
        if fun != "none":
            d = torch.log1p(d) if fun == "log1p" else square_root(d)
        return 1 - 1 / (tau + d) if tau >= 1 else d

    return _of_gaussians(boxes1, boxes2, reduction, loss)


def _of_gaussians(boxes1: Tensor, boxes2: Tensor, reduction: str, loss: Callable[[Turned, Turned], Tensor]) -> Tensor:
    check_two(boxes1, boxes2, "iou", numbers=5)
    check_dense(boxes1=boxes1, boxes2=boxes2)
    one_of("reduction", reduction, REDUCTIONS)
    return reduced(of_filled_boxes(*broadcast(boxes1, boxes2), loss), reduction)
