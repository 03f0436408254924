"""Overlaps of rotated boxes: beside an oracle of another algorithm, and the kernels beside the reference to the bit."""

from __future__ import annotations

import math

import pytest
import torch
from torch import Tensor
from torch.autograd import gradcheck, gradgradcheck

import ptdet
from ptdet import reference
from ptdet._shared.parameters import ROTATED_METRICS

from .. import rotated_oracle
from ..rotated_scenes import Drawn, changed, moved, scenes

METRICS = pytest.mark.parametrize("kind", ROTATED_METRICS)


def exact(a: Tensor, b: Tensor, kind: str) -> list[float]:
    return [float(rotated_oracle.overlap(*pair, kind)) for pair in zip(a.tolist(), b.tolist(), strict=True)]


def assert_right(a: Tensor, b: Tensor, kind: str, what: str) -> None:
    found = ptdet.rotated.overlap(a, b, kind)
    assert bool(((found >= 0) & (found <= 1)).all()), what
    off = (found - torch.tensor(exact(a, b, kind), dtype=torch.float64)).abs().max().item()
    assert off <= 1e-12, f"{what}: {off}"


@pytest.mark.parametrize("count", [8, pytest.param(900, marks=pytest.mark.slow)])
def test_within_1e12_of_the_oracle(count: int) -> None:
    """With the larger number over 20,000 pairs of float64 boxes."""
    for what, a, b in scenes(count):
        for kind in ("iou",) if count > 100 else ROTATED_METRICS:
            assert_right(a, b, kind, f"{what}, {kind}")


def test_float32_boxes_are_exact_as_given_and_rounded_once() -> None:
    for what, a, b in scenes(8):
        a, b = a.float(), b.float()
        found = ptdet.rotated.overlap(a, b)
        assert found.dtype == torch.float32
        assert torch.equal(found, ptdet.rotated.overlap(a.double(), b.double()).float()), what


@METRICS
def test_kernels_have_the_bits_of_the_reference(kind: str) -> None:
    for what, a, b in scenes(21):
        for dtype in (torch.float64, torch.float32, torch.bfloat16):
            a, b = a.to(dtype), b.to(dtype)
            assert torch.equal(ptdet.rotated.overlap(a, b, kind), reference.rotated_overlap(a, b, kind)), what
            expected = reference.rotated_pairwise_overlap(a, b[:13], kind)
            assert torch.equal(ptdet.rotated.pairwise_overlap(a, b[:13], kind), expected), what


def test_the_same_bits_both_ways() -> None:
    for what, a, b in scenes(50):
        for kind in ("iou", "ios"):
            found = ptdet.rotated.pairwise_overlap(a, b, kind)
            assert torch.equal(found, ptdet.rotated.pairwise_overlap(b, a, kind).t()), what


def test_a_box_with_itself_is_1() -> None:
    for what, a, b in scenes(200):
        for boxes in (a, b):
            filled = boxes[(boxes[:, 2:4] > 0).all(1)]
            assert bool((ptdet.rotated.overlap(filled, filled) == 1).all()), what


def test_boxes_that_are_not_rotated_have_the_overlaps_of_ptdet() -> None:
    """Of whole numbers, where both are exact."""
    _, a, b = [*scenes(60)][-1]
    corners = [ptdet.rotated.box_convert(boxes, "cxcywhr", "xyxy") for boxes in (a, b)]
    for kind in ROTATED_METRICS:
        assert torch.equal(ptdet.rotated.pairwise_overlap(a, b, kind), ptdet.pairwise_overlap(*corners, kind))


def test_numbers_that_are_not_finite_and_sides_that_are_not_above_0() -> None:
    box = torch.tensor([[5.0, 5, 4, 2, 0.3]], dtype=torch.float64)
    for column in range(5):
        for value in (math.nan, math.inf, -math.inf):
            wrong = box.clone()
            wrong[0, column] = value
            for kind in ROTATED_METRICS:
                assert ptdet.rotated.pairwise_overlap(wrong, box, kind).item() == 0
                assert ptdet.rotated.pairwise_overlap(box, wrong, kind).item() == 0
                assert bool(reference.raw_rotated_overlap(wrong, box, kind).isnan())
    empty = torch.tensor([[5.0, 5, 0, 2, 0.3], [5, 5, -4, 2, 0.3], [5, 5, -4, -2, 0.3]], dtype=torch.float64)
    for kind in ROTATED_METRICS:
        assert ptdet.rotated.pairwise_overlap(empty, empty, kind).abs().sum() == 0
        assert ptdet.rotated.pairwise_overlap(empty, box, kind).abs().sum() == 0


