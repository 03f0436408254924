"""The NEON kernels, cross-compiled and run under qemu, answer as this machine's kernels do.

Needs aarch64-linux-gnu-g++ and qemu-aarch64 (Debian: g++-aarch64-linux-gnu, qemu-user); on aarch64 itself the whole
suite is this test.
"""

from __future__ import annotations

import os
import platform
import shutil
import subprocess
from pathlib import Path

import pytest
import torch

from ptdet.testing import fuzz_case, strange_case
from tests.cuda_emulator.harness import encode

ROOT = Path(__file__).parents[2]
COMPILER, QEMU = (shutil.which(name) for name in ("aarch64-linux-gnu-g++", "qemu-aarch64"))
WARNINGS = ("-Wall", "-Wextra", "-Werror")
FLAGS = ("-std=c++17", "-O3", "-ffp-contract=off", *WARNINGS, f"-I{ROOT}/csrc", "-static", "-pthread")
CASES = int(os.environ.get("PTDET_AARCH64_CASES", "40"))

pytestmark = [
    pytest.mark.slow,
    pytest.mark.skipif(
        COMPILER is None or QEMU is None or platform.machine() == "aarch64",
        reason="no aarch64-linux-gnu-g++ or no qemu-aarch64: NEON was not tested",
    ),
]


@pytest.fixture(scope="module")
def driver(tmp_path_factory: pytest.TempPathFactory) -> Path:
    out = tmp_path_factory.mktemp("aarch64") / "driver"
    sources = [*sorted((ROOT / "csrc/cpu").rglob("*.cpp")), ROOT / "tests/native/cpu_alone/driver.cpp"]
    done = subprocess.run(
        [str(COMPILER), *FLAGS, *map(str, sources), "-o", str(out)],
        capture_output=True,
        text=True,
    )
    assert done.returncode == 0, done.stderr
    return out


def test_it_is_neon(driver: Path) -> None:
    done = subprocess.run([str(QEMU), str(driver), "isa"], capture_output=True, text=True, timeout=60)
    assert done.stdout == "neon\n", done.stderr


def test_answers(driver: Path, native: None) -> None:
    """Keep, owner and kept of plain and strange cases at 1, 2 and 3 threads: those of this machine's kernels."""
    cases = [case for seed in range(CASES) for case in (fuzz_case(seed), strange_case(seed))]
    asked = b"".join(encode(case, True) for case in cases)  # type: ignore[arg-type]
    done = subprocess.run([str(QEMU), str(driver)], input=asked, capture_output=True, timeout=600)
    assert done.returncode == 0, done.stderr.decode()
    answer = torch.frombuffer(bytearray(done.stdout), dtype=torch.int64)
    place = 0
    for case in cases:
        n = len(case.boxes)
        kept, keep, owner = answer[place], answer[place + 1 : place + 1 + n], answer[place + 1 + n : place + 1 + 2 * n]
        place += 1 + 2 * n
        expected = torch.ops.ptdet.nms_walk(*case.arguments)
        assert torch.equal(keep, expected[0]), case
        assert torch.equal(owner, expected[1]), case
        assert int(kept) == int(expected[2]), case
    assert place == len(answer)
