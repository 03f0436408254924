"""Boxes turned about their centres: (..., 5) cx, cy, w, h, angle.

The angle is in radians, positive from +x to +y (clockwise on a picture whose y points down), any real number. A box
with a side that is not above 0 is empty. Functions have the names of `ptdet`'s; docs/switching.md says what other
packages mean by a rotated box.
"""

from .ops import rotated_methods as _methods
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
from .ops.rotated_methods import *
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
    "batched_nms",
    "box_convert",
    "box_iou",
    "box_iou_loss",
    "distance_box_iou",
    "distance_box_iou_loss",
    "generalized_box_iou",
    "generalized_box_iou_loss",
    "gwd_loss",
    "kfiou",
    "kfiou_loss",
    "kld_loss",
    "min_area_rect",
    "nms",
    "normalize_angle",
    "overlap",
    "pairwise_overlap",
    "probiou",
    "probiou_loss",
]
__all__ += _methods.__all__
