"""Evaluation beside pycocotools, beside the reference, and beside plain loops."""

from __future__ import annotations

import json
from dataclasses import replace
from typing import Any

import numpy as np
import pytest
import torch
from hypothesis import given, settings, strategies as st

import ptdet
from ptdet.evaluation import FALSE, TRUE, Detections, Evaluation, Matches, Truth, evaluate, kernels, match
from tests import rotated_oracle
from tests.coco_oracle import Oracle, coco_eval
from tests.detections import DATA

EXACT = 1e-12


def drawn(seed: int, images: int, classes: int, found: int, truth: int) -> tuple[Detections, Truth]:
    """Boxes of few sizes on a grid: ties of overlaps and scores, overlaps equal to thresholds (1/2, 3/4, 4/5, 9/10),
    areas of 32^2 and 96^2 and beside. Classes and pictures without either, crowds, ignored ones."""
    r = np.random.default_rng(seed)
    sides = np.array([1.0, 16.0, 18.0, 20.0, 24.0, 32.0, 64.0, 96.0, 128.0, 32.0000001])

    def boxes(count: int) -> Any:
        corner = r.integers(0, 4, (count, 2)) * r.choice([1.0, 4.0, 0.1], (count, 2))
        return np.concatenate([corner, r.choice(sides, (count, 2))], 1)

    there = boxes(truth)
    near = boxes(found)
    if truth:
        copied = r.random(found) < 0.6
        near[copied] = there[r.integers(0, truth, int(copied.sum()))]
        near[:, 2] *= r.choice([1.0, 1.0, 0.5, 0.75, 0.8, 0.9], found)
    scores = r.choice([0.0, -0.0, 0.25, 0.5, 1.0, 1 / 3], found) if seed % 2 else r.random(found)
    area = np.where(
        r.random(truth) < 0.7, there[:, 2] * there[:, 3], r.choice([0.0, 1024.0, 9216.0, 1e10, 2e10], truth)
    )
    used = max(1, classes - 1)
    return (
        Detections(near, scores, r.integers(0, classes, found), r.integers(0, images, found), "xywh"),
        Truth(
            there, r.integers(0, used, truth), r.integers(0, max(1, images - 1), truth), tuple(range(images)),
            tuple(f"class {k}" for k in range(classes)), r.random(truth) < 0.15, r.random(truth) < 0.15, area, "xywh",
        ),
    )  # fmt: skip


def expect_same(ours: Evaluation, theirs: Oracle) -> None:
    for name in ("precision", "recall", "scores"):
        np.testing.assert_allclose(getattr(ours, name), theirs.eval[name], rtol=0, atol=EXACT, err_msg=name)
    if len(theirs.stats):
        np.testing.assert_allclose(list(ours.stats.values()), theirs.stats, rtol=0, atol=EXACT)


def by_reference(monkeypatch: pytest.MonkeyPatch, detections: Any, truth: Any, **options: Any) -> tuple[Matches, Any]:
    with monkeypatch.context() as without:
        without.setattr(kernels, "native", None)
        matches = match(detections, truth, **options)
        assert matches.taken.shape == matches.outcome.shape  # computed here, too
        return matches, matches.evaluate()


def expect_same_matches(ours: Matches, theirs: Matches) -> None:
    for name in ("outcome", "rank", "order", "taken"):
        np.testing.assert_array_equal(getattr(ours, name), getattr(theirs, name), err_msg=name)


def expect_same_numbers(ours: Evaluation, theirs: Evaluation) -> None:
    for name in ("precision", "recall", "scores"):
        np.testing.assert_array_equal(getattr(ours, name), getattr(theirs, name), err_msg=name)


@settings(max_examples=60)
@given(
    st.integers(0, 2**32 - 1), st.integers(1, 5), st.integers(1, 4), st.integers(0, 60), st.integers(0, 30),
    st.sampled_from([(1, 10, 100), (1, 3, 5), (2, 4, 8)]),
)  # fmt: skip
def test_equals_pycocotools(
    seed: int, images: int, classes: int, found: int, truth: int, limits: tuple[int, ...]
) -> None:
    detections, there = drawn(seed, images, classes, found, truth)
    expect_same(evaluate(detections, there, max_detections=limits), coco_eval(detections, there, maxDets=list(limits)))


