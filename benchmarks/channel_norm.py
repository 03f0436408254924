"""channel_norm beside torch.linalg.vector_norm, forward and backward under autograd, and beside moving the same bytes.

The bytes: x is read forward; x is read and the gradient written backward (`x.sum()` and `x.clone()`, which allocates as
the backward pass does). All are interleaved round by round in one process. Writes benchmarks/results/channel_norm.json.
"""

from __future__ import annotations

import argparse
import json
import platform
import statistics
import sys
import time
from collections.abc import Callable
from datetime import date
from pathlib import Path
from typing import Any

import torch
from torch import Tensor

ROOT = Path(__file__).resolve().parents[1]
sys.path.insert(0, str(ROOT))

import ptdet  # noqa: E402
from benchmarks.nms import cpu_name  # noqa: E402

OUT = ROOT / "benchmarks/results/channel_norm.json"
SHAPES = ((8, 64, 128, 128), (2, 3, 1024, 1024))
LAYOUTS = {"contiguous": torch.contiguous_format, "channels_last": torch.channels_last}
AT_LEAST_TORCH, AT_MOST_MOVING = 4.0, 1.3
CASES = [
    ("float32", 2.0),
    ("bfloat16", 2.0),
    ("float16", 2.0),
    ("float32", 1.0),
    ("float32", float("inf")),
    ("float32", 3.0),
]


def calls_for(x: Tensor, p: float) -> dict[str, Callable[[], Any]]:
    data = x.detach()
    norm = ptdet.channel_norm(data, p)
    grad = torch.ones_like(norm)

    def through(call: Callable[[Tensor], Tensor]) -> Callable[[], None]:
        def run() -> None:
            x.grad = None
            call(x).backward(grad)

        return run

    return {
        "ptdet": through(lambda x: ptdet.channel_norm(x, p)),
        "torch": through(lambda x: torch.linalg.vector_norm(x, p, dim=1, keepdim=True)),
        "moving": lambda: (data.sum(), data.clone()),
        "ptdet forward": lambda: ptdet.channel_norm(data, p),
        "reading": lambda: data.sum(),
        "ptdet backward": lambda: torch.ops.ptdet.channel_norm_backward(grad, data, norm, p),
        "copying": lambda: data.clone(),
    }


def interleaved(calls: dict[str, Callable[[], Any]], rounds: int, clock: Callable[[], float]) -> dict[str, list[float]]:
    times: dict[str, list[float]] = {name: [] for name in calls}
    for call in calls.values():
        call()
    for _ in range(rounds):
        for name, call in calls.items():
            start = clock()
            call()
            times[name].append((clock() - start) * 1e3)
    return times


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--rounds", type=int, default=15)
    parser.add_argument("--threads", type=int, default=2)
    parser.add_argument("--cpu-time", action="store_true", help="of one thread: for a machine that others load")
    asked = parser.parse_args()
    torch.set_num_threads(1 if asked.cpu_time else asked.threads)
    clock = time.thread_time if asked.cpu_time else time.perf_counter
    rows = []
    print(f"targets: at least x{AT_LEAST_TORCH} torch, at most x{AT_MOST_MOVING} the time of moving the same bytes")
    for dtype, p in CASES:
        for shape in SHAPES:
            for layout, memory_format in LAYOUTS.items():
                x = torch.randn(shape).to(getattr(torch, dtype)).to(memory_format=memory_format).requires_grad_()
                times = interleaved(calls_for(x, p), asked.rounds, clock)
                least = {name: min(values) for name, values in times.items()}
                row = {
                    "dtype": dtype, "p": str(p), "shape": shape, "layout": layout, "least_ms": least,
                    "median_ms": {name: statistics.median(values) for name, values in times.items()},
                    "times_torch": least["torch"] / least["ptdet"], "times_moving": least["ptdet"] / least["moving"],
                }  # fmt: skip
                rows.append(row)
                print(
                    f"{dtype:9} p={p:<4} {'x'.join(map(str, shape)):15} {layout:14} ptdet {least['ptdet']:8.2f} ms  "
                    f"x{row['times_torch']:.1f} torch  x{row['times_moving']:.2f} moving",
                    flush=True,
                )
    machine = {"cpu": cpu_name(), "threads": torch.get_num_threads(), "date": str(date.today()),
               "clock": "thread CPU time" if asked.cpu_time else "wall, least of the rounds",
               "python": platform.python_version(), "torch": torch.__version__, **ptdet.build_info()}  # fmt: skip
    targets = {"times_torch_at_least": AT_LEAST_TORCH, "times_moving_at_most": AT_MOST_MOVING}
    OUT.parent.mkdir(exist_ok=True)
    stored = json.loads(OUT.read_text()) if OUT.exists() else {}
    name = "one thread, CPU time" if asked.cpu_time else f"{asked.threads} threads, wall"
    OUT.write_text(
        json.dumps({**stored, name: {"machine": machine, "targets": targets, "rows": rows}}, indent=1) + "\n"
    )


if __name__ == "__main__":
    main()
