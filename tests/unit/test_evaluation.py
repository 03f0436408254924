"""Evaluation: values by hand, what is undefined, and errors."""

from __future__ import annotations

import json
import math
import tracemalloc
from dataclasses import replace
from typing import Any

import numpy as np
import pytest
import torch

import ptdet
from ptdet.evaluation import Detections, Matches, Truth, evaluate, match

from ..contract.test_import import python
from ..parity.test_numpy_process import NO_TORCH, hiding
from .test_bad_arguments import SCALARS, spoiled

TRUTH = Truth(
    np.array([[0.0, 0.0, 10.0, 10.0], [20.0, 0.0, 30.0, 10.0]]), np.array([0, 0]), np.array([0, 0]), (7,), ("x",)
)
FOUND = Detections(
    np.array([[0.0, 0.0, 10.0, 7.0], [50.0, 0.0, 60.0, 10.0], [20.0, 0.0, 30.0, 10.0]]),
    np.array([0.9, 0.8, 0.7]), np.array([0, 0, 0]), np.array([0, 0, 0]),
)  # fmt: skip


def test_two_objects_by_hand() -> None:
    """IoU .7, nothing, 1. To IoU .7 true, false, true: precision 1 to recall 1/2 and 2/3 to 1. Above only the third, at
    precision 1/3, to recall 1/2: 51 of the 101 recalls."""
    found = evaluate(FOUND, TRUTH)
    low, high = (51 + 50 * 2 / 3) / 101, 51 / 3 / 101
    assert found.stats["AP50"] == pytest.approx(low, abs=1e-12)
    assert found.stats["AP75"] == pytest.approx(high, abs=1e-12)
    assert found.stats["AP"] == pytest.approx((5 * low + 5 * high) / 10, abs=1e-12)
    # 0.7 as a threshold is the double 0.7, and 70 / 100 is the same
    assert [found.stats[f"AR{most}"] for most in (1, 10, 100)] == pytest.approx([0.25, 0.75, 0.75])
    assert found.stats["APl"] == found.stats["APm"] == -1 and found.stats["APs"] == found.stats["AP"]
    assert found.ap_per_class(0.5).tolist() == [found.stats["AP50"]]
    best = found.f1().all.best
    assert best == {"score": 0.7, "precision": 2 / 3, "recall": 1.0, "f1": 0.8}
    assert found.counts() == {
        "pictures": 1, "objects": 2, "detections": 3, "true_positives": 2, "false_positives": 1, "ignored": 0,
        "left_out": 0, "missed": 0,
    }  # fmt: skip
    assert found.counts(0.75)["missed"] == 1
    told = json.loads(json.dumps(found.to_json()))
    assert told["stats"] == dict(found.stats) and told["classes"][0]["best_f1"] == best


def test_the_mean_of_the_classes_f1() -> None:
    """Class 0: found at 0.9, of two. Class 1: false at 0.8, found at 0.7. Class 2 has no object, 3 is not found."""
    box = np.array([[0.0, 0.0, 10.0, 10.0]])
    there = [{"boxes": np.concatenate([box + 20 * n for n in range(4)]), "labels": np.array([0, 0, 1, 3])}]
    at = np.concatenate([box + 20 * n for n in (0, 9, 2, 9)])
    found = [{"boxes": at, "scores": np.array([0.9, 0.8, 0.7, 0.95]), "labels": np.array([0, 1, 1, 2])}]
    mean = evaluate(found, there).f1().mean
    assert mean.scores.tolist() == [0.9, 0.8, 0.7]
    assert mean.f1 == pytest.approx(np.array([2 / 3, 2 / 3, 2 / 3 + 2 / 3]) / 3, abs=1e-15)
    assert mean.best == {"score": 0.7, "f1": mean.f1[2]}
    assert evaluate([], []).f1().mean.best is None


def two_classes(second: int) -> list[list[dict[str, Any]]]:
    """Detections and truth of a picture with the classes 0 and `second`."""
    labels = np.array([0, 0, second])
    found = {"boxes": FOUND.boxes, "scores": FOUND.scores, "labels": labels}
    return [[found], [{"boxes": TRUTH.boxes, "labels": labels[1:]}]]


def test_memory_follows_the_classes_that_occur() -> None:
    """The largest label would ask for 12 GB; what was a row of its own in the arrays is one now."""
    tracemalloc.start()
    found = evaluate(*two_classes(65_535))
    assert len(found.ap_per_class()) == len(found.f1().per_class) == 65_536 and found.to_json()["best_mean_f1"]
    assert tracemalloc.get_traced_memory()[1] < 100e6
    tracemalloc.stop()
    same = evaluate(*two_classes(1))
    assert found.stats == same.stats and found.f1().mean.best == same.f1().mean.best
    assert found.ap_per_class()[[0, 65_535]].tolist() == same.ap_per_class().tolist()
    assert (found.ap_per_class()[1:-1] == -1).all() and found.all_points_ap()[-1] == same.all_points_ap()[-1]


