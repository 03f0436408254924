"""COCO's evaluation of a data set by ptdet.evaluate and by the peers, of arrays that are read already: matching,
precision over recall, and the twelve numbers. Empty where ptdet.numpy is not built."""

from __future__ import annotations

import contextlib
import io
from collections.abc import Callable, Iterator
from functools import partial
from typing import Any

import numpy as np
import torch
from torch import Tensor

from ptdet.evaluation import Detections, Truth, evaluate

from ..cases import LAST_PLACES, OURS, Case, Contender, Group, Options, Series, largest_difference
from ..peers import find, part
from .numpy_arrays import of_arrays

SIZES = (5_000, 50_000, 500_000)
CLASSES, FOUND_IN_A_PICTURE, OBJECTS_IN_A_PICTURE = 80, 100, 7


def series(options: Options) -> Iterator[Series]:
    if of_arrays() is not None:
        yield Series("evaluation", "80 classes", options.sizes_of(SIZES), _case, dtype="float64")


def data_set(found: int) -> tuple[Detections, Truth]:
    """Some detections lie near an object, more of them among the best; classes are of different frequency."""
    r = np.random.default_rng(0)
    pictures = -(-found // FOUND_IN_A_PICTURE)
    count = pictures * OBJECTS_IN_A_PICTURE
    share = r.dirichlet(np.full(CLASSES, 0.5))

    def boxes(many: int) -> Any:
        return np.concatenate([r.uniform(0, 500, (many, 2)), np.exp(r.normal(4, 1, (many, 2)))], 1)

    truth = Truth(
        boxes(count), r.choice(CLASSES, count, p=share), np.sort(r.integers(0, pictures, count)),
        tuple(range(pictures)), tuple(map(str, range(CLASSES))), r.random(count) < 0.01, fmt="xywh",
    )  # fmt: skip
    of, near = r.integers(0, count, found), r.random(found) < 0.35
    moved = truth.boxes[of] + r.normal(0, 0.08, (found, 4)) * truth.boxes[of][:, [2, 3, 2, 3]]
    moved[:, 2:] = np.maximum(moved[:, 2:], 1)
    images = np.where(near, truth.images[of], r.integers(0, pictures, found))
    order = np.argsort(images, kind="stable")
    detections = Detections(
        np.where(near[:, None], moved, boxes(found))[order],
        np.clip(r.beta(1, 6, found) + near * r.beta(1, 3, found) / 2, 0, 1)[order],
        np.where(near, truth.labels[of], r.choice(CLASSES, found, p=share))[order],
        images[order],
        "xywh",
    )
    return detections, truth


def as_coco(truth: Truth) -> dict[str, Any]:
    columns = (truth.boxes, truth.labels, truth.images, np.asarray(truth.crowd))
    return {
        "images": [{"id": image, "width": 1000, "height": 1000} for image in truth.image_ids],
        "categories": [{"id": label, "name": name} for label, name in enumerate(truth.class_names)],
        "annotations": [
            {"id": row + 1, "image_id": image, "category_id": label, "bbox": box, "iscrowd": int(crowd),
             "area": box[2] * box[3]}
            for row, (box, label, image, crowd) in enumerate(zip(*(each.tolist() for each in columns), strict=True))
        ],
    }  # fmt: skip


def numbers_of(make: Callable[[], Any]) -> Any:
    with contextlib.redirect_stdout(io.StringIO()):
        run = make()
        run.evaluate()
        run.accumulate()
        run.summarize()
    return run.stats


def stats(values: Any) -> Tensor:
    return torch.tensor([float(value) for value in list(values)[:12]], dtype=torch.float64)


def peers_of(detections: Detections, truth: Truth) -> Iterator[Contender]:
    columns = (detections.images[:, None], detections.boxes, detections.scores[:, None], detections.labels[:, None])
    rows = np.concatenate(columns, 1)
    told = "the files' dicts are built before"
    if hotcoco := find("hotcoco"):
        there = hotcoco.COCO(as_coco(truth))
        found = there.load_res(rows)
        yield Contender("hotcoco", lambda: numbers_of(lambda: hotcoco.COCOeval(there, found, "bbox")), stats, told)
    for name, coco, evaluation in (
        ("faster-coco-eval", find("faster-coco-eval"), find("faster-coco-eval")),
        ("pycocotools", part("pycocotools", "coco"), part("pycocotools", "cocoeval")),
    ):
        if coco and evaluation:
            with contextlib.redirect_stdout(io.StringIO()):
                data = coco.COCO()
                data.dataset = as_coco(truth)
                data.createIndex()
                results = data.loadRes(rows)
            run = getattr(evaluation, "COCOeval_faster", None) or evaluation.COCOeval
            yield Contender(name, partial(numbers_of, partial(run, data, results, "bbox")), stats, told)


def _case(n: int) -> Case:
    detections, truth = data_set(n)
    ours = Contender(OURS, lambda: evaluate(detections, truth).stats.values(), stats)
    return Case([ours, *peers_of(detections, truth)], lambda: np.argsort(detections.scores))


GROUP = Group(
    "evaluation",
    "COCO's evaluation of a data set: matches, precision over recall, the twelve numbers",
    "numpy.argsort of the scores",
    series,
    largest_difference,
    LAST_PLACES,
    tolerance=8,
    size_name="detections",
)
