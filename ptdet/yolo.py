"""From the raw output of a YOLO head to detections, for a batch of images at once."""

from __future__ import annotations

import math
from collections.abc import Sequence
from typing import Any

import torch
from torch import Tensor

from ._library.checks import check_dense, check_floating, check_has_data, refuse_export
from ._library.load import has_kernels
from ._library.pieces import joined
from ._library.register import operator
from ._shared.checks import check_flag, check_limit, check_number, class_numbers, one_of
from ._shared.heads import (
    HEADS,
    METHODS,
    V3,
    WITH_OBJECTNESS,
    Head,
    check_confidence,
    check_suppression,
    number_of_classes,
    pipeline_method,
)
from .ops._results import by_image, rows_at
from .ops._yolo_on_cuda import pipeline_on_cuda, postprocess_on_cuda
from .ops._yolo_rotated import postprocess_rotated

NMS = operator("nms")
RAGGED_GROUPS = operator("ragged_groups")
YOLO_PIPELINE = operator("yolo_pipeline")
YOLO_POSTPROCESS = operator("yolo_postprocess")

__all__ = ["HEADS", "METHODS", "Head", "non_max_suppression", "postprocess"]

LISTS = "the YOLO functions return as many detections an image as the data says"


def postprocess(
    prediction: Tensor,
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
        classes: the class or classes wanted; others leave after the best class of a row is known. None: all.
        agnostic: boxes of different classes meet too.
        multi_label: a candidate for every class above the threshold, not for the best class of a row alone.
        logits: class values are taken through a sigmoid first.
        pre_topk: only the best so many candidates of an image take part in the suppression, ties to the lower row, then
            the lower class; None for all. ultralytics' own max_nms is 30000.
        max_det: the best so many of an image; None for all.
        metric: as in `ptdet.nms`; of rotated boxes as in `ptdet.rotated.nms`.
        rotated: a head of oriented boxes: its last column, behind the extra ones, is the angle in radians from +x to
            +y, as ultralytics' heads have it.
        method: "hard"; of rotated boxes also "fast", `ptdet.rotated.fast_nms`.

    Returns:
        For each image (n, 6 + extra): x1, y1, x2, y2, confidence, class, extra columns, by decreasing confidence, ties
        to the lower row, then the lower class. float64 for float64 input, else float32. Of rotated boxes (n, 7 +
        extra): centre x, centre y, width, height, angle, as in the head, confidence, class, extra columns.

    Raises:
        TypeError, ValueError: naming the argument, what was expected and what came. ValueError also for the output of
            another head, or one that is transposed, where it shows: thousands of columns for a few rows, or a
            confidence above 1.

    >>> import torch, ptdet.yolo
    >>> prediction = torch.tensor([[[50., 51., 90.], [50., 50., 20.], [20., 20., 8.], [10., 10., 8.], [.9, .8, .3]]])
    >>> ptdet.yolo.postprocess(prediction)[0]
    tensor([[40.0000, 45.0000, 60.0000, 55.0000,  0.9000,  0.0000],
            [86.0000, 16.0000, 94.0000, 24.0000,  0.3000,  0.0000]])
    """
    refuse_export(LISTS, "ptdet.combined_nms")
    layout, called = _head(head), f"head={head!r}"
    _check_prediction(prediction)
    rows = prediction.transpose(1, 2) if layout.columns_first else prediction
    check_flag("rotated", rotated)
    num_classes = number_of_classes(prediction.shape, layout, called, num_classes, rotated)
    for name, number in (("conf_thres", conf_thres), ("iou_thres", iou_thres)):
        check_number(name, number)
    flags = {"agnostic": agnostic, "multi_label": multi_label, "logits": logits, "inclusive": inclusive}
    for name, flag in flags.items():
        check_flag(name, flag)
    pre_topk, max_det = check_limit("pre_topk", pre_topk), check_limit("max_det", max_det)
    check_suppression(method, metric, rotated)
    wanted = _wanted(classes, num_classes, prediction.device)

    candidates = (rows, num_classes, layout.objectness, logits, multi_label, conf_thres)
    if rotated:
        found, num = postprocess_rotated(
            *candidates, iou_thres, metric, inclusive, agnostic, max_det, wanted, method, pre_topk
        )
        _check_found(found, num, prediction, layout, called, logits, place=5)
        return _of_images(found, num)
    whole = postprocess_on_cuda if _has_cuda_kernels(prediction) else YOLO_POSTPROCESS
    if pre_topk is None:
        found, num = whole(*candidates, iou_thres, metric, inclusive, agnostic, max_det, wanted)
    else:  # nothing overlaps by more than infinity
        best, num = whole(*candidates, math.inf, "iou", False, True, pre_topk, wanted)
        counts = enumerate(num.tolist())
        none = num.new_zeros(0)
        images = joined([none, *(num.new_full((1,), image).expand(count) for image, count in counts)]).to(best.device)
        groups = images if agnostic else RAGGED_GROUPS(images, best[:, 5], len(rows))
        keep = NMS(best[:, :4], best[:, 4], groups, iou_thres, metric, inclusive)
        _, chosen, num = by_image(keep, images, len(rows), max_det)
        found = rows_at(best, chosen)
    _check_found(found, num, prediction, layout, called, logits)
    return _of_images(found, num)


def _check_found(
    found: Tensor, num: Tensor, prediction: Tensor, head: Head, name: str, logits: bool, place: int = 4
) -> None:
    if len(found):  # the first of an image is its best
        if len(num) == 1:  # the calls of torch below take longer than the suppression
            best = found[0, place]
        else:
            best = found[(num.cumsum(0) - num)[num > 0].to(found.device), place].amax()
        check_confidence(float(best), prediction.shape, head, name, logits)


def _has_cuda_kernels(prediction: Tensor) -> bool:
    """They are composed: one operator for the whole would wait for the GPU as often."""
    return prediction.device.type == "cuda" and has_kernels(prediction.device)


def _of_images(found: Tensor, num: Tensor) -> list[Tensor]:
    return [found] if len(num) == 1 else list(found.split(num.tolist()))


def _head(head: str | Head) -> Head:
    if isinstance(head, Head):
        return head
    one_of("head", head, tuple(HEADS))
    return HEADS[head]


def _check_prediction(prediction: Any) -> None:
    check_dense(prediction=prediction)
    if prediction.dim() != 3:
        raise ValueError(f"prediction: expected three dimensions, got shape {tuple(prediction.shape)}")
    check_floating("prediction", prediction)
    check_has_data("prediction", prediction)


def _wanted(classes: int | Sequence[int] | None, num_classes: int, device: torch.device) -> Tensor | None:
    if classes is None:
        return None
    wanted = torch.zeros(num_classes, dtype=torch.bool, device="cpu")
    wanted[class_numbers(classes, num_classes)] = True
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
            diounms, soft (gaussian, sigma 0.5, without re-selection); hard, diou and the names of the functions mean
            the same.
        max_per_class: only the best so many of a class take part, in every method but vision_batch; None for all.

    Returns:
        For each image (n, 6): x1, y1, x2, y2, confidence, class, by decreasing confidence; None where no row passes the
        filters of objectness and sides or, but for vision_batch, no detection is left. Ties go to the lower class, then
        the lower row; in vision_batch to the lower row, then the lower class.

    Raises:
        TypeError, ValueError: naming the argument, what was expected and what came; the output of another head as in
            `ptdet.yolo.postprocess`.

    >>> import torch, ptdet
    >>> row = [50., 50., 20., 10., .9, 4., -4.]
    >>> ptdet.non_max_suppression(torch.tensor([[row, row]]))[0]
    tensor([[40.0000, 45.0000, 60.0000, 55.0000,  0.8838,  0.0000]])
    """
    refuse_export(LISTS, "ptdet.combined_nms")
    _check_prediction(prediction)
    number_of_classes(prediction.shape, WITH_OBJECTNESS, V3, None)
    for name, number in (("conf_thres", conf_thres), ("nms_thres", nms_thres)):
        check_number(name, number)
    check_flag("multi_cls", multi_cls)
    max_per_class = check_limit("max_per_class", max_per_class)
    method = pipeline_method(method)
    multi_label = multi_cls or conf_thres < 0.01
    whole = pipeline_on_cuda if _has_cuda_kernels(prediction) else YOLO_PIPELINE
    try:
        found, num, passed = whole(prediction, conf_thres, nms_thres, multi_label, method, max_per_class)
    except RuntimeError as error:
        if "scores must not be negative" in str(error):
            raise ValueError("prediction: expected objectness >= 0 for method 'soft', got less") from error
        raise
    _check_found(found, num, prediction, WITH_OBJECTNESS, V3, True)
    empty_is_none = method != "vision_batch"
    return [
        None if any_passed == 0 or (empty_is_none and len(one) == 0) else one
        for one, any_passed in zip(_of_images(found, num), passed.tolist(), strict=True)
    ]
