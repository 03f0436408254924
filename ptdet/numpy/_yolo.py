"""From the raw output of a YOLO head to detections, for arrays. docs/SPEC.md, section 4."""

from __future__ import annotations

import math
from collections.abc import Sequence
from typing import Any

import numpy as np

from .._heads import HEADS, LARGEST_SIDE, METHODS, SIGMA, SMALLEST_SIDE, WITH_OBJECTNESS, Head
from ._native import native
from ._types import Array, Indices


def postprocess(
    prediction: Array,
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
) -> list[Array]:
    """Detections of each image: confidence filter, then hard NMS within each class. As `ptdet.yolo.postprocess`.

    Args:
        prediction: (B, N, columns) for heads with objectness, (B, columns, N) for v8 and later; columns are centre x,
            centre y, width, height[, objectness], C class values, extra columns. Not edited.
        conf_thres, iou_thres, head, num_classes, classes, agnostic, multi_label, logits, max_det, metric, inclusive:
            as there.

    Returns:
        For each image (n, 6 + extra): x1, y1, x2, y2, confidence, class, extra columns, by decreasing confidence.

    Raises:
        TypeError, ValueError: naming the argument, what was expected and what came.

    >>> import numpy as np, ptdet.numpy
    >>> prediction = np.array([[[50., 51., 90.], [50., 50., 20.], [20., 20., 8.], [10., 10., 8.], [.9, .8, .3]]])
    >>> ptdet.numpy.postprocess(prediction)[0]
    array([[40. , 45. , 60. , 55. ,  0.9,  0. ],
           [86. , 16. , 94. , 24. ,  0.3,  0. ]])
    """
    if not isinstance(head, Head) and head not in HEADS:
        raise ValueError(f"head: expected a yolo.Head or one of {', '.join(HEADS)}, got {head!r}")
    layout = head if isinstance(head, Head) else HEADS[head]
    _check_prediction(prediction)
    rows = prediction.swapaxes(1, 2) if layout.columns_first else prediction
    first = 5 if layout.objectness else 4
    num_classes = _number_of_classes(prediction, rows.shape[2] - first, num_classes, layout)
    for name, flag in (("agnostic", agnostic), ("multi_label", multi_label), ("logits", logits)):
        _check_flag(name, flag)
    _check_limit("max_det", max_det)
    wanted = _wanted(classes, num_classes)

    boxes, scores, labels, images, at, _ = native.yolo_filter(
        rows, num_classes, layout.objectness, logits, multi_label, conf_thres, conf_thres, -math.inf, math.inf, wanted
    )
    groups = images if agnostic else images * num_classes + labels
    keep = native.nms(boxes, scores, groups, iou_thres, metric, inclusive, None, None, False, None)
    places, ends = _by_image(images[keep], len(prediction), max_det)
    chosen = keep[places]
    found = np.concatenate([boxes[chosen], scores[chosen, None], labels[chosen, None].astype(boxes.dtype)], 1)
    if first + num_classes < rows.shape[2]:
        extra = rows[images[chosen], at[chosen], first + num_classes :]
        found = np.concatenate([found, extra.astype(found.dtype)], 1)
    return np.split(found, ends)


def non_max_suppression(
    prediction: Array,
    conf_thres: float = 0.5,
    nms_thres: float = 0.5,
    multi_cls: bool = True,
    method: str = "vision",
    *,
    max_per_class: int | None = 500,
) -> list[Array | None]:
    """The YOLOv3 pipeline: filter, class confidences, suppression by one of seven methods. As
    `ptdet.non_max_suppression`.

    Args:
        prediction: (B, N, 5+C): centre x, centre y, width, height, objectness as a probability, C class logits.
        conf_thres, nms_thres, multi_cls, method, max_per_class: as there.

    Returns:
        For each image (n, 6): x1, y1, x2, y2, confidence, class, by decreasing confidence; None where no row passes the
        filters of objectness and sides or, but for vision_batch, no detection is left.

    Raises:
        TypeError, ValueError: naming the argument, what was expected and what came.

    >>> import numpy as np, ptdet.numpy
    >>> row = [50., 50., 20., 10., .9, 4., -4.]
    >>> ptdet.numpy.non_max_suppression(np.array([[row, row]]))[0].round(4)
    array([[40.    , 45.    , 60.    , 55.    ,  0.8838,  0.    ]])
    """
    _check_prediction(prediction)
    num_classes = _number_of_classes(prediction, prediction.shape[2] - 5, None, WITH_OBJECTNESS)
    _check_flag("multi_cls", multi_cls)
    _check_limit("max_per_class", max_per_class)
    if method not in METHODS:
        raise ValueError(f"method: expected one of {', '.join(METHODS)}, got {method!r}")
    if not isinstance(conf_thres, (int, float, np.number)):
        raise TypeError(f"conf_thres: expected a number, got {type(conf_thres).__name__}")
    multi_label = bool(multi_cls or conf_thres < 0.01)
    boxes, scores, labels, images, _, passed = native.yolo_filter(
        prediction, num_classes, True, True, multi_label, conf_thres, conf_thres if multi_label else None,
        SMALLEST_SIDE, LARGEST_SIDE, None,
    )  # fmt: skip
    groups = images * num_classes + labels
    if method != "vision_batch":
        order = _class_by_class(scores, groups, max_per_class)
        boxes, scores, labels, images, groups = (each[order] for each in (boxes, scores, labels, images, groups))
    keep, kept_boxes, kept_scores = _suppress(boxes, scores, groups, nms_thres, conf_thres, method)
    places, ends = _by_image(images[keep], len(prediction), None)
    kept_labels = labels[keep[places], None].astype(boxes.dtype)
    found = np.split(np.concatenate([kept_boxes[places], kept_scores[places, None], kept_labels], 1), ends)
    empty_is_none = method != "vision_batch"
    return [
        None if any_passed == 0 or (empty_is_none and len(one) == 0) else one
        for one, any_passed in zip(found, passed.tolist(), strict=True)
    ]


