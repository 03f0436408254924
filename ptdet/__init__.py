"""Detection post-processing with custom C++ and CUDA operators for PyTorch.

Importing ptdet is light: its operators are registered at once if torch is already imported, else at the first use
of any public name, or by `ptdet.register()`.
"""

from __future__ import annotations

import sys
from importlib import import_module
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from . import yolo
    from ._operators import backend, register
    from .batch import combined_nms, ragged_nms
    from .fusion import non_maximum_weighted, weighted_boxes_fusion
    from .greedy import and_nms, diou_nms, or_nms
    from .info import build_info
    from .merge import cluster_nms, merge_nms
    from .merging import greedy_nmm, nmm
    from .parallel import fast_nms, matrix_nms
    from .soft import soft_nms
    from .suppression import batched_nms, nms
    from .yolo import non_max_suppression

__version__ = "0.1.0"
__all__ = [
    "__version__",
    "backend",
    "batched_nms",
    "build_info",
    "nms",
    "register",
    "non_max_suppression",
    "yolo",
    "combined_nms",
    "ragged_nms",
]

_HOMES = {
    "nms": "suppression",
    "batched_nms": "suppression",
    "backend": "_operators",
    "register": "_operators",
    "build_info": "info",
    "non_max_suppression": "yolo",
    "yolo": "yolo",
    "combined_nms": "batch",
    "ragged_nms": "batch",
}

_HOMES |= {
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
__all__ += [
    "or_nms", "diou_nms", "and_nms", "merge_nms", "cluster_nms", "soft_nms", "weighted_boxes_fusion",
    "non_maximum_weighted", "fast_nms", "matrix_nms", "greedy_nmm", "nmm",
]  # fmt: skip


def __getattr__(name: str) -> Any:
    if name not in _HOMES:
        raise AttributeError(f"module 'ptdet' has no attribute {name!r}")
    home = import_module(f".{_HOMES[name]}", __name__)
    globals()[name] = getattr(home, name, home)  # a name may be that of its module
    return globals()[name]


def __dir__() -> list[str]:
    return __all__


if "torch" in sys.modules:
    import_module("._operators", __name__)
