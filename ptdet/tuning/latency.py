"""How long each setting takes, on this machine and at its own confidence."""

from __future__ import annotations

import time
from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np

from .._shared.arrays import Indices
from .._shared.config import Setting
from ..numpy._methods import select
from .suppression import Candidates

PICTURES, REPEATS = 12, 4


@dataclass(frozen=True)
class Latency:
    """Milliseconds a picture, one call each: the median of the repeats, and the quartiles around it."""

    milliseconds: float
    low: float
    high: float


def latencies(candidates: Candidates, settings: Sequence[Setting], pictures: int) -> list[Latency]:
    """Of each setting: all in turn, again and again, so that a busy moment of the machine meets them all alike."""
    chosen = np.unique(np.linspace(0, pictures - 1, min(pictures, PICTURES)).round().astype(np.int64))
    order = np.argsort(candidates.given.images, kind="stable")
    ends = np.searchsorted(candidates.given.images[order], np.arange(pictures + 1))
    rows = [order[ends[picture] : ends[picture + 1]] for picture in chosen.tolist()]
    taken: list[list[list[float]]] = [[] for _ in settings]
    for repeat in range(REPEATS + 1):
        for setting, seconds in zip(settings, taken, strict=True):
            spent = _seconds(candidates, setting, rows)
            if repeat:  # the first finds nothing warm
                seconds.append(spent)
    # of each picture by itself: a busy moment is that of few calls
    quartiles = (1e3 * np.quantile(seconds, (0.5, 0.25, 0.75), axis=0).mean(1) for seconds in taken)
    return [Latency(*(float(one) for one in numbers)) for numbers in quartiles]


def _seconds(candidates: Candidates, setting: Setting, pictures: Sequence[Indices]) -> list[float]:
    """Of each picture."""
    spent = []
    for rows in pictures:
        own = rows[candidates.given.scores[rows].astype(np.float64, copy=False) > setting.conf]
        given = candidates.corners[own], candidates.given.scores[own], candidates.groups[own]
        started = time.perf_counter()
        select(setting.method, *given, setting.threshold, **setting.options)
        spent.append(time.perf_counter() - started)
    return spent
