"""The suppressions of rotated boxes: those of axis-aligned ones, with another shape."""

from .box_shape import of_rotated
from .matrix_nms import fast_nms_walk, matrix_nms_walk
from .nms import nms, nms_walk
from .nms_variants import adaptive_nms_walk, and_nms, and_nms_walk
from .soft_nms import soft_nms_walk

__all__ = [
    "rotated_adaptive_nms_walk",
    "rotated_and_nms",
    "rotated_and_nms_walk",
    "rotated_fast_nms_walk",
    "rotated_matrix_nms_walk",
    "rotated_nms",
    "rotated_nms_walk",
    "rotated_soft_nms_walk",
]

rotated_nms = of_rotated(nms)
rotated_nms_walk = of_rotated(nms_walk)
rotated_and_nms = of_rotated(and_nms)
rotated_and_nms_walk = of_rotated(and_nms_walk)
rotated_adaptive_nms_walk = of_rotated(adaptive_nms_walk)
rotated_soft_nms_walk = of_rotated(soft_nms_walk)
rotated_fast_nms_walk = of_rotated(fast_nms_walk)
rotated_matrix_nms_walk = of_rotated(matrix_nms_walk)
