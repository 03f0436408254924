"""Box utilities: torchvision's results, and better ones where its narrow integers wrap."""

from __future__ import annotations

from typing import Any

import pytest
import torch
import torchvision

import ptdet
import ptdet.nn.losses
import ptdet.ops.boxes
import ptdet.ops.losses
from tests.loss_kinds import random_pairs

FORMATS = ("xyxy", "xywh", "cxcywh")
BOXES = torch.tensor([[0.0, 0, 5, 5], [1, 1, 6, 9]])


@pytest.mark.parametrize("dtype", [torch.float64, torch.float32, torch.int64, torch.int32], ids=str)
@pytest.mark.parametrize("out_fmt", FORMATS)
@pytest.mark.parametrize("in_fmt", FORMATS)
def test_convert(in_fmt: str, out_fmt: str, dtype: torch.dtype) -> None:
    """torchvision goes from one size form to the other by way of the corners, and rounds these."""
    boxes = random_pairs(60, torch.float64, 100.0)[0].to(dtype).reshape(3, 20, 4)
    ours, theirs = ptdet.box_convert(boxes, in_fmt, out_fmt), torchvision.ops.box_convert(boxes, in_fmt, out_fmt)
    if dtype.is_floating_point:
        rounding = 2 * torch.finfo(dtype).eps * float(boxes.abs().max() * 2)  # a corner is a coordinate and a side
        torch.testing.assert_close(ours, theirs, rtol=0, atol=rounding)
    else:
        assert ours.dtype == theirs.dtype and torch.equal(ours, theirs)
    assert ours.data_ptr() != boxes.data_ptr()


@pytest.mark.parametrize("dtype", [torch.float16, torch.bfloat16], ids=str)
@pytest.mark.parametrize("out_fmt", FORMATS)
@pytest.mark.parametrize("in_fmt", FORMATS)
def test_convert_half(in_fmt: str, out_fmt: str, dtype: torch.dtype) -> None:
    """Rounded once: 40000 + 49984 does not overflow float16 on the way to its half."""
    boxes = random_pairs(60, dtype, 100.0)[0]
    expected = torchvision.ops.box_convert(boxes.float(), in_fmt, out_fmt).to(dtype)
    assert torch.equal(ptdet.box_convert(boxes, in_fmt, out_fmt), expected)
    far = torch.tensor([40000.0, 0, 49984, 2]).half()
    assert ptdet.box_convert(far, "xyxy", "cxcywh").tolist() == [44992, 1, 9984, 2]


ROTATED_FORMATS = ("xywhr", "cxcywhr", "xyxyxyxy")


@pytest.mark.parametrize("out_fmt", ROTATED_FORMATS)
@pytest.mark.parametrize("in_fmt", ROTATED_FORMATS)
def test_convert_rotated(in_fmt: str, out_fmt: str) -> None:
    """Whole quarters of a turn are exact here; torchvision's cosine of 90 degrees is not 0."""
    draw = torch.Generator().manual_seed(1)
    sides, angle = 1 + 50 * torch.rand(40, 2, generator=draw), 720 * torch.rand(40, 1, generator=draw) - 360
    boxes = torch.cat([100 * torch.rand(40, 2, generator=draw), sides, angle], 1).double()
    boxes[:8, 4] = torch.arange(-4, 4) * 90.0
    given = torchvision.ops.box_convert(boxes, "cxcywhr", in_fmt) if in_fmt != "cxcywhr" else boxes
    ours, theirs = ptdet.box_convert(given, in_fmt, out_fmt), torchvision.ops.box_convert(given, in_fmt, out_fmt)
    if in_fmt == "xyxyxyxy" and out_fmt != in_fmt:  # -180 and 180 degrees are one
        apart = (ours[:, 4] - theirs[:, 4] + 180).remainder(360) - 180
        ours, theirs = ours[:, :4], theirs[:, :4]
        assert float(apart.abs().max()) < 1e-9
    torch.testing.assert_close(ours, theirs, rtol=0, atol=1e-10)
    whole = ptdet.box_convert(given.long(), in_fmt, out_fmt)
    assert whole.dtype == torch.int64 and whole.shape == (40, 8 if out_fmt == "xyxyxyxy" else 5)
    exact = ptdet.box_convert(torch.tensor([[5.0, 4, 6, 2, 90]]), "cxcywhr", "xyxyxyxy")
    assert exact.tolist() == [[4, 7, 4, 1, 6, 1, 6, 7]]
    assert ptdet.box_convert(exact, "xyxyxyxy", "cxcywhr").tolist() == [[5, 4, 6, 2, 90]]


