"""The two kernels of evaluation; the reference where there is no compiled library, if torch is there."""

from __future__ import annotations

from typing import Any

from .._shared.arrays import Array, Indices
from .inputs import Found, Objects

native: Any
try:
    from ..numpy._native import native

    WHY_NOT_NATIVE = ""
except ImportError as error:
    native, WHY_NOT_NATIVE = None, str(error)


def match_detections(
    found: Found, objects: Objects, iou_thresholds: Array, area_ranges: Array, most: int, wants_taken: bool = False
) -> tuple[Array, Indices, Indices, Indices | None]:
    """outcome (N, A, T), rank (N,), order (N,), and taken (N, A, T) if wanted: see ptdet/reference/evaluation.py."""
    if native is not None:
        matched: tuple[Array, Indices, Indices, Indices | None] = native.evaluation_match(
            (found.boxes, found.labels, found.images), (objects.boxes, objects.labels, objects.images), found.scores,
            objects.crowd, objects.ignore, objects.area, iou_thresholds, area_ranges, most, objects.num_images,
            len(objects.class_names), wants_taken,
        )  # fmt: skip
        return matched
    arrays = (
        found.boxes, found.scores, found.labels, found.images, objects.boxes, objects.labels, objects.images,
        objects.crowd, objects.ignore, objects.area, iou_thresholds, area_ranges,
    )  # fmt: skip
    outcome, rank, order, taken = _of_reference("match_detections", *arrays, most)
    return outcome, rank, order, taken if wants_taken else None


def accumulate(
    outcome: Array,
    rank: Indices,
    order: Indices,
    starts: Indices,
    scores: Array,
    positives: Indices,
    recall_thresholds: Array,
    max_detections: Indices,
) -> tuple[Array, Array, Array]:
    """precision (K, A, M, T, R), recall (K, A, M, T), scores (K, A, M, T, R): see ptdet/reference/evaluation.py."""
    arrays = outcome, rank, order, starts, scores, positives, recall_thresholds, max_detections
    if native is not None:
        found: tuple[Array, Array, Array] = native.evaluation_accumulate(*arrays)
        return found
    precision, recall, score_at = _of_reference("accumulate", *arrays)
    return precision, recall, score_at


def _of_reference(name: str, *arguments: Any) -> list[Array]:
    try:
        import torch

        from ..reference import evaluation as reference
    except ImportError as error:
        raise ImportError(f"{WHY_NOT_NATIVE}; nor is there torch, for the reference") from error
    tensors = [argument if isinstance(argument, int) else torch.from_numpy(argument) for argument in arguments]
    with torch.device("cpu"):  # whatever the default is
        return [tensor.numpy() for tensor in getattr(reference, name)(*tensors)]
