"""What a file says about its pictures besides boxes: their size and names, the unit, the classes."""

from __future__ import annotations

import re
from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Any

import numpy as np

from .predictions import FileProblem, ReadOptions
from .roles import Words, kind_of
from .space import Space

FACTS = ("ratio", "image_size_hw", "category_ids", "offsets")


@dataclass(frozen=True)
class Facts:
    """`fields` of Predictions, the rows of each picture where all lie one after the other, and what meta_json says."""

    fields: Mapping[str, Any]
    offsets: tuple[int, ...] | None = None
    image_ids: tuple[int | str, ...] | None = None
    meta: Mapping[str, Any] = field(default_factory=dict)

    def explain(self, name: str) -> bool:
        """Whether the file says itself what an array without a role is: nobody has to be told of it."""
        if name.startswith("exp_") and "expectations" in self.meta:
            return True
        return re.search(rf"\b{re.escape(name)}\b", str(self.meta)) is not None


def facts_of(
    values: Mapping[str, Any], roles: Mapping[str, str], meta: Mapping[str, Any], options: ReadOptions
) -> Facts:
    """From the arrays that say it, of which tests/data/README.md has examples, and from meta_json."""
    names = values.get(roles.get("names", ""), None)
    named = names.values if isinstance(names, Words) else meta.get("classes")
    classes = options.classes or (tuple(map(str, named)) if isinstance(named, (list, tuple)) else ())
    fields = {
        "classes": classes,
        "detector": str(meta.get("detector", "")),
        "space": options.space or _space(values, str(meta.get("layout", ""))),
        "picture_size": _size(values.get("image_size_hw")),
        "category_ids": _ids(values.get("category_ids")) or options.category_ids,
    }
    offsets = values.get("offsets")
    starts = tuple(offsets.flatten().astype(np.int64).tolist()) if isinstance(offsets, np.ndarray) else None
    ids = _image_ids(values.get(roles.get("image_id", "")))
    return Facts(fields, starts, _mixed_ids(meta.get("image_ids")) if ids is None else ids, meta)


def _mixed_ids(stored: Any) -> tuple[int | str, ...] | None:
    """Numbers and names, which no array holds side by side."""
    if not isinstance(stored, list) or not all(type(image_id) in (int, str) for image_id in stored):
        return None
    return tuple(stored)


def _image_ids(stored: Any) -> tuple[int | str, ...] | None:
    if stored is None:
        return None
    if isinstance(stored, Words) and stored.values:
        return stored.values
    if isinstance(stored, (int, str)) and not isinstance(stored, bool):
        return (stored,)
    if isinstance(stored, np.ndarray) and (stored.dtype in (np.int64, np.int32) or stored.size == 0):
        return tuple(stored.flatten().tolist())
    raise FileProblem(f"image_id: expected whole numbers or names, got {kind_of(stored)}")


def _space(values: Mapping[str, Any], said: str) -> Space:
    """From `ratio`, else from the sentence in meta_json that tells people the unit."""
    if "ratio" in values:
        stored = values["ratio"]
        ratio = stored.item() if isinstance(stored, np.ndarray) and stored.size == 1 else stored
        if not isinstance(ratio, (int, float)) or not 0 < ratio < float("inf"):
            raise FileProblem(f"ratio: expected one number above 0, got {kind_of(stored)}")
        return Space("ratio", ratio=float(ratio))
    if re.search(r"\bnormali[sz]ed\b", said, re.IGNORECASE):
        return Space("normalised")
    size = re.search(r"network pixels ([1-9]\d*)x([1-9]\d*)|([1-9]\d*)x([1-9]\d*) network pixels", said)
    return Space("stretched", (int(size[1] or size[3]), int(size[2] or size[4]))) if size else Space()


def _ids(stored: Any) -> tuple[int, ...]:
    return tuple(map(int, stored.flatten())) if isinstance(stored, np.ndarray) else ()


def _size(stored: Any) -> tuple[int, int] | None:
    """Width and height."""
    if stored is None:
        return None
    two = isinstance(stored, np.ndarray) and stored.shape == (2,)
    if not two or not bool(((stored > 0) & np.isfinite(stored)).all()):
        shown = stored.tolist() if isinstance(stored, np.ndarray) else kind_of(stored)
        raise FileProblem(f"image_size_hw: expected height and width, got {shown}")
    return int(stored[1]), int(stored[0])
