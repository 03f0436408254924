"""NMS of NumPy arrays by ptdet.numpy, beside the peers that take arrays; nothing where ptdet.numpy is not built."""

from __future__ import annotations

import importlib
from collections.abc import Iterator
from functools import partial
from typing import Any

import torch

from ..cases import OURS, Bout, Contender, Group, Options, Series
from .nms import THRESHOLD
from .nms_peers import plain_peers
from .scenes import SCENES

SIZES = (10, 100, 1000, 10_000, 100_000)
OF_TENSORS = ("torchvision", "ultralytics")


def of_arrays() -> Any:
    """ptdet.numpy on as many threads as torch; None where it is not built."""
    try:
        home = importlib.import_module("ptdet.numpy")
    except ImportError:
        return None
    home.set_num_threads(torch.get_num_threads())
    return home


def series(options: Options) -> Iterator[Series]:
    home = of_arrays()
    if home is None:
        return
    sort = importlib.import_module("numpy").argsort
    for scene in ("clustered", "scattered"):
        build = partial(_bout, home, sort, scene)
        yield Series("numpy", scene, options.sizes_of(SIZES), build, dtype="float64")


def _bout(home: Any, sort: Any, scene: str, n: int) -> Bout:
    boxes, scores = (one.double() for one in SCENES[scene](n))
    numbers, weights = boxes.numpy(), scores.numpy()
    peers = [one for one in plain_peers(boxes, scores, THRESHOLD) if one.library not in OF_TENSORS]
    ours = Contender(OURS, lambda: home.nms(numbers, weights, THRESHOLD))
    return Bout([ours, *peers], lambda: sort(weights))


GROUP = Group(
    "numpy",
    "ptdet.numpy: hard NMS of NumPy arrays at threshold 0.5, without torch",
    "numpy.argsort of the scores",
    series,
)
