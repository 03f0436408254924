"""The oracle: every operation in plain torch, reading like the formula.

Nothing here imports another part of ptdet or shares code with csrc, so that an error in one is seen by the other.
"""

from .losses import box_loss, detached_factors
from .nms import nms, nms_walk
from .overlap import METRICS, finite_or_zero, overlap, raw_overlap
from .pairs import graded_box_loss, graded_box_loss_backward, pairwise_overlap, pairwise_overlap_backward
from .thresholds import exceeds

__all__ = [
    "METRICS",
    "box_loss",
    "detached_factors",
    "exceeds",
    "finite_or_zero",
    "graded_box_loss",
    "graded_box_loss_backward",
    "nms",
    "nms_walk",
    "overlap",
    "pairwise_overlap",
    "pairwise_overlap_backward",
    "raw_overlap",
]
from .fusion import wbf_walk
from .image_slots import image_slots
from .merge import merge_nms, merge_nms_walk
from .nms import decreasing
from .overlap import computed
from .readings import and_nms, and_nms_walk, diou_nms_walk
from .soft import soft_nms_walk
from .thresholds import above
from .yolo import non_max_suppression, yolo_filter

__all__ = ["METRICS", "exceeds", "finite_or_zero", "nms", "nms_walk", "overlap", "raw_overlap"]
__all__ += ["and_nms", "and_nms_walk", "diou_nms_walk", "merge_nms", "merge_nms_walk", "soft_nms_walk", "wbf_walk"]
__all__ += ["above", "computed", "decreasing"]
__all__ += ["image_slots", "non_max_suppression", "yolo_filter"]
