"""Runs groups: builds each case, compares every result with ours, times the contenders in turn."""

from __future__ import annotations

import math
import time
import warnings
from collections.abc import Callable, Iterable
from dataclasses import dataclass, field
from typing import Any

from .cases import OURS, Case, Group, Options, Series
from .measure import Effort, Spread, Timing, clock_of, interleaved, self_timed, spread
from .results import FLOOR, Results, Row

Say = Callable[[str], None]
PROBE_ABOVE = 20_000  # above this size a call may take minutes: it is first timed at PROBE
PROBE = 3000
LONGEST = 30.0  # seconds of a call of ptdet, which may be the slow reference where nothing was built


@dataclass
class Prediction:
    """Predicts from smaller sizes how long a call will take, so that nobody waits an hour for a quadratic peer."""

    longest: float  # seconds; a peer whose call would take longer is left out
    seen: dict[str, dict[int, float]] = field(default_factory=dict)

    def predicted(self, library: str, n: int) -> float:
        """Seconds of a call, by the exponent between the last two sizes (1 to 2.2; 2 after one size); 0 if unknown."""
        known = sorted(self.seen.get(library, {}).items())
        if not known:
            return 0.0
        (n0, t0), exponent = known[-1], 2.0
        if len(known) > 1:
            n1, t1 = known[-2]
            exponent = min(max(math.log(t0 / t1) / math.log(n0 / n1), 1.0), 2.2)
        return float(t0 * max(n / n0, 1.0) ** exponent)

    def learn(self, library: str, n: int, seconds: float) -> None:
        """Up to a thousand boxes time hardly grows: all such sizes count as a thousand."""
        self.seen.setdefault(library, {})[max(n, 1000)] = max(seconds, 1e-9)


def run_series(group: Group, series: Series, effort: Effort, results: Results, say: Say) -> list[Row]:
    """All sizes of a series, smallest first. Adds to `results` and returns the new rows."""
    prediction = Prediction(effort.longest_call)
    rows: list[Row] = []
    for n in sorted(series.sizes):
        say(f"{series.name}, {n}")
        if n > PROBE_ABOVE and not prediction.seen and not series.fixed:
            _probe(series, prediction)
        predicted = prediction.predicted(OURS, n)
        if predicted > LONGEST:
            results.left_out[f"{OURS}: {series.name}, {n}"] = f"a call would take about {predicted:.2g} s"
            continue
        rows += run_case(group, series, n, effort, results, prediction)
    results.rows += rows
    return rows


def _probe(series: Series, prediction: Prediction) -> None:
    case = series.build(PROBE)
    clock = case.clock or clock_of(series.device)
    for contender in case.contenders:
        try:
            _timed(contender.call)
            prediction.learn(contender.library, PROBE, clock(contender.call, 1))
        except Exception:  # reported when it happens at the size that was asked for
            continue


def run_case(
    group: Group, series: Series, n: int, effort: Effort, results: Results, prediction: Prediction
) -> list[Row]:
    """One size."""
    case = series.build(n)
    differing = _check(group, series, n, case, results, prediction)
    calls = {one.library: one.call for one in case.contenders if one.library in differing}
    if case.floor:
        case.floor()
        calls[FLOOR] = case.floor
    clock = case.clock or clock_of(series.device, effort.cpu_time)
    times = interleaved(calls, clock, effort if clock is not self_timed else effort.of_processes())
    rows = []
    for library, timing in times.items():
        by_name = {one.library: one for one in case.contenders}
        prediction.learn(library, n, min(timing.rounds))
        rows.append(
            Row(
                *(series.group, series.scene, series.dtype, series.device, n, library),
                seconds=spread(timing.rounds),
                rounds=len(timing.rounds),
                repeats=timing.repeats,
                times_ours=_ratio(timing, times[OURS]) if library != OURS else None,
                over_floor=_ratio(timing, times[FLOOR]) if FLOOR in times and library == OURS else None,
                differing=differing.get(library),
                note=by_name[library].note if library in by_name else "",
            )
        )
    return rows


def _ratio(above: Timing, below: Timing) -> Spread:
    return spread([a / b for a, b in zip(above.rounds, below.rounds, strict=True)])


def _check(
    group: Group, series: Series, n: int, case: Case, results: Results, prediction: Prediction
) -> dict[str, float | None]:
    """Calls each contender once and compares results. Returns those that can be timed, and how far each differs."""
    ours, *others = case.contenders
    expected = ours.answered()
    differing: dict[str, float | None] = {ours.library: None}
    for other in others:
        where = f"{other.library}: {series.name}, {n}"
        predicted = prediction.predicted(other.library, n)
        if predicted > prediction.longest:
            results.left_out[where] = f"a call would take about {predicted:.2g} s"
            continue
        try:
            with warnings.catch_warnings():
                warnings.simplefilter("ignore")  # of the peer
                found, took = _timed(other.answered)
                if took > prediction.longest:
                    took = _timed(other.call)[1]  # without what a first call compiles or imports
            if took > prediction.longest:
                results.left_out[where] = f"a call takes {took:.2g} s"
                continue
            differing[other.library] = None if expected is None or found is None else group.difference(expected, found)
        except Exception as error:  # a peer may raise anything
            message = (str(error).splitlines() or [""])[0][:200]
            results.left_out[where] = f"{type(error).__name__}: {message}"
    return differing


def _timed(call: Callable[[], Any]) -> tuple[Any, float]:
    start = time.perf_counter()
    try:
        return call(), time.perf_counter() - start
    except BaseException as error:
        if isinstance(error, (Exception, KeyboardInterrupt, SystemExit)):
            raise
        raise RuntimeError(f"{type(error).__name__}: {error}") from error  # a Rust panic is not an Exception


def plan(groups: Iterable[Group], options: Options) -> list[tuple[Group, Series]]:
    return [(group, series) for group in groups for series in group.series(options) if series.sizes]
