"""From the raw output of a YOLO head to detections, for a batch of images at once."""

from __future__ import annotations

import math
from collections.abc import Sequence
from typing import Any

import torch
from torch import Tensor

from ._checks import FLOATS, METRICS, check_flag, check_limit, check_number, check_tensor, refuse_export
from ._heads import HEADS, LARGEST_SIDE, METHODS, SIGMA, SMALLEST_SIDE, WITH_OBJECTNESS, Head
from ._operators import IMAGE_SLOTS, NMS, YOLO_FILTER
from ._walks import Walked, walk, with_more

__all__ = ["HEADS", "METHODS", "Head", "non_max_suppression", "postprocess"]

LISTS = "the YOLO functions return as many detections an image as the data says"


def postprocess(
    prediction: Tensor,
    conf_thres: float = 0.25,
    iou_thres: float = 0.45,
    *,
    head: str | Head = "v8",
    num_classes: int | None = None,
    classes: Sequence[int] | None = None,
    agnostic: bool = False,
    multi_label: bool = False,
    logits: bool = False,
    max_det: int | None = 300,
    metric: str = "iou",
    inclusive: bool = False,
) -> list[Tensor]:
    """Detections of each image: confidence filter, then hard NMS within each class, over the whole batch in one pass.

    confidence = class value, times objectness where the head has it; a candidate's confidence (and objectness) is
    above `conf_thres`. Rows whose box or confidence is not finite leave.

    Args:
        prediction: decoded head output, centre x, centre y, width, height[, objectness], C class values, extra columns:
            (B, N, columns) for heads with objectness, (B, columns, N) for v8 and later. float64, float32, float16 or
            bfloat16, any strides. Not edited.
        conf_thres: any number but NaN.
        iou_thres: a box goes if its overlap with a kept one of its class is above it (at or above if `inclusive`).
        head: one of `HEADS` (v3 to v7 and x have objectness, v8 and later have none), or a `Head`.
        num_classes: C; columns after the classes (mask coefficients, keypoints) are carried along. None: none are.
        classes: the classes wanted; others leave after the best class of a row is known. None: all.
        agnostic: boxes of different classes meet too.
        multi_label: a candidate for every class above the threshold, not for the best class of a row alone.
        logits: class values are taken through a sigmoid first.
        max_det: the best so many of an image; None for all.
        metric: as in `ptdet.nms`.

    Returns:
        For each image (n, 6 + extra): x1, y1, x2, y2, confidence, class, extra columns, by decreasing confidence, ties
        to the lower row, then the lower class. float64 for float64 input, else float32.

    Raises:
        TypeError, ValueError: naming the argument, what was expected and what came.

    >>> import torch, ptdet.yolo
    >>> prediction = torch.tensor([[[50., 51., 90.], [50., 50., 20.], [20., 20., 8.], [10., 10., 8.], [.9, .8, .3]]])
    >>> ptdet.yolo.postprocess(prediction)[0]
    tensor([[40.0000, 45.0000, 60.0000, 55.0000,  0.9000,  0.0000],
            [86.0000, 16.0000, 94.0000, 24.0000,  0.3000,  0.0000]])
    """
    refuse_export(LISTS, "ptdet.combined_nms")
    layout = _head(head)
    _check_prediction(prediction)
    rows = prediction.transpose(1, 2) if layout.columns_first else prediction
    first = 5 if layout.objectness else 4
    num_classes = _number_of_classes(prediction, rows.shape[2] - first, num_classes, layout)
    for name, number in (("conf_thres", conf_thres), ("iou_thres", iou_thres)):
        check_number(name, number)
    for name, flag in (("agnostic", agnostic), ("multi_label", multi_label), ("logits", logits)):
        check_flag(name, flag)
    check_limit("max_det", max_det)
    if metric not in METRICS:
        raise ValueError(f"metric: expected one of {', '.join(METRICS)}, got {metric!r}")
    wanted = _wanted(classes, num_classes, prediction.device)

    boxes, scores, labels, images, at, _ = YOLO_FILTER(
        rows, num_classes, layout.objectness, logits, multi_label, conf_thres, conf_thres, -math.inf, math.inf, wanted
    )
    groups = images * num_classes + labels
    keep = NMS(boxes, scores, images if agnostic else groups, iou_thres, metric, inclusive)
    places, counts = _by_image(keep, images, len(prediction), max_det)
    found = _detections(Walked(keep), places, boxes, scores, labels)
    if first + num_classes < rows.shape[2]:
        chosen = keep[places]
        extra = rows.detach()[images[chosen], at[chosen], first + num_classes :]
        found = torch.cat([found, extra.to(found.dtype)], 1)
    return list(found.split(counts))


