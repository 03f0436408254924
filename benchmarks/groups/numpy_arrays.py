"""NMS of NumPy arrays by ptdet.numpy and by the peers that take arrays; empty where ptdet.numpy is not built."""

from __future__ import annotations

import importlib
from collections.abc import Iterator
from functools import partial
from typing import Any

import torch

from ..cases import OURS, Case, Contender, Group, Options, Series
from .nms import THRESHOLD
from .nms_peers import plain_peers
from .scenes import SCENES

SIZES = (10, 100, 1000, 10_000, 100_000)
OF_TENSORS = ("torchvision", "ultralytics")


def of_arrays() -> Any:
    """ptdet.numpy with as many threads as torch; None where it is not built."""
    try:
        arrays = importlib.import_module("ptdet.numpy")
    except ImportError:
        return None
    arrays.set_num_threads(torch.get_num_threads())
    return arrays


def series(options: Options) -> Iterator[Series]:
    arrays = of_arrays()
    if arrays is None:
        return
    sort = importlib.import_module("numpy").argsort
    for scene in ("clustered", "scattered"):
        build = partial(_case, arrays, sort, scene)
        yield Series("numpy", scene, options.sizes_of(SIZES), build, dtype="float64")


def _case(arrays: Any, sort: Any, scene: str, n: int) -> Case:
    boxes, scores = (one.double() for one in SCENES[scene](n))
    numbers, weights = boxes.numpy(), scores.numpy()
    peers = [one for one in plain_peers(boxes, scores, THRESHOLD) if one.library not in OF_TENSORS]
    ours = Contender(OURS, lambda: arrays.nms(numbers, weights, THRESHOLD))
    return Case([ours, *peers], lambda: sort(weights))


GROUP = Group(
    "numpy",
    "ptdet.numpy: hard NMS of NumPy arrays at threshold 0.5, without torch",
    "numpy.argsort of the scores",
    series,
)
