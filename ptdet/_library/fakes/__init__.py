"""Shapes and dtypes without data: one function an operator, by its name."""

from collections.abc import Callable
from typing import Any

from . import batch, image_slots, methods, norm, overlap, suppression, yolo

FAKES: dict[str, Callable[..., Any]] = {
    "nms": suppression.nms,
    "nms_walk": suppression.nms_walk,
    "fast_nms_walk": suppression.nms_walk,
    "channel_norm": norm.channel_norm,
    "channel_norm_backward": norm.channel_norm_backward,
    "pairwise_overlap": overlap.pairwise_overlap,
    "pairwise_overlap_backward": overlap.pairwise_overlap_backward,
    "graded_box_loss": overlap.graded_box_loss,
    "graded_box_loss_backward": overlap.graded_box_loss_backward,
    "yolo_filter": yolo.yolo_filter,
    "yolo_postprocess": yolo.yolo_postprocess,
    "yolo_pipeline": yolo.yolo_pipeline,
    "image_slots": image_slots.image_slots,
}
FAKES.update(methods.METHODS)
FAKES.update(batch.BATCH)
