"""The threads that kernels work on, under TSan, and under ASan and UBSan with a fork."""

from __future__ import annotations

import os
import shutil
import subprocess
from pathlib import Path

import pytest

from ..contract.test_import import ROOT


@pytest.mark.slow
@pytest.mark.parametrize("sanitizer, arguments", [("thread", ()), ("address,undefined", ("fork",))])
def test_under_a_sanitizer(sanitizer: str, arguments: tuple[str, ...], tmp_path: Path) -> None:
    compiler = os.environ.get("CXX", "c++")
    if shutil.which(compiler) is None:
        pytest.skip(f"no C++ compiler ({compiler})")
    sources = [str(ROOT / "tests/native/pool/driver.cpp"), str(ROOT / "csrc/runtime/thread_pool.cpp")]
    flags = ["-std=c++17", "-O1", "-g", "-Wall", "-Wextra", "-Werror", f"-fsanitize={sanitizer}", f"-I{ROOT}/csrc"]
    driver = tmp_path / "driver"
    built = subprocess.run([compiler, *flags, *sources, "-o", str(driver), "-lpthread"], capture_output=True, text=True)
    assert built.returncode == 0, built.stderr
    ran = subprocess.run([str(driver), *arguments], capture_output=True, text=True, timeout=300)
    assert (ran.returncode, ran.stdout) == (0, "right\n"), ran.stderr
