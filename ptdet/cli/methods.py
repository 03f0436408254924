"""A method by any of its names, as `ptdet run --method` asks for it."""

from __future__ import annotations

import math
from collections.abc import Callable, Mapping
from functools import cache
from importlib import import_module
from typing import Any, TypeAlias

import numpy as np

from .._shared.arrays import Array
from .._shared.by_class import Kept
from .._shared.methods import METHODS, NAMES, NO_SETTINGS
from ..dataset.settings import of_such_boxes, refuse_no_classes
from ..io import FileProblem

Select: TypeAlias = Callable[..., Kept]


def suppress(
    name: str,
    boxes: Array,
    scores: Array,
    idxs: Array | None,
    iou_threshold: float,
    options: Mapping[str, Any] = NO_SETTINGS,
) -> Kept:
    """What is left of (N, 4) or, of rotated boxes, (N, 5), of (N,) and class ids (N,) or None.

    `options` are those of the method's function.
    A fusion takes all boxes for those of one model, and leaves scores below 0 aside, as its function does.

    Raises:
        FileProblem: there are no kernels, no classes where the method needs them, or no such measure of these boxes.
    """
    refuse_no_classes(name, idxs)
    try:
        with of_such_boxes(options, boxes.shape[1] == 5):
            return _kernels()(NAMES[name], boxes, scores, idxs, iou_threshold, **options)
    except NotImplementedError as error:
        raise FileProblem(f"has rotated boxes: {error}") from error


def load(name: str) -> None:
    """What the first call of a method takes time for.

    Raises:
        FileProblem: there are no kernels.
    """
    suppress(name, np.zeros((1, 4)), np.zeros(1), np.zeros(1, np.int64), 0.5)


@cache
def _kernels() -> Select:
    """Those of ptdet.numpy. Where they are not built torch's functions, which give the same answers.

    Raises:
        FileProblem: neither is there.
    """
    try:
        from ..numpy._methods import select
    except ImportError as why:
        try:
            import_module("torch")
        except ModuleNotFoundError as error:
            raise FileProblem(f"{why}; or install torch, whose functions do without") from error
        return _by_torch
    return select


def _by_torch(
    method: str, boxes: Array, scores: Array, idxs: Array | None, iou_threshold: float, **options: Any
) -> Kept:
    from torch import from_numpy

    from ..ops._methods import select

    row = METHODS[method]
    if boxes.shape[1] == 5 and row.of_models:
        raise NotImplementedError(f"{row.function} of rotated boxes needs the kernels of ptdet.numpy")
    if row.of_models:
        options["score_threshold"] = math.nextafter(0.0, -1.0)
    if options.pop("weighted", False):  # which is another operator
        method, row = "merge", METHODS["merge"]
        options |= {"members": "later", "weights": "score_overlap"}
    groups = None if idxs is None else from_numpy(idxs)
    threshold = iou_threshold if row.has_threshold else None
    given = from_numpy(boxes), from_numpy(scores), groups, threshold
    selected = select(method, *given, may_wait=True, **options)
    found = np.flatnonzero(selected.keep.numpy() >= 0)
    keep = selected.keep.numpy()[found]
    return (
        boxes[keep] if selected.boxes is None else selected.boxes.numpy()[found],
        scores[keep] if selected.scores is None else selected.scores.numpy()[found],
        keep,
    )
