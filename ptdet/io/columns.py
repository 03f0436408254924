"""What the columns of a row say: the words of a layout, the places they take in a row, and how such rows are read.

A row that contradicts its layout (corners out of order, half a class number) is odd: it is left out and named, and a
layout with more than a few odd rows is not the file's.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass

import torch
from torch import Tensor

from ..reference import computed, sigmoid
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

    `scores` are `class_count` places, or all that are left; `extra` is what is left then, and may be nothing.
    """
    text = next(text for text in BOXES if text in words)
    places: dict[str, slice] = {}
    at = 0
    for word in words.replace(text, "box").split():
        if word == "extra":
            size = width - at
        elif word == "scores":
            size = width - at if class_count is None else class_count
        else:
            size = 4 if word == "box" else 1
        if size < (word != "extra"):
            return None
        places[word] = slice(at, at + size)
        at += size
    return Columns(places.pop("box"), BOXES[text], places) if at == width else None


def _whole(values: Tensor) -> Tensor:
    """Numbers of something: whole, not negative."""
    return (values == values.round()) & (values >= 0) & (values < 2**31)


# What else a word allows: the reason that is given otherwise, and which values are odd.
ODD: dict[str, tuple[str, Callable[[Tensor], Tensor]]] = {
    "class": (NO_CLASS, lambda values: ~_whole(values)),
    "picture": ("no whole picture number", lambda values: ~_whole(values)),
    "track": ("no whole track number", lambda values: ~_whole(values)),
    "angle": ("an angle of more than a turn", lambda values: values.abs() > 6.3),
}


def padding_of(rows: Tensor, columns: Columns) -> Tensor:
    """Which rows (..., W) only fill the array up: all 0, all -1, class -1 with no score, picture -1."""
    padding = is_padding(rows)
    if "picture" in columns.places:
        padding |= (rows[..., columns.places["picture"]] == -1).all(-1)
    if "class" in columns.places and "score" in columns.places:
        none = (rows[..., columns.places["class"]] == -1) & (rows[..., columns.places["score"]] <= 0)
        padding |= none.all(-1)
    return padding


def examined(rows: Tensor, columns: Columns, logits: str) -> tuple[dict[str, Tensor], Tensor]:
    """Why a row cannot be of this layout -> which of (..., W) are so; and which are finite where it matters."""
    why, mask = no_box(rows[..., columns.box], columns.box_form)
    odd = {why: mask}
    finite = torch.isfinite(rows[..., columns.box]).all(-1)
    for word, place in columns.places.items():
        if word == "extra":
            continue
        values = rows[..., place]
        low, high = values.aminmax(dim=-1)  # in one pass; NaN comes through
        finite &= torch.isfinite(low) & torch.isfinite(high)
        if word in ODD:
            reason, wrong = ODD[word]
            odd[reason] = wrong(values[..., 0])
        elif logits == "none" or (logits == "classes" and word != "scores"):
            beyond = beyond_probability(low) | beyond_probability(high)
            odd[BEYOND] = beyond | odd[BEYOND] if BEYOND in odd else beyond
    return odd, finite


def read_rows(rows: Tensor, columns: Columns, logits: str, padding: Tensor, odd: Mapping[str, Tensor]) -> Scored:
    """The boxes of one picture's rows (N, W), some of which are padding or odd."""
    said = {word: rows[:, place] for word, place in columns.places.items()}
    objectness = said["objectness"][:, 0] if "objectness" in said else None
    if objectness is not None and logits == "all":
        objectness = as_probability(objectness)
    labels = None
    if "scores" in said:
        scores = said["scores"] if logits == "none" else as_probability(said["scores"])
    else:
        scores = said["score"][:, 0] if objectness is None else objectness * said["score"][:, 0]
        objectness = None
        if "class" in said:
            labels = said["class"][:, 0].nan_to_num(0, 0, 0).to(torch.int64)
    extra: dict[str, Tensor] = {word: said[word][:, 0] for word in said if word in ("angle", "track")}
    if columns.extra:
        extra["extra"] = said["extra"]
    boxes = BOX_FORMS[columns.box_form](rows[:, columns.box])
    return Scored(boxes, scores, labels, objectness, extra, padding, odd)


def as_probability(logits: Tensor) -> Tensor:
    return sigmoid(computed(logits)).to(logits.dtype)
