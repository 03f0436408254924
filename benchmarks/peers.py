"""The libraries that ptdet is compared with. Each is optional: one that is absent is left out, and listed."""

from __future__ import annotations

import importlib
import importlib.util
import os
import tempfile
import warnings
from dataclasses import dataclass
from functools import cache
from typing import Any

import torch
from torch import Tensor


@dataclass(frozen=True)
class Peer:
    """A library: the module to import, and the package to install."""

    module: str
    package: str


PEERS = {
    "torchvision": Peer("torchvision", "torchvision"),
    "lsnms": Peer("lsnms", "lsnms"),
    "powerboxes": Peer("powerboxes", "powerboxes"),
    "shapely": Peer("shapely", "shapely"),
    "onnxruntime": Peer("onnxruntime", "onnxruntime"),
    "opencv": Peer("cv2", "opencv-python-headless"),
    "ensemble-boxes": Peer("ensemble_boxes", "ensemble-boxes"),
    "fastbbox": Peer("fastbbox", "fastbbox"),
    "ultralytics": Peer("ultralytics", "ultralytics"),
    "supervision": Peer("supervision", "supervision"),
    "sahi": Peer("sahi", "sahi"),
    "effdet": Peer("effdet", "effdet"),
    "hotcoco": Peer("hotcoco", "hotcoco"),
    "faster-coco-eval": Peer("faster_coco_eval", "faster-coco-eval"),
    "pycocotools": Peer("pycocotools", "pycocotools"),
}

_wanted: frozenset[str] = frozenset(PEERS)
_why_absent: dict[str, str] = {}


def choose(names: list[str]) -> None:
    """Leaves out all peers but these."""
    unknown = sorted(set(names) - set(PEERS))
    if unknown:
        raise ValueError(f"--peers {','.join(unknown)}: expected some of {', '.join(PEERS)}, all or none")
    global _wanted
    _wanted = frozenset(names)


def find(name: str) -> Any:
    """The module of a peer; None if it is not installed, cannot be imported, or was not asked for."""
    return _load(name) if name in _wanted else None


def part(name: str, module: str) -> Any:
    """A submodule of a peer, as `find`."""
    return _load(name, module) if find(name) else None


def takes_arrays(boxes: Tensor) -> bool:
    """Whether peers that take NumPy arrays of full precision can be given these."""
    on_cpu = not boxes.is_cuda and boxes.dtype in (torch.float32, torch.float64)
    return on_cpu and importlib.util.find_spec("numpy") is not None


def absent() -> dict[str, str]:
    """Why each of the peers that were asked for is left out."""
    return {name: _why_absent[name] for name in PEERS if name in _wanted and (not find(name) or name in _why_absent)}


@cache
def _load(name: str, inside: str = "") -> Any:
    os.environ.setdefault("YOLO_CONFIG_DIR", tempfile.gettempdir())  # ultralytics writes its settings when imported
    try:
        with warnings.catch_warnings():
            warnings.simplefilter("ignore")  # of the peer
            return importlib.import_module(".".join(filter(None, [PEERS[name].module, inside])))
    except Exception as error:  # a peer built for another NumPy or torch may raise anything
        missing = isinstance(error, ModuleNotFoundError) and error.name == PEERS[name].module
        said = (str(error).splitlines() or [""])[0]
        _why_absent[name] = "not installed" if missing else f"does not import: {type(error).__name__}: {said}"
        return None


def same_threads() -> None:
    """Gives the peers with a thread pool of their own as many threads as torch has."""
    if cv2 := find("opencv"):
        cv2.setNumThreads(torch.get_num_threads())
