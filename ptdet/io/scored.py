"""What was read of one picture: boxes, what was said about each, and the rows that do not count."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field

import numpy as np

from .._shared.arrays import Array

NOT_FINITE = "NaN or infinity"
NAMED = 5  # at most so many odd rows are named


@dataclass(frozen=True)
class Scored:
    """One picture's boxes and what was said about each."""

    boxes: Array  # as in Predictions, or quads (N, 8)
    scores: Array  # (N,) or (N, C)
    labels: Array | None = None
    objectness: Array | None = None
    extra: Mapping[str, Array] = field(default_factory=dict)  # (N, ...), carried along
    padding: Array | None = None  # (N,) bool
    odd: Mapping[str, Array] = field(default_factory=dict)  # why a row cannot be used -> (N,) bool

    def rows(self, which: Array | slice) -> Scored:
        """Only these rows."""
        return Scored(
            self.boxes[which],
            self.scores[which],
            None if self.labels is None else self.labels[which],
            None if self.objectness is None else self.objectness[which],
            {name: value[which] for name, value in self.extra.items()},
            None if self.padding is None else self.padding[which],
            {why: mask[which] for why, mask in self.odd.items()},
        )

    @property
    def left_out(self) -> Array | None:
        masks = [*self.odd.values(), *([] if self.padding is None else [self.padding])]
        return np.logical_or.reduce(masks) if masks else None


def joined(parts: Sequence[Scored]) -> Scored:
    """Several pictures, or what several models said of one, as one; without objectness."""
    none = [np.zeros(len(part.boxes), np.bool_) for part in parts]
    labels = [part.labels for part in parts if part.labels is not None]
    shared = set(parts[0].extra).intersection(*(part.extra for part in parts))
    reasons = dict.fromkeys(why for part in parts for why in part.odd)
    return Scored(
        np.concatenate([part.boxes for part in parts]),
        np.concatenate([part.scores for part in parts]),
        np.concatenate(labels) if labels else None,
        None,
        {name: np.concatenate([part.extra[name] for part in parts]) for name in sorted(shared)},
        np.concatenate([no if part.padding is None else part.padding for part, no in zip(parts, none, strict=True)]),
        {why: np.concatenate([part.odd.get(why, no) for part, no in zip(parts, none, strict=True)]) for why in reasons},
    )


def nearly_all(odd: int, count: int) -> bool:
    """Whether so few rows are odd that the others tell what the file is."""
    return odd <= (max(1, count // 20) if count >= 5 else 0)


def is_padding(rows: Array) -> Array:
    """Rows (..., W) that only fill an array up: all 0 or all -1."""
    first = rows[..., :1]
    alike = (first[..., 0] == 0) | (first[..., 0] == -1) if rows.shape[-1] else np.ones(rows.shape[:-1], np.bool_)
    return alike & (rows == first).all(-1) if bool(alike.any()) else alike


def beyond_probability(scores: Array) -> Array:
    """What a probability cannot be; NaN is not. Half precision may round to a little above 1."""
    return (scores < 0) | (scores > 1.001)


def odd_rows(pictures: Sequence[Scored]) -> str:
    """One line on the rows of a file that are left out although they are no padding; empty if there are none."""
    named: dict[str, list[str]] = {}
    numbers: dict[str, int] = {}
    count = total = 0
    for number, one in enumerate(pictures):
        counts = np.ones(len(one.boxes), np.bool_) if one.padding is None else ~one.padding
        odd = {why: mask & counts for why, mask in {**one.odd, NOT_FINITE: ~_finite(one)}.items()}
        total += int(counts.sum())
        count += int(np.logical_or.reduce(list(odd.values())).sum())
        for why, mask in odd.items():
            rows = np.flatnonzero(mask)
            numbers[why] = numbers.get(why, 0) + len(rows)
            place = f"{number}:" if len(pictures) > 1 else ""
            named.setdefault(why, []).extend(f"{place}{row}" for row in rows[:NAMED].tolist())
    told = [
        f"{why} in {', '.join(named[why][:NAMED])}{f' and {many - NAMED} more' if many > NAMED else ''}"
        for why, many in numbers.items()
        if many
    ]
    which = "picture:row" if len(pictures) > 1 else "row"
    return f"{count} of {total} rows are left out: {'; '.join(told)} ({which})" if told else ""


def _finite(one: Scored) -> Array:
    finite: Array = np.all(np.isfinite(one.boxes), 1)
    if one.objectness is not None:
        finite &= np.isfinite(one.objectness)
    scores = np.isfinite(one.scores)
    return finite & (scores if scores.ndim == 1 else np.all(scores, 1))
