"""Detection post-processing with custom C++ and CUDA operators for PyTorch.

Importing ptdet is light: its operators are registered at once if torch is already imported, else at the first use
of any public name, or by `ptdet.register()`.
"""

from __future__ import annotations

import sys
from importlib import import_module
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from . import nn, yolo
    from ._operators import backend, register
    from ._patch import Patch, patch
    from .batch import combined_nms, ragged_nms
    from .boxes import box_area, box_convert, clip_boxes_to_image, remove_small_boxes
    from .fusion import non_maximum_weighted, weighted_boxes_fusion
    from .greedy import and_nms, diou_nms, or_nms
    from .info import build_info
    from .losses import (
        alpha_iou_loss,
        box_iou_loss,
        complete_box_iou_loss,
        distance_box_iou_loss,
        efficient_iou_loss,
        focal_efficient_iou_loss,
        generalized_box_iou_loss,
        inner_iou_loss,
        mpd_iou_loss,
        normalized_wasserstein_loss,
        scylla_iou_loss,
        wise_iou_loss,
    )
    from .merge import cluster_nms, merge_nms
    from .merging import greedy_nmm, nmm
    from .norm import ChannelNormFunction, channel_norm
    from .overlaps import (
        bbox_iou,
        box_iof,
        box_ios,
        box_iou,
        complete_box_iou,
        distance_box_iou,
        generalized_box_iou,
        overlap,
        pairwise_overlap,
    )
    from .parallel import fast_nms, matrix_nms
    from .soft import soft_nms
    from .suppression import batched_nms, nms
    from .yolo import non_max_suppression

__version__ = "0.1.0"
__all__ = [
    "ChannelNormFunction",
    "Patch",
    "__version__",
    "alpha_iou_loss",
    "and_nms",
    "backend",
    "batched_nms",
    "bbox_iou",
    "box_area",
    "box_convert",
    "box_iof",
    "box_ios",
    "box_iou",
    "box_iou_loss",
    "build_info",
    "channel_norm",
    "clip_boxes_to_image",
    "cluster_nms",
    "combined_nms",
    "complete_box_iou",
    "complete_box_iou_loss",
    "diou_nms",
    "distance_box_iou",
    "distance_box_iou_loss",
    "efficient_iou_loss",
    "fast_nms",
    "focal_efficient_iou_loss",
    "generalized_box_iou",
    "generalized_box_iou_loss",
    "greedy_nmm",
    "inner_iou_loss",
    "matrix_nms",
    "merge_nms",
    "mpd_iou_loss",
    "nmm",
    "nms",
    "nn",
    "non_max_suppression",
    "non_maximum_weighted",
    "normalized_wasserstein_loss",
    "or_nms",
    "overlap",
    "pairwise_overlap",
    "patch",
    "ragged_nms",
    "register",
    "remove_small_boxes",
    "scylla_iou_loss",
    "soft_nms",
    "weighted_boxes_fusion",
    "wise_iou_loss",
    "yolo",
]

_HOMES = {
    "nms": "suppression",
    "batched_nms": "suppression",
    "backend": "_operators",
    "register": "_operators",
    "build_info": "info",
    "patch": "_patch",
    "Patch": "_patch",
    "numpy": "numpy",
    "bbox_iou": "overlaps",
    "box_iof": "overlaps",
    "box_ios": "overlaps",
    "box_iou": "overlaps",
    "complete_box_iou": "overlaps",
    "distance_box_iou": "overlaps",
    "generalized_box_iou": "overlaps",
    "overlap": "overlaps",
    "pairwise_overlap": "overlaps",
    "box_area": "boxes",
    "box_convert": "boxes",
    "clip_boxes_to_image": "boxes",
    "remove_small_boxes": "boxes",
    "alpha_iou_loss": "losses",
    "box_iou_loss": "losses",
    "complete_box_iou_loss": "losses",
    "distance_box_iou_loss": "losses",
    "efficient_iou_loss": "losses",
    "focal_efficient_iou_loss": "losses",
    "generalized_box_iou_loss": "losses",
    "inner_iou_loss": "losses",
    "mpd_iou_loss": "losses",
    "normalized_wasserstein_loss": "losses",
    "scylla_iou_loss": "losses",
    "wise_iou_loss": "losses",
    "channel_norm": "norm",
    "ChannelNormFunction": "norm",
    "nn": "nn",
    "yolo": "yolo",
    "non_max_suppression": "yolo",
    "combined_nms": "batch",
    "ragged_nms": "batch",
    "or_nms": "greedy",
    "diou_nms": "greedy",
    "and_nms": "greedy",
    "merge_nms": "merge",
    "cluster_nms": "merge",
    "soft_nms": "soft",
    "fast_nms": "parallel",
    "matrix_nms": "parallel",
    "greedy_nmm": "merging",
    "nmm": "merging",
    "weighted_boxes_fusion": "fusion",
    "non_maximum_weighted": "fusion",
}


def __getattr__(name: str) -> Any:
    if name not in _HOMES:
        raise AttributeError(f"module 'ptdet' has no attribute {name!r}")
    home = import_module(f".{_HOMES[name]}", __name__)
    globals()[name] = home if name == _HOMES[name] else getattr(home, name)
    return globals()[name]


def __dir__() -> list[str]:
    return __all__


if sys.modules.get("torch") is not None:
    import_module("._operators", __name__)
