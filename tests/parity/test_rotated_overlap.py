"""Overlaps of rotated boxes: beside an oracle of another algorithm, and the kernels beside the reference to the bit."""

from __future__ import annotations

import math

import pytest
import torch
from torch import Tensor
from torch.autograd import gradcheck, gradgradcheck

import ptdet
from ptdet import reference
from ptdet._shared.parameters import ROTATED_OVERLAPS

from .. import rotated_oracle
from ..rotated_scenes import Drawn, changed, moved, scenes

METRICS = pytest.mark.parametrize("kind", ROTATED_OVERLAPS)
ENCLOSED = ("giou", "diou", "tiou")  # by what encloses both


def exact(a: Tensor, b: Tensor, kind: str) -> list[float]:
    return [float(rotated_oracle.overlap(*pair, kind)) for pair in zip(a.tolist(), b.tolist(), strict=True)]


def assert_right(a: Tensor, b: Tensor, kind: str, what: str) -> None:
    found = ptdet.rotated.overlap(a, b, kind)
    least, most = -1 if kind in ("giou", "diou") else 0, 1 / 3 + 1e-16 if kind == "kfiou" else 1
    assert bool(((found >= least) & (found <= most)).all()), what
    off = (found - torch.tensor(exact(a, b, kind), dtype=torch.float64)).abs().max().item()
    assert off <= 1e-12, f"{what}: {off}"


@pytest.mark.parametrize("count", [8, pytest.param(900, marks=pytest.mark.slow)])
def test_within_1e12_of_the_oracle(count: int) -> None:
    """With the larger number over 20,000 pairs of float64 boxes."""
    for what, a, b in scenes(count):
        for kind in ("iou",) if count > 100 else ROTATED_OVERLAPS:
            assert_right(a, b, kind, f"{what}, {kind}")


@pytest.mark.parametrize("kind", ENCLOSED)
@pytest.mark.parametrize("enclosing", ["aligned", "smallest"])
def test_other_shapes_around_both(kind: str, enclosing: str) -> None:
    for what, a, b in scenes(3):
        found = ptdet.rotated.overlap(a, b, kind, enclosing=enclosing)
        pairs = zip(a.tolist(), b.tolist(), strict=True)
        exact = [float(rotated_oracle.overlap(*pair, kind, enclosing)) for pair in pairs]
        assert found.tolist() == pytest.approx(exact, abs=1e-12, rel=0), what
        assert torch.equal(found, ptdet.rotated.overlap(b, a, kind, enclosing=enclosing)), what
        if kind != "tiou":
            name = {"giou": "generalized_box_iou", "diou": "distance_box_iou"}[kind]
            assert torch.equal(getattr(ptdet.rotated, name)(a, b, enclosing).diagonal(), found)
        if enclosing == "smallest":
            assert bool((ptdet.rotated.overlap(a, a, kind, enclosing=enclosing) == 1).all()), what
    drawn = Drawn(3, 5)
    a, b = drawn.boxes().requires_grad_(), drawn.boxes().requires_grad_()
    assert gradcheck(lambda a, b: ptdet.rotated.overlap(a, b, kind, enclosing=enclosing), (a, b))
    assert gradgradcheck(lambda a, b: ptdet.rotated.overlap(a, b, kind, enclosing=enclosing), (a, b))


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
        for kind in ROTATED_OVERLAPS:
            if kind == "iof":
                continue
            found = ptdet.rotated.pairwise_overlap(a, b, kind)
            assert torch.equal(found, ptdet.rotated.pairwise_overlap(b, a, kind).t()), what