def _by_image(keep: Tensor, images: Tensor, batch: int, most: int | None = None) -> tuple[Tensor, list[int]]:
    """Places in `keep`, image by image, at most so many of each, and how many there are of each."""
    longest = int(torch.bincount(images[keep[keep >= 0]]).max()) if len(keep) and int(keep[0]) >= 0 else 0
    num, slots = IMAGE_SLOTS(keep, images, batch, 1, longest if most is None else min(most, longest))
    return slots[slots >= 0], num.tolist()


def _detections(walked: Walked, places: Tensor, boxes: Tensor, scores: Tensor, labels: Tensor) -> Tensor:
    """Rows of x1, y1, x2, y2, confidence, class."""
    chosen = walked.keep[places]
    boxes = boxes[chosen] if walked.boxes is None else walked.boxes[places]
    scores = scores[chosen] if walked.scores is None else walked.scores[places]
    return torch.cat([boxes, scores[:, None], labels[chosen, None].to(boxes.dtype)], 1)


def _head(head: str | Head) -> Head:
    if isinstance(head, Head):
        return head
    if head not in HEADS:
        raise ValueError(f"head: expected a yolo.Head or one of {', '.join(HEADS)}, got {head!r}")
    return HEADS[head]


def _check_prediction(prediction: Any) -> None:
    check_tensor("prediction", prediction)
    if prediction.dim() != 3:
        raise ValueError(f"prediction: expected three dimensions, got shape {tuple(prediction.shape)}")
    if prediction.dtype not in FLOATS:
        raise TypeError(f"prediction: expected float64, float32, float16 or bfloat16, got {prediction.dtype}")


def _number_of_classes(prediction: Tensor, columns: int, num_classes: int | None, head: Head) -> int:
    """Of the `columns` after box and objectness."""
    layout = "(B, columns, N)" if head.columns_first else "(B, N, columns)"
    least = (5 if head.objectness else 4) + (num_classes or 0)
    check_limit("num_classes", num_classes)
    if columns < (num_classes or 0):
        raise ValueError(f"prediction: expected {layout} with {least} columns or more, got {tuple(prediction.shape)}")
    return columns if num_classes is None else int(num_classes)


def _wanted(classes: Sequence[int] | None, num_classes: int, device: torch.device) -> Tensor | None:
    if classes is None:
        return None
    numbers = [int(label) for label in classes]
    if not all(0 <= label < num_classes for label in numbers):
        raise ValueError(f"classes: expected numbers in [0, {num_classes}), got {list(classes)}")
    wanted = torch.zeros(num_classes, dtype=torch.bool)
    wanted[numbers] = True
    return wanted.to(device)


