"""ptdet for NumPy arrays: the same names, kernels and results as the operators for tensors, and torch is not needed.

For those who run detectors with onnxruntime, OpenCV, OpenVINO or TFLite. Arrays are float64, float32, float16 (or
ml_dtypes' bfloat16) in any strides and byte order; nothing edits its inputs, and the GIL is released. Bad input
raises TypeError or ValueError that name the argument, what was expected and what came.
"""

from .._shared.letterbox import Letterbox
from . import _nms_variants, rotated as rotated
from ._box_fusion import non_maximum_weighted, weighted_boxes_fusion
from ._decode import decode_ssd, decode_yolox, prior_boxes
from ._letterbox import letterbox, unletterbox
from ._matrix_nms import fast_nms, matrix_nms
from ._merge_nms import cluster_nms, merge_nms
from ._native import get_num_threads, set_num_threads
from ._nmm import greedy_nmm, nmm
from ._nms import batched_nms, nms
from ._nms_variants import *
from ._overlap import (
    box_iof,
    box_ios,
    box_iou,
    complete_box_iou,
    distance_box_iou,
    generalized_box_iou,
    pairwise_overlap,
)
from ._soft_nms import soft_nms
from ._tiles import merge_tiles
from ._yolo import non_max_suppression, postprocess

__all__ = [
    "Letterbox",
    "batched_nms",
    "box_iof",
    "box_ios",
    "box_iou",
    "cluster_nms",
    "complete_box_iou",
    "decode_ssd",
    "decode_yolox",
    "distance_box_iou",
    "fast_nms",
    "generalized_box_iou",
    "get_num_threads",
    "greedy_nmm",
    "letterbox",
    "matrix_nms",
    "merge_nms",
    "merge_tiles",
    "nmm",
    "nms",
    "non_max_suppression",
    "non_maximum_weighted",
    "pairwise_overlap",
    "postprocess",
    "prior_boxes",
    "set_num_threads",
    "soft_nms",
    "unletterbox",
    "weighted_boxes_fusion",
]
__all__ += _nms_variants.__all__
