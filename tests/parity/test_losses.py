"""The losses: torchvision's, hand-derived numbers, gradients of both orders."""

from __future__ import annotations

import math
from fractions import Fraction

import pytest
import torch
import torchvision
from torch import Tensor

import ptdet
from ptdet import reference
from ptdet._library.autograd.overlap import kept_slopes
from tests.loss_kinds import KINDS, gradients, random_pairs, real_pairs

THEIRS = {
    "giou": torchvision.ops.generalized_box_iou_loss,
    "diou": torchvision.ops.distance_box_iou_loss,
    "ciou": torchvision.ops.complete_box_iou_loss,
}
A, B, WIDE = (0.0, 0.0, 2.0, 2.0), (1.0, 1.0, 3.0, 3.0), (0.0, 0.0, 4.0, 2.0)
SEVENTH = Fraction(1, 7)


def one(name: str, first: tuple[float, ...], second: tuple[float, ...], **keywords: object) -> float:
    """A loss of one pair in float64; without eps, which the numbers by hand do not have."""
    boxes = (torch.tensor(first, dtype=torch.float64), torch.tensor(second, dtype=torch.float64))
    return KINDS[name].function(*boxes, eps=0.0, **{**KINDS[name].keywords, **keywords}).item()


@pytest.mark.parametrize("dtype", [torch.float32, torch.float64], ids=str)
@pytest.mark.parametrize("boxes", ["random", "pixels", "real"])
@pytest.mark.parametrize("name", THEIRS)
def test_torchvision(name: str, boxes: str, dtype: torch.dtype, backend: str) -> None:
    """Values, and gradients where the largest is about 1: those of the unit square reach 30 and differ relatively."""
    pairs = real_pairs(dtype) if boxes == "real" else random_pairs(2000, dtype, 1.0 if boxes == "random" else 640.0)
    tolerance = 1e-6 if dtype == torch.float32 else 1e-12
    for ours, theirs in zip(gradients(KINDS[name].function, *pairs), gradients(THEIRS[name], *pairs), strict=True):
        assert ours.dtype == theirs.dtype and ours.shape == theirs.shape
        torch.testing.assert_close(ours, theirs, rtol=0, atol=tolerance * max(1.0, float(theirs.abs().max())))


@pytest.mark.parametrize("reduction", ["none", "mean", "sum"])
@pytest.mark.parametrize("pairs", [0, 1, 7])
@pytest.mark.parametrize("name", THEIRS)
def test_torchvision_reductions(name: str, pairs: int, reduction: str) -> None:
    boxes = random_pairs(pairs, torch.float64)
    ours, theirs = KINDS[name].function(*boxes, reduction), THEIRS[name](*boxes, reduction)
    torch.testing.assert_close(ours, theirs, rtol=0, atol=1e-12)
    torch.testing.assert_close(KINDS[name].function(*boxes, reduction, 0.5).isfinite().all(), torch.tensor(True))


@pytest.mark.parametrize("name", KINDS)
def test_mean_over_none_has_a_gradient(name: str) -> None:
    boxes = torch.zeros(0, 4, requires_grad=True)
    loss = KINDS[name].function(boxes, torch.zeros(0, 4), "mean", **KINDS[name].keywords)
    loss.backward()
    assert loss.item() == 0 and boxes.grad is not None and boxes.grad.shape == (0, 4)


# [0,0,2,2] and [1,1,3,3]: inter 1, union 7, hull 3 x 3, rho^2 = 2, c^2 = 18; angle cost 1, rho_x = rho_y = 1/9
# A and WIDE: IoU 4/8, rho^2 = 1, c^2 = 4^2 + 2^2, widths 2 and 4 in a hull of 4, heights equal
V = 4 / math.pi**2 * (math.atan(2) - math.atan(1)) ** 2
ALPHA_V = V * V / (0.5 + V)
BY_HAND: dict[str, tuple[float, float]] = {
    "iou": (1 - SEVENTH, 0.5),
    "giou": (1 - (SEVENTH - Fraction(2, 9)), 0.5),
    "diou": (1 - (SEVENTH - Fraction(1, 9)), 0.5 + 1 / 20),
    "ciou": (1 - (SEVENTH - Fraction(1, 9)), 0.5 + 1 / 20 + ALPHA_V),
    "eiou": (1 - (SEVENTH - Fraction(1, 9)), 0.5 + 1 / 20 + 4 / 16),
    "focal_eiou": (math.sqrt(1 / 7) * (6 / 7 + 1 / 9), math.sqrt(0.5) * 0.8),
    "siou": (6 / 7 + (1 - math.exp(-1 / 9)), 0.5 + ((1 - math.exp(-2 / 16)) + (1 - math.exp(-0.5)) ** 4) / 2),
    "mpdiou": (1 - SEVENTH + Fraction(2 + 2, 25), 0.5 + 4 / 25),
    "nwd": (1 - math.exp(-math.sqrt(2) / 12.8), 1 - math.exp(-math.sqrt(1 + 1) / 12.8)),
    "wiou_v1": (math.exp(2 / 18) * 6 / 7, math.exp(1 / 20) * 0.5),
    "alpha_iou": (1 - SEVENTH**3, 1 - 1 / 8),
    "alpha_giou": (1 - SEVENTH**3 + Fraction(2, 9) ** 3, 1 - 1 / 8),
    "alpha_diou": (1 - SEVENTH**3 + Fraction(1, 9) ** 3, 1 - 1 / 8 + 1 / 20**3),
    "alpha_ciou": (1 - SEVENTH**3 + Fraction(1, 9) ** 3, 1 - 1 / 8 + 1 / 20**3 + ALPHA_V**3),
}  # fmt: skip


