"""The losses of box regression, a number a pair: 1 - overlap + penalties, or such a sum times a factor.

    kind        loss                                                       paper
    iou         1 - IoU                                                    Yu et al. 2016 (there its -log)
    giou        1 - IoU + hull                                             Rezatofighi et al. 2019
    diou        1 - IoU + distance                                         Zheng et al. 2020
    ciou        1 - IoU + distance + alpha v                               Zheng et al. 2020
    eiou        1 - IoU + distance + width + height                        Zhang et al. 2021, arXiv 2101.08158
    focal_eiou  [IoU^power] * eiou                                         the same
    siou        1 - IoU + (distance cost + shape cost(power)) / 2          Gevorgyan 2022, arXiv 2205.12740
    alpha_iou   1 - IoU^power + sum of (each penalty of `base`)^power      He et al. 2021, arXiv 2110.13675
    mpdiou      1 - IoU + (d1^2 + d2^2) / scale                            Ma, Xu 2023, arXiv 2307.07662
    inner_iou   1 - IoU of boxes times scale + penalties of `base`         Zhang et al. 2023, arXiv 2311.02877
    nwd         1 - exp(-W / scale)                                        Wang et al. 2021, arXiv 2110.13389
    wiou_v1     exp(rho^2 / [c^2]) * (1 - IoU)                             Tong et al. 2023, arXiv 2301.10051
    wiou_v2     [((1 - IoU) / mean)^power] * wiou_v1                       the same
    wiou_v3     [beta / (scale * power^(beta - scale))] * wiou_v1,         the same
                beta = (1 - IoU) / mean

What stands in brackets, and alpha, is a factor: a constant in the gradient. `eps` is added to every denominator, and
to W^2 under nwd's root. The terms are summed in the order given. A sum that leaves the type's range is its limit.

Where the authors' code differs from their paper, this is the paper: Alpha-IoU's code raises the two coordinates of
the centre distance apart from each other and adds eps to the base of each power.
"""

from collections.abc import Callable

import torch
from torch import Tensor

from . import elementary
from .loss_terms import (
    Measure,
    Parameters,
    angled_distance,
    aspect,
    aspect_weight,
    attention,
    distance,
    finite_or,
    guarded,
    height_difference,
    hull,
    inner_iou,
    iou,
    lower_right,
    nwd,
    raised,
    shape,
    term,
    upper_left,
    width_difference,
)
from .overlap import share, squared_diagonal

PENALTIES: dict[str, tuple[Measure, ...]] = {
    "iou": (),
    "giou": (hull,),
    "diou": (distance,),
    "ciou": (distance, aspect),
    "eiou": (distance, width_difference, height_difference),
    "siou": (angled_distance, shape),
    "mpdiou": (upper_left, lower_right),
}
BASES = {"alpha_iou": ("iou", "giou", "diou", "ciou"), "inner_iou": ("iou", "giou", "diou", "ciou", "eiou", "siou")}


def box_loss(
    pred: Tensor,
    target: Tensor,
    kind: str,
    eps: float = 1e-7,
    power: float = 1.0,
    scale: float = 1.0,
    base: str = "iou",
    mean: Tensor | None = None,
    factors: Tensor | None = None,
) -> Tensor:
    """The loss of each pair of boxes (..., 4), which broadcast; float64 if one of them is, else float32.

    Args:
        power, scale: see the table above; a kind that names neither does not look at them.
        base: whose penalties alpha_iou and inner_iou take (siou with `power` as its theta).
        mean: wiou_v2's and wiou_v3's running mean of 1 - IoU, one number or one a pair.
        factors: in place of `detached_factors(...)`; where they do not depend on the boxes, the gradient is whole.
    """
    _check(pred, target, kind, base, mean)
    if factors is None:
        factors = detached_factors(pred, target, kind, eps, power, scale, base, mean)
    a, b = computed(pred, target)
    loss = LOSSES[kind](a, b, Parameters(eps, power, scale, factors), base)
    limit = torch.finfo(loss.dtype).max
    return loss.clamp(-limit, limit)