def test_a_box_within_another_shares_its_own_area() -> None:
    """To the bit: IoF and IoS are 1 as of boxes that are not rotated, which linear Matrix NMS divides by 1 less."""
    drawn = Drawn(3000, 11)
    outer = drawn.boxes()
    inner = changed(outer, w=outer[:, 2] * drawn.within(0.05, 0.6), h=outer[:, 3] * drawn.within(0.05, 0.6))
    inner = moved(changed(inner, angle=outer[:, 4] + drawn.within(-0.1, 0.1)), outer[:, 2] * drawn.within(-0.1, 0.1))
    inner[:, 2:4] = torch.minimum(inner[:, 2:4], 0.6 * outer[:, 2:4].amin(dim=1, keepdim=True))
    for place in (0.0, 5e5):
        small, large = changed(inner, cx=inner[:, 0] + place), changed(outer, cx=outer[:, 0] + place)
        areas = small[:, 2] * small[:, 3], large[:, 2] * large[:, 3]
        for kind, value in (("iof", torch.ones(3000).double()), ("iou", areas[0] / (areas[0] + areas[1] - areas[0]))):
            found = ptdet.rotated.overlap(small, large, kind)
            assert torch.equal(found, value)
            with ptdet.backend("reference"):
                assert torch.equal(ptdet.rotated.overlap(small, large, kind), found)
        assert bool((ptdet.rotated.overlap(large, small, "ios") == 1).all())
        assert torch.equal(ptdet.rotated.overlap(small.requires_grad_(), large).detach(), value)
    # sides on one line are within, too; a side below 0 is none
    row = torch.tensor([[0.0, 0, 8, 6, 0], [1, 0, 6, 6, 0], [2, 1.5, 4, 3, 0], [0, 0, -2, -2, 0]], dtype=torch.float64)
    assert ptdet.rotated.overlap(row, row[:1].expand(4, 5), "iof").tolist() == [1, 1, 1, 0]
    # and half of the boxes turned by 45 degrees sticks out
    cross = torch.tensor([[0.0, 0, 2, 2, math.pi / 4], [0, 0, 2, 2, 0]], dtype=torch.float64)
    assert ptdet.rotated.overlap(*cross, "ios").item() == pytest.approx(2 * math.sqrt(2) - 2, abs=1e-15)


@pytest.mark.parametrize("angle", [0.0, 0.3])
def test_centres_whose_distance_is_no_double_are_apart(angle: float) -> None:
    """The difference of the centres is infinite, and times the sine of 0 no number."""
    a = torch.tensor([[-1.5e308, -1.5e308, 4.0, 2.0, angle]], dtype=torch.float64)
    b = a * torch.tensor([-1.0, -1.0, 1.0, 1.0, 1.0], dtype=torch.float64)
    for kind in ("iou", "iof", "ios", "tiou"):
        assert ptdet.rotated.overlap(a, b, kind).item() == 0
        assert reference.rotated_overlap(a, b, kind).item() == 0
    assert ptdet.rotated.nms(torch.cat([a, b]), torch.tensor([0.9, 0.8]), 0.5).tolist() == [0, 1]


def test_a_box_with_itself_is_1() -> None:
    for what, a, b in scenes(200):
        for boxes in (a, b):
            filled = boxes[(boxes[:, 2:4] > 0).all(1)]
            for kind in ("iou", "giou", "diou", "tiou", "probiou"):
                assert bool((ptdet.rotated.overlap(filled, filled, kind) == 1).all()), what


def test_boxes_that_are_not_rotated_have_the_overlaps_of_ptdet() -> None:
    """Of whole numbers, where both are exact."""
    _, a, b = [*scenes(60)][-1]
    corners = [ptdet.rotated.box_convert(boxes, "cxcywhr", "xyxy") for boxes in (a, b)]
    for kind in ("iou", "giou", "diou", "iof", "ios", "tiou"):
        found = ptdet.rotated.pairwise_overlap(a, b, kind, enclosing="aligned")
        assert torch.equal(found, ptdet.pairwise_overlap(*corners, kind))


def test_numbers_that_are_not_finite_and_sides_that_are_not_above_0() -> None:
    box = torch.tensor([[5.0, 5, 4, 2, 0.3]], dtype=torch.float64)
    for column in range(5):
        for value in (math.nan, math.inf, -math.inf):
            wrong = box.clone()
            wrong[0, column] = value
            for kind in ROTATED_OVERLAPS:
                assert ptdet.rotated.pairwise_overlap(wrong, box, kind).item() == 0
                assert ptdet.rotated.pairwise_overlap(box, wrong, kind).item() == 0
                assert bool(reference.raw_rotated_overlap(wrong, box, kind).isnan())
    empty = torch.tensor([[5.0, 5, 0, 2, 0.3], [5, 5, -4, 2, 0.3], [5, 5, -4, -2, 0.3]], dtype=torch.float64)
    for kind in ROTATED_OVERLAPS:
        assert ptdet.rotated.pairwise_overlap(empty, empty, kind).abs().sum() == 0
        least = 1e-15 if kind in ENCLOSED else 0  # a side below 0 is 0, and lies within the box here
        assert ptdet.rotated.pairwise_overlap(empty, box, kind).abs().max() <= least


