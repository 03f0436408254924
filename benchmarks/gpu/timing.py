"""Times on a device."""

from __future__ import annotations

import statistics

import torch

from .device import Call, Gpu


class Clock:
    """Times of calls; the cache is overwritten before each call."""

    def __init__(self, gpu: Gpu) -> None:
        self.gpu = gpu
        size = 64 if gpu.is_fake else max(4 * gpu.cache_bytes(), 1 << 26)
        self.flood = torch.empty(size, dtype=torch.uint8, device=gpu.device)

    def milliseconds(self, call: Call, most: int = 20, seconds: float = 2.0) -> list[float]:
        """Up to `most` times after a warm-up; fewer if together they take longer than `seconds`."""
        for _ in range(2):
            warming = self.gpu.milliseconds(call)
            if warming > seconds * 1e3:
                return [warming]
        times: list[float] = []
        while len(times) < most and sum(times) < seconds * 1e3:
            self.flood.zero_()
            times.append(self.gpu.milliseconds(call))
        return times

    def copy_bandwidth(self) -> float:
        """Bytes a second, read and written, of a copy that is much larger than the cache."""
        size = 1 << (16 if self.gpu.is_fake else 31)
        source = torch.zeros(size, dtype=torch.uint8, device=self.gpu.device)
        target = torch.empty_like(source)
        return 2 * size / (statistics.median(self.milliseconds(lambda: target.copy_(source))) * 1e-3)