def detached_factors(
    pred: Tensor,
    target: Tensor,
    kind: str,
    eps: float = 1e-7,
    power: float = 1.0,
    scale: float = 1.0,
    base: str = "iou",
    mean: Tensor | None = None,
) -> Tensor:
    """What `kind` holds constant in its gradient, (..., F), without one.

    F is 1 for ciou, and alpha_iou and inner_iou of it (alpha), and for focal_eiou (IoU^power); 2 for wiou (the squared
    diagonal of the enclosing box, and the factor of v2 or v3; 1 for v1); else 0.
    """
    _check(pred, target, kind, base, mean)
    a, b = computed(pred.detach(), target.detach())
    p = Parameters(eps, power, scale, a.new_empty(0))
    if kind == "ciou" or (kind in BASES and base == "ciou"):
        return term(aspect_weight, a, b, p)[..., None]
    if kind == "focal_eiou":
        return elementary.power(term(iou, a, b, p), power)[..., None]
    if kind.startswith("wiou"):
        error = 1 - term(iou, a, b, p)
        gain = torch.ones_like(error)
        if mean is not None:
            beta = share(error, mean.detach().to(error.dtype))
            gain = (
                elementary.power(beta, power)
                if kind == "wiou_v2"
                else beta / (scale * elementary.power(torch.full_like(beta, power), beta - scale))
            )
        return torch.stack(torch.broadcast_tensors(squared_diagonal(a, b), finite_or(gain, 0.0)), dim=-1)
    return a.new_empty((*torch.broadcast_shapes(a.shape, b.shape)[:-1], 0))


def computed(pred: Tensor, target: Tensor) -> tuple[Tensor, Tensor]:
    """Both in the type they are computed in, their gradients kept within the range of the type they have."""
    dtype = torch.float64 if torch.float64 in (pred.dtype, target.dtype) else torch.float32
    return guarded(pred, dtype), guarded(target, dtype)


def total(overlap: Measure, penalties: tuple[Measure, ...], a: Tensor, b: Tensor, p: Parameters) -> Tensor:
    loss = 1 - term(overlap, a, b, p)
    for penalty in penalties:
        loss = loss + term(penalty, a, b, p)
    return loss


def plain(kind: str) -> Callable[[Tensor, Tensor, Parameters, str], Tensor]:
    return lambda a, b, p, _: total(iou, PENALTIES[kind], a, b, p)


def focal_eiou(a: Tensor, b: Tensor, p: Parameters, _: str) -> Tensor:
    return p.factors[..., 0] * total(iou, PENALTIES["eiou"], a, b, p)


def alpha_iou(a: Tensor, b: Tensor, p: Parameters, base: str) -> Tensor:
    def powered(measure: Measure) -> Measure:
        return lambda a, b, p: raised(measure(a, b, p), p.power)

    return total(powered(iou), tuple(map(powered, PENALTIES[base])), a, b, p)


def of_inner_boxes(a: Tensor, b: Tensor, p: Parameters, base: str) -> Tensor:
    """The paper's L_base + IoU - inner IoU: the penalties are those of the boxes as they are."""
    return total(inner_iou, PENALTIES[base], a, b, p)


def wasserstein(a: Tensor, b: Tensor, p: Parameters, _: str) -> Tensor:
    return total(nwd, (), a, b, p)


def wise_iou(a: Tensor, b: Tensor, p: Parameters, _: str) -> Tensor:
    return p.factors[..., 1] * (term(attention, a, b, p, otherwise=1.0) * (1 - term(iou, a, b, p)))


LOSSES: dict[str, Callable[[Tensor, Tensor, Parameters, str], Tensor]] = {
    **{kind: plain(kind) for kind in PENALTIES},
    "focal_eiou": focal_eiou,
    "alpha_iou": alpha_iou,
    "inner_iou": of_inner_boxes,
    "nwd": wasserstein,
    "wiou_v1": wise_iou,
    "wiou_v2": wise_iou,
    "wiou_v3": wise_iou,
}
KINDS = tuple(LOSSES)


def _check(pred: Tensor, target: Tensor, kind: str, base: str, mean: Tensor | None) -> None:
    if kind not in LOSSES:
        raise ValueError(f"kind: expected one of {', '.join(LOSSES)}, got {kind!r}")
    for name, boxes in (("pred", pred), ("target", target)):
        if boxes.dim() == 0 or boxes.size(-1) != 4:
            raise ValueError(f"{name}: expected shape (..., 4), got {tuple(boxes.shape)}")
        if boxes.is_complex():
            raise TypeError(f"{name}: expected a real dtype, got {boxes.dtype}")
        if boxes.layout is not torch.strided:
            raise TypeError(f"{name}: expected a dense tensor, got layout {boxes.layout}")
    if target.device != pred.device:
        raise ValueError(f"target: expected device {pred.device} as of pred, got {target.device}")
    if kind in BASES and base not in BASES[kind]:
        raise ValueError(f"base: expected one of {', '.join(BASES[kind])} for {kind}, got {base!r}")
    if (kind in ("wiou_v2", "wiou_v3")) != (mean is not None):
        raise ValueError(
            f"mean: expected {'a tensor' if mean is None else 'None'} for {kind}, got {type(mean).__name__}"
        )
