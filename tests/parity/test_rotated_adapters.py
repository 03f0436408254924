"""Rotated boxes as other packages write them: units and senses by hand, and beside the packages that install."""

from __future__ import annotations

import math
from typing import Any

import numpy as np
import pytest
import torch
from torch import Tensor

import ptdet
from ptdet.integrations import detectron2, mmcv, supervision
from ptdet.ops.rotated_degrees import of_degrees

# A box of 4 x 2, turned by 30 degrees from +x to +y, and the upright box beside it.
THIRTY = torch.tensor([[5.0, 5, 4, 2, math.pi / 6], [6, 5, 4, 2, 0]], dtype=torch.float64)


def crowd(count: int, seed: int) -> Tensor:
    """In radians from +x to +y."""
    random = torch.Generator().manual_seed(seed)
    shares = torch.rand(count, 5, generator=random, dtype=torch.float64)
    return shares * torch.tensor([60.0, 60, 30, 12, 6.2]) + torch.tensor([0.0, 0, 4, 2, -3.1])


def in_degrees(boxes: Tensor) -> Tensor:
    return torch.cat([boxes[:, :4], -torch.rad2deg(boxes[:, 4:])], 1)


def test_whole_quarters_are_exact() -> None:
    """A quarter of a turn exchanges the sides and nothing else; so do 450 and -270 degrees."""
    for degrees in (0.0, 90, 180, 270, 360, -90, -180, 450, 36090):
        given = torch.tensor([[5.0, 6, 4, 2, degrees]])
        sides = [2, 4] if degrees % 180 else [4, 2]
        assert of_degrees(given).tolist() == [[5, 6, *sides, 0]]
        upright = torch.tensor([[5.0, 6, *sides, 0], [5.5, 6.25, 4, 2, 0]])
        found = detectron2.pairwise_iou_rotated(given, upright)
        assert torch.equal(found, ptdet.rotated.box_iou(upright[:1], upright)) and found[0, 0] == 1
    thirty = of_degrees(torch.tensor([[5.0, 5, 4, 2, -30], [5, 5, 4, 2, 60]], dtype=torch.float64))
    torch.testing.assert_close(thirty[:, 4], torch.full((2,), math.pi / 6, dtype=torch.float64), rtol=1e-15, atol=0)
    assert thirty[1, 2:4].tolist() == [2, 4]


def test_senses() -> None:
    """IoU changes when both angles change sign: each package's own way to write THIRTY gives the same number."""
    expected = ptdet.rotated.box_iou(THIRTY[:1], THIRTY[1:])
    mirrored = THIRTY * torch.tensor([1.0, 1, 1, 1, -1])
    for found in (
        mmcv.box_iou_rotated(THIRTY[:1], THIRTY[1:]),
        mmcv.box_iou_rotated(mirrored[:1], mirrored[1:], clockwise=False),
        detectron2.pairwise_iou_rotated(in_degrees(THIRTY[:1]), in_degrees(THIRTY[1:])),
        ptdet.box_iou(in_degrees(THIRTY[:1]), in_degrees(THIRTY[1:]), "cxcywhr"),
    ):
        torch.testing.assert_close(found, expected, rtol=1e-14, atol=0)
    moved = THIRTY + torch.tensor([0.0, 0.5, 0, 0, 0])  # along y, which tells the senses apart
    assert abs(mmcv.box_iou_rotated(THIRTY[:1], moved[1:]) - mmcv.box_iou_rotated(mirrored[:1], moved[1:])) > 0.05


