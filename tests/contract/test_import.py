"""Importing ptdet, in fresh processes: what it loads, in which order, and without the native build."""

from __future__ import annotations

import os
import subprocess
import sys
from pathlib import Path

import pytest

ROOT = Path(__file__).parents[2]
ANSWER = "ptdet.nms(torch.tensor([[0., 0, 5, 5], [0, 0, 5, 4]]), torch.tensor([.8, .9]), .5).tolist() == [1]"
OPERATOR = (
    "torch.ops.ptdet.nms(torch.tensor([[0., 0, 5, 5], [0, 0, 5, 4]]), torch.tensor([.8, .9]), None, .5).tolist() == [1]"
)


def python(code: str, **environment: str) -> str:
    ran = subprocess.run(
        [sys.executable, "-W", "error", "-c", code],
        cwd=ROOT,
        env={**os.environ, **environment},
        capture_output=True,
        text=True,
        timeout=120,
    )
    assert ran.returncode == 0, ran.stderr
    return ran.stdout


def test_torchvision_is_not_imported() -> None:
    python(f"import sys, torch, ptdet; assert {ANSWER}; ptdet.build_info(); assert 'torchvision' not in sys.modules")


def test_ptdet_before_torch() -> None:
    python(f"import ptdet, torch; assert {ANSWER}")


def test_torch_before_ptdet() -> None:
    python(f"import torch, ptdet; assert {OPERATOR}; assert {ANSWER}")


def test_register_by_hand() -> None:
    python(f"import ptdet; ptdet.register(); ptdet.register(); import torch; assert {OPERATOR}")


def test_without_the_native_build() -> None:
    """It works on the reference, and says why."""
    printed = python(
        f"import torch, ptdet; info = ptdet.build_info(); assert not info['cpu'] and not info['cuda'], info; "
        f"assert {ANSWER}; assert {OPERATOR}; "
        f"assert torch.ops.ptdet.nms_walk(torch.zeros(2, 4), torch.zeros(2), None, .5)[2] == 2; print(info)",
        PTDET_DISABLE_NATIVE="1",
    )
    assert "PTDET_DISABLE_NATIVE" in printed


@pytest.mark.slow
def test_without_the_native_build_it_compiles() -> None:
    python(
        "import torch, ptdet\n"
        "f = torch.compile(lambda b, s: ptdet.nms(b, s, .5), fullgraph=True, dynamic=True, backend='aot_eager')\n"
        "assert f(torch.tensor([[0., 0, 5, 5], [0, 0, 5, 4]]), torch.tensor([.8, .9])).tolist() == [1]\n",
        PTDET_DISABLE_NATIVE="1",
    )


def test_time_of_import(capsys: pytest.CaptureFixture[str]) -> None:
    """Printed, not asserted: a shared machine decides too much of it. The aim is below 0.3 s beside torch."""
    seconds = python(
        "import time, torch; start = time.perf_counter(); import ptdet; ptdet.build_info(); "
        "print(time.perf_counter() - start)"
    )
    with capsys.disabled():
        print(f"\nimport ptdet adds {float(seconds):.3f} s to importing torch")


def test_names_are_listed() -> None:
    names = "{'nms', 'batched_nms', 'backend', 'build_info', 'register', '__version__'}"
    python(f"import ptdet; assert {names} <= set(dir(ptdet)); assert ptdet.__version__")
