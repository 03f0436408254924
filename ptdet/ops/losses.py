"""Losses of box regression: a number for each pair of boxes, or its mean or sum.

All take boxes (..., 4), x1, y1, x2, y2 in any unit, that broadcast; floats or integers. Half and integer boxes are
computed in float32. Finite boxes never give NaN or inf, in a value or a gradient (docs/SPEC.md, section 1): a term
that overflows counts as 0 without a gradient. min and max share the gradient at a tie, half each.
"""

from __future__ import annotations

import torch
from torch import Tensor

from .._library.loss_checks import check_loss, running_mean, squared_diagonal
from .._library.pieces import is_traced
from .._shared.checks import check_at_least, check_positive, one_of
from .._shared.parameters import LOSS_BASES
from ._paired_losses import losses_of


def reduced(loss: Tensor, reduction: str) -> Tensor:
    if reduction == "none":
        return loss
    if reduction == "mean" and is_traced():  # the next call may have no pair
        pairs = torch.ones_like(loss, dtype=torch.float64).sum().clamp(min=1)
        if loss.dtype == torch.float64:
            return (loss / pairs).sum()
        return (loss.sum(dtype=torch.float64) / pairs).to(loss.dtype)
    if reduction == "sum" or loss.numel() == 0:
        return loss.sum().clamp(max=torch.finfo(loss.dtype).max)  # terms that are finite have a sum that need not be
    if loss.dtype == torch.float64 or loss.device.type == "mps":
        return (loss / loss.numel()).sum()
    return loss.mean(dtype=torch.float64).to(loss.dtype)


def box_iou_loss(boxes1: Tensor, boxes2: Tensor, reduction: str = "none", eps: float = 1e-7) -> Tensor:
    """1 - IoU, the share of the union that only one box covers.

    The arguments, what is returned and what raises are those of `generalized_box_iou_loss`.

    >>> import torch, ptdet
    >>> ptdet.box_iou_loss(torch.tensor([0., 0., 2., 2.]), torch.tensor([1., 1., 3., 3.]))
    tensor(0.8571)
    """
    check_loss(boxes1, boxes2, reduction, eps)
    return reduced(losses_of("iou", boxes1, boxes2, eps), reduction)


def generalized_box_iou_loss(boxes1: Tensor, boxes2: Tensor, reduction: str = "none", eps: float = 1e-7) -> Tensor:
    """GIoU loss: 1 - IoU + (area(C) - union) / area(C), C the smallest box around both.

    Args:
        boxes1: (..., 4) x1, y1, x2, y2 in any unit, predicted; floats or integers, any strides.
        boxes2: (..., 4) target, of a shape that broadcasts with that of `boxes1`.
        reduction: "none" for a loss a pair, "mean", or "sum"; the mean over no pair is 0.
        eps: >= 0, added to every denominator.

    Returns:
        The loss (...), or () if reduced; float64 if one of the inputs is, else float32.

    Raises:
        TypeError, ValueError: naming the argument, what was expected and what came.

    Rezatofighi et al., "Generalized Intersection over Union", CVPR 2019. Values and gradients are those of
    torchvision.ops.generalized_box_iou_loss where that is defined (x2 > x1, y2 > y1).

    >>> import torch, ptdet
    >>> ptdet.generalized_box_iou_loss(torch.tensor([0., 0., 2., 2.]), torch.tensor([1., 1., 3., 3.]))
    tensor(1.0794)
    """
    check_loss(boxes1, boxes2, reduction, eps)
    return reduced(losses_of("giou", boxes1, boxes2, eps), reduction)


def distance_box_iou_loss(boxes1: Tensor, boxes2: Tensor, reduction: str = "none", eps: float = 1e-7) -> Tensor:
    """DIoU loss: 1 - IoU + rho^2 / c^2, the distance of the centres over the diagonal of the enclosing box.

    The arguments, what is returned and what raises are those of `generalized_box_iou_loss`.
    Zheng et al., "Distance-IoU Loss", AAAI 2020; torchvision.ops.distance_box_iou_loss.

    >>> import torch, ptdet
    >>> ptdet.distance_box_iou_loss(torch.tensor([0., 0., 2., 2.]), torch.tensor([1., 1., 3., 3.]))
    tensor(0.9683)
    """
    check_loss(boxes1, boxes2, reduction, eps)
    return reduced(losses_of("diou", boxes1, boxes2, eps), reduction)


