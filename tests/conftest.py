"""Fixtures that run one test on every backend and device, and the two layers of the suite.

A missing native build is an error here, not a skip: set PTDET_TEST_REFERENCE_ONLY=1 to test the reference alone.

`make test`, or pytest without options, is the fast layer; `make test-all` runs the rest, which is marked `slow`. A new
test is fast. A large grid of parameters is marked `grid`: a part of it is fast, see `part_of_grid`.
"""

from __future__ import annotations

import os
from collections import Counter, defaultdict
from collections.abc import Hashable, Iterator
from pathlib import Path

import hypothesis
import pytest
import torch

import ptdet
from tests.cuda_emulator.harness import PLAIN, Flavour

ROOT = Path(__file__).parents[1]
NATIVE = bool(ptdet.build_info()["cpu"])
REFERENCE_ONLY = os.environ.get("PTDET_TEST_REFERENCE_ONLY") == "1"


def pytest_configure(config: pytest.Config) -> None:
    config.addinivalue_line("markers", "cuda: needs a GPU and the CUDA build")
    config.addinivalue_line("markers", "slow: left to `make test-all`")
    config.addinivalue_line(
        "markers",
        "grid(*names): `make test` runs a part of the parameters, with every combination of the named ones and every"
        " value of the others; `make test-all` runs the rest",
    )
    # the same examples everywhere, and none kept in the current folder
    hypothesis.settings.register_profile("same", derandomize=True, deadline=None)
    hypothesis.settings.load_profile("same")
    # inductor's own folder for it, outside the checkout, holds what other processors and versions have compiled
    level = torch.backends.cpu.get_cpu_capability()
    os.environ.setdefault("TORCHINDUCTOR_CACHE_DIR", str(ROOT / f"build/inductor-{torch.__version__}-{level}"))
    # a `make` that a test starts is not a part of the `make test` around it, which would change what it prints
    for name in ("MAKEFLAGS", "MAKELEVEL", "MFLAGS", "MAKEOVERRIDES"):
        os.environ.pop(name, None)
    # processes that tests start find this checkout from any folder
    os.environ["PYTHONPATH"] = os.pathsep.join(filter(None, [str(ROOT), os.environ.get("PYTHONPATH")]))
    if os.environ.get("PYTEST_XDIST_WORKER"):  # threads that wait for a core another worker has cost more than they do
        torch.set_num_threads(1)


@pytest.hookimpl(tryfirst=True)  # before pytest leaves out what -m does not ask for
def pytest_collection_modifyitems(items: list[pytest.Item]) -> None:
    of_one: defaultdict[str, list[pytest.Item]] = defaultdict(list)
    for item in items:
        of_one[item.nodeid.split("[")[0]].append(item)
    for cases in of_one.values():
        marker = cases[0].get_closest_marker("grid")
        if marker:
            fast = part_of_grid([values_of(case) for case in cases], marker.args)
            for number, case in enumerate(cases):
                if number not in fast:
                    case.add_marker("slow")
    for item in items:
        flavour = item.callspec.params.get("flavour") if hasattr(item, "callspec") else None
        if isinstance(flavour, Flavour) and flavour is not PLAIN:  # compiled and run under a sanitizer
            item.add_marker("slow")


def values_of(case: pytest.Item) -> dict[str, object]:
    """The value of each parameter, or for one without a hash its identity."""
    assert isinstance(case, pytest.Function) and hasattr(case, "callspec"), f"{case.nodeid}: a grid of no parameters"
    given = case.callspec.params.items()
    return {name: (type(value), value if isinstance(value, Hashable) else id(value)) for name, value in given}


def part_of_grid(cases: list[dict[str, object]], named: tuple[str, ...]) -> set[int]:
    """Which cases to run: together they have every combination of the named parameters and every value of each other.

    In turn the case that adds most to it; of equals the one whose values were taken least, so that they alternate.
    """
    assert set(named) <= set(cases[0]), f"grid: {named} are not all parameters, which are {list(cases[0])}"

    def shown(case: dict[str, object]) -> set[object]:
        return {tuple(case[name] for name in named), *(each for each in case.items() if each[0] not in named)}

    everything = [shown(case) for case in cases]
    missing: set[object] = set().union(*everything)
    taken: Counter[object] = Counter()
    fast: set[int] = set()
    while missing:
        best = max(
            (number for number in range(len(cases)) if number not in fast),
            key=lambda n: (len(everything[n] & missing), -sum(taken[each] for each in everything[n])),
        )
        fast.add(best)
        missing -= everything[best]
        taken.update(everything[best])
    return fast


@pytest.fixture(autouse=True)
def _draws_do_not_depend_on_other_tests() -> None:
    """What is drawn without a generator is the same alone, in the whole suite and in any order."""
    torch.manual_seed(0)


def require_native() -> None:
    if NATIVE:
        return
    if REFERENCE_ONLY:
        pytest.skip("no native build (PTDET_TEST_REFERENCE_ONLY=1)")
    pytest.fail(f"the native CPU kernels are not loaded: {ptdet.build_info()}")


@pytest.fixture
def native() -> None:
    """For a test that is about the native kernels."""
    require_native()


@pytest.fixture(params=["native", "reference"])
def backend(request: pytest.FixtureRequest) -> Iterator[str]:
    """Runs the test on the native kernels, then on the reference."""
    if request.param == "native":
        require_native()
        yield "native"
    else:
        with ptdet.backend("reference"):
            yield "reference"


@pytest.fixture(params=["cpu", pytest.param("cuda", marks=pytest.mark.cuda)])
def device(request: pytest.FixtureRequest) -> torch.device:
    if request.param == "cuda" and not (torch.cuda.is_available() and ptdet.build_info()["cuda"]):
        pytest.skip("no GPU, or no CUDA build")
    return torch.device(request.param)


@pytest.fixture(params=[1, 2], ids=["1 thread", "2 threads"])
def threads(request: pytest.FixtureRequest) -> Iterator[int]:
    before = torch.get_num_threads()
    torch.set_num_threads(request.param)
    yield request.param
    torch.set_num_threads(before)
