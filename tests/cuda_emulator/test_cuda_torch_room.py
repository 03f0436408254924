"""The torch room's CUDA operators, whole: over the emulated kernels, with torch's dispatcher, sorts and stable ABI."""

from __future__ import annotations

import os
import subprocess
import sys
from pathlib import Path

import pytest

from tests.cuda_emulator import torch_room

from .test_cuda_emulated import _needs_a_compiler  # noqa: F401

ROOT = Path(__file__).parents[2]
# What lies around a pass over a batch: on CUDA it is composed of other operators and torch (ops/_yolo_on_cuda.py).
COMPOSED = ["yolo_postprocess", "yolo_pipeline", "ragged_groups", "image_order", "rows_at", "class_candidates"]


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
    assert without == [f"{name}: no CUDA kernel" for name in COMPOSED]
    assert int(calls.split()[0]) > least