def test_torchvision() -> None:
    """Its three rotated formats, in general position, where its own overlaps are right; and under `patch()`."""
    ops = pytest.importorskip("torchvision.ops")
    first, second = in_degrees(crowd(40, 0)), in_degrees(crowd(30, 1))
    for fmt in ("cxcywhr", "xywhr", "xyxyxyxy"):
        pair = [first, second]
        if fmt != "cxcywhr":
            pair = [ops.box_convert(each, "cxcywhr", "xywhr") for each in pair]
        if fmt == "xyxyxyxy":
            pair = [ops.box_convert(each, "xywhr", fmt) for each in pair]
        ours = ptdet.box_iou(*pair, fmt)
        assert ours.dtype == torch.float64 and (ours > 0.1).sum() > 30
        expected = ptdet.rotated.box_iou(crowd(40, 0), crowd(30, 1))
        torch.testing.assert_close(ours, expected, rtol=0, atol=1e-12)
        torch.testing.assert_close(ours.float(), ops.box_iou(*(each.float() for each in pair), fmt), rtol=0, atol=1e-4)
        with ptdet.patch() as patched:
            assert torch.equal(ops.box_iou(*pair, fmt), ours) and patched.calls["box_iou"] == 1
    with pytest.raises(ValueError, match=r"boxes1: expected shape \(..., 5\), got \(40, 4\)"):
        ptdet.box_iou(first[:, :4], second, "cxcywhr")
    assert ptdet.box_iou(first.half(), second.half(), "cxcywhr").dtype == torch.float32
    assert ptdet.box_iou(first[:0], second, "cxcywhr").shape == (0, 30)


def test_gradient_in_degrees() -> None:
    first, second = (in_degrees(crowd(4, seed)).requires_grad_() for seed in (2, 3))
    assert torch.autograd.gradcheck(lambda a, b: ptdet.box_iou(a, b, "cxcywhr"), (first, second))
    assert torch.autograd.gradcheck(lambda a: ptdet.box_iou(a, second.detach(), "xywhr"), (first,))


def test_suppressions() -> None:
    boxes, random = crowd(300, 4), torch.Generator().manual_seed(5)
    scores, labels = torch.rand(300, generator=random).double(), torch.randint(-2, 3, (300,), generator=random)
    free, within = ptdet.rotated.nms(boxes, scores, 0.3), ptdet.rotated.batched_nms(boxes, scores, labels, 0.3)
    assert 20 < len(free) < len(within) < 290
    mirrored = torch.cat([boxes[:, :4], -boxes[:, 4:]], 1)
    for given, clockwise in ((boxes, True), (mirrored, False)):
        for ids, keep in ((None, free), (labels, within)):
            dets, found = mmcv.nms_rotated(given, scores, 0.3, ids, clockwise)
            assert torch.equal(found, keep) and torch.equal(dets, torch.cat([given, scores[:, None]], 1)[keep])
    config = {"type": "nms_rotated", "iou_threshold": 0.3, "split_thr": 10}
    assert torch.equal(mmcv.batched_nms(boxes, scores, labels, config)[1], within)
    assert torch.equal(mmcv.batched_nms(boxes, scores, labels, config, class_agnostic=True)[1], free)
    aligned = mmcv.box_iou_rotated(boxes, boxes.flip(0), "iof", aligned=True)
    assert torch.equal(aligned, ptdet.rotated.pairwise_overlap(boxes, boxes.flip(0), "iof").diagonal())
    degrees = in_degrees(boxes)
    assert torch.equal(detectron2.nms_rotated(degrees, scores, 0.3), free)
    assert torch.equal(detectron2.batched_nms_rotated(degrees, scores, labels, 0.3), within)
    dets, keep = mmcv.nms_rotated(boxes[:0], scores[:0], 0.3)
    assert dets.shape == (0, 6) and len(keep) == 0 and len(detectron2.nms_rotated(degrees[:0], scores[:0], 0.3)) == 0
    with pytest.raises(ValueError, match=r"dets: expected shape \(N, 5\)"):
        mmcv.nms_rotated(boxes[:, :4], scores, 0.3)
    with pytest.raises(ValueError, match=r"boxes: expected shape \(..., 5\), got \(300, 4\)"):
        detectron2.nms_rotated(boxes[:, :4], scores, 0.3)
    with pytest.raises(ValueError, match="nms_cfg: max_num is not known here"):
        mmcv.batched_nms(boxes, scores, labels, {**config, "max_num": 3})


