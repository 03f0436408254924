"""What must hold of the other methods whatever the boxes are."""

from __future__ import annotations

from functools import partial
from random import Random

import pytest
import torch
from hypothesis import HealthCheck, given, settings, strategies as st

import ptdet
from ptdet.reference import decreasing, exceeds, raw_overlap

from .test_nms_properties import scenes, thresholds

pytestmark = pytest.mark.usefixtures("native")
relaxed = settings(max_examples=80, suppress_health_check=list(HealthCheck))
Scene = tuple[torch.Tensor, torch.Tensor]
kinds = st.sampled_from(["gaussian", "linear", "hard"])


def not_negative(scores: torch.Tensor) -> torch.Tensor:
    return torch.nan_to_num(scores, nan=0.5, posinf=2.0).abs().clamp(max=1e6)


@given(scenes(), thresholds, kinds, st.booleans())
@relaxed
def test_soft_scores_never_rise(scene: Scene, threshold: float, kind: str, reselect: bool) -> None:
    boxes, scores = scene[0], not_negative(scene[1])
    decayed, keep, owner = ptdet.soft_nms(boxes, scores, threshold, kind=kind, reselect=reselect, return_owner=True)
    assert (decayed <= scores[keep]).all() and (decayed.double() > 0.001).all()
    assert (decayed[1:] <= decayed[:-1]).all()
    assert torch.equal(owner[keep], keep)
    dropped = torch.nonzero((owner >= 0) & (owner != torch.arange(len(owner))))[:, 0]
    assert torch.isin(owner[dropped], keep).all()
    meets = raw_overlap(boxes[dropped], boxes[owner[dropped]])
    assert (meets > (0 if kind == "gaussian" else min(threshold, 0))).all() or threshold < 0
    unmoved = torch.isin(torch.arange(len(owner)), keep) | (owner >= 0) | (scores.double() <= 0.001)
    assert unmoved.all()


@given(scenes(), st.sampled_from(["gaussian", "linear"]))
@relaxed
def test_matrix_scores_never_rise(scene: Scene, kind: str) -> None:
    boxes, scores = scene[0], not_negative(scene[1])
    decayed, keep, owner = ptdet.matrix_nms(boxes, scores, kind=kind, return_owner=True)
    assert (decayed <= scores[keep]).all() and (decayed[1:] <= decayed[:-1]).all()
    assert torch.equal(owner[keep], keep)
    dropped = torch.nonzero((owner >= 0) & (owner != torch.arange(len(owner))))[:, 0]
    assert (raw_overlap(boxes[dropped], boxes[owner[dropped]]) > 0).all()
    assert (torch.isin(torch.arange(len(owner)), keep) | (owner >= 0) | (scores.double() <= 0.001)).all()


@given(scenes(), thresholds)
@relaxed
def test_hard_soft_nms_is_nms(scene: Scene, threshold: float) -> None:
    boxes, scores = scene[0], not_negative(scene[1]) + 0.01
    decayed, keep = ptdet.soft_nms(boxes, scores, threshold, kind="hard")
    assert torch.equal(keep, ptdet.nms(boxes, scores, threshold))
    assert torch.equal(decayed, scores[keep])


@given(scenes(distinct=True), thresholds, st.randoms(use_true_random=False))
@relaxed
def test_the_order_of_the_input_does_not_matter(scene: Scene, threshold: float, random: Random) -> None:
    boxes, scores = scene
    places = list(range(len(scores)))
    random.shuffle(places)
    shuffle = torch.tensor(places, dtype=torch.int64)
    call, other = (boxes, scores, threshold), (boxes[shuffle], scores[shuffle], threshold)
    for function in (ptdet.or_nms, ptdet.diou_nms, ptdet.and_nms, ptdet.fast_nms):
        assert torch.equal(shuffle[function(*other)], function(*call))
    for members in ("cluster", "overlapping", "later", "best"):
        (merged, keep), (again, shuffled) = (ptdet.merge_nms(*each, members=members) for each in (call, other))
        assert torch.equal(shuffle[shuffled], keep)
        assert torch.equal(again.nan_to_num(-7), merged.nan_to_num(-7))
    scores = scores + 1
    for decaying in (partial(ptdet.soft_nms, kind="linear"), partial(ptdet.soft_nms, reselect=False), ptdet.matrix_nms):
        (decayed, keep), (again, shuffled) = decaying(boxes, scores), decaying(boxes[shuffle], scores[shuffle])
        assert torch.equal(again, decayed)
        assert torch.equal(shuffle[shuffled].sort().values, keep.sort().values)  # scores may tie after the decay


