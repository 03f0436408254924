"""Compares two runs: what became slower or faster by more than its own spread."""

from __future__ import annotations

from dataclasses import dataclass

from .cases import OURS
from .measure import Spread
from .results import Results, Row

LEAST = 0.05  # a smaller change may come from another build or other addresses


@dataclass(frozen=True)
class Change:
    """One of our rows, before and now."""

    row: Row
    before: float
    now: float
    verdict: str  # "slower", "faster" or "same"

    @property
    def ratio(self) -> float:
        return self.now / self.before


def same_machine(old: Results, new: Results) -> bool:
    """Whether times can be compared: the same machine and the same clock."""
    if old.settings.get("cpu_time", False) != new.settings.get("cpu_time", False):
        return False
    return all(old.machine.get(fact) == new.machine.get(fact) for fact in ("processor", "gpu", "threads"))


def compare(old: Results, new: Results) -> tuple[list[Change], str]:
    """The rows of ptdet in both runs, and what is compared: time, or the ratio to the floor if the machines differ."""
    by_time = same_machine(old, new)
    before = old.by_place()
    changes = []
    for row in new.rows:
        was = before.get(row.place)
        if row.library != OURS or was is None:
            continue
        then, now = (was.seconds, row.seconds) if by_time else (was.over_floor, row.over_floor)
        if then and now:
            changes.append(Change(row, then.median, now.median, verdict(then, now)))
    return changes, "time" if by_time else "ratio to the floor"


def verdict(then: Spread, now: Spread) -> str:
    """A change counts if the medians differ by more than both interquartile ranges together, and by more than 5 %."""
    apart = now.median - then.median
    noise = (then.q3 - then.q1) + (now.q3 - now.q1)
    if abs(apart) <= max(noise, LEAST * then.median):
        return "same"
    return "slower" if apart > 0 else "faster"
