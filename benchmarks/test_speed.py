"""The bouts of `ptdet bench` under pytest-benchmark: `pytest benchmarks`, or with `-k nms` one group of them.

One test a library and size, grouped by what is timed. pytest-benchmark runs them one after the other: for ratios that a
busy machine does not bend, use `ptdet bench`, which takes turns.
"""

from __future__ import annotations

from functools import cache

import pytest
from pytest_benchmark.fixture import BenchmarkFixture

from ptdet.bench.cases import Bout, Options, Series
from ptdet.bench.groups import GROUPS
from ptdet.bench.measure import told
from ptdet.bench.results import FLOOR
from ptdet.bench.suite import plan

CASES = [
    (series, n)
    for _, series in plan(GROUPS.values(), Options(quick=True))
    for n in series.sizes
    if series.build(min(series.sizes)).clock is not told
]
EVERY = [
    pytest.param(series, n, library, id=f"{series.name}, {n}, {library}")
    for series, n in CASES
    for library in [*(one.library for one in series.build(min(series.sizes)).contenders), FLOOR]
]


@cache
def bout_of(series: Series, n: int) -> Bout:
    return series.build(n)


@pytest.mark.parametrize(("series", "n", "library"), EVERY)
def test_speed(benchmark: BenchmarkFixture, series: Series, n: int, library: str) -> None:
    bout = bout_of(series, n)
    call = bout.floor if library == FLOOR else {one.library: one.call for one in bout.contenders}.get(library)
    if call is None:
        pytest.skip(f"{library} has nothing to do here")
    benchmark.group = f"{series.name}, {n}"
    benchmark(call)
