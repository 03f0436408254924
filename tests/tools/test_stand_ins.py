"""The variables of tests/tools/stand_ins.py are obeyed where they are set, and its list names files that are there."""

from __future__ import annotations

import os
from pathlib import Path

import pytest
import torch

import ptdet

from .stand_ins import PARITY, STAND_INS, possible

TESTS = Path(__file__).parents[1]


def test_the_files_of_parity_are_there() -> None:
    assert all((TESTS / name).exists() for name in PARITY)
    named_so = {str(path.relative_to(TESTS)) for path in TESTS.glob("*/test_*_parity.py")}
    assert named_so <= set(PARITY)


def test_torch_takes_the_code_it_is_told_to() -> None:
    asked = os.environ.get("ATEN_CPU_CAPABILITY")
    if asked is None:
        pytest.skip("ATEN_CPU_CAPABILITY is not set")
    assert torch.backends.cpu.get_cpu_capability() == asked.upper()


def test_ptdet_takes_the_instruction_set_it_is_told_to(native: None) -> None:
    asked = os.environ.get("PTDET_CPU")
    if asked is None:
        pytest.skip("PTDET_CPU is not set")
    assert ptdet.build_info()["instruction_set"] == asked


def test_every_instruction_set_of_x86_has_a_stand_in() -> None:
    """The best of the machine is what the suite itself runs on."""
    named = {name: {one.get(name) for one in STAND_INS} for name in ("PTDET_CPU", "ATEN_CPU_CAPABILITY", "MKL_CBWR")}
    assert named["PTDET_CPU"] >= {"baseline", "avx2"} and named["ATEN_CPU_CAPABILITY"] >= {"default", "avx2"}
    assert "COMPATIBLE" in named["MKL_CBWR"]
    assert "PTDET_CPU" not in possible({"PTDET_CPU": "no such set"})
