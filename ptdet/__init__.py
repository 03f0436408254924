"""Detection post-processing with custom C++ and CUDA operators for PyTorch.

Importing ptdet is light: its operators are registered at once if torch is already imported, else at the first use
of any public name, or by `ptdet.register()`.
"""

from __future__ import annotations

import sys
from importlib import import_module
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from ._operators import backend, register
    from .info import build_info
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
    from .suppression import batched_nms, nms

__version__ = "0.1.0"
__all__ = [
    "__version__",
    "backend",
    "batched_nms",
    "bbox_iou",
    "box_iof",
    "box_ios",
    "box_iou",
    "build_info",
    "complete_box_iou",
    "distance_box_iou",
    "generalized_box_iou",
    "nms",
    "overlap",
    "pairwise_overlap",
    "register",
]

_HOMES = {
    "nms": "suppression",
    "batched_nms": "suppression",
    "backend": "_operators",
    "register": "_operators",
    "build_info": "info",
    "bbox_iou": "overlaps",
    "box_iof": "overlaps",
    "box_ios": "overlaps",
    "box_iou": "overlaps",
    "complete_box_iou": "overlaps",
    "distance_box_iou": "overlaps",
    "generalized_box_iou": "overlaps",
    "overlap": "overlaps",
    "pairwise_overlap": "overlaps",
}


def __getattr__(name: str) -> Any:
    if name not in _HOMES:
        raise AttributeError(f"module 'ptdet' has no attribute {name!r}")
    home = import_module(f".{_HOMES[name]}", __name__)
    globals()[name] = getattr(home, name)
    return globals()[name]


def __dir__() -> list[str]:
    return __all__


if "torch" in sys.modules:
    import_module("._operators", __name__)
