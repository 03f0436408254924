"""Runs groups: builds each bout, checks every answer against ours, times the contenders in turn."""

from __future__ import annotations

import math
import time
import warnings
from collections.abc import Callable, Iterable
from dataclasses import dataclass, field
from typing import Any

from .cases import OURS, Bout, Group, Options, Series
from .measure import Effort, Spread, Timing, clock_of, interleaved, spread, told
from .results import FLOOR, Results, Row

Say = Callable[[str], None]
PROBE_ABOVE = 20_000  # a size from which on one call may take minutes; what is not known is found out at a smaller one
PROBE = 3000
LONGEST = 30.0  # seconds of a call of ours: the reference, where nothing was built, is no faster than its peers


@dataclass
class Patience:
    """Foretells how long a call will take from smaller sizes, so that nobody waits an hour for a quadratic peer."""

    seconds: float
    seen: dict[str, dict[int, float]] = field(default_factory=dict)

    def foretold(self, library: str, n: int) -> float:
        """Seconds of a call, at the exponent seen last (between 1 and 2.2; 2 if one size was seen); 0 if unknown."""
        known = sorted(self.seen.get(library, {}).items())
        if not known:
            return 0.0
        (n0, t0), exponent = known[-1], 2.0
        if len(known) > 1:
            n1, t1 = known[-2]
            exponent = min(max(math.log(t0 / t1) / math.log(n0 / n1), 1.0), 2.2)
        return float(t0 * max(n / n0, 1.0) ** exponent)

    def learn(self, library: str, n: int, seconds: float) -> None:
        """Below a thousand boxes time does not grow with them: all such sizes count as a thousand."""
        self.seen.setdefault(library, {})[max(n, 1000)] = max(seconds, 1e-9)


def run_series(group: Group, series: Series, effort: Effort, results: Results, say: Say) -> list[Row]:
    """All sizes of a series, smallest first. Adds to `results` and returns the new rows."""
    patience = Patience(effort.patience)
    rows: list[Row] = []
    for n in sorted(series.sizes):
        say(f"{series.name}, {n}")
        if n > PROBE_ABOVE and not patience.seen and not series.fixed:
            _probe(series, patience)
        foretold = patience.foretold(OURS, n)
        if foretold > LONGEST:
            results.left_out[f"{OURS}: {series.name}, {n}"] = f"a call would take about {foretold:.2g} s"
            continue
        rows += run_bout(group, series, n, effort, results, patience)
    results.rows += rows
    return rows


def _probe(series: Series, patience: Patience) -> None:
    bout = series.build(PROBE)
    clock = bout.clock or clock_of(series.device)
    for contender in bout.contenders:
        try:
            _timed(contender.call)
            patience.learn(contender.library, PROBE, clock(contender.call, 1))
        except Exception:  # told when it happens at the size that was asked for
            continue


def run_bout(group: Group, series: Series, n: int, effort: Effort, results: Results, patience: Patience) -> list[Row]:
    """One size."""
    bout = series.build(n)
    differing = _check(group, series, n, bout, results, patience)
    calls = {one.library: one.call for one in bout.contenders if one.library in differing}
    if bout.floor:
        bout.floor()
        calls[FLOOR] = bout.floor
    clock = bout.clock or clock_of(series.device, effort.cpu_time)
    times = interleaved(calls, clock, effort if clock is not told else effort.of_processes())
    rows = []
    for library, timing in times.items():
        by_name = {one.library: one for one in bout.contenders}
        patience.learn(library, n, min(timing.rounds))
        rows.append(
            Row(
                *(series.group, series.scene, series.dtype, series.device, n, library),
                seconds=spread(timing.rounds),
                rounds=len(timing.rounds),
                repeats=timing.repeats,
                times_ours=_ratio(timing, times[OURS]) if library != OURS else None,
                over_floor=_ratio(timing, times[FLOOR]) if FLOOR in times and library != FLOOR else None,
                differing=differing.get(library),
                note=by_name[library].note if library in by_name else "",
            )
        )
    return rows


def _ratio(above: Timing, below: Timing) -> Spread:
    return spread([a / b for a, b in zip(above.rounds, below.rounds, strict=True)])


def _check(
    group: Group, series: Series, n: int, bout: Bout, results: Results, patience: Patience
) -> dict[str, float | None]:
    """Calls each contender once and compares. Returns those that can be timed and how far their answers differ."""
    ours, *others = bout.contenders
    expected = ours.answered()
    differing: dict[str, float | None] = {ours.library: None}
    for other in others:
        where = f"{other.library}: {series.name}, {n}"
        foretold = patience.foretold(other.library, n)
        if foretold > patience.seconds:
            results.left_out[where] = f"a call would take about {foretold:.2g} s"
            continue
        try:
            with warnings.catch_warnings():
                warnings.simplefilter("ignore")  # theirs
                found, took = _timed(other.answered)
                if took > patience.seconds:
                    took = _timed(other.call)[1]  # not what a first call compiles or imports
            if took > patience.seconds:
                results.left_out[where] = f"a call takes {took:.2g} s"
                continue
            differing[other.library] = None if expected is None or found is None else group.difference(expected, found)
        except Exception as error:  # a peer raises what it likes
            said = (str(error).splitlines() or [""])[0][:200]
            results.left_out[where] = f"{type(error).__name__}: {said}"
    return differing


def _timed(call: Callable[[], Any]) -> tuple[Any, float]:
    start = time.perf_counter()
    try:
        return call(), time.perf_counter() - start
    except BaseException as error:
        if isinstance(error, (Exception, KeyboardInterrupt, SystemExit)):
            raise
        raise RuntimeError(f"{type(error).__name__}: {error}") from error  # a panic of Rust is no Exception


def plan(groups: Iterable[Group], options: Options) -> list[tuple[Group, Series]]:
    return [(group, series) for group in groups for series in group.series(options) if series.sizes]
