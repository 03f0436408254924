"""`make demo`: NMS on the raw output of a real detector; a picture (before and after) and a table in demo_out/."""

from __future__ import annotations

import json
import statistics
import sys
import time
from collections.abc import Callable
from pathlib import Path

import numpy
import torch
from PIL import Image, ImageDraw

ROOT = Path(__file__).resolve().parents[1]
sys.path.insert(0, str(ROOT))

import ptdet  # noqa: E402
from ptdet import reference  # noqa: E402

DATA = ROOT / "tests/data"
OUT = ROOT / "demo_out"
CONFIDENCE, IOU = 0.25, 0.45


def candidates(image: str) -> tuple[torch.Tensor, torch.Tensor, torch.Tensor, list[str]]:
    """Boxes in picture pixels, scores and classes above the confidence, and the class names."""
    with numpy.load(DATA / f"yolox_nano_coco/raw_{image}.npz", allow_pickle=False) as stored:
        pred, ratio = torch.from_numpy(stored["pred"]), float(stored["ratio"])
        names = json.loads(str(stored["meta_json"]))["classes"]
    best, labels = pred[:, 5:].max(1)
    scores = pred[:, 4] * best
    half = pred[:, 2:4] / 2
    boxes = torch.cat([pred[:, :2] - half, pred[:, :2] + half], 1) / ratio
    found = scores > CONFIDENCE
    return boxes[found], scores[found], labels[found], names


def draw(image: str, boxes: torch.Tensor, scores: torch.Tensor, labels: torch.Tensor, names: list[str]) -> Image.Image:
    picture = Image.open(DATA / f"images/{image}.jpg").convert("RGB")
    pen = ImageDraw.Draw(picture)
    for box, score, label in zip(boxes.tolist(), scores.tolist(), labels.tolist(), strict=True):
        pen.rectangle(box, outline=(255, 60, 30), width=2)
        text = f"{names[label]} {score:.2f}"
        corner = (max(box[0], 0) + 3, max(box[1], 0) + 2)
        pen.rectangle(pen.textbbox(corner, text), fill=(0, 0, 0))
        pen.text(corner, text, fill=(255, 255, 255))
    return picture


def median_us(call: Callable[[], object]) -> float:
    call()
    times = []
    for _ in range(30):
        start = time.perf_counter()
        call()
        times.append(time.perf_counter() - start)
    return statistics.median(times) * 1e6


def main() -> None:
    OUT.mkdir(exist_ok=True)
    print(f"{'picture':14} {'boxes':>6} {'kept':>5} {'ptdet us':>9} {'reference us':>13}   first detections")
    for image in ("000000000885", "000000001268"):
        boxes, scores, labels, names = candidates(image)
        keep = ptdet.batched_nms(boxes, scores, labels, IOU)
        before = draw(image, boxes, scores, labels, names)
        after = draw(image, boxes[keep], scores[keep], labels[keep], names)
        both = Image.new("RGB", (before.width * 2 + 8, before.height), "white")
        both.paste(before, (0, 0))
        both.paste(after, (before.width + 8, 0))
        both.save(OUT / f"{image}.png")
        ours = median_us(lambda b=boxes, s=scores, i=labels: ptdet.batched_nms(b, s, i, IOU))
        plain = median_us(lambda b=boxes, s=scores, i=labels: reference.nms(b, s, i, IOU))
        found = ", ".join(f"{names[labels[k]]} {scores[k]:.2f}" for k in keep[:4].tolist())
        print(f"{image:14} {len(boxes):6} {len(keep):5} {ours:9.1f} {plain:13.1f}   {found}")
    info = ptdet.build_info()
    native = f"native ({info['instruction_set']})" if info["cpu"] else f"the reference: {info['why_not_cpu']}"
    print(f"\nptdet ran on {native}. Pictures, raw boxes left and kept boxes right: {OUT}")


if __name__ == "__main__":
    main()