def test_values_by_hand() -> None:
    """A square of side 2 and the same turned by 45 degrees share a regular octagon of area 8 (sqrt 2 - 1)."""
    square = torch.tensor([[5.0, 5, 2, 2, 0]], dtype=torch.float64)
    shared = 8 * (math.sqrt(2) - 1)
    turned = changed(square, angle=math.pi / 4)
    assert ptdet.rotated.box_iou(square, turned).item() == pytest.approx(shared / (8 - shared), abs=1e-15)
    cross = torch.tensor([[0.0, 0, 10, 2, 0.7], [0, 0, 2, 10, 0.7]], dtype=torch.float64)
    assert ptdet.rotated.overlap(*cross).item() == pytest.approx(4 / 36, abs=1e-15)
    assert ptdet.rotated.overlap(*cross, "iof").item() == pytest.approx(0.2, abs=1e-15)


def gradient(a: Tensor, b: Tensor, kind: str = "iou") -> Tensor:
    a, b = (boxes.clone().requires_grad_() for boxes in (a, b))
    ptdet.rotated.overlap(a, b, kind).sum().backward()
    assert a.grad is not None and b.grad is not None
    return torch.cat([a.grad, b.grad], dim=-1)


@METRICS
def test_gradients(kind: str) -> None:
    drawn = Drawn(6, 5)
    a, b = drawn.boxes().requires_grad_(), drawn.boxes().requires_grad_()
    for function in (ptdet.rotated.overlap, ptdet.rotated.pairwise_overlap):
        assert gradcheck(lambda a, b, of=function: of(a, b, kind), (a, b))
        assert gradgradcheck(lambda a, b, of=function: of(a, b, kind), (a, b))


@pytest.mark.parametrize("count", [3, pytest.param(170, marks=pytest.mark.slow)])
@pytest.mark.parametrize("what", ["random", "thin, crossing", "UTM"])
def test_gradients_are_differences_of_the_oracle(what: str, count: int) -> None:
    """With the larger number over 5,000 partial derivatives, to 1e-10 of the largest of the pair."""
    from mpmath import mp, mpf

    a, b = next((a, b) for name, a, b in scenes(count) if name == what)
    found = gradient(a, b)
    for row, (one, other) in enumerate(zip(a.tolist(), b.tolist(), strict=True)):
        with mp.workprec(300):
            step = mpf(10) ** -25
            numbers = [*map(mpf, one), *map(mpf, other)]
            expected = []
            for k in range(10):
                up, down = ([x + sign * step * (i == k) for i, x in enumerate(numbers)] for sign in (1, -1))
                values = [rotated_oracle.overlap(x[:5], x[5:]) for x in (up, down)]
                expected.append(float((values[0] - values[1]) / (2 * step)))
        most = max(map(abs, expected))
        assert found[row].tolist() == pytest.approx(expected, abs=1e-10 * most), (what, row)


def test_gradients_are_finite_everywhere() -> None:
    scale = torch.tensor([1e30] * 4 + [1], dtype=torch.float64)
    for what, a, b in scenes(9):
        empty, far = changed(a, w=0.0), a + torch.tensor([1e4, 0, 0, 0, 0])
        for pair in ((a, b), (a, a), (empty, a), (a, empty), (empty, empty), (a, far), (a * scale, b * scale)):
            for kind in ROTATED_METRICS:
                for dtype in (torch.float32, torch.float64):
                    assert bool(torch.isfinite(gradient(*(x.to(dtype) for x in pair), kind)).all()), what
        tiny = torch.tensor([1e-30] * 4 + [1], dtype=torch.float64)
        assert bool(torch.isfinite(gradient(a * tiny, b * tiny)).all())