def test_convert_does_not_wrap() -> None:
    boxes = torch.tensor([200, 100, 249, 203], dtype=torch.uint8)
    assert ptdet.box_convert(boxes, "xywh", "xyxy").tolist() == [200, 100, 449, 303]
    assert ptdet.box_convert(boxes, "xyxy", "cxcywh").tolist() == [224.5, 151.5, 49, 103]
    assert ptdet.box_convert(boxes, "xyxy", "xyxy").dtype == torch.uint8


@pytest.mark.parametrize("in_fmt", FORMATS)
def test_convert_there_and_back_with_a_gradient(in_fmt: str) -> None:
    boxes = random_pairs(5, torch.float64)[0].requires_grad_()
    for out_fmt in FORMATS:
        back = ptdet.box_convert(ptdet.box_convert(boxes, in_fmt, out_fmt), out_fmt, in_fmt)
        torch.testing.assert_close(
            back, boxes, rtol=0, atol=8 * torch.finfo(boxes.dtype).eps * boxes.detach().abs().max().item()
        )
        assert torch.autograd.gradcheck(ptdet.box_convert, (boxes, in_fmt, out_fmt))


DTYPES = (
    torch.float64, torch.float32, torch.float16, torch.bfloat16,
    torch.int64, torch.int32, torch.int16, torch.int8, torch.uint8,
)  # fmt: skip


@pytest.mark.parametrize("dtype", DTYPES, ids=str)
@pytest.mark.parametrize("fmt", FORMATS)
def test_area(fmt: str, dtype: torch.dtype) -> None:
    boxes = random_pairs(60, torch.float64, 70.0)[0].to(dtype).reshape(3, 20, 4)
    ours, theirs = ptdet.box_area(boxes, fmt), torchvision.ops.box_area(boxes, fmt)
    wider = dtype in (torch.int16, torch.int32)  # whose areas its int32 does not hold
    assert ours.dtype == (torch.int64 if wider else theirs.dtype) and torch.equal(ours, theirs)


def test_area_does_not_wrap() -> None:
    """Products by hand; torchvision gives -1794967296, -131071 and 131072."""
    assert ptdet.box_area(torch.tensor([0, 0, 50_000, 50_000], dtype=torch.int32)).item() == 2_500_000_000
    whole = torch.tensor([-(2**15), -(2**15), 2**15 - 1, 2**15 - 1], dtype=torch.int16)
    assert ptdet.box_area(whole).item() == 65_535**2
    assert ptdet.box_area(torch.tensor([-(2**31), 0, 2**31 - 1, 2], dtype=torch.int32)).item() == 2 * (2**32 - 1)
    assert ptdet.box_area(torch.tensor([-128, -128, 127, 127], dtype=torch.int8)).item() == 255**2


def test_clip_and_remove_small_at_the_ends_of_a_type() -> None:
    wide = torch.tensor([[-(2**31), 0, 2**31 - 1, 2]], dtype=torch.int32)  # 2^32 - 1 wide
    assert [ptdet.remove_small_boxes(wide, size).tolist() for size in (2, -(2**70), 2**63)] == [[0], [0], []]
    boxes = torch.tensor([-5, -5, 127, 100], dtype=torch.int8)
    for size in ((50, 640), (50.0, float("inf")), (50, 2**63)):
        assert ptdet.clip_boxes_to_image(boxes, size).tolist() == [0, 0, 127, 50]  # type: ignore[arg-type]


