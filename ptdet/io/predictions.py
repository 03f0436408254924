"""What a detector said about one picture, and the candidates chosen from it."""

from __future__ import annotations

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
    logits: str = "none"  # "none", "classes" or "all": which scores still need a sigmoid
    classes: tuple[str, ...] = ()  # class names, if the caller knows them
    category_ids: tuple[int, ...] = ()  # label -> category_id, where the file has none
    space: Space | None = None  # the unit of the boxes; None: what the file says, else picture pixels


@dataclass(frozen=True)
class Candidates:
    """Boxes with one score and one class each; `rows` points into the stored boxes."""

    boxes: Tensor  # (N, 4) x1, y1, x2, y2
    scores: Tensor  # (N,)
    labels: Tensor | None  # (N,) int64
    rows: Tensor  # (N,) int64

    def __len__(self) -> int:
        return len(self.boxes)

    def take(self, keep: Tensor, boxes: Tensor, scores: Tensor) -> Candidates:
        """The survivors: `keep` says which, `boxes` and `scores` (K,) what a method made of them."""
        return Candidates(boxes, scores, None if self.labels is None else self.labels[keep], self.rows[keep])


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
    records: tuple[dict[str, Any], ...] = ()  # the COCO results they came from, written back as they were

    def candidates(self, confidence: float, multi_label: bool = False) -> Candidates:
        """Boxes with a score above `confidence`: the best class of each, or every class if `multi_label`.

        A row with a number that is not finite is no candidate.
        """
        boxes, scores = self.boxes, self.scores
        finite = torch.isfinite(boxes).all(1)
        if scores.dim() == 1:
            rows = torch.nonzero(finite & _above(scores, confidence)).flatten()
            return Candidates(boxes[rows], scores[rows], None if self.labels is None else self.labels[rows], rows)
        if scores.shape[1] == 0:
            raise FileProblem("has boxes with no class score at all")
        if multi_label:
            scores = scores if self.objectness is None else self.objectness[:, None] * scores
            rows, labels = torch.nonzero(finite[:, None] & _above(scores, confidence), as_tuple=True)
            return Candidates(boxes[rows], scores[rows, labels], labels, rows)
        best, labels = scores.max(1)
        best = best if self.objectness is None else self.objectness * best
        rows = torch.nonzero(finite & _above(best, confidence)).flatten()
        return Candidates(boxes[rows], best[rows], labels[rows], rows)

    def in_picture(self, found: Candidates, size: tuple[int, int] | None = None) -> Candidates:
        """`found` in pixels of the picture, of `size` (width, height) if the file does not say; as it is if unknown."""
        return replace(found, boxes=self.space.to_picture(found.boxes, self.picture_size or size))


def _above(scores: Tensor, threshold: float) -> Tensor:
    """Compared as doubles (docs/SPEC.md, thresholds); false for NaN, and an infinite score is none."""
    return (scores.double() > threshold) & torch.isfinite(scores)
