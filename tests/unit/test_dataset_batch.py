"""Many pictures in one call of a kernel come out as each does alone, by every method."""

from __future__ import annotations

import json
from dataclasses import replace

import numpy as np
import pytest

from ptdet._shared.config import Config, Setting
from ptdet._shared.methods import PLAIN
from ptdet.cli.run import suppress as suppress_one
from ptdet.dataset.batch import Batch, batches_of, limited, suppress
from ptdet.dataset.settings import Job, Settings
from ptdet.io import FileProblem, Predictions

SETTINGS = {
    "plain": Settings(),
    "agnostic": Settings(agnostic=True),
    "the best ten": Settings(pre_topk=10, confidence=0.1),
    "at most three": Settings(confidence=0.1, max_det=3),
    "all scores that are left": Settings(min_score=0.01, iou_threshold=0.3),
}


def pictures(dtype: type, rotated: bool = False, labels: str = "few") -> list[Predictions]:
    """Crowded ones, an empty one, one with ties, one with a box that is none."""
    random = np.random.default_rng(7)
    found = []
    for number, count in enumerate((40, 0, 25, 1, 60)):
        centres, sizes = random.uniform(30, 90, (count, 2)), random.uniform(20, 50, (count, 2))
        boxes = np.concatenate([centres - sizes / 2, centres + sizes / 2], 1)
        if rotated:
            boxes = np.concatenate([centres, sizes, random.uniform(-1, 1, (count, 1))], 1)
        scores = random.uniform(0, 1, count).round(1 if number == 2 else 6)
        ids = random.integers(-3, 4, count) * (2**61 if labels == "far apart" else 1)
        if number == 4:
            boxes[3] = np.nan
        given = None if labels == "none" else ids
        found.append(Predictions(str(number), number, boxes.astype(dtype), scores.astype(dtype), given))
    return found


def all_of(batches: list[Batch]) -> list[tuple[np.ndarray, ...]]:
    return [(kept.boxes, kept.scores, kept.labels, kept.rows) for batch in batches for _, kept in batch.pairs()]


@pytest.mark.parametrize("kind", SETTINGS)
@pytest.mark.parametrize("labels", ["few", "far apart", "none"])
@pytest.mark.parametrize("dtype", [np.float32, np.float64])
def test_a_batch_is_its_pictures(kind: str, labels: str, dtype: type) -> None:
    for method in PLAIN:
        for rotated in (False, True):
            settings = replace(SETTINGS[kind], method=method)
            given = pictures(dtype, rotated, labels)
            found = all_of([suppress(batch, settings) for batch in batches_of(given, settings, [])])
            for one, (boxes, scores, ids, rows) in zip(given, found, strict=True):
                kept = suppress_one(one, settings).kept
                np.testing.assert_array_equal(boxes, kept.boxes, method)
                np.testing.assert_array_equal(scores, kept.scores, method)
                np.testing.assert_array_equal(rows, kept.rows, method)
                assert (ids is None) == (kept.labels is None)
                if ids is not None:
                    np.testing.assert_array_equal(ids, kept.labels, method)


@pytest.mark.parametrize("kind", ["plain", "the best ten", "at most three", "all scores that are left"])
def test_thresholds_of_single_classes(kind: str) -> None:
    """By name, though two pictures give the same names other numbers; told as JSON to whoever does it."""
    classes = {"b": {"iou": 0.1, "conf": 0.05}, "c": {"conf": 0.6}, "f": {"min_score": 0.7, "iou": 0.9}}
    names = (tuple("abcdefg"), tuple("gfcbaed"))
    given = [
        replace(one, labels=one.labels + 3, classes=names[n % 2]) for n, one in enumerate(pictures(np.float32))
    ]  # fmt: skip
    for method in PLAIN:
        settings = replace(SETTINGS[kind], method=method)
        of_all = Setting(iou=settings.iou_threshold, conf=settings.confidence, min_score=settings.min_score)
        settings = replace(settings, by_class=Config(of_all, classes=classes))
        told = Job.of(json.loads(json.dumps(Job(settings).told())))
        assert told.hash == Job(settings).hash != Job(replace(settings, by_class=None)).hash
        problems: list[str] = []
        batches = [limited(batch, told.settings, problems) for batch in batches_of(given, told.settings, problems)]
        found = all_of([suppress(batch, told.settings) for batch in batches])
        assert not problems
        for one, (boxes, scores, ids, rows) in zip(given, found, strict=True):
            kept = suppress_one(one, settings).kept
            for own, expected in ((boxes, kept.boxes), (scores, kept.scores), (ids, kept.labels), (rows, kept.rows)):
                np.testing.assert_array_equal(own, expected, method)


def test_a_picture_without_names_is_left_out_alone() -> None:
    settings = Settings(by_class=Config(Setting(conf=0.25), classes={"a": {"conf": 0.5}}))
    known = [replace(one, labels=abs(one.labels), classes=tuple("abcd")) for one in pictures(np.float32)]
    (whole,) = [limited(batch, settings, []) for batch in batches_of(known, settings, [])]
    given = [known[0], replace(known[2], classes=()), known[4], replace(known[0], labels=-known[0].labels)]
    problems: list[str] = []
    (left,) = [limited(batch, settings, problems) for batch in batches_of(given, settings, problems)]
    assert [of.image_id for of in left.of] == [0, 4]
    assert problems == [
        "2 has no names of classes, which the thresholds of single classes need: give --classes",
        "0 has a class -3, but names for 4 classes, numbered from 0: "
        "the thresholds of single classes are found by name",
    ]
    first, last = all_of([suppress(left, settings)]), all_of([suppress(whole, settings)])
    np.testing.assert_array_equal(first[0][0], last[0][0])
    np.testing.assert_array_equal(first[1][3], last[4][3])
    with pytest.raises(FileProblem, match="has a class -3"):
        suppress_one(given[3], settings)


def test_parts_of_a_batch_are_whole_pictures() -> None:
    settings = Settings(confidence=-1)
    one = pictures(np.float32)[0]
    large = replace(
        one, boxes=np.tile(one.boxes, (300, 1)), scores=np.tile(one.scores, 300), labels=np.tile(one.labels, 300)
    )
    (batch,) = batches_of([one] * 3, settings, [])
    assert [len(part.of) for part in batch.cut()] == [3]
    parts = [part for each in batches_of([one, large, one, large], settings, []) for part in each.cut()]
    assert [len(part.of) for part in parts] == [1, 1, 1, 1]
    assert sum(part.stored for part in parts) == 2 * 40 + 2 * 12000
    assert [len(part.found) for part in parts] == [40, 12000, 40, 12000]


def test_a_picture_that_cannot_be_done_is_told_of() -> None:
    problems: list[str] = []
    settings = Settings(background=0)
    found = list(batches_of(pictures(np.float32, labels="none"), settings, problems))
    assert not found and len(problems) == 5 and "has no classes, so --background 0 is none of them" in problems[0]
    problems.clear()
    list(batches_of(pictures(np.float32), Settings(confidence=25), problems))
    assert any("--conf 25 is above all" in problem for problem in problems)
