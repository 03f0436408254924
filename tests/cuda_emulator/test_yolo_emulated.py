"""The CUDA kernels of the YOLO filter and of the images' slots, run on the CPU (tests/cuda_emulator)."""

from __future__ import annotations

import math
import os
import random

import pytest
import torch

from ptdet import reference
from ptdet.testing import heads
from tests.cuda_emulator import harness, yolo
from tests.cuda_emulator.harness import FLAVOURS, PLAIN, TSAN, Flavour

SEED = int(os.environ.get("PTDET_EMULATION_SEED", "0")) or random.SystemRandom().randrange(1, 2**32)
EACH = pytest.mark.parametrize("flavour", [pytest.param(flavour, id=flavour.name) for flavour in FLAVOURS])
DTYPES = [torch.float32, torch.float64, torch.float16, torch.bfloat16]


@pytest.fixture(autouse=True, scope="module")
def _needs_a_compiler() -> None:
    if harness.compiler() is None:
        if os.environ.get("CI"):
            pytest.fail("no C++ compiler")
        pytest.skip("no C++ compiler: set CXX")


@EACH
@pytest.mark.parametrize("dtype", DTYPES, ids=str)
def test_filter(flavour: Flavour, dtype: torch.dtype) -> None:
    print(f"PTDET_EMULATION_SEED={SEED}")
    samples = list(heads.yolo_filter(torch.device("cpu"), dtype))
    if flavour is TSAN:
        samples = samples[::3]
    cases = [sample.arguments for sample in samples]
    for sample, got in zip(samples, yolo.run_filter(flavour, cases, SEED), strict=True):
        for ours, theirs in zip(got, reference.yolo_filter(*sample.arguments), strict=True):
            assert ours.dtype == theirs.dtype and ours.shape == theirs.shape, sample.name
            assert torch.equal(ours, theirs), sample.name


def test_filter_of_many_blocks() -> None:
    prediction = heads.head_output(3, 2000, 2, 5, objectness=False).transpose(1, 2).contiguous().transpose(1, 2)
    case = (prediction, 2, False, False, True, 0.0, 0.1, -math.inf, math.inf)
    (got,) = yolo.run_filter(PLAIN, [case], SEED)
    assert len(got[0]) > 1000
    assert all(map(torch.equal, got, reference.yolo_filter(*case)))


@EACH
def test_slots(flavour: Flavour) -> None:
    samples = list(heads.image_slots(torch.device("cpu"), torch.float32))
    cases = [(*sample.arguments, *sample.keywords.values()) for sample in samples]
    if flavour is TSAN:
        cases = cases[::4]
    for case, got in zip(cases, yolo.run_slots(flavour, cases, SEED), strict=True):
        assert all(map(torch.equal, got, reference.image_slots(*case))), case


@EACH
def test_slots_out_of_range_are_skipped(flavour: Flavour) -> None:
    keep = torch.tensor([2, 99, 0, -1, 1, 2**62, 3])
    groups = torch.tensor([0, 5, -1, 77])  # 2 images, 3 classes: -1 and 77 are none
    for most, expected in ((None, [[2, -1, -1], [4, -1, -1]]), (1, [[2, -1, -1], [4, -1, -1]])):
        ((num, slots),) = yolo.run_slots(flavour, [(keep, groups, 2, 3, 3, most)], SEED)
        assert num.tolist() == [1, 1]
        assert slots.tolist() == expected
