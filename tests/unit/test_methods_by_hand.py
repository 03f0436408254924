"""Numbers that a pencil gives, on the native kernels and on the reference."""

from __future__ import annotations

import math
from typing import Any

import pytest
import torch

import ptdet
import ptdet.nn
from ptdet.testing import clustered

# A, B and C stand in a row: IoU(A, B) = 80/120, IoU(A, C) = 40/160, IoU(B, C) = 60/140
ROW = torch.tensor([[0.0, 0, 10, 10], [2, 0, 12, 10], [6, 0, 16, 10]])
SCORES = torch.tensor([0.9, 0.85, 0.8])
pytestmark = pytest.mark.usefixtures("backend")


def close(got: torch.Tensor, expected: Any) -> None:
    torch.testing.assert_close(got, torch.tensor(expected, dtype=got.dtype), rtol=1e-6, atol=1e-7)


def test_soft_worked_example_of_the_specification() -> None:
    ab, ac, bc = (math.exp(-(iou**2) / 0.5) for iou in (2 / 3, 1 / 4, 3 / 7))
    decayed, keep, owner = ptdet.soft_nms(ROW, SCORES, sigma=0.5, min_score=0, return_owner=True)
    assert keep.tolist() == [0, 2, 1] and owner.tolist() == [0, 1, 2]
    close(decayed, [0.9, 0.8 * ac, 0.85 * ab * bc])
    assert [round(value, 4) for value in decayed.tolist()] == [0.9, 0.7060, 0.2420]
    decayed, keep = ptdet.soft_nms(ROW, SCORES, sigma=0.5, min_score=0, reselect=False)
    assert keep.tolist() == [0, 2, 1]
    close(decayed, [0.9, 0.8 * ac * bc, 0.85 * ab])
    assert [round(value, 4) for value in decayed.tolist()] == [0.9, 0.4890, 0.3494]


def test_soft_linear_and_hard() -> None:
    decayed, keep = ptdet.soft_nms(ROW, SCORES, 0.3, kind="linear")  # C decays by B only, after B has by A
    assert keep.tolist() == [0, 2, 1]
    close(decayed, [0.9, 0.8, 0.85 * (1 / 3) * (4 / 7)])
    decayed, keep, owner = ptdet.soft_nms(ROW, SCORES, 0.3, kind="hard", return_owner=True)
    assert keep.tolist() == [0, 2] and owner.tolist() == [0, 0, 2]
    close(decayed, [0.9, 0.8])


def test_soft_drops_at_min_score_exactly() -> None:
    boxes = torch.tensor([[0.0, 0, 10, 10], [0, 0, 10, 5]])  # IoU 1/2
    decayed, keep, owner = ptdet.soft_nms(
        boxes, torch.tensor([1.0, 0.5]), 0.3, kind="linear", min_score=0.25, return_owner=True
    )
    assert keep.tolist() == [0] and owner.tolist() == [0, 0] and decayed.tolist() == [1.0]
    assert ptdet.soft_nms(boxes, torch.tensor([0.25, 0.25]), min_score=0.25)[1].tolist() == []


def test_soft_within_classes_and_limits() -> None:
    decayed, keep, owner = ptdet.soft_nms(
        ROW, SCORES, idxs=torch.tensor([0, 1, 0]), sigma=0.5, min_score=0.0, max_output=2, return_owner=True
    )
    assert keep.tolist() == [0, 1] and owner.tolist() == [0, 1, -1]
    close(decayed, [0.9, 0.85])


@pytest.mark.parametrize("kind", ["gaussian", "linear", "hard"])
def test_soft_scores_do_not_rise_under_measures_below_zero(kind: str) -> None:
    apart = torch.tensor([[0.0, 0, 1, 1], [50, 50, 51, 51]])
    decayed, keep = ptdet.soft_nms(apart, torch.tensor([0.9, 0.8]), -2.0, kind=kind, metric="giou", min_score=-1.0)
    close(decayed, [0.9, 0.0 if kind == "hard" else 0.8])


def test_or_removes_at_equality() -> None:
    boxes = torch.tensor([[0.0, 0, 10, 10], [0, 0, 10, 5]])
    scores = torch.tensor([0.5, 0.4])
    assert ptdet.or_nms(boxes, scores, 0.5).tolist() == [0]
    assert ptdet.or_nms(boxes, scores, 0.5, inclusive=False).tolist() == [0, 1]
    keep, owner = ptdet.or_nms(boxes, scores, 0.5, torch.tensor([1, 2]), return_owner=True)
    assert keep.tolist() == [0, 1] and owner.tolist() == [0, 1]


