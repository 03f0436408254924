"""The oldest torch that is promised: csrc/torch compiles against the headers of 2.11. And other compilers."""

from __future__ import annotations

import json
import os
import re
import shlex
import shutil
import subprocess
import sys
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path

import pytest
import torch

from . import torch_headers
from .built import last_build

ROOT = Path(__file__).parents[2]
OLDEST = "2.11.0"
OTHER_COMPILERS = [
    name
    for name in ("clang++", *(f"clang++-{n}" for n in range(14, 24)), *(f"g++-{n}" for n in range(11, 18)))
    if shutil.which(name)
]


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
def all_commands() -> list[tuple[Path, str]]:
    """How the build at hand compiled each C++ file."""
    ninja = shutil.which("ninja") or str(Path(sys.executable).parent / "ninja")
    if (folder := last_build()) is None:
        pytest.skip("nothing was built here")
    listed = subprocess.run([ninja, "-C", str(folder), "-t", "compdb", "cxx"], cwd=ROOT, capture_output=True, text=True)
    return [(Path(entry["file"]), entry["command"]) for entry in json.loads(listed.stdout)]


@pytest.mark.slow
@pytest.mark.skipif(not OTHER_COMPILERS, reason="no other compiler is installed: clang, or another g++")
@pytest.mark.parametrize("compiler", list(dict.fromkeys([*OTHER_COMPILERS[:1], *OTHER_COMPILERS[-1:]])) or ["none"])
def test_other_compilers_find_nothing_to_warn_of(compiler: str, all_commands: list[tuple[Path, str]]) -> None:
    def read(entry: tuple[Path, str]) -> str:
        source, command = entry
        flags = shlex.split(command.split(" -MMD ")[0])
        flags = flags[next(i for i, word in enumerate(flags) if word.startswith("-")) :]
        line = [compiler, *flags, "-Werror", "-fsyntax-only", str(source)]
        ran = subprocess.run(line, capture_output=True, text=True, check=False)
        return "" if ran.returncode == 0 else f"{source}: {ran.stderr[:2000]}"

    with ThreadPoolExecutor(2) as pool:
        wrong = [said for said in pool.map(read, all_commands) if said]
    assert not wrong, "\n".join(wrong)


@pytest.mark.slow
@pytest.mark.parametrize("room", ["torch_room.cpp", "torch_cuda_room.cpp"])
def test_compiles_against_the_oldest_headers(room: str, include: Path, all_commands: list[tuple[Path, str]]) -> None:
    commands = {file.name: (file, command) for file, command in all_commands}
    if room not in commands:
        pytest.skip("built without CUDA")
    file, command = commands[room]
    command, replaced = re.subn(r"-isystem \S*/torch/include(?=[ /])", f"-isystem {include}", command)
    assert replaced == 2
    arguments = shlex.split(command.split(" -MMD ")[0])
    ran = subprocess.run([*arguments, "-fsyntax-only", str(file)], capture_output=True, text=True)
    assert ran.returncode == 0, ran.stderr


def test_the_compiler_of_ci_is_of_one_release() -> None:
    """A part of another release breaks nvcc; .ci/run installs exactly these."""
    lines = (ROOT / "requirements-cuda.txt").read_text().splitlines()
    pinned = dict(line.split("==") for line in lines if line and not line.startswith("#"))
    assert len({pinned[f"nvidia-{part}"] for part in ("cuda-nvcc", "nvvm", "cuda-crt")}) == 1
    assert pinned["nvidia-cuda-runtime"].startswith("13.0.")
