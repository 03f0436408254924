"""Boxes turned about their centres: (..., 5) cx, cy, w, h, angle.

The angle is in radians, positive from +x to +y (clockwise on a picture whose y points down), any real number. A box
with a side that is not above 0 is empty. Functions have the names of `ptdet`'s; docs/switching.md says what other
packages mean by a rotated box.
"""

from .ops.rotated_boxes import box_convert, min_area_rect, normalize_angle
from .ops.rotated_losses import (
    box_iou_loss,
    distance_box_iou_loss,
    generalized_box_iou_loss,
    gwd_loss,
    kfiou_loss,
    kld_loss,
    probiou_loss,
)
from .ops.rotated_methods import (
    adaptive_nms,
    and_nms,
    cluster_nms,
    combined_nms,
    diou_nms,
    fast_nms,
    greedy_nmm,
    matrix_nms,
    merge_nms,
    nmm,
    non_maximum_weighted,
    or_nms,
    ragged_nms,
    soft_nms,
    weighted_boxes_fusion,
)
from .ops.rotated_nms import batched_nms, nms
from .ops.rotated_overlap import (
    box_iou,
    distance_box_iou,
    generalized_box_iou,
    kfiou,
    overlap,
    pairwise_overlap,
    probiou,
)

__all__ = [
    "adaptive_nms",
    "and_nms",
    "batched_nms",
    "box_convert",
    "box_iou",
    "box_iou_loss",
    "cluster_nms",
    "combined_nms",
    "diou_nms",
    "distance_box_iou",
    "distance_box_iou_loss",
    "fast_nms",
    "generalized_box_iou",
    "generalized_box_iou_loss",
    "greedy_nmm",
    "gwd_loss",
    "kfiou",
    "kfiou_loss",
    "kld_loss",
    "matrix_nms",
    "merge_nms",
    "min_area_rect",
    "nmm",
    "nms",
    "non_maximum_weighted",
    "normalize_angle",
    "or_nms",
    "overlap",
    "pairwise_overlap",
    "probiou",
    "probiou_loss",
    "ragged_nms",
    "soft_nms",
    "weighted_boxes_fusion",
]
