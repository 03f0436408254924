"""The CUDA kernels of the norm over channels, run on the CPU (tests/cuda_emulator), against the reference."""

from __future__ import annotations

import math
import os
import random
import re

import pytest
import torch
from torch import Tensor

from ptdet import reference
from ptdet.testing import samples_norm
from tests.cuda_emulator import harness, norms
from tests.cuda_emulator.harness import ASAN, FLAVOURS, PLAIN, TSAN, Flavour
from tests.cuda_emulator.norms import Case
from tests.native import machine_code

SEED = int(os.environ.get("PTDET_EMULATION_SEED", "0")) or random.SystemRandom().randrange(1, 2**32)
EACH = pytest.mark.parametrize("flavour", [pytest.param(flavour, id=flavour.name) for flavour in FLAVOURS])
CPU = torch.device("cpu")
DTYPES = (torch.float32, torch.float64, torch.float16, torch.bfloat16)
DEGREES = (1.0, 2.0, math.inf, 3.0, 0.5)


@pytest.fixture(autouse=True, scope="module")
def _needs_a_compiler() -> None:
    if harness.compiler() is None:
        if os.environ.get("CI"):
            pytest.fail("no C++ compiler")
        pytest.skip("no C++ compiler: set CXX")


def both_passes(x: Tensor, degree: float, misalignment: int = 0) -> list[Case]:
    norm = reference.channel_norm(x, degree)
    grad = torch.cos(torch.arange(norm.numel())).view_as(norm).to(x)
    forward = Case(x, degree, misalignment=misalignment)
    return [forward, Case(x, degree, grad, norm, misalignment)]


def check(flavour: Flavour, cases: list[Case]) -> None:
    print(f"PTDET_EMULATION_SEED={SEED}")
    cases = [case for case in cases if case.input.numel()]
    for case, got in zip(cases, norms.run(flavour, cases, SEED), strict=True):
        if case.grad is None:
            expected = reference.channel_norm(case.input, case.degree)
        else:
            assert case.norm is not None
            expected = reference.channel_norm_backward(case.grad, case.input, case.norm, case.degree)
        tolerance = max(1e-12 if case.input.dtype == torch.float64 else 2e-6, torch.finfo(case.input.dtype).eps)
        torch.testing.assert_close(
            got,
            expected,
            rtol=tolerance,
            atol=0,
            equal_nan=True,
            msg=lambda m, c=case: f"{m}\n{c.input.shape} {c.degree}",
        )


@EACH
def test_layouts(flavour: Flavour) -> None:
    degrees = DEGREES if flavour is not TSAN else (2.0, math.inf)
    cases = []
    for dtype in DTYPES if flavour is PLAIN else DTYPES[:1] + DTYPES[2:3]:
        for _, x in samples_norm.layouts(CPU, dtype):
            cases += [case for degree in degrees for case in both_passes(x, degree)]
    check(flavour, cases)


@EACH
def test_packs_and_their_ends(flavour: Flavour) -> None:
    """Widths around a pack of 16 bytes, along pixels and along channels, and memory that is not aligned to one."""
    cases = []
    for dtype in (torch.float32, torch.float16):
        for count in (1, 3, 4, 7, 8, 16, 31, 32, 33, 64, 136):
            along_pixels = samples_norm.images((2, 3, count), count, dtype)
            along_channels = (
                samples_norm.images((3, count, 2), count, dtype).transpose(1, 2).contiguous().transpose(1, 2)
            )
            for x in (along_pixels, along_channels):
                cases += both_passes(x, 2.0) + both_passes(x, math.inf, misalignment=x.element_size())
        rows = samples_norm.images((4, 48), 1, dtype)
        cases += both_passes(rows[:, :32], 2.0) + both_passes(rows[:, 1:33], 2.0) + both_passes(rows[:, ::2], 2.0)
    check(flavour, cases if flavour is not TSAN else cases[::3])


@pytest.mark.parametrize("flavour", [pytest.param(f, id=f.name) for f in (PLAIN, ASAN)])
@pytest.mark.parametrize("dtype", DTYPES, ids=str)
def test_extremes(flavour: Flavour, dtype: torch.dtype) -> None:
    finfo = torch.finfo(dtype)
    values = torch.tensor(
        [0.0, finfo.max, finfo.tiny, finfo.tiny * finfo.eps * 8, math.inf, math.nan, -1.0, -finfo.max]
    )
    pixels = torch.cartesian_prod(values, values).to(dtype)
    cases = []
    for degree in (1.0, 2.0, math.inf):
        for x in (pixels.t()[None].contiguous(), pixels, pixels.repeat(1, 16)):
            cases += both_passes(x, degree)
    check(flavour, cases)


@pytest.mark.parametrize("flavour", [pytest.param(f, id=f.name) for f in (PLAIN, ASAN)])
def test_numbers_2_to_the_31_apart(flavour: Flavour) -> None:
    assert norms.far_numbers_wrong(flavour, SEED) == 0


@pytest.mark.slow
def test_reads_and_writes_16_bytes_at_a_time() -> None:
    if machine_code.nvcc() is None:
        if os.environ.get("CI"):
            pytest.fail("no nvcc")
        pytest.skip("no nvcc: install the CUDA toolkit or set NVCC")
    ptx = machine_code.ptx(machine_code.compiled(harness.CSRC / "cuda" / "channel_norm.cu"))
    wide = {symbol: text for symbol, text in ptx.items() if re.search(r"Li[248]E", symbol)}
    assert len(wide) == 4 * 3 * 6  # dtypes, degrees, kernels
    for symbol, kernel in wide.items():
        assert re.search(r"ld\.global(\.nc)?\.v[24]", kernel), symbol
