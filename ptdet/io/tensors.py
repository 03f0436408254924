"""Files of tensors, .pt and .pth, loaded without running anything that they hold: all of ptdet.io that needs torch."""

from __future__ import annotations

import warnings
from pathlib import Path
from typing import Any

import numpy as np
import torch

from .._shared.arrays import Array
from .arrays import plain
from .coco import of_records, records_in
from .content import predictions_of
from .predictions import FileProblem, Predictions, ReadOptions
from .roles import Words

FLOATS_OF_NUMPY = (torch.float16, torch.float32, torch.float64)


def read_pt(path: Path, options: ReadOptions) -> list[Predictions]:
    """A tensor, a dict of named ones, or a list of either, as detectors return them."""
    try:
        with warnings.catch_warnings():
            warnings.simplefilter("ignore")  # torch on its own old formats: nothing the reader could act on
            stored = torch.load(path, weights_only=True, map_location="cpu")
    except Exception as error:  # whatever the unpickler meets in a foreign file
        raise FileProblem("does not load as tensors, or lists and dicts of them (weights_only=True)") from error
    records = records_in(stored)
    if records is not None:
        return of_records(records, options)
    return predictions_of(path.stem, _content("tensor", stored), {}, options)


def _content(name: str, stored: Any) -> Any:
    """What a .pt file holds, in arrays; a list of numbers is an array, a list of words are Words."""
    if isinstance(stored, torch.Tensor):
        return _array(name, stored)
    if isinstance(stored, dict):
        return {str(key): _content(str(key), value) for key, value in stored.items()}
    if isinstance(stored, (list, tuple)):
        if stored and all(isinstance(each, str) for each in stored):
            return Words(tuple(stored), (len(stored),))
        numbers = _numbers(stored)
        if numbers is not None:
            return numbers
        return [_content(f"{name} {place}", each) for place, each in enumerate(stored)]
    return stored


def _numbers(stored: Any) -> Array | None:
    """A list of numbers, or of lists of numbers that are equally long, as one array."""
    if not stored or not _are_numbers(stored):
        return None
    try:
        array = np.array(stored)
    except ValueError:  # lists of several lengths: those of several pictures
        return None
    return array if array.size and array.dtype in (np.int64, np.float64) else None


def _are_numbers(stored: Any) -> bool:
    """Whether all in these lists are numbers."""
    if isinstance(stored, (list, tuple)):
        return all(map(_are_numbers, stored))
    return type(stored) in (int, float)


def _array(name: str, tensor: torch.Tensor) -> Array:
    """Its numbers, without history; bfloat16 and the types of 8 bits, which NumPy lacks, in float32."""
    if tensor.layout != torch.strided or tensor.is_quantized or tensor.is_nested:
        raise FileProblem(f"{name}: expected a dense tensor of numbers, got a {tensor.layout} one of {tensor.dtype}")
    if tensor.is_floating_point() and tensor.dtype not in FLOATS_OF_NUMPY:
        tensor = tensor.float()
    return plain(name, tensor.numpy(force=True))