def test_values_by_hand() -> None:
    """A square of side 2 and the same turned by 45 degrees share a regular octagon of area 8 (sqrt 2 - 1)."""
    square = torch.tensor([[5.0, 5, 2, 2, 0]], dtype=torch.float64)
    shared = 8 * (math.sqrt(2) - 1)
    turned = changed(square, angle=math.pi / 4)
    assert ptdet.rotated.box_iou(square, turned).item() == pytest.approx(shared / (8 - shared), abs=1e-15)
    cross = torch.tensor([[0.0, 0, 10, 2, 0.7], [0, 0, 2, 10, 0.7]], dtype=torch.float64)
    assert ptdet.rotated.overlap(*cross).item() == pytest.approx(4 / 36, abs=1e-15)
    assert ptdet.rotated.overlap(*cross, "iof").item() == pytest.approx(0.2, abs=1e-15)
    # the hull of the cross is a square of 10 less four corners of 4 x 4 / 2; the farthest corners are sqrt 104 apart
    assert ptdet.rotated.overlap(*cross, "giou").item() == pytest.approx(4 / 36 - (68 - 36) / 68, abs=1e-15)
    # of 10 x 1 and 2 x 5 it is 50 less four corners of 4 x 2 / 2
    assert ptdet.rotated.overlap(*changed(cross, h=cross[:, 3] / 2), "tiou").item() == pytest.approx(10 / 34, abs=1e-15)
    beside = changed(cross, cx=torch.tensor([0.0, 3.0], dtype=torch.float64), angle=0.0)
    assert ptdet.rotated.overlap(*beside, "diou").item() == pytest.approx(4 / 36 - 9 / (9**2 + 6**2), abs=1e-15)


def test_gaussian_measures_by_hand() -> None:
    """Of equal boxes the distance of Bhattacharyya is d^2 / (8 variance): here 1 / 8 of 12 / 16."""
    box = torch.tensor([[5.0, 5, 4, 2, 0]], dtype=torch.float64)
    moved_by_1 = 1 - math.sqrt(1 - math.exp(-12 / 16 / 8))
    assert ptdet.rotated.probiou(box, changed(box, cx=6.0)).item() == pytest.approx(moved_by_1, abs=1e-15)
    square = changed(box, h=4.0)
    assert ptdet.rotated.probiou(square, changed(square, angle=math.pi / 4)).item() == pytest.approx(1, abs=1e-15)
    # covariances diag(4, 1) and diag(1, 4): the product's is diag(4 / 5, 4 / 5), areas 8, 8 and 16 / 5
    assert ptdet.rotated.kfiou(box, changed(box, w=2.0, h=4.0, cx=99.0)).item() == pytest.approx(3.2 / 12.8, abs=1e-15)
    assert ptdet.rotated.kfiou(box, box).item() == pytest.approx(1 / 3, abs=1e-15)


def ultralytics_probiou(a: Tensor, b: Tensor, eps: float = 1e-7) -> Tensor:
    """The formula of ultralytics 8, elementwise: each eps where it stands there."""

    def covariance(box: Tensor) -> tuple[Tensor, Tensor, Tensor]:
        p, q, c, s = box[:, 2] ** 2 / 12, box[:, 3] ** 2 / 12, box[:, 4].cos(), box[:, 4].sin()
        return p * c * c + q * s * s, p * s * s + q * c * c, (p - q) * c * s

    (a1, b1, c1), (a2, b2, c2) = covariance(a), covariance(b)
    dx, dy = a[:, 0] - b[:, 0], a[:, 1] - b[:, 1]
    across = (a1 + a2) * (b1 + b2) - (c1 + c2) ** 2
    first = ((a1 + a2) * dy**2 + (b1 + b2) * dx**2) / (across + eps) / 4
    second = -(c1 + c2) * dx * dy / (across + eps) / 2
    both = 4 * ((a1 * b1 - c1**2).clamp(0) * (a2 * b2 - c2**2).clamp(0)).sqrt() + eps
    distance = (first + second + (across / both + eps).log() / 2).clamp(eps, 100)
    return 1 - (1 - (-distance).exp() + eps).sqrt()


def test_probiou_is_that_of_ultralytics_but_for_its_eps() -> None:
    drawn = Drawn(300, 4)
    a, b = drawn.boxes(), drawn.boxes()
    for other in (b, a + 0.1 * drawn.noise(), a):
        found, theirs = ptdet.rotated.overlap(a, other, "probiou"), ultralytics_probiou(a, other)
        assert bool(((found - theirs).abs() <= math.sqrt(3e-7)).all())


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


