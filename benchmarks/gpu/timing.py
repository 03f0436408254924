"""What the stages of `make gpu` share: arguments, results as files, and times of a device."""

from __future__ import annotations

import argparse
import importlib
import json
import statistics
from collections.abc import Callable
from pathlib import Path
from typing import Any

import torch

ROOT = Path(__file__).resolve().parents[2]


def version_of(module: str) -> str | None:
    try:
        return str(importlib.import_module(module).__version__)
    except (ImportError, RuntimeError):  # RuntimeError: built for another torch
        return None


def arguments(description: str | None) -> argparse.ArgumentParser:
    parser = argparse.ArgumentParser(description=description)
    parser.add_argument("--out", type=Path, help="where the result goes, as JSON")
    parser.add_argument("--device", type=torch.device, default=torch.device("cuda"))
    return parser


def finish(result: dict[str, Any], out: Path | None, failed: bool) -> int:
    print("\n".join(result.get("table", [])))
    if out:
        out.write_text(json.dumps(result) + "\n")
    return 1 if failed else 0


class Clock:
    """Times of calls on a GPU by CUDA events; the cache is overwritten before each call."""

    def __init__(self, device: torch.device) -> None:
        cache = torch.cuda.get_device_properties(device).L2_cache_size
        self.flood = torch.empty(max(4 * cache, 1 << 26), dtype=torch.uint8, device=device)

    def milliseconds(self, call: Callable[[], Any], most: int = 20, seconds: float = 2.0) -> list[float]:
        """Up to `most` times after a warm-up; fewer if together they take longer than `seconds`."""
        call()
        call()
        torch.cuda.synchronize()
        times: list[float] = []
        while len(times) < most and sum(times) < seconds * 1e3:
            self.flood.zero_()
            before, after = torch.cuda.Event(enable_timing=True), torch.cuda.Event(enable_timing=True)
            before.record()
            call()
            after.record()
            after.synchronize()
            times.append(before.elapsed_time(after))
        return times

    def copy_bandwidth(self, size: int = 1 << 31) -> float:
        """Bytes a second, read and written, of a copy that is much larger than the cache."""
        source = torch.zeros(size, dtype=torch.uint8, device=self.flood.device)
        target = torch.empty_like(source)
        return 2 * size / (statistics.median(self.milliseconds(lambda: target.copy_(source))) * 1e-3)
