"""The overlaps: torchvision's values and gradients, derivatives of both orders, fractions by hand, transforms."""

from __future__ import annotations

import io
from collections.abc import Callable
from fractions import Fraction
from typing import Any

import pytest
import torch
import torchvision.ops as tv
from torch import Tensor

import ptdet
from ptdet._shared.parameters import METRICS
from ptdet.ops.overlap import BoxLossFunction, PairwiseOverlapFunction
from ptdet.reference import pairs as formula
from ptdet.reference.overlap import Rule, ciou
from ptdet.testing import clustered

from .. import conditioning
from ..detections import plain_nms_cases

DTYPES = pytest.mark.parametrize("dtype", [torch.float32, torch.float64], ids=str)
TOLERANCE = {torch.float32: 1e-6, torch.float64: 1e-12}
PEERS = {
    "iou": (ptdet.box_iou, tv.box_iou),
    "giou": (ptdet.generalized_box_iou, tv.generalized_box_iou),
    "diou": (ptdet.distance_box_iou, tv.distance_box_iou),
    "ciou": (ptdet.complete_box_iou, tv.complete_box_iou),
}


def boxes(n: int, seed: int, dtype: torch.dtype = torch.float64) -> Tensor:
    return clustered(n, seed)[0].to(dtype)


def near(first: Tensor, seed: int = 9) -> Tensor:
    """Other boxes, each beside one of the first."""
    noise = torch.randn(first.shape, generator=torch.Generator().manual_seed(seed), dtype=first.dtype)
    moved = first + 2 * noise
    return torch.cat([moved[:, :2], torch.maximum(moved[:, 2:], moved[:, :2] + 1)], dim=1)


def weights_of(value: Tensor) -> Tensor:
    return torch.rand(value.shape, generator=torch.Generator().manual_seed(1), dtype=torch.float64).to(value.dtype)


def gradients(function: Callable[..., Tensor], *given: Tensor) -> list[Tensor]:
    leaves = [tensor.clone().requires_grad_() for tensor in given]
    value = function(*leaves)
    (value * weights_of(value)).sum().backward()
    return [value.detach(), *(leaf.grad for leaf in leaves)]  # type: ignore[misc]


def assert_near(got: list[Tensor], expected: list[Tensor], tolerance: float) -> None:
    for ours, theirs in zip(got, expected, strict=True):
        torch.testing.assert_close(ours, theirs, rtol=tolerance, atol=tolerance * float(theirs.abs().max()))


def scenes(dtype: torch.dtype) -> list[tuple[Tensor, Tensor]]:
    real = [torch.from_numpy(case.boxes.copy()).to(dtype) for case in plain_nms_cases()[:3]]
    solid = [rows[(rows[:, 2:] > rows[:, :2]).all(1)][:60] for rows in real]
    return [(boxes(70, 1, dtype), boxes(41, 1, dtype)), *((rows, rows[5:40] + 1.5) for rows in solid)]


@DTYPES
@pytest.mark.parametrize("kind", PEERS)
def test_torchvision(kind: str, dtype: torch.dtype, backend: str) -> None:
    """Gradients are sums over the boxes of the other side."""
    ours, theirs = PEERS[kind]
    for first, second in scenes(dtype):
        got, expected = gradients(ours, first, second), gradients(theirs, first, second)
        assert_near(got[:1], expected[:1], TOLERANCE[dtype])
        allowed = conditioning.of_pair_sums(weights_of(got[0]), first, second, kind)
        for by_us, by_them, apart in zip(got[1:], expected[1:], allowed, strict=True):
            assert ((by_us - by_them).double().abs() <= apart).all()


@pytest.mark.parametrize("fmt", ["xyxy", "xywh", "cxcywh"])
def test_formats(fmt: str, backend: str) -> None:
    first, second = (tv.box_convert(boxes(20, seed), "xyxy", fmt) for seed in (1, 2))
    torch.testing.assert_close(
        ptdet.box_iou(first, second, fmt), tv.box_iou(first, second, fmt), rtol=1e-12, atol=1e-12
    )
    one_by_one = ptdet.overlap(first, second, "giou", fmt=fmt)
    torch.testing.assert_close(one_by_one, ptdet.generalized_box_iou(first, second, fmt).diagonal(), rtol=1e-12, atol=0)


def test_by_hand(backend: str) -> None:
    a, b = torch.tensor([[0.0, 0, 2, 2]]).double(), torch.tensor([[1.0, 1, 3, 3], [0, 0, 2, 1]]).double()
    seventh, ninth = Fraction(1, 7), Fraction(1, 9)
    expected = {
        "iou": (seventh, Fraction(1, 2)),
        "giou": (seventh - 2 * ninth, Fraction(1, 2)),
        "diou": (seventh - ninth, Fraction(1, 2) - Fraction(1, 32)),
        "iof": (Fraction(1, 4), Fraction(1, 2)),
        "ios": (Fraction(1, 4), Fraction(1)),
    }
    for kind, fractions in expected.items():
        for got, fraction in zip(ptdet.pairwise_overlap(a, b, kind)[0].tolist(), fractions, strict=True):
            assert got == pytest.approx(float(fraction), abs=1e-16), kind
    assert ptdet.complete_box_iou(a, b[:1], eps=0.0).item() == pytest.approx(float(seventh - ninth), abs=1e-16)
    assert ptdet.bbox_iou(a[0], b[:1], GIoU=True, CIoU=True).item() == pytest.approx(float(seventh - 2 * ninth))