def _decreasing(scores: Array) -> Indices:
    order: Indices = np.argsort(-scores, kind="stable")
    return order


def _by_image(images: Indices, batch: int, most: int | None) -> tuple[Indices, Indices]:
    """Places in `images` image by image, at most so many of each, and where each image but the last ends."""
    order = np.argsort(images, kind="stable")
    sizes = np.bincount(images, minlength=batch)
    if most is not None:
        rank = np.arange(len(order)) - np.repeat(np.cumsum(sizes) - sizes, sizes)
        order, sizes = order[rank < most], np.minimum(sizes, most)
    return order, np.cumsum(sizes)[:-1]


def _class_by_class(scores: Array, groups: Indices, max_per_class: int | None) -> Indices:
    """Candidates group by group, each by row, and no more than its best `max_per_class`."""
    order = np.argsort(groups, kind="stable")
    sizes = np.bincount(groups)
    if max_per_class is None or len(groups) == 0 or sizes.max() <= max_per_class:
        return order
    by_score = _decreasing(scores)
    order = by_score[np.argsort(groups[by_score], kind="stable")]
    place = np.arange(len(order)) - (np.cumsum(sizes) - sizes)[groups[order]]
    return order[place < max_per_class]


def _suppress(
    boxes: Array, scores: Array, groups: Indices, nms_thres: float, conf_thres: float, method: str
) -> tuple[Indices, Array, Array]:
    """keep, and the boxes and scores in its order."""
    options = (nms_thres, "iou", method == "or", None, None, False)
    alone = np.bincount(groups)[groups] == 1
    if method == "and":
        keep = native.and_nms(boxes, scores, groups, nms_thres, "iou", True, None, None, False, 0.5)
        return _with_more(keep, boxes[keep], scores[keep], boxes, scores, np.flatnonzero(alone))
    if method == "soft":
        decayed, keep = native.soft_nms(boxes, scores, groups, *options, SIGMA, conf_thres, "gaussian", False)
        faint = _first_of_faint_groups(scores, groups, conf_thres)
        return _with_more(keep, boxes[keep], decayed, boxes, scores, faint)
    if method == "merge":
        merged, keep = native.merge_nms(boxes, scores, groups, *options, "cluster", "score")
        return keep, np.where(alone[keep, None], boxes[keep], merged), scores[keep]
    if method == "diounms":
        options = (nms_thres, "diou", True, None, None, False)
    keep = native.nms(boxes, scores, groups, *options, None)
    return keep, boxes[keep], scores[keep]


def _with_more(
    keep: Indices, kept_boxes: Array, kept_scores: Array, boxes: Array, scores: Array, more: Indices
) -> tuple[Indices, Array, Array]:
    """The same with candidates that no walk kept, by decreasing score."""
    keep = np.concatenate([keep, more])
    kept_boxes = np.concatenate([kept_boxes, boxes[more]])
    kept_scores = np.concatenate([kept_scores, scores[more]])
    order = np.argsort(keep)
    order = order[_decreasing(kept_scores[order])]
    return keep[order], kept_boxes[order], kept_scores[order]


def _first_of_faint_groups(scores: Array, groups: Indices, conf_thres: float) -> Indices:
    """The best candidate, ties to the first, of each group whose scores are all <= conf_thres; `groups` ascend."""
    by_score = _decreasing(scores)
    order = by_score[np.argsort(groups[by_score], kind="stable")]
    first = order[np.diff(groups[order], prepend=-1) != 0]
    faint: Indices = first[scores[first].astype(np.float64) <= conf_thres]
    return faint


def _check_prediction(prediction: Any) -> None:
    if not isinstance(prediction, np.ndarray):
        raise TypeError(f"prediction: expected a numpy.ndarray, got {type(prediction).__name__}")
    if prediction.ndim != 3:
        raise ValueError(f"prediction: expected three dimensions, got shape {prediction.shape}")


def _check_flag(name: str, value: Any) -> None:
    if not isinstance(value, (bool, np.bool_)):
        raise TypeError(f"{name}: expected True or False, got {type(value).__name__}")


def _check_limit(name: str, value: Any) -> None:
    if value is None:
        return
    if not isinstance(value, (int, np.integer)):
        raise TypeError(f"{name}: expected an integer or None, got {type(value).__name__}")
    if value < 0:
        raise ValueError(f"{name}: expected None or a number >= 0, got {value}")


def _number_of_classes(prediction: Array, columns: int, num_classes: int | None, head: Head) -> int:
    """Of the `columns` after box and objectness."""
    _check_limit("num_classes", num_classes)
    if columns < (num_classes or 0):
        layout = "(B, columns, N)" if head.columns_first else "(B, N, columns)"
        least = (5 if head.objectness else 4) + (num_classes or 0)
        raise ValueError(f"prediction: expected {layout} with {least} columns or more, got {prediction.shape}")
    return columns if num_classes is None else int(num_classes)


def _wanted(classes: Sequence[int] | None, num_classes: int) -> Array | None:
    if classes is None:
        return None
    numbers = [int(label) for label in classes]
    if not all(0 <= label < num_classes for label in numbers):
        raise ValueError(f"classes: expected numbers in [0, {num_classes}), got {list(classes)}")
    wanted = np.zeros(num_classes, dtype=np.bool_)
    wanted[numbers] = True
    return wanted
