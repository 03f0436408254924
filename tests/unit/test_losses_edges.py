"""The losses where they could break: degenerate boxes, other types and shapes, bad input."""

from __future__ import annotations

import re
from functools import partial
from typing import Any

import pytest
import torch
from torch import Tensor

import ptdet
from ptdet import reference
from tests.loss_kinds import KINDS, degenerate_pairs, gradients, random_pairs

INTEGERS = (torch.uint8, torch.int8, torch.int16, torch.int32, torch.int64)
NAN = float("nan")


@pytest.mark.parametrize("eps", [1e-7, 0.0])
@pytest.mark.parametrize("dtype", [torch.float32, torch.float64], ids=str)
@pytest.mark.parametrize("name", KINDS)
def test_finite_boxes_give_finite_numbers(name: str, dtype: torch.dtype, eps: float) -> None:
    pairs = degenerate_pairs(dtype)
    kind = KINDS[name]
    for numbers in gradients(lambda a, b: kind.function(a, b, eps=eps, **kind.keywords), *pairs):
        assert bool(torch.isfinite(numbers).all()), pairs[0][~torch.isfinite(numbers).reshape(len(numbers), -1).all(1)]


@pytest.mark.parametrize("name", ["ciou", "siou", "focal_eiou", "alpha_ciou", "wiou_v3", "nwd"])
def test_second_derivatives_are_finite(name: str) -> None:
    first, second = (boxes[::7].requires_grad_() for boxes in degenerate_pairs(torch.float32))
    loss = KINDS[name].function(first, second, **KINDS[name].keywords)
    slopes = torch.autograd.grad(loss, (first, second), torch.ones_like(loss), create_graph=True)
    bends = torch.autograd.grad(slopes, (first, second), [torch.ones_like(slope) for slope in slopes])
    assert all(bool(torch.isfinite(bend).all()) for bend in bends)


# float32, eps 1e-7, [0,0,2,2] against [1,1,3,3] at a scale of 10^e. Where areas vanish beside eps, no box overlaps and
# no penalty is left; where they overflow, a term counts as 0. mpdiou and nwd see distances in the unit they are given.
AT_SCALE = {
    -30: {"iou": 1, "giou": 1, "diou": 1, "ciou": 1, "eiou": 1, "siou": 1, "mpdiou": 1, "wiou_v1": 1, "focal_eiou": 0},
    +10: {"iou": 6 / 7, "giou": 68 / 63, "diou": 61 / 63, "ciou": 61 / 63, "eiou": 61 / 63},
    +30: {"iou": 1, "giou": 1, "diou": 1, "ciou": 1, "eiou": 1, "siou": 1, "mpdiou": 1, "nwd": 1, "wiou_v1": 1},
}


@pytest.mark.parametrize("exponent", AT_SCALE)
def test_values_at_extreme_scales(exponent: int) -> None:
    first = torch.tensor([[0.0, 0.0, 2.0, 2.0]]) * 10.0**exponent
    second = torch.tensor([[1.0, 1.0, 3.0, 3.0]]) * 10.0**exponent
    for name, expected in AT_SCALE[exponent].items():
        loss, slope, _ = gradients(partial(KINDS[name].function, **KINDS[name].keywords), first, second)
        assert loss.item() == pytest.approx(expected, rel=1e-6), name
        if exponent == 30:
            assert not slope.any(), name


def test_identical_points_and_lines() -> None:
    """Nothing overlaps a point, so IoU is 0, and nothing else is wrong with two equal ones."""
    for box in ([3.0, 3.0, 3.0, 3.0], [3.0, 3.0, 9.0, 3.0], [3.0, 3.0, 3.0, 9.0]):
        boxes = torch.tensor([box])
        for name in ("iou", "giou", "diou", "ciou", "eiou", "siou", "mpdiou"):
            assert KINDS[name].function(boxes, boxes, **KINDS[name].keywords).item() == 1, (name, box)


def test_complete_iou_without_height() -> None:
    """atan(w / 0) is pi / 2: against a square v is 4/pi^2 (pi/4)^2 = 1/4, alpha 1/5; torchvision's gradient is NaN."""
    flat, square = torch.tensor([[0.0, 1.0, 2.0, 1.0]]), torch.tensor([[0.0, 0.0, 2.0, 2.0]])
    loss, slope, _ = gradients(ptdet.complete_box_iou_loss, flat, square)
    assert loss.item() == pytest.approx(1 + 1 / 20, rel=1e-6) and bool(torch.isfinite(slope).all())
    assert slope[0, 1] == 0 == slope[0, 3]  # a clamp passes no gradient at 0


