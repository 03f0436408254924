"""The suppression methods by name, as `ptdet run --method` and the benchmarks ask for them."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any, TypeAlias

from torch import Tensor

from ..io import FileProblem
from ..ops import merge_nms as merge, nms as suppression, nms_variants as greedy, soft_nms as soft

# (boxes (N, 4), scores (N,), class ids (N,) or None, IoU threshold) -> boxes (K, 4), scores (K,), keep (K,)
Method: TypeAlias = Callable[[Tensor, Tensor, "Tensor | None", float], tuple[Tensor, Tensor, Tensor]]


def chosen(boxes: Tensor, scores: Tensor, keep: Tensor) -> tuple[Tensor, Tensor, Tensor]:
    """For a method that leaves boxes and scores as they are."""
    return boxes[keep], scores[keep], keep


def _nms(boxes: Tensor, scores: Tensor, idxs: Tensor | None, iou_threshold: float) -> Tensor:
    if idxs is None:
        return suppression.nms(boxes, scores, iou_threshold)
    keep = suppression.batched_nms(boxes, scores, idxs, iou_threshold)
    assert isinstance(keep, Tensor)
    return keep


def _batched(boxes: Tensor, scores: Tensor, idxs: Tensor | None, iou_threshold: float) -> Tensor:
    if idxs is None:
        raise FileProblem("has no classes here, which batched_nms needs: use --method nms")
    return _nms(boxes, scores, idxs, iou_threshold)


def _choosing(function: Callable[..., Any]) -> Method:
    return lambda boxes, scores, idxs, t: chosen(boxes, scores, function(boxes, scores, t, idxs))


def _merged(boxes: Tensor, scores: Tensor, idxs: Tensor | None, t: float) -> tuple[Tensor, Tensor, Tensor]:
    merged, keep = merge.merge_nms(boxes, scores, t, idxs)
    return merged, scores[keep], keep


def _soft(boxes: Tensor, scores: Tensor, idxs: Tensor | None, t: float) -> tuple[Tensor, Tensor, Tensor]:
    decayed, keep = soft.soft_nms(boxes, scores, t, idxs)
    return boxes[keep], decayed, keep


# One line a method: what it is called, and how its function's result becomes boxes, scores and indices.
METHODS: dict[str, Method] = {
    "nms": lambda boxes, scores, idxs, t: chosen(boxes, scores, _nms(boxes, scores, idxs, t)),
    "batched_nms": lambda boxes, scores, idxs, t: chosen(boxes, scores, _batched(boxes, scores, idxs, t)),
    "or": _choosing(greedy.or_nms),
    "diou": _choosing(greedy.diou_nms),
    "and": _choosing(greedy.and_nms),
    "merge": _merged,
    "soft": _soft,
}
