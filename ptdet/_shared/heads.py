"""What is known of YOLO heads, for tensors and arrays alike."""

from __future__ import annotations

from typing import NamedTuple

SMALLEST_SIDE, LARGEST_SIDE, SIGMA = 2.0, 4096.0, 0.5  # SPEC 4
METHODS = ("vision", "vision_batch", "or", "and", "merge", "diounms", "soft")


class Head(NamedTuple):
    """How a family of YOLO heads lays out its output."""

    objectness: bool  # is there a column between the box and the classes?
    columns_first: bool  # (B, columns, N) instead of (B, N, columns)


WITH_OBJECTNESS, WITHOUT = Head(True, False), Head(False, True)
HEADS = {name: WITH_OBJECTNESS for name in ("v3", "v4", "v5", "v6", "v7", "x")} | {
    name: WITHOUT for name in ("v8", "v9", "v11", "v12", "v13")
}