def test_an_inverted_box_is_opened() -> None:
    inverted, square = torch.tensor([[5.0, 5.0, 3.0, 3.0]]), torch.tensor([[2.0, 2.0, 6.0, 6.0]])
    for function in (ptdet.efficient_iou_loss, ptdet.normalized_wasserstein_loss):
        _, slope, _ = gradients(function, inverted, square)
        assert bool((slope[0, :2] > 0).all()) and bool((slope[0, 2:] < 0).all())


@pytest.mark.parametrize("value", [NAN, float("inf")])
@pytest.mark.parametrize("name", KINDS)
def test_boxes_that_are_not_finite(name: str, value: float) -> None:
    """A term that is not finite counts as 0, whatever made it so, and pulls at nothing."""
    first, second = torch.tensor([[0.0, 0.0, value, 2.0]]), torch.tensor([[1.0, 1.0, 3.0, 3.0]])
    for numbers in gradients(lambda a, b: KINDS[name].function(a, b, **KINDS[name].keywords), first, second):
        assert bool(torch.isfinite(numbers).all())


@pytest.mark.parametrize("dtype", [torch.float16, torch.bfloat16], ids=str)
@pytest.mark.parametrize("name", KINDS)
def test_half_types_are_computed_in_float32(name: str, dtype: torch.dtype) -> None:
    pairs = random_pairs(200, dtype, 100.0)
    kind = KINDS[name]
    halves = gradients(lambda a, b: kind.function(a, b, **kind.keywords), *pairs)
    floats = gradients(lambda a, b: kind.function(a, b, **kind.keywords), *(boxes.float() for boxes in pairs))
    assert halves[0].dtype == torch.float32 and torch.equal(halves[0], floats[0])
    for ours, theirs in zip(halves[1:], floats[1:], strict=True):
        assert ours.dtype == dtype
        torch.testing.assert_close(ours, theirs.to(dtype), rtol=0, atol=0)


def test_a_half_gradient_stays_in_range() -> None:
    """The gradient of a box 1e-6 wide is 1e6 in float32: 65504 is the most that float16 holds."""
    first = torch.tensor([[0.0, 0.0, 6e-8, 6e-8]], dtype=torch.float16)
    _, slope, _ = gradients(lambda a, b: ptdet.box_iou_loss(a, b, eps=0.0), first, first * 2)
    assert bool(torch.isfinite(slope).all()) and slope.abs().max() == 65504


@pytest.mark.parametrize("dtype", INTEGERS, ids=str)
@pytest.mark.parametrize("name", KINDS)
def test_integer_boxes(name: str, dtype: torch.dtype) -> None:
    first = torch.tensor([[0, 0, 100, 120], [5, 5, 6, 9]])
    second = torch.tensor([[10, 20, 120, 127], [0, 0, 7, 7]])
    kind = KINDS[name]
    loss = kind.function(first.to(dtype), second.to(dtype), **kind.keywords)
    assert loss.dtype == torch.float32
    assert torch.equal(loss, kind.function(first.float(), second.float(), **kind.keywords))


def test_types_that_differ() -> None:
    first, second = random_pairs(20, torch.float64)
    exact = ptdet.complete_box_iou_loss(first, second)
    mixed = gradients(ptdet.complete_box_iou_loss, first.half(), second)
    assert [numbers.dtype for numbers in mixed] == [torch.float64, torch.float16, torch.float64]
    torch.testing.assert_close(mixed[0], ptdet.complete_box_iou_loss(first.half().double(), second))
    assert exact.dtype == torch.float64
    assert ptdet.complete_box_iou_loss(first.half(), second.bfloat16()).dtype == torch.float32


@pytest.mark.parametrize("name", KINDS)
def test_broadcasting_and_strides(name: str) -> None:
    kind = KINDS[name]
    first, second = random_pairs(6, torch.float64)
    one_by_one = torch.stack([kind.function(a, b, **kind.keywords) for a in first for b in second]).reshape(6, 6)
    table = gradients(lambda a, b: kind.function(a, b, **kind.keywords), first[:, None], second)
    torch.testing.assert_close(table[0], one_by_one)
    assert table[1].shape == (6, 1, 4) and table[2].shape == (6, 4)
    strided = first.t().contiguous().t()
    assert torch.equal(kind.function(strided, second, **kind.keywords), kind.function(first, second, **kind.keywords))
    assert kind.function(first[0], second[0], **kind.keywords).shape == ()


@pytest.mark.parametrize("name", KINDS)
def test_inputs_are_left_alone(name: str) -> None:
    first, second = random_pairs(6, torch.float32)
    kept = first.clone(), second.clone()
    KINDS[name].function(first, second, **KINDS[name].keywords)
    assert torch.equal(first, kept[0]) and torch.equal(second, kept[1])


