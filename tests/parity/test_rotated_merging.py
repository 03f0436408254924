"""Merging and fusion of rotated boxes: values by hand, equal writings, the axis-aligned answer, kernel = reference."""

from __future__ import annotations

import math
from collections.abc import Callable
from typing import Any

import numpy as np
import pytest
import torch
from torch import Tensor

import ptdet
import ptdet.numpy
from ptdet import reference
from ptdet._shared.methods import FUSIONS, METHODS
from ptdet._shared.parameters import ROTATED_METRICS, choices_of

from .test_rotated_nms import KINDS, drawn, same

HALF_PI = math.pi / 2


def tensor(*rows: tuple[float, ...]) -> Tensor:
    return torch.tensor(rows, dtype=torch.float64)


def merged(boxes: Tensor, *scores: float) -> list[float]:
    """The mean of the boxes about the first, whatever they overlap by."""
    values = torch.tensor(scores, dtype=torch.float64)
    found, keep = ptdet.rotated.merge_nms(boxes, values, -0.5)
    assert keep.tolist() == [0]
    row: list[float] = found[0].tolist()
    return row


def test_means_by_hand() -> None:
    # 3 : 1 of two boxes; the second is 2 to the right, 4 taller, turned by 0.2
    first = (10.0, 20.0, 30.0, 8.0, 0.1)
    plain = [10.5, 20.0, 30.0, 9.0, 0.15]
    second = (12.0, 20.0, 30.0, 12.0, 0.3)
    for same_second in (
        second,
        (12.0, 20.0, 12.0, 30.0, 0.3 + HALF_PI),
        (12.0, 20.0, 12.0, 30.0, 0.3 - HALF_PI),
        (12.0, 20.0, 30.0, 12.0, 0.3 + math.pi),
        (12.0, 20.0, 30.0, 12.0, 0.3 - 7 * math.pi),
    ):
        assert merged(tensor(first, same_second), 0.75, 0.25) == pytest.approx(plain, abs=1e-13)
    # on both sides of pi/2: near pi/2, and not near 0
    wrap = merged(tensor((0, 0, 30, 8, HALF_PI - 0.1), (0, 0, 30, 8, -HALF_PI + 0.1)), 0.5, 0.5)
    assert wrap == pytest.approx([0, 0, 30, 8, HALF_PI], abs=1e-13)
    # a square has no direction but modulo a quarter turn
    square = merged(tensor((0, 0, 6, 6, 0.7), (0, 0, 6, 6, 0.7 - HALF_PI + 0.2)), 0.5, 0.5)
    assert square == pytest.approx([0, 0, 6, 6, 0.8], abs=1e-13)
    # 45 degrees apart: its own writing
    assert merged(tensor((0, 0, 6, 4, 0.0), (0, 0, 8, 2, math.pi / 4)), 0.5, 0.5) == [0, 0, 7, 3, math.pi / 8]
    # the same box twice is itself, to the bit
    twice = (1e6 + 0.1, 0.3, 0.7, 0.9, 1.1)
    assert merged(tensor(twice, twice, twice), 0.3, 0.2, 0.1) == list(twice)
    # no weight, and a mean that is not finite
    assert merged(tensor(first, second), 0.0, 0.0) == list(first)
    assert merged(tensor(first, second), math.inf, 0.5) == list(first)
    # exponents that a product of two numbers leaves
    huge = merged(tensor((1e300, 0, 1e100, 1e100, 0), (3e300, 0, 1e100, 1e100, 0)), 1e30, 1e30)
    assert huge == pytest.approx([2e300, 0, 1e100, 1e100, 0], rel=1e-15)


