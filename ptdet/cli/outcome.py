"""What became of one picture."""

from __future__ import annotations

from dataclasses import dataclass

from ..io import Candidates, Predictions


@dataclass(frozen=True)
class Outcome:
    """One picture before and after. Boxes are in the unit of the file."""

    of: Predictions  # without its boxes
    stored: int  # how many boxes the file has for it, without padding
    raw: bool  # with a score for each class, as heads give them
    softmax: bool  # and these share 1 between them
    candidates: Candidates
    kept: Candidates
    seconds: float  # of the suppression alone
    too_low: int  # how many more the method left, with scores that it lowered to Settings.least_score or below
