"""The oracle: every operation in plain torch, reading like the formula.

Nothing here imports another part of ptdet or shares code with csrc, so that an error in one is seen by the other.
"""

from .channel_norm import channel_norm, channel_norm_backward
from .losses import box_loss, detached_factors
from .nms import nms, nms_walk
from .overlap import METRICS, finite_or_zero, overlap, raw_overlap
from .pairs import graded_box_loss, graded_box_loss_backward, pairwise_overlap, pairwise_overlap_backward
from .thresholds import exceeds

__all__ = [
    "METRICS",
    "box_loss",
    "channel_norm",
    "channel_norm_backward",
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
