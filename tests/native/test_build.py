"""The oldest torch that is promised: every file of the torch room compiles against the headers of 2.11."""

from __future__ import annotations

import json
import os
import re
import shlex
import shutil
import subprocess
import sys
from pathlib import Path

import pytest
import torch

from . import torch_headers
from .built import last_build

ROOT = Path(__file__).parents[2]
OLDEST = "2.11.0"


@pytest.fixture(scope="module")
def include() -> Path:
    if torch.__version__.startswith(OLDEST):
        return Path(torch.__file__).parent / "include"
    try:
        return torch_headers.fetch(OLDEST, ROOT / "build")
    except OSError as error:
        if os.environ.get("PTDET_REQUIRE_NATIVE") == "1":
            raise
        pytest.skip(f"the headers of torch {OLDEST} are not to be had: {error}")


@pytest.fixture(scope="module")
def commands() -> dict[str, str]:
    """How the build at hand compiled each file."""
    ninja = shutil.which("ninja") or str(Path(sys.executable).parent / "ninja")
    if (folder := last_build()) is None:
        pytest.skip("nothing was built here")
    listed = subprocess.run([ninja, "-C", str(folder), "-t", "compdb", "cxx"], cwd=ROOT, capture_output=True, text=True)
    room = ROOT / "csrc/torch"  # other rooms have files of the same names
    entries = json.loads(listed.stdout)
    return {Path(e["file"]).name: e["command"] for e in entries if Path(e["file"]).parent == room}


@pytest.mark.slow
@pytest.mark.parametrize("name", [path.name for path in sorted((ROOT / "csrc/torch").glob("*.cpp"))])
def test_compiles_against_the_oldest_headers(name: str, include: Path, commands: dict[str, str]) -> None:
    if name not in commands:
        pytest.skip("built without CUDA")
    command, replaced = re.subn(r"-isystem \S*/torch/include(?=[ /])", f"-isystem {include}", commands[name])
    assert replaced == 2
    arguments = shlex.split(command.split(" -MMD ")[0])
    source = str(ROOT / "csrc/torch" / name)
    ran = subprocess.run([*arguments, "-fsyntax-only", source], capture_output=True, text=True)
    assert ran.returncode == 0, ran.stderr


def test_the_compiler_of_ci_is_of_one_release() -> None:
    """A part of another release breaks nvcc; .ci/run installs exactly these."""
    lines = (ROOT / "requirements-cuda.txt").read_text().splitlines()
    pinned = dict(line.split("==") for line in lines if line and not line.startswith("#"))
    assert len({pinned[f"nvidia-{part}"] for part in ("cuda-nvcc", "nvvm", "cuda-crt")}) == 1
    assert pinned["nvidia-cuda-runtime"].startswith("13.0.")
