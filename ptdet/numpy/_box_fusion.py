"""Fusion of what several models found, for arrays."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from typing import Any, NamedTuple

import numpy as np

from .._shared.arrays import Array, Indices, is_floating
from .._shared.checks import check_flag, check_number, check_positive
from .._shared.shapes import Rotated
from .._shared.weights import one_a_model, shared_weights
from ._native import native


class Models(NamedTuple):
    """What several models found, one after the other."""

    boxes: Array
    scores: Array
    labels: Array
    models: Indices
    weights: Array  # of the models


class Fused(NamedTuple):
    boxes: Array
    scores: Array
    keep: Indices  # the row that stands for each
    owner: Indices  # (N,)


def weighted_boxes_fusion(
    boxes_list: Sequence[Array],
    scores_list: Sequence[Array],
    labels_list: Sequence[Array],
    weights: Sequence[float] | None = None,
    iou_thr: float = 0.55,
    skip_box_thr: float = 0.0,
    conf_type: str = "avg",
    allows_overflow: bool = False,
    *,
    return_owner: bool = False,
) -> tuple[Array, ...]:
    """Weighted boxes fusion. As `ptdet.weighted_boxes_fusion`, for an array a model.

    Returns:
        boxes (K, 4), scores (K,), labels (K,) by decreasing confidence and, if asked for, owner (N,) int64.

    >>> import numpy as np, ptdet.numpy
    >>> boxes = [np.array([[0., 0., 10., 10.]]), np.array([[2., 0., 12., 10.]])]
    >>> ptdet.numpy.weighted_boxes_fusion(boxes, [np.array([.75]), np.array([.25])], [np.array([1])] * 2)
    (array([[ 0.5,  0. , 10.5, 10. ]]), array([0.5]), array([1]))
    """
    check_flag("return_owner", return_owner)
    given = gathered(boxes_list, scores_list, labels_list, weights)
    return told(given, weighted_boxes(given, iou_thr, skip_box_thr, conf_type, allows_overflow), return_owner)


def non_maximum_weighted(
    boxes_list: Sequence[Array],
    scores_list: Sequence[Array],
    labels_list: Sequence[Array],
    weights: Sequence[float] | None = None,
    iou_thr: float = 0.55,
    skip_box_thr: float = 0.0,
    *,
    return_owner: bool = False,
) -> tuple[Array, ...]:
    """Non-maximum weighted. As `ptdet.non_maximum_weighted`, for an array a model.

    >>> import numpy as np, ptdet.numpy
    >>> boxes, labels = [np.array([[0., 0., 10., 10.]]), np.array([[0., 0., 10., 8.]])], [np.array([1])] * 2
    >>> ptdet.numpy.non_maximum_weighted(boxes, [np.array([.8]), np.array([.5])], labels)[0].round(4)
    array([[ 0.    ,  0.    , 10.    ,  9.3333]])
    """
    check_flag("return_owner", return_owner)
    given = gathered(boxes_list, scores_list, labels_list, weights)
    return told(given, weighted_maximum(given, iou_thr, skip_box_thr), return_owner)


def weighted_boxes(
    given: Models, iou_thr: float, skip_box_thr: float = 0.0, conf_type: str = "avg", allows_overflow: bool = False
) -> Fused:
    part = _taking_part(given.scores, skip_box_thr)
    fused, confidences, keep, owner = (native.rotated_wbf if given.boxes.shape[1] == 5 else native.wbf)(
        given.boxes[part], given.scores[part], given.labels[part], given.models[part], given.weights, iou_thr,
        conf_type, allows_overflow,
    )  # fmt: skip
    return Fused(fused, confidences, part[keep], _in_all_rows(owner, part, given.scores))


def weighted_maximum(given: Models, iou_thr: float, skip_box_thr: float = 0.0) -> Fused:
    part = _taking_part(given.scores, skip_box_thr)
    computed = given.scores.astype(np.float64 if given.scores.dtype == np.float64 else np.float32)
    shares = (given.weights / given.weights.max()).astype(computed.dtype)
    weighted = (computed * shares[given.models])[part]
    check_number("iou_thr", iou_thr)
    merged, keep, owner = (native.rotated_merge_nms if given.boxes.shape[1] == 5 else native.merge_nms)(
        given.boxes[part], weighted, given.labels[part], iou_thr, "iou", False, None, None, True, "best",
        "score_overlap",
    )  # fmt: skip
    scores = weighted[keep].astype(given.scores.dtype)
    return Fused(merged, scores, part[keep], _in_all_rows(owner, part, given.scores))


FUSIONS: dict[str, Callable[..., Fused]] = {"wbf": weighted_boxes, "nmw": weighted_maximum}


def of_one_model(boxes: Array, scores: Array, labels: Array | None) -> Models:
    """All boxes as those of one model; without labels they are of one class."""
    labels = np.zeros(len(scores), np.int64) if labels is None else labels
    return gathered(Rotated([boxes]) if boxes.shape[1] == 5 else [boxes], [scores], [labels], None)


def told(given: Models, found: Fused, return_owner: bool) -> tuple[Array, ...]:
    """What the functions return."""
    fused = found.boxes, found.scores, given.labels[found.keep]
    return (*fused, found.owner) if return_owner else fused


def gathered(boxes_list: Any, scores_list: Any, labels_list: Any, weights: Any) -> Models:
    """All models' boxes, scores and labels one after the other, the model of each, and what the models weigh."""
    boxes_list, numbers = (boxes_list.boxes, 5) if type(boxes_list) is Rotated else (boxes_list, 4)
    lists = {"boxes_list": boxes_list, "scores_list": scores_list, "labels_list": labels_list}
    for name, given in lists.items():
        if not isinstance(given, Sequence) or not all(isinstance(each, np.ndarray) for each in given):
            raise TypeError(f"{name}: expected a list of arrays, one a model")
        if len(given) != len(boxes_list) or len(given) == 0:
            raise ValueError(f"{name}: expected one array for each of {len(boxes_list)} models, got {len(given)}")
    for m, (boxes, scores, labels) in enumerate(zip(boxes_list, scores_list, labels_list, strict=True)):
        if boxes.ndim != 2 or boxes.shape[1] != numbers:
            raise ValueError(f"boxes_list[{m}]: expected shape (N, {numbers}), got {boxes.shape}")
        for name, each in (("scores_list", scores), ("labels_list", labels)):
            if each.shape != boxes.shape[:1]:
                raise ValueError(f"{name}[{m}]: expected shape ({boxes.shape[0]},), got {each.shape}")
        for name, each in (("boxes_list", boxes), ("scores_list", scores)):
            if not is_floating(each.dtype):
                raise TypeError(f"{name}[{m}]: expected float64, float32, float16 or bfloat16, got {each.dtype}")
        if not is_floating(labels.dtype) and labels.dtype.kind not in "iub":
            raise TypeError(f"labels_list[{m}]: expected integers, bools or floats, got {labels.dtype}")
        if is_floating(labels.dtype) and np.isnan(labels).any():
            raise ValueError(f"labels_list[{m}]: expected ids that equal themselves, got NaN")
    dtypes = {each.dtype.newbyteorder("=") for each in labels_list}
    if len(dtypes) > 1 and any(dtype.kind == "u" and dtype.itemsize > 1 for dtype in dtypes):  # as of tensors
        raise TypeError(f"labels_list: expected dtypes that have a common one, got {', '.join(map(str, dtypes))}")
    of_models = _weights(weights, len(boxes_list))
    boxes, scores, labels = (np.concatenate(each) for each in lists.values())
    models = np.repeat(np.arange(len(of_models)), [len(each) for each in boxes_list])
    wide = boxes.dtype == np.float64
    shares = np.array(shared_weights(of_models.tolist(), wide), dtype=np.float64 if wide else np.float32)
    return Models(boxes, scores, labels, models, shares)


def _weights(weights: Any, models: int) -> Array:
    if weights is None:
        return np.ones(models)
    weights = weights.tolist() if isinstance(weights, np.ndarray) else weights
    numbers = one_a_model(weights, models)
    for each in numbers:
        check_positive("weights", each)
    return np.array(numbers, dtype=np.float64)


def _taking_part(scores: Array, skip_box_thr: float) -> Indices:
    """Rows whose score is not below the threshold, in their own order; compared as doubles."""
    check_number("skip_box_thr", skip_box_thr)
    return np.flatnonzero(~(scores.astype(np.float64) < float(skip_box_thr)))


def _in_all_rows(owner: Indices, part: Indices, scores: Array) -> Indices:
    found = np.full(len(scores), -1, dtype=np.int64)
    found[part] = np.where(owner >= 0, part[owner.clip(min=0)], -1) if len(part) else owner
    return found