class Detections:
    """As much of supervision's as the adapter asks for."""

    def __init__(self, xyxy: Any, confidence: Any, class_id: Any, data: dict[str, Any]) -> None:
        self.xyxy, self.confidence, self.class_id, self.data = xyxy, confidence, class_id, data
        self.mask: Any = None

    def __len__(self) -> int:
        return len(self.xyxy)

    def __getitem__(self, which: Any) -> Detections:
        data = {name: each[which] for name, each in self.data.items()}
        return Detections(self.xyxy[which], self.confidence[which], self.class_id[which], data)


def quads_of(boxes: Tensor) -> Any:
    return ptdet.rotated.box_convert(boxes, "cxcywhr", "xyxyxyxy").reshape(-1, 4, 2).numpy()


def oriented(count: int, seed: int) -> Detections:
    boxes, random = crowd(count, seed), np.random.default_rng(seed)
    upright = ptdet.rotated.box_convert(boxes, "cxcywhr", "xyxy").numpy()
    scores, labels = random.permutation(count) / count, random.integers(0, 3, count)
    return Detections(upright, scores, labels, {"xyxyxyxy": quads_of(boxes)})


def test_supervision_by_hand() -> None:
    """A cross, whose upright boxes are nearly one, and its first box once more."""
    cross = torch.tensor([[50.0, 50, 40, 4, 0.7], [50, 50, 40, 4, -0.7], [50, 50, 40, 4, 0.7]], dtype=torch.float64)
    rows = np.array([[0, 0, 1, 1, 0.7, 1], [0, 0, 1, 1, 0.9, 1], [0, 0, 1, 1, 0.8, 1.0]])
    quads = quads_of(cross)
    assert supervision.oriented_box_non_max_suppression(rows, quads).tolist() == [False, True, True]
    assert supervision.oriented_box_non_max_merge(rows, quads.reshape(-1, 8)) == [[1], [2, 0]]
    overlaps = supervision.oriented_box_iou_batch(quads, quads, "IOS")
    np.testing.assert_allclose(overlaps[0, [0, 2]], 1, rtol=1e-12)
    given = oriented(120, 7)
    assert len(supervision.with_nms(given, 0.3)) > len(supervision.with_nms(given, 0.3, class_agnostic=True)) > 20
    with pytest.raises(ValueError, match="oriented_boxes: expected 3 as of predictions, got 2"):
        supervision.oriented_box_non_max_suppression(rows, quads[:2])
    with pytest.raises(ValueError, match=r"oriented_boxes: expected shape \(N, 4, 2\) or \(N, 8\)"):
        supervision.oriented_box_non_max_merge(rows, quads[:, :3])