def test_diou_with_a_power() -> None:
    """Centres 3 apart, hull 10 x 13: (rho2 / c2) = 9 / 269, IoU 7/13."""
    boxes = torch.tensor([[0.0, 0, 10, 10], [0, 3, 10, 13]])
    scores = torch.tensor([0.9, 0.8])
    for beta in (0.5, 0.6, 1.0, 2.0):
        value = 7 / 13 - (9 / 269) ** beta
        assert ptdet.diou_nms(boxes, scores, value - 1e-5, beta=beta).tolist() == [0]
        keep, owner = ptdet.diou_nms(boxes, scores, value + 1e-5, beta=beta, return_owner=True)
        assert keep.tolist() == [0, 1] and owner.tolist() == [0, 1]


def test_and_keeps_what_another_box_confirms() -> None:
    alone = torch.tensor([[50.0, 50, 60, 60]])
    boxes, scores = torch.cat([ROW, alone]), torch.tensor([0.9, 0.85, 0.8, 0.95])
    keep, owner = ptdet.and_nms(boxes, scores, 0.5, return_owner=True)
    assert keep.tolist() == [0]  # A by B, which it removes; C and the one apart by nobody
    assert owner.tolist() == [0, 0, 2, 3]
    assert ptdet.and_nms(boxes, scores, 0.9, overlap_threshold=0.5).tolist() == [0]  # B by C only, 3/7
    assert ptdet.and_nms(boxes, scores, 0.9, overlap_threshold=0.4).tolist() == [0, 1]
    assert ptdet.and_nms(boxes, scores, 0.9, overlap_threshold=-1.0).tolist() == [3, 0, 1]  # the last alone is dropped
    assert ptdet.and_nms(alone, torch.tensor([0.9]), 0.5).tolist() == []


def test_and_with_a_limit() -> None:
    boxes = torch.cat([ROW[:2], ROW[:2] + 100, ROW[:1] + 200])
    scores = torch.tensor([0.5, 0.4, 0.7, 0.6, 0.9])
    keep, owner = ptdet.and_nms(boxes, scores, 0.5, max_output=1, return_owner=True)
    assert keep.tolist() == [2]
    assert owner.tolist() == [-1, -1, 2, 2, 4]  # 4 is visited before the last kept box, 0 after


def test_adaptive_threshold_of_a_kept_box() -> None:
    """IoU(A, B) = 2/3, IoU(A, C) = 1/4 and IoU(B, C) = 3/7, against the density of the box that is kept."""

    def kept(*densities: float, **options: Any) -> tuple[list[int], list[int]]:
        given = torch.tensor(densities, dtype=torch.float64)
        keep, owner = ptdet.adaptive_nms(ROW, SCORES, given, 0.4, return_owner=True, **options)
        return keep.tolist(), owner.tolist()

    assert kept(0, 0, 0) == ([0, 2], [0, 0, 2])
    assert kept(0.7, 0, 0) == ([0, 1], [0, 1, 1])  # A's density keeps B, which removes C
    assert kept(0.7, 0.5, 0) == ([0, 1, 2], [0, 1, 2])
    assert kept(0, 0.9, 0.9) == ([0, 2], [0, 0, 2])  # not the density of the box that is removed
    assert kept(-math.inf, math.inf, 0) == ([0, 2], [0, 0, 2])
    assert kept(0.7, 0, 0, max_output=1) == ([0], [0, -1, -1])
    assert kept(0.7, 0, 0, idxs=torch.tensor([0, 1, 0])) == ([0, 1, 2], [0, 1, 2])
    assert kept(0, 0, 0, score_threshold=0.825) == ([0], [0, 0, -1])
    same = torch.cat([ROW[:1]] * 3)
    keep, owner = ptdet.adaptive_nms(same, torch.ones(3), torch.tensor([1.0, 0.5, 1.0]), return_owner=True)
    assert keep.tolist() == [0, 1] and owner.tolist() == [0, 1, 1]  # a tie of scores goes to the lower index


@pytest.mark.parametrize("dtype", [torch.float64, torch.float32, torch.float16, torch.bfloat16])
def test_adaptive_at_equality(dtype: torch.dtype) -> None:
    boxes = torch.tensor([[0.0, 0, 10, 10], [0, 0, 10, 5]], dtype=dtype)  # IoU 1/2
    given = boxes, torch.tensor([0.9, 0.8]), torch.tensor([0.5, 0.0], dtype=dtype), 0.25
    assert ptdet.adaptive_nms(*given).tolist() == [0, 1]
    assert ptdet.adaptive_nms(*given, inclusive=True).tolist() == [0]


