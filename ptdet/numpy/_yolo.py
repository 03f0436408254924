"""From the raw output of a YOLO head to detections, for arrays. docs/SPEC.md, section 4."""

from __future__ import annotations

import math
from collections.abc import Callable, Sequence
from typing import Any

import numpy as np

from .._shared.arrays import Array, Indices
from .._shared.checks import check_flag, check_limit, check_number, class_numbers, one_of
from .._shared.heads import (
    HEADS,
    METHODS,
    OF_ROTATED,
    V3,
    WITH_OBJECTNESS,
    Head,
    check_confidence,
    check_suppression,
    number_of_classes,
)
from .._shared.methods import METHODS as EVERY_METHOD
from . import rotated as _rotated
from ._native import native
from ._nms import batched_nms, nms

SUPPRESSIONS_OF_ROTATED: dict[str, Callable[..., Any]] = {
    name: _rotated.batched_nms if name == "hard" else getattr(_rotated, EVERY_METHOD[name].function)
    for name in OF_ROTATED
}


def postprocess(
    prediction: Array,
    conf_thres: float = 0.25,
    iou_thres: float = 0.45,
    *,
    head: str | Head = "v8",
    num_classes: int | None = None,
    classes: int | Sequence[int] | None = None,
    agnostic: bool = False,
    multi_label: bool = False,
    logits: bool = False,
    pre_topk: int | None = None,
    max_det: int | None = 300,
    metric: str = "iou",
    inclusive: bool = False,
    rotated: bool = False,
    method: str = "hard",
) -> list[Array]:
    """Detections of each image: confidence filter, then hard NMS within each class. As `ptdet.yolo.postprocess`.

    Args:
        prediction: (B, N, columns) for heads with objectness, (B, columns, N) for v8 and later; columns are centre x,
            centre y, width, height[, objectness], C class values, extra columns. Not edited.
        conf_thres, iou_thres, head, num_classes, classes, agnostic, multi_label, logits, pre_topk, max_det, metric,
            inclusive, rotated, method: as there.

    Returns:
        For each image (n, 6 + extra): x1, y1, x2, y2, confidence, class, extra columns, by decreasing confidence; of
        rotated boxes (n, 7 + extra): centre x, centre y, width, height, angle, confidence, class, extra columns.

    Raises:
        TypeError, ValueError: naming the argument, what was expected and what came.

    >>> import numpy as np, ptdet.numpy
    >>> prediction = np.array([[[50., 51., 90.], [50., 50., 20.], [20., 20., 8.], [10., 10., 8.], [.9, .8, .3]]])
    >>> ptdet.numpy.postprocess(prediction)[0]
    array([[40. , 45. , 60. , 55. ,  0.9,  0. ],
           [86. , 16. , 94. , 24. ,  0.3,  0. ]])
    """
    if not isinstance(head, Head):
        one_of("head", head, tuple(HEADS))
    layout, called = head if isinstance(head, Head) else HEADS[head], f"head={head!r}"
    _check_prediction(prediction)
    rows = prediction.swapaxes(1, 2) if layout.columns_first else prediction
    check_flag("rotated", rotated)
    num_classes = number_of_classes(prediction.shape, layout, called, num_classes, rotated)
    for name, flag in (("agnostic", agnostic), ("multi_label", multi_label), ("logits", logits)):
        check_flag(name, flag)
    pre_topk, max_det = check_limit("pre_topk", pre_topk), check_limit("max_det", max_det)
    check_number("conf_thres", conf_thres)
    check_number("iou_thres", iou_thres)
    check_suppression(method, metric, rotated)
    wanted = _wanted(classes, num_classes)

    if rotated:  # the numbers of a box come along as they are, behind the extra columns
        rows = np.concatenate([rows, rows[..., :4]], 2)
    candidates = (rows, num_classes, layout.objectness, logits, multi_label, conf_thres)
    if rotated:
        every = native.yolo_postprocess(*candidates, math.inf, "iou", False, True, None, wanted)
        suppression = pre_topk, method, iou_thres, metric, inclusive, agnostic, max_det
        found = [_suppressed_rotated(one, *suppression) for one in _of_images(*every)]
    elif pre_topk is None:
        whole = native.yolo_postprocess(*candidates, iou_thres, metric, inclusive, agnostic, max_det, wanted)
        found = _of_images(*whole)
    else:  # nothing overlaps by more than infinity
        best = native.yolo_postprocess(*candidates, math.inf, "iou", False, True, pre_topk, wanted)
        found = [_suppressed(one, iou_thres, metric, inclusive, agnostic, max_det) for one in _of_images(*best)]
    _check_found(found, prediction, layout, called, logits, place=5 if rotated else 4)
    return found


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
    number_of_classes(prediction.shape, WITH_OBJECTNESS, V3, None)
    check_flag("multi_cls", multi_cls)
    max_per_class = check_limit("max_per_class", max_per_class)
    one_of("method", method, METHODS)
    check_number("conf_thres", conf_thres)
    check_number("nms_thres", nms_thres)
    multi_label = bool(multi_cls or conf_thres < 0.01)
    whole, num, passed = native.yolo_pipeline(prediction, conf_thres, nms_thres, multi_label, method, max_per_class)
    found = _of_images(whole, num)
    _check_found(found, prediction, WITH_OBJECTNESS, V3, True)
    empty_is_none = method != "vision_batch"
    return [
        None if any_passed == 0 or (empty_is_none and len(one) == 0) else one
        for one, any_passed in zip(found, passed.tolist(), strict=True)
    ]


