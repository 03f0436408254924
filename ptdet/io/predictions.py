"""What a detector said about one picture, and the candidates chosen from it."""

from __future__ import annotations

import os
from collections.abc import Callable, Mapping
from dataclasses import dataclass, field, replace
from pathlib import Path
from typing import Any, ClassVar, TypeVar

import numpy as np

from .._shared.arrays import Array, silent
from .._shared.rotated_boxes import upright
from .space import Space

Options = TypeVar("Options")


class FileProblem(Exception):
    """Why a file cannot be read or written, in one line, without the file's name."""


def as_path(name: str, value: Any) -> Path:
    """A path, of text too.

    Raises:
        TypeError: it is none.
    """
    if not isinstance(value, (str, os.PathLike)):
        raise TypeError(f"{name}: expected a path, got {type(value).__name__}")
    return Path(value)


def as_options(given: Any, kind: Callable[[], Options]) -> Options:
    """The options, those that say nothing for None.

    Raises:
        TypeError: they are of another kind.
    """
    default = kind()
    if not isinstance(given, (type(None), type(default))):
        raise TypeError(f"options: expected {type(default).__name__}, got {type(given).__name__}")
    return default if given is None else given


@dataclass(frozen=True)
class ReadOptions:
    """What the caller says about the files because they do not say it themselves."""

    layout: str | None = None  # a name of layouts.LAYOUTS; None: tell by shape and values
    logits: str = "none"  # "none"; "classes" or "all": these scores need a sigmoid; "softmax": the classes need that
    classes: tuple[str, ...] = ()  # class names, if the caller knows them
    category_ids: tuple[int, ...] = ()  # label -> category_id, where the file has none
    space: Space | None = None  # the unit of the boxes; None: what the file says, else picture pixels
    num_classes: int | None = None  # how many classes there are, if the caller knows no names
    boxes: str | None = None  # a name of corners.BOX_FORMS: what arrays of boxes hold; None: what the file says
    progress: Callable[[int], None] | None = None  # told the number of bytes read, each time; not by every reader
    # tells width and height of a picture, where it is known; asked by readers that need it, with what is known so far
    size_of: Callable[[Predictions], tuple[int, int] | None] | None = None

    CALLS: ClassVar[tuple[str, ...]] = ("progress", "size_of")  # of these the content of a result does not depend

    @property
    def class_count(self) -> int | None:
        """How many classes there are; None if the caller did not say."""
        return self.num_classes or len(self.classes) or None


@dataclass(frozen=True)
class Candidates:
    """Boxes with one score and one class each; `rows` points into the stored boxes."""

    boxes: Array  # (N, 4) x1, y1, x2, y2, or (N, 5) centre x, centre y, width, height, angle: rotated boxes
    scores: Array  # (N,)
    labels: Array | None  # (N,) int64
    rows: Array  # (N,) int64
    extra: Mapping[str, Array] = field(default_factory=dict)  # what else the file says of each box, by name

    def __len__(self) -> int:
        return len(self.boxes)

    @property
    def rotated(self) -> bool:
        """Whether the boxes are rotated ones; angles are in radians from +x to +y."""
        return bool(self.boxes.shape[1] == 5)

    @property
    def upright(self) -> Array:
        """(N, 4): x1, y1, x2, y2 of the smallest upright box around each."""
        return upright(self.boxes) if self.rotated else self.boxes

    def best(self, most: int) -> Candidates:
        """The `most` best, ties to the first, in the order in which they are."""
        if len(self) <= most:
            return self
        rows = np.sort(self.by_score()[:most])
        return self.take(rows, self.boxes[rows], self.scores[rows])

    def by_score(self) -> Array:
        """The places by decreasing score, ties to the first."""
        return np.argsort(-self.scores, kind="stable")

    def take(self, keep: Array | slice, boxes: Array, scores: Array) -> Candidates:
        """The survivors: `keep` says which, `boxes` and `scores` (K,) what a method made of them."""
        extra = {name: value[keep] for name, value in self.extra.items()}
        return Candidates(boxes, scores, None if self.labels is None else self.labels[keep], self.rows[keep], extra)


