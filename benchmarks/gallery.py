"""Draws the pictures of README.md from the candidates of YOLOX-nano in COCO pictures: docs/before_after.jpg, by
`ptdet run`, and docs/methods.jpg, what each method keeps; and docs/rotated.jpg, what methods keep of rotated boxes."""

from __future__ import annotations

import sys
import tempfile
from pathlib import Path
from typing import Any

import numpy as np
from PIL import Image, ImageDraw

from ptdet import cli
from ptdet.cli.draw import draw_panels
from ptdet.io import Candidates, read_dota_labels, read_predictions
from ptdet.numpy._methods import select

ROOT = Path(__file__).resolve().parents[1]
IMAGE = ROOT / "tests/data/images/000000001268.jpg"
PREDICTIONS = ROOT / "tests/data/yolox_nano_coco/raw_000000001268.npz"
DOCS, PICTURES = ROOT / "docs", ("before_after.jpg", "methods.jpg", "rotated.jpg")
QUADS, ROTATED_PART = ROOT / "tests/data/icdar2015/quads_221.txt", (0, 235, 235, 420)
PART = (390, 70, 640, 427)
CONFIDENCE, IOU, ROTATED_IOU = 0.1, 0.7, 0.3
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


def draw_rotated(out: Path) -> None:
    """Boxes of real lines of text, jittered, with a score that falls with the jitter: no detector's candidates."""
    labels = read_dota_labels(QUADS)
    random, corner = np.random.default_rng(1), np.array(ROTATED_PART[:2])
    text = labels.boxes[(labels.boxes[:, 1] > ROTATED_PART[1]) & (labels.boxes[:, 1] < ROTATED_PART[3])]
    jitter = random.normal(size=(6, len(text), 5))
    longer, shorter = text[:, 2:4].max(1), text[:, 2:4].min(1)
    scale = np.stack([shorter / 8, shorter / 8, text[:, 2] / 12, text[:, 3] / 12, shorter / longer / 4], 1)
    boxes = (text + jitter * scale).reshape(-1, 5) - [*corner, 0, 0, 0]
    scores = (0.95 - 0.13 * np.sqrt((jitter**2).mean(-1)) - 0.3 * random.random(jitter.shape[:2])).reshape(-1)
    left = {f"all {len(boxes)} candidates": (boxes, scores)}
    for caption, (name, options) in SHOWN.items():
        kept_boxes, kept_scores, keep = select(name, boxes, scores, None, ROTATED_IOU, **options)
        left[f"{caption}: {len(keep)} kept"] = kept_boxes, kept_scores
    panels = [(caption, Candidates(*each, np.full(len(each[0]), n), np.arange(len(each[0])))) for n, (caption, each)
              in enumerate(left.items())]  # fmt: skip
    title = f"Rotated boxes at IoU {ROTATED_IOU}"
    with tempfile.TemporaryDirectory() as folder:
        part = Path(folder) / "part.png"
        picture = Image.new("RGB", (ROTATED_PART[2] - corner[0], ROTATED_PART[3] - corner[1]), (244, 244, 240))
        for quad in labels.quads - corner:
            ImageDraw.Draw(picture).polygon([tuple(point) for point in quad], fill=(214, 214, 208))
        picture.save(part)
        draw_panels(
            part, out, panels, classes=[""] * len(panels), title=title, columns=min(len(panels), 5), sizes=(330, 330)
        )


def main(folder: Path = DOCS) -> None:
    for draw, name in zip((draw_before_after, draw_methods, draw_rotated), PICTURES, strict=True):
        draw(folder / name)


if __name__ == "__main__":
    main(*map(Path, sys.argv[1:]))
