"""What is known of this installation without importing torch, and how a wrong setting is told."""

from __future__ import annotations

import json
import os
import sys
import warnings
from importlib import import_module
from importlib.machinery import PathFinder
from pathlib import Path

_told: set[str] = set()
HERE = Path(__file__).parents[1]


def build_record() -> dict[str, str]:
    """What setup.py wrote about the build."""
    record = HERE / "_build.json"
    facts: dict[str, str] = json.loads(record.read_text()) if record.exists() else {}
    return facts


def not_built() -> str:
    """What is wrong where there is no record of a build: a checkout that nobody built, which may hide one that is."""
    here = HERE.parent
    others = [place for place in sys.path if Path(place or ".").resolve() != here]
    spec = PathFinder.find_spec("ptdet", others)
    if spec is not None and spec.origin is not None and (built := Path(spec.origin).parent / "_build.json").exists():
        hides = f"and hides the one in {built.parent}: run from another folder, or"
    else:
        hides = "yet:"
    return f"ptdet was not built in {here} {hides} pip install . there"


def why_disabled() -> str:
    """Empty unless the environment asks for no native kernels."""
    if os.environ.get("PTDET_DISABLE_NATIVE", "") not in ("", "0"):
        return "PTDET_DISABLE_NATIVE is set: unset it to use the native kernels"
    return ""


def why_not_numpy() -> str:
    """Empty if ptdet.numpy is there."""
    try:
        import_module("ptdet.numpy")
    except ImportError as error:
        return str(error)
    return ""


def cpu_problem(possible: list[str], used: str) -> str:
    """Why PTDET_CPU is not obeyed; empty if it is, or is not set."""
    asked = os.environ.get("PTDET_CPU", "")
    if not asked or asked in possible:
        return ""
    return f"PTDET_CPU={asked!r} is not obeyed: this machine and build have {', '.join(possible)}; {used} is used"


def warn(problem: str) -> None:
    """A wrong setting is told once but stops no import, not even where warnings are errors: the answers are the same.

    Tensors and arrays have a library each, which find the same problem.
    """
    if problem in _told:
        return
    _told.add(problem)
    try:
        warnings.warn(problem, RuntimeWarning, stacklevel=2)
    except RuntimeWarning:
        print(f"ptdet: {problem}", file=sys.stderr)
