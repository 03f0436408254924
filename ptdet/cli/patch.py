"""`ptdet patch script.py ...` runs a script with ptdet behind torchvision's functions."""

from __future__ import annotations

import runpy
import sys
from importlib.util import find_spec
from pathlib import Path

from ..integrations._patch import patch

USAGE = """usage: ptdet patch SCRIPT [ARGUMENT ...]
       ptdet patch -m MODULE [ARGUMENT ...]

Runs a Python program with ptdet behind torchvision.ops.nms, batched_nms, the overlap functions and losses, and tells
on stderr what was replaced and how often it was called."""


def main(arguments: list[str]) -> int:
    """Returns 2 if there is nothing to run; else what the program raises is raised."""
    if arguments and arguments[0] in ("-h", "--help"):
        print(USAGE)
        return 0
    is_module = arguments[:1] == ["-m"]
    program = arguments[1:] if is_module else arguments
    if not program or (not is_module and program[0].startswith("-")):
        print(USAGE, file=sys.stderr)
        return 2
    if not is_module and not Path(program[0]).exists():
        print(f"ptdet patch: {program[0]}: there is no such file", file=sys.stderr)
        return 2
    if is_module:
        sys.path[0] = str(Path.cwd())  # as python -m has it
        if not _is_there(program[0]):
            print(f"ptdet patch: there is no module {program[0]}", file=sys.stderr)
            return 2
    try:
        patched = patch()
    except ImportError as error:
        print(error, file=sys.stderr)
        return 2
    sys.argv = program
    try:
        if is_module:
            runpy.run_module(program[0], run_name="__main__", alter_sys=True)
        else:
            sys.path[0] = str(Path(program[0]).resolve().parent)
            runpy.run_path(program[0], run_name="__main__")
    finally:
        patched.undo()
        print(patched, file=sys.stderr)
    return 0


def _is_there(module: str) -> bool:
    try:
        return find_spec(module) is not None
    except ModuleNotFoundError:  # a package before the last dot
        return False