@settings(max_examples=40)
@given(st.integers(0, 2**32 - 1), st.integers(1, 4), st.integers(1, 3), st.integers(0, 40), st.integers(0, 25))
def test_the_kernels_equal_the_reference(seed: int, images: int, classes: int, found: int, truth: int) -> None:
    detections, there = drawn(seed, images, classes, found, truth)
    options = {"iou_thresholds": [0.0, 0.5, 0.8, 1.0], "max_detections": (1, 6)}
    ours = match(detections, there, **options)
    theirs, numbers = by_reference(pytest.MonkeyPatch(), detections, there, **options)
    expect_same_matches(ours, theirs)
    expect_same_numbers(ours.evaluate(), numbers)


def test_more_detections_than_the_limit() -> None:
    detections, truth = drawn(7, 2, 1, 700, 60)
    expect_same(evaluate(detections, truth), coco_eval(detections, truth))
    assert evaluate(detections, truth).counts()["left_out"] == 500


# Each with what of the drawn data it changes.
ODD: dict[str, dict[str, Any]] = {
    "one class in one picture": {"images": 1, "classes": 1},
    "equal scores": {"scores": [0.5]},
    "endless and tiny scores": {"scores": [np.inf, -np.inf, 5e-324, -5e-324, 1e308, 0.0]},
    "float32 beside its neighbours": {"scores": (np.float32(0.3) + np.arange(3, dtype=np.float32) * 2**-24).tolist()},
    "float64 beside its neighbours": {"scores": (0.3 + np.arange(3) * 2**-54).tolist()},
    "boxes without sides": {"sides": [0.0, 1.0, 5.0]},
    "sides whose areas overflow": {"sides": [1e155, 2e155, 1e200]},
    "everything is a crowd": {"crowd": 1.0},
    "crowds that are ignored": {"crowd": 0.5, "ignore": 0.5},
}
OPTIONS: list[dict[str, Any]] = [
    {"iouThrs": [0.5]},
    {"iouThrs": [0.0, 1e-9, 0.3, 1.0]},
    {"iouThrs": np.linspace(0.1, 0.9, 17).tolist()},  # 8 are looked at together
    {"maxDets": [1]},
    {"maxDets": [2, 3, 5, 8, 10**12]},
    {"recThrs": [-0.5, 0.5, 1.0, 1.5]},
    {"areaRng": [[0, 1e10], [64, 64], [0, 64], [64, float("inf")], [-5, -1]], "areaRngLbl": list("abcde")},
]


@pytest.mark.parametrize("name", ODD)
def test_odd_data_and_options_of_ones_own(name: str) -> None:
    """Every detection three times; many more than the limits in a picture."""
    odd = {"images": 4, "classes": 2, "scores": None, "sides": [8.0, 16.0, 33.0], "crowd": 0.1, "ignore": 0.1} | ODD[
        name
    ]
    r = np.random.default_rng(3)
    there = np.concatenate([r.integers(0, 30, (90, 2)) * odd["sides"][-1] / 8, r.choice(odd["sides"], (90, 2))], 1)
    which = r.integers(0, 90, 400)
    near = np.abs(there[which] * r.choice([1.0, 0.9, 1.1], (400, 4)))
    scores = r.random(400) if odd["scores"] is None else r.choice(odd["scores"], 400)
    images, labels = r.integers(0, odd["images"], 90), r.integers(0, odd["classes"], 90)
    detections = Detections(
        *(np.concatenate([column] * 3) for column in (near, scores, labels[which], images[which])), "xywh"
    )
    crowd, ignore = r.random(90) < odd["crowd"], r.random(90) < odd["ignore"]
    with np.errstate(over="ignore"):
        area = np.minimum(there[:, 2] * there[:, 3], 1e10)
    names = tuple(f"class {k}" for k in range(odd["classes"]))
    truth = Truth(there, labels, images, tuple(range(odd["images"])), names, crowd, ignore, area, "xywh")
    for options in OPTIONS:
        params = {"maxDets": [1, 10, 101], **options}
        ranges = {
            key: tuple(one) for key, one in zip(params.get("areaRngLbl", ()), params.get("areaRng", ()), strict=True)
        }
        with np.errstate(over="ignore", invalid="ignore"):
            theirs = coco_eval(
                detections, truth, **{k: np.array(v) if k.endswith("Thrs") else v for k, v in params.items()}
            )
        ours = evaluate(
            detections, truth, iou_thresholds=params.get("iouThrs"), max_detections=params["maxDets"],
            recall_thresholds=params.get("recThrs"), area_ranges=ranges or None,
        )  # fmt: skip
        expect_same(ours, theirs)
    alone = {"iou_thresholds": [0.5], "area_ranges": {"all": (0, 1e10)}, "max_detections": [20]}
    expect_same_matches(
        match(detections, truth, **alone), by_reference(pytest.MonkeyPatch(), detections, truth, **alone)[0]
    )