@pytest.mark.parametrize("kind", METRICS)
def test_gradients_of_both_orders(kind: str) -> None:
    first = boxes(5, 1)
    second, beside = near(first, 8)[:4], near(first)
    given = [tensor.requires_grad_() for tensor in (first, second, beside)]
    functions = [
        (lambda a, b: ptdet.pairwise_overlap(a, b, kind, eps=1e-7), given[:2]),
        (lambda a, b: ptdet.overlap(a, b, kind, eps=1e-7), [given[0], given[2]]),
    ]
    for function, inputs in functions:
        if kind != "ciou":
            assert torch.autograd.gradcheck(function, inputs)
            assert torch.autograd.gradgradcheck(function, inputs)
            continue
        assert_second_order_is_the_reference(function, inputs)
    if kind == "ciou":
        alpha = torch.rand(5, dtype=torch.float64)
        fixed, rule = [given[0], given[2]], Rule(formula.quotient, 1e-7, 0.0, lambda _: alpha)
        assert torch.autograd.gradcheck(lambda a, b: ciou(a, b, rule), fixed)
        assert torch.autograd.gradgradcheck(lambda a, b: ciou(a, b, rule), fixed)


def assert_second_order_is_the_reference(function: Callable[..., Tensor], inputs: list[Tensor]) -> None:
    def second(run: Callable[..., Tensor]) -> list[Tensor]:
        first = torch.autograd.grad(run(*inputs).square().sum(), inputs, create_graph=True)
        mixed = sum((gradient.sin().sum() for gradient in first), torch.zeros((), dtype=torch.float64))
        return [*first, *torch.autograd.grad(mixed, inputs)]

    def by_formula(a: Tensor, b: Tensor) -> Tensor:
        pairwise = a.shape != b.shape
        return (formula.pairwise_overlap if pairwise else formula.paired_overlap)(a, b, "ciou", 1e-7)

    assert_near([t.detach() for t in second(function)], [t.detach() for t in second(by_formula)], 1e-10)


def test_torch_func() -> None:
    first, second = boxes(6, 1), near(boxes(6, 1))

    def total(a: Tensor, b: Tensor) -> Tensor:
        return ptdet.overlap(a, b, "giou").sum() + (ptdet.box_iou(a[None], b[None]) ** 2).sum()

    expected = torch.stack([torch.func.grad(total)(a, b) for a, b in zip(first, second, strict=True)])
    torch.testing.assert_close(torch.func.vmap(torch.func.grad(total))(first, second), expected)
    twice = torch.func.jacrev(torch.func.grad(total))(first[0], second[0])
    assert twice.shape == (4, 4) and torch.equal(twice, twice) and bool(twice.isfinite().all())
    torch.testing.assert_close(twice, twice.T)
    batched = torch.func.vmap(ptdet.box_iou, in_dims=(None, 0))(first, second.view(3, 2, 4))
    torch.testing.assert_close(batched, torch.stack([ptdet.box_iou(first, rows) for rows in second.view(3, 2, 4)]))


def test_the_public_functions_of_autograd() -> None:
    first, second = boxes(6, 1).requires_grad_(), near(boxes(6, 1))
    value, slopes = BoxLossFunction.apply(first, second, "giou", 1e-7, 1e-7, False, True, False, 1.0, 1.0, "iou")
    assert value.requires_grad and not slopes.requires_grad
    (by_function,) = torch.autograd.grad(value.sum(), first)
    (by_operator,) = torch.autograd.grad(torch.ops.ptdet.graded_box_loss(first, second, "giou")[0].sum(), first)
    (by_name,) = torch.autograd.grad(ptdet.generalized_box_iou_loss(first, second, "sum"), first)
    assert torch.equal(by_function, by_name) and torch.equal(by_operator, by_name) and torch.equal(slopes, by_name)
    matrix = PairwiseOverlapFunction.apply(first, second, "iou", 0.0, 0.0)
    assert torch.equal(matrix, ptdet.box_iou(first, second))


def used(a: Tensor, b: Tensor) -> tuple[Tensor, ...]:
    return ptdet.distance_box_iou(a, b), ptdet.overlap(a, a + 1, "ciou"), ptdet.complete_box_iou_loss(a, a + 1, "mean")


