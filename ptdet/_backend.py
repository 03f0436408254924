"""Loads the native kernels once, and keeps the reason where that failed."""

from __future__ import annotations

import json
import os
from pathlib import Path

import torch

HERE = Path(__file__).parent
SCHEMAS = [line for line in (HERE / "schemas.txt").read_text().splitlines() if line.strip()]
OPERATORS = [schema.split("(")[0] for schema in SCHEMAS]


def build_record() -> dict[str, str]:
    """What setup.py wrote about the build."""
    record = HERE / "_build.json"
    facts: dict[str, str] = json.loads(record.read_text()) if record.exists() else {}
    return facts


def _load(name: str, absent: str) -> str:
    """Empty if the library is loaded, else why it is not."""
    if os.environ.get("PTDET_DISABLE_NATIVE", "") not in ("", "0"):
        return "PTDET_DISABLE_NATIVE is set: unset it to use the native kernels"
    library = HERE / name
    if not library.exists():
        return build_record().get("failed", absent)
    try:
        torch.ops.load_library(library)
    except (OSError, RuntimeError) as error:
        return f"{name} does not load: {error}; build ptdet again for this torch {torch.__version__}"
    return ""


WHY_NOT_CPU = _load("_C.so", "ptdet was not built here: pip install --no-build-isolation ptdet, or make build")
if WHY_NOT_CPU:
    WHY_NOT_CUDA = WHY_NOT_CPU
elif torch.version.cuda is None:
    WHY_NOT_CUDA = "this torch has no CUDA"
else:
    WHY_NOT_CUDA = _load("_C_cuda.so", "built without CUDA: install nvcc and build ptdet again")
