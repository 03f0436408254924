"""Suppression where single classes have thresholds of their own. Exact, since classes do not meet."""

from __future__ import annotations

from collections.abc import Callable
from typing import NamedTuple, TypeAlias

import numpy as np

from .arrays import Array, Indices

Kept: TypeAlias = tuple[Array, Array, Indices]  # boxes (K, 4), scores (K,) and which they are (K,)


class ClassLimits(NamedTuple):
    """(K,) each: the thresholds of every class, by its number."""

    ious: Array
    confs: Array  # before suppression
    cuts: Array  # after it

    def above(self, scores: Array, labels: Array) -> Array:
        """(N,) which of these may take part; compared as doubles, as everywhere."""
        taking: Array = scores.astype(np.float64, copy=False) > self.confs[labels]
        return taking

    def suppressed(self, choose: Callable[[Indices, float], Kept], labels: Array, taking: Array) -> Kept:
        """What is left of the rows that are `taking` part, by decreasing score, ties to the first; not cut yet.

        Args:
            choose: what is left of some rows at an overlap threshold.
        """
        own = self.ious[labels]
        parts = []
        for iou in np.unique(own[taking]).tolist() or [0.5]:
            rows = np.flatnonzero(taking & (own == iou))
            boxes, scores, keep = choose(rows, iou)
            parts.append((boxes, scores, rows[keep]))
        boxes, scores, keep = (np.concatenate(each) for each in zip(*parts, strict=True))
        order = np.lexsort((keep, -scores))
        return boxes[order], scores[order], keep[order]

    def left(self, scores: Array, labels: Array) -> Array:
        """(K,) which of the survivors are above the cut after it."""
        over: Array = scores.astype(np.float64, copy=False) > self.cuts[labels]
        return over
