"""Random cases of suppression: CUDA and CPU must agree index for index. As many seeds as the time allows: each has a
plain or a strange case of hard NMS, every third also a call of another method or of a padded batch.
"""

from __future__ import annotations

import multiprocessing
import os
import time
from collections import Counter
from typing import Any

import torch

import ptdet
from ptdet.testing import fuzz_case, method_call, strange_case
from ptdet.testing.fuzz_methods import Call

from .small import close
from .timing import arguments, finish

CHUNK = 25


def calls(seed: int) -> list[tuple[str, Call]]:
    # every second case is a strange one, for which only the reference is an oracle
    case, what = (strange_case(seed), "strange_case") if seed % 2 else (fuzz_case(seed), "fuzz_case")
    found = [(f"{what}({seed}), {name}", Call(name, case.arguments, {})) for name in ("nms", "nms_walk")]
    if seed % 3 == 0:  # so that there is time for all seeds of hard NMS
        more = method_call(seed)
        found.append((f"method_call({seed}), {more.name}", more))
    return found


def answer(call: Call, device: torch.device) -> list[torch.Tensor]:
    return [each.cpu() for each in call.answer(device)]


def run(task: tuple[int, int, torch.device, float]) -> tuple[Counter[str], list[str]]:
    """How many calls of the seeds from first to last ran before the end (wall clock), and which differ."""
    first, last, device, end = task
    torch.set_num_threads(1)
    assert ptdet.build_info()["cpu"], ptdet.build_info()
    ran: Counter[str] = Counter()
    differences = []
    for seed in range(first, last):
        if time.time() > end:
            break
        ran["seeds"] += 1
        for name, call in calls(seed):
            ran[call.name] += 1
            ours, theirs = answer(call, device), answer(call, torch.device("cpu"))
            if not all(close(a, b, 0.0) for a, b in zip(ours, theirs, strict=True)):
                differences.append(name)
    return ran, differences


def main() -> int:
    parser = arguments(__doc__)
    parser.add_argument("--cases", type=int, default=10_000, help="seeds")
    parser.add_argument("--seconds", type=float, default=60)
    parser.add_argument("--first", type=int, default=0, help="the first seed")
    parser.add_argument("--workers", type=int, default=max(1, min(12, (os.cpu_count() or 1) - 2)))
    asked = parser.parse_args()
    end, last = time.time() + asked.seconds, asked.first + asked.cases
    tasks = [(seed, min(seed + CHUNK, last), asked.device, end) for seed in range(asked.first, last, CHUNK)]
    ran: Counter[str] = Counter()
    differences: list[str] = []
    with multiprocessing.get_context("spawn").Pool(asked.workers) as pool:
        for more, wrong in pool.imap_unordered(run, tasks):
            ran += more
            differences += wrong
    seeds = ran.pop("seeds", 0)
    result: dict[str, Any] = {
        "ran": seeds, "asked": asked.cases, "calls": dict(sorted(ran.items())), "differences": sorted(differences),
    }  # fmt: skip
    result["table"] = [
        f"{seeds} of {asked.cases} seeds ran, {sum(ran.values())} calls, {len(differences)} differ",
        *[f"{name}: {count} calls" for name, count in result["calls"].items()],
        *result["differences"][:20],
    ]
    return finish(result, asked.out, bool(differences) or seeds == 0)


if __name__ == "__main__":
    raise SystemExit(main())
