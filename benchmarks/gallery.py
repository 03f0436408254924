"""docs/methods.jpg: a COCO picture, what YOLOX-nano found in a part of it, and what each suppression makes of that."""

from __future__ import annotations

import sys
import tempfile
from pathlib import Path

import torch
from PIL import Image
from torch import Tensor

ROOT = Path(__file__).resolve().parents[1]
sys.path.insert(0, str(ROOT))

import ptdet  # noqa: E402
from ptdet.draw import draw_panels  # noqa: E402
from ptdet.io import Candidates, read_predictions  # noqa: E402

IMAGE = ROOT / "tests/data/images/000000001268.jpg"
PREDICTIONS = ROOT / "tests/data/yolox_nano_coco/raw_000000001268.npz"
OUT = ROOT / "docs/methods.jpg"
PART = (390, 70, 640, 427)
CONFIDENCE, IOU = 0.1, 0.7
Found = tuple[Tensor, Tensor, Tensor]  # boxes, scores, labels


def methods(boxes: Tensor, scores: Tensor, labels: Tensor) -> dict[str, Found]:
    """What each leaves, by what it does; scores that have fallen to CONFIDENCE leave too."""

    def chosen(keep: Tensor) -> Found:
        return boxes[keep], scores[keep], labels[keep]

    def moved(found: tuple[Tensor, ...]) -> Found:
        return found[0], scores[found[1]], labels[found[1]]

    def decayed(found: tuple[Tensor, ...]) -> Found:
        return boxes[found[1]], found[0], labels[found[1]]

    call, lists = (boxes, scores, IOU, labels), ([boxes], [scores], [labels])
    kept = {
        "nms": ptdet.batched_nms(boxes, scores, labels, IOU),
        "or_nms": ptdet.or_nms(*call),
        "diou_nms, beta 0.6": ptdet.diou_nms(*call, beta=0.6),
        "and_nms": ptdet.and_nms(*call),
        "fast_nms": ptdet.fast_nms(*call),
    }
    soft = {"min_score": CONFIDENCE}
    return {
        **{name: chosen(torch.as_tensor(keep)) for name, keep in kept.items()},
        "merge_nms": moved(ptdet.merge_nms(*call)),
        "cluster_nms, weighted": moved(ptdet.cluster_nms(*call, weighted=True)),
        "soft_nms, gaussian": decayed(ptdet.soft_nms(*call, **soft)),
        "soft_nms, linear": decayed(ptdet.soft_nms(*call, kind="linear", **soft)),
        "matrix_nms": decayed(ptdet.matrix_nms(boxes, scores, labels, **soft)),
        "greedy_nmm": moved(ptdet.greedy_nmm(*call, metric="iou")),
        "nmm": moved(ptdet.nmm(*call, metric="iou")),
        "non_maximum_weighted": ptdet.non_maximum_weighted(*lists, iou_thr=IOU),
        "weighted_boxes_fusion": ptdet.weighted_boxes_fusion(*lists, iou_thr=IOU),
    }


def main(out: Path = OUT) -> None:
    predictions = read_predictions(PREDICTIONS)[0]
    found = predictions.in_picture(predictions.candidates(CONFIDENCE))
    assert found.labels is not None
    corner = torch.tensor(PART)
    centres = (found.boxes[:, :2] + found.boxes[:, 2:]) / 2
    inside = ((centres > corner[:2]) & (centres < corner[2:])).all(dim=1)
    boxes, scores, labels = found.boxes[inside] - corner[[0, 1, 0, 1]], found.scores[inside], found.labels[inside]
    left = {f"all {len(boxes)} candidates": (boxes, scores, labels)}
    for name, kept in methods(boxes, scores, labels).items():
        left[f"{name}: {len(kept[0])} kept"] = kept
    panels = [(caption, Candidates(*each, torch.arange(len(each[0])))) for caption, each in left.items()]
    title = f"YOLOX-nano above {CONFIDENCE} (blue person, green handbag, olive cell phone), by class at IoU {IOU}"
    with tempfile.TemporaryDirectory() as folder:
        part = Path(folder) / "part.png"
        Image.open(IMAGE).crop(PART).save(part)
        draw_panels(part, out, panels, classes=[""] * 80, title=title, columns=5, sizes=(440, 440))


if __name__ == "__main__":
    main(*map(Path, sys.argv[1:]))
