"""The oracle: every operation in plain torch, reading like the formula.

Nothing here imports another part of ptdet or shares code with csrc, so that an error in one is seen by the other.
"""

from .image_slots import image_slots
from .nms import nms, nms_walk
from .overlap import METRICS, finite_or_zero, overlap, raw_overlap
from .thresholds import exceeds
from .yolo import non_max_suppression, yolo_filter

__all__ = [
    "METRICS",
    "exceeds",
    "finite_or_zero",
    "nms",
    "nms_walk",
    "overlap",
    "raw_overlap",
    "non_max_suppression",
    "yolo_filter",
    "image_slots",
]
