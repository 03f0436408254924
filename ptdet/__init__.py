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
    from .info import build_info
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
