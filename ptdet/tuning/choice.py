"""Which of the settings that were tried is chosen: the simplest within one standard error of the best."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np

from .._shared.arrays import Array, Indices

Place = tuple[int, int]  # number of the suppression, number of the cut after it


@dataclass(frozen=True)
class Tried:
    """The score of every suppression at every cut, (S, C, W): rows of W as in `fold_weights`."""

    scores: Array  # larger is better; -inf where the cut lies below that before suppression
    allowed: Array  # whether what was demanded of precision and recall holds
    plainness: Indices  # (S,) smaller is simpler: method and form

    def best(self, row: int) -> Place | None:
        """The best score of a row; of equal ones the simplest."""
        scores = np.where(self.allowed[:, :, row], self.scores[:, :, row], -np.inf)
        return first_of_best(scores)

    def chosen(self, row: int, parts: Indices) -> Place | None:
        """The simplest within one standard error of the best.

        Args:
            row: where the score is read.
            parts: rows of single folds, whose differences to the best tell the standard error.
        """
        best = self.best(row)
        if best is None or len(parts) < 2:
            return best
        scores = np.where(self.allowed[:, :, row], self.scores[:, :, row], -np.inf)
        parts = parts[np.isfinite(self.scores[best][parts])]  # a fold without objects tells nothing
        if len(parts) < 2:
            return best
        top, own = self.scores[best], self.scores[:, :, parts]
        with np.errstate(invalid="ignore"):
            error = (top[parts] - own).std(2, ddof=1) / np.sqrt(len(parts))
            near = (top[row] - scores <= error) & np.isfinite(scores)
        near[best] = True
        simplest = self.plainness == self.plainness[near.any(1)].min()
        return first_of_best(np.where(near & simplest[:, None], scores, -np.inf))


def first_of_best(scores: Array) -> Place | None:
    """Of equal ones the first suppression, and of its cuts the middle one, the furthest from a change."""
    if not scores.size or not np.isfinite(best := scores.max()):
        return None
    suppression = int((scores == best).any(1).argmax())
    equal = np.flatnonzero(scores[suppression] == best)
    return suppression, int(equal[len(equal) // 2])
