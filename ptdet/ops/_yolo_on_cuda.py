"""The YOLO functions as what they are composed of: for CUDA, whose kernels share no pass over all of it."""

from __future__ import annotations

import math

import torch
from torch import Tensor

from .._library.register import operator
from .._shared.heads import LARGEST_SIDE, SIGMA, SMALLEST_SIDE
from ._methods import Selected, select, with_more
from ._results import by_image

NMS = operator("nms")
YOLO_FILTER = operator("yolo_filter")


def postprocess_on_cuda(
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
) -> tuple[Tensor, Tensor]:
    """What the operator yolo_postprocess returns."""
    boxes, scores, labels, images, at, _ = YOLO_FILTER(
        rows, num_classes, objectness, logits, multi_label, conf_thres, conf_thres, -math.inf, math.inf, wanted
    )
    groups = images * num_classes + labels
    keep = NMS(boxes, scores, images if agnostic else groups, iou_thres, metric, inclusive)
    places, chosen, num = by_image(keep, images, len(rows), max_det)
    found = _detections(Selected(keep), places, boxes, scores, labels)
    first = num_classes + (5 if objectness else 4)
    if first < rows.shape[2]:
        extra = rows.detach()[images[chosen], at[chosen], first:]
        found = torch.cat([found, extra.to(found.dtype)], 1)
    return found, num


def pipeline_on_cuda(
    prediction: Tensor, conf_thres: float, nms_thres: float, multi_label: bool, method: str, max_per_class: int | None
) -> tuple[Tensor, Tensor, Tensor]:
    """What the operator yolo_pipeline returns."""
    num_classes = prediction.shape[2] - 5
    boxes, scores, labels, images, _, passed = YOLO_FILTER(
        prediction, num_classes, True, True, multi_label, conf_thres, conf_thres if multi_label else None,
        SMALLEST_SIDE, LARGEST_SIDE,
    )  # fmt: skip
    groups = images * num_classes + labels
    if method == "vision_batch":
        selected = Selected(NMS(boxes, scores, groups, nms_thres))
    else:
        order = _class_by_class(scores, groups, max_per_class)
        boxes, scores, labels, images, groups = (each[order] for each in (boxes, scores, labels, images, groups))
        selected = _suppress(boxes, scores, groups, nms_thres, conf_thres, method)
    places, _, num = by_image(selected.keep, images, len(prediction), None)
    return _detections(selected, places, boxes, scores, labels), num, passed


def _detections(selected: Selected, places: Tensor, boxes: Tensor, scores: Tensor, labels: Tensor) -> Tensor:
    """Rows of x1, y1, x2, y2, confidence, class."""
    chosen = selected.keep[places]
    boxes = boxes[chosen] if selected.boxes is None else selected.boxes[places]
    scores = scores[chosen] if selected.scores is None else selected.scores[places]
    return torch.cat([boxes, scores[:, None], labels[chosen, None].to(boxes.dtype)], 1)


def _class_by_class(scores: Tensor, groups: Tensor, max_per_class: int | None) -> Tensor:
    """Candidates group by group, each by row, and no more than its best `max_per_class`."""
    order = torch.sort(groups, stable=True).indices
    if max_per_class is None or len(groups) <= max_per_class:
        return order
    sizes = torch.bincount(groups)
    if int(sizes.max()) <= max_per_class:
        return order
    by_score = torch.sort(scores + 0.0, descending=True, stable=True).indices  # + 0.0: -0.0 is no less than 0.0
    order = by_score[torch.sort(groups[by_score], stable=True).indices]
    place = torch.arange(len(order), device=order.device) - (sizes.cumsum(0) - sizes)[groups[order]]
    return order[place < max_per_class]


def _suppress(
    boxes: Tensor, scores: Tensor, groups: Tensor, nms_thres: float, conf_thres: float, method: str
) -> Selected:
    """A method that runs class by class, and the candidates that leave in no case."""
    alone = torch.bincount(groups)[groups] == 1
    if method == "and":
        return with_more(select("and", boxes, scores, groups, nms_thres), boxes, scores, torch.nonzero(alone)[:, 0])
    if method == "soft":
        soft = select("soft", boxes, scores, groups, nms_thres, reselect=False, sigma=SIGMA, min_score=conf_thres)
        return with_more(soft, boxes, scores, _first_of_faint_groups(scores, groups, conf_thres))
    if method == "merge":  # who is alone stays as it is, where a mean of one would round
        merged = select("merge", boxes, scores, groups, nms_thres)
        row = merged.keep.clamp(min=0)
        assert merged.boxes is not None
        return Selected(merged.keep, boxes=torch.where(alone[row, None], boxes[row], merged.boxes))
    metric = "diou" if method == "diounms" else "iou"
    return Selected(NMS(boxes, scores, groups, nms_thres, metric, method != "vision"))


def _first_of_faint_groups(scores: Tensor, groups: Tensor, conf_thres: float) -> Tensor:
    """The best candidate, ties to the first, of each group whose scores are all <= conf_thres; `groups` ascend."""
    by_score = torch.sort(scores + 0.0, descending=True, stable=True).indices
    order = by_score[torch.sort(groups[by_score], stable=True).indices]
    first = order[torch.diff(groups[order], prepend=groups.new_tensor([-1])) != 0]
    return first[scores[first].double() <= conf_thres]
