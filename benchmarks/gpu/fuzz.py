"""Random cases of suppression: CUDA and CPU must agree index for index. As many seeds as the time allows: each has a
plain or a strange case of hard NMS, every third also a call of another method or of a padded batch.
"""

from __future__ import annotations

import argparse
import multiprocessing
import time
from collections import Counter
from concurrent.futures import ProcessPoolExecutor, as_completed
from dataclasses import dataclass, field

import torch

from ptdet.testing import fuzz_case, method_call, strange_case
from ptdet.testing.fuzz_methods import Call

from .device import Gpu, chosen, first_line
from .operators import close
from .stage import Journal, arguments

CHUNK = 25


@dataclass
class Found:
    ran: Counter[str] = field(default_factory=Counter)
    failures: list[str] = field(default_factory=list)
    is_lost: bool = False


def calls(seed: int) -> list[tuple[str, Call]]:
    # every second case is a strange one, for which only the reference is an oracle
    case, what = (strange_case(seed), "strange_case") if seed % 2 else (fuzz_case(seed), "fuzz_case")
    found = [(f"{what}({seed}), {name}", Call(name, case.arguments, {})) for name in ("nms", "nms_walk")]
    if seed % 3 == 0:  # so that there is time for all seeds of hard NMS
        more = method_call(seed)
        found.append((f"method_call({seed}), {more.name}", more))
    return found


def compare(gpu: Gpu, call: Call) -> str:
    """Empty if the device answers as the CPU does."""
    try:
        ours = [each.cpu() for each in call.answer(gpu.device)]
    except Exception as error:  # the next seeds can still run, if the device does
        return first_line(error)
    with gpu.oracle():
        theirs = call.answer(torch.device("cpu"))
    return "" if all(close(a, b, 0.0) for a, b in zip(ours, theirs, strict=True)) else "differs from the CPU"


ready: list[Gpu] = []  # of a worker's process


def prepare(asked: argparse.Namespace) -> None:
    torch.set_num_threads(1)
    gpu = chosen(asked)
    if why_not := gpu.why_not_loaded():
        raise RuntimeError(why_not)
    ready.append(gpu)


def run(first: int, last: int, until: float) -> Found:
    """The seeds from first to last, as far as there is time."""
    gpu, found = ready[0], Found()
    for seed in range(first, last):
        if time.time() >= until:
            break
        print(f"seed {seed}", flush=True)
        for name, call in calls(seed):
            if wrong := compare(gpu, call):
                found.failures.append(f"{name}: {wrong}")
                if gpu.is_lost():
                    found.is_lost = True
                    return found
            found.ran[call.name] += 1
        found.ran["seeds"] += 1
    return found


def main() -> int:
    parser = arguments(__doc__)
    parser.add_argument("--cases", type=int, default=10_000, help="seeds")
    parser.add_argument("--first", type=int, default=0, help="the first seed")
    parser.add_argument("--workers", type=int, default=4)
    asked = parser.parse_args()
    last = asked.first + asked.cases
    journal = Journal(asked, asked.cases, "seeds")
    ran: Counter[str] = Counter()
    is_lost = False
    pool = ProcessPoolExecutor(
        asked.workers, multiprocessing.get_context("spawn"), initializer=prepare, initargs=(asked,)
    )
    with pool:
        parts = [pool.submit(run, at, min(at + CHUNK, last), asked.until) for at in range(asked.first, last, CHUNK)]
        try:
            for part in as_completed(parts):
                found = part.result()
                ran += found.ran
                is_lost = is_lost or found.is_lost
                for failure in found.failures:
                    journal.fail(failure)
                journal.result["done"] = ran["seeds"]
                journal.save()
                if found.is_lost:
                    break
        except Exception as error:  # a worker was killed, as by a fault of its memory
            journal.fail(f"a process ended: {first_line(error)}")
            is_lost = True
        for part in parts:
            part.cancel()
    seeds = ran.pop("seeds", 0)
    if not seeds and not is_lost:
        journal.fail("no seed ran")
    journal.result["calls"] = dict(sorted(ran.items()))
    journal.result["table"] = [
        f"{seeds} of {asked.cases} seeds ran, {sum(ran.values())} calls, {len(journal.result['failures'])} differ",
        *[f"{name}: {count} calls" for name, count in journal.result["calls"].items()],
    ]
    journal.result["of"] = seeds  # the time was the limit
    return journal.finish(is_lost)


if __name__ == "__main__":
    raise SystemExit(main())
