"""Many pictures in one call of a kernel come out as each does alone, by every method."""

from __future__ import annotations

from dataclasses import replace

import numpy as np
import pytest

from ptdet._shared.methods import PLAIN
from ptdet.cli.run import suppress as suppress_one
from ptdet.dataset.batch import Batch, batches_of, suppress
from ptdet.dataset.settings import Settings
from ptdet.io import Predictions

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
