"""Fixtures that run one test on every backend and device.

A missing native build is an error here, not a skip: set PTDET_TEST_REFERENCE_ONLY=1 to test the reference alone.
"""

from __future__ import annotations

import os
from collections.abc import Iterator

import pytest
import torch

import ptdet

NATIVE = bool(ptdet.build_info()["cpu"])
REFERENCE_ONLY = os.environ.get("PTDET_TEST_REFERENCE_ONLY") == "1"


def pytest_configure(config: pytest.Config) -> None:
    config.addinivalue_line("markers", "cuda: needs a GPU and the CUDA build")
    config.addinivalue_line("markers", "long: more of what a test without it shows; `make fuzz` runs them")


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
