"""Plain cases against torchvision and the reference, strange ones and calls of other methods against the reference:

    python -m tests.fuzz --cases 10000 --out benchmarks/results/fuzz.json

Every plain case is compared with torchvision; the reference, which is slower, sees every `--reference-every`th. Of the
same seeds it is asked for a strange case, and for as many calls of the other methods in turn and of padded batches.
All compare exactly.
"""

from __future__ import annotations

import argparse
import datetime
import json
import multiprocessing
import os
import platform
import time
from collections import Counter
from pathlib import Path

import torch
import torchvision

import ptdet
from ptdet.testing import Case, fuzz_case, method_call, strange_case
from ptdet.testing.fuzz_methods import Call

from .oracles import one_thread, reference_walk, torchvision_keep

MOST = 300  # boxes of a call of another method, which the reference compares pair by pair


def kinds(call: Call) -> list[object]:
    """Which formulas a call asks for beyond its method."""
    return [call.keywords[name] for name in ("method", "kind", "beta", "metric") if name in call.keywords]


def differs(case: Case, with_torchvision: bool, with_reference: bool) -> list[str]:
    """What the native kernels answer otherwise than an oracle."""
    keep, owner, kept = torch.ops.ptdet.nms_walk(*case.arguments)
    short = torch.ops.ptdet.nms(*case.arguments)
    wrong = []
    if not torch.equal(short, keep[: int(kept)]):
        wrong.append("nms != nms_walk")
    if with_torchvision and not torch.equal(short, torchvision_keep(case)):
        wrong.append("torchvision")
    if with_reference:
        expected = reference_walk(*case.arguments)
        if not all(torch.equal(ours, theirs) for ours, theirs in zip((keep, owner, kept), expected, strict=True)):
            wrong.append("reference")
    return wrong


def run(task: tuple[int, int, int]) -> tuple[Counter[str], list[str]]:
    """The seeds from first to last; counts of what was compared and a line for each difference."""
    first, last, reference_every = task
    torch.set_num_threads(1)
    ptdet.build_info()
    counts: Counter[str] = Counter()
    failures = []
    for seed in range(first, last):
        with_reference = seed % reference_every == 0
        case = fuzz_case(seed)
        counts["plain"] += 1
        counts["reference"] += with_reference
        counts[f"kind {case.kind}"] += 1
        counts[f"threshold {case.iou_threshold}"] += 1
        counts["1500 boxes or more"] += len(case.scores) >= 1500
        counts["with class ids"] += case.idxs is not None
        counts[f"boxes {str(case.boxes.dtype).removeprefix('torch.')}"] += 1
        failures += [f"fuzz_case({seed}): {wrong}" for wrong in differs(case, True, with_reference)]
        if with_reference:
            counts["strange"] += 1
            failures += [f"strange_case({seed}): {wrong}" for wrong in differs(strange_case(seed), False, True)]
            number = seed // reference_every  # one after the other, so that all methods have their turn
            call = method_call(number, most=MOST)
            counts[f"method {'_'.join(str(part) for part in (call.name, *kinds(call)))}"] += 1
            with one_thread():
                if not call.equals_the_reference():
                    failures.append(f"method_call({number}, most={MOST}): {call.name}")
    return counts, failures


def processor() -> str:
    try:
        lines = Path("/proc/cpuinfo").read_text().splitlines()
        return next(line.split(":", 1)[1].strip() for line in lines if line.startswith("model name"))
    except (OSError, StopIteration):
        return platform.processor() or platform.machine()


def main() -> int:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--cases", type=int, default=10_000)
    parser.add_argument("--first", type=int, default=0, help="the first seed")
    parser.add_argument("--reference-every", type=int, default=5)
    parser.add_argument("--workers", type=int, default=os.cpu_count() or 1)
    parser.add_argument("--out", type=Path)
    asked = parser.parse_args()
    info = ptdet.build_info()
    if not info["cpu"]:
        parser.error(f"the native CPU kernels are not loaded: {info}")

    start = time.perf_counter()
    end = asked.first + asked.cases
    tasks = [(seed, min(seed + 25, end), asked.reference_every) for seed in range(asked.first, end, 25)]
    counts: Counter[str] = Counter()
    failures: list[str] = []
    with multiprocessing.get_context("spawn").Pool(asked.workers) as pool:
        for done, (more, wrong) in enumerate(pool.imap_unordered(run, tasks), 1):
            counts += more
            failures += wrong
            for line in wrong:
                print(line, flush=True)
            if done % 20 == 0 or done == len(tasks):
                seconds = time.perf_counter() - start
                print(f"{counts['plain']} cases, {len(failures)} differences, {seconds:.0f} s", flush=True)

    report = {
        "date": datetime.datetime.now(datetime.UTC).isoformat(timespec="seconds"),
        "machine": {"processor": processor(), "cores": os.cpu_count(), "system": platform.platform()},
        "versions": {
            "python": platform.python_version(),
            "torch": torch.__version__,
            "torchvision": torchvision.__version__,
        },
        "instruction_set": info["instruction_set"],
        "seeds": [asked.first, end],
        "seconds": round(time.perf_counter() - start),
        "compared_with_torchvision": counts["plain"],
        "compared_with_reference": counts["reference"] + 2 * counts["strange"],
        "counts": dict(sorted(counts.items())),
        "differences": sorted(failures),
    }
    if asked.out:
        asked.out.parent.mkdir(parents=True, exist_ok=True)
        asked.out.write_text(json.dumps(report, indent=2) + "\n")
    print(
        f"{len(failures)} differences in {counts['plain']} plain and {counts['strange']} strange cases "
        f"and as many calls of other methods"
    )
    return 1 if failures else 0


if __name__ == "__main__":
    raise SystemExit(main())