def non_max_suppression(
    prediction: Tensor,
    conf_thres: float = 0.5,
    nms_thres: float = 0.5,
    multi_cls: bool = True,
    method: str = "vision",
    *,
    max_per_class: int | None = 500,
) -> list[Tensor | None]:
    """The YOLOv3 pipeline (docs/SPEC.md, section 4): filter, class confidences, suppression by one of seven methods.

    confidence = sigmoid(class logit) * objectness; candidates have objectness and confidence above `conf_thres`, and
    width and height between 2 and 4096.

    Args:
        prediction: (B, N, 5+C): centre x, centre y, width, height, objectness as a probability, C class logits. Any of
            float64, float32, float16, bfloat16, any strides. Not edited.
        conf_thres: any number but NaN.
        nms_thres: of the overlap (IoU; for diounms DIoU).
        multi_cls: a detection for every class above `conf_thres`; else, unless conf_thres < 0.01, for the best class of
            a row alone, whatever its confidence.
        method: vision (hard, class by class), vision_batch (the same over all classes, uncapped), or, and, merge,
            diounms, soft (gaussian, sigma 0.5, without re-selection).
        max_per_class: only the best so many of a class take part, in every method but vision_batch; None for all.

    Returns:
        For each image (n, 6): x1, y1, x2, y2, confidence, class, by decreasing confidence; None where no row passes the
        filters of objectness and sides or, but for vision_batch, no detection is left. Ties go to the lower class, then
        the lower row; in vision_batch to the lower row, then the lower class.

    Raises:
        TypeError, ValueError: naming the argument, what was expected and what came.

    >>> import torch, ptdet
    >>> row = [50., 50., 20., 10., .9, 4., -4.]
    >>> ptdet.non_max_suppression(torch.tensor([[row, row]]))[0]
    tensor([[40.0000, 45.0000, 60.0000, 55.0000,  0.8838,  0.0000]])
    """
    refuse_export(LISTS, "ptdet.combined_nms")
    _check_prediction(prediction)
    num_classes = _number_of_classes(prediction, prediction.shape[2] - 5, None, WITH_OBJECTNESS)
    for name, number in (("conf_thres", conf_thres), ("nms_thres", nms_thres)):
        check_number(name, number)
    check_flag("multi_cls", multi_cls)
    check_limit("max_per_class", max_per_class)
    if method not in METHODS:
        raise ValueError(f"method: expected one of {', '.join(METHODS)}, got {method!r}")
    multi_label = multi_cls or conf_thres < 0.01
    boxes, scores, labels, images, _, passed = YOLO_FILTER(
        prediction, num_classes, True, True, multi_label, conf_thres, conf_thres if multi_label else None,
        SMALLEST_SIDE, LARGEST_SIDE,
    )  # fmt: skip
    groups = images * num_classes + labels
    if method == "vision_batch":
        walked = Walked(NMS(boxes, scores, groups, nms_thres))
    else:
        order = _class_by_class(scores, groups, max_per_class)
        boxes, scores, labels, images, groups = (each[order] for each in (boxes, scores, labels, images, groups))
        walked = _suppress(boxes, scores, groups, nms_thres, conf_thres, method)
    places, counts = _by_image(walked.keep, images, len(prediction))
    found = _detections(walked, places, boxes, scores, labels).split(counts)
    empty_is_none = method != "vision_batch"
    return [
        None if any_passed == 0 or (empty_is_none and len(one) == 0) else one
        for one, any_passed in zip(found, passed.tolist(), strict=True)
    ]


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
) -> Walked:
    """A method that runs class by class, and the candidates that leave in no case."""
    alone = torch.bincount(groups)[groups] == 1
    if method == "and":
        return with_more(walk("and", boxes, scores, groups, nms_thres), boxes, scores, torch.nonzero(alone)[:, 0])
    if method == "soft":
        soft = walk("soft", boxes, scores, groups, nms_thres, reselect=False, sigma=SIGMA, min_score=conf_thres)
        return with_more(soft, boxes, scores, _first_of_faint_groups(scores, groups, conf_thres))
    if method == "merge":  # who is alone stays as it is, where a mean of one would round
        merged = walk("merge", boxes, scores, groups, nms_thres)
        row = merged.keep.clamp(min=0)
        assert merged.boxes is not None
        return Walked(merged.keep, boxes=torch.where(alone[row, None], boxes[row], merged.boxes))
    metric = "diou" if method == "diounms" else "iou"
    return Walked(NMS(boxes, scores, groups, nms_thres, metric, method != "vision"))


def _first_of_faint_groups(scores: Tensor, groups: Tensor, conf_thres: float) -> Tensor:
    """The best candidate, ties to the first, of each group whose scores are all <= conf_thres; `groups` ascend."""
    by_score = torch.sort(scores + 0.0, descending=True, stable=True).indices
    order = by_score[torch.sort(groups[by_score], stable=True).indices]
    first = order[torch.diff(groups[order], prepend=groups.new_tensor([-1])) != 0]
    return first[scores[first].double() <= conf_thres]
