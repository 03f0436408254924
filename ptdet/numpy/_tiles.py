"""Detections of the tiles of a large picture as those of the picture, for arrays."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

import numpy as np

from .._shared.arrays import Array, computable, silent
from .._shared.checks import check_flag
from .._shared.tiles import check_rows, check_tiles, tile_places
from . import _nms, rotated as _rotated


def merge_tiles(
    detections: Sequence[Array],
    offsets: Any,
    rate: float | Sequence[float] = 1,
    iou_threshold: float = 0.1,
    *,
    rotated: bool = False,
    metric: str = "iou",
    inclusive: bool = False,
) -> Array:
    """Moves the boxes of tiles to the picture they were cut from, then hard NMS within each class. As
    `ptdet.merge_tiles`.

    Args:
        detections: for each tile (n, 6 + extra) x1, y1, x2, y2, confidence, class, or, if `rotated`, (n, 7 + extra)
            centre x, centre y, width, height, angle, confidence, class.
        offsets, rate, iou_threshold, rotated, metric, inclusive: as there.

    Returns:
        (K, 6 + extra) or (K, 7 + extra) by decreasing confidence.

    Raises:
        TypeError, ValueError: naming the argument, what was expected and what came.

    >>> import numpy as np, ptdet.numpy
    >>> tiles = [np.array([[90., 10., 100., 20., .8, 3.]]), np.array([[0., 10., 9., 20., .7, 3.]])]
    >>> ptdet.numpy.merge_tiles(tiles, [(0, 0), (90, 0)], rate=0.5)
    array([[180. ,  20. , 200. ,  40. ,   0.8,   3. ]])
    """
    check_tiles("detections", detections)
    check_flag("rotated", rotated)
    numbers = 5 if rotated else 4
    computed = []
    for place, rows in enumerate(detections):
        name = f"detections[{place}]"
        check_rows(name, rows, numbers + 2, np.ndarray)
        computed.append(computable(name, rows))
        if rows.shape[1] != detections[0].shape[1]:
            columns = detections[0].shape[1]
            raise ValueError(f"{name}: expected {columns} columns as in detections[0], got {rows.shape[1]}")
    places, rates = tile_places(offsets, rate, len(detections))
    moved = []
    for rows, (x, y), scale in zip(computed, places, rates, strict=True):
        own = rows.astype(np.float64)
        with silent():
            own[:, :4] = (own[:, :4] + np.array([x, y, 0, 0] if rotated else [x, y, x, y])) / scale
        moved.append(own)
    every = np.concatenate(moved)
    boxes, scores, labels = every[:, :numbers], every[:, numbers], every[:, numbers + 1]
    if np.isnan(labels).any():
        raise ValueError("detections: expected classes that are numbers, got nan")
    suppress = _rotated.batched_nms if rotated else _nms.batched_nms
    keep = suppress(boxes, scores, labels, iou_threshold, metric=metric, inclusive=inclusive)
    return every[keep].astype(np.result_type(*computed), copy=False)