@pytest.mark.parametrize("compiler", ["aot_eager", "inductor"])
def test_compile_with_gradients(compiler: str) -> None:
    torch._dynamo.reset()

    def total(a: Tensor, b: Tensor) -> Tensor:
        return sum((part.sum() for part in used(a, b)), torch.zeros(()))

    compiled = torch.compile(total, fullgraph=True, backend=compiler)
    first, second = boxes(30, 1, torch.float32), boxes(20, 2, torch.float32)
    got, expected = gradients(compiled, first, second), gradients(total, first, second)
    assert_near(got, expected, 1e-5)  # a sum of 600 overlaps, summed in another order


class Overlaps(torch.nn.Module):
    def forward(self, a: Tensor, b: Tensor) -> tuple[Tensor, ...]:
        return used(a, b)


def test_export_with_any_number_of_boxes() -> None:
    n, m = torch.export.Dim("n", min=2, max=10_000), torch.export.Dim("m", min=2, max=10_000)
    given = boxes(30, 1, torch.float32), boxes(20, 2, torch.float32)
    program = torch.export.export(Overlaps(), given, dynamic_shapes=({0: n}, {0: m}))
    stored = io.BytesIO()
    torch.export.save(program, stored)
    stored.seek(0)
    module = torch.export.load(stored).module()
    for n_boxes in (30, 7):
        given = boxes(n_boxes, 3, torch.float32), boxes(9, 4, torch.float32)
        assert_near(list(module(*given)), list(used(*given)), 1e-6)


def test_autocast_and_no_grad(backend: str) -> None:
    first, second = boxes(30, 1, torch.float32), boxes(20, 1, torch.float32)
    expected = ptdet.box_iou(first, second)
    with torch.autocast("cpu", dtype=torch.bfloat16):
        assert torch.equal(ptdet.box_iou(first, second), expected)
    with torch.inference_mode():
        assert torch.equal(ptdet.box_iou(first, second), expected)


BAD: list[tuple[Any, type[Exception], str]] = [
    ((torch.zeros(3, 5), torch.zeros(2, 4)), ValueError, r"boxes1: expected shape \(..., N, 4\), got \(3, 5\)"),
    ((torch.zeros(4), torch.zeros(2, 4)), ValueError, "boxes1"),
    ((torch.zeros(3, 4), [1.0]), TypeError, "boxes2: expected a torch.Tensor, got list"),
    ((torch.zeros(3, 4), torch.zeros(2, 4, dtype=torch.bool)), TypeError, "boxes2.*torch.bool"),
    ((torch.zeros(3, 4), torch.zeros(2, 4), "wiou"), ValueError, "kind: expected one of iou.*got 'wiou'"),
    ((torch.zeros(2, 3, 4), torch.zeros(3, 2, 4)), ValueError, "boxes2: expected leading dimensions that broadcast"),
    ((torch.zeros(3, 4), torch.zeros(3, 4, device="meta")), ValueError, "boxes2: expected device cpu"),
]


@pytest.mark.parametrize(("given", "error", "message"), BAD)
def test_bad_input(given: Any, error: type[Exception], message: str) -> None:
    with pytest.raises(error, match=message):
        ptdet.pairwise_overlap(*given)


def test_more_bad_input() -> None:
    good = torch.zeros(3, 4)
    with pytest.raises(ValueError, match="fmt: expected one of xyxy"):
        ptdet.box_iou(good, good, fmt="yxyx")
    for eps in (-1.0, float("nan")):
        with pytest.raises(ValueError, match="eps"):
            ptdet.distance_box_iou(good, good, eps=eps)
    with pytest.raises(ValueError, match="boxes2: expected a shape that broadcasts"):
        ptdet.overlap(good, torch.zeros(2, 4))
    with pytest.raises(ValueError, match=r"box1: expected shape \(4,\)"):
        ptdet.bbox_iou(good, good)


@pytest.mark.usefixtures("native")
def test_operators_called_directly_raise() -> None:
    good, operators = torch.zeros(3, 4), torch.ops.ptdet
    calls = [
        lambda: operators.pairwise_overlap(good, torch.zeros(3, 5)),
        lambda: operators.pairwise_overlap(good, good, "no"),
        lambda: operators.pairwise_overlap(good, good, "iou", -1.0),
        lambda: operators.pairwise_overlap_backward(torch.zeros(2, 3), good, good),
        lambda: operators.pairwise_overlap_backward(torch.zeros(3, 3).double(), good, good),
        lambda: operators.graded_box_loss(good, good[:2]),
        lambda: operators.graded_box_loss(good.int(), good.int(), slopes1=True),
        lambda: operators.graded_box_loss(good, good, "alpha_iou", base="siou"),
        lambda: operators.graded_box_loss(good, good, "giou", power=float("nan")),
        lambda: operators.graded_box_loss_backward(torch.zeros(3), torch.zeros(2, 4)),
        lambda: operators.graded_box_loss_backward(torch.zeros(3), torch.zeros(4, 3).t()),
        lambda: operators.graded_box_loss_backward(torch.zeros(3).half(), good),
    ]
    for call in calls:
        with pytest.raises(RuntimeError, match="ptdet"):
            call()
