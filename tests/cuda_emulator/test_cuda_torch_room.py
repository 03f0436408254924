"""The torch room's CUDA operators, whole: over the emulated kernels, with torch's dispatcher, sorts and stable ABI."""

from __future__ import annotations

import os
import subprocess
import sys
from pathlib import Path

import pytest

from tests.cuda_emulator import torch_room
from tests.tools.test_house import COMPOSED_ON_CUDA

from .test_cuda_emulated import _needs_a_compiler  # noqa: F401

ROOT = Path(__file__).parents[2]


@pytest.fixture(scope="module")
def library() -> Path:
    return torch_room.library()


@pytest.mark.parametrize(("options", "least"), [(["--some"], 200), pytest.param([], 600, marks=pytest.mark.slow)])
def test_every_operator_answers_as_the_reference(library: Path, options: list[str], least: int) -> None:
    command = [sys.executable, "-m", "tests.cuda_emulator.room_calls", str(library), *options]
    environment = {**os.environ, "PTDET_DISABLE_NATIVE": "1"}
    done = subprocess.run(command, cwd=ROOT, env=environment, capture_output=True, text=True, timeout=500, check=False)
    assert done.returncode == 0, done.stdout[-6000:] + done.stderr[-2000:]
    *without, calls = done.stdout.splitlines()
    assert set(without) == {f"{name}: no CUDA kernel" for name in COMPOSED_ON_CUDA}
    assert int(calls.split()[0]) > least