def test_growth_by_hand() -> None:
    # the second, written upright, lies 3 along the first's direction and is as thick
    along, across = (math.cos(0.4), math.sin(0.4)), (-math.sin(0.4), math.cos(0.4))
    first = (50.0, 60.0, 8.0, 2.0, 0.4)
    second = (50 + 3 * along[0], 60 + 3 * along[1], 2.0, 8.0, 0.4 + HALF_PI)
    third = (50 + 4 * across[0], 60 + 4 * across[1], 8.0, 7.0, 0.4)  # from 0.5 to 7.5 across
    scores = torch.tensor([0.9, 0.8, 0.7], dtype=torch.float64)
    grown, keep, owner = ptdet.rotated.greedy_nmm(tensor(first, second), scores[:2], 0.5, return_owner=True)
    assert keep.tolist() == [0] and owner.tolist() == [0, 0]
    assert grown[0].tolist() == pytest.approx([50 + 1.5 * along[0], 60 + 1.5 * along[1], 11, 2, 0.4], abs=1e-12)
    grown, keep = ptdet.rotated.greedy_nmm(tensor(first, third), scores[:2], 0.2)
    # across: from -1 to 7.5
    expected = [50 + 3.25 * across[0], 60 + 3.25 * across[1], 8, 8.5, 0.4]
    assert keep.tolist() == [0] and grown[0].tolist() == pytest.approx(expected, abs=1e-12)
    # turned by 45 degrees, a square of side 2 reaches sqrt 2 along both axes
    crossing = tensor((0, 0, 4, 2, 0), (2, 0, 2, 2, math.pi / 4))
    grown, keep = ptdet.rotated.nmm(crossing, scores[:2], 0.3)
    reach = math.sqrt(2)
    expected = [(reach + 2 - 2) / 2, 0, reach + 2 + 2, 2 * reach, 0]
    assert keep.tolist() == [0] and grown[0].tolist() == pytest.approx(expected, abs=1e-12)
    alone, _ = ptdet.rotated.nmm(tensor(first), scores[:1])
    assert alone.tolist() == [list(first)]


@pytest.mark.parametrize("method", ["greedy_nmm", "nmm"])
@pytest.mark.parametrize(
    ("dtype", "power"),
    [(torch.float64, 1023), (torch.float32, 127), (torch.bfloat16, 127), (torch.float16, 15)],
    ids=str,
)
def test_growth_beyond_the_type(dtype: torch.dtype, power: int, method: str, backend: str) -> None:
    """From -7/8 to 7/8 and from -3/8 to 11/8, times 2^power: together 9/4, which no number of the type is."""
    unit = 2.0**power
    boxes = torch.tensor([[0.0, 0, 1.75 * unit, 1, 0], [unit / 2, 0, 1.75 * unit, 1, 0]], dtype=dtype)
    grown, keep = getattr(ptdet.rotated, method)(boxes, torch.tensor([0.9, 0.8]), 0.5)
    assert keep.tolist() == [0] and grown.tolist() == [[unit / 4, 0, torch.finfo(dtype).max, 1, 0]]
    endless = torch.tensor([[0.0, 0, math.inf, 1, 0]], dtype=dtype)
    assert torch.equal(getattr(ptdet.rotated, method)(endless, torch.tensor([0.9]), 0.5)[0], endless)
    within = torch.tensor([[0.0, 0, 2, 2], [-math.inf, 0, math.inf, 2]], dtype=dtype)  # of the kept box all is covered
    grown, _ = getattr(ptdet, method)(within, torch.tensor([0.8, 0.9]), 0.5, metric="iof")
    assert torch.equal(grown, within[1:])
    grown, _ = getattr(ptdet, method)(within, torch.tensor([0.9, 0.8]), 0.5, metric="ios")
    assert torch.equal(grown, within[1:])


def test_fusion_by_hand() -> None:
    boxes = [tensor((0, 0, 8, 2, 0.1)), tensor((1, 0, 2, 8, 0.1 + HALF_PI)), tensor((90, 0, 8, 2, 0.5))]
    scores = [torch.tensor([each], dtype=torch.float64) for each in (0.75, 0.25, 0.6)]
    labels = [torch.zeros(1, dtype=torch.int64)] * 3
    fused, confidences, found = ptdet.rotated.weighted_boxes_fusion(boxes, scores, labels, iou_thr=0.5)
    assert fused[0].tolist() == pytest.approx([0.25, 0, 8, 2, 0.1], abs=1e-13)
    assert fused[1].tolist() == [90, 0, 8, 2, 0.5] and found.tolist() == [0, 0]
    assert confidences.tolist() == pytest.approx([1 / 3, 0.2], abs=1e-15)  # mean(s) min(n, M) / M


def in_other_writings(boxes: Tensor, seed: int) -> Tensor:
    turns = torch.randint(-2, 3, (len(boxes),), generator=torch.Generator().manual_seed(seed))
    swapped = torch.where((turns % 2 == 1)[:, None], boxes[:, [0, 1, 3, 2, 4]], boxes)
    return swapped + torch.stack([turns.double() * HALF_PI], 1) * tensor((0, 0, 0, 0, 1))


Walk = Callable[..., tuple[Tensor, ...]]
WALKS: dict[str, Walk] = {
    "merge": torch.ops.ptdet.rotated_merge_nms_walk,
    "nmm": torch.ops.ptdet.rotated_nmm_walk,
    "wbf": lambda boxes, scores, ids, *rest, **options: torch.ops.ptdet.rotated_wbf_walk(
        boxes, scores, ids, None, None, *rest, **options
    ),
}


