"""Every method of METHODS by its name, for arrays."""

from __future__ import annotations

from importlib import import_module
from typing import Any

from .._shared.arrays import Array, Indices
from .._shared.methods import METHODS
from . import _nms, rotated
from ._box_fusion import FUSIONS, of_one_model


def select(
    method: str, boxes: Array, scores: Array, idxs: Array | None, iou_threshold: float, **options: Any
) -> tuple[Array, Array, Indices]:
    """Boxes (K, 4), scores (K,) and which boxes they are (K,), of (N, 4), (N,) and class ids (N,) or None.

    `options` are those of the method's function. A fusion takes all boxes for those of one model; as its function it
    leaves scores below 0 aside. Boxes (N, 5) are rotated ones.
    """
    row = METHODS[method]
    is_rotated = boxes.shape[1] == 5
    if row.of_models:
        fused = FUSIONS[method](of_one_model(boxes, scores, idxs), iou_threshold, **options)
        return fused.boxes, fused.scores, fused.keep
    if method == "hard":
        home: Any = rotated if is_rotated else _nms
        found: Any = (
            home.nms(boxes, scores, iou_threshold, **options)
            if idxs is None
            else home.batched_nms(boxes, scores, idxs, iou_threshold, **options)
        )
    else:
        function = getattr(rotated if is_rotated else import_module(f"{__package__}._{row.stem}"), row.function)
        found = function(boxes, scores, *([iou_threshold] if row.has_threshold else []), idxs, **options)
    if not isinstance(found, tuple):
        return boxes[found], scores[found], found
    changed, keep = found
    return (boxes[keep], changed, keep) if row.scores else (changed, scores[keep], keep)