def test_supervision_merges_by_hand() -> None:
    """Two boxes in the direction (0.8, 0.6), whose first corners are (0, 0) and (8, 6), and one of another class."""
    first = np.array([[0, 0], [16, 12], [13, 16], [-3, 4.0]])  # 20 x 5
    quads = np.stack([first + [8, 6], first, first + [100, 0]])
    upright = np.concatenate([quads.min(1), quads.max(1)], 1)
    labels = np.array([1, 1, 0])
    given = Detections(upright, np.array([0.5, 0.8, 0.6]), labels, {"xyxyxyxy": quads})
    found = supervision.with_nmm(given, 0.3)  # IoU 1/3
    merged = np.array([[0, 0], [24, 18], [21, 22], [-3, 4]])
    np.testing.assert_allclose(found.data["xyxyxyxy"], [quads[2], merged], atol=1e-13)
    np.testing.assert_allclose(found.xyxy, [upright[2], [-3, 0, 24, 22]], atol=1e-13)
    np.testing.assert_allclose(found.confidence, [0.6, 0.65])  # upright boxes of one area
    assert found.class_id.tolist() == [0, 1]
    assert len(supervision.with_nmm(given, 0.34)) == 3
    # the best one's first side says which corner comes first: here 5 long
    given.data["xyxyxyxy"] = np.roll(quads, 1, axis=1)
    found = supervision.with_nmm(given, 0.3, class_agnostic=True)
    np.testing.assert_allclose(found.data["xyxyxyxy"][0], np.roll(merged, 1, axis=0), atol=1e-13)
    # whole numbers far away, unsigned: exact but for the rounding to float64
    far = np.uint64(2**50)
    given.data["xyxyxyxy"] = np.round(quads).astype(np.int64).astype(np.uint64) + far
    found = supervision.with_nmm(given, 0.3)
    np.testing.assert_allclose(found.data["xyxyxyxy"][1] - float(far), merged, atol=0.5)
    assert found.data["xyxyxyxy"].dtype == np.float64
    # two that are one point: they share no area, so that they never meet
    point = Detections(np.zeros((2, 4)), np.array([0.4, 0.6]), np.array([1, 1]), {"xyxyxyxy": np.zeros((2, 4, 2))})
    assert supervision.with_nmm(point, 0.1).confidence.tolist() == [0.6, 0.4]
    assert supervision.with_nmm(point, 0.0).data["xyxyxyxy"].tolist() == [[[0.0, 0]] * 4]
    assert len(supervision.with_nmm(given[:0])) == 0
    given.mask = np.ones((3, 4, 4))
    with pytest.raises(NotImplementedError, match="masks"):
        supervision.with_nmm(given)


def test_supervision_itself() -> None:
    sv = pytest.importorskip("supervision")
    given = oriented(150, 8)
    quads = given.data["xyxyxyxy"]
    rows = np.column_stack([given.xyxy, given.confidence, given.class_id])
    np.testing.assert_allclose(
        supervision.oriented_box_iou_batch(quads, quads), sv.oriented_box_iou_batch(quads, quads), atol=1e-5
    )
    for metric in sv.detection.utils.iou_and_nms.OverlapMetric:
        for columns in (5, 6):
            theirs = sv.oriented_box_non_max_suppression(rows[:, :columns], quads, 0.31, metric)
            ours = supervision.oriented_box_non_max_suppression(rows[:, :columns], quads, 0.31, metric)
            assert np.array_equal(theirs, ours)
            groups = sv.oriented_box_non_max_merge(rows[:, :columns], quads, 0.31, metric)
            assert sorted(groups) == sorted(
                supervision.oriented_box_non_max_merge(rows[:, :columns], quads, 0.31, metric)
            )
    theirs = sv.Detections(
        xyxy=given.xyxy, confidence=given.confidence, class_id=given.class_id, data={"xyxyxyxy": quads}
    )
    assert np.array_equal(supervision.with_nms(theirs, 0.31).xyxy, theirs.with_nms(0.31).xyxy)
    for dtype in (np.float64, np.float32, np.int64):
        theirs.data = {"xyxyxyxy": (quads * (10 if dtype == np.int64 else 1)).astype(dtype), "name": np.arange(150)}
        for agnostic in (False, True):
            one, other = supervision.with_nmm(theirs, 0.31, agnostic), theirs.with_nmm(0.31, agnostic)
            assert 10 < len(one) < 140
            np.testing.assert_allclose(one.data["xyxyxyxy"], other.data["xyxyxyxy"], atol=1e-4)
            np.testing.assert_allclose(one.xyxy, other.xyxy, atol=1e-4)
            np.testing.assert_allclose(one.confidence, other.confidence, rtol=1e-6)
            assert one.data["xyxyxyxy"].dtype == other.data["xyxyxyxy"].dtype
            assert np.array_equal(one.data["name"], other.data["name"])
            assert np.array_equal(one.class_id, other.class_id)
