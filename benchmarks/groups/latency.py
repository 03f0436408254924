"""Small inputs, where the overhead of a call is as large as the work; with warm and with cold caches."""

from __future__ import annotations

from collections.abc import Iterator
from functools import partial

import torch

from ..cases import Call, Case, Group, Options, Series
from ..measure import wall_clock
from .nms import FLOOR, batched_case, plain_case
from .scenes import SCENES, class_of_80

SIZES = (0, 1, 10, 30, 100, 300)
FILLER = 64 << 20  # bytes: more than a second-level cache has


def series(options: Options) -> Iterator[Series]:
    for device in options.devices:
        sizes = options.sizes or ((0, 10, 100) if options.quick else SIZES)
        yield Series("latency", "nms, warm", sizes, partial(_plain, device), device=device)
        yield Series("latency", "80 classes, warm", sizes, partial(_classes, device), device=device)
        if device == "cpu":  # on CUDA the cache is cold in every turn
            yield Series("latency", "nms, cold", sizes, lambda n: _cold(_plain("cpu", n)))


def _plain(device: str, n: int) -> Case:
    boxes, scores = SCENES["clustered"](n)
    return plain_case(boxes.to(device), scores.to(device))


def _classes(device: str, n: int) -> Case:
    boxes, scores = SCENES["clustered"](n)
    return batched_case(boxes.to(device), scores.to(device), class_of_80(n).to(device))


def _cold(case: Case) -> Case:
    """A buffer is written before each call, which removes everything else from the first two levels of cache."""
    filler = torch.empty(FILLER, dtype=torch.uint8)

    def clock(call: Call, repeats: int) -> float:
        total = 0.0
        for _ in range(repeats):
            filler.add_(1)
            total += wall_clock(call, 1)
        return total / repeats

    return Case(case.contenders, case.floor, clock)


GROUP = Group("latency", "NMS at threshold 0.5 of few boxes", FLOOR, series)