def test_the_kernel_has_the_slopes_of_the_reference() -> None:
    """Kinks included: to 1e-9 of the largest of a pair; 1e-12 is what is left where slopes of about 1 cancel."""
    for what, a, b in scenes(21):
        grad = torch.linspace(0.5, 2, len(a), dtype=torch.float64)
        for kind in ROTATED_METRICS:
            found = torch.cat(torch.ops.ptdet.rotated_overlap_backward(grad, a, b, kind), dim=-1)
            expected = torch.cat(reference.rotated_overlap_backward(grad, a, b, kind), dim=-1)
            allowed = 1e-9 * expected.abs().amax(1, keepdim=True) + 1e-12
            assert bool(((found - expected).abs() <= allowed).all()), what


def test_edges_that_coincide_share_half() -> None:
    """As ties do for boxes that are not rotated: at a perfect match IoU has slope 0, IoF half of what it has inside."""
    a = torch.tensor([[5.0, 5, 4, 2, 0.3]], dtype=torch.float64)
    assert gradient(a, a).abs().max() <= 1e-15
    upright = changed(a, angle=0.0)
    corners = ptdet.rotated.box_convert(upright, "cxcywhr", "xyxy").requires_grad_()
    ptdet.overlap(corners, corners.detach(), "iof").sum().backward()
    assert corners.grad is not None
    x1, y1, x2, y2 = corners.grad[0].tolist()
    expected = [x1 + x2, y1 + y2, (x2 - x1) / 2, (y2 - y1) / 2]
    assert gradient(upright, upright, "iof")[0, :4].tolist() == pytest.approx(expected, abs=1e-15)
    beside = moved(a, torch.tensor([2.0], dtype=torch.float64))
    assert bool((gradient(a, moved(beside, torch.tensor([10.0]))) == 0).all())


@pytest.mark.parametrize("mode", ["linear", "log", "square"])
def test_losses(mode: str) -> None:
    drawn = Drawn(12, 8)
    a, b = drawn.boxes(), drawn.boxes()
    b[:, :2] = a[:, :2] + 1
    iou = ptdet.rotated.overlap(a, b)
    expected = {"linear": 1 - iou, "log": -iou.log(), "square": 1 - iou**2}[mode]
    torch.testing.assert_close(ptdet.rotated.box_iou_loss(a, b, mode=mode), expected)
    assert ptdet.rotated.box_iou_loss(a, b, "mean", mode=mode).item() == pytest.approx(expected.mean().item())
    assert gradcheck(lambda a: ptdet.rotated.box_iou_loss(a, b, "sum", mode=mode), a.clone().requires_grad_())
    apart = (a + torch.tensor([1e4, 0, 0, 0, 0])).requires_grad_()
    loss = ptdet.rotated.box_iou_loss(apart, b, "sum", mode=mode)
    loss.backward()
    assert math.isfinite(loss.item()) and apart.grad is not None and bool((apart.grad == 0).all())
    same = a.clone().requires_grad_()
    loss = ptdet.rotated.box_iou_loss(same, a, "sum", mode=mode)
    loss.backward()
    assert loss.item() == 0 and same.grad is not None and same.grad.abs().max() <= 1e-14


def test_bad_arguments() -> None:
    boxes = torch.zeros(3, 5)
    for wrong, error, message in (
        ((boxes, torch.zeros(3, 4)), ValueError, r"boxes2: expected shape \(..., N, 5\), got \(3, 4\)"),
        ((boxes, boxes, "giou"), ValueError, "kind: expected one of iou, iof, ios, got 'giou'"),
        ((boxes, [1]), TypeError, "boxes2: expected a torch.Tensor, got list"),
        ((torch.zeros(2, 3, 5), torch.zeros(4, 3, 5)), ValueError, "boxes2: expected leading dimensions"),
        ((boxes.to(torch.complex64), boxes), TypeError, "boxes1: expected floats"),
    ):
        with pytest.raises(error, match=message):
            ptdet.rotated.pairwise_overlap(*wrong)  # type: ignore[arg-type]
    with pytest.raises(ValueError, match="mode: expected one of linear, log, square, got 'cubic'"):
        ptdet.rotated.box_iou_loss(boxes, boxes, mode="cubic")
    with pytest.raises(ValueError, match=r"boxes: expected shape \(N, 4\), got \(3, 5\): ptdet.rotated takes"):
        ptdet.nms(boxes, torch.zeros(3), 0.5)
    with pytest.raises(ValueError, match=r"boxes: expected shape \(N, 5\), got \(3, 4\)"):
        ptdet.rotated.nms(torch.zeros(3, 4), torch.zeros(3), 0.5)
