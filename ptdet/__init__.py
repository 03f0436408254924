"""Detection post-processing with custom C++ and CUDA operators for PyTorch.

Importing ptdet is light: its operators are registered at once if torch is already imported, else at the first use
of any public name, or by `ptdet.register()`.
"""

from __future__ import annotations

import sys
from importlib import import_module
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from . import nn
    from ._operators import backend, register
    from .info import build_info
    from .norm import ChannelNormFunction, channel_norm
    from .suppression import batched_nms, nms

__version__ = "0.1.0"
__all__ = ["__version__", "backend", "batched_nms", "build_info", "nms", "register"]
__all__ += ["ChannelNormFunction", "channel_norm", "nn"]

_HOMES = {
    "nms": "suppression",
    "batched_nms": "suppression",
    "backend": "_operators",
    "register": "_operators",
    "build_info": "info",
    "channel_norm": "norm",
    "ChannelNormFunction": "norm",
}
_MODULES = ("nn",)


def __getattr__(name: str) -> Any:
    if name in _MODULES:
        return import_module(f".{name}", __name__)
    if name not in _HOMES:
        raise AttributeError(f"module 'ptdet' has no attribute {name!r}")
    home = import_module(f".{_HOMES[name]}", __name__)
    globals()[name] = getattr(home, name)
    return globals()[name]


def __dir__() -> list[str]:
    return __all__


if "torch" in sys.modules:
    import_module("._operators", __name__)