@pytest.mark.parametrize("name", BY_HAND)
def test_by_hand(name: str) -> None:
    assert one(name, A, B) == pytest.approx(float(BY_HAND[name][0]), rel=1e-14)
    assert one(name, A, WIDE) == pytest.approx(float(BY_HAND[name][1]), rel=1e-14)


def test_inner_iou_by_hand() -> None:
    """Scaled by 3/2 the boxes are 3 x 3 and overlap in 2 x 2; by 3/4 they are 3/2 wide and overlap in 1/2 x 1/2."""
    assert one("inner_iou", A, B, ratio=1.5) == pytest.approx(1 - 4 / 14, rel=1e-14)
    inner = 0.25 / (2 * 1.5**2 - 0.25)
    assert one("inner_iou", A, B) == pytest.approx(1 - inner, rel=1e-14)
    for base in ("giou", "diou", "ciou", "eiou", "siou"):
        assert one(f"inner_{base}", A, B) == pytest.approx(one(base, A, B) + 1 / 7 - inner, rel=1e-13)
        assert one(f"inner_{base}", A, WIDE, ratio=1.0) == pytest.approx(one(base, A, WIDE), rel=1e-13)


def test_wise_iou_by_hand() -> None:
    """1 - IoU is 6/7: with a mean of 3/7, beta is 2; with 2/7 it is delta = 3, where r is 1."""
    v1 = math.exp(1 / 9) * 6 / 7
    mean = torch.tensor(3 / 7, dtype=torch.float64)
    assert one("wiou_v2", A, B, mean=mean) == pytest.approx(v1 * math.sqrt(2), rel=1e-13)
    assert one("wiou_v2", A, B, mean=mean, gamma=2) == pytest.approx(v1 * 4, rel=1e-13)
    assert one("wiou_v3", A, B, mean=mean) == pytest.approx(v1 * 2 / (3 * 1.9 ** (2 - 3)), rel=1e-13)
    assert one("wiou_v3", A, B, mean=2 / 7) == pytest.approx(v1, rel=1e-6)  # a number is kept as float32


def test_parameters_by_hand() -> None:
    assert one("focal_eiou", A, WIDE, gamma=0) == pytest.approx(0.8, rel=1e-14)
    assert one("alpha_iou", A, WIDE, alpha=0.5) == pytest.approx(1 - math.sqrt(0.5), rel=1e-14)
    assert one("nwd", A, B, constant=2) == pytest.approx(1 - math.exp(-math.sqrt(2) / 2), rel=1e-14)
    assert one("siou", A, WIDE, theta=2) == pytest.approx(
        0.5 + ((1 - math.exp(-2 / 16)) + (1 - math.exp(-0.5)) ** 2) / 2, rel=1e-14
    )


def test_eps_stands_in_every_denominator() -> None:
    """A against B with eps 1: IoU 1/8, hull 2/10, distance 2/19."""
    boxes = torch.tensor(A, dtype=torch.float64), torch.tensor(B, dtype=torch.float64)
    assert ptdet.box_iou_loss(*boxes, eps=1.0).item() == 1 - 1 / 8
    assert ptdet.generalized_box_iou_loss(*boxes, eps=1.0).item() == pytest.approx(1 - 1 / 8 + 2 / 10, rel=1e-15)
    assert ptdet.distance_box_iou_loss(*boxes, eps=1.0).item() == pytest.approx(1 - 1 / 8 + 2 / 19, rel=1e-15)


@pytest.mark.parametrize("name", KINDS)
def test_the_function_is_the_reference(name: str, backend: str) -> None:
    boxes = random_pairs(300, torch.float64)
    kind = KINDS[name]
    expected = gradients(lambda a, b: reference.box_loss(a, b, kind.kind, **kind.parameters), *boxes)
    for ours, theirs in zip(
        gradients(lambda a, b: kind.function(a, b, **kind.keywords), *boxes), expected, strict=True
    ):
        torch.testing.assert_close(ours, theirs, rtol=1e-12, atol=1e-12)