@pytest.mark.parametrize("dtype", DTYPES, ids=str)
def test_clip(dtype: torch.dtype) -> None:
    boxes = random_pairs(60, torch.float64, 70.0)[0] - (0 if dtype == torch.uint8 else 20)
    boxes = boxes.to(dtype).reshape(3, 20, 4)
    for size in ((30, 50), (0, 7)):
        ours, theirs = ptdet.clip_boxes_to_image(boxes, size), torchvision.ops.clip_boxes_to_image(boxes, size)
        assert ours.dtype == dtype and torch.equal(ours, theirs)


@pytest.mark.parametrize("dtype", [torch.float64, torch.float32, torch.int64], ids=str)
@pytest.mark.parametrize("min_size", [0, 10, 25.5, 1e9, -5, float("inf")])
def test_remove_small(min_size: float, dtype: torch.dtype) -> None:
    boxes = random_pairs(100, torch.float64, 70.0)[0].to(dtype)
    boxes = torch.cat([boxes, boxes[:7, [2, 3, 0, 1]]])
    ours, theirs = ptdet.remove_small_boxes(boxes, min_size), torchvision.ops.remove_small_boxes(boxes, min_size)
    assert ours.dtype == torch.int64 and torch.equal(ours, theirs)


def test_remove_small_at_the_size_itself_and_without_wrapping() -> None:
    boxes = torch.tensor([[0, 0, 4, 5], [5, 5, 4, 4], [0, 0, 3, 5]], dtype=torch.uint8)
    assert ptdet.remove_small_boxes(boxes, 4).tolist() == [0]


def test_empty() -> None:
    none = torch.zeros(0, 4)
    assert ptdet.box_convert(none, "xyxy", "cxcywh").shape == (0, 4)
    assert ptdet.box_area(none).shape == (0,) and ptdet.clip_boxes_to_image(none, (4, 4)).shape == (0, 4)
    assert ptdet.remove_small_boxes(none, 1).shape == (0,)


BAD: list[tuple[str, tuple[Any, ...], type[Exception], str]] = [
    ("box_convert", (BOXES, "xyxy", "yxyx"), ValueError, "out_fmt: expected one of xyxy, xywh, cxcywh, got 'yxyx'"),
    ("box_convert", (BOXES, 3, "xyxy"), ValueError, "in_fmt: .* got 3"),
    ("box_convert", (BOXES, "xywhr", "xyxy"), ValueError, "in_fmt.*xywhr.*rotated.box_convert"),
    ("box_convert", (BOXES, "xywhr", "cxcywhr"), ValueError, r"boxes.*\(\.\.\., 5\).*\(2, 4\)"),
    ("box_convert", (BOXES.tolist(), "xywh", "xyxy"), TypeError, "boxes.*Tensor.*list"),
    ("box_convert", (torch.zeros(3, 5), "xywh", "xyxy"), ValueError, r"boxes.*\(\.\.\., 4\).*\(3, 5\)"),
    ("box_area", (BOXES, "corners"), ValueError, "fmt.*corners"),
    ("box_area", (torch.tensor(3.0),), ValueError, "boxes"),
    ("box_area", (BOXES > 1,), TypeError, "boxes.*bool"),
    ("clip_boxes_to_image", (BOXES, 640), TypeError, r"size.*\(height, width\).*640"),
    ("clip_boxes_to_image", (BOXES, (640, -1)), ValueError, r"size.*>= 0.*\(640, -1\)"),
    ("clip_boxes_to_image", (BOXES, (640, "480")), TypeError, "size.*str"),
    ("remove_small_boxes", (BOXES[0], 1), ValueError, r"boxes.*\(N, 4\).*\(4,\)"),
    ("remove_small_boxes", (BOXES, float("nan")), ValueError, "min_size.*nan"),
    ("remove_small_boxes", (BOXES, None), TypeError, "min_size.*None"),
]


@pytest.mark.parametrize("name, arguments, raises, message", BAD)
def test_bad_input(name: str, arguments: tuple[Any, ...], raises: type[Exception], message: str) -> None:
    with pytest.raises(raises, match=message):
        getattr(ptdet, name)(*arguments)
