"""Small inputs, where the way through the layers costs what the work costs; warm, and with the caches emptied."""

from __future__ import annotations

from collections.abc import Iterator
from functools import partial

import torch

from ..cases import Bout, Call, Group, Options, Series
from ..measure import wall_clock
from .nms import FLOOR, batched_bout, plain_bout
from .scenes import SCENES, class_of_80

SIZES = (0, 1, 10, 30, 100, 300)
COLDER = 64 << 20  # bytes: more than a second-level cache has


def series(options: Options) -> Iterator[Series]:
    for device in options.devices:
        sizes = options.sizes or ((0, 10, 100) if options.quick else SIZES)
        yield Series("latency", "nms, warm", sizes, partial(_plain, device), device=device)
        yield Series("latency", "80 classes, warm", sizes, partial(_classes, device), device=device)
        if device == "cpu":  # on CUDA every turn is cold
            yield Series("latency", "nms, cold", sizes, lambda n: _cold(_plain("cpu", n)))


def _plain(device: str, n: int) -> Bout:
    boxes, scores = SCENES["clustered"](n)
    return plain_bout(boxes.to(device), scores.to(device))


def _classes(device: str, n: int) -> Bout:
    boxes, scores = SCENES["clustered"](n)
    return batched_bout(boxes.to(device), scores.to(device), class_of_80(n).to(device))


def _cold(bout: Bout) -> Bout:
    """Before each call a buffer is written that drives everything else out of the caches nearest to the cores."""
    filler = torch.empty(COLDER, dtype=torch.uint8)

    def clock(call: Call, repeats: int) -> float:
        total = 0.0
        for _ in range(repeats):
            filler.add_(1)
            total += wall_clock(call, 1)
        return total / repeats

    return Bout(bout.contenders, bout.floor, clock)


GROUP = Group("latency", "NMS at threshold 0.5 of few boxes, in microseconds that a caller feels", FLOOR, series)
