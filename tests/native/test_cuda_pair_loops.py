"""The loops over pairs of boxes and those that wait, in the machine code of sm_90: no division by a run-time width, no
first cache emptied while waiting, and few instructions for a pair that is apart. Needs nvcc and cuobjdump, no GPU.
"""

from __future__ import annotations

from functools import cache
from pathlib import Path

import pytest

from tests.native import machine_code, machine_loops, sass
from tests.native.machine_loops import Loop
from tests.native.sass import Instruction
from tests.native.test_cuda_machine_code import _needs_the_tools  # noqa: F401

pytestmark = pytest.mark.slow

ARCH = 90
# (file, kernel, the most instructions for a pair that is apart, how many such loops there are at least):
# a tile's own pairs, those with the tile before, and those with a batch of kept boxes.
PAIR_LOOPS = [
    ("nms", "pass_over_tilesINS_3IouENS_3BoxIfEE", 20, 3),
    ("fast_nms", "find_firstINS_3IouENS_3BoxIfEE", 12, 2),
    ("matrix_nms", "find_reliefINS_3IouEfE", 15, 1),
    ("matrix_nms", "find_leastINS_3IouEffE", 24, 2),
]


@cache
def code_of(stem: str) -> dict[str, list[Instruction]]:
    binary = machine_code.compiled(machine_code.CSRC / "cuda" / f"{stem}.cu")
    return instructions(binary)


def instructions(binary: Path) -> dict[str, list[Instruction]]:
    """Of each kernel."""
    return {code.symbol: code.instructions for code in sass.read(binary, ARCH)}


def faults(loop: Loop) -> set[str]:
    """An integer division, and the address of shared memory asked for anew; MUFU.RCP alone is a quotient."""
    heavy = {"I2F", "F2I", "I2FP", "S2UR"} if loop.names["LDS"] else set()
    return {name for name in heavy if loop.names[name]}


def empties_a_cache_while_waiting(loop: Loop) -> bool:
    return loop.names["NANOSLEEP"] > 0 and loop.names["CCTL"] > 0


@pytest.mark.parametrize("stem", ["nms", "fast_nms", "matrix_nms", "nmm", "rotated_nms"])
def test_no_loop_over_pairs_divides_by_a_number_of_the_run(stem: str) -> None:
    pairs = 0
    for symbol, code in code_of(stem).items():
        for loop in machine_loops.innermost(code):
            pairs += loop.loads() > 0
            # beside the 570 instructions of an exact overlap of rotated boxes an address is nothing
            exact = "RotatedBox" in symbol and loop.names["MUFU.RCP64H"] > 0
            found = faults(loop) - ({"S2UR"} if exact else set())
            assert not found, (symbol, found)
    assert pairs > 0


@pytest.mark.parametrize("stem", ["nms", "rotated_nms"])
def test_no_first_cache_is_emptied_while_a_block_waits(stem: str) -> None:
    waiting = 0
    for symbol, code in code_of(stem).items():
        for loop in machine_loops.innermost(code):
            waiting += loop.names["NANOSLEEP"] > 0
            assert not empties_a_cache_while_waiting(loop), symbol
    assert waiting > 0


@pytest.mark.parametrize(("stem", "kernel", "most", "count"), PAIR_LOOPS)
def test_a_pair_that_is_apart_takes_few_instructions(stem: str, kernel: str, most: int, count: int) -> None:
    (code,) = [code for symbol, code in code_of(stem).items() if kernel in symbol]
    loops = [loop for loop in machine_loops.innermost(code) if loop.names["MUFU.RCP"] and loop.loads()]
    short = [loop for loop in loops if loop.shortest_turn() <= most * loop.loads()]
    assert len(short) >= count, [(loop.loads(), loop.shortest_turn()) for loop in loops]


def test_rotated_boxes_that_are_apart_take_few_instructions_and_no_double() -> None:
    """A tile's own pairs, those with the tile before, and those with a batch: told apart before an exact overlap."""
    (code,) = [code for symbol, code in code_of("rotated_nms").items() if "pass_over_tilesINS_3IouE" in symbol]
    loops = [loop for loop in machine_loops.innermost(code) if loop.loads() and loop.names["FSETP"]]
    short = [loop for loop in loops if loop.shortest_turn() <= 18 * loop.loads()]
    assert len(short) >= 3, [(loop.loads(), loop.shortest_turn()) for loop in loops]
    assert not any(name.startswith("D") for loop in short for name in loop.names)


PLANTED = """
__global__ void divides(const float4* boxes, int open, float* out) {
  __shared__ float4 batch[256];
  batch[threadIdx.x] = boxes[threadIdx.x];
  int width = 1;
  while (width < open) width *= 2;
  __syncthreads();
  float sum = 0;
  for (int k = threadIdx.x / width; k < open; k += 1 + 256 / (width + k)) {
    const float4 box = batch[k];
    if (box.x < out[0]) continue;
    sum += box.y / box.z;
  }
  out[threadIdx.x] = sum;
}
__global__ void empties(const unsigned long long* at, float* out) {
  for (unsigned long long value = 0;;) {
    asm volatile("ld.acquire.gpu.global.u64 %0, [%1];" : "=l"(value) : "l"(at) : "memory");
    if (value != 0) break;
    __nanosleep(100);
  }
  out[0] = 1;
}
"""


def test_planted_loops_are_found(tmp_path: Path) -> None:
    source, binary = tmp_path / "planted.cu", tmp_path / "planted.o"
    source.write_text(PLANTED)
    target = f"-gencode=arch=compute_{ARCH},code=sm_{ARCH}"
    machine_code.call(machine_code.nvcc(), *machine_code.FLAGS, target, "-c", source, "-o", binary)
    code = instructions(binary)
    found = {name: machine_loops.innermost(code[symbol]) for symbol in code for name in ("divides", "empties")
             if name in symbol}  # fmt: skip
    assert any({"I2F", "F2I"} <= faults(loop) for loop in found["divides"])
    assert any(empties_a_cache_while_waiting(loop) for loop in found["empties"])
    assert not any(empties_a_cache_while_waiting(loop) for loop in found["divides"])