def complete_box_iou_loss(boxes1: Tensor, boxes2: Tensor, reduction: str = "none", eps: float = 1e-7) -> Tensor:
    """CIoU loss: DIoU loss + alpha v, v = 4/pi^2 (atan(w2/h2) - atan(w1/h1))^2, alpha = v / (1 - IoU + v).

    alpha is constant in the gradient. The arguments, what is returned and what raises are those of
    `generalized_box_iou_loss`.
    Zheng et al., "Distance-IoU Loss", AAAI 2020; torchvision.ops.complete_box_iou_loss.

    >>> import torch, ptdet
    >>> ptdet.complete_box_iou_loss(torch.tensor([0., 0., 2., 2.]), torch.tensor([0., 0., 4., 2.]))
    tensor(0.5532)
    """
    check_loss(boxes1, boxes2, reduction, eps)
    return reduced(losses_of("ciou", boxes1, boxes2, eps), reduction)


def efficient_iou_loss(boxes1: Tensor, boxes2: Tensor, reduction: str = "none", eps: float = 1e-7) -> Tensor:
    """EIoU loss: DIoU loss + (w1 - w2)^2 / w_c^2 + (h1 - h2)^2 / h_c^2, w_c and h_c the sides of the enclosing box.

    The arguments, what is returned and what raises are those of `generalized_box_iou_loss`.
    Zhang et al., "Focal and Efficient IOU Loss for Accurate Bounding Box Regression", 2021, arXiv 2101.08158.

    >>> import torch, ptdet
    >>> ptdet.efficient_iou_loss(torch.tensor([0., 0., 2., 2.]), torch.tensor([0., 0., 4., 2.]))
    tensor(0.8000)
    """
    check_loss(boxes1, boxes2, reduction, eps)
    return reduced(losses_of("eiou", boxes1, boxes2, eps), reduction)


def focal_efficient_iou_loss(
    boxes1: Tensor, boxes2: Tensor, reduction: str = "none", eps: float = 1e-7, *, gamma: float = 0.5
) -> Tensor:
    """Focal-EIoU loss: IoU^gamma times the EIoU loss; the factor is constant in the gradient.

    Pairs that do not meet have loss 0: they are left to others, which is the paper's intent.

    Args:
        gamma: >= 0; 0 is the EIoU loss.

    The other arguments, what is returned and what raises are those of `generalized_box_iou_loss`.
    Zhang et al., "Focal and Efficient IOU Loss for Accurate Bounding Box Regression", 2021, arXiv 2101.08158.

    >>> import torch, ptdet
    >>> ptdet.focal_efficient_iou_loss(torch.tensor([0., 0., 2., 2.]), torch.tensor([0., 0., 4., 2.]))
    tensor(0.5657)
    """
    check_loss(boxes1, boxes2, reduction, eps)
    check_at_least("gamma", gamma)
    return reduced(losses_of("focal_eiou", boxes1, boxes2, eps, power=gamma), reduction)


