"""What the kernels that memory bounds issue, by their machine code for sm_90: few enough instructions that memory stays
the bound, none of them a division of indices, loads on their way together. Needs nvcc and cuobjdump, no GPU.

At the copy bandwidth of an H200 a multiprocessor moves 512 bytes in 27 cycles, in which it issues 110 instructions.
csrc/cuda/README.md has the counts.
"""

from __future__ import annotations

import os

import pytest

from tests.native import machine_code
from tests.native.gpu_model import H200, ISSUED_PER_SECOND, LAUNCH
from tests.native.sass_turns import count, kernel

pytestmark = pytest.mark.slow

INTEGER_DIVISION = ("I2F", "F2I", "MUFU.RCP")
MEASURE = r"{}.*Ciou.*Ef"


@pytest.fixture(autouse=True, scope="module")
def _needs_the_tools() -> None:
    if machine_code.nvcc() and machine_code.disassembler():
        return
    if os.environ.get("CI") or os.environ.get("PTDET_REQUIRE_NATIVE") == "1":
        pytest.fail("nvcc or cuobjdump not found")
    pytest.skip("nvcc or cuobjdump not found (pip install -r requirements-cuda.txt, set CUDA_HOME)")


# What a warp issues for 512 bytes read, at most: 16 bytes a lane, once through the loop over channels.
@pytest.mark.parametrize(
    ("types", "degree", "forward", "backward"),
    [
        ("ff", "Manhattan", 40, 70),
        ("ff", "Euclidean", 45, 60),
        ("ff", "Largest", 50, 120),
        ("dd", "Euclidean", 45, 60),
        ("7Float16E", "Euclidean", 65, 80),
        ("8BFloat16E", "Euclidean", 70, 140),
    ],
)
def test_channels_last_norm(types: str, degree: str, forward: int, backward: int) -> None:
    norm = kernel("channel_norm", rf"norm_of_joined_rowsI\w*{types}\w*{degree}")
    slope = kernel("channel_norm", rf"slope_of_joined_rowsI\w*{types}\w*{degree}")
    way = norm.issued(LDG_E_128=4, SHFL=4, STG=1)
    assert len(way) <= 4 * forward, len(way) / 4
    assert count(way, *INTEGER_DIVISION) == 0
    way = slope.issued(LDG_E_128=4, STG_E_128=4)
    assert len(way) <= 4 * backward, len(way) / 4
    assert count(way, "F2I") == 0
    for code in (norm, slope):
        streaming = [loop for loop in code.loops() if count(loop, "LDG.E.128")]
        assert streaming
        for loop in streaming:
            assert count(loop, "LDG.E.128") >= 4, "loads are on their way together"
            assert count(loop, *INTEGER_DIVISION) == 0


# Of a pair, at most; of CIoU in float32, with all its divisions.
@pytest.mark.parametrize(
    ("name", "most", "stores"),
    [("grade_pairsILb0", 330, 0), ("grade_pairsILb1", 620, 2), ("gradient_of_pairs", 660, 2)],
)
def test_losses(name: str, most: int, stores: int) -> None:
    code = kernel("losses", MEASURE.format(name))
    way = code.most_issued(LDG_E_128=4)
    assert len(way) <= most
    assert count(way, "STG.E.128") == stores
    assert count(way, "F2I") == 0


def test_a_million_ciou_pairs_take_less_than_45_microseconds_by_count() -> None:
    """Forward and gradient on an H200: the greater of bytes and instructions a kernel, the sum of the values between
    them, and six launches in a graph (two of torch's for the sum and its bound)."""
    warps, pairs = 1e6 / 32, 1e6
    issued = {
        name: len(kernel("losses", MEASURE.format(name)).most_issued(LDG_E_128=4))
        for name in ("grade_pairsILb0", "gradient_of_pairs")
    }
    moved = {"grade_pairsILb0": 36, "gradient_of_pairs": 64}
    copied = H200.copied_per_second
    seconds = sum(max(warps * issued[name] / ISSUED_PER_SECOND, pairs * moved[name] / copied) for name in issued)
    assert seconds + 4 * pairs / copied + 6 * LAUNCH < 45e-6


@pytest.mark.parametrize(("reader", "most"), [("ColumnsFirst", 70), ("RowsFirst", 145)])
def test_yolo_filter_reads_eight_numbers_at_a_time(reader: str, most: int) -> None:
    """Of a round over eight classes of which none is a candidate, 1 KiB a warp."""
    code = kernel("yolo", rf"count_candidatesI\w*{reader}Eff")
    (loop,) = [loop for loop in code.loops() if count(loop, "LDG") >= 8]
    issued = code.round(loop, r"LDG\.E", 8)
    assert 0 < issued <= most


def test_the_earlier_kernel_would_have_failed() -> None:
    """What takes one pixel at a time is still there for pixels that do not follow each other: its index is divided."""
    code = kernel("channel_norm", r"norm_of_rowsIffLi4E\w*Euclidean")
    assert count(code.body, "F2I") > 0
    assert len(code.issued(LDG_E_128=1, STG=1)) > 45
