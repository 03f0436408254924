"""Non-maximum merging for arrays."""

from __future__ import annotations

from .._shared.arrays import Array
from ._native import kernel


def greedy_nmm(
    boxes: Array,
    scores: Array,
    match_threshold: float = 0.5,
    idxs: Array | None = None,
    *,
    score_threshold: float | None = None,
    max_output: int | None = None,
    metric: str = "ios",
    inclusive: bool = True,
    return_owner: bool = False,
) -> tuple[Array, ...]:
    """Greedy non-maximum merging: kept boxes grow to the hull of those they remove. As `ptdet.greedy_nmm`.

    Returns:
        boxes (K, 4) of the input's dtype, keep (K,) int64 and, if asked for, owner (N,) int64.

    >>> import numpy as np, ptdet.numpy
    >>> boxes = np.array([[0., 0., 10., 10.], [5., 0., 13., 10.], [30., 0., 40., 10.]])
    >>> ptdet.numpy.greedy_nmm(boxes, np.array([.9, .8, .7]))
    (array([[ 0.,  0., 13., 10.],
           [30.,  0., 40., 10.]]), array([0, 2]))
    """
    options = (match_threshold, metric, inclusive, score_threshold, max_output, return_owner)
    found: tuple[Array, ...] = kernel("nmm", boxes)(scores, idxs, *options, False)
    return found


def nmm(
    boxes: Array,
    scores: Array,
    match_threshold: float = 0.5,
    idxs: Array | None = None,
    *,
    score_threshold: float | None = None,
    max_output: int | None = None,
    metric: str = "ios",
    inclusive: bool = True,
    return_owner: bool = False,
) -> tuple[Array, ...]:
    """Non-maximum merging: as `greedy_nmm`, but members absorb the boxes that they overlap, too. As `ptdet.nmm`.

    >>> import numpy as np, ptdet.numpy
    >>> boxes = np.array([[0., 0., 10., 10.], [4., 0., 14., 10.], [8., 0., 18., 10.]])
    >>> ptdet.numpy.nmm(boxes, np.array([.9, .8, .7]))[1]
    array([0])
    """
    options = (match_threshold, metric, inclusive, score_threshold, max_output, return_owner)
    found: tuple[Array, ...] = kernel("nmm", boxes)(scores, idxs, *options, True)
    return found