@pytest.mark.parametrize("name", WALKS)
def test_how_a_box_is_written_does_not_matter(name: str) -> None:
    boxes, scores = drawn("dense", 60, 3)
    options = [{"members": each, "weights": "score_overlap"} for each in choices_of("members")]
    for seed, option in enumerate(options if name == "merge" else [{}, {}]):
        found = WALKS[name](boxes, scores, None, 0.3, **option)
        other = WALKS[name](in_other_writings(boxes, seed), scores, None, 0.3, **option)
        assert torch.equal(found[-3], other[-3]) and torch.equal(found[-2], other[-2])  # keep, owner
        kept = int(found[-1])
        corners = (
            ptdet.rotated.box_convert(each[0][:kept], "cxcywhr", "xyxyxyxy").view(kept, 4, 2) for each in (found, other)
        )
        apart = torch.cdist(*corners).amin(dim=2)  # each corner is a corner
        assert kept > 3 and float(apart.max()) < 1e-12


def test_boxes_that_are_not_rotated_are_merged_as_by_ptdet() -> None:
    boxes, scores = drawn("ties", 200, 2)
    boxes[:, 4] = 0
    boxes[:, 2:4] = 2 * boxes[:, 2:4] + 2
    scores = (scores * 8).round() / 8
    corners = ptdet.rotated.box_convert(boxes, "cxcywhr", "xyxy")

    def as_corners(found: tuple[Tensor, ...]) -> tuple[Tensor, ...]:
        return ptdet.rotated.box_convert(found[0], "cxcywhr", "xyxy"), *found[1:]

    def agree(found: tuple[Tensor, ...], expected: tuple[Tensor, ...]) -> bool:
        moved, others = as_corners(found), expected
        return torch.allclose(moved[0], others[0], rtol=0, atol=1e-12) and same(moved[1:], others[1:])

    for threshold in (0.0, 0.25, 0.5):
        for members in choices_of("members"):
            for weights in choices_of("weights"):
                rest = {"members": members, "weights": weights, "return_owner": True}
                assert agree(
                    ptdet.rotated.merge_nms(boxes, scores, threshold, **rest),
                    ptdet.merge_nms(corners, scores, threshold, **rest),
                ), (threshold, members, weights)
        for grow in ("greedy_nmm", "nmm"):
            found = getattr(ptdet.rotated, grow)(boxes, scores, threshold, return_owner=True)
            assert same(as_corners(found), getattr(ptdet, grow)(corners, scores, threshold, return_owner=True))


def alike(found: tuple[Tensor, ...], expected: tuple[Tensor, ...]) -> bool:
    """To the bit, but for the payload of a NaN, which a box that stays as given can have."""
    return all(
        torch.equal(a.isnan(), b.isnan()) and torch.equal(a.nan_to_num(0.5), b.nan_to_num(0.5))
        for a, b in zip(found, expected, strict=True)
    )


