"""What hard NMS by place (csrc/cuda/spatial_pass.h) has to do for one group of boxes, counted: no GPU is asked.

    python -m tests.native.nms_work clustered 100000

Prints a row a chunk: boxes that stay open, turns of a warp over 32 cells and over 32 boxes of their lists. Then the
instructions, by those of a turn in the machine code of sm_90, and their time at the full issue rate of an H100, a
floor: launches and waits come on top. Of a chunk at most SAMPLE boxes are asked, and stand for all.
"""

from __future__ import annotations

import sys
from dataclasses import dataclass

import numpy as np
import torch
from numpy.typing import NDArray

import ptdet  # noqa: F401  registers the operators
from ptdet.testing import scenes

from .gpu_model import ISSUED_PER_SECOND
from .sass_turns import around, count, innermost, way_to

FIRST_CHUNK, GROWTH = 8192, 4
LEVELS = 3  # of each axis, at threshold 0.5
SAMPLE = 2000

Numbers = NDArray[np.int64]
Cells = list[tuple[Numbers, NDArray[np.bool_]]]


@dataclass(frozen=True)
class Instructions:
    """Of a warp (float32, sm_90): a box with its near cells along both axes, 32 cells, 32 boxes of their lists."""

    box: int
    cells: int
    boxes: int

    @staticmethod
    def of(measure: str = "3Iou") -> Instructions:
        """The kernel has the loop over boxes twice, with owners and without."""
        kernel = ("nms", f"drop_removedINS_{measure}EfE")
        loops = innermost(*kernel)
        cells = around(*kernel, next(loop for loop in loops if count(loop, "SHFL") >= 5))
        lists = [each for each in loops if cells[0].address < each[0].address and each[-1].address < cells[-1].address]
        a_level = min(len(loop) for loop in loops if loop[-1].address < cells[0].address)
        return Instructions(
            way_to(*kernel, cells) + 2 * LEVELS * a_level,
            len(cells) - sum(map(len, lists)),
            max(map(len, lists)),
        )


@dataclass(frozen=True)
class Chunk:
    begin: int
    end: int
    open: int
    drop: tuple[float, float]  # turns over 32 cells, over 32 boxes
    settle: tuple[float, float]

    def issued(self, of: Instructions) -> tuple[float, float]:
        """By drop_removed and by settle_chunk."""
        return (
            of.box * (self.end - self.begin) + of.cells * self.drop[0] + of.boxes * self.drop[1],
            of.box * self.open + of.cells * self.settle[0] + of.boxes * self.settle[1],
        )


def axis_key(level: Numbers, cell: Numbers) -> Numbers:
    return (level + 64) * 2**24 + cell + 2**23


class Axis:
    """The side of each box along one axis: its own cell, and those in which boxes within reach can lie."""

    def __init__(self, low: NDArray[np.float64], high: NDArray[np.float64], threshold: float) -> None:
        self.share = threshold * (1 - 1e-5)
        self.centre, self.length = (low + high) / 2, high - low
        self.level = np.floor(np.log2(self.length)).astype(np.int64)
        self.own = axis_key(self.level, np.floor(self.centre / 2.0 ** (self.level + 1)).astype(np.int64))

    def near(self, asking: Numbers) -> Cells:
        centre, length, found = self.centre[asking], self.length[asking], []
        for each in range(int(self.level.min()) - 3, int(self.level.max()) + 4):
            apart = (1 / self.share - 1) / 2 * np.minimum(length, 2.0 ** (each + 1))
            first = np.floor((centre - apart) / 2.0 ** (each + 1)).astype(np.int64)
            last = np.floor((centre + apart) / 2.0 ** (each + 1)).astype(np.int64)
            reached = (np.log2(length * self.share) < each + 1) & (each <= np.log2(length / self.share))
            for step in range(6):
                found.append((axis_key(np.int64(each), first + step), reached & (first + step <= last)))
        return [(key, reached) for key, reached in found if reached.any()]


def turns(across: Axis, down: Axis, asking: Numbers, entered: Numbers) -> tuple[float, float]:
    """Turns over 32 cells and over 32 boxes when each of `asking` looks for those near it among `entered`."""
    asked = asking[:: -(-len(asking) // SAMPLE) or 1]
    keys, counts = np.unique(across.own[entered] * 2**32 + down.own[entered], return_counts=True)
    cells, boxes = np.zeros(len(asked), np.int64), np.zeros(len(asked), np.int64)
    rows = down.near(asked)
    for x, in_x in across.near(asked):
        for y, in_y in rows:
            both = in_x & in_y
            cells += both
            if len(keys) == 0 or not both.any():
                continue
            wanted = x * 2**32 + y
            at = np.minimum(np.searchsorted(keys, wanted), len(keys) - 1)
            boxes += np.where(both & (keys[at] == wanted), counts[at], 0)
    scale = len(asking) / max(len(asked), 1)
    return float((-(-cells // 32)).sum()) * scale, float((-(-boxes // 32)).sum()) * scale


def chunks(name: str, count: int, threshold: float = 0.5) -> tuple[int, list[Chunk]]:
    """How many are kept, and what each chunk does."""
    boxes, scores = getattr(scenes, name)(count)
    boxes = boxes[scores.argsort(descending=True, stable=True)]
    falling = torch.arange(count, 0, -1, dtype=torch.float64)
    own = torch.ops.ptdet.nms_walk(boxes, falling, None, threshold, "iou", False, None, None)[1].numpy()
    x1, y1, x2, y2 = boxes.double().numpy().T
    across, down = Axis(x1, x2, threshold), Axis(y1, y2, threshold)
    kept = own == np.arange(count)
    found, begin, end = [], 0, min(FIRST_CHUNK, count)
    opened = np.zeros(0, np.int64)
    while begin < count:
        chunk = np.arange(begin, end)
        still_open = chunk[own[chunk] >= begin]
        drop = turns(across, down, chunk, np.flatnonzero(kept[:begin])) if begin else (0.0, 0.0)
        opened = np.concatenate([opened, still_open])
        found.append(Chunk(begin, end, len(still_open), drop, turns(across, down, still_open, opened)))
        begin, end = end, min(end * GROWTH, count)
    return int(kept.sum()), found


def main(name: str, count: int, threshold: float) -> None:
    kept, found = chunks(name, count, threshold)
    print(f"{name} {count}: {kept} kept")
    for each in found:
        print(
            f"  [{each.begin}, {each.end}): open {each.open}, turns over cells {each.drop[0]:.0f} + "
            f"{each.settle[0]:.0f}, over boxes {each.drop[1]:.0f} + {each.settle[1]:.0f}"
        )
    total = sum(sum(each.issued(Instructions.of())) for each in found)
    print(f"  {total:.3g} instructions of a warp: {total / ISSUED_PER_SECOND * 1e6:.0f} us")


if __name__ == "__main__":
    main(sys.argv[1], int(sys.argv[2]), 0.5)
