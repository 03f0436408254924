"""Drawn cases of suppression, CUDA against CPU, index for index: plain and strange ones, as many as the time allows."""

from __future__ import annotations

import multiprocessing
import os
import time
from typing import Any

from gpu_timing import arguments, finish, torch

import ptdet
from ptdet.testing import Case, fuzz_case, strange_case

CHUNK = 50


def answer(case: Case, device: torch.device) -> list[torch.Tensor]:
    moved = [value.to(device) if isinstance(value, torch.Tensor) else value for value in case.arguments]
    keep, owner, kept = torch.ops.ptdet.nms_walk(*moved)
    return [keep.cpu(), owner.cpu(), kept.cpu(), torch.ops.ptdet.nms(*moved).cpu()]


def run(task: tuple[int, int, torch.device, float]) -> tuple[int, list[str]]:
    """How many of the seeds from first to last ran before the end, by the wall's clock, and which cases differ."""
    first, last, device, end = task
    torch.set_num_threads(1)
    assert ptdet.build_info()["cpu"], ptdet.build_info()
    ran, differences = 0, []
    for seed in range(first, last):
        if time.time() > end:
            break
        # every second case is a strange one, which only the reference could judge
        case = (strange_case if seed % 2 else fuzz_case)(seed)
        ran += 1
        ours, theirs = answer(case, device), answer(case, torch.device("cpu"))
        if not all(torch.equal(a, b) for a, b in zip(ours, theirs, strict=True)):
            differences.append(f"{'strange' if seed % 2 else 'fuzz'}_case({seed})")
    return ran, differences


def main() -> int:
    parser = arguments(__doc__)
    parser.add_argument("--cases", type=int, default=10_000)
    parser.add_argument("--seconds", type=float, default=60)
    parser.add_argument("--first", type=int, default=0, help="the first seed")
    parser.add_argument("--workers", type=int, default=max(1, min(8, (os.cpu_count() or 1) // 2)))
    asked = parser.parse_args()
    end, last = time.time() + asked.seconds, asked.first + asked.cases
    tasks = [(seed, min(seed + CHUNK, last), asked.device, end) for seed in range(asked.first, last, CHUNK)]
    ran, differences = 0, []
    with multiprocessing.get_context("spawn").Pool(asked.workers) as pool:
        for more, wrong in pool.imap_unordered(run, tasks):
            ran += more
            differences += wrong
    line = f"{ran} of {asked.cases} cases ran, {len(differences)} differ"
    result: dict[str, Any] = {"ran": ran, "asked": asked.cases, "differences": sorted(differences)}
    result["table"] = [line, *result["differences"][:20]]
    return finish(result, asked.out, bool(differences) or ran == 0)


if __name__ == "__main__":
    raise SystemExit(main())
