"""What the index must not pass over at the ends of the range, where products and thresholds lose their digits."""

from __future__ import annotations

import math

import pytest
import torch

import ptdet
from ptdet import reference
from ptdet.testing import method_call

SCORES = torch.tensor([0.9, 0.8])


def test_a_gaussian_decays_by_a_giou_without_a_common_area(backend: str) -> None:
    """The areas are subnormal and rounded: their sum exceeds the hull, GIoU is 1/9 though the intersection is 0."""
    sides = (
        ("0x1.e95f18p-76", "0x1.080344p-75", "0x1.c869b6p-74", "0x1.f3bc94p-73"),
        ("0x1.a0798cp-76", "0x1.bedfb4p-75", "0x1.1e3610p-75", "0x1.c18f4ap-73"),
    )
    boxes = torch.tensor([[float.fromhex(each) for each in box] for box in sides])
    overlap = ptdet.generalized_box_iou(boxes, boxes)[1, 0]
    torch.testing.assert_close(overlap, torch.tensor(1 / 9), rtol=1e-3, atol=0)
    decayed, keep = ptdet.soft_nms(boxes, torch.tensor([0.9, 0.5]), 0.3, metric="giou", sigma=0.1, min_score=0.0)
    assert keep.tolist() == [0, 1]
    torch.testing.assert_close(decayed[1], 0.5 * torch.exp(-overlap * overlap / 0.1), rtol=1e-6, atol=0)


def test_ios_of_areas_that_overflow_at_a_threshold_below_the_type(backend: str) -> None:
    """IoS is 0.28, and both areas are infinite in float32 times no factor above 0."""
    boxes = torch.tensor([[1.3117e18, 8.6174e18, 6.0794e18, 3.7393e19], [3.2357e18, 1.67e19, 2.9344e19, 3.0186e19]])
    for threshold in (1e-46, 1e-320, 1.4e-45, 0.1):
        assert ptdet.nmm(boxes, SCORES, threshold)[1].tolist() == [0], threshold
        assert ptdet.nms(boxes, SCORES, threshold, metric="ios").tolist() == [0], threshold


def test_a_subnormal_threshold_is_not_rounded_up(backend: str) -> None:
    """IoU = 2.8e-45, the second number above 0 of float32, against 2.2e-45."""
    boxes = torch.tensor([[0.0, 0, 1e19, 1e19], [0, 0, 4.8e-4, 4.8e-4]])
    for method in (ptdet.nms, ptdet.or_nms, ptdet.fast_nms):
        assert method(boxes, SCORES, 2.2e-45).tolist() == [0]


@pytest.mark.parametrize("metric", ["iof", "iou", "ios"])
def test_boxes_without_an_end_hide_nobody(metric: str) -> None:
    """Below a threshold of 0 even boxes apart meet. A side of 0 beside a box that ends nowhere hid the others."""
    row = [[float(i), 0.0, i + 1.0, 10.0] for i in range(200)]
    boxes = torch.tensor([[5.0, 20.0, 5.0, math.inf], *row, [0.0, 0.0, 9.0, math.inf]])
    scores = torch.linspace(1, 0.1, len(boxes))
    for name, given in (("nmm_walk", {"members_propagate": True}), ("and_nms_walk", {"overlap_threshold": -0.5})):
        call = boxes, scores, None, -0.2
        found = getattr(torch.ops.ptdet, name)(*call, metric=metric, inclusive=True, **given)
        expected = getattr(reference, name)(*call, metric=metric, inclusive=True, **given)
        assert all(torch.equal(a, b) for a, b in zip(found, expected, strict=True)), name


@pytest.mark.parametrize("beta", [0.6, 1.0, 1.7])
@pytest.mark.parametrize("threshold", [0.0, 1e-45, 0.3])
def test_a_power_of_diou_at_a_threshold_of_0(beta: float, threshold: float) -> None:
    """Above 1 it lies above DIoU, which so bounds nothing."""
    call = method_call(390, most=300)
    boxes, scores = call.arguments[:2]
    ours = torch.ops.ptdet.diou_nms_walk(boxes, scores, None, threshold, beta=beta)
    expected = reference.diou_nms_walk(boxes, scores, None, threshold, beta=beta)
    assert all(torch.equal(a, b) for a, b in zip(ours, expected, strict=True))
