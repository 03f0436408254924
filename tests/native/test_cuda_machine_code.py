"""Every kernel of csrc/cuda on every architecture of a release: it is there, spills nothing, leaves room for as many
blocks as it was designed for, and nothing that decides is fused. Needs nvcc and cuobjdump, no GPU.
"""

from __future__ import annotations

import os
import re
from collections import defaultdict
from functools import cache
from pathlib import Path

import pytest

from ptdet._shared.parameters import METRICS, ROTATED_METRICS
from tests.native import machine_code
from tests.native.machine_code import ARCHITECTURES, READ_IN_FULL, Kernel

SOURCES = sorted((machine_code.CSRC / "cuda").glob("*.cu"))
EACH = [pytest.param(path, id=path.stem) for path in SOURCES]

pytestmark = pytest.mark.slow

# (pattern in the mangled name, threads of a block, blocks that a multiprocessor holds at once, at least; the same for
# sm_75, whose shared memory is small); the first that fits counts. Where no row names a kernel, two blocks of 256
# threads must fit.
DESIGN = [
    (r"pass_over_tilesI.*DiouPowerENS_3BoxIfE", 256, 2, 2),  # its power is computed in double
    (r"pass_over_tilesI.*3BoxIfE", 256, 4, 2),
    (r"pass_over_tilesI.*3BoxIdE", 256, 1, 1),
    (r"pass_over_tilesI.*10RotatedBoxIdE", 256, 2, 2),
    (r"overlap_rotated_tilesI", 128, 4, 4),
    (r"slopes_of_rotated_pairsI.*[DGT]iou", 256, 1, 1),  # and those of what encloses both boxes
    (r"find_firstI.*3BoxIfE|find_(relief|least)INS_\d[A-Z][a-z]+Ef", 256, 4, 4),
    (r"sum_counts", 1024, 1, 1),
    (r"pass_over_segmentsIf", 512, 1, 1),
    (r"pass_over_segmentsId", 256, 1, 1),
    (r"fuse_segmentsId", 256, 1, 1),
    (r"", 256, 2, 2),
]

# Kernels in which CUDA's own functions fuse (pattern, which function): of values that SPEC 1 does not promise to the
# bit, in a bound with room to spare, or inside a root, which is rounded correctly all the same. All others fuse nothing
# but the steps of a division.
MAY_FUSE = [
    (r"(norm|slope|curve)s?_of_|channel_norm", "sqrt"),
    (r"[Ll]oss", "sqrt"),
    (r"7Probiou|5Kfiou", "sqrt"),
    (r"yolo|_candidates", "log, in the bound below which no sigmoid is asked for"),
]


# What a kernel may keep in memory for want of registers (pattern, bytes). DIoU of rotated boxes, with a power or not,
# has both boxes to hold beside their overlap: a few doubles out and back among 700 instructions cost less than every
# other block would.
MAY_SPILL = [(r"pass_over_tilesI.*4Diou.*10RotatedBoxIdE", 16), (r"pass_over_tilesI.*9DiouPower.*10RotatedBoxIdE", 48)]


# In PTX. What states its rounding (add.rn.f32) no later compiler may fuse.
FUSED_OR_ROUGH = re.compile(r"\bfma\.|\.approx|\bdiv\.full|\b(add|sub|mul)\.(ftz\.)?f(32|64)\b")


@pytest.fixture(autouse=True, scope="module")
def _needs_the_tools() -> None:
    missing = [
        name for name, tool in (("nvcc", machine_code.nvcc()), ("cuobjdump", machine_code.disassembler())) if not tool
    ]
    if not missing:
        return
    if os.environ.get("CI") or os.environ.get("PTDET_REQUIRE_NATIVE") == "1":
        pytest.fail(f"not found: {', '.join(missing)}")
    pytest.skip(f"not found: {', '.join(missing)} (pip install -r requirements-cuda.txt, set CUDA_HOME)")


@cache
def kernels(source: Path) -> list[Kernel]:
    binary = machine_code.compiled(source)
    in_brief = machine_code.kernels(binary, ())
    return in_brief if all(may_fuse(each.symbol) for each in in_brief) else machine_code.kernels(binary)


def may_fuse(symbol: str) -> bool:
    return any(re.search(pattern, symbol) for pattern, _ in MAY_FUSE)


@pytest.mark.parametrize("source", EACH)
def test_every_architecture_has_every_kernel(source: Path) -> None:
    archs = defaultdict(set)
    for kernel in kernels(source):
        archs[kernel.symbol].add(kernel.arch)
    assert archs
    assert all(there == set(ARCHITECTURES) for there in archs.values()), dict(archs)
    assert set(machine_code.ptx(machine_code.compiled(source))) == set(archs)


def allowed_stack(symbol: str) -> int:
    return next((most for pattern, most in MAY_SPILL if re.search(pattern, symbol)), 0)


