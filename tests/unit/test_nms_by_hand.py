"""Numbers derived by hand."""

from __future__ import annotations

import math

import pytest
import torch

import ptdet
from ptdet import reference
from ptdet.reference import exceeds

pytestmark = pytest.mark.usefixtures("backend")

NAN, INF = math.nan, math.inf


def boxes(*rows: list[float], dtype: torch.dtype = torch.float32) -> torch.Tensor:
    return torch.tensor(rows, dtype=dtype).reshape(-1, 4)


def test_three_boxes() -> None:
    """A meets B at 80/120 = 2/3 and C at 40/160 = 1/4; B meets C at 60/140 = 3/7."""
    three = boxes([0, 0, 10, 10], [2, 0, 12, 10], [6, 0, 16, 10])
    scores = torch.tensor([0.9, 0.85, 0.8])
    for threshold, expected in ((0.2, [0]), (0.25, [0, 2]), (0.5, [0, 2]), (0.66, [0, 2]), (0.67, [0, 1, 2])):
        assert ptdet.nms(three, scores, threshold).tolist() == expected, threshold
    # B goes first: it takes A (2/3) and C (3/7 > 0.4)
    assert ptdet.nms(three, torch.tensor([0.5, 0.9, 0.6]), 0.4).tolist() == [1]


@pytest.mark.parametrize(
    ("second", "share"),
    [([1, 0, 5, 1], 3 / 5), ([1, 0, 4, 1], 3 / 4), ([0, 0, 2, 1], 1 / 2), ([3, 0, 7, 1], 1 / 7), ([3, 0, 4, 1], 1 / 4)],
)
@pytest.mark.parametrize("dtype", [torch.float32, torch.float64, torch.float16, torch.bfloat16])
def test_exact_ties_follow_the_rounding_of_the_type(second: list[float], share: float, dtype: torch.dtype) -> None:
    """[0,0,4,1] against `second`: the quotient rounded to the computation type, against the threshold as a double.

    In float32, 3/5 rounds up to 0.60000002 > 0.6, so a tie at 0.6 is removed; 1/7 too; the others are exact.
    """
    pair, scores = boxes([0, 0, 4, 1], second, dtype=dtype), torch.tensor([0.9, 0.8])
    computed = share if dtype == torch.float64 else torch.tensor(share, dtype=torch.float32).item()
    assert len(ptdet.nms(pair, scores, share)) == (1 if computed > share else 2)
    assert len(ptdet.nms(pair, scores, share, inclusive=True)) == (1 if computed >= share else 2)
    above = math.nextafter(computed, 2)
    below = math.nextafter(computed, 0)
    assert len(ptdet.nms(pair, scores, below)) == 1
    assert len(ptdet.nms(pair, scores, computed)) == 2
    assert len(ptdet.nms(pair, scores, computed, inclusive=True)) == 1
    assert len(ptdet.nms(pair, scores, above, inclusive=True)) == 2


def test_three_fifths_at_point_six() -> None:
    pair, scores = boxes([0, 0, 4, 1], [1, 0, 5, 1]), torch.tensor([0.9, 0.8])
    assert ptdet.nms(pair, scores, 0.6).tolist() == [0]
    assert ptdet.nms(pair.double(), scores, 0.6).tolist() == [0, 1]
    assert ptdet.nms(pair.double(), scores, 0.6, inclusive=True).tolist() == [0]


def test_ties_of_score_go_to_the_lower_index() -> None:
    apart = boxes(*([10.0 * i, 0, 10 * i + 5, 5] for i in range(6)))
    assert ptdet.nms(apart, torch.full((6,), 0.5), 0.5).tolist() == [0, 1, 2, 3, 4, 5]
    assert ptdet.nms(apart, torch.tensor([0.0, -0.0, 1, 0.0, -0.0, 1]), 0.5).tolist() == [2, 5, 0, 1, 3, 4]
    same = boxes(*([0.0, 0, 5, 5] for _ in range(6)))
    assert ptdet.nms(same, torch.tensor([1.0, 2, 2, 1, 2, 0]), 0.5).tolist() == [1]


