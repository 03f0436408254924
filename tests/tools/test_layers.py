"""What `make test` leaves to `make test-all`, and the list of what takes longest in it."""

from __future__ import annotations

import subprocess
import sys
from itertools import product
from pathlib import Path

import pytest

from ..conftest import ROOT, part_of_grid
from ..tools import slowest

GRID = [{"method": m, "name": n, "threads": t} for m, n, t in product("abcd", "nopqrs", (1, 2))]


@pytest.mark.parametrize("named", [(), ("method",), ("method", "threads"), ("method", "name", "threads")], ids=str)
def test_a_part_of_a_grid_holds_every_value_and_every_combination_of_the_named(named: tuple[str, ...]) -> None:
    part = [GRID[number] for number in part_of_grid(GRID, named)]
    for parameter in GRID[0]:
        assert {case[parameter] for case in part} == {case[parameter] for case in GRID}
    shown = {tuple(case[name] for name in named) for case in part}
    assert shown == {tuple(case[name] for name in named) for case in GRID}
    # no fewer than the longest parameter has values, and here no more than that or the combinations
    assert len(part) == max(6, len(shown))


def test_a_grid_of_an_unknown_parameter_is_refused() -> None:
    with pytest.raises(AssertionError, match="metod"):
        part_of_grid(GRID, ("metod",))


def collected(*options: str) -> set[str]:
    command = [sys.executable, "-m", "pytest", "-q", "--co", "-p", "no:cacheprovider", *options]
    files = [
        "tests/parity/test_methods_parity.py",
        "tests/native/test_pool.py",
        "tests/cuda_emulator/test_yolo_emulated.py",
    ]
    done = subprocess.run([*command, *files], cwd=ROOT, capture_output=True, text=True, check=True)
    return {line for line in done.stdout.splitlines() if "::" in line}


@pytest.mark.slow
def test_the_layers_share_no_test_and_lose_none() -> None:
    fast, slow = collected(), collected("-m", "slow")
    assert fast and slow and not fast & slow
    assert fast | slow == collected("-m", "")
    assert not [name for name in fast if "asan" in name or "tsan" in name or "test_pool" in name]


def test_the_slowest_are_listed(tmp_path: Path) -> None:
    case = '<testcase classname="tests.test_{}" name="{}" time="{}" />'
    cases = [case.format(*row) for row in (("a", "x", 2.5), ("b", "y", 1), ("a", "z", 0.5))]
    (tmp_path / "out.xml").write_text(f"<testsuites><testsuite>{''.join(cases)}</testsuite></testsuites>")
    told = slowest.table(tmp_path / "out.xml")
    assert told[0].startswith("the fast layer: 3 tests, 4 s")
    assert [line.split() for line in told[1:]] == [
        ["3.0", "s", "tests/test_a.py"], ["1.0", "s", "tests/test_b.py"],
        ["2.5", "s", "tests/test_a.py::x"], ["1.0", "s", "tests/test_b.py::y"], ["0.5", "s", "tests/test_a.py::z"],
    ]  # fmt: skip