@pytest.mark.parametrize("source", EACH)
def test_nothing_spills_and_no_array_is_local(source: Path) -> None:
    wrong = [k for k in kernels(source) if k.stack > allowed_stack(k.symbol) or k.local]
    assert not wrong, [(k.symbol, k.arch, k.stack, k.local) for k in wrong]


@pytest.mark.parametrize("source", EACH)
def test_as_many_blocks_fit_as_designed(source: Path) -> None:
    for kernel in kernels(source):
        threads, blocks, small = next(row[1:] for row in DESIGN if re.search(row[0], kernel.symbol))
        assert kernel.resident_blocks(threads) >= (small if kernel.arch == 75 else blocks), kernel


@pytest.mark.parametrize("source", EACH)
def test_nothing_that_decides_is_fused(source: Path) -> None:
    for kernel in kernels(source):
        if kernel.arch in READ_IN_FULL and not may_fuse(kernel.symbol):
            assert kernel.instructions
            assert kernel.unexplained_fused() == 0, kernel
    for symbol, text in machine_code.ptx(machine_code.compiled(source)).items():
        if not may_fuse(symbol):
            assert not FUSED_OR_ROUGH.search(text), symbol


# DIoU with a power is one more; nms.cu has two types.
@pytest.mark.parametrize(
    ("stem", "instances"), [("nms", 2 * (len(METRICS) + 1)), ("rotated_nms", len(ROTATED_METRICS) + 1)]
)
def test_who_waits_reads_past_the_first_cache(stem: str, instances: int) -> None:
    """poll must not find what the multiprocessor's own cache still holds, nor publish overtake what it announces."""
    source = machine_code.CSRC / "cuda" / f"{stem}.cu"
    passes = [k for k in kernels(source) if "pass_over_tiles" in k.symbol and k.arch in READ_IN_FULL]
    assert len(passes) == instances * len(READ_IN_FULL)
    for kernel in passes:
        assert kernel.instructions["CCTL.IVALL"] or kernel.instructions["CCTL.IVALLP"] or kernel.arch == 75, kernel
        assert kernel.instructions["MEMBAR"], kernel
        assert kernel.instructions["NANOSLEEP"], kernel


@pytest.mark.parametrize(("stem", "name", "instances"), [("box_fusion", "fuse_", 2), ("soft_nms", "pass_over_", 4)])
def test_leaders_and_helpers_tell_each_other(stem: str, name: str, instances: int) -> None:
    """What shared_work.h asks of the memory."""
    passes = [k for k in kernels(machine_code.CSRC / "cuda" / f"{stem}.cu") if name in k.name]
    read = [k for k in passes if k.arch in READ_IN_FULL]
    assert len(read) == instances * len(READ_IN_FULL)
    for kernel in read:
        assert kernel.instructions["CCTL.IVALL"] or kernel.instructions["CCTL.IVALLP"] or kernel.arch == 75, kernel
        assert kernel.instructions["MEMBAR"], kernel
        assert kernel.instructions["NANOSLEEP"], kernel
        assert kernel.instructions["ATOMG"] or kernel.instructions["ATOM"], kernel


PLANTED = """
__global__ void fuses(const float* a, float* b) { b[threadIdx.x] = a[0] * a[1] + a[threadIdx.x]; }
__global__ void divides(const float* a, float* b) { b[threadIdx.x] = a[threadIdx.x] / a[1]; }
__global__ void divides_wide(const double* a, double* b) { b[threadIdx.x] = a[threadIdx.x] / a[1] + a[2] / a[3]; }
__global__ void keeps_local(int* b) {
  int numbers[64];
  for (int i = 0; i < 64; ++i) numbers[b[i] & 63] = i;
  b[threadIdx.x] = numbers[b[threadIdx.x] & 63];
}
__global__ void __launch_bounds__(1024) large(float* b) { __shared__ float all[8192]; all[threadIdx.x] = b[1];
  __syncthreads(); b[threadIdx.x] = all[8191 - threadIdx.x]; }
"""


def test_these_tests_find_what_they_look_for(tmp_path: Path) -> None:
    source = tmp_path / "planted.cu"
    source.write_text(PLANTED)
    flags = tuple(flag for flag in machine_code.FLAGS if flag != "-fmad=false")
    binary = machine_code.compiled(source, flags)
    found = {re.sub(r"_Z\d+([a-z_]+?)(P.*)", r"\1", k.symbol): k for k in machine_code.kernels(binary) if k.arch == 90}
    assert found["fuses"].unexplained_fused() == 1
    assert found["divides"].unexplained_fused() == found["divides_wide"].unexplained_fused() == 0
    assert found["divides"].instructions["FFMA"] > 0
    assert found["keeps_local"].stack + found["keeps_local"].local >= 256
    assert found["large"].resident_blocks(1024) == 2
    assert any("fma." in text for text in machine_code.ptx(binary).values())
    binary.unlink()
