"""What is native here, and why the rest is not."""

from __future__ import annotations

from typing import Any

import torch

from ._library.load import CPU_PROBLEM, NATIVE_FACTS, WHY_NOT_CPU, WHY_NOT_CUDA
from ._library.register import register
from ._shared.build_record import build_record, why_not_numpy


def build_info() -> dict[str, Any]:
    """Facts about this build: `cpu` and `cuda` (is it native?), the reasons where not, instruction set, versions;
    `cpu_problem`: why PTDET_CPU is not obeyed; `numpy`: is ptdet.numpy there?

    >>> import ptdet
    >>> sorted(ptdet.build_info())[:4]
    ['built_with_torch', 'compiler', 'cpu', 'cpu_problem']
    """
    register()
    facts = NATIVE_FACTS
    record = build_record()
    return {
        "cpu": not WHY_NOT_CPU,
        "why_not_cpu": WHY_NOT_CPU,
        "cuda": not WHY_NOT_CUDA,
        "why_not_cuda": WHY_NOT_CUDA,
        "cuda_archs": record.get("cuda_archs", "") if not WHY_NOT_CUDA else "",
        "instruction_set": facts.get("instruction_set", ""),
        "instruction_sets": facts.get("instruction_sets", ""),
        "cpu_problem": CPU_PROBLEM,
        "compiler": facts.get("compiler", ""),
        "built_with_torch": facts.get("built_with_torch", ""),
        "torch": torch.__version__,
        "numpy": not (why_not := why_not_numpy()),
        "why_not_numpy": why_not,
    }
