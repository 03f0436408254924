"""What was read, as a number that tells whether it is still the same: of a record, or of a file."""

from __future__ import annotations

import hashlib
from dataclasses import fields
from pathlib import Path

import numpy as np

from .._shared.dataset import Detections, Truth

SAID = ("notes", "numbered", "image_names", "image_sizes")  # do not change what is computed


def of_record(record: Detections | Truth) -> str:
    """SHA-256 of boxes, classes, pictures and their names, whatever format they were read from."""
    digest = hashlib.sha256()
    for each in fields(record):
        value = getattr(record, each.name)
        if each.name in SAID:
            continue
        digest.update(f"{each.name} {type(value).__name__}\0".encode())
        if isinstance(value, np.ndarray):
            digest.update(f"{value.dtype.str} {value.shape}\0".encode())
            digest.update(np.ascontiguousarray(value).tobytes())
        else:
            digest.update(f"{value!r}\0".encode())
    return digest.hexdigest()


def of_file(path: Path) -> str:
    """SHA-256 of the bytes."""
    with path.open("rb") as file:
        digest = hashlib.sha256()
        while piece := file.read(1 << 20):
            digest.update(piece)
    return digest.hexdigest()
