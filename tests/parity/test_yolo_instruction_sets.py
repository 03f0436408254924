"""The YOLO filter answers alike on every instruction set; each takes a process, because it is chosen once."""

from __future__ import annotations

import hashlib
import os
import platform
import subprocess
import sys
from pathlib import Path

import pytest
import torch

import ptdet
from ptdet.testing import heads


def digest() -> str:
    """Of what the filter says of every sample, dtype and layout."""
    ptdet.build_info()
    found = hashlib.sha256()
    for dtype in (torch.float32, torch.float64, torch.float16, torch.bfloat16):
        for sample in heads.yolo_filter(torch.device("cpu"), dtype):
            prediction, *rest = sample.arguments
            for given in (prediction, prediction.transpose(1, 2).contiguous().transpose(1, 2)):
                for tensor in torch.ops.ptdet.yolo_filter(given, *rest):
                    found.update(tensor.numpy().tobytes())
    return found.hexdigest()


@pytest.mark.slow
@pytest.mark.usefixtures("native")
def test_every_instruction_set_answers_alike() -> None:
    asked = ("baseline", "avx2", "avx512") if platform.machine() in ("x86_64", "AMD64") else ("",)
    command = [sys.executable, "-c", "from tests.parity.test_yolo_instruction_sets import digest; print(digest())"]
    root = Path(__file__).parents[2]
    expected = digest()
    for name in asked:
        environment = {**os.environ, "PTDET_CPU": name, "PYTHONPATH": str(root)}
        done = subprocess.run(command, cwd=root, env=environment, capture_output=True, text=True, check=False)
        assert done.returncode == 0, done.stderr
        assert done.stdout.strip() == expected, name