@pytest.mark.parametrize("objects", [20, 25, 50, 100])
def test_recalls_beside_a_threshold(objects: int) -> None:
    """7 of 20 is below the recall threshold 35 * 0.01, in doubles. Each second detection is false."""
    corners = np.arange(2 * objects)[:, None] * [20.0, 0.0]
    boxes = np.concatenate([corners, np.full((2 * objects, 2), 10.0)], 1)
    none = np.zeros(2 * objects, np.int64)
    detections = Detections(boxes, np.linspace(1, 0, 2 * objects), none, none, "xywh")
    truth = Truth(boxes[::2], none[::2], none[::2], (0,), ("a",), fmt="xywh")
    ours = evaluate(detections, truth, max_detections=(1, 10, 200))
    expect_same(ours, coco_eval(detections, truth, maxDets=[1, 10, 200]))


def read_json(name: str) -> Any:
    return json.loads((DATA / name).read_text(encoding="utf-8"))


def truth_of(file: Any) -> Truth:
    """COCO's ground truth, pictures and classes in the order of their ids."""
    images = sorted(one["id"] for one in file["images"])
    names = {one["id"]: one["name"] for one in file["categories"]}
    rows, ids = file["annotations"], sorted(names)
    columns = {key: np.array([one[key] for one in rows]) for key in ("bbox", "area", "category_id", "image_id")}
    return Truth(
        columns["bbox"].astype(float), np.searchsorted(ids, columns["category_id"]),
        np.searchsorted(images, columns["image_id"]), tuple(images), tuple(names[each] for each in ids),
        np.array([one["iscrowd"] for one in rows]), None, columns["area"].astype(float), "xywh", tuple(ids),
    )  # fmt: skip


def test_the_cocoapi_demo() -> None:
    """The published numbers of its 100 pictures."""
    truth = truth_of(read_json("coco_demo100/truth.json"))
    rows = read_json("coco_demo100/detections.json")
    column = {key: np.array([one[key] for one in rows]) for key in rows[0]}
    labels = np.searchsorted(truth.category_ids, column["category_id"])
    images = np.searchsorted(truth.image_ids, column["image_id"])
    detections = Detections(column["bbox"].astype(float), column["score"], labels, images, "xywh")
    ours = evaluate(detections, truth)
    published = [0.505, 0.697, 0.573, 0.586, 0.519, 0.501, 0.387, 0.594, 0.595, 0.640, 0.566, 0.564]
    assert [round(value, 3) for value in ours.stats.values()] == published
    expect_same(ours, coco_eval(detections, truth))
    options = {"iou_thresholds": [0.75], "area_ranges": {"all": (0, 1e10)}, "max_detections": [100]}
    theirs, numbers = by_reference(pytest.MonkeyPatch(), detections, truth, **options)
    expect_same_matches(match(detections, truth, **options), theirs)
    assert numbers.stats["AP"] == numbers.stats["AP75"] == ours.stats["AP75"]


def coco_map(iou: float) -> tuple[Detections, Truth]:
    truth = truth_of(read_json("coco_map/gt_coco_val64.json"))
    with np.load(DATA / "coco_map/yolox_nano_candidates.npz", allow_pickle=False) as stored:
        boxes, scores, labels, offsets = (stored[key] for key in ("boxes", "scores", "labels", "offsets"))
        ids, categories = stored["image_ids"], stored["category_ids"]
    images = np.searchsorted(truth.image_ids, ids).repeat(np.diff(offsets))
    labels = np.searchsorted(truth.category_ids, categories[labels])
    keep = ptdet.numpy.batched_nms(boxes, scores, images * 100 + labels, iou)
    # the 100 best of a picture, as the stored numbers were made
    order = keep[np.argsort(images[keep], kind="stable")]
    place = np.arange(len(order)) - np.searchsorted(images[order], images[order])
    chosen = order[place < 100]
    sides = boxes[chosen, 2:] - boxes[chosen, :2]
    xywh = np.concatenate([boxes[chosen, :2], sides], 1).astype(float)
    return Detections(xywh, scores[chosen], labels[chosen], images[chosen], "xywh"), truth


