"""Cases of the YOLO filter and of the images' slots for the emulated kernels. Free of pytest."""

from __future__ import annotations

import struct
from typing import Any

import torch
from torch import Tensor

from . import harness


def _filter(
    prediction: Tensor,
    num_classes: int,
    objectness: bool,
    logits: bool,
    multi_label: bool,
    objectness_threshold: float,
    confidence_threshold: float | None,
    min_side: float,
    max_side: float,
    wanted: Tensor | None = None,
) -> bytes:
    memory = harness.memory_of(prediction)
    header = struct.pack(
        "<14q4d",
        *(0, len(memory), harness.TYPES.index(prediction.dtype), *prediction.shape[:2], num_classes),
        *prediction.stride(),
        *(objectness, logits, multi_label, confidence_threshold is not None, wanted is not None),
        *(objectness_threshold, confidence_threshold or 0.0, min_side, max_side),
    )
    return header + memory + (b"" if wanted is None else wanted.numpy().tobytes())


def _slots(
    keep: Tensor,
    groups: Tensor,
    num_images: int,
    num_classes: int,
    max_per_image: int,
    max_per_class: int | None = None,
) -> bytes:
    limit = len(keep) if max_per_class is None else max_per_class
    header = struct.pack("<7q", 1, len(keep), len(groups), num_images, num_classes, max_per_image, limit)
    return header + keep.numpy().tobytes() + groups.numpy().tobytes()


class _Answer:
    def __init__(self, content: bytes) -> None:
        self.content, self.at = content, 0

    def take(self, dtype: torch.dtype, *shape: int) -> Tensor:
        blank = torch.empty(shape, dtype=dtype)
        length = blank.numel() * blank.element_size()
        taken = bytearray(self.content[self.at : self.at + length])
        self.at += length
        return torch.frombuffer(taken, dtype=dtype).reshape(shape) if length else blank


def _call(flavour: harness.Flavour, given: bytes, seed: int) -> _Answer:
    done = harness.execute(harness.build(flavour) / "yolo_driver", [], seed, given)
    if done.returncode != 0:
        raise AssertionError(f"{flavour.name}: exit {done.returncode}\n{done.stderr.decode()[-6000:]}")
    return _Answer(done.stdout)


def run_filter(flavour: harness.Flavour, cases: list[tuple[Any, ...]], seed: int) -> list[tuple[Tensor, ...]]:
    """What yolo_filter returns for each case's arguments, all from one process."""
    answer = _call(flavour, b"".join(_filter(*case) for case in cases), seed)
    results = []
    for case in cases:
        kind = torch.float64 if case[0].dtype == torch.float64 else torch.float32
        count = int(answer.take(torch.int64))
        boxes, scores = answer.take(kind, count, 4), answer.take(kind, count)
        ids = [answer.take(torch.int64, n) for n in (count, count, count, len(case[0]))]
        results.append((boxes, scores, *ids))
    return results


def run_slots(flavour: harness.Flavour, cases: list[tuple[Any, ...]], seed: int) -> list[tuple[Tensor, Tensor]]:
    """What image_slots returns for each case's arguments, all from one process."""
    answer = _call(flavour, b"".join(_slots(*case) for case in cases), seed)
    return [(answer.take(torch.int64, case[2]), answer.take(torch.int64, case[2], case[4])) for case in cases]
