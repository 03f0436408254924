"""Boxes turned about their centres: (..., 5) cx, cy, w, h, angle.

The angle is in radians, positive from +x to +y (clockwise on a picture whose y points down), any real number. A box
with a side that is not above 0 is empty. Functions have the names of `ptdet`'s; docs/switching.md says what other
packages mean by a rotated box.
"""

from .ops.rotated_boxes import box_convert, min_area_rect, normalize_angle
from .ops.rotated_nms import batched_nms, nms
from .ops.rotated_overlap import box_iou, box_iou_loss, overlap, pairwise_overlap

__all__ = [
    "batched_nms",
    "box_convert",
    "box_iou",
    "box_iou_loss",
    "min_area_rect",
    "nms",
    "normalize_angle",
    "overlap",
    "pairwise_overlap",
]
