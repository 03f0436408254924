"""Times calls in turn, round by round, so that what loads the machine loads all of them.

A turn repeats its call until it has filled a millisecond, because a clock read costs what a small call
costs. Between turns the others have used the caches: a call that does not count warms them. Rounds start with another
call each time. On CUDA a turn is one call between two events, after a buffer larger than the second-level cache was
written. The garbage collector rests.
"""

from __future__ import annotations

import gc
import math
import time
from collections.abc import Sequence
from dataclasses import dataclass, replace

import torch

from .cases import Call, Clock

FILL = 1e-3  # seconds that a turn takes at least
LONG = 20e-3  # seconds of a call that is not repeated to warm the caches
WARM_UP = 3  # calls on CUDA before any counts
CACHES = {
    "cpu": "warm: a turn begins with a call that does not count (but where one takes 20 ms), and repeats it for 1 ms",
    "cuda": "cold: 256 MiB are written before each call; times between CUDA events",
}


@dataclass(frozen=True)
class Effort:
    """How long a bout may take."""

    seconds: float = 3.0
    fewest: int = 7
    most: int = 101
    patience: float = 3.0  # a peer whose call would take longer is left out
    cpu_time: bool = False  # of all threads, instead of the wall's

    def of_processes(self) -> Effort:
        """Starting a process takes seconds: fewer rounds."""
        return replace(self, fewest=(self.fewest + 1) // 2)


QUICK = Effort(seconds=0.25, fewest=3, most=15, patience=0.1)


@dataclass(frozen=True)
class Timing:
    """Seconds a call of each round, and how many calls a turn had."""

    rounds: list[float]
    repeats: int


@dataclass(frozen=True)
class Spread:
    """Five numbers of a sample."""

    min: float
    q1: float
    median: float
    q3: float
    max: float


def spread(values: Sequence[float]) -> Spread:
    """Quartiles by linear interpolation."""
    ordered = sorted(values)

    def at(share: float) -> float:
        place = share * (len(ordered) - 1)
        low = math.floor(place)
        high = min(low + 1, len(ordered) - 1)
        return ordered[low] + (ordered[high] - ordered[low]) * (place - low)

    return Spread(ordered[0], at(0.25), at(0.5), at(0.75), ordered[-1])


def wall_clock(call: Call, repeats: int) -> float:
    start = time.perf_counter()
    for _ in range(repeats):
        call()
    return (time.perf_counter() - start) / repeats


def cpu_clock(call: Call, repeats: int) -> float:
    """CPU time of all threads of this process: others' work on the machine does not count, nor does waiting."""
    start = time.process_time()
    for _ in range(repeats):
        call()
    return (time.process_time() - start) / repeats


def told(call: Call, repeats: int) -> float:
    """For a call that measures itself, as one that starts a process does, and returns seconds."""
    return sum(float(call()) for _ in range(repeats)) / repeats


class CudaClock:
    """Events around one call; what earlier calls left in the second-level cache is overwritten before it."""

    def __init__(self) -> None:
        self.filler = torch.empty(64 << 20, dtype=torch.int32, device="cuda")

    def __call__(self, call: Call, repeats: int) -> float:
        total = 0.0
        for _ in range(repeats):
            self.filler.zero_()
            start, end = (torch.cuda.Event(enable_timing=True) for _ in range(2))
            torch.cuda.synchronize()
            start.record()
            call()
            end.record()
            end.synchronize()
            total += start.elapsed_time(end) * 1e-3
        return total / repeats


def clock_of(device: str, cpu_time: bool = False) -> Clock:
    return CudaClock() if device == "cuda" else cpu_clock if cpu_time else wall_clock


def interleaved(calls: dict[str, Call], clock: Clock, effort: Effort) -> dict[str, Timing]:
    """Times of each call, at least `effort.fewest` rounds, then more while `effort.seconds` last."""
    repeats = dict.fromkeys(calls, 1)
    short: set[str] = set()
    if clock in (wall_clock, cpu_clock):
        for name, call in calls.items():
            call()
            short |= {name} if clock(call, 1) < LONG else set()
            for _ in range(2):  # the first estimate is of a colder call
                repeats[name] = max(1, math.ceil(FILL / max(clock(call, repeats[name]), 1e-8)))
    elif isinstance(clock, CudaClock):
        for call in calls.values():
            clock(call, WARM_UP)
    names = list(calls)
    times: dict[str, list[float]] = {name: [] for name in names}
    was_enabled = gc.isenabled()
    gc.disable()
    try:
        start = time.perf_counter()
        for turn in range(effort.most):
            if turn >= effort.fewest and time.perf_counter() - start > effort.seconds:
                break
            for name in names[turn % len(names) :] + names[: turn % len(names)]:
                if name in short:
                    calls[name]()
                times[name].append(clock(calls[name], repeats[name]))
    finally:
        if was_enabled:
            gc.enable()
    return {name: Timing(rounds, repeats[name]) for name, rounds in times.items()}
