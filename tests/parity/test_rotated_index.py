"""What an index and loose tests leave out of rotated boxes decides nothing: beside the values of all pairs."""

from __future__ import annotations

import math
from collections.abc import Iterator

import pytest
import torch
from torch import Tensor

import ptdet
from ptdet._shared.parameters import ROTATED_METRICS

OTHERS = tuple(metric for metric in ROTATED_METRICS if metric != "probiou")
THRESHOLDS = (1e-6, 1e-5, 1e-3, 0.05, 0.3, 0.45, 0.9, 1 - 1e-6, 1 - 1e-12)


def scenes(count: int, seed: int) -> Iterator[tuple[str, Tensor]]:
    random = torch.Generator().manual_seed(seed)

    def within(low: float, high: float, n: int = count) -> Tensor:
        return low + (high - low) * torch.rand(n, generator=random, dtype=torch.float64)

    def boxes(*columns: Tensor) -> Tensor:
        return torch.stack(columns, dim=-1)

    angle = within(-4, 4)
    yield "apart", boxes(within(0, 900), within(0, 900), within(5, 60), within(5, 60), angle)
    yield "dense", boxes(within(0, 60), within(0, 60), within(5, 40), within(5, 40), angle)
    yield "thin", boxes(within(0, 90), within(0, 90), within(30, 90), 10 ** within(-3, 0), angle)
    far = boxes(5e5 + within(0, 90), 4e6 + within(0, 90), within(5, 40), within(1, 10), angle)
    yield "far from 0", far
    base = boxes(within(0, 300), within(0, 300), within(5, 60), within(2, 30), angle)[torch.arange(count) // 4]
    yield "nearly alike", base * (1 + 10 ** within(-16, -3)[:, None] * torch.randn(count, 5, generator=random))
    tiny = 10 ** within(-158, -130)
    yield "of any size", boxes(within(-9, 9), within(-9, 9), 10 ** within(-3, 3), 10 ** within(-3, 3), angle)
    yield "tiny", boxes(*(within(0, 9) * tiny for _ in range(4)), angle)
    yield "huge", boxes(*(within(0, 9) * 1e152 for _ in range(4)), angle)
    yield "thinner than digits", boxes(within(0, 9), within(0, 9), within(5, 40), 10 ** within(-320, 0), angle)


def removed(met: Tensor, fast: bool) -> Tensor:
    """Who is removed, of boxes in score order. met[i, j]: does i remove j?"""
    later = met.triu(1)
    if fast:
        return later.any(0)
    gone = torch.zeros(len(met), dtype=torch.bool)
    for i in range(len(met)):
        if not gone[i]:
            gone |= later[i]
    return gone


@pytest.mark.parametrize(
    "metric", [pytest.param(m, marks=[] if m == "probiou" else pytest.mark.slow) for m in ROTATED_METRICS]
)
def test_no_pair_is_left_out(metric: str) -> None:
    count = 700  # more than a block of the index, and enough to thin it out
    scores = torch.arange(count, 0, -1, dtype=torch.float64)
    some_removed = 0
    for name, boxes in scenes(count, 7):
        overlaps = ptdet.rotated.pairwise_overlap(boxes, boxes, metric).T  # [selected, candidate]
        for threshold in THRESHOLDS:
            for inclusive in (False, True):
                met = overlaps >= threshold if inclusive else overlaps > threshold
                for fast, method in ((False, ptdet.rotated.nms), (True, ptdet.rotated.fast_nms)):
                    expected = removed(met, fast)
                    some_removed += int(expected.sum())
                    found = method(boxes, scores, threshold, metric=metric, inclusive=inclusive)
                    assert torch.equal(found, (~expected).nonzero()[:, 0]), (name, threshold, inclusive, fast)
    assert some_removed > 5000


def moved(boxes: Tensor, direction: Tensor, by: Tensor) -> Tensor:
    step = torch.stack([direction.cos(), direction.sin()], dim=1) * by[:, None]
    return torch.cat([boxes[:, :2] + step, boxes[:, 2:]], dim=1)


@pytest.mark.parametrize("metric", ["iou", "iof", "ios", "probiou"])
def test_a_pair_just_above_the_threshold_and_one_just_below(metric: str) -> None:
    """The farthest place in some direction where a box still removes another, and the next, by their values alone."""
    pairs = 600
    random = torch.Generator().manual_seed(3)
    ids, scores = torch.arange(pairs).repeat(2), torch.arange(2 * pairs, 0, -1, dtype=torch.float64)
    for name, first in scenes(pairs, 4):
        if name in ("huge", "thinner than digits"):  # their values are 0 or not finite
            continue
        second = first.clone()
        second[:, 2:4] *= 1 + 0.02 * torch.rand(pairs, 2, generator=random)
        direction = torch.rand(pairs, generator=random, dtype=torch.float64) * math.tau
        for threshold in (1e-5, 0.05, 0.45, 0.9):
            near, far = torch.zeros(pairs, dtype=torch.float64), first[:, 2:4].sum(1) * 40
            for _ in range(60):
                half = (near + far) / 2
                meets = ptdet.rotated.overlap(moved(second, direction, half), first, metric) > threshold
                near, far = torch.where(meets, half, near), torch.where(meets, far, half)
            for place in (near, far):
                other = moved(second, direction, place)
                meets = ptdet.rotated.overlap(other, first, metric) > threshold
                assert meets.float().mean() > 0.9 if place is near else not meets.any()
                keep = ptdet.rotated.batched_nms(torch.cat([first, other]), scores, ids, threshold, metric=metric)
                expected = torch.cat([torch.arange(pairs), pairs + (~meets).nonzero()[:, 0]])
                assert torch.equal(keep, expected), (name, threshold)


def test_all_pairs_beside_pair_by_pair() -> None:
    """Of all pairs, those that are surely apart are not computed; pair by pair all are."""
    for name, boxes in scenes(160, 11):
        for kind in ("iou", "iof", "ios"):
            every = ptdet.rotated.pairwise_overlap(boxes, boxes.flip(0), kind)
            first, second = torch.broadcast_tensors(boxes[:, None], boxes.flip(0)[None])
            each = ptdet.rotated.overlap(first, second, kind)
            assert torch.equal(every, each), (name, kind)
            assert every.view(torch.int64).equal(each.view(torch.int64)), (name, kind)
