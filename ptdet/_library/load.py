"""Loads the native kernels once, and keeps the reason where that failed."""

from __future__ import annotations

import hashlib
import sys
from pathlib import Path

import torch

from .._shared.build_record import build_record, cpu_problem, not_built, warn, why_disabled

HERE = Path(__file__).parents[1]
_written = (HERE / "schemas.txt").read_text(encoding="utf-8")
SCHEMAS = [line for line in _written.splitlines() if line.strip()]
_record, _hash = build_record(), hashlib.sha256(_written.encode()).hexdigest()
OPERATORS = [schema.split("(")[0] for schema in SCHEMAS]


def _load(name: str, part: str) -> str:
    """Empty if the library is loaded, else why it is not."""
    if disabled := why_disabled():
        return disabled
    library = HERE / name
    if not library.exists():
        return _record.get(part) or not_built()
    if _record.get("schemas", _hash) != _hash:  # sources that came later, as by git pull, have other operators
        return f"{name} was built from other sources: build ptdet again in {HERE.parent}"
    try:
        torch.ops.load_library(library)
    except (OSError, RuntimeError) as error:
        return f"{name} does not load: {error}; build ptdet again for this torch {torch.__version__}"
    return ""


WHY_NOT_CPU = _load("_C.so", "failed")
if WHY_NOT_CPU:
    WHY_NOT_CUDA = WHY_NOT_CPU
elif torch.version.cuda is None:
    WHY_NOT_CUDA = "this torch has no CUDA"
else:
    WHY_NOT_CUDA = _load("_C_cuda.so", "cuda_failed")


def has_kernels(device: torch.device) -> bool:
    """Are there native kernels for tensors that lie there?"""
    return device.type == "cpu" and not WHY_NOT_CPU or device.type == "cuda" and not WHY_NOT_CUDA


def _native_facts() -> dict[str, str]:
    """What the library says of itself."""
    return dict(part.split("=", 1) for part in torch.ops.ptdet._build_info().split(";")) if not WHY_NOT_CPU else {}


NATIVE_FACTS = _native_facts()
CPU_PROBLEM = (
    "" if WHY_NOT_CPU else cpu_problem(NATIVE_FACTS["instruction_sets"].split(", "), NATIVE_FACTS["instruction_set"])
)
if CPU_PROBLEM:
    warn(CPU_PROBLEM)
if WHY_NOT_CPU and not why_disabled() and sys.platform == "linux":  # where the kernels are to be had
    warn(f"ptdet runs on its pure-torch reference, up to thousands of times slower: {WHY_NOT_CPU}")