def test_classes_without_anything_are_rows_of_minus_one() -> None:
    found, dense = evaluate(*two_classes(2)), evaluate(*two_classes(1))
    for name, axis in (("precision", 2), ("scores", 2), ("recall", 1)):
        rows = getattr(found, name)
        assert np.array_equal(rows.take([0, 2], axis), getattr(dense, name)) and (rows.take(1, axis) == -1).all()


def test_who_takes_what() -> None:
    matches = match(FOUND, TRUTH, iou_thresholds=[0.5, 0.75], area_ranges={"all": (0, 1e10)})
    assert matches.outcome[:, 0].tolist() == [[1, 0], [0, 0], [1, 1]]
    assert matches.taken[:, 0].tolist() == [[0, -1], [-1, -1], [1, 1]]
    assert matches.rank.tolist() == matches.order.tolist() == [0, 1, 2]


def test_a_crowd_takes_many_and_counts_for_none() -> None:
    crowd = replace(TRUTH, crowd=np.array([True, False]))
    inside = np.array([[0.0, 0.0, 5.0, 5.0], [5.0, 5.0, 10.0, 10.0], [20.0, 0.0, 30.0, 10.0]])
    found = evaluate(replace(FOUND, boxes=inside), crowd)
    assert found.counts(0.95)["ignored"] == 2 and found.stats["AP"] == pytest.approx(1)


def test_json_at_one_threshold() -> None:
    """F1 and counts are those of the first threshold where 0.5 is not among them, and it is said."""
    found = evaluate(FOUND, TRUTH, iou_thresholds=[0.75, 0.9])
    told = found.to_json()
    assert told["iou"] == 0.75 and told["counts"] == found.counts(0.75) and told["best_f1"] == found.f1(0.75).all.best
    assert told["best_f1"] is not None and set(told["classes"][0]) == {"name", "objects", "AP", "best_f1"}
    assert evaluate(FOUND, TRUTH).to_json()["iou"] == 0.5


def test_the_eleven_points_of_voc() -> None:
    """Precision 1 at 0, .1, ... .5, then 2/3."""
    found = match(FOUND, TRUTH, iou_thresholds=[0.5]).evaluate(recall_thresholds=np.linspace(0, 1, 11))
    assert found.stats["AP"] == pytest.approx((6 + 5 * 2 / 3) / 11)


def test_the_area_under_the_curve() -> None:
    """Precision 1 to recall 1/2, 2/3 to 1; above IoU .7 1/3 to 1/2."""
    found = evaluate(FOUND, TRUTH)
    assert found.all_points_ap()[0] == pytest.approx((1 + 2 / 3) / 2)
    assert found.all_points_ap(0.75)[0] == pytest.approx(1 / 6)


NOTHING = np.empty((0, 4)), np.empty(0), np.empty(0, np.int64), np.empty(0, np.int64)


@pytest.mark.parametrize("pictures", [0, 2])
def test_nothing_at_all(pictures: int) -> None:
    empty = evaluate(
        Detections(*NOTHING), Truth(NOTHING[0], NOTHING[2], NOTHING[3], tuple(range(pictures)), ("a",) * pictures)
    )
    assert set(empty.stats.values()) == {-1.0} and empty.counts()["objects"] == 0
    assert empty.f1().all.best is None and json.dumps(empty.to_json())
    assert set(ptdet.evaluate([], []).stats.values()) == {-1.0}
    assert set(
        ptdet.evaluate([{"boxes": [], "scores": [], "labels": []}], [{"boxes": [], "labels": []}]).stats.values()
    ) == {-1.0}


def test_nothing_found_and_nothing_to_find() -> None:
    assert evaluate(Detections(*NOTHING), TRUTH).stats["AP"] == 0
    found = evaluate(FOUND, Truth(NOTHING[0], NOTHING[2], NOTHING[3], (7,), ("x",)))
    assert found.stats["AP"] == -1 and found.counts()["false_positives"] == 3
    best = found.f1().all.best
    assert best is not None and best["recall"] == -1 and best["f1"] == 0
    rotated = Truth(np.array([[5.0, 5.0, 4.0, 4.0, 0.3]]), np.array([0]), np.array([0]), (7,), ("x",))
    assert evaluate(Detections(*NOTHING), rotated).stats["AP"] == 0


def changed(record: Any, **columns: Any) -> Any:
    return replace(record, **{key: np.array(value) for key, value in columns.items()})