@dataclass(frozen=True)
class Records:
    """What COCO results said that boxes, scores and labels do not: it is written back as it was."""

    sizes: Array  # (N, 2) width, height
    more: Mapping[int, Mapping[str, Any]]  # row -> its other keys


@dataclass(frozen=True)
class Predictions:
    """The raw output for one picture, before any choice."""

    name: str
    image_id: int | str
    boxes: Array  # as in Candidates, in the unit of `space`
    scores: Array  # (N,), or (N, C) with one column a class
    labels: Array | None = None  # (N,) int64, only with scores (N,)
    objectness: Array | None = None  # (N,), only with scores (N, C): multiplies them
    classes: tuple[str, ...] = ()
    category_ids: tuple[int, ...] = ()  # label -> category_id of COCO; empty: the label is the id
    space: Space = field(default_factory=Space)
    picture_size: tuple[int, int] | None = None  # width, height
    detector: str = ""  # what the file says it comes from
    records: Records | None = None
    extra: Mapping[str, Array] = field(default_factory=dict)  # (N, ...), carried along: masks, keypoints, angles, ...
    left_out: Array | None = None  # (N,) bool: padding, and the odd rows that `notes` tell of
    padding: int = 0  # how many rows only fill the array up
    notes: tuple[str, ...] = ()  # what the reader of a file should know; on its first picture

    @silent()
    def candidates(self, confidence: float, multi_label: bool = False, background: int | None = None) -> Candidates:
        """Boxes with a score above `confidence`: the best class of each, or every class if `multi_label`.

        A row with a number that is not finite is no candidate, and the class `background` is none.
        """
        boxes, scores = self.boxes, self.scores
        usable = np.all(np.isfinite(boxes), 1)
        if self.left_out is not None:
            usable &= ~self.left_out
        if background is not None:
            scores = self._without(background)
        if scores.ndim == 1:
            rows = np.flatnonzero(usable & above(scores, confidence))
            return self._chosen(rows, scores[rows], None if self.labels is None else self.labels[rows])
        if scores.shape[1] == 0:
            raise FileProblem("has boxes with no class score at all")
        if multi_label:
            scores = scores if self.objectness is None else self.objectness[:, None] * scores
            rows, labels = np.nonzero(usable[:, None] & above(scores, confidence))
            return self._chosen(rows, scores[rows, labels], labels)
        labels = scores.argmax(1)
        best = scores[np.arange(len(scores)), labels]
        best = best if self.objectness is None else self.objectness * best
        rows = np.flatnonzero(usable & above(best, confidence))
        return self._chosen(rows, best[rows], labels[rows])

    def light(self) -> Predictions:
        """What writing needs: thousands of raw files do not fit in memory. COCO results keep theirs, as they are."""
        if self.records:
            return self
        none = np.zeros(0, np.float32)
        return replace(
            self, boxes=none.reshape(0, 4), scores=none, labels=None, objectness=None, extra={}, left_out=None
        )

    def _chosen(self, rows: Array, scores: Array, labels: Array | None) -> Candidates:
        extra = {name: value[rows] for name, value in self.extra.items()}
        return Candidates(self.boxes[rows], scores, labels, rows, extra)

    def _without(self, background: int) -> Array:
        """The scores, those of a class infinitely low."""
        scores = self.scores.copy()
        if scores.ndim == 1:
            if self.labels is None:
                raise FileProblem(f"has no classes, so --background {background} is none of them")
            scores[self.labels == background] = -np.inf
            return scores
        classes = scores.shape[1]
        if not 0 <= background < classes:
            raise FileProblem(f"has {classes} classes, and --background {background} is none of them")
        scores[:, background] = -np.inf
        return scores

    def in_picture(self, found: Candidates, size: tuple[int, int] | None = None) -> Candidates:
        """`found` in pixels of the picture, of `size` (width, height) if the file does not say; as it is if unknown."""
        return replace(found, boxes=self.space.to_picture(found.boxes, self.picture_size or size))


def above(scores: Array, threshold: float) -> Array:
    """Compared as doubles (docs/SPEC.md, thresholds); false for NaN, and an infinite score is none."""
    return (scores.astype(np.float64, copy=False) > threshold) & np.isfinite(scores)
