"""What code written for torchvision.ops counts on besides the results: its errors, its empties, its types."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import pytest
import torch
import torchvision

import ptdet

BOXES, SCORES = torch.tensor([[0.0, 0, 4, 4], [1, 0, 5, 4], [9, 9, 12, 12]]), torch.tensor([0.5, 0.9, 0.7])
LOSSES = ("generalized_box_iou_loss", "distance_box_iou_loss", "complete_box_iou_loss")
WRONG_SHAPES = {
    "boxes of rank 1": (BOXES[0], SCORES), "boxes of five": (torch.zeros(3, 5), SCORES),
    "scores of rank 2": (BOXES, SCORES[:, None]), "more scores": (BOXES, torch.ones(4)),
}  # fmt: skip


@pytest.mark.parametrize("boxes, scores", WRONG_SHAPES.values(), ids=list(WRONG_SHAPES))
def test_a_wrong_shape_is_a_runtime_error_too(boxes: torch.Tensor, scores: torch.Tensor) -> None:
    for nms in (torchvision.ops.nms, ptdet.nms, ptdet.or_nms, ptdet.soft_nms):
        with pytest.raises(RuntimeError):
            nms(boxes, scores, 0.5)
    with pytest.raises(ValueError, match="boxes|scores"):
        ptdet.nms(boxes, scores, 0.5)


@pytest.mark.parametrize("name", LOSSES)
@pytest.mark.parametrize("reduction", ["avg", "", "Mean"])
def test_an_unknown_reduction_is_invalid(name: str, reduction: str) -> None:
    for home in (torchvision.ops, ptdet):
        with pytest.raises(ValueError, match="Invalid"):
            getattr(home, name)(BOXES, BOXES, reduction=reduction)


@pytest.mark.parametrize("name", LOSSES)
def test_the_mean_over_no_pair_is_zero_with_a_gradient(name: str) -> None:
    for home in (torchvision.ops, ptdet):
        none = torch.zeros(0, 4, requires_grad=True)
        loss = getattr(home, name)(none, torch.zeros(0, 4), reduction="mean")
        loss.backward()
        assert loss == 0 and none.grad is not None and none.grad.shape == (0, 4)


@pytest.mark.parametrize("batched", [torchvision.ops.batched_nms, ptdet.batched_nms])
def test_boxes_without_elements(batched: Callable[..., Any]) -> None:
    for boxes in (torch.tensor([]), torch.zeros(0, 4, dtype=torch.float64), torch.zeros(5, 0, dtype=torch.int32)):
        keep = batched(boxes, None, "not looked at", None)
        assert keep.dtype == torch.int64 and keep.shape == (0,)


@pytest.mark.parametrize("dtype", [torch.uint8, torch.int8, torch.int64, torch.float16, torch.float32, torch.float64])
def test_the_type_of_an_area(dtype: torch.dtype) -> None:
    boxes = torch.tensor([[3, 5, 100, 90]]).to(dtype)
    ours, theirs = ptdet.box_area(boxes), torchvision.ops.box_area(boxes)
    assert ours.dtype == theirs.dtype and ours.item() == theirs.item() == 97 * 85


@pytest.mark.filterwarnings("ignore:.torch.jit.script. is")  # torch's own, by which it says what to use instead
def test_torch_jit_script_takes_what_torchvision_has_scripted() -> None:
    few = BOXES[1:]
    for name in ("box_iou", "generalized_box_iou", "distance_box_iou", "complete_box_iou"):
        function = getattr(ptdet, name)
        assert torch.equal(torch.jit.script(function)(BOXES, few), function(BOXES, few)), name
    convert, area = torch.jit.script(ptdet.box_convert), torch.jit.script(ptdet.box_area)
    for boxes in (BOXES, BOXES.int(), BOXES.half()):
        assert torch.equal(area(boxes), ptdet.box_area(boxes))
        for in_fmt in ("xyxy", "xywh", "cxcywh"):
            for out_fmt in ("xyxy", "xywh", "cxcywh"):
                expected = ptdet.box_convert(boxes, in_fmt, out_fmt)
                assert convert(boxes, in_fmt, out_fmt).dtype == expected.dtype
                assert torch.equal(convert(boxes, in_fmt, out_fmt), expected)
