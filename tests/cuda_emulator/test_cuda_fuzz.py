"""A fuzz of every method, emulated CUDA against the CPU (fuzz.py): a handful of calls each time, hundreds if slow."""

from __future__ import annotations

import pytest
import torch

import ptdet
from ptdet._shared.methods import METHODS
from tests.cuda_emulator import fuzz, torch_room

from .test_cuda_emulated import _needs_a_compiler  # noqa: F401


@pytest.mark.skipif(not ptdet.build_info()["cpu"], reason="the CPU's kernels are not built")
@pytest.mark.parametrize(
    ("first", "cases"), [(14, 2 * len(METHODS)), pytest.param(100_000, 600, marks=pytest.mark.slow)]
)
def test_every_method_answers_as_the_cpu(first: int, cases: int) -> None:
    found = fuzz.compare(torch_room.library(), first, cases)
    assert found.wrong == []
    assert set(found.ran) == set(METHODS)
    assert found.refused < cases / 10


@pytest.mark.parametrize(
    "other",
    [
        [torch.tensor([1.0, torch.nan, 0.0])],  # 0 is not -0
        [torch.tensor([1.0, 2.0, -0.0])],
        [torch.tensor([1.0, torch.nan, -0.0], dtype=torch.float64)],
        [torch.tensor([1.0000001, torch.nan, -0.0])],
        "ValueError: scores",
    ],
    ids=str,
)
def test_a_bit_that_differs_is_seen(other: fuzz.Answer) -> None:
    one = [torch.tensor([1.0, torch.nan, -0.0])]
    assert fuzz.same_bits(one, [one[0].clone()])
    assert not fuzz.same_bits(one, other)
