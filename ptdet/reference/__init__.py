"""The oracle: every operation in plain torch, reading like the formula.

Nothing here imports another part of ptdet or shares code with csrc, so that an error in one is seen by the other.
"""

from . import nms_variants, rotated_nms as _rotated
from .batch import class_candidates, image_order, ragged_groups, rows_at
from .box_fusion import wbf_walk
from .box_shape import ALIGNED, ROTATED, Shape
from .channel_norm import channel_norm, channel_norm_backward
from .detections import yolo_postprocess
from .elementary import arctangent, cosine, exponential, power, sigmoid, sine
from .image_slots import image_slots
from .losses import box_loss, detached_factors
from .matrix_nms import fast_nms_walk, matrix_nms_walk
from .merge_nms import merge_nms, merge_nms_walk
from .nmm import nmm_walk
from .nms import decreasing, nms, nms_walk
from .nms_variants import *
from .overlap import METRICS, computed, finite_or_zero, overlap, raw_overlap
from .pairs import (
    graded_box_loss,
    graded_box_loss_backward,
    graded_box_loss_gradient,
    pairwise_overlap,
    pairwise_overlap_backward,
)
from .parameter import parameter
from .rotated_losses import bhattacharyya, kullback_leibler, of_filled_boxes, wasserstein
from .rotated_nms import *
from .rotated_overlap import (
    enclosed_overlap,
    raw_rotated_overlap,
    rotated_overlap,
    rotated_overlap_backward,
    rotated_pairwise_overlap,
    rotated_slopes,
)
from .soft_nms import soft_nms_walk
from .thresholds import above, exceeds
from .yolo import non_max_suppression, yolo_filter, yolo_pipeline

__all__ = [
    "ALIGNED",
    "METRICS",
    "ROTATED",
    "Shape",
    "above",
    "arctangent",
    "bhattacharyya",
    "box_loss",
    "channel_norm",
    "channel_norm_backward",
    "class_candidates",
    "computed",
    "cosine",
    "decreasing",
    "detached_factors",
    "enclosed_overlap",
    "exceeds",
    "exponential",
    "fast_nms_walk",
    "finite_or_zero",
    "graded_box_loss",
    "graded_box_loss_backward",
    "graded_box_loss_gradient",
    "image_order",
    "image_slots",
    "kullback_leibler",
    "matrix_nms_walk",
    "merge_nms",
    "merge_nms_walk",
    "nmm_walk",
    "nms",
    "nms_walk",
    "non_max_suppression",
    "of_filled_boxes",
    "overlap",
    "pairwise_overlap",
    "pairwise_overlap_backward",
    "parameter",
    "power",
    "ragged_groups",
    "raw_overlap",
    "raw_rotated_overlap",
    "rotated_overlap",
    "rotated_overlap_backward",
    "rotated_pairwise_overlap",
    "rotated_slopes",
    "rows_at",
    "sigmoid",
    "sine",
    "soft_nms_walk",
    "wasserstein",
    "wbf_walk",
    "yolo_filter",
    "yolo_pipeline",
    "yolo_postprocess",
]
__all__ += [*nms_variants.__all__, *_rotated.__all__]
