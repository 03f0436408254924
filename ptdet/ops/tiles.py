"""Detections of the tiles of a large picture as those of the picture."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

import torch
from torch import Tensor

from .._library.checks import check_dense, check_device, check_floating, check_has_data
from .._shared.checks import check_flag
from .._shared.tiles import check_rows, check_tiles, tile_places
from ..reference.rotated_box import wide
from . import nms, rotated_nms


def merge_tiles(
    detections: Sequence[Tensor],
    offsets: Any,
    rate: float | Sequence[float] = 1,
    iou_threshold: float = 0.1,
    *,
    rotated: bool = False,
    metric: str = "iou",
    inclusive: bool = False,
) -> Tensor:
    """Moves the boxes of tiles to the picture they were cut from, then hard NMS within each class, as DOTA's tools do.

    A corner (x, y) of a tile's box becomes ((x + offset x) / rate, (y + offset y) / rate).

    Args:
        detections: for each tile (n, 6 + extra) x1, y1, x2, y2, confidence, class, or, if `rotated`, (n, 7 + extra)
            centre x, centre y, width, height, angle, confidence, class, as `ptdet.yolo.postprocess` returns them. At
            least one tile; floats.
        offsets: for each tile (x, y), its corner in the picture as it was scaled, in pixels.
        rate: the scale of the picture that the tiles were cut from, above 0: one for all or one for each.
            `ptdet.io.parse_tile_name` reads offset and rate from names like P0706__0.5__924___462.
        iou_threshold: a box goes if its overlap with a better one of its class is above it.
        rotated: whether the boxes are rotated ones; their angles stay.
        metric: as in `ptdet.nms`, or in `ptdet.rotated.nms`.
        inclusive: remove at overlap == iou_threshold too.

    Returns:
        (K, 6 + extra) or (K, 7 + extra) by decreasing confidence, ties to the earlier tile, then to the earlier row.
        float64 if a tile is, else float32; places and overlaps are computed in float64.

    Raises:
        TypeError, ValueError: naming the argument, what was expected and what came.

    >>> import torch, ptdet
    >>> tiles = [torch.tensor([[90., 10., 100., 20., .8, 3.]]), torch.tensor([[0., 10., 9., 20., .7, 3.]])]
    >>> ptdet.merge_tiles(tiles, [(0, 0), (90, 0)], rate=0.5)
    tensor([[180.0000,  20.0000, 200.0000,  40.0000,   0.8000,   3.0000]])
    """
    check_tiles("detections", detections)
    check_flag("rotated", rotated)
    numbers = 5 if rotated else 4
    for place, rows in enumerate(detections):
        name = f"detections[{place}]"
        check_dense(**{name: rows})
        check_rows(name, rows, numbers + 2, Tensor)
        check_floating(name, rows)
        check_has_data(name, rows)
        check_device(name, rows, detections[0], "detections[0]")
        if rows.shape[1] != detections[0].shape[1]:
            columns = detections[0].shape[1]
            raise ValueError(f"{name}: expected {columns} columns as in detections[0], got {rows.shape[1]}")
    places, rates = tile_places(offsets, rate, len(detections))
    moved = []
    for rows, (x, y), scale in zip(detections, places, rates, strict=True):
        own = wide(rows.detach())
        begin = own.new_tensor([x, y, 0, 0] if rotated else [x, y, x, y])
        moved.append(torch.cat([(own[:, :4] + begin) / own.new_tensor([scale] * 4), own[:, 4:]], 1))
    every = torch.cat(moved)
    boxes, scores, labels = every[:, :numbers], every[:, numbers], every[:, numbers + 1]
    if bool(labels.isnan().any()):
        raise ValueError("detections: expected classes that are numbers, got nan")
    suppress = rotated_nms.batched_nms if rotated else nms.batched_nms
    keep = suppress(boxes, scores, labels, iou_threshold, metric=metric, inclusive=inclusive)
    is_double = any(rows.dtype == torch.float64 for rows in detections)
    return every[keep].to(device=detections[0].device, dtype=torch.float64 if is_double else torch.float32)