BOXES = FOUND.boxes.tolist()
BAD: list[tuple[type[Exception], str, Any, Any]] = [
    (ValueError, r"detections.boxes: expected finite", changed(FOUND, boxes=[[math.nan, 0, 1, 1], *BOXES[1:]]), TRUTH),
    (ValueError, r"boxes: expected sides >= 0.*row 2", changed(FOUND, boxes=[*BOXES[:2], [1, 1, 0, 2]]), TRUTH),
    (ValueError, r"detections.boxes: expected shape", changed(FOUND, boxes=np.ones((3, 6))), TRUTH),
    (ValueError, r"detections.boxes: expected 4 numbers", changed(FOUND, boxes=np.ones((3, 5))), TRUTH),
    (ValueError, r"scores: expected numbers, got NaN at row 1", changed(FOUND, scores=[1, math.nan, 1]), TRUTH),
    (ValueError, r"detections.scores: expected shape \(3,\)", changed(FOUND, scores=[1.0]), TRUTH),
    (ValueError, r"detections.labels: expected numbers in \[0, 1\), got 1", changed(FOUND, labels=[0, 1, 0]), TRUTH),
    (ValueError, r"detections.images: expected numbers in \[0, 1\), got -1", changed(FOUND, images=[0, -1, 0]), TRUTH),
    (TypeError, r"detections.labels: expected integers", changed(FOUND, labels=[0.0, 1, 0]), TRUTH),
    (TypeError, r"detections.boxes: expected numbers", changed(FOUND, boxes=[["a"] * 4] * 3), TRUTH),
    (ValueError, r"detections.fmt: expected one of xyxy, xywh", replace(FOUND, fmt="cxcywh"), TRUTH),
    (ValueError, r"truth.area: expected numbers >= 0", FOUND, changed(TRUTH, area=[1, -1])),
    (ValueError, r"truth.crowd: expected True or False", FOUND, changed(TRUTH, crowd=[0, 2])),
    (ValueError, r"truth.ignore: expected shape \(2,\)", FOUND, changed(TRUTH, ignore=[True])),
    (TypeError, r"truth: expected Truth", FOUND, []),
    (TypeError, r"detections: expected Detections or a list", {}, []),
    (ValueError, r"detections: expected 1 pictures", [], [{"boxes": [], "labels": []}]),
    (TypeError, r"truth\[0\]: expected a dict", [{"boxes": [], "scores": [], "labels": []}], [1]),
    (ValueError, r"labels: expected numbers below", [{"boxes": [], "scores": [], "labels": []}],
     [{"boxes": [[0, 0, 1, 1]], "labels": [1 << 40]}]),
    (ValueError, r"truth\[0\]: expected 'iscrowd', got 'crowd'", [{"boxes": [], "scores": [], "labels": []}],
     [{"boxes": [], "labels": [], "crowd": []}]),
    (TypeError, r"truth.class_names: expected a tuple, got str", FOUND, replace(TRUTH, class_names="x")),
    (TypeError, r"truth.image_ids: expected a tuple, got int", FOUND, replace(TRUTH, image_ids=1)),
    (ValueError, r"detections\[0\]: .*got no scores", [{"boxes": [], "labels": []}], [{"boxes": [], "labels": []}]),
]  # fmt: skip


@pytest.mark.parametrize(("error", "told", "detections", "truth"), BAD, ids=[row[1] for row in BAD])
def test_bad_input_is_named(error: type[Exception], told: str, detections: Any, truth: Any) -> None:
    with pytest.raises(error, match=told):
        evaluate(detections, truth)


OPTIONS: list[tuple[type[Exception], str, dict[str, Any]]] = [
    (ValueError, "iou_thresholds: expected increasing", {"iou_thresholds": [0.5, 0.5]}),
    (ValueError, "iou_thresholds: expected increasing", {"iou_thresholds": [math.nan]}),
    (ValueError, "max_detections: expected increasing", {"max_detections": (10, 1)}),
    (TypeError, "max_detections: expected integers", {"max_detections": [1.5]}),
    (TypeError, "area_ranges: expected a dict", {"area_ranges": [(0, 1)]}),
    (ValueError, "area_ranges: expected at least one", {"area_ranges": {}}),
    (ValueError, r"area_ranges\['a'\]: expected least <= most, got \(2, 1\)", {"area_ranges": {"a": (2, 1)}}),
    *(
        (
            ValueError,
            f"area_ranges: expected names that stats does not have yet, got '{name}'",
            {"area_ranges": {"all": (0, 1e10), name: (0, 1)}},
        )
        for name in ("", "50", "10")
    ),
    (ValueError, r"max_detections: expected numbers below 2\*\*63", {"max_detections": [2**63]}),
    (ValueError, "recall_thresholds: expected increasing", {"recall_thresholds": []}),
    (ValueError, "fmt: expected None", {"fmt": "xywh"}),
]


