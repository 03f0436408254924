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
    from ._patch import Patch, patch
    from .info import build_info
    from .suppression import batched_nms, nms

__version__ = "0.1.0"
__all__ = ["Patch", "__version__", "backend", "batched_nms", "build_info", "nms", "patch", "register"]

_HOMES = {
    "nms": "suppression",
    "batched_nms": "suppression",
    "backend": "_operators",
    "register": "_operators",
    "build_info": "info",
    "patch": "_patch",
    "Patch": "_patch",
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