def scylla_iou_loss(
    boxes1: Tensor, boxes2: Tensor, reduction: str = "none", eps: float = 1e-7, *, theta: float = 4.0
) -> Tensor:
    """SIoU loss: 1 - IoU + (distance cost + shape cost) / 2, the distance weighed by the angle between the centres.

    distance = sum over x, y of 1 - exp(-(2 - angle) (d / c)^2), angle = 2 |dx dy| / (dx^2 + dy^2);
    shape = sum over sides of (1 - exp(-|s1 - s2| / max(s1, s2)))^theta.

    Args:
        theta: > 0, the weight of the shape; the paper's range is 2 to 6.

    The other arguments, what is returned and what raises are those of `generalized_box_iou_loss`.
    Gevorgyan, "SIoU Loss: More Powerful Learning for Bounding Box Regression", 2022, arXiv 2205.12740; the angle
    cost, 1 - 2 sin^2(asin(|dy| / sigma) - pi/4) there, is the same number.

    >>> import torch, ptdet
    >>> ptdet.scylla_iou_loss(torch.tensor([0., 0., 2., 2.]), torch.tensor([1., 1., 3., 3.]))
    tensor(0.9623)
    """
    check_loss(boxes1, boxes2, reduction, eps)
    check_positive("theta", theta)
    return reduced(losses_of("siou", boxes1, boxes2, eps, power=theta), reduction)


def alpha_iou_loss(
    boxes1: Tensor, boxes2: Tensor, reduction: str = "none", eps: float = 1e-7, *, alpha: float = 3.0, base: str = "iou"
) -> Tensor:
    """Alpha-IoU loss: 1 - IoU^alpha + the sum of the penalties of `base`, each to the power alpha.

    Args:
        alpha: > 0; 1 is the loss of `base`, the paper advises 3.
        base: "iou", "giou", "diou" or "ciou" (whose own alpha is constant in the gradient).

    The other arguments, what is returned and what raises are those of `generalized_box_iou_loss`.
    He et al., "Alpha-IoU", NeurIPS 2021, arXiv 2110.13675. As in the paper, alpha-DIoU takes rho^(2 alpha); the
    authors' code sums |dx|^(2 alpha) + |dy|^(2 alpha) instead.

    >>> import torch, ptdet
    >>> ptdet.alpha_iou_loss(torch.tensor([0., 0., 2., 2.]), torch.tensor([1., 1., 3., 3.]))
    tensor(0.9971)
    """
    check_loss(boxes1, boxes2, reduction, eps)
    check_positive("alpha", alpha)
    one_of("base", base, LOSS_BASES["alpha_iou"])
    return reduced(losses_of("alpha_iou", boxes1, boxes2, eps, power=alpha, base=base), reduction)


def mpd_iou_loss(
    boxes1: Tensor, boxes2: Tensor, reduction: str = "none", eps: float = 1e-7, *, image_size: tuple[float, float]
) -> Tensor:
    """MPDIoU loss: 1 - IoU + (d1^2 + d2^2) / (height^2 + width^2), d the distances of equal corners.

    Args:
        image_size: (height, width) of the image, in the unit of the boxes: (1, 1) for normalised boxes.

    The other arguments, what is returned and what raises are those of `generalized_box_iou_loss`.
    Ma, Xu, "MPDIoU: A Loss for Efficient and Accurate Bounding Box Regression", 2023, arXiv 2307.07662.

    >>> import torch, ptdet
    >>> ptdet.mpd_iou_loss(torch.tensor([0., 0., 2., 2.]), torch.tensor([1., 1., 3., 3.]), image_size=(3, 4))
    tensor(1.0171)
    """
    check_loss(boxes1, boxes2, reduction, eps)
    return reduced(losses_of("mpdiou", boxes1, boxes2, eps, scale=squared_diagonal(image_size)), reduction)


def inner_iou_loss(
    boxes1: Tensor,
    boxes2: Tensor,
    reduction: str = "none",
    eps: float = 1e-7,
    *,
    ratio: float = 0.75,
    base: str = "iou",
) -> Tensor:
    """Inner-IoU loss: the loss of `base` with the IoU of both boxes scaled by `ratio` about their centres.

    Args:
        ratio: > 0; below 1 for pairs of high IoU, above 1 for low; the paper's range is 0.5 to 1.5.
        base: whose penalties are added, of the boxes as they are: "iou" (none), "giou", "diou", "ciou", "eiou" or
            "siou" (theta 4).

    The other arguments, what is returned and what raises are those of `generalized_box_iou_loss`.
    Zhang et al., "Inner-IoU: More Effective IoU Loss with Auxiliary Bounding Box", 2023, arXiv 2311.02877.

    >>> import torch, ptdet
    >>> ptdet.inner_iou_loss(torch.tensor([0., 0., 2., 2.]), torch.tensor([1., 1., 3., 3.]), ratio=1.5)
    tensor(0.7143)
    """
    check_loss(boxes1, boxes2, reduction, eps)
    check_positive("ratio", ratio)
    one_of("base", base, LOSS_BASES["inner_iou"])
    return reduced(losses_of("inner_iou", boxes1, boxes2, eps, power=4.0, scale=ratio, base=base), reduction)