@pytest.mark.parametrize("sets", [2, pytest.param(5, marks=pytest.mark.slow)])
@pytest.mark.parametrize("kind", KINDS)
def test_kernels_beside_the_reference(kind: str, sets: int) -> None:
    for seed in range(sets):
        boxes, scores = drawn(kind, (9, 50, 160)[seed % 3], seed)
        random = torch.Generator().manual_seed(seed)
        ids = torch.randint(-1, 3, (len(boxes),), generator=random)
        models = torch.randint(0, 3, (len(boxes),), generator=random)
        weights = torch.tensor([2.0, 1.0, 0.3])
        if kind == "strange":
            scores[::5] = torch.tensor([0.0, 1e-300, -1.0, math.nan])[seed % 4]
        for call in range(4):
            asked = (
                (0.3, 0.0, -0.1, 0.6)[(seed + call) % 4],
                ROTATED_METRICS[(call + seed) % len(ROTATED_METRICS)],
                call % 2 == 0,
                (None, 0.4)[call // 3],
                (None, 3, None)[(call + seed) % 3],
            )
            given = (boxes.to((torch.float64, torch.float32, torch.float16)[call % 3]), scores, (None, ids)[call % 2])
            said = kind, seed, call
            merging = (*given, *asked, choices_of("members")[(call + seed) % 4], choices_of("weights")[call // 2])
            assert alike(
                torch.ops.ptdet.rotated_merge_nms_walk(*merging), reference.rotated_merge_nms_walk(*merging)
            ), said
            growing = (*given, *asked, call < 2)
            assert alike(torch.ops.ptdet.rotated_nmm_walk(*growing), reference.rotated_nmm_walk(*growing)), said
            if len(boxes) <= 50:  # box by box
                fusing = (*given, models, weights, asked[0], choices_of("conf_type")[call], call == 1, *asked[1:])
                assert alike(torch.ops.ptdet.rotated_wbf_walk(*fusing), reference.rotated_wbf_walk(*fusing)), said


def test_arrays_have_the_answer_of_tensors() -> None:
    boxes, scores = drawn("dense", 50, 1)
    ids = torch.arange(50) % 2
    arrays = boxes.numpy(), scores.numpy()
    labels = ids.numpy()

    def equal(ours: tuple[np.ndarray, ...], theirs: tuple[Tensor, ...]) -> bool:
        return all(np.array_equal(a, b.numpy()) for a, b in zip(ours, theirs, strict=True))

    for name, options in (
        ("merge_nms", {"members": "overlapping", "weights": "score_overlap"}),
        ("greedy_nmm", {"metric": "iou"}),
        ("nmm", {"max_output": 4}),
    ):
        options = {**options, "return_owner": True}
        ours = getattr(ptdet.numpy.rotated, name)(*arrays, 0.3, labels, **options)
        assert equal(ours, getattr(ptdet.rotated, name)(boxes, scores, 0.3, ids, **options)), name
    for name in (METHODS[fusion].function for fusion in FUSIONS):
        ours = getattr(ptdet.numpy.rotated, name)(
            *([each[:20], each[20:]] for each in (*arrays, labels)), [1, 2], 0.3, return_owner=True
        )
        lists = ([each[:20], each[20:]] for each in (boxes, scores, ids))
        assert equal(ours, getattr(ptdet.rotated, name)(*lists, [1, 2], 0.3, return_owner=True)), name
    with pytest.raises(ValueError, match=f"metric: expected one of {', '.join(ROTATED_METRICS)}"):
        ptdet.numpy.rotated.merge_nms(*arrays, 0.3, metric="ciou")


def test_gradients() -> None:
    boxes = tensor(
        (0, 0, 8, 3, 0.3), (0.7, 0.2, 3.2, 8.5, 0.35 + HALF_PI), (0.4, -0.3, 7.5, 2.8, 0.2), (30, 0, 5, 4, 1.0),
        (31, 0.5, 5.5, 4.2, 1.1),
    ).requires_grad_()  # fmt: skip
    scores = torch.tensor([0.9, 0.7, 0.5, 0.8, 0.6], dtype=torch.float64, requires_grad=True)
    labels = torch.zeros(5, dtype=torch.int64)
    for members in choices_of("members"):
        for weights in choices_of("weights"):

            def merge(b: Tensor, s: Tensor, members: str = members, weights: str = weights) -> Tensor:
                return ptdet.rotated.merge_nms(b, s, 0.3, members=members, weights=weights)[0]

            assert len(merge(boxes, scores)) == 2
            torch.autograd.gradcheck(merge, (boxes, scores), eps=1e-6, atol=1e-7)
    torch.autograd.gradcheck(lambda b: ptdet.rotated.greedy_nmm(b, scores.detach(), 0.3)[0], (boxes,), atol=1e-7)
    walk = torch.ops.ptdet.rotated_nmm_walk
    torch.autograd.gradcheck(lambda b: walk(b, scores.detach(), None, 0.3)[0], (boxes,), atol=1e-7)

    def fuse(b: Tensor, s: Tensor) -> tuple[Tensor, ...]:
        return ptdet.rotated.weighted_boxes_fusion(
            [b[:2], b[2:]], [s[:2], s[2:]], [labels[:2], labels[2:]], [2, 1], 0.3
        )[:2]

    torch.autograd.gradcheck(fuse, (boxes, scores), atol=1e-7)


def test_batches_are_the_loop_over_images_and_classes() -> None:
    boxes, scores = drawn("dense", 90, 5)
    batch, by_class = boxes.view(2, 45, 5), torch.rand(2, 45, 3, generator=torch.Generator().manual_seed(1))
    for method in ("hard", "merge"):
        for own in (batch, batch[:, :, None] + torch.arange(3).view(1, 1, 3, 1) * tensor((1, 0, 0, 0, 0.1))[0]):
            found = ptdet.rotated.combined_nms(own, by_class, 0.3, method=method, score_threshold=0.2, max_per_image=20)
            assert found.boxes.shape == (2, 20, 5)
            for image in range(2):
                rows = []
                for label in range(3):
                    mine, values = own[image] if own.dim() == 3 else own[image, :, label], by_class[image, :, label]
                    if method == "merge":
                        moved, keep = ptdet.rotated.merge_nms(mine, values, 0.3, score_threshold=0.2)
                    else:
                        keep = ptdet.rotated.nms(mine, values, 0.3, score_threshold=0.2)
                        moved = mine[keep]
                    rows += [(-float(values[k]), label, int(k), box) for k, box in zip(keep, moved, strict=True)]
                rows = sorted(rows, key=lambda row: row[:3])[:20]
                assert int(found.num[image]) == len(rows)
                for k, (score, label, index, box) in enumerate(rows):
                    assert (float(found.scores[image, k]), int(found.labels[image, k])) == (-score, label)
                    assert int(found.indices[image, k]) == index and torch.equal(found.boxes[image, k], box)
    images = torch.arange(90) % 4
    for method in ("hard", "merge"):
        found = ptdet.rotated.ragged_nms(boxes, scores, images, 0.3, num_images=4, method=method)
        expected = (
            (ptdet.rotated.batched_nms(boxes, scores, images, 0.3),)
            if method == "hard"
            else ptdet.rotated.merge_nms(boxes, scores, 0.3, images)[::-1]
        )
        keep = expected[0]
        order = torch.sort(images[keep], stable=True).indices
        assert torch.equal(found[0], keep[order]) and found[1].tolist() == torch.bincount(images[keep]).tolist()
        if method == "merge":
            assert torch.equal(found[2], expected[1][order])


@pytest.mark.parametrize("metric", ["iou", "diou"])
def test_cluster_nms_is_made_of_two_others(metric: str) -> None:
    boxes, scores = drawn("dense", 80, 1)
    options = {"metric": metric, "return_owner": True}

    def equal(ours: tuple[Any, ...], theirs: tuple[Tensor, ...]) -> bool:
        return all(torch.equal(torch.as_tensor(a), b) for a, b in zip(ours, theirs, strict=True))

    keep, owner = ptdet.rotated.or_nms(boxes, scores, 0.4, inclusive=False, **options)
    assert equal(ptdet.rotated.cluster_nms(boxes, scores, 0.4, **options), (boxes[keep], keep, owner))
    weighted = ptdet.rotated.merge_nms(boxes, scores, 0.4, members="later", weights="score_overlap", **options)
    assert equal(ptdet.rotated.cluster_nms(boxes, scores, 0.4, weighted=True, **options), weighted)
    for flag in (False, True):
        arrays = ptdet.numpy.rotated.cluster_nms(boxes.numpy(), scores.numpy(), 0.4, weighted=flag, **options)
        assert equal(arrays, ptdet.rotated.cluster_nms(boxes, scores, 0.4, weighted=flag, **options))
    keep, owner = ptdet.rotated.diou_nms(boxes, scores, 0.4, beta=0.6, return_owner=True)
    for home, given in ((ptdet.rotated, (boxes, scores)), (ptdet.numpy.rotated, (boxes.numpy(), scores.numpy()))):
        of_diou = {"beta": 0.6, **options, "metric": "diou"}
        assert equal(home.cluster_nms(*given, 0.4, **of_diou), (boxes[keep], keep, owner))
        with pytest.raises(ValueError, match="beta: expected 1 but for the plain form with metric 'diou', got 0.6"):
            home.cluster_nms(*given, 0.4, weighted=True, **of_diou)


def test_bad_arguments() -> None:
    boxes, scores = drawn("dense", 4, 1)
    for call, said in (
        (lambda: ptdet.rotated.merge_nms(boxes[:, :4], scores, 0.5), r"boxes: expected shape \(N, 5\), got \(4, 4\)"),
        (
            lambda: ptdet.rotated.nmm(boxes, scores, metric="ciou"),
            f"metric: expected one of {', '.join(ROTATED_METRICS)}",
        ),
        (lambda: ptdet.rotated.merge_nms(boxes, scores, 0.5, members="all"), "members: expected one of"),
        (lambda: ptdet.rotated.weighted_boxes_fusion([boxes[:, :4]], [scores], [scores]), r"boxes_list\[0\].*\(N, 5\)"),
        (lambda: ptdet.rotated.combined_nms(boxes[None, :, :4], scores[None], 0.5), r"boxes: expected.*\(B, N, 5\)"),
        (lambda: ptdet.rotated.combined_nms(boxes[None], scores[None], 0.5, method="nmm"), "method: expected one of"),
        (lambda: ptdet.rotated.combined_nms(boxes[None], scores[None], 0.5, metric="ciou"), "metric: expected one of"),
        (lambda: ptdet.combined_nms(boxes[None], scores[None], 0.5), r"boxes: expected shape \(B, N, 4\)"),
        (lambda: ptdet.merge_nms(boxes, scores, 0.5), "ptdet.rotated takes"),
    ):
        with pytest.raises(ValueError, match=said):
            call()
