"""Files of arrays: .npz, .npy and .pt, loaded without running anything that they hold."""

from __future__ import annotations

import json
import warnings
from pathlib import Path
from typing import Any

import torch
from torch import Tensor

from .coco import of_records, records_in
from .content import predictions_of
from .predictions import FileProblem, Predictions, ReadOptions
from .roles import Words


def read_npz(path: Path, options: ReadOptions) -> list[Predictions]:
    """Named arrays; `meta_json`, `ratio`, `image_size_hw` and `offsets` are understood as tests/data/README.md says."""
    _not_a(path, b"\x93NUMPY", "is no .npz archive but one array: name it .npy")
    with path.open("rb") as file, _numpy().load(file, allow_pickle=False) as stored:
        arrays = {name: stored[name] for name in stored.files}
    meta = _meta(arrays.pop("meta_json", None))
    return predictions_of(path.stem, {name: _array(name, array) for name, array in arrays.items()}, meta, options)


def read_npy(path: Path, options: ReadOptions) -> list[Predictions]:
    """One tensor."""
    _not_a(path, b"PK", "is no .npy array but an archive: name it .npz")
    array = _numpy().load(path, allow_pickle=False)
    if array.dtype.kind not in "fiub":
        raise FileProblem(f"array: expected numbers, got {array.dtype}")
    return predictions_of(path.stem, _array("array", array), {}, options)


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
    """What a .pt file holds, in plain tensors; a list of numbers is a tensor, a list of words are Words."""
    if isinstance(stored, Tensor):
        return _plain(name, stored)
    if isinstance(stored, dict):
        return {str(key): _content(str(key), value) for key, value in stored.items()}
    if isinstance(stored, (list, tuple)):
        if stored and all(isinstance(each, str) for each in stored):
            return Words(tuple(stored), (len(stored),))
        if stored and all(type(each) in (int, float) for each in stored):
            return torch.tensor(stored, dtype=torch.float64 if float in map(type, stored) else torch.int64)
        return [_content(f"{name} {place}", each) for place, each in enumerate(stored)]
    return stored


def _plain(name: str, tensor: Tensor) -> Tensor:
    """A strided tensor without history, of a type that torch can compute with."""
    if tensor.layout != torch.strided or tensor.is_quantized or tensor.is_nested:
        raise FileProblem(f"{name}: expected a dense tensor of numbers, got a {tensor.layout} one of {tensor.dtype}")
    if tensor.dtype == torch.uint64 and bool((tensor.view(torch.int64) < 0).any()):
        raise FileProblem(f"{name}: expected numbers below 2**63")
    return tensor.detach().long() if tensor.dtype in (torch.uint16, torch.uint32, torch.uint64) else tensor.detach()


def _not_a(path: Path, magic: bytes, problem: str) -> None:
    with path.open("rb") as file:
        if file.read(len(magic)) == magic:
            raise FileProblem(problem)


def _meta(stored: Any) -> dict[str, Any]:
    if stored is None:
        return {}
    try:
        meta = json.loads(str(stored))
    except ValueError as error:
        raise FileProblem("meta_json: expected JSON") from error
    return meta if isinstance(meta, dict) else {}


def _array(name: str, array: Any) -> Tensor | Words:
    """A tensor of its own memory order; torch takes neither foreign byte order nor negative strides."""
    numpy = _numpy()
    if array.dtype.kind not in "fiub":
        words = tuple(map(str, array.astype(str).flatten().tolist())) if array.dtype.kind in "US" else ()
        return Words(words, tuple(array.shape), "string" if words else str(array.dtype))
    native = array.astype(array.dtype.newbyteorder("="), copy=False)
    if native.dtype.itemsize > 8:
        native = native.astype(numpy.float64)
    return _plain(name, torch.from_numpy(numpy.ascontiguousarray(native).reshape(native.shape)))


def _numpy() -> Any:
    try:
        import numpy
    except ImportError as error:
        raise FileProblem("needs NumPy to be read or written: pip install numpy") from error
    return numpy
