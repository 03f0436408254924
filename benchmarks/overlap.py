"""Overlaps and losses beside their peers, in one process and interleaved; writes benchmarks/results/overlap.json.

    python benchmarks/overlap.py [--quick]

Each round runs every contender once (a burst of calls where one takes microseconds); the least time of all rounds
counts. Peers that are not installed are left out, and said to be.
"""

from __future__ import annotations

import argparse
import json
import platform
import time
from collections.abc import Callable
from importlib import import_module
from pathlib import Path
from typing import Any

import torch
import torchvision.ops as tv
from torch import Tensor

import ptdet

OUT = Path(__file__).parent / "results" / "overlap.json"
Run = Callable[[], Any]
PAIRWISE = {
    "iou": (ptdet.box_iou, tv.box_iou),
    "giou": (ptdet.generalized_box_iou, tv.generalized_box_iou),
    "diou": (ptdet.distance_box_iou, tv.distance_box_iou),
    "ciou": (ptdet.complete_box_iou, tv.complete_box_iou),
}
LOSSES = {
    "giou": (ptdet.generalized_box_iou_loss, tv.generalized_box_iou_loss),
    "diou": (ptdet.distance_box_iou_loss, tv.distance_box_iou_loss),
    "ciou": (ptdet.complete_box_iou_loss, tv.complete_box_iou_loss),
}


def drawn(n: int, seed: int) -> Tensor:
    random = torch.Generator().manual_seed(seed)
    corner = torch.rand(n, 2, generator=random) * 1000
    return torch.cat([corner, corner + 10 + 90 * torch.rand(n, 2, generator=random)], dim=1)


def measured(runs: dict[str, Run], rounds: int, burst: int = 1) -> dict[str, float]:
    """The least milliseconds of each."""
    least = dict.fromkeys(runs, float("inf"))
    for run in runs.values():
        run()
    for _ in range(rounds):
        for name, run in runs.items():
            start = time.perf_counter()
            for _ in range(burst):
                run()
            least[name] = min(least[name], (time.perf_counter() - start) / burst * 1e3)
    return least


def optional(name: str) -> Any:
    try:
        return import_module(name)
    except ImportError:
        return None


def pairwise_peers(kind: str, a: Tensor, b: Tensor) -> dict[str, Run]:
    """What else is installed; NumPy in and out where the peer is of NumPy."""
    peers: dict[str, Run] = {}
    first, second = a.numpy(), b.numpy()
    fastbbox, powerboxes = optional("fastbbox"), optional("powerboxes")
    own = {"iou": "bbox_overlaps", "giou": "generalized_iou", "diou": "distance_iou", "ciou": "complete_iou"}
    if fastbbox is not None and hasattr(fastbbox, own[kind]):
        peers["fastbbox"] = lambda: getattr(fastbbox, own[kind])(first, second)
    theirs = {"iou": "iou_distance", "giou": "giou_distance", "diou": "diou_distance"}.get(kind, "")
    if powerboxes is not None and hasattr(powerboxes, theirs):
        wide = first.astype("float64"), second.astype("float64")
        peers["powerboxes"] = lambda: getattr(powerboxes, theirs)(*wide)
    ultralytics = optional("ultralytics.utils.metrics")
    if ultralytics is not None and kind == "iou":
        peers["ultralytics"] = lambda: ultralytics.box_iou(a, b)
    return peers


def bench_pairwise(kind: str, a: Tensor, b: Tensor, rounds: int) -> dict[str, Any]:
    ours, theirs = PAIRWISE[kind]
    runs: dict[str, Run] = {
        "ptdet": lambda: ours(a, b),
        "torchvision": lambda: theirs(a, b),
        "allocate and fill": lambda: torch.empty(len(a), len(b)).fill_(1.0),
        **pairwise_peers(kind, a, b),
    }
    times = measured(runs, rounds)
    met = {
        "at least 12x torchvision": round(times["torchvision"] / times["ptdet"], 1),
        "at most 1.6x allocate and fill": round(times["ptdet"] / times["allocate and fill"], 2),
    }
    if "fastbbox" in times:
        met["fastbbox over ptdet"] = round(times["fastbbox"] / times["ptdet"], 1)
    return row(f"{kind} {len(a)} x {len(b)}", times, met)


def trained(loss: Callable[..., Tensor], boxes: Tensor, target: Tensor) -> Run:
    def run() -> None:
        boxes.grad = None
        loss(boxes, target).sum().backward()  # type: ignore[no-untyped-call]

    return run


def bench_loss(kind: str, n: int, rounds: int, compiled: bool) -> dict[str, Any]:
    ours, theirs = LOSSES[kind]
    target = drawn(n, 1)
    boxes = (target + 4 * torch.rand(n, 4, generator=torch.Generator().manual_seed(3))).requires_grad_()
    other, written = torch.zeros(n, 4), torch.zeros(n, 4)
    runs: dict[str, Run] = {
        "ptdet": trained(ours, boxes, target),
        "torchvision": trained(theirs, boxes, target),
        "read boxes, write gradients": lambda: torch.add(target, other, out=written),
    }
    if compiled:
        torch._dynamo.reset()
        runs["torch.compile of torchvision"] = trained(torch.compile(theirs), boxes, target)
    times = measured(runs, rounds if n > 1000 else 20 * rounds, burst=1 if n > 1000 else 20)
    met = {
        "at least 20x torchvision (10x at 256)": round(times["torchvision"] / times["ptdet"], 1),
        "at most 4x memory": round(times["ptdet"] / times["read boxes, write gradients"], 2),
    }
    if compiled:
        met["at least 2x torch.compile"] = round(times["torch.compile of torchvision"] / times["ptdet"], 1)
    return row(f"{kind} loss, {n} pairs, forward and backward", times, met)


def row(name: str, times: dict[str, float], met: dict[str, float]) -> dict[str, Any]:
    print(f"{name:45s}", " ".join(f"{who} {ms:.4g} ms" for who, ms in times.items()))
    print(" " * 45, "; ".join(f"{target}: {number}" for target, number in met.items()), flush=True)
    return {"case": name, "milliseconds": {who: round(ms, 5) for who, ms in times.items()}, "targets": met}


def main() -> None:
    parser = argparse.ArgumentParser()
    parser.add_argument("--quick", action="store_true", help="small sizes, few rounds, nothing written")
    parser.add_argument("--rounds", type=int, default=7)
    parser.add_argument("--no-compile", action="store_true", help="leave torch.compile of torchvision out")
    options = parser.parse_args()
    absent = [n for n in ("fastbbox", "powerboxes", "ultralytics.utils.metrics") if optional(n) is None]
    print(f"not installed: {', '.join(absent) or 'none'}")
    matrices = [(1000, 1000)] if options.quick else [(1000, 1000), (8400, 100), (10_000, 1000), (5000, 5000)]
    pairs = [256] if options.quick else [256, 100_000, 1_000_000]
    rounds = 2 if options.quick else options.rounds
    rows = [bench_pairwise(kind, drawn(n, 1), drawn(m, 2), rounds) for n, m in matrices for kind in PAIRWISE]
    rows += [bench_loss(kind, n, rounds, not options.no_compile) for n in pairs for kind in LOSSES]
    if options.quick:
        return
    facts = {"processor": platform.processor() or platform.machine(), "threads": torch.get_num_threads()}
    facts |= {"torch": torch.__version__, "instruction_set": ptdet.build_info()["instruction_set"]}
    OUT.write_text(json.dumps({"machine": facts, "not_installed": absent, "rows": rows}, indent=1) + "\n")


if __name__ == "__main__":
    main()
