"""The cases of `python -m benchmarks` under pytest-benchmark: `pytest benchmarks`, or `-k nms` for one group.

One test a library and size, grouped by what is timed. pytest-benchmark runs them one after the other. For ratios that
the load of the machine does not change, use `python -m benchmarks`, which takes turns.
"""

from __future__ import annotations

from functools import cache

import pytest
from pytest_benchmark.fixture import BenchmarkFixture

from benchmarks.cases import Case, Options, Series
from benchmarks.groups import GROUPS
from benchmarks.measure import self_timed
from benchmarks.results import FLOOR
from benchmarks.suite import plan

CASES = [
    (series, n)
    for _, series in plan(GROUPS.values(), Options(quick=True))
    for n in series.sizes
    if series.build(min(series.sizes)).clock is not self_timed
]
EVERY = [
    pytest.param(series, n, library, id=f"{series.name}, {n}, {library}")
    for series, n in CASES
    for library in [*(one.library for one in series.build(min(series.sizes)).contenders), FLOOR]
]


@cache
def case_of(series: Series, n: int) -> Case:
    return series.build(n)


@pytest.mark.parametrize(("series", "n", "library"), EVERY)
def test_speed(benchmark: BenchmarkFixture, series: Series, n: int, library: str) -> None:
    case = case_of(series, n)
    call = case.floor if library == FLOOR else {one.library: one.call for one in case.contenders}.get(library)
    if call is None:
        pytest.skip(f"{library} is not timed here")
    benchmark.group = f"{series.name}, {n}"
    benchmark(call)
