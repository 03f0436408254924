"""What the columns of a row say: the words of a layout, the places they take in a row, and how such rows are read.

A row that contradicts its layout (corners out of order, half a class number) is odd: it is left out and named, and a
layout with more than a few odd rows is not the file's.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass

import numpy as np

from .._shared.arrays import Array
from .._shared.elementary import sigmoid
from .corners import BOX_FORMS, no_box
from .scored import Scored, beyond_probability, is_padding

BOXES = {"x1 y1 x2 y2": "xyxy", "cx cy w h": "cxcywh"}
BEYOND, NO_CLASS = "a score outside 0..1", "no whole class number"


@dataclass(frozen=True)
class Columns:
    """The places of a row that is so many numbers wide."""

    box: slice
    box_form: str
    places: Mapping[str, slice]  # the other words of the layout

    @property
    def extra(self) -> int:
        """How many numbers a row has besides those that are understood."""
        rest = self.places.get("extra", slice(0, 0))
        return int(rest.stop - rest.start)


def columns_of(words: str, width: int, class_count: int | None) -> Columns | None:
    """The places of `words` in rows of `width` numbers; None where they have no room.

    `scores` are `class_count` places, or all that are left; `extra` is what is left then, and may be nothing. An
    `angle` makes the box a rotated one.
    """
    text = next(text for text in BOXES if text in words)
    places: dict[str, slice] = {}
    at = 0
    for word in words.replace(text, "box").split():
        if word == "extra":
            size = width - at
        elif word == "scores":
            size = width - at - words.endswith("scores angle") if class_count is None else class_count
        else:
            size = 4 if word == "box" else 1
        if size < (word != "extra"):
            return None
        places[word] = slice(at, at + size)
        at += size
    return Columns(places.pop("box"), BOXES[text], places) if at == width else None


def _whole(values: Array) -> Array:
    """Numbers of something: whole, not negative."""
    whole: Array = values == np.rint(values)
    return whole & (values >= 0) & (values < 2**31)


# What else a word allows: the reason that is given otherwise, and which values are odd.
ODD: dict[str, tuple[str, Callable[[Array], Array]]] = {
    "class": (NO_CLASS, lambda values: ~_whole(values)),
    "picture": ("no whole picture number", lambda values: ~_whole(values)),
    "track": ("no whole track number", lambda values: ~_whole(values)),
    "angle": ("an angle of more than a turn", lambda values: np.abs(values) > 6.3),
}


def padding_of(rows: Array, columns: Columns) -> Array:
    """Which rows (..., W) only fill the array up: all 0, all -1, class -1 with no score, picture -1."""
    padding = is_padding(rows)
    if "picture" in columns.places:
        padding |= (rows[..., columns.places["picture"]] == -1).all(-1)
    if "class" in columns.places and "score" in columns.places:
        none = (rows[..., columns.places["class"]] == -1) & (rows[..., columns.places["score"]] <= 0)
        padding |= none.all(-1)
    return padding


def examined(rows: Array, columns: Columns, logits: str) -> tuple[dict[str, Array], Array]:
    """Why a row cannot be of this layout -> which of (..., W) are so; and which are finite where it matters."""
    why, mask = no_box(rows[..., columns.box], columns.box_form)
    odd = {why: mask}
    finite = np.all(np.isfinite(rows[..., columns.box]), -1)
    for word, place in columns.places.items():
        if word == "extra":
            continue
        values = rows[..., place]
        low, high = values.min(-1), values.max(-1)  # NaN comes through
        finite &= np.isfinite(low) & np.isfinite(high)
        if word in ODD:
            reason, wrong = ODD[word]
            odd[reason] = wrong(values[..., 0])
        elif logits == "none" or (logits == "classes" and word != "scores"):
            beyond = beyond_probability(low) | beyond_probability(high)
            odd[BEYOND] = beyond | odd[BEYOND] if BEYOND in odd else beyond
    return odd, finite


def read_rows(rows: Array, columns: Columns, logits: str, padding: Array, odd: Mapping[str, Array]) -> Scored:
    """The boxes of one picture's rows (N, W), some of which are padding or odd."""
    said = {word: rows[:, place] for word, place in columns.places.items()}
    objectness = said["objectness"][:, 0] if "objectness" in said else None
    if objectness is not None and logits == "all":
        objectness = sigmoid(objectness)
    labels = None
    if "scores" in said:
        scores = said["scores"] if logits == "none" else sigmoid(said["scores"])
    else:
        scores = said["score"][:, 0] if objectness is None else objectness * said["score"][:, 0]
        objectness = None
        if "class" in said:
            labels = whole_labels(said["class"][:, 0])
    extra: dict[str, Array] = {"track": said["track"][:, 0]} if "track" in said else {}
    if columns.extra:
        extra["extra"] = said["extra"]
    boxes = rows[:, columns.box]
    boxes = np.concatenate([boxes, said["angle"]], 1) if "angle" in said else BOX_FORMS[columns.box_form](boxes)
    return Scored(boxes, scores, labels, objectness, extra, padding, odd)


def computed(values: Array) -> Array:
    """In the type that is computed in: half types hold 416.25 as 416.25 but objectness * class with three digits."""
    return values.astype(np.float64 if values.dtype in (np.float64, np.int64) else np.float32, copy=False)


def whole_labels(values: Array) -> Array:
    """As int64; 0 for what is no number, in a row that does not count."""
    return np.where(np.isfinite(values), values, 0).astype(np.int64)
