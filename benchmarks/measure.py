"""Times calls in turn, round by round, so that a load of the machine slows all of them alike.

A turn repeats its call for at least a millisecond, because reading the clock costs as much as a small call. Other calls
have used the caches since the last turn, so an untimed call warms them first. Each round starts with another call. On
CUDA a turn is one call between two events, after a buffer larger than the second-level cache was written. The garbage
collector is off.
"""

from __future__ import annotations

import gc
import math
import time
from collections.abc import Sequence
from dataclasses import dataclass, replace

import torch

from .cases import Call, Clock

FILL = 1e-3  # least seconds of a turn
LONG = 20e-3  # a call of so many seconds has no untimed call before it
WARM_UP = 3  # untimed calls on CUDA
CACHES = {
    "cpu": "warm: an untimed call begins a turn (not if it takes 20 ms), then the call is repeated for 1 ms",
    "cuda": "cold: 256 MiB are written before each call; times are of CUDA events",
}


@dataclass(frozen=True)
class Effort:
    """How long a case may take."""

    seconds: float = 3.0
    fewest: int = 7
    most: int = 101
    longest_call: float = 3.0  # seconds; a peer whose call would take longer is left out
    cpu_time: bool = False  # of all threads, instead of wall time

    def of_processes(self) -> Effort:
        """Fewer rounds, because starting a process takes seconds."""
        return replace(self, fewest=(self.fewest + 1) // 2)


QUICK = Effort(seconds=0.25, fewest=3, most=15, longest_call=0.1)


@dataclass(frozen=True)
class Timing:
    """The seconds of a call in each round, and the number of calls in a turn."""

    rounds: list[float]
    repeats: int


@dataclass(frozen=True)
class Spread:
    """Median and quartiles of a sample."""

    q1: float
    median: float
    q3: float


def spread(values: Sequence[float]) -> Spread:
    """Quartiles by linear interpolation."""
    ordered = sorted(values)

    def at(share: float) -> float:
        place = share * (len(ordered) - 1)
        low = math.floor(place)
        high = min(low + 1, len(ordered) - 1)
        return ordered[low] + (ordered[high] - ordered[low]) * (place - low)

    return Spread(at(0.25), at(0.5), at(0.75))


def wall_clock(call: Call, repeats: int) -> float:
    start = time.perf_counter()
    for _ in range(repeats):
        call()
    return (time.perf_counter() - start) / repeats


def cpu_clock(call: Call, repeats: int) -> float:
    """CPU time of all threads of this process, without waiting and without the work of other processes."""
    start = time.process_time()
    for _ in range(repeats):
        call()
    return (time.process_time() - start) / repeats


def self_timed(call: Call, repeats: int) -> float:
    """For a call that returns the seconds it measured itself, as one that starts a process does."""
    return sum(float(call()) for _ in range(repeats)) / repeats


class CudaClock:
    """CUDA events around one call; the second-level cache is overwritten before it."""

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
    """Times of each call: at least `effort.fewest` rounds, then more until `effort.seconds` have passed."""
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
