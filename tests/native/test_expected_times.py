"""The table of expected times in csrc/cuda/README.md: it has every row of the GPU benchmark and every operator with a
CUDA kernel, and is what the machine code of this tree gives.
"""

from __future__ import annotations

import re
from types import SimpleNamespace
from typing import Any

import pytest
import torch

from benchmarks.gpu import expected
from benchmarks.gpu.workloads import FAMILIES, Sizes
from ptdet._library.signatures import SIGNATURES
from tests.native import expected_times, machine_code
from tests.tools.test_house import COMPOSED_ON_CUDA


def without_numbers(name: str) -> str:
    return re.sub(r"\d+M?", "#", name.replace("(", "").replace(")", ""))


def test_every_row_of_the_benchmark_is_expected() -> None:
    gpu: Any = SimpleNamespace(device=torch.device("cpu"), is_fake=True, captured=lambda call: (None, call))
    names = {without_numbers(work.name) for family in FAMILIES for work in family(gpu, Sizes.of(gpu))}
    table = {without_numbers(cells[0]) for cells in expected.rows()[1:]}
    assert table - {"nms, clustered, #, max_output #"} == names  # that one is of a size that is not run here


def test_every_operator_with_a_cuda_kernel_is_expected() -> None:
    named = {name.removesuffix("_walk") for cells in expected.rows()[1:] for name in cells[1].split(", ")}
    assert named == {name.removesuffix("_walk") for name in set(SIGNATURES) - COMPOSED_ON_CUDA}


def test_what_a_report_prints_beside_its_times() -> None:
    row = "nms, clustered, 1000"
    for gpu, name in (("NVIDIA H100 80GB HBM3", "H100"), ("NVIDIA H200", "H200")):
        header, *cells = expected.rows()
        (found,) = [line for line in cells if line[0] == row]
        assert expected.milliseconds(gpu)[row] == float(found[header.index(f"{name}, us")]) / 1e3 > 0
    assert expected.milliseconds("NVIDIA A100") == {}


@pytest.mark.slow
@pytest.mark.skipif(
    machine_code.nvcc() is None or machine_code.disassembler() is None,
    reason="nvcc or cuobjdump not found",  # where they must be, test_cuda_machine_code.py fails
)
def test_the_table_is_what_the_machine_code_gives() -> None:
    """Numbers are rounded to two digits; another release of nvcc may move the last."""
    made = [[cell.strip() for cell in line.strip("| ").split("|")] for line in expected_times.table()]
    made = [line for line in made if line[0] != "---"]
    written = expected.rows()
    assert [line[:3] for line in made] == [line[:3] for line in written]
    columns = [made[0].index(name) for name in (*made[0][3:6], "H100, us", "H200, us")]
    for ours, theirs in zip(made[1:], written[1:], strict=True):
        for at in columns:
            assert float(ours[at]) == pytest.approx(float(theirs[at]), rel=0.06), (ours[0], made[0][at])
