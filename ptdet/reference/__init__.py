"""The oracle: every operation in plain torch, reading like the formula.

Nothing here imports another part of ptdet or shares code with csrc, so that an error in one is seen by the other.
"""

from .channel_norm import channel_norm, channel_norm_backward
from .nms import nms, nms_walk
from .overlap import METRICS, finite_or_zero, overlap, raw_overlap
from .thresholds import exceeds

__all__ = ["METRICS", "exceeds", "finite_or_zero", "nms", "nms_walk", "overlap", "raw_overlap"]
__all__ += ["channel_norm", "channel_norm_backward"]