@pytest.mark.parametrize(
    ("kind", "count"),
    [
        *(("iou", 3), ("giou", 1), ("diou", 1), ("tiou", 1), ("probiou", 1), ("kfiou", 1)),
        pytest.param("iou", 170, marks=pytest.mark.slow),
        *(pytest.param(kind, 20, marks=pytest.mark.slow) for kind in ("giou", "diou", "tiou", "probiou", "kfiou")),
    ],
)
@pytest.mark.parametrize("what", ["random", "thin, crossing", "UTM"])
def test_gradients_are_differences_of_the_oracle(what: str, kind: str, count: int) -> None:
    """With the larger number over 5,000 partial derivatives, to 1e-10 of the largest of the pair."""
    from mpmath import mp, mpf

    a, b = next((a, b) for name, a, b in scenes(count) if name == what)
    found = gradient(a, b, kind)
    for row, (one, other) in enumerate(zip(a.tolist(), b.tolist(), strict=True)):
        with mp.workprec(300):
            step = mpf(10) ** -25
            numbers = [*map(mpf, one), *map(mpf, other)]
            expected = []
            for k in range(10):
                up, down = ([x + sign * step * (i == k) for i, x in enumerate(numbers)] for sign in (1, -1))
                values = [rotated_oracle.overlap(x[:5], x[5:], kind) for x in (up, down)]
                expected.append(float((values[0] - values[1]) / (2 * step)))
        most = max(map(abs, expected))
        assert found[row].tolist() == pytest.approx(expected, abs=1e-10 * most, rel=0), (what, row)


def test_gradients_are_finite_everywhere() -> None:
    scale = torch.tensor([1e30] * 4 + [1], dtype=torch.float64)
    for what, a, b in scenes(9):
        empty, far = changed(a, w=0.0), a + torch.tensor([1e4, 0, 0, 0, 0])
        for pair in ((a, b), (a, a), (empty, a), (a, empty), (empty, empty), (a, far), (a * scale, b * scale)):
            for kind in ROTATED_OVERLAPS:
                for dtype in (torch.float32, torch.float64):
                    assert bool(torch.isfinite(gradient(*(x.to(dtype) for x in pair), kind)).all()), what
        tiny = torch.tensor([1e-30] * 4 + [1], dtype=torch.float64)
        assert bool(torch.isfinite(gradient(a * tiny, b * tiny)).all())


def test_the_kernel_has_the_slopes_of_the_reference() -> None:
    """Kinks included: to 1e-9 of the largest of a pair; 1e-12 is what is left where slopes of about 1 cancel."""
    for what, a, b in scenes(21):
        grad = torch.linspace(0.5, 2, len(a), dtype=torch.float64)
        for kind in ROTATED_OVERLAPS:
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


def test_bad_arguments() -> None:
    boxes = torch.zeros(3, 5)
    for wrong, error, message in (
        ((boxes, torch.zeros(3, 4)), ValueError, r"boxes2: expected shape \(..., N, 5\), got \(3, 4\)"),
        (
            (boxes, boxes, "ciou"),
            ValueError,
            "kind: expected one of iou, giou, diou, iof, ios, tiou, probiou, kfiou, got 'ciou'",
        ),
        ((boxes, [1]), TypeError, "boxes2: expected a torch.Tensor, got list"),
        ((torch.zeros(2, 3, 5), torch.zeros(4, 3, 5)), ValueError, "boxes2: expected leading dimensions"),
        ((boxes.to(torch.complex64), boxes), TypeError, "boxes1: expected floats"),
    ):
        with pytest.raises(error, match=message):
            ptdet.rotated.pairwise_overlap(*wrong)  # type: ignore[arg-type]
    with pytest.raises(ValueError, match="enclosing: expected one of hull, aligned, smallest, got 'circle'"):
        ptdet.rotated.generalized_box_iou(boxes, boxes, "circle")
    with pytest.raises(ValueError, match="metric: expected one of iou, .*, tiou, probiou, got 'kfiou'"):
        ptdet.rotated.nms(boxes, torch.zeros(3), 0.5, metric="kfiou")
    with pytest.raises(ValueError, match="metric: expected a measure that sees where boxes are, got 'kfiou'"):
        ptdet.numpy.rotated.nms(boxes.numpy(), torch.zeros(3).numpy(), 0.5, metric="kfiou")
    with pytest.raises(ValueError, match=r"boxes: expected shape \(N, 4\), got \(3, 5\): ptdet.rotated takes"):
        ptdet.nms(boxes, torch.zeros(3), 0.5)
    with pytest.raises(ValueError, match=r"boxes: expected shape \(N, 5\), got \(3, 4\)"):
        ptdet.rotated.nms(torch.zeros(3, 4), torch.zeros(3), 0.5)
