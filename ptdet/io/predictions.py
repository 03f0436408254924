"""What a detector said about one picture, and the candidates chosen from it."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass, field, replace
from typing import Any

import torch
from torch import Tensor

from .space import Space


class FileProblem(Exception):
    """Why a file cannot be read or written, in one line, without the file's name."""


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

    @property
    def class_count(self) -> int | None:
        """How many classes there are; None if the caller did not say."""
        return self.num_classes or len(self.classes) or None


@dataclass(frozen=True)
class Candidates:
    """Boxes with one score and one class each; `rows` points into the stored boxes."""

    boxes: Tensor  # (N, 4) x1, y1, x2, y2
    scores: Tensor  # (N,)
    labels: Tensor | None  # (N,) int64
    rows: Tensor  # (N,) int64
    extra: Mapping[str, Tensor] = field(default_factory=dict)  # what else the file says of each box, by name

    def __len__(self) -> int:
        return len(self.boxes)

    def best(self, most: int) -> Candidates:
        """The `most` best, ties to the first, in the order in which they are."""
        if len(self) <= most:
            return self
        rows = self.scores.argsort(descending=True, stable=True)[:most].sort().values
        return self.take(rows, self.boxes[rows], self.scores[rows])

    def take(self, keep: Tensor, boxes: Tensor, scores: Tensor) -> Candidates:
        """The survivors: `keep` says which, `boxes` and `scores` (K,) what a method made of them."""
        extra = {name: value[keep] for name, value in self.extra.items()}
        return Candidates(boxes, scores, None if self.labels is None else self.labels[keep], self.rows[keep], extra)


@dataclass(frozen=True)
class Records:
    """What COCO results said that boxes, scores and labels do not: it is written back as it was."""

    sizes: Tensor  # (N, 2) width, height
    more: Mapping[int, Mapping[str, Any]]  # row -> its other keys


@dataclass(frozen=True)
class Predictions:
    """The raw output for one picture, before any choice."""

    name: str
    image_id: int | str
    boxes: Tensor  # (N, 4) x1, y1, x2, y2 in the unit of `space`
    scores: Tensor  # (N,), or (N, C) with one column a class
    labels: Tensor | None = None  # (N,) int64, only with scores (N,)
    objectness: Tensor | None = None  # (N,), only with scores (N, C): multiplies them
    classes: tuple[str, ...] = ()
    category_ids: tuple[int, ...] = ()  # label -> category_id of COCO; empty: the label is the id
    space: Space = field(default_factory=Space)
    picture_size: tuple[int, int] | None = None  # width, height
    detector: str = ""  # what the file says it comes from
    records: Records | None = None
    extra: Mapping[str, Tensor] = field(default_factory=dict)  # (N, ...), carried along: masks, keypoints, angles, ...
    left_out: Tensor | None = None  # (N,) bool: padding, and the odd rows that `notes` tell of
    padding: int = 0  # how many rows only fill the array up
    notes: tuple[str, ...] = ()  # what the reader of a file should know; on its first picture

    def candidates(self, confidence: float, multi_label: bool = False, background: int | None = None) -> Candidates:
        """Boxes with a score above `confidence`: the best class of each, or every class if `multi_label`.

        A row with a number that is not finite is no candidate, and the class `background` is none.
        """
        boxes, scores = self.boxes, self.scores
        usable = torch.isfinite(boxes).all(1)
        if self.left_out is not None:
            usable &= ~self.left_out
        if background is not None:
            scores = self._without(background)
        if scores.dim() == 1:
            rows = torch.nonzero(usable & above(scores, confidence)).flatten()
            return self._chosen(rows, scores[rows], None if self.labels is None else self.labels[rows])
        if scores.shape[1] == 0:
            raise FileProblem("has boxes with no class score at all")
        if multi_label:
            scores = scores if self.objectness is None else self.objectness[:, None] * scores
            rows, labels = torch.nonzero(usable[:, None] & above(scores, confidence), as_tuple=True)
            return self._chosen(rows, scores[rows, labels], labels)
        best, labels = scores.max(1)
        best = best if self.objectness is None else self.objectness * best
        rows = torch.nonzero(usable & above(best, confidence)).flatten()
        return self._chosen(rows, best[rows], labels[rows])

    def _chosen(self, rows: Tensor, scores: Tensor, labels: Tensor | None) -> Candidates:
        extra = {name: value[rows] for name, value in self.extra.items()}
        return Candidates(self.boxes[rows], scores, labels, rows, extra)

    def _without(self, background: int) -> Tensor:
        """The scores, those of a class infinitely low."""
        if self.scores.dim() == 1:
            if self.labels is None:
                raise FileProblem(f"has no classes, so --background {background} is none of them")
            return self.scores.masked_fill(self.labels == background, -torch.inf)
        classes = self.scores.shape[1]
        if not 0 <= background < classes:
            raise FileProblem(f"has {classes} classes, and --background {background} is none of them")
        return self.scores.index_fill(1, torch.tensor(background), -torch.inf)

    def in_picture(self, found: Candidates, size: tuple[int, int] | None = None) -> Candidates:
        """`found` in pixels of the picture, of `size` (width, height) if the file does not say; as it is if unknown."""
        return replace(found, boxes=self.space.to_picture(found.boxes, self.picture_size or size))


def above(scores: Tensor, threshold: float) -> Tensor:
    """Compared as doubles (docs/SPEC.md, thresholds); false for NaN, and an infinite score is none."""
    return (scores.double() > threshold) & torch.isfinite(scores)
