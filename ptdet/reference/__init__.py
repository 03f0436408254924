"""The oracle: every operation in plain torch, reading like the formula.

Nothing here imports another part of ptdet or shares code with csrc, so that an error in one is seen by the other.
"""

from .fusion import wbf_walk
from .image_slots import image_slots
from .merge import merge_nms, merge_nms_walk
from .nms import decreasing, nms, nms_walk
from .overlap import METRICS, computed, finite_or_zero, overlap, raw_overlap
from .readings import and_nms, and_nms_walk, diou_nms_walk
from .soft import soft_nms_walk
from .thresholds import above, exceeds
from .yolo import non_max_suppression, yolo_filter

__all__ = ["METRICS", "exceeds", "finite_or_zero", "nms", "nms_walk", "overlap", "raw_overlap"]
__all__ += ["and_nms", "and_nms_walk", "diou_nms_walk", "merge_nms", "merge_nms_walk", "soft_nms_walk", "wbf_walk"]
__all__ += ["above", "computed", "decreasing"]
__all__ += ["image_slots", "non_max_suppression", "yolo_filter"]