def test_nan_scores_come_first_in_their_order() -> None:
    apart = boxes(*([10.0 * i, 0, 10 * i + 5, 5] for i in range(5)))
    scores = torch.tensor([1.0, NAN, INF, -NAN, -INF])
    for dtype in (torch.float32, torch.float64, torch.float16, torch.bfloat16):
        assert ptdet.nms(apart, scores.to(dtype), 0.5).tolist() == [1, 3, 2, 0, 4]
    # a NaN is not above a threshold
    assert ptdet.nms(apart, scores, 0.5, score_threshold=-INF).tolist() == [2, 0]


def test_boxes_that_are_not_finite_meet_nobody() -> None:
    five, all_of_it, big = [0.0, 0, 5, 5], [-INF, -INF, INF, INF], [0, 0, 1e30, 1e30]
    strange = boxes([NAN, 0, 5, 5], five, all_of_it, five, [0, 0, NAN, 5], big)
    scores = torch.tensor([0.9, 0.5, 0.8, 0.4, 0.7, 0.6])
    assert ptdet.nms(strange, scores, 0.5).tolist() == [0, 2, 4, 5, 1]
    twice = boxes([0, 0, 1e30, 1e30], [0, 0, 1e30, 1e30])  # areas overflow float32, not float64
    assert ptdet.nms(twice, scores[:2], 0.5).tolist() == [0, 1]
    assert ptdet.nms(twice.double(), scores[:2], 0.5).tolist() == [0]


def test_nan_satisfies_no_negative_threshold() -> None:
    rows = boxes([NAN, 0, 5, 5], [0, 0, 5, 5], [20, 20, 25, 25], [0, 0, 5, 5])
    scores = torch.tensor([0.9, 0.8, 0.7, 0.6])
    # an IoU of 0 is above -0.5: the finite boxes leave, wherever they lie
    assert ptdet.nms(rows, scores, -0.5).tolist() == [0, 1]
    assert ptdet.nms(rows, scores, 0.0, inclusive=True).tolist() == [0, 1]
    assert ptdet.nms(rows, scores, 0.0).tolist() == [0, 1, 2]
    assert ptdet.nms(rows, scores, -INF).tolist() == [0, 1]
    assert ptdet.nms(rows, scores, INF, inclusive=True).tolist() == [0, 1, 2, 3]


def test_zero_over_zero_is_zero() -> None:
    points, scores = boxes([5, 5, 5, 5], [5, 5, 5, 5], [0, 7, 9, 7]), torch.tensor([0.9, 0.8, 0.7])
    assert ptdet.nms(points, scores, 0.0).tolist() == [0, 1, 2]
    assert ptdet.nms(points, scores, 0.0, inclusive=True).tolist() == [0]
    inverted = boxes([10, 10, 0, 0], [10, 10, 0, 0], [0, 0, 10, 10])
    assert ptdet.nms(inverted, scores, 0.5).tolist() == [0, 1, 2]


def test_one_keeps_even_duplicates() -> None:
    same, scores = boxes([0, 0, 3, 7], [0, 0, 3, 7]), torch.tensor([0.9, 0.8])
    assert ptdet.nms(same, scores, 1.0).tolist() == [0, 1]
    assert ptdet.nms(same, scores, 1.0, inclusive=True).tolist() == [0]


def test_owner_is_the_first_kept_box_that_removes() -> None:
    """In a row with steps of 4: neighbours share 6/14 = 3/7, next but one 2/18 = 1/9."""
    row = boxes(*([4.0 * i, 0, 4 * i + 10, 10] for i in range(5)))
    scores = torch.tensor([0.7, 0.9, 0.6, 0.8, 0.5])
    keep, owner = ptdet.nms(row, scores, 0.4, return_owner=True)
    # 1 takes 0 and 2; 3 takes 4 (2 is gone)
    assert keep.tolist() == [1, 3]
    assert owner.tolist() == [1, 1, 1, 3, 3]
    keep, owner = ptdet.nms(row, scores, 0.4, return_owner=True, score_threshold=0.65)
    assert keep.tolist() == [1, 3]
    assert owner.tolist() == [1, 1, -1, 3, -1]


