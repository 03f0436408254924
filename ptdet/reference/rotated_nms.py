"""The suppressions and the fusion of rotated boxes: those of axis-aligned ones, with another shape."""

from .box_fusion import wbf_walk
from .box_shape import of_rotated
from .matrix_nms import fast_nms_walk, matrix_nms_walk
from .merge_nms import merge_nms_walk
from .nmm import nmm_walk
from .nms import nms, nms_walk
from .nms_variants import adaptive_nms_walk, and_nms, and_nms_walk, diou_nms_walk
from .soft_nms import soft_nms_walk

__all__ = [
    "rotated_adaptive_nms_walk",
    "rotated_and_nms",
    "rotated_and_nms_walk",
    "rotated_diou_nms_walk",
    "rotated_fast_nms_walk",
    "rotated_matrix_nms_walk",
    "rotated_merge_nms_walk",
    "rotated_nmm_walk",
    "rotated_nms",
    "rotated_nms_walk",
    "rotated_soft_nms_walk",
    "rotated_wbf_walk",
]

rotated_nms = of_rotated(nms)
rotated_nms_walk = of_rotated(nms_walk)
rotated_diou_nms_walk = of_rotated(diou_nms_walk)
rotated_and_nms = of_rotated(and_nms)
rotated_and_nms_walk = of_rotated(and_nms_walk)
rotated_adaptive_nms_walk = of_rotated(adaptive_nms_walk)
rotated_soft_nms_walk = of_rotated(soft_nms_walk)
rotated_fast_nms_walk = of_rotated(fast_nms_walk)
rotated_matrix_nms_walk = of_rotated(matrix_nms_walk)
rotated_merge_nms_walk = of_rotated(merge_nms_walk)
rotated_nmm_walk = of_rotated(nmm_walk)
rotated_wbf_walk = of_rotated(wbf_walk)
