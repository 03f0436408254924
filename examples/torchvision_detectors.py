"""torchvision's Faster R-CNN, RetinaNet and SSD, with ptdet behind them and without: the same detections.

Weights are drawn, so nothing is downloaded; the biases are set so that thousands of candidates reach the suppression.
"""

from __future__ import annotations

import argparse
import sys
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any

import torch
import torchvision
from torch import Tensor, nn

sys.path.insert(0, str(Path(__file__).resolve().parents[1]))

import ptdet  # noqa: E402

Detections = list[dict[str, Tensor]]


def faster_rcnn() -> nn.Module:
    """640 proposals; every class of every proposal is a candidate."""
    options = dict(box_score_thresh=0.005, box_nms_thresh=0.5, min_size=128, max_size=192, rpn_post_nms_top_n_test=640)
    model = torchvision.models.detection.fasterrcnn_resnet50_fpn(weights=None, weights_backbone=None, **options)
    nn.init.normal_(model.roi_heads.box_predictor.cls_score.weight, std=0.05)
    return model


def retinanet() -> nn.Module:
    """The class head's bias is lifted from 0.01 to the threshold's neighbourhood."""
    options = dict(score_thresh=0.05, topk_candidates=1000, min_size=128, max_size=192)
    model = torchvision.models.detection.retinanet_resnet50_fpn(weights=None, weights_backbone=None, **options)
    nn.init.normal_(model.head.classification_head.cls_logits.weight, std=0.05)
    nn.init.constant_(model.head.classification_head.cls_logits.bias, -2.0)
    return model


def ssd() -> nn.Module:
    """91 classes of 8732 anchors."""
    return torchvision.models.detection.ssd300_vgg16(weights=None, weights_backbone=None, score_thresh=0.011)


MODELS: dict[str, Callable[[], nn.Module]] = {
    "fasterrcnn_resnet50_fpn": faster_rcnn,
    "retinanet_resnet50_fpn": retinanet,
    "ssd300_vgg16": ssd,
}


def images() -> list[Tensor]:
    """A drawn picture: blocks of colour on noise."""
    random = torch.Generator().manual_seed(1)
    pictures = []
    for height, width in ((128, 160),):
        picture = torch.rand(3, height, width, generator=random) * 0.2
        for _ in range(12):
            x, y = (int(torch.randint(0, side - 40, (), generator=random)) for side in (width, height))
            w, h = (int(torch.randint(16, 40, (), generator=random)) for _ in range(2))
            picture[:, y : y + h, x : x + w] = torch.rand(3, 1, 1, generator=random)
        pictures.append(picture)
    return pictures


@contextmanager
def timed_suppression() -> Iterator[dict[str, float]]:
    """Seconds and candidates that pass through torchvision.ops.boxes.batched_nms, whoever stands there."""
    boxes = torchvision.ops.boxes
    spent, function = {"seconds": 0.0, "candidates": 0.0}, boxes.batched_nms

    def timed(candidates: Tensor, *arguments: Any) -> Tensor:
        start = time.perf_counter()
        kept: Tensor = function(candidates, *arguments)
        spent["seconds"] += time.perf_counter() - start
        spent["candidates"] += len(candidates)
        return kept

    boxes.batched_nms = timed
    try:
        yield spent
    finally:
        boxes.batched_nms = function


def detect(model: nn.Module, pictures: list[Tensor]) -> tuple[Detections, dict[str, float]]:
    start = time.perf_counter()
    with timed_suppression() as spent, torch.inference_mode():
        found: Detections = model(pictures)
    return found, {**spent, "total": time.perf_counter() - start}


def equal(one: Detections, other: Detections) -> bool:
    """Bit by bit: boxes, scores and labels of every image."""
    return all(torch.equal(a[key], b[key]) for a, b in zip(one, other, strict=True) for key in a)


def shown(spent: dict[str, float]) -> str:
    share = spent["seconds"] / spent["total"]
    return f"{spent['seconds'] * 1e3:.1f} ms of {spent['total'] * 1e3:.0f} ({share:.1%})"


def main(arguments: list[str] | None = None) -> int:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("models", nargs="*", default=list(MODELS), help=", ".join(MODELS))
    wanted = parser.parse_args(arguments).models
    ptdet.nms(torch.zeros(1, 4), torch.zeros(1), 0.5)  # loads the kernels
    same = True
    for name in wanted:
        torch.manual_seed(0)
        model = MODELS[name]().eval()
        theirs, before = detect(model, images())
        with ptdet.patch() as patched:
            ours, after = detect(model, images())
        same &= equal(theirs, ours)
        print(
            f"{name}: {sum(len(found['scores']) for found in ours)} detections of {before['candidates']:.0f} "
            f"candidates, {'equal' if equal(theirs, ours) else 'DIFFERENT'}; calls of ptdet: {dict(patched.calls)}; "
            f"suppression {shown(before)} before, {shown(after)} after",
            flush=True,
        )
    return 0 if same else 1


if __name__ == "__main__":
    raise SystemExit(main())
