"""How far apart two right computations of one number may lie: for comparisons that cannot be exact.

They are exact where both sides add, multiply and divide in the same order. Where the order of a sum differs, or a
function of the maths library is in it, they are not, and how far they differ depends on the processor. What is allowed
follows from the numbers at hand: a sum of k rounded terms, in any order, is within k * eps / 2 * sum(|terms|) of the
exact one (Higham, "Accuracy and Stability of Numerical Algorithms", section 4.2).
"""

from __future__ import annotations

import torch
from torch import Tensor

from ptdet.reference.pairs import paired_overlap

EPS = torch.finfo(torch.float32).eps


def of_mean(weights: Tensor, values: Tensor) -> Tensor:
    """Between two weighted means over dim 0, (K, D), of weights (K,) that are rounded to values' precision.

    A weight and its product with a value are rounded once each, a quotient once more. Infinite where the weights cancel
    so far that their sum has no digit left.
    """
    eps = torch.finfo(values.dtype).eps
    weights, values = weights.double()[:, None], values.double()
    total = weights.sum(0).abs()
    mean = (weights * values).sum(0).abs() / total
    lost = (len(weights) + 3) * eps
    left = total - lost * weights.abs().sum(0)
    bound = lost * ((weights * values).abs().sum(0) + mean * weights.abs().sum(0)) / left
    return torch.where(left > 0, bound, torch.inf)


def of_product(factors: int, eps: float = EPS) -> float:
    """Between two products, relative: each factor, a function of the maths library, is off by a unit in the last place
    on either side, and each multiplication rounds."""
    return (1 + 3 * eps) ** factors - 1


def of_norm(channels: int, degree: float, eps: float) -> float:
    """Between two norms over channels, relative: nothing cancels in a sum of powers. A division, pow and the root, by
    which what is lost before grows to 1 / degree as much, make up the rest."""
    return (channels + 8) * eps * max(1.0, 1 / degree)


def of_pair_sums(grad: Tensor, boxes1: Tensor, boxes2: Tensor, kind: str = "iou", *_: object) -> tuple[Tensor, Tensor]:
    """Between two gradients of all pairs' overlaps, (N, 1) and (M, 1): sums over the boxes of the other side.

    A term is a difference by the quotient rule, and may cancel to 0 in one coordinate or in all: each half of it is at
    most 1 / side where boxes meet, and elsewhere as large as the slope in another coordinate.
    """
    pairs = torch.broadcast_tensors(boxes1.double()[:, None], boxes2.double())
    first, second = (each.clone().requires_grad_() for each in pairs)
    overlap = paired_overlap(first, second, kind)
    meets = paired_overlap(*pairs) > 0
    allowed = []
    for each, slope, side in zip(pairs, torch.autograd.grad(overlap.sum(), (first, second)), (1, 0), strict=True):
        shortest = (each[..., 2:] - each[..., :2]).amin(-1)
        terms = grad.double().abs() * (slope.abs().amax(-1) + torch.where(meets, 2 / shortest, 0.0))
        count = (terms != 0).sum(side) + 8
        allowed.append((count * terms.sum(side))[:, None] * torch.finfo(grad.dtype).eps)
    return allowed[0], allowed[1]