@pytest.mark.parametrize("metric", ["iou", "giou", "iof", "ios"])
def test_adaptive_without_density_is_nms(metric: str) -> None:
    for seed in range(4):
        boxes, scores = clustered(200, seed)
        given = {"metric": metric, "inclusive": seed % 2 == 0, "max_output": (None, 20)[seed // 2]}
        for threshold, density in ((0.4, 0.0), (0.0, -1.0), (-0.3, -0.3)):
            densities = torch.full((200,), density)
            found = ptdet.adaptive_nms(boxes, scores, densities, threshold, **given, return_owner=True)
            assert all(map(torch.equal, found, ptdet.nms(boxes, scores, threshold, **given, return_owner=True)))


def test_adaptive_refuses_nan() -> None:
    for boxes, scores in ((ROW, SCORES), (ROW.double(), SCORES.half())):
        with pytest.raises(ValueError, match="densities: expected numbers, got (NaN|nan)"):
            ptdet.adaptive_nms(boxes, scores, torch.tensor([0.5, math.nan, 0.5]))


def test_merge_is_the_weighted_mean() -> None:
    scores = torch.tensor([0.75, 0.25, 0.5])
    boxes, keep, owner = ptdet.merge_nms(ROW, scores, 0.5, return_owner=True)
    assert keep.tolist() == [0, 2] and owner.tolist() == [0, 0, 2]
    close(boxes, [[0.5, 0, 10.5, 10], [6, 0, 16, 10]])
    boxes, _ = ptdet.merge_nms(ROW, scores, 0.4, members="overlapping")  # C removes nobody, B overlaps it
    close(boxes, [[0.5, 0, 10.5, 10], [(0.5 * 6 + 0.25 * 2) / 0.75, 0, (0.5 * 16 + 0.25 * 12) / 0.75, 10]])
    boxes, _ = ptdet.merge_nms(ROW, scores, 0.4, members="later")  # B comes after C, too
    close(boxes[1], [(0.5 * 6 + 0.25 * 2) / 0.75, 0, (0.5 * 16 + 0.25 * 12) / 0.75, 10])
    boxes, _ = ptdet.merge_nms(ROW, scores, 0.5, weights="score_overlap")
    close(boxes[0, 0], (0.25 * 2 / 3 * 2) / (0.75 + 0.25 * 2 / 3))


def test_merge_best_joins_the_kept_box_of_most_overlap() -> None:
    boxes = torch.tensor([[0.0, 0, 10, 10], [6, 0, 16, 10], [4, 0, 14, 10]])  # IoU of the last: 6/14 and 8/12
    scores = torch.tensor([0.9, 0.8, 0.7])
    assert ptdet.merge_nms(boxes, scores, 0.4, return_owner=True)[2].tolist() == [0, 1, 0]
    _, keep, owner = ptdet.merge_nms(boxes, scores, 0.4, members="best", return_owner=True)
    assert keep.tolist() == [0, 1] and owner.tolist() == [0, 1, 1]
    _, keep, owner = ptdet.merge_nms(boxes, scores, 0.4, members="best", max_output=1, return_owner=True)
    assert keep.tolist() == [0] and owner.tolist() == [0, -1, -1]


def test_merge_without_weight_leaves_the_box() -> None:
    boxes, _ = ptdet.merge_nms(ROW, torch.zeros(3), 0.5)
    assert torch.equal(boxes, ROW[[0, 2]])
    huge = ROW[:2] * torch.tensor([1e37, 1, 1e37, 1])
    boxes, _ = ptdet.merge_nms(huge, torch.tensor([9.0, 8.0]), 0.9)  # the sums overflow
    assert torch.equal(boxes, huge)


def test_fusion_of_two_models() -> None:
    boxes = [torch.tensor([[0.0, 0, 10, 10]]), torch.tensor([[2.0, 0, 12, 10], [50, 50, 60, 60]])]
    scores = [torch.tensor([0.8]), torch.tensor([0.4, 0.6])]
    labels = [torch.tensor([1]), torch.tensor([1, 1])]
    expected = {  # of the pair, and of the one that only the second model (weight 1 of 2 + 1) sees
        "avg": ((1.6 + 0.4) / 2 * 2 / 3, 0.6 / 3),
        "max": (1.6 / 2, 0.6 / 2),
        "box_and_model_avg": (2.0 / 3 * 3 / 3, 0.6 / 1 * 1 / 3),
        "absent_model_aware_avg": (2.0 / 3, 0.6 / (1 + 2)),
    }
    for conf_type, values in expected.items():
        fused, confidences, found, owner = ptdet.weighted_boxes_fusion(
            boxes, scores, labels, weights=[2, 1], conf_type=conf_type, return_owner=True
        )
        close(fused, [[0.4, 0, 10.4, 10], [50, 50, 60, 60]])
        close(confidences, list(values))
        assert found.tolist() == [1, 1] and owner.tolist() == [0, 0, 2]


def test_fusion_follows_the_fused_box() -> None:
    """The third box meets the fused box of the first two, not the first alone."""
    boxes = torch.tensor([[0.0, 0, 10, 10], [3, 0, 13, 10], [4, 0, 14, 10]])
    args = [torch.tensor([0.5, 0.5, 0.4])], [torch.zeros(3)]
    assert len(ptdet.weighted_boxes_fusion([boxes], *args, iou_thr=0.5)[1]) == 1  # 1.5..11.5 against 4..14: 75/125
    assert len(ptdet.non_maximum_weighted([boxes], *args, iou_thr=0.5)[1]) == 2


def test_skip_box_thr_lets_equality_pass() -> None:
    call = [ROW[:1]], [torch.tensor([0.25])], [torch.tensor([0])]
    assert len(ptdet.weighted_boxes_fusion(*call, skip_box_thr=0.25)[0]) == 1
    fused = ptdet.weighted_boxes_fusion(*call, skip_box_thr=0.26, return_owner=True)
    assert [len(each) for each in fused] == [0, 0, 0, 1] and fused[3].tolist() == [-1]


def test_matrix_relieves_by_what_weighs_on_the_other() -> None:
    ab, ac, bc = 2 / 3, 1 / 4, 3 / 7
    decayed, keep = ptdet.matrix_nms(ROW, SCORES, kind="linear")
    assert keep.tolist() == [0, 2, 1]
    close(decayed, [0.9, 0.8 * min(1 - ac, (1 - bc) / (1 - ab)), 0.85 * (1 - ab)])
    decayed, _ = ptdet.matrix_nms(ROW, SCORES, sigma=2.0)
    c = min(math.exp(-2 * ac**2), math.exp(-2 * bc**2) / math.exp(-2 * ab**2))
    close(decayed, sorted([0.9, 0.8 * c, 0.85 * math.exp(-2 * ab**2)], reverse=True))
    twice = ROW[[0, 0, 0]]
    decayed, keep, owner = ptdet.matrix_nms(twice, SCORES, kind="linear", return_owner=True)
    assert keep.tolist() == [0] and owner.tolist() == [0, 0, 0]


def test_matrix_of_boxes_that_touch_and_overlap_above_zero_by_rounding() -> None:
    boxes = torch.tensor([[0.0, -1e30, 8, 0], [8, -1e30, 20, 12]])
    giou = ptdet.overlap(boxes[1:], boxes[:1], "giou")
    assert 0 < float(giou) < 1e-7
    decayed, _ = ptdet.matrix_nms(boxes, SCORES[:2], kind="linear", metric="giou")
    assert torch.equal(decayed, SCORES[:2] * torch.cat([torch.ones(1), 1 - giou]))


def test_fast_removes_by_removed_boxes_too() -> None:
    boxes = torch.tensor([[0.0, 0, 10, 10], [0, 3, 10, 13], [0, 6, 10, 16]])  # a chain of IoU 7/13
    keep, owner = ptdet.fast_nms(boxes, SCORES, 0.5, return_owner=True)
    assert keep.tolist() == [0] and owner.tolist() == [0, 0, 1]
    assert ptdet.nms(boxes, SCORES, 0.5).tolist() == [0, 2]


def test_nmm_takes_up_chains() -> None:
    boxes = torch.tensor([[0.0, 0, 10, 10], [4, 0, 14, 10], [8, 0, 18, 10]])
    grown, keep, owner = ptdet.greedy_nmm(boxes, SCORES, return_owner=True)
    assert keep.tolist() == [0, 2] and owner.tolist() == [0, 0, 2]
    assert grown.tolist() == [[0, 0, 14, 10], [8, 0, 18, 10]]
    grown, keep, owner = ptdet.nmm(boxes, SCORES, return_owner=True)
    assert keep.tolist() == [0] and owner.tolist() == [0, 0, 0]
    assert grown.tolist() == [[0, 0, 18, 10]]  # 8..18 covers 6 of 10 of 0..14


@pytest.mark.parametrize("method", ["hard", "or", "diou", "and", "merge", "cluster", "soft", "fast", "nmm"])
def test_modules_call_their_function(method: str) -> None:
    function = {"hard": ptdet.nms, "nmm": ptdet.nmm}.get(method) or getattr(ptdet, f"{method}_nms")
    module = ptdet.nn.NMS(0.4, method)
    expected, got = function(ROW, SCORES, 0.4), module(ROW, SCORES)
    for ours, theirs in zip(*((x if isinstance(x, tuple) else (x,)) for x in (got, expected)), strict=True):
        assert torch.equal(ours, theirs)
    classes = torch.tensor([0, 1, 2])
    found = module(ROW, SCORES, classes)
    kept = found if isinstance(found, torch.Tensor) else found[1]
    assert kept.tolist() == ([] if method == "and" else [0, 1, 2])
    assert not module.state_dict() and method in repr(module)