@given(scenes(), thresholds)
@relaxed
def test_kept_boxes_do_not_meet_and_the_others_meet_their_owner(scene: Scene, threshold: float) -> None:
    boxes, scores = scene
    for function, metric, inclusive in ((ptdet.or_nms, "iou", True), (ptdet.diou_nms, "diou", False),
                                        (ptdet.and_nms, "iou", True)):  # fmt: skip
        keep, owner = function(boxes, scores, threshold, return_owner=True)
        meets = exceeds(raw_overlap(boxes[keep][None], boxes[keep][:, None], metric), threshold, inclusive)
        assert not meets.triu(1).any()
        removed = torch.nonzero(owner != torch.arange(len(owner)))[:, 0]
        assert exceeds(raw_overlap(boxes[removed], boxes[owner[removed]], metric), threshold, inclusive).all()


@given(scenes(), thresholds, st.booleans())
@relaxed
def test_the_fixpoint_of_clusters_is_greedy(scene: Scene, threshold: float, by_distance: bool) -> None:
    """The paper's iteration: a box stays if none of those before it that stay overlaps it enough."""
    boxes, scores = scene
    metric = "diou" if by_distance else "iou"
    order = decreasing(scores)
    meets = exceeds(raw_overlap(boxes[order][:, None], boxes[order][None], metric), threshold).tril(-1)
    stays = torch.ones(len(order), dtype=torch.bool)
    for _ in range(len(order)):
        stays = ~(meets & stays[None]).any(dim=1)
    assert torch.equal(ptdet.cluster_nms(boxes, scores, threshold, metric=metric)[1], order[stays])


@given(scenes(), thresholds, thresholds)
@relaxed
def test_and_keeps_the_selected_that_are_confirmed(scene: Scene, threshold: float, least: float) -> None:
    boxes, scores = scene
    selected, owner = ptdet.or_nms(boxes, scores, threshold, return_owner=True)
    keep, owner_too = ptdet.and_nms(boxes, scores, threshold, overlap_threshold=least, return_owner=True)
    assert torch.isin(keep, selected).all() and torch.equal(owner, owner_too)
    place = torch.full_like(owner, len(owner))
    place[selected] = torch.arange(len(selected))
    for k, row in enumerate(selected.tolist()):
        alive = torch.nonzero((place[owner] >= k) & (torch.arange(len(owner)) != row))[:, 0]
        confirmed = exceeds(raw_overlap(boxes[alive], boxes[row]), least).any()
        assert bool(confirmed) == (row in keep.tolist())


@given(scenes(), thresholds)
@relaxed
def test_merged_boxes_stand_for_what_nms_keeps(scene: Scene, threshold: float) -> None:
    boxes, scores = scene[0], not_negative(scene[1])
    keep = ptdet.nms(boxes, scores, threshold)
    finite = torch.isfinite(boxes).all(dim=1)
    for members in ("cluster", "overlapping", "later", "best"):
        merged, kept = ptdet.merge_nms(boxes, scores, threshold, members=members)
        assert torch.equal(kept, keep)
        assert torch.isfinite(merged[finite[keep]]).all()
        hull = (boxes[finite].min(dim=0).values, boxes[finite].max(dim=0).values) if finite.any() else None
        if hull is not None and finite.all() and bool((boxes.abs() < 1e6).all()):
            slack = 1e-5 * (1 + boxes.abs().max())
            assert (merged >= hull[0] - slack).all() and (merged <= hull[1] + slack).all()


@given(scenes(), thresholds, st.data())
@relaxed
def test_classes_are_a_loop_over_classes(scene: Scene, threshold: float, data: st.DataObject) -> None:
    boxes, scores = scene[0], not_negative(scene[1])
    ids = torch.tensor(data.draw(st.lists(st.integers(-2, 2), min_size=len(scores), max_size=len(scores))))
    ids = ids.to(torch.int64)
    merged, kept = ptdet.merge_nms(boxes, scores, threshold, ids)
    decayed, soft = ptdet.soft_nms(boxes, scores, threshold, ids)
    confirmed = ptdet.and_nms(boxes, scores, threshold, ids)
    for label in set(ids.tolist()):
        rows = torch.nonzero(ids == label)[:, 0]
        alone, keep = ptdet.merge_nms(boxes[rows], scores[rows], threshold)
        mine = ids[kept] == label
        assert torch.equal(kept[mine], rows[keep])
        assert torch.equal(merged[mine].nan_to_num(-7), alone.nan_to_num(-7))
        alone, keep = ptdet.soft_nms(boxes[rows], scores[rows], threshold)
        mine = ids[soft] == label
        assert torch.equal(soft[mine], rows[keep]) and torch.equal(decayed[mine], alone)
        keep = ptdet.and_nms(boxes[rows], scores[rows], threshold)
        assert torch.equal(confirmed[ids[confirmed] == label], rows[keep])


@given(scenes(), thresholds)
@relaxed
def test_fast_keeps_a_part_of_nms(scene: Scene, threshold: float) -> None:
    keep, owner = ptdet.fast_nms(*scene, threshold, return_owner=True)
    assert torch.isin(keep, ptdet.nms(*scene, threshold)).all()
    removed = torch.nonzero(owner != torch.arange(len(owner)))[:, 0]
    assert exceeds(raw_overlap(scene[0][removed], scene[0][owner[removed]]), threshold).all()