def normalized_wasserstein_loss(
    boxes1: Tensor, boxes2: Tensor, reduction: str = "none", eps: float = 1e-7, *, constant: float = 12.8
) -> Tensor:
    """NWD loss: 1 - exp(-W / constant), W^2 = dx^2 + dy^2 + ((w1 - w2)^2 + (h1 - h2)^2) / 4 + eps.

    W is the Wasserstein distance of the boxes as normal distributions: smooth for tiny boxes that do not meet.

    Args:
        constant: > 0, in the unit of the boxes: about the mean size of the objects of the data set.

    The other arguments, what is returned and what raises are those of `generalized_box_iou_loss`.
    Wang et al., "A Normalized Gaussian Wasserstein Distance for Tiny Object Detection", 2021, arXiv 2110.13389;
    12.8 px is the size of AI-TOD's objects, and eps stands under the root as in the authors' code.

    >>> import torch, ptdet
    >>> ptdet.normalized_wasserstein_loss(torch.tensor([0., 0., 2., 2.]), torch.tensor([1., 1., 3., 3.]))
    tensor(0.1046)
    """
    check_loss(boxes1, boxes2, reduction, eps)
    check_positive("constant", constant)
    return reduced(losses_of("nwd", boxes1, boxes2, eps, scale=constant), reduction)


def wise_iou_loss(
    boxes1: Tensor,
    boxes2: Tensor,
    reduction: str = "none",
    eps: float = 1e-7,
    *,
    version: int = 3,
    mean: Tensor | float | None = None,
    gamma: float = 0.5,
    alpha: float = 1.9,
    delta: float = 3.0,
) -> Tensor:
    """WIoU loss: r exp(rho^2 / c^2) (1 - IoU), where r looks at how far 1 - IoU is from its running mean.

    r = 1 in version 1, beta^gamma in 2, beta / (delta alpha^(beta - delta)) in 3; beta = (1 - IoU) / mean.
    r and the squared diagonal c^2 of the enclosing box are constant in the gradient.

    Args:
        version: 1, 2 (monotonic focusing) or 3 (non-monotonic: outliers weigh little).
        mean: the running mean of 1 - IoU > 0, a number or a tensor (); versions 2 and 3 need it, 1 takes None.
            `ptdet.nn.WIoULoss` keeps one.
        gamma: >= 0, version 2.
        alpha, delta: > 0, version 3; beta = delta gives r = 1.

    The other arguments, what is returned and what raises are those of `generalized_box_iou_loss`.
    Tong et al., "Wise-IoU: Bounding Box Regression Loss with Dynamic Focusing Mechanism", 2023, arXiv 2301.10051.

    >>> import torch, ptdet
    >>> ptdet.wise_iou_loss(torch.tensor([0., 0., 2., 2.]), torch.tensor([1., 1., 3., 3.]), version=1)
    tensor(0.9579)
    """
    check_loss(boxes1, boxes2, reduction, eps)
    one_of("version", version, (1, 2, 3))
    check_at_least("gamma", gamma)
    check_positive("alpha", alpha)
    check_positive("delta", delta)
    if version == 1:
        if mean is not None:
            raise ValueError(f"mean: expected None for version 1, got {mean!r}")
        return reduced(losses_of("wiou_v1", boxes1, boxes2, eps), reduction)
    past, power = running_mean(mean, boxes1), (gamma if version == 2 else alpha)
    return reduced(losses_of(f"wiou_v{version}", boxes1, boxes2, eps, power, delta, mean=past), reduction)