def _check_found(found: list[Array], prediction: Array, head: Head, name: str, logits: bool, place: int = 4) -> None:
    for one in found:
        if len(one):  # the first is the best
            check_confidence(float(one[0, place]), prediction.shape, head, name, logits)


def _of_images(found: Array, num: Indices) -> list[Array]:
    ends = np.cumsum(num).tolist()
    return [found[end - count : end] for end, count in zip(ends, num.tolist(), strict=True)]


def _check_prediction(prediction: Any) -> None:
    if not isinstance(prediction, np.ndarray):
        raise TypeError(f"prediction: expected a numpy.ndarray, got {type(prediction).__name__}")
    if prediction.ndim != 3:
        raise ValueError(f"prediction: expected three dimensions, got shape {prediction.shape}")


def _suppressed(
    best: Array, iou_thres: float, metric: str, inclusive: bool, agnostic: bool, max_det: int | None
) -> Array:
    """What is left of one image's candidates, the best first."""
    boxes, scores, labels = best[:, :4], best[:, 4], best[:, 5]
    if agnostic:
        return best[nms(boxes, scores, iou_thres, max_output=max_det, metric=metric, inclusive=inclusive)]
    return best[batched_nms(boxes, scores, labels, iou_thres, max_output=max_det, metric=metric, inclusive=inclusive)]


def _suppressed_rotated(
    every: Array,
    pre_topk: int | None,
    method: str,
    iou_thres: float,
    metric: str,
    inclusive: bool,
    agnostic: bool,
    max_det: int | None,
) -> Array:
    """As `_suppressed`, of rows that end in an angle, centre x, centre y, width and height."""
    best = every[np.isfinite(every[:, -5])][:pre_topk]
    boxes, scores, labels = best[:, [-4, -3, -2, -1, -5]], best[:, 4], best[:, 5]
    groups = np.zeros_like(labels) if agnostic else labels
    options: dict[str, Any] = {"max_output": max_det, "metric": metric, "inclusive": inclusive}
    keep = SUPPRESSIONS_OF_ROTATED[method](boxes, scores, idxs=groups, iou_threshold=iou_thres, **options)
    return np.concatenate([boxes[keep], best[keep, 4:-5]], 1)


def _wanted(classes: int | Sequence[int] | None, num_classes: int) -> Array | None:
    if classes is None:
        return None
    wanted = np.zeros(num_classes, dtype=np.bool_)
    wanted[class_numbers(classes, num_classes)] = True
    return wanted