@pytest.mark.parametrize(("error", "told", "options"), OPTIONS, ids=[f"{row[1]} {row[2]}" for row in OPTIONS])
def test_bad_options_are_named(error: type[Exception], told: str, options: dict[str, Any]) -> None:
    with pytest.raises(error, match=told):
        evaluate(FOUND, TRUTH, **options)


@pytest.mark.parametrize(
    ("error", "weights"),
    [(ValueError, [1, 1]), (ValueError, [-1]), (TypeError, [0.5]), (ValueError, [2**62])],
    ids=["length", "sign", "type", "size"],
)
def test_bad_weights_are_named(error: type[Exception], weights: Any) -> None:
    matches: Matches = match(FOUND, TRUTH)
    with pytest.raises(error, match="weights: expected"):
        matches.evaluate(weights)
    with pytest.raises(ValueError, match="iou: expected one of iou_thresholds"):
        matches.evaluate().f1(0.42)


@pytest.mark.filterwarnings("error")
def test_boxes_near_the_largest_number() -> None:
    """Sides and areas that overflow are infinite, without a warning: beyond the largest area, 1e10, none counts."""
    huge = replace(FOUND, boxes=np.array([[-1e308, 0, 1e308, 1e308], *BOXES[1:]]))
    assert evaluate(huge, TRUTH).counts()["ignored"] == 1
    far = replace(TRUTH, boxes=np.array([[0, 0, 1e308, 1e308], TRUTH.boxes[1]]))
    assert evaluate(FOUND, far).counts()["objects"] == 1


@pytest.mark.parametrize(("absent", "said"), [(NO_TORCH, "1.0"), (NO_TORCH + hiding("ptdet._numpy"), "has no kernels")])
def test_evaluation_without_torch(absent: str, said: str) -> None:
    box = "'boxes': [[0., 0., 9., 9.]], 'labels': [0]"
    call = f"ptdet.evaluate([{{{box}, 'scores': [1.]}}], [{{{box}}}]).stats['AP']"
    printed = python(f"{absent}import ptdet\ntry: print(round({call}, 9))\nexcept ImportError as error: print(error)\n")
    assert said in printed and ("nor is there torch" in printed) == (absent != NO_TORCH)


# What of SCALARS an argument takes.
TAKEN = {
    "fmt": ("none",), "iou_thresholds": ("none", "list"), "recall_thresholds": ("none", "list"),
    "area_ranges": ("none",), "max_detections": ("list",), "crowd": ("none",), "ignore": ("none",),
    "area": ("none", "two numbers"),
}  # fmt: skip
ARGUMENTS = (
    "detections", "truth", "fmt", "iou_thresholds", "area_ranges", "max_detections", "recall_thresholds",
)  # fmt: skip
COLUMNS = [
    *(("detections", name) for name in ("boxes", "scores", "labels", "images", "fmt")),
    *(("truth", name) for name in ("boxes", "labels", "images", "crowd", "ignore", "area", "fmt")),
]


@pytest.mark.parametrize("argument", ARGUMENTS)
def test_wrong_values_of_arguments_are_told(argument: str) -> None:
    by_list = ([{"boxes": FOUND.boxes, "scores": FOUND.scores, "labels": FOUND.labels}],
               [{"boxes": TRUTH.boxes, "labels": TRUTH.labels}])  # fmt: skip
    good: dict[str, Any] = {"detections": by_list[0], "truth": by_list[1]}
    for label, wrong in SCALARS.items():
        call = {**good, argument: wrong}
        if label in TAKEN.get(argument, ()):
            ptdet.evaluate(**call)
        else:
            with pytest.raises((TypeError, ValueError), match=argument):
                ptdet.evaluate(**call)


@pytest.mark.parametrize(("record", "column"), COLUMNS)
def test_wrong_values_of_columns_are_told(record: str, column: str) -> None:
    records: dict[str, Any] = {"detections": FOUND, "truth": TRUTH}
    wrong = {**SCALARS, **spoiled(torch.tensor([0.9, 0.8, 0.7]))}
    for label, value in wrong.items():
        if label in TAKEN.get(column, ()) or label in ("shorter", "int64", "bool", "list", "array", "uint64"):
            continue  # of the right kind; lengths and ranges are tried above
        with pytest.raises((TypeError, ValueError), match=rf"{record}\.{column}"):
            evaluate(**{**records, record: replace(records[record], **{column: value})})
