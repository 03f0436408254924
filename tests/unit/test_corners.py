"""Boxes that lie one on the other: the searches pass over most pairs there, and answer as the reference does."""

from __future__ import annotations

from collections.abc import Callable

import pytest
import torch
from torch import Tensor

import ptdet
from ptdet import reference
from ptdet.reference.overlap import overlap
from ptdet.testing import scenes

pytestmark = pytest.mark.usefixtures("native")

METRICS = ("iou", "giou", "iof", "ios")
N = 600  # more than are kept before a pass builds a tree, and several blocks of it


def near(n: int, seed: int = 0) -> tuple[Tensor, Tensor]:
    """One box, moved by a few units of the last place: overlaps round to 1 and to what is just below."""
    random = scenes.generator(seed)
    moved = torch.randint(-3, 4, (n, 4), generator=random)
    box = torch.tensor([10.0, 10, 60, 50])
    return box * (1 + moved * torch.finfo(torch.float32).eps), scenes.uniform_scores(n, seed)


def assert_same(ours: tuple[Tensor, ...], expected: tuple[Tensor, ...], at: object = None) -> None:
    assert all(torch.equal(one, other) for one, other in zip(ours, expected, strict=True)), at


SCENES: dict[str, Callable[[int], tuple[Tensor, Tensor]]] = {
    "identical": scenes.identical,
    "overlapping": scenes.overlapping,
    "nested": scenes.nested,
    "row": scenes.row,
    "beneath one": scenes.beneath_one,
    "scattered": scenes.scattered,
    "near": near,
}


@pytest.mark.parametrize("metric", METRICS)
@pytest.mark.parametrize("scene", SCENES)
def test_walks(scene: str, metric: str) -> None:
    boxes, scores = SCENES[scene](N)
    groups = torch.zeros(N, dtype=torch.int64)
    for threshold in (0.0, 0.999):
        options = {"metric": metric, "inclusive": threshold > 0.5}
        ours = torch.ops.ptdet.nms_walk(boxes, scores, groups, threshold, **options)
        expected = reference.nms_walk(boxes, scores, groups, threshold, **options)
        assert_same(ours, expected, threshold)
        assert torch.equal(ptdet.nms(boxes, scores, threshold, **options), ours[0][ours[0] >= 0])  # which asks less


@pytest.mark.parametrize("metric", METRICS)
@pytest.mark.parametrize("scene", SCENES)
def test_fast_and_matrix(scene: str, metric: str) -> None:
    """Matrix NMS decays linearly here, to the bit."""
    boxes, scores = SCENES[scene](N)
    groups = torch.zeros(N, dtype=torch.int64)
    for threshold in (0.01, 0.999):
        ours = torch.ops.ptdet.fast_nms_walk(boxes, scores, groups, threshold, metric=metric)
        expected = reference.fast_nms_walk(boxes, scores, groups, threshold, metric=metric)
        assert_same(ours, expected, threshold)
    options = {"metric": metric, "kind": "linear", "min_score": 0.01}
    ours = torch.ops.ptdet.matrix_nms_walk(boxes, scores, groups, **options)
    expected = reference.matrix_nms_walk(boxes, scores, groups, **options)
    assert_same(ours, expected)


@pytest.mark.parametrize("dtype", [torch.float32, torch.float64])
@pytest.mark.parametrize("metric", reference.METRICS)
def test_no_overlap_exceeds_1(metric: str, dtype: torch.dtype) -> None:
    """So a pass at a threshold of 1 has nothing to compare. Boxes equal but for their last bits, of all sizes."""
    random = scenes.generator(1)
    for size in (1e-19, 1e-3, 1.0, 1e9):
        last = torch.randint(-4, 5, (400, 4), generator=random) * torch.finfo(dtype).eps
        boxes = torch.rand(4, generator=random).to(dtype) * size * (1 + last) + torch.tensor([0, 0, size, size])
        overlaps = overlap(boxes[:, None].to(dtype), boxes.to(dtype), metric)
        assert overlaps.max() <= 1 and (overlaps == 1).any()
        scores = torch.arange(400.0)
        assert len(ptdet.nms(boxes.to(dtype), scores, 1.0, metric=metric)) == 400
        assert len(ptdet.nms(boxes.to(dtype), scores, 1.0, metric=metric, inclusive=True)) < 400


@pytest.mark.parametrize("dtype", [torch.float32, torch.float64])
@pytest.mark.parametrize("metric", reference.METRICS)
def test_matrix_of_boxes_in_several_blocks(metric: str, dtype: torch.dtype) -> None:
    """More than one block of a tree; one box without an end does not hide the others of its block."""
    random = scenes.generator(2)
    for count, endless in ((71, False), (300, False), (300, True)):
        corner = torch.rand(count, 2, generator=random, dtype=dtype) * 100
        boxes = torch.cat([corner, corner + torch.rand(count, 2, generator=random, dtype=dtype) * 60], 1)
        if endless:
            boxes[::50, 2] = torch.inf
        scores = torch.rand(count, generator=random, dtype=dtype)
        for kind in ("linear", "gaussian"):
            ours = torch.ops.ptdet.matrix_nms_walk(boxes, scores, None, metric=metric, kind=kind)
            assert_same(ours, reference.matrix_nms_walk(boxes, scores, None, metric=metric, kind=kind), (count, kind))


@pytest.mark.parametrize("metric", reference.METRICS)
@pytest.mark.parametrize("kind", ["gaussian", "linear", "hard"])
def test_soft_beside_a_coordinate_that_is_no_number(metric: str, kind: str) -> None:
    boxes = torch.tensor([[3.0, torch.nan, 5.0, torch.nan], [1.0, 4.0, 5.0, 5.0]])
    for reselect in (True, False):
        call = boxes, torch.tensor([0.7, 0.9]), None
        options = {"metric": metric, "kind": kind, "reselect": reselect}
        ours = torch.ops.ptdet.soft_nms_walk(*call, **options)
        assert_same(ours, reference.soft_nms_walk(*call, **options), options)


def test_inside_an_infinite_box() -> None:
    """IoS divides by the finite area: 1, so soft-NMS takes the score, in registers as in numbers."""
    i = torch.inf
    boxes = torch.tensor([[0.0, 0, 10, 10], [-i, -i, i, i], [20, 20, 30, 30]])
    scores = torch.tensor([0.9, 0.8, 0.7])
    decayed, keep = ptdet.soft_nms(boxes, scores, 0.3, metric="ios", kind="linear", min_score=0.0)
    assert keep.tolist() == [0, 2] and torch.equal(decayed, scores[[0, 2]])