def test_real_detections() -> None:
    detections, truth = coco_map(0.65)
    ours = evaluate(detections, truth)
    known = read_json("coco_map/yolox_nano_reference_map.json")["batched_nms_0.65"]
    for name in ("AP", "AP50", "AP75", "APs", "APm", "APl", "AR1", "AR10", "AR100"):
        assert ours.stats[name] == pytest.approx(known[name], abs=1e-6), name
    expect_same(ours, coco_eval(detections, truth))


def exact_overlaps(found: list[list[float]], truth: list[list[float]], crowd: list[bool]) -> Any:
    """IoU of rotated boxes by polygon clipping in 300 bits; over the area of the found one for a crowd."""
    values = np.zeros((len(found), len(truth)))
    for d, one in enumerate(found):
        for g, other in enumerate(truth):
            polygon = rotated_oracle.corners(one)
            around = rotated_oracle.corners(other)
            for k, end in enumerate(around):
                polygon = rotated_oracle.clipped(polygon, around[k - 1], end)
            shared, area = rotated_oracle.area(polygon), one[2] * one[3]
            values[d, g] = shared / (area if crowd[g] else area + other[2] * other[3] - shared)
    return values


def test_rotated_boxes() -> None:
    r = np.random.default_rng(5)
    there = np.concatenate([r.uniform(0, 60, (24, 2)), r.uniform(8, 60, (24, 2)), r.uniform(-4, 4, (24, 1))], 1)
    which = r.integers(0, 24, 50)
    labels, images = r.integers(0, 2, 24), r.integers(0, 3, 24)
    crowd, ignore = r.random(24) < 0.2, r.random(24) < 0.2
    truth = Truth(there, labels, images, (0, 1, 2), ("a", "b"), crowd, ignore)
    near = there[which] + r.normal(0, 1, (50, 5)) * [1.5, 1.5, 1, 1, 0.05]
    detections = Detections(near, r.random(50), labels[which], images[which])
    ours = evaluate(detections, truth)
    assert 0.2 < ours.stats["AP"] < 0.95
    expect_same(ours, coco_eval(detections, truth, exact_overlaps))
    expect_same_matches(match(detections, truth), by_reference(pytest.MonkeyPatch(), detections, truth)[0])
    alone = replace(
        detections, images=(detections.images + 1) % 3
    )  # in pictures with few objects of the class, or none
    expect_same_matches(match(alone, truth), by_reference(pytest.MonkeyPatch(), alone, truth)[0])
    nothing = replace(truth, boxes=np.empty((0, 5)), labels=labels[:0], images=images[:0], crowd=None, ignore=None)
    expect_same_matches(match(alone, nothing), by_reference(pytest.MonkeyPatch(), alone, nothing)[0])


def repeated(detections: Detections, truth: Truth, weights: Any) -> tuple[Detections, Truth]:
    """The data set in which each picture stands as often as its weight says."""
    copies = [image for image, weight in enumerate(weights) for _ in range(weight)]

    def rows(images: Any) -> tuple[Any, Any]:
        each = [np.flatnonzero(images == image) for image in copies]
        empty = np.empty(0, np.int64)
        return np.concatenate([empty, *each]), np.repeat(np.arange(len(copies)), [len(one) for one in each])

    chosen, images = rows(detections.images)
    kept, places = rows(truth.images)
    columns = {key: getattr(truth, key)[kept] for key in ("boxes", "labels", "crowd", "ignore", "area")}
    return (
        Detections(
            detections.boxes[chosen], detections.scores[chosen], detections.labels[chosen], images, detections.fmt
        ),
        replace(truth, images=places, image_ids=tuple(range(len(copies))), **columns),
    )


