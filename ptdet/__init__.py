"""Detection post-processing with custom C++ and CUDA operators for PyTorch.

Importing ptdet is light: its operators are registered at once if torch is already imported, else at the first use
of any public name, or by `ptdet.register()`.
"""

from __future__ import annotations

import sys
from importlib import import_module
from typing import Any

from ._shared.methods import METHODS

__version__ = "0.1.0"
# What is public: by module the names that stand in ptdet itself, and the modules, all loaded at first use; the methods'
# functions besides. __init__.pyi says the same to editors and type checkers.
_NAMES = {
    "_library.register": ("backend", "register"),
    "_shared.config": ("load_config",),
    "evaluation": ("evaluate",),
    "info": ("build_info",),
    "integrations._patch": ("Patch", "patch"),
    "ops.batch": ("combined_nms", "ragged_nms"),
    "ops.boxes": ("box_area", "box_convert", "clip_boxes_to_image", "remove_small_boxes"),
    "ops.channel_norm": ("ChannelNormFunction", "channel_norm"),
    "ops.decode": ("decode_ssd", "decode_yolox", "prior_boxes"),
    "ops.letterbox": ("Letterbox", "letterbox", "unletterbox"),
    "ops.losses": (
        "alpha_iou_loss",
        "box_iou_loss",
        "complete_box_iou_loss",
        "distance_box_iou_loss",
        "efficient_iou_loss",
        "focal_efficient_iou_loss",
        "generalized_box_iou_loss",
        "inner_iou_loss",
        "mpd_iou_loss",
        "normalized_wasserstein_loss",
        "scylla_iou_loss",
        "wise_iou_loss",
    ),
    "ops.nms": ("batched_nms",),
    "ops.overlap": (
        "bbox_iou",
        "box_iof",
        "box_ios",
        "box_iou",
        "complete_box_iou",
        "distance_box_iou",
        "generalized_box_iou",
        "overlap",
        "pairwise_overlap",
    ),
    "ops.tiles": ("merge_tiles",),
    "tuning": ("tune",),
    "yolo": ("non_max_suppression",),
}
_MODULES = (
    "compat",
    "evaluation",
    "integrations",
    "io",
    "nn",
    "numpy",
    "onnx",
    "ray",
    "reference",
    "rotated",
    "testing",
    "tuning",
    "yolo",
)
_HOMES = {
    **{name: module for module, names in _NAMES.items() for name in names},
    **{method.function: f"ops.{method.stem}" for method in METHODS.values()},
    **{name: name for name in _MODULES},
}
__all__ = sorted(["__version__", *_HOMES])


def __getattr__(name: str) -> Any:
    if name not in _HOMES:
        raise AttributeError(f"module 'ptdet' has no attribute {name!r}")
    try:
        home = import_module(f".{_HOMES[name]}", __name__)
    except ModuleNotFoundError as error:
        if error.name != "torch":
            raise
        raise ImportError(
            f"ptdet.{name} needs torch: install torch, then ptdet again; ptdet.numpy does without"
        ) from None
    globals()[name] = home if name in _MODULES else getattr(home, name)
    return globals()[name]


def __dir__() -> list[str]:
    return __all__


if sys.modules.get("torch") is not None:
    import_module("._library.register", __name__)
