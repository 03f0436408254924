"""What must hold whatever the boxes are."""

from __future__ import annotations

from random import Random

import pytest
import torch
from hypothesis import HealthCheck, given, settings, strategies as st

import ptdet
from ptdet.reference import METRICS, exceeds, raw_overlap

pytestmark = pytest.mark.usefixtures("native")

relaxed = settings(max_examples=150, suppress_health_check=list(HealthCheck))

# small whole numbers meet thresholds exactly; the others are anything a float32 can be
coordinates = st.one_of(st.integers(-6, 6).map(float), st.floats(width=32))


@st.composite
def scenes(draw: st.DrawFn, distinct: bool = False) -> tuple[torch.Tensor, torch.Tensor]:
    rows = draw(st.lists(st.tuples(*[coordinates] * 4), max_size=25))
    boxes = torch.tensor(rows, dtype=torch.float32).reshape(-1, 4)
    if distinct:
        scores = torch.tensor(draw(st.permutations(range(len(rows)))), dtype=torch.float32)
    else:
        values = draw(st.lists(st.floats(width=32), min_size=len(rows), max_size=len(rows)))
        scores = torch.tensor(values, dtype=torch.float32)
    return boxes, scores


thresholds = st.one_of(st.sampled_from([-0.5, 0.0, 0.25, 0.5, 0.6, 1.0]), st.floats(-1.5, 1.5))
metrics = st.sampled_from(list(METRICS))


@given(scenes(), thresholds, metrics, st.booleans())
@relaxed
def test_kept_boxes_do_not_meet_and_removed_ones_meet_their_owner(
    scene: tuple[torch.Tensor, torch.Tensor], threshold: float, metric: str, inclusive: bool
) -> None:
    boxes, scores = scene
    keep, owner = ptdet.nms(boxes, scores, threshold, metric=metric, inclusive=inclusive, return_owner=True)
    kept = boxes[keep]
    meets = exceeds(raw_overlap(kept[None], kept[:, None], metric), threshold, inclusive)  # [selected, candidate]
    assert not meets.triu(1).any()
    assert torch.equal(owner[keep], keep)
    assert torch.equal(owner.unique(), keep.sort().values)
    removed = torch.nonzero(owner != torch.arange(len(owner)))[:, 0]
    assert exceeds(raw_overlap(boxes[removed], boxes[owner[removed]], metric), threshold, inclusive).all()
    place = torch.full_like(owner, -1)
    order = torch.sort(torch.where(scores == 0, 0.0, scores), descending=True, stable=True).indices
    place[order] = torch.arange(len(owner))
    assert (place[owner[removed]] < place[removed]).all()
    # no kept box before the owner removes it: the owner is the first
    before = exceeds(raw_overlap(boxes[removed][None], kept[:, None], metric), threshold, inclusive)
    before &= place[keep][:, None] < place[owner[removed]][None]
    assert not before.any()


@given(scenes(), st.data())
@relaxed
def test_the_order_of_scores(scene: tuple[torch.Tensor, torch.Tensor], data: st.DataObject) -> None:
    boxes, scores = scene
    keep = ptdet.nms(boxes, scores, data.draw(thresholds)).tolist()
    values = scores.tolist()
    for first, second in zip(keep, keep[1:], strict=False):
        a, b = values[first], values[second]
        tied = a == b or (a != a and b != b)
        assert first < second if tied else a != a or a > b


@given(scenes(distinct=True), thresholds, metrics, st.randoms(use_true_random=False))
@relaxed
def test_without_ties_the_order_of_the_input_does_not_matter(
    scene: tuple[torch.Tensor, torch.Tensor], threshold: float, metric: str, random: Random
) -> None:
    boxes, scores = scene
    places = list(range(len(scores)))
    random.shuffle(places)
    shuffle = torch.tensor(places, dtype=torch.int64)
    keep = ptdet.nms(boxes, scores, threshold, metric=metric)
    shuffled = ptdet.nms(boxes[shuffle], scores[shuffle], threshold, metric=metric)
    assert torch.equal(shuffle[shuffled], keep)


@given(scenes(), thresholds, st.data())
@relaxed
def test_classes_are_a_loop_over_classes(
    scene: tuple[torch.Tensor, torch.Tensor], threshold: float, data: st.DataObject
) -> None:
    boxes, scores = scene
    extremes = st.sampled_from([-(2**63), -1, 0, 1, 2**53, 2**53 + 1, 2**63 - 1])
    ids = torch.tensor(data.draw(st.lists(extremes, min_size=len(scores), max_size=len(scores))), dtype=torch.int64)
    together = ptdet.batched_nms(boxes, scores, ids, threshold)
    for label in set(ids.tolist()):
        rows = torch.nonzero(ids == label)[:, 0]
        alone = rows[ptdet.nms(boxes[rows], scores[rows], threshold)]
        assert torch.equal(together[ids[together] == label], alone)


@given(scenes(), thresholds, metrics)
@relaxed
def test_what_is_kept_is_kept_again(scene: tuple[torch.Tensor, torch.Tensor], threshold: float, metric: str) -> None:
    boxes, scores = scene
    keep = ptdet.nms(boxes, scores, threshold, metric=metric)
    again = ptdet.nms(boxes[keep], scores[keep], threshold, metric=metric)
    assert torch.equal(again, torch.arange(len(keep)))


@given(scenes(), thresholds, st.integers(0, 30), st.floats(width=32, allow_nan=False))
@relaxed
def test_limits_cut_the_same_walk(
    scene: tuple[torch.Tensor, torch.Tensor], threshold: float, limit: int, lowest: float
) -> None:
    boxes, scores = scene
    keep, owner = ptdet.nms(boxes, scores, threshold, return_owner=True)
    short, short_owner = ptdet.nms(boxes, scores, threshold, max_output=limit, return_owner=True)
    assert torch.equal(short, keep[:limit])
    assert torch.equal(short_owner, torch.where(torch.isin(owner, short), owner, -1))
    rows = torch.nonzero(scores > lowest)[:, 0]
    alone = rows[ptdet.nms(boxes[rows], scores[rows], threshold)]
    assert torch.equal(ptdet.nms(boxes, scores, threshold, score_threshold=lowest), alone)