BOXES = torch.tensor([[0.0, 0, 5, 5], [1, 1, 6, 6]])
BAD: dict[str, tuple[dict[str, Any], type[Exception], str]] = {
    "a list": ({"boxes1": BOXES.tolist()}, TypeError, r"boxes1.*Tensor.*list"),
    "none": ({"boxes2": None}, TypeError, r"boxes2.*Tensor.*None"),
    "of five": ({"boxes2": torch.zeros(2, 5)}, ValueError, r"boxes2.*\(\.\.\., 4\).*\(2, 5\)"),
    "of rank 0": ({"boxes1": torch.tensor(1.0)}, ValueError, r"boxes1.*\(\.\.\., 4\).*\(\)"),
    "complex": ({"boxes1": BOXES.to(torch.complex64)}, TypeError, r"boxes1.*complex64"),
    "bool": ({"boxes2": BOXES > 1}, TypeError, r"boxes2.*bool"),
    "lengths": ({"boxes2": torch.zeros(3, 4)}, ValueError, r"boxes2.*\(2, 4\).*\(3, 4\)"),
    "empty beside two": ({"boxes2": torch.zeros(0, 4)}, ValueError, r"boxes2.*\(2, 4\).*\(0, 4\)"),
    "elsewhere": ({"boxes2": BOXES.to("meta")}, ValueError, r"boxes2.*cpu.*meta"),
    "reduction": ({"reduction": "average"}, ValueError, r"reduction.*none, mean, sum.*average"),
    "reduction none": ({"reduction": None}, ValueError, r"reduction.*None"),
    "eps nan": ({"eps": NAN}, ValueError, r"eps.*nan"),
    "eps below 0": ({"eps": -1e-7}, ValueError, r"eps.*>= 0.*-1e-07"),
    "eps text": ({"eps": "small"}, TypeError, r"eps.*str"),
}  # fmt: skip


@pytest.mark.parametrize("case", BAD)
@pytest.mark.parametrize("name", ["giou", "siou", "wiou_v3", "inner_ciou"])
def test_bad_boxes(name: str, case: str) -> None:
    change, raises, message = BAD[case]
    with pytest.raises(raises, match=message):
        KINDS[name].function(**{"boxes1": BOXES, "boxes2": BOXES, **KINDS[name].keywords, **change})


BAD_KEYWORDS: list[tuple[str, dict[str, Any], type[Exception], str]] = [
    ("focal_eiou", {"gamma": -1}, ValueError, "gamma.*>= 0.*-1"),
    ("siou", {"theta": 0}, ValueError, "theta.*> 0.*0"),
    ("siou", {"theta": "4"}, TypeError, "theta.*str"),
    ("alpha_iou", {"alpha": 0.0}, ValueError, "alpha.*> 0"),
    ("alpha_iou", {"base": "siou"}, ValueError, "base.*iou, giou, diou, ciou.*siou"),
    ("inner_iou", {"base": "nwd"}, ValueError, "base.*nwd"),
    ("inner_iou", {"ratio": float("inf")}, ValueError, "ratio.*finite.*inf"),
    ("mpdiou", {"image_size": 640}, TypeError, r"image_size.*\(height, width\).*640"),
    ("mpdiou", {"image_size": (640, 0)}, ValueError, "image_size.*> 0"),
    ("nwd", {"constant": 0}, ValueError, "constant.*> 0"),
    ("wiou_v1", {"version": 4}, ValueError, "version.*1, 2, 3.*4"),
    ("wiou_v1", {"mean": 1.0}, ValueError, "mean.*None.*1.0"),
    ("wiou_v3", {"mean": None}, ValueError, "mean.*None"),
    ("wiou_v3", {"mean": 0.0}, ValueError, "mean.*> 0"),
    ("wiou_v3", {"mean": torch.ones(2)}, ValueError, r"mean.*\(2,\)"),
    ("wiou_v3", {"mean": torch.ones((), device="meta")}, ValueError, "mean.*cpu.*meta"),
    ("wiou_v3", {"delta": 0}, ValueError, "delta.*> 0"),
]


@pytest.mark.parametrize("name, change, raises, message", BAD_KEYWORDS)
def test_bad_keywords(name: str, change: dict[str, Any], raises: type[Exception], message: str) -> None:
    with pytest.raises(raises, match=message):
        KINDS[name].function(BOXES, BOXES, **{**KINDS[name].keywords, **change})


def test_the_reference_names_what_is_wrong() -> None:
    bad: list[tuple[dict[str, Any], str]] = [
        ({"kind": "l1"}, "kind.*iou.*l1"),
        ({"kind": "alpha_iou", "base": "eiou"}, "base.*eiou"),
        ({"kind": "wiou_v3"}, "mean"),
        ({"kind": "iou", "pred": torch.zeros(2, 3)}, re.escape("pred: expected shape (..., 4), got (2, 3)")),
    ]
    for change, message in bad:
        call: dict[str, Tensor | str] = {"pred": BOXES, "target": BOXES, **change}
        with pytest.raises(ValueError, match=message):
            reference.box_loss(**call)  # type: ignore[arg-type]
