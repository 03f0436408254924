"""From the raw output of a YOLO head to detections, for arrays. docs/SPEC.md, section 4."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

import numpy as np

from .._shared.checks import check_count, check_flag, check_limit, check_number, class_numbers, one_of
from .._shared.heads import HEADS, METHODS, WITH_OBJECTNESS, Head
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
    if not isinstance(head, Head):
        one_of("head", head, tuple(HEADS))
    layout = head if isinstance(head, Head) else HEADS[head]
    _check_prediction(prediction)
    rows = prediction.swapaxes(1, 2) if layout.columns_first else prediction
    first = 5 if layout.objectness else 4
    num_classes = _number_of_classes(prediction, rows.shape[2] - first, num_classes, layout)
    for name, flag in (("agnostic", agnostic), ("multi_label", multi_label), ("logits", logits)):
        check_flag(name, flag)
    max_det = check_limit("max_det", max_det)
    check_number("conf_thres", conf_thres)
    check_number("iou_thres", iou_thres)
    wanted = _wanted(classes, num_classes)

    return _of_images(
        *native.yolo_postprocess(
            rows, num_classes, layout.objectness, logits, multi_label, conf_thres, iou_thres, metric, inclusive,
            agnostic, max_det, wanted,
        )
    )  # fmt: skip


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
    _number_of_classes(prediction, prediction.shape[2] - 5, None, WITH_OBJECTNESS)
    check_flag("multi_cls", multi_cls)
    max_per_class = check_limit("max_per_class", max_per_class)
    one_of("method", method, METHODS)
    check_number("conf_thres", conf_thres)
    check_number("nms_thres", nms_thres)
    multi_label = bool(multi_cls or conf_thres < 0.01)
    found, num, passed = native.yolo_pipeline(prediction, conf_thres, nms_thres, multi_label, method, max_per_class)
    empty_is_none = method != "vision_batch"
    return [
        None if any_passed == 0 or (empty_is_none and len(one) == 0) else one
        for one, any_passed in zip(_of_images(found, num), passed.tolist(), strict=True)
    ]


def _of_images(found: Array, num: Indices) -> list[Array]:
    ends = np.cumsum(num).tolist()
    return [found[end - count : end] for end, count in zip(ends, num.tolist(), strict=True)]


def _check_prediction(prediction: Any) -> None:
    if not isinstance(prediction, np.ndarray):
        raise TypeError(f"prediction: expected a numpy.ndarray, got {type(prediction).__name__}")
    if prediction.ndim != 3:
        raise ValueError(f"prediction: expected three dimensions, got shape {prediction.shape}")


def _number_of_classes(prediction: Array, columns: int, num_classes: int | None, head: Head) -> int:
    """Of the `columns` after box and objectness."""
    if num_classes is not None:
        check_count("num_classes", num_classes)
    if columns < (num_classes or 0):
        layout = "(B, columns, N)" if head.columns_first else "(B, N, columns)"
        least = (5 if head.objectness else 4) + (num_classes or 0)
        raise ValueError(f"prediction: expected {layout} with {least} columns or more, got {prediction.shape}")
    return columns if num_classes is None else int(num_classes)


def _wanted(classes: Sequence[int] | None, num_classes: int) -> Array | None:
    if classes is None:
        return None
    wanted = np.zeros(num_classes, dtype=np.bool_)
    wanted[class_numbers(classes, num_classes)] = True
    return wanted
