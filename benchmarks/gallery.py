"""Draws the pictures of README.md from the candidates of YOLOX-nano in COCO pictures: docs/before_after.jpg, by
`ptdet run`, and docs/methods.jpg, what each method keeps."""

from __future__ import annotations

import sys
import tempfile
from pathlib import Path
from typing import Any

import numpy as np
from PIL import Image

from ptdet import cli
from ptdet.cli.draw import draw_panels
from ptdet.io import Candidates, read_predictions
from ptdet.numpy._methods import select

ROOT = Path(__file__).resolve().parents[1]
IMAGE = ROOT / "tests/data/images/000000001268.jpg"
PREDICTIONS = ROOT / "tests/data/yolox_nano_coco/raw_000000001268.npz"
DOCS, PICTURES = ROOT / "docs", ("before_after.jpg", "methods.jpg")
PART = (390, 70, 640, 427)
CONFIDENCE, IOU = 0.1, 0.7
# caption: a method of METHODS, and the options that are not its defaults
SHOWN: dict[str, tuple[str, dict[str, Any]]] = {
    "nms": ("hard", {}),
    "or_nms": ("or", {}),
    "diou_nms, beta 0.6": ("diou", {"beta": 0.6}),
    "and_nms": ("and", {}),
    "fast_nms": ("fast", {}),
    "merge_nms": ("merge", {}),
    "cluster_nms, weighted": ("cluster", {"weighted": True}),
    "soft_nms, gaussian": ("soft", {"min_score": CONFIDENCE}),
    "soft_nms, linear": ("soft", {"kind": "linear", "min_score": CONFIDENCE}),
    "matrix_nms": ("matrix", {"min_score": CONFIDENCE}),
    "greedy_nmm": ("greedy_nmm", {"metric": "iou"}),
    "nmm": ("nmm", {"metric": "iou"}),
    "non_maximum_weighted": ("nmw", {}),
    "weighted_boxes_fusion": ("wbf", {}),
}


def draw_before_after(out: Path) -> None:
    data = ROOT / "tests/data"
    raw, picture = data / "yolox_nano_coco/raw_000000000885.npz", data / "images/000000000885.jpg"
    cli.main(["run", str(raw), "--image", str(picture), "--iou", "0.45", "--out", str(out)])


def draw_methods(out: Path) -> None:
    predictions = read_predictions(PREDICTIONS)[0]
    found = predictions.in_picture(predictions.candidates(CONFIDENCE))
    assert found.labels is not None
    corner = np.array(PART, np.float32)
    centres = (found.boxes[:, :2] + found.boxes[:, 2:]) / 2
    inside = ((centres > corner[:2]) & (centres < corner[2:])).all(1)
    boxes, scores, labels = found.boxes[inside] - corner[[0, 1, 0, 1]], found.scores[inside], found.labels[inside]
    left = {f"all {len(boxes)} candidates": (boxes, scores, labels)}
    for caption, (name, options) in SHOWN.items():
        kept_boxes, kept_scores, keep = select(name, boxes, scores, labels, IOU, **options)
        left[f"{caption}: {len(keep)} kept"] = kept_boxes, kept_scores, labels[keep]
    panels = [(caption, Candidates(*each, np.arange(len(each[0])))) for caption, each in left.items()]
    title = f"YOLOX-nano above {CONFIDENCE} (blue person, green handbag, olive cell phone), by class at IoU {IOU}"
    with tempfile.TemporaryDirectory() as folder:
        part = Path(folder) / "part.png"
        Image.open(IMAGE).crop(PART).save(part)
        draw_panels(part, out, panels, classes=[""] * 80, title=title, columns=5, sizes=(440, 440))


def main(folder: Path = DOCS) -> None:
    for draw, name in zip((draw_before_after, draw_methods), PICTURES, strict=True):
        draw(folder / name)


if __name__ == "__main__":
    main(*map(Path, sys.argv[1:]))
