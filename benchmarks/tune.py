"""Seconds and memory of `ptdet.tune` on a large data set: the 64 pictures of tests/data/coco_map many times over.

`python -m benchmarks.tune` takes 4,992 pictures with 2 million candidates and the default grid; --copies, --methods and
--objective ask for others. Nothing is written: the numbers are of this machine, and a run takes minutes.
"""

from __future__ import annotations

import argparse
import resource
import sys
import time
from dataclasses import replace
from pathlib import Path

import numpy as np

import ptdet
from ptdet._shared.arrays import Array, Indices
from ptdet.evaluation import Detections, Truth
from ptdet.io import DetectionOptions, read_detections, read_truth

DATA = Path(__file__).parents[1] / "tests/data/coco_map"
COPIES = 78
MOVED, SPREAD = 1.0, 0.05  # of a corner, in pixels; of the logarithm of a score


def data_set(copies: int) -> tuple[Detections, Truth]:
    """The pictures `copies` times over: the same truth, detections with other corners and scores each time."""
    truth = read_truth(DATA / "gt_coco_val64.json")
    found = read_detections([DATA / "yolox_nano_candidates.npz"], truth, DetectionOptions(raw=True))
    pictures, random = len(truth.image_ids), np.random.RandomState(0)
    boxes = np.tile(found.boxes, (copies, 1))
    boxes += random.normal(0, MOVED, boxes.shape).astype(boxes.dtype)
    boxes[:, 2:] = np.maximum(boxes[:, 2:], boxes[:, :2])
    scores = np.tile(found.scores, copies)
    scores = np.clip(scores * np.exp(random.normal(0, SPREAD, scores.shape)), 0, 1).astype(found.scores.dtype)
    numbers = np.arange(copies) * pictures

    def of_copies(images: Array) -> Indices:
        moved: Indices = np.add.outer(numbers, images).reshape(-1)
        return moved

    def repeated(values: Array | None) -> Array | None:
        return None if values is None else np.tile(values, copies)

    there = replace(
        truth,
        boxes=np.tile(truth.boxes, (copies, 1)),
        labels=np.tile(truth.labels, copies),
        images=of_copies(truth.images),
        image_ids=tuple(range(pictures * copies)),
        image_names=(),
        image_sizes=(),
        crowd=repeated(truth.crowd),
        ignore=repeated(truth.ignore),
        area=repeated(truth.area),
    )
    labels = np.tile(found.labels, copies)
    return replace(found, boxes=boxes, scores=scores, labels=labels, images=of_copies(found.images)), there


def main(arguments: list[str] | None = None) -> int:
    parser = argparse.ArgumentParser(prog="python -m benchmarks.tune", description=__doc__)
    parser.add_argument("--copies", type=int, default=COPIES, help=f"of the 64 pictures ({COPIES})")
    parser.add_argument("--objective", default="ap", help="(ap)")
    parser.add_argument("--methods", help="a,b,c (all)")
    asked = parser.parse_args(arguments)
    detections, truth = data_set(asked.copies)
    counts = len(truth.image_ids), len(truth.labels), len(detections.scores)
    print("{} pictures, {} boxes of the truth, {} candidates".format(*counts), flush=True)
    wall, cpu = time.perf_counter(), time.process_time()
    methods = asked.methods.split(",") if asked.methods else None
    tuned = ptdet.tune(detections, truth, objective=asked.objective, methods=methods)
    wall, cpu = time.perf_counter() - wall, time.process_time() - cpu
    used = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss / (1e9 if sys.platform == "darwin" else 1e6)
    print(f"{tuned.facts['suppressions']} suppressions: {wall:.1f} s, {cpu:.1f} CPU seconds, {used:.2f} GB at most")
    print(tuned.verdict)
    from .machine import describe, in_one_line  # it imports torch, whose memory is none of the tuning's

    print(in_one_line(describe()))
    return 0


if __name__ == "__main__":
    sys.exit(main())
