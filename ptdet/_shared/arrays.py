"""How arrays are written in signatures, and the type they are computed in."""

from __future__ import annotations

from typing import Any, TypeAlias

import numpy as np
from numpy.typing import NDArray

Array: TypeAlias = NDArray[Any]
Indices: TypeAlias = NDArray[np.int64]


def is_floating(dtype: np.dtype[Any]) -> bool:
    """One of the types that boxes and scores may have, of any byte order."""
    return dtype.kind == "f" and dtype.itemsize in (2, 4, 8) or str(dtype) == "bfloat16"


def silent() -> np.errstate:
    """For arithmetic on numbers of a stranger, infinite or so large that they overflow: NumPy warns of neither."""
    return np.errstate(over="ignore", invalid="ignore")


def computable(name: str, array: Any) -> Array:
    """In float64 or float32, of the machine's byte order."""
    if not isinstance(array, np.ndarray):
        raise TypeError(f"{name}: expected a numpy.ndarray, got {type(array).__name__}")
    dtype = array.dtype.newbyteorder("=")
    if dtype not in (np.float64, np.float32, np.float16) and dtype.name != "bfloat16":
        raise TypeError(f"{name}: expected float64, float32, float16 or bfloat16, got {array.dtype}")
    return np.asarray(array).astype(np.float64 if dtype == np.float64 else np.float32, copy=False)
