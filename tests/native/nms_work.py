"""What hard NMS by place (csrc/cuda/spatial_pass.h) has to do for one group of boxes, counted: no GPU is asked.

    python -m tests.native.nms_work clustered 100000

Prints a row a chunk: boxes that stay open, turns of a warp over 32 cells and over 32 boxes of their lists. Then the
instructions, by those of a turn in the machine code of sm_90, and their time at the full issue rate of an H100, a
floor: launches and waits come on top.
"""

from __future__ import annotations

import sys

import numpy as np
import torch
from numpy.typing import NDArray

import ptdet  # noqa: F401  registers the operators
from ptdet.testing import scenes

# Instructions of a warp (IoU in float32, sm_90): a box with its near cells along both axes, 32 cells, 32 boxes.
BOX, CELLS, BOXES = 350, 218, 120
ISSUED_PER_SECOND = 132 * 4 * 1.755e9
FIRST_CHUNK, GROWTH = 8192, 4

Numbers = NDArray[np.int64]
Cells = list[tuple[Numbers, NDArray[np.bool_]]]


def axis_key(level: Numbers, cell: Numbers) -> Numbers:
    return (level + 64) * 2**24 + cell + 2**23


class Axis:
    """The side of each box along one axis: its own cell, and those in which boxes within reach can lie."""

    def __init__(self, low: NDArray[np.float64], high: NDArray[np.float64], threshold: float) -> None:
        share = threshold * (1 - 1e-5)
        centre, length = (low + high) / 2, high - low
        level = np.floor(np.log2(length)).astype(np.int64)
        self.own = axis_key(level, np.floor(centre / 2.0 ** (level + 1)).astype(np.int64))
        self.near: Cells = []
        for each in range(int(level.min()) - 3, int(level.max()) + 4):
            apart = (1 / share - 1) / 2 * np.minimum(length, 2.0 ** (each + 1))
            first = np.floor((centre - apart) / 2.0 ** (each + 1)).astype(np.int64)
            last = np.floor((centre + apart) / 2.0 ** (each + 1)).astype(np.int64)
            reached = (np.log2(length * share) < each + 1) & (each <= np.log2(length / share))
            for step in range(6):
                self.near.append((axis_key(np.int64(each), first + step), reached & (first + step <= last)))
        self.near = [(key, reached) for key, reached in self.near if reached.any()]


def turns(across: Axis, down: Axis, asking: Numbers, entered: Numbers) -> tuple[int, int]:
    """Turns over 32 cells and over 32 boxes when each of `asking` looks for those near it among `entered`."""
    keys, counts = np.unique(across.own[entered] * 2**32 + down.own[entered], return_counts=True)
    cells, boxes = np.zeros(len(asking), np.int64), np.zeros(len(asking), np.int64)
    for x, in_x in across.near:
        for y, in_y in down.near:
            both = in_x[asking] & in_y[asking]
            cells += both
            if len(keys) == 0 or not both.any():
                continue
            wanted = x[asking] * 2**32 + y[asking]
            at = np.minimum(np.searchsorted(keys, wanted), len(keys) - 1)
            boxes += np.where(both & (keys[at] == wanted), counts[at], 0)
    return int((-(-cells // 32)).sum()), int((-(-boxes // 32)).sum())


def main(name: str, count: int, threshold: float) -> None:
    boxes, scores = getattr(scenes, name)(count)
    boxes = boxes[scores.argsort(descending=True, stable=True)]
    falling = torch.arange(count, 0, -1, dtype=torch.float64)
    own = torch.ops.ptdet.nms_walk(boxes, falling, None, threshold, "iou", False, None, None)[1].numpy()
    x1, y1, x2, y2 = boxes.double().numpy().T
    across, down = Axis(x1, x2, threshold), Axis(y1, y2, threshold)
    kept = own == np.arange(count)
    print(f"{name} {count}: {kept.sum()} kept")
    total, begin, end = 0, 0, min(FIRST_CHUNK, count)
    opened = np.zeros(0, np.int64)
    while begin < count:
        chunk = np.arange(begin, end)
        still_open = chunk[own[chunk] >= begin]
        drop = turns(across, down, chunk, np.flatnonzero(kept[:begin])) if begin else (0, 0)
        opened = np.concatenate([opened, still_open])
        settle = turns(across, down, still_open, opened)
        total += BOX * (len(chunk) + len(still_open)) + CELLS * (drop[0] + settle[0]) + BOXES * (drop[1] + settle[1])
        print(f"  [{begin}, {end}): open {len(still_open)}, turns over cells {drop[0]} + {settle[0]}, "
              f"over boxes {drop[1]} + {settle[1]}")  # fmt: skip
        begin, end = end, min(end * GROWTH, count)
    print(f"  {total:.3g} instructions of a warp: {total / ISSUED_PER_SECOND * 1e6:.0f} us")


if __name__ == "__main__":
    main(sys.argv[1], int(sys.argv[2]), 0.5)