@pytest.mark.parametrize("name", KINDS)
def test_gradients_of_both_orders(name: str) -> None:
    """With the factors that are constant in the gradient passed in as such."""
    first, second = (boxes.requires_grad_() for boxes in random_pairs(6, torch.float64, seed=1))
    kind = KINDS[name]
    factors = reference.detached_factors(first, second, kind.kind, **kind.parameters)
    assert not factors.requires_grad

    def loss(a: Tensor, b: Tensor) -> Tensor:
        return reference.box_loss(a, b, kind.kind, **kind.parameters, factors=factors)

    assert torch.autograd.gradcheck(loss, (first, second))
    assert torch.autograd.gradgradcheck(loss, (first, second))


@pytest.mark.parametrize("name", KINDS)
def test_torch_func(name: str) -> None:
    first, second = random_pairs(5, torch.float64)
    kind = KINDS[name]

    def loss(a: Tensor, b: Tensor) -> Tensor:
        return kind.function(a, b, **kind.keywords)

    expected = gradients(loss, first, second)
    torch.testing.assert_close(torch.func.vmap(loss)(first, second), expected[0])
    each = torch.func.vmap(torch.func.grad(loss, argnums=(0, 1)))(first, second)
    torch.testing.assert_close(each, expected[1:])


@pytest.mark.parametrize("name", KINDS)
def test_equal_boxes_cost_nothing(name: str) -> None:
    boxes = random_pairs(50, torch.float64)[0]
    loss = KINDS[name].function(boxes, boxes, eps=0.0, **KINDS[name].keywords)
    torch.testing.assert_close(loss, torch.zeros_like(loss), rtol=0, atol=1e-12)


def test_ties_share_the_gradient() -> None:
    """Equal boxes, 1 - inter / union: half of each corner's pull goes to either box, and their sum is that of both."""
    box = torch.tensor([[0.0, 0.0, 2.0, 4.0]], dtype=torch.float64)
    _, first, second = gradients(lambda a, b: ptdet.box_iou_loss(a, b, eps=0.0), box, box)
    # inter moves by -h/2 a unit of x1, a's area by -h: d(inter/union) = (-h/2 * 8 - 8 * (-h - -h/2)) / 64 = 0
    assert first.tolist() == second.tolist() == [[0.0, 0.0, 0.0, 0.0]]
    _, first, _ = gradients(lambda a, b: ptdet.box_iou_loss(a, b, eps=0.0), box, box + torch.tensor([0, 0, 2.0, 0]))
    # x1 tied, x2 free: inter 8, union 16; d IoU/d x2 = 4 / 16, d IoU/d x1 = (-2 * 16 - 8 * (-4 + 2)) / 256
    torch.testing.assert_close(first[0, [0, 2]], torch.tensor([1 / 16, -1 / 4], dtype=torch.float64))


@pytest.mark.parametrize("wanted", [(True, True), (True, False), (False, True)], ids=str)
@pytest.mark.parametrize("name", ["ciou", "focal_eiou", "wiou_v1"])
def test_slopes_that_are_not_kept_change_no_bit(
    name: str, wanted: tuple[bool, bool], monkeypatch: pytest.MonkeyPatch
) -> None:
    """As on CUDA, where the boxes are read again in the backward pass; of both orders."""
    kind = KINDS[name]

    def of_both_orders() -> list[Tensor]:
        boxes = [b.requires_grad_(w) for b, w in zip(random_pairs(37, torch.float32), wanted, strict=True)]
        leaves = [b for b in boxes if b.requires_grad]
        loss = kind.function(*boxes, **kind.keywords)
        first = torch.autograd.grad(loss, leaves, torch.cos(torch.arange(37.0)), create_graph=True)
        return [loss.detach(), *first, *torch.autograd.grad(sum(part.square().sum() for part in first), leaves)]

    kept = of_both_orders()
    monkeypatch.setattr("ptdet.ops.overlap.kept_slopes", lambda *_: (False, False))
    assert all(map(torch.equal, kept, of_both_orders()))


def test_slopes_are_kept_where_that_moves_no_more_bytes() -> None:
    boxes = torch.zeros(3, 4, device="meta")
    half = boxes.half()

    class OnCuda:
        device = torch.device("cuda")

        def __init__(self, like: Tensor) -> None:
            self.element_size = like.element_size

    def kept(first: Tensor, second: Tensor, *needed: bool) -> tuple[bool, bool]:
        return kept_slopes(OnCuda(first), OnCuda(second), needed)  # type: ignore[arg-type]

    assert kept_slopes(boxes, boxes, (True, True)) == (True, True)  # not on CUDA
    assert kept(boxes, boxes, True, True) == (False, False)  # 100 bytes a pair, not 132
    assert kept(boxes, boxes, True, False) == (True, False)  # 84 either way, and no slope is worked out twice
    assert kept(half, half, True, False) == (False, False)
    assert kept(half, half, False, False) == (False, False)