def test_max_output_ends_the_walk() -> None:
    row = boxes(*([4.0 * i, 0, 4 * i + 10, 10] for i in range(5)))
    scores = torch.tensor([0.7, 0.9, 0.6, 0.8, 0.5])
    for limit, kept, owners in (
        (0, [], [-1, -1, -1, -1, -1]),
        (1, [1], [1, 1, 1, -1, -1]),
        (2, [1, 3], [1, 1, 1, 3, 3]),
        (9, [1, 3], [1, 1, 1, 3, 3]),
    ):
        keep, owner = ptdet.nms(row, scores, 0.4, max_output=limit, return_owner=True)
        assert (keep.tolist(), owner.tolist()) == (kept, owners)


def test_score_threshold_is_a_double() -> None:
    apart = boxes([0, 0, 5, 5], [10, 0, 15, 5])
    tenth = torch.tensor([0.1, 0.1])  # 0.1 as float32 is 0.100000001490116
    assert len(ptdet.nms(apart, tenth, 0.5, score_threshold=0.1)) == 2
    assert len(ptdet.nms(apart, tenth.double(), 0.5, score_threshold=float(tenth[0]))) == 0
    assert len(ptdet.nms(apart, torch.tensor([0.1, 0.1], dtype=torch.float64), 0.5, score_threshold=0.1)) == 0
    assert len(ptdet.nms(apart, tenth.half(), 0.5, score_threshold=0.1)) == 0  # 0.09997559
    assert len(ptdet.nms(apart, tenth, 0.5, score_threshold=math.nextafter(float(tenth[0]), 0))) == 2


def test_limit_counts_over_all_classes() -> None:
    same = boxes(*([0.0, 0, 5, 5] for _ in range(6)))
    scores, ids = torch.tensor([0.1, 0.2, 0.3, 0.4, 0.5, 0.6]), torch.tensor([0, 1, 2, 0, 1, 2])
    keep, owner = ptdet.batched_nms(same, scores, ids, 0.5, max_output=2, return_owner=True)
    assert keep.tolist() == [5, 4]
    assert owner.tolist() == [-1, 4, 5, -1, 4, 5]


def test_ids_are_told_apart_over_the_whole_range() -> None:
    same, scores = boxes(*([0.0, 0, 5, 5] for _ in range(4))), torch.tensor([0.9, 0.8, 0.7, 0.6])
    low, high = torch.iinfo(torch.int64).min, torch.iinfo(torch.int64).max
    assert ptdet.batched_nms(same, scores, torch.tensor([low, low + 1, high, high - 1]), 0.5).tolist() == [0, 1, 2, 3]
    assert ptdet.batched_nms(same, scores, torch.tensor([2**53, 2**53 + 1, 2**53, -1]), 0.5).tolist() == [0, 1, 3]
    assert ptdet.batched_nms(same, scores, torch.tensor([0.0, -0.0, 0.5, INF]), 0.5).tolist() == [0, 2, 3]
    assert ptdet.batched_nms(same, scores, torch.tensor([True, False, True, False]), 0.5).tolist() == [0, 1]


PAIR = ([0.0, 0, 4, 4], [2.0, 2, 6, 4])
"""Areas 16 and 8, inter 2 x 2 = 4, union 20, hull 6 x 4 = 24; centres (2,2) and (4,3): rho2 5; diagonal 36 + 16."""


