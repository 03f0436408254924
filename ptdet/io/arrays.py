"""Files of arrays, .npz and .npy, loaded without running anything that they hold."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any, BinaryIO

import numpy as np

from .._shared.arrays import Array
from .content import predictions_of
from .predictions import FileProblem, Predictions, ReadOptions
from .roles import Words

ARCHIVE, ARRAY = b"PK", b"\x93NUMPY"  # how the files begin


def read_npz(path: Path, options: ReadOptions) -> list[Predictions]:
    """Named arrays; `meta_json`, `ratio`, `image_size_hw` and `offsets` are understood as tests/data/README.md says."""
    with path.open("rb") as file:
        return npz_in(file, path.stem, options)


def read_npy(path: Path, options: ReadOptions) -> list[Predictions]:
    """One array."""
    with path.open("rb") as file:
        return npy_in(file, path.stem, options)


def npz_in(file: BinaryIO, name: str, options: ReadOptions) -> list[Predictions]:
    """As `read_npz`, of an open file that can be searched."""
    _check_begin(file, ".npz", ARCHIVE, {ARRAY: "is no .npz archive but one array: name it .npy"})
    with np.load(file, allow_pickle=False) as stored:
        arrays = {key: _loaded(stored, key) for key in stored.files}
    meta = _meta(arrays.pop("meta_json", None))
    content = {key: _numbers_or_words(key, array) for key, array in arrays.items()}
    return predictions_of(name, content, meta, options)


def npy_in(file: BinaryIO, name: str, options: ReadOptions) -> list[Predictions]:
    """As `read_npy`, of an open file that can be searched."""
    _check_begin(file, ".npy", ARRAY, {ARCHIVE: "is no .npy array but an archive: name it .npz"})
    array = np.load(file, allow_pickle=False)
    if array.dtype.kind not in "fiub":
        raise FileProblem(f"array: expected numbers, got {array.dtype}")
    return predictions_of(name, plain("array", array), {}, options)


def plain(name: str, array: Array) -> Array:
    """In the machine's byte order, of a type that the readers know."""
    native = array.astype(array.dtype.newbyteorder("="), copy=False)
    if native.dtype == np.uint64 and bool((native >= 2**63).any()):
        raise FileProblem(f"{name}: expected numbers below 2**63")
    if native.dtype.kind == "u" and native.dtype.itemsize > 1:
        return native.astype(np.int64)
    return native.astype(np.float64) if native.dtype == np.longdouble else native


def _loaded(stored: Any, key: str) -> Array:
    try:
        array: Array = stored[key]
    except ValueError as error:
        if "allow_pickle" not in str(error):
            raise
        raise FileProblem(f"{key}: holds Python objects, which are not loaded: save numbers or text") from error
    return array


def _check_begin(file: BinaryIO, suffix: str, expected: bytes, others: dict[bytes, str]) -> None:
    """NumPy takes what begins otherwise for a pickle, and advises to load it as one."""
    begin = file.read(6)
    file.seek(0)
    for other, problem in others.items():
        if begin.startswith(other):
            raise FileProblem(problem)
    if not begin.startswith(expected):
        raise FileProblem(f"is no {suffix} file: it begins with {begin!r}")


def _meta(stored: Any) -> dict[str, Any]:
    if stored is None:
        return {}
    try:
        meta = json.loads(str(stored))
    except ValueError as error:
        raise FileProblem("meta_json: expected JSON") from error
    return meta if isinstance(meta, dict) else {}


def _numbers_or_words(name: str, array: Array) -> Array | Words:
    if array.dtype.kind in "fiub":
        return plain(name, array)
    words = tuple(map(str, array.astype(str).flatten().tolist())) if array.dtype.kind in "US" else ()
    return Words(words, tuple(array.shape), "string" if words else str(array.dtype))
