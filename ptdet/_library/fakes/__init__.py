"""Shapes and dtypes without data: one function an operator, by its name; most follow from the schema."""

from collections.abc import Callable
from typing import Any

from ..signatures import SIGNATURES
from . import batch, channel_norm, overlap, rotated_overlap, yolo
from .derived import derived, is_derived

FAKES: dict[str, Callable[..., Any]] = {
    **{name: derived(signature) for name, signature in SIGNATURES.items() if is_derived(signature)},
    **{
        name: getattr(module, name)
        for module in (batch, channel_norm, overlap, rotated_overlap, yolo)
        for name in SIGNATURES
        if hasattr(module, name)
    },
}