@pytest.mark.parametrize(
    ("metric", "value"),
    [
        ("iou", 4 / 20),
        ("giou", 4 / 20 - 4 / 24),
        ("diou", 4 / 20 - 5 / 52),
        ("iof", 4 / 8),  # of the candidate, the second box
        ("ios", 4 / 8),
        ("ciou", 4 / 20 - 5 / 52 - (v := 4 / math.pi**2 * (math.atan(1) - math.atan(2)) ** 2) ** 2 / (1 - 0.2 + v)),
    ],
)
def test_measures(metric: str, value: float) -> None:
    first, second = boxes(*PAIR, dtype=torch.float64)
    assert reference.overlap(second, first, metric).item() == pytest.approx(value, rel=1e-14)
    pair, scores = boxes(*PAIR), torch.tensor([0.9, 0.8])
    assert len(ptdet.nms(pair, scores, value - 1e-4, metric=metric)) == 1
    assert len(ptdet.nms(pair, scores, value + 1e-4, metric=metric)) == 2
    if metric == "iof":  # the other way round a quarter of the candidate is covered
        assert len(ptdet.nms(pair, scores.flip(0), 0.3, metric=metric)) == 2
        assert len(ptdet.nms(pair, scores.flip(0), 0.2, metric=metric)) == 1


def test_measures_below_zero() -> None:
    """Apart: unit squares at 0 and 3. GIoU = 0 - (4 - 2) / 4 = -1/2; DIoU = 0 - 9 / (16 + 1)."""
    pair, scores = boxes([0, 0, 1, 1], [3, 0, 4, 1]), torch.tensor([0.9, 0.8])
    for metric, value in (("giou", -1 / 2), ("diou", -9 / 17)):
        assert len(ptdet.nms(pair, scores, value - 1e-6, metric=metric)) == 1
        assert len(ptdet.nms(pair, scores, value + 1e-6, metric=metric)) == 2
    assert len(ptdet.nms(pair, scores, -0.5, metric="giou")) == 2
    assert len(ptdet.nms(pair, scores, -0.5, metric="giou", inclusive=True)) == 1


def test_the_reference_compares_as_doubles() -> None:
    values = torch.tensor([0.6, 0.5, NAN, INF, -INF])
    assert exceeds(values, 0.6).tolist() == [True, False, False, False, False]
    assert exceeds(values, -1e300).tolist() == [True, True, False, False, False]
    assert exceeds(values, 1e300, inclusive=True).tolist() == [False] * 5
    assert exceeds(values.double(), 0.6).tolist() == [True, False, False, False, False]


def test_empty_input() -> None:
    for dtype in (torch.float16, torch.bfloat16, torch.float32, torch.float64):
        none = torch.zeros(0, 4, dtype=dtype)
        keep, owner = ptdet.nms(none, torch.zeros(0, dtype=dtype), 0.5, return_owner=True)
        assert keep.shape == owner.shape == (0,)
        assert keep.dtype == owner.dtype == torch.int64
        assert ptdet.batched_nms(none, none[:, 0], torch.zeros(0, dtype=torch.int32), 0.5).tolist() == []


def test_inputs_stay_as_they_are() -> None:
    given = boxes([0, 0, 10, 10], [1, 1, 11, 11]), torch.tensor([0.1, 0.9]), torch.tensor([-0.0, 0.0])
    copies = [tensor.clone() for tensor in given]
    ptdet.batched_nms(*given, 0.5)
    for tensor, copy in zip(given, copies, strict=True):
        assert torch.equal(tensor, copy) and torch.equal(tensor.signbit(), copy.signbit())


def test_a_line_without_end_meets_what_only_asks_for_the_candidates_area(backend: str) -> None:
    """0 x inf is NaN, so the line has no area; but IoF divides by the candidate's, and 0 / area meets >= 0."""
    boxes = torch.tensor([[3.0, 60.0, 3.0, math.inf], [47.0, 107.0, 60.0, 120.0]])
    scores = torch.tensor([0.9, 0.8])
    assert ptdet.nms(boxes, scores, 0.0, metric="iof", inclusive=True).tolist() == [0]
    assert ptdet.nms(boxes, scores, 0.0, metric="iou", inclusive=True).tolist() == [0, 1]
