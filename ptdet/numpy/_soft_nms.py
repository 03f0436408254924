"""Soft-NMS for arrays."""

from __future__ import annotations

from .._shared.arrays import Array
from .._shared.checks import check_number
from ..compat import soft_profile
from ._native import kernel
from ._nms import as_given


def soft_nms(
    boxes: Array,
    scores: Array,
    iou_threshold: float = 0.3,
    idxs: Array | None = None,
    *,
    sigma: float = 0.5,
    min_score: float = 0.001,
    kind: str = "gaussian",
    reselect: bool = True,
    score_threshold: float | None = None,
    max_output: int | None = None,
    metric: str = "iou",
    inclusive: bool = False,
    return_owner: bool = False,
    compat: str | None = None,
) -> tuple[Array, ...]:
    """Soft-NMS: a selected box multiplies the scores after it by a decay in their overlap. As `ptdet.soft_nms`.

    Returns:
        scores (K,) of the input's dtype, keep (K,) int64 and, if asked for, owner (N,) int64.

    >>> import numpy as np, ptdet.numpy
    >>> boxes = np.array([[0., 0., 10., 10.], [2., 0., 12., 10.], [6., 0., 16., 10.]])
    >>> scores, keep = ptdet.numpy.soft_nms(boxes, np.array([.9, .85, .8]))
    >>> scores.round(4), keep
    (array([0.9  , 0.706, 0.242]), array([0, 2, 1]))
    """
    if compat is not None:
        profile = soft_profile(compat, inclusive, reselect)
        check_number("sigma", sigma)
        check_number("min_score", min_score)
        boxes = as_given(boxes, profile)
        sigma, min_score = profile.sigma_factor * sigma, profile.least(min_score)
        inclusive, reselect = profile.soft_inclusive, profile.reselect
    options = (iou_threshold, metric, inclusive, score_threshold, max_output, return_owner)
    found: tuple[Array, ...] = kernel("soft_nms", boxes)(scores, idxs, *options, sigma, min_score, kind, reselect)
    return found
