"""Hard NMS beside its peers, interleaved round by round in one process; writes benchmarks/results/nms.json.

A peer that is not installed is left out. Each peer's result is compared with ours before it is timed.
"""

from __future__ import annotations

import importlib
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
from ptdet.testing import clustered, dense, scattered  # noqa: E402

OUT = ROOT / "benchmarks/results/nms.json"
SCENES: dict[str, Callable[[int], tuple[Tensor, Tensor]]] = {
    "clustered": clustered, "scattered": scattered, "dense": dense}  # fmt: skip
SIZES = (100, 1000, 3000, 10_000, 30_000, 100_000, 1_000_000)
SLOW_PEERS_UP_TO = 10_000  # quadratic in time: minutes beyond
Call = Callable[[], Any]


def module(name: str) -> Any:
    try:
        return importlib.import_module(name)
    except ImportError:
        return None


def peers(boxes: Tensor, scores: Tensor, n: int) -> dict[str, Call]:
    calls: dict[str, Call] = {"ptdet": lambda: ptdet.nms(boxes, scores, 0.5)}
    numbers, weights = boxes.double().numpy(), scores.double().numpy()
    if (torchvision := module("torchvision")) and n <= SLOW_PEERS_UP_TO:
        calls["torchvision"] = lambda: torchvision.ops.nms(boxes, scores, 0.5)
    if (lsnms := module("lsnms")) and n <= 100_000:
        calls["lsnms"] = lambda: lsnms.nms(numbers, weights, 0.5)
    if (powerboxes := module("powerboxes")) and n <= SLOW_PEERS_UP_TO:
        calls["powerboxes"] = lambda: powerboxes.nms(numbers, weights, 0.5, 0.0)
    if (cv2 := module("cv2")) and n <= SLOW_PEERS_UP_TO:
        sides = torch.cat([boxes[:, :2], boxes[:, 2:] - boxes[:, :2]], 1).double().numpy()
        calls["opencv"] = lambda: cv2.dnn.NMSBoxes(sides, weights, 0.0, 0.5)
    if n >= 30_000:
        calls["sort of the scores"] = lambda: torch.sort(scores, descending=True)
    return calls


def batched(boxes: Tensor, scores: Tensor, n: int) -> dict[str, Call]:
    ids = torch.randint(0, 80, (n,), generator=torch.Generator().manual_seed(0))
    calls: dict[str, Call] = {"ptdet": lambda: ptdet.batched_nms(boxes, scores, ids, 0.5)}
    if torchvision := module("torchvision"):
        calls["torchvision"] = lambda: torchvision.ops.batched_nms(boxes, scores, ids, 0.5)
    return calls


def interleaved(calls: dict[str, Call], rounds: int) -> dict[str, list[float]]:
    times: dict[str, list[float]] = {name: [] for name in calls}
    for call in calls.values():
        call()
    for _ in range(rounds):
        for name, call in calls.items():
            start = time.perf_counter()
            call()
            times[name].append((time.perf_counter() - start) * 1e3)
    return times


def main() -> None:
    rows = []
    cases = [(scene, n, peers, "nms") for scene in SCENES for n in SIZES if scene != "dense" or n <= 100_000]
    cases += [
        (scene, n, batched, "batched, 80 classes") for scene in ("clustered", "scattered") for n in (10_000, 30_000)
    ]
    for scene, n, family, group in cases:
        boxes, scores = SCENES[scene](n)
        calls = family(boxes, scores, n)
        times = interleaved(calls, 101 if n <= 1000 else 11 if n <= 3000 else 5)
        ours = set(calls["ptdet"]().tolist())
        medians = {name: statistics.median(values) for name, values in times.items()}
        differing = {
            name: len(ours ^ set(torch.as_tensor(calls[name]()).flatten().tolist()))
            for name in calls
            if name not in ("ptdet", "sort of the scores")
        }
        rows.append({"group": group, "scene": scene, "n": n, "ms": medians, "indices_that_differ": differing,
                     "spread": {name: [min(v), max(v)] for name, v in times.items()}})  # fmt: skip
        others = "  ".join(f"{k} x{v / medians['ptdet']:.1f}" for k, v in medians.items() if k != "ptdet")
        print(f"{group:20} {scene:10} {n:8}  ptdet {medians['ptdet']:9.4f} ms   {others}  {differing}", flush=True)
    machine = {"cpu": cpu_name(), "threads": torch.get_num_threads(), "date": str(date.today()),
               "python": platform.python_version(), "torch": torch.__version__, **ptdet.build_info()}  # fmt: skip
    OUT.parent.mkdir(exist_ok=True)
    OUT.write_text(json.dumps({"machine": machine, "rows": rows}, indent=1) + "\n")


def cpu_name() -> str:
    text = Path("/proc/cpuinfo").read_text() if Path("/proc/cpuinfo").exists() else ""
    names = [line.split(":", 1)[1].strip() for line in text.splitlines() if line.startswith("model name")]
    return names[0] if names else platform.processor()


if __name__ == "__main__":
    main()