@pytest.mark.parametrize("seed", range(6))
def test_weights_are_copies_of_pictures(seed: int) -> None:
    detections, truth = drawn(seed, 6, 3, 120, 40)
    matches = match(detections, truth)
    for weights in ([1, 0, 2, 1, 3, 0], [0] * 6, np.random.default_rng(seed).multinomial(6, np.full(6, 1 / 6))):
        copied = match(*repeated(detections, truth, weights))
        ours, theirs = matches.evaluate(np.array(weights)), copied.evaluate()
        expect_same_numbers(ours, theirs)
        assert ours.counts() == theirs.counts()
        assert ours.f1().all.best == theirs.f1().all.best
    expect_same_numbers(matches.evaluate([1] * 6), matches.evaluate())


def test_f1_is_that_of_a_plain_loop() -> None:
    detections, truth = drawn(11, 5, 3, 150, 60)
    matches = match(detections, truth)
    ours = matches.evaluate()
    outcome, objects = matches.outcome[:, 0, 5], matches.counted[:, 0]
    curves = [*ours.f1(0.75).per_class, ours.f1(0.75).all]
    for label, curve in enumerate(curves):
        of_class = np.full(150, True) if label == 3 else np.asarray(detections.labels) == label
        wanted = int(objects.sum() if label == 3 else objects[np.asarray(truth.labels) == label].sum())
        counted = of_class & (outcome <= TRUE)
        assert curve.scores.tolist() == sorted(set((detections.scores[counted] + 0.0).tolist()), reverse=True)
        for place, score in enumerate(curve.scores):
            kept = counted & (detections.scores >= score)
            true, false = int((outcome[kept] == TRUE).sum()), int((outcome[kept] == FALSE).sum())
            assert curve.precision[place] == true / (true + false)
            assert curve.recall[place] == (true / wanted if wanted else -1)
            assert curve.f1[place] == 2 * true / (2 * true + false + wanted - true)
        assert curve.best is None or curve.best["f1"] == max(curve.f1)


def test_the_number_of_threads_decides_nothing() -> None:
    detections, truth = coco_map(0.8)
    before = ptdet.numpy.get_num_threads()
    found = []
    for threads in (1, 3):
        ptdet.numpy.set_num_threads(threads)
        matches = match(detections, truth)
        found.append((matches, matches.evaluate()))
    ptdet.numpy.set_num_threads(before)
    expect_same_matches(found[0][0], found[1][0])
    expect_same_numbers(found[0][1], found[1][1])


@pytest.mark.parametrize("kind", [np.asarray, torch.from_numpy], ids=["arrays", "tensors"])
def test_a_list_of_pictures_is_the_records(kind: Any) -> None:
    detections, truth = drawn(4, 5, 3, 80, 30)
    found: list[dict[str, Any]] = []
    there: list[dict[str, Any]] = []
    order: list[int] = []
    for image in range(5):
        rows = np.flatnonzero(np.asarray(detections.images) == image)
        order += rows.tolist()
        names = ("boxes", "scores", "labels")
        found.append({name: kind(getattr(detections, name)[rows]) for name in names})
        rows = np.flatnonzero(np.asarray(truth.images) == image)
        columns = {"boxes": "boxes", "labels": "labels", "iscrowd": "crowd", "ignore": "ignore", "area": "area"}
        there.append({key: kind(np.asarray(getattr(truth, name))[rows]) for key, name in columns.items()})
    expect_same_numbers(ptdet.evaluate(found, there, fmt="xywh"), evaluate(detections, truth))
    for one in there:
        del one["area"]
    expect_same_numbers(ptdet.evaluate(found, there, fmt="xywh"), evaluate(detections, replace(truth, area=None)))
    corners = [{**one, "boxes": corners_of(one["boxes"])} for one in there]
    boxes = [{**one, "boxes": corners_of(one["boxes"])} for one in found]
    as_corners = (
        replace(detections, boxes=corners_of(detections.boxes), fmt="xyxy"),
        replace(truth, boxes=corners_of(truth.boxes), fmt="xyxy", area=None),
    )
    expect_same_numbers(ptdet.evaluate(boxes, corners), evaluate(*as_corners))


def corners_of(boxes: Any) -> Any:
    moved = boxes.clone() if isinstance(boxes, torch.Tensor) else boxes.copy()
    moved[:, 2:] += moved[:, :2]
    return moved
