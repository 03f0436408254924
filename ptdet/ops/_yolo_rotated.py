"""Heads of oriented boxes: the candidates of a batch, then a suppression of rotated boxes."""

from __future__ import annotations

import math
from collections.abc import Callable

import torch
from torch import Tensor

from .._library.register import operator
from .._shared.heads import OF_ROTATED
from .._shared.methods import METHODS
from . import rotated_methods, rotated_nms
from ._results import by_image

NMS = operator("nms")
YOLO_FILTER = operator("yolo_filter")

# By their names in METHODS: boxes, scores, groups and threshold to keep.
SUPPRESSIONS_OF_ROTATED: dict[str, Callable[..., Tensor]] = {
    name: rotated_nms.batched_nms if name == "hard" else getattr(rotated_methods, METHODS[name].function)
    for name in OF_ROTATED
}


def postprocess_rotated(
    rows: Tensor,
    num_classes: int,
    objectness: bool,
    logits: bool,
    multi_label: bool,
    conf_thres: float,
    iou_thres: float,
    metric: str,
    inclusive: bool,
    agnostic: bool,
    max_det: int | None,
    wanted: Tensor | None,
    method: str,
    pre_topk: int | None,
) -> tuple[Tensor, Tensor]:
    """As the operator yolo_postprocess, of (B, N, columns) whose last column is an angle.

    Returns:
        Rows of centre x, centre y, width, height, angle, confidence, class, extra columns, and (B,) how many of each
        image.
    """
    upright, scores, labels, images, at, _ = YOLO_FILTER(
        rows, num_classes, objectness, logits, multi_label, conf_thres, conf_thres, -math.inf, math.inf, wanted
    )
    given = rows.detach()[images, at].to(scores.dtype)
    taking = torch.nonzero(torch.isfinite(given[:, -1]))[:, 0]
    if pre_topk is not None:  # nothing overlaps by more than infinity
        by_score = NMS(upright[taking], scores[taking], images[taking], math.inf)
        _, best, _ = by_image(by_score, images[taking], len(rows), pre_topk)
        taking = taking[torch.sort(best).values]
    given, scores, labels, images = given[taking], scores[taking], labels[taking], images[taking]
    boxes = torch.cat([given[:, :4], given[:, -1:]], 1)
    groups = images if agnostic else images * num_classes + labels
    suppression = SUPPRESSIONS_OF_ROTATED[method]
    keep = suppression(boxes, scores, idxs=groups, iou_threshold=iou_thres, metric=metric, inclusive=inclusive)
    _, chosen, num = by_image(keep, images, len(rows), max_det)
    extra = given[chosen, num_classes + (5 if objectness else 4) : -1]
    found = [boxes[chosen], scores[chosen, None], labels[chosen, None].to(boxes.dtype), extra]
    return torch.cat(found, 1), num
