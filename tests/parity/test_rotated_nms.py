"""NMS of rotated boxes: the kernels beside the reference. The oracle's greedy loop is in tests/rotated_campaign.py."""

from __future__ import annotations

import math

import pytest
import torch
from torch import Tensor

import ptdet
from ptdet import reference
from ptdet._shared.parameters import ROTATED_METRICS

OF_AREAS = ("iou", "iof", "ios")
KINDS = ("dense", "nested", "crossing", "apart", "ties", "strange")


def drawn(kind: str, count: int, seed: int) -> tuple[Tensor, Tensor]:
    """Boxes and scores, both with ties where the kind says so."""
    random = torch.Generator().manual_seed(1000 * seed + KINDS.index(kind))

    def within(low: float, high: float) -> Tensor:
        return low + (high - low) * torch.rand(count, generator=random, dtype=torch.float64)

    scores = within(0, 1)
    if kind == "dense":
        columns = within(0, 20), within(0, 20), within(5, 15), within(5, 15), within(-4, 4)
    elif kind == "nested":
        size = within(1, 40)
        columns = within(49, 51), within(49, 51), size, size * within(0.3, 1), within(0, 0.2)
    elif kind == "crossing":
        columns = within(0, 60), within(0, 60), within(30, 90), within(0.5, 2), within(-4, 4)
    elif kind == "apart":
        columns = within(0, 900), within(0, 900), within(5, 40), within(5, 40), within(-4, 4)
    else:
        columns = within(0, 12).round(), within(0, 12).round(), within(0, 9).round(), within(0, 9).round(), within(0, 2)
        columns = (*columns[:4], columns[4].round() * (math.pi / 2))
        scores = (scores * 6).round() / 6
    boxes = torch.stack(columns, dim=-1)
    if kind == "strange":
        values = torch.tensor([math.nan, math.inf, -math.inf, 0, -1, 1e300, 1e-300, 1e17], dtype=torch.float64)
        at = torch.randint(0, count * 5, (count // 4 + 1,), generator=random)
        boxes.view(-1)[at] = values[torch.randint(0, len(values), (len(at),), generator=random)]
    return boxes, scores


def same(found: tuple[Tensor, ...], expected: tuple[Tensor, ...]) -> bool:
    return all(torch.equal(a, b) for a, b in zip(found, expected, strict=True))


@pytest.mark.parametrize("sets", [2, pytest.param(5, marks=pytest.mark.slow)])
@pytest.mark.parametrize("kind", KINDS)
def test_kernels_beside_the_reference(kind: str, sets: int) -> None:
    for seed in range(sets):
        boxes, scores = drawn(kind, (7, 70, 300)[seed % 3], seed)
        random = torch.Generator().manual_seed(seed)
        ids = torch.randint(-1, 3, (len(boxes),), generator=random)
        for call in range(8):
            asked = (
                (0.3, 0.0, -0.1, 0.7, 1.0, 0.5)[(seed + call) % 6],
                ROTATED_METRICS[(seed + call) % len(ROTATED_METRICS)],
                call % 2 == 0,
                (None, 0.4)[call // 4],
                (None, 0, 3)[(call + seed) % 3],
            )
            for groups in (None, ids):
                for dtype in (torch.float64, torch.float32, torch.float16):
                    given = (boxes.to(dtype), scores, groups, *asked)
                    found = torch.ops.ptdet.rotated_nms_walk(*given)
                    assert same(found, reference.rotated_nms_walk(*given)), (kind, seed, dtype, asked)


def test_boxes_that_are_not_rotated_are_kept_as_by_ptdet() -> None:
    boxes, scores = drawn("ties", 300, 1)
    boxes[:, 4] = 0
    boxes[:, 2:4] += 1
    corners = ptdet.rotated.box_convert(boxes, "cxcywhr", "xyxy")
    for metric in OF_AREAS:
        for threshold in (0.0, 0.25, 0.5):
            for inclusive in (False, True):
                found = ptdet.rotated.nms(boxes, scores, threshold, metric=metric, inclusive=inclusive)
                assert torch.equal(found, ptdet.nms(corners, scores, threshold, metric=metric, inclusive=inclusive))


def test_a_large_set_in_classes_and_threads() -> None:
    """An index that missed a pair would keep it: beside the pairs of the overlaps themselves."""
    boxes, scores = drawn("apart", 3000, 5)
    boxes[:, :2] += torch.tensor([5e5, 4e6])  # where float32 would not do
    ids = torch.arange(3000) % 7
    keep, owner = ptdet.rotated.batched_nms(boxes, scores, ids, 0.1, return_owner=True)
    threads = torch.get_num_threads()
    torch.set_num_threads(1)
    assert torch.equal(keep, ptdet.rotated.batched_nms(boxes, scores, ids, 0.1))
    torch.set_num_threads(threads)
    met = (ptdet.rotated.box_iou(boxes, boxes) > 0.1) & (ids[:, None] == ids)
    assert not bool(met[keep][:, keep].fill_diagonal_(False).any())
    removed = (owner != torch.arange(3000)).nonzero()[:, 0]
    assert bool(met[removed, owner[removed]].all())
    assert bool((scores[owner[removed]] >= scores[removed]).all())
    before = scores[keep][None] > scores[:, None]
    assert torch.equal((met[:, keep] & before).any(1), owner != torch.arange(3000))


def test_arrays_are_answered_alike() -> None:
    boxes, scores = drawn("dense", 200, 9)
    ids = torch.arange(200) % 3
    arrays = boxes.numpy(), scores.numpy()
    for metric in ROTATED_METRICS:
        found = ptdet.numpy.rotated.pairwise_overlap(arrays[0], arrays[0][:50], metric)
        assert torch.equal(torch.from_numpy(found), ptdet.rotated.pairwise_overlap(boxes, boxes[:50], metric))
        kept, owner = ptdet.numpy.rotated.nms(*arrays, 0.3, metric=metric, return_owner=True, max_output=20)
        expected = ptdet.rotated.nms(boxes, scores, 0.3, metric=metric, return_owner=True, max_output=20)
        assert same((torch.from_numpy(kept), torch.from_numpy(owner)), expected)
        classes = ptdet.numpy.rotated.batched_nms(*arrays, ids.numpy(), 0.3, metric=metric)
        assert classes.tolist() == ptdet.rotated.batched_nms(boxes, scores, ids, 0.3, metric=metric).tolist()
    with pytest.raises(ValueError, match=f"kind: expected one of {', '.join(ROTATED_METRICS)}, kfiou"):
        ptdet.numpy.rotated.pairwise_overlap(arrays[0], arrays[0], "ciou")
    with pytest.raises(ValueError, match=r"boxes: expected shape \(N, 5\)"):
        ptdet.numpy.rotated.nms(arrays[0][:, :4], arrays[1], 0.3)


def test_owner_and_limits_by_hand() -> None:
    boxes = torch.tensor([[0.0, 0, 8, 2, 0], [0, 0, 8, 2, math.pi / 2], [0.2, 0, 8, 2, 0], [50, 0, 8, 2, 1]])
    scores = torch.tensor([0.6, 0.9, 0.8, 0.7])
    keep, owner = ptdet.rotated.nms(boxes, scores, 0.5, return_owner=True)
    assert keep.tolist() == [1, 2, 3] and owner.tolist() == [2, 1, 2, 3]
    keep, owner = ptdet.rotated.nms(boxes, scores, 0.5, return_owner=True, max_output=1)
    assert keep.tolist() == [1] and owner.tolist() == [-1, 1, -1, -1]
    assert ptdet.rotated.nms(boxes, scores, 0.5, score_threshold=0.7).tolist() == [1, 2]
    crossing = 4 / 28
    assert ptdet.rotated.nms(boxes[:2], scores[:2], crossing - 1e-9).tolist() == [1]
    assert ptdet.rotated.nms(boxes[:2], scores[:2], crossing + 1e-9).tolist() == [1, 0]
    apart = torch.tensor([[0.0, 0, 4, 2, 0], [5, 0, 4, 2, 0]])  # ProbIoU 1 - sqrt(1 - exp(-75 / 32)), 0.0492
    assert ptdet.rotated.nms(apart, scores[:2], 0.0491, metric="probiou").tolist() == [1]
    assert ptdet.rotated.nms(apart, scores[:2], 0.0493, metric="probiou").tolist() == [1, 0]
    assert ptdet.rotated.nms(apart, scores[:2], -0.3, metric="giou").tolist() == [1]  # GIoU -2 / 18
    assert ptdet.rotated.nms(apart, scores[:2], -0.1, metric="giou").tolist() == [1, 0]
    with pytest.raises(ValueError, match="idxs"):
        ptdet.rotated.batched_nms(boxes, scores, torch.tensor([0, 1, math.nan, 2]), 0.5)
    with pytest.raises(ValueError, match=f"metric: expected one of {', '.join(ROTATED_METRICS)}, got 'ciou'"):
        ptdet.rotated.nms(boxes, scores, 0.5, metric="ciou")
    with pytest.raises(ValueError, match="max_output"):
        ptdet.rotated.nms(boxes, scores, 0.5, max_output=-1)
