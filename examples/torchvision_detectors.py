"""torchvision's Faster R-CNN, RetinaNet and SSD, with ptdet behind them and without: the same detections.

Weights are drawn, so nothing is downloaded; the biases are set so that thousands of candidates reach the suppression.
"""

from __future__ import annotations

import argparse
from collections.abc import Callable
from functools import partial

import torch
import torchvision
from before_and_after import Detections, compare
from torch import Tensor, nn


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


def detect(model: nn.Module, pictures: list[Tensor]) -> Detections:
    return [(image["boxes"], image["scores"], image["labels"]) for image in model(pictures)]


def main(arguments: list[str] | None = None) -> int:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("models", nargs="*", default=list(MODELS), help=", ".join(MODELS))
    wanted = parser.parse_args(arguments).models
    same = True
    for name in wanted:
        torch.manual_seed(0)
        client = partial(detect, MODELS[name]().eval(), images())
        same &= compare(name, client, torchvision.ops.boxes, "batched_nms")
    return 0 if same else 1


if __name__ == "__main__":
    raise SystemExit(main())
