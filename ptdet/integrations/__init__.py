"""Adapters with the names, signatures and results of other packages, which need not be installed.

docs/switching.md says for each what the line to change is and what differs.
"""

from importlib import import_module
from types import ModuleType

__all__ = ["detectron2", "ensemble_boxes", "mmcv", "supervision", "torchvision", "ultralytics"]


def __getattr__(name: str) -> ModuleType:
    if name not in __all__:
        raise AttributeError(f"module 'ptdet.integrations' has no attribute {name!r}")
    return import_module(f".{name}", __name__)


def __dir__() -> list[str]:
    return __all__
