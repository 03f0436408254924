"""`make gpu`: all that only a GPU can show, in under 330 seconds, with no network.

    python -m benchmarks.gpu             runs all stages
    python -m benchmarks.gpu --dry-run   shows them, each with its time (`make gpu ARGS=--dry-run`)

The libraries ptdet/_C.so and ptdet/_C_cuda.so are used where they load, else built. A stage is a process of its own.
One that fails or is cut at its time limit stops no other. The run ends early where the kernels do not load, a stage
hangs (once more with CUDA_LAUNCH_BLOCKING=1, to see where) or the device is lost. After every stage report and logs are
written to build/gpu, to the folder that the variable OUT names, and with times to benchmarks/results/gpu_<model>.json.
"""

from __future__ import annotations

import argparse
import os
import resource
import signal
import sys
import time
from collections.abc import Callable
from dataclasses import replace
from pathlib import Path
from types import FrameType

from . import plan
from .plan import ROOT, Stage
from .process import Outcome, run
from .report import Report
from .stage import NO_GPU, take_fake_device

LEAST = 5.0  # seconds: with less no stage is begun


class Run:
    """Runs stages one after the other within the time of all."""

    def __init__(self, asked: argparse.Namespace, report: Report) -> None:
        self.asked, self.report = asked, report
        self.patience: float = asked.patience
        self.end = time.monotonic() + plan.TOTAL * self.patience
        self.skip: list[str] = list(asked.skip)
        self.stopped = ""  # why no further stage is run

    def step(self, stage: Stage, ahead: float = 0.0) -> Outcome:
        """Runs a stage, and keeps what became of it. `ahead`: the limits of those after it, together. All of them
        shrink where less time is left than they want; where more is left, this one may take up to twice its own."""
        if self.stopped:
            return self.keep(Outcome(stage.name, f"not run: {self.stopped}"))
        left = self.end - time.monotonic()
        end = time.monotonic() + min(2 * stage.limit * self.patience, left * stage.limit / (stage.limit + ahead))
        if end - time.monotonic() < LEAST:
            return self.keep(Outcome(stage.name, "not run: no time is left"))
        outcome = self.attempt(stage, end)
        while (name := outcome.result.get("broken_at")) and end - time.monotonic() > LEAST:
            self.stop(f"{stage.name} broke off at {name}")
            self.keep(outcome)
            self.skip.append(name)
            outcome = self.attempt(stage, end)
            outcome.name = f"{stage.name}, without {', '.join(self.skip)}"
        if outcome.result.get("is_lost"):
            self.stop(f"{stage.name} lost the device")
        if outcome.kind == "hung":
            self.stop(f"{stage.name} hung")
            self.keep(outcome)
            outcome = self.attempt(
                stage, min(time.monotonic() + stage.limit * self.patience, self.end), {"CUDA_LAUNCH_BLOCKING": "1"}
            )
            outcome.name = f"{stage.name}, with CUDA_LAUNCH_BLOCKING=1"
        return self.keep(outcome)

    def attempt(self, stage: Stage, end: float, environment: dict[str, str] | None = None) -> Outcome:
        limit = max(end - time.monotonic(), 1.0)
        extra = ("--skip", *self.skip) if stage.takes_skip and self.skip else ()
        return run(stage, limit, min(stage.quiet * self.patience, limit), self.report.running, extra, environment or {})

    def stop(self, why: str) -> None:
        if not self.asked.keep_going:
            self.stopped = self.stopped or why

    def keep(self, outcome: Outcome) -> Outcome:
        self.report.add(outcome)
        print(f"{outcome.name}: {outcome.status}, {outcome.seconds} s", flush=True)
        return outcome


def load(steps: Run, fitted: Callable[[Stage], Stage], ahead: float) -> Outcome:
    """Loads the kernels; where they do not load, builds them and tries once more."""
    outcome = steps.step(fitted(plan.load()), ahead)
    if outcome.kind != "failed":
        return outcome
    steps.step(fitted(plan.build(steps.report.machine.get("capability"))), ahead)
    return steps.step(replace(fitted(plan.load()), name="load, once built"), ahead)


def show(stages: list[Stage]) -> None:
    for stage in stages:
        heard = f"hangs after {stage.quiet:.0f} s without a line" if stage.quiet < stage.limit else ""
        print(f"{stage.name:11} {stage.limit:4.0f} s  {heard:32} {' '.join(stage.command)}".rstrip())
    print(f"{'together':11} {sum(stage.limit for stage in stages):4.0f} s at most, of {plan.TOTAL:.0f}")
    build = plan.build("<that of the GPU>")
    print(
        f"{build.name:11} {build.limit:4.0f} s  only where the libraries do not load; the later stages then have less"
    )


def arguments(names: list[str]) -> argparse.Namespace:
    parser = argparse.ArgumentParser(
        prog="python -m benchmarks.gpu", description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter
    )
    parser.add_argument("--dry-run", action="store_true", help="show the stages and run none")
    parser.add_argument("--only", nargs="+", metavar="STAGE", help="run these stages alone, after loading")
    parser.add_argument("--skip", nargs="+", default=[], metavar="OPERATOR", help="operators not to call")
    parser.add_argument("--keep-going", action="store_true", help="run the other stages after a hang or a lost device")
    parser.add_argument("--patience", type=float, help="times every limit (default: 1; of the emulator 20)")
    take_fake_device(parser)
    asked = parser.parse_args()
    if unknown := set(asked.only or ()) - set(names):
        parser.error(f"no such stage: {', '.join(sorted(unknown))}; there are {', '.join(names)}")
    if asked.patience is None:
        asked.patience = 1.0 if asked.fake_device is None else 20.0
    if not asked.patience > 0:
        parser.error(f"--patience: expected a number above 0, got {asked.patience}")
    return asked


def interrupted(number: int, _: FrameType | None) -> None:
    raise SystemExit(128 + number)  # what runs is ended on the way out


def main() -> int:
    asked = arguments([stage.name for stage in plan.after_loading()])
    chosen = [stage for stage in plan.after_loading() if not asked.only or stage.name in asked.only]

    def fitted(stage: Stage) -> Stage:
        return stage if asked.fake_device is None else plan.emulated(stage, asked.fake_device)

    if asked.dry_run:
        show([fitted(stage) for stage in (plan.load(), *chosen)])
        return 0
    signal.signal(signal.SIGTERM, interrupted)
    resource.setrlimit(
        resource.RLIMIT_CORE, (0, resource.getrlimit(resource.RLIMIT_CORE)[1])
    )  # a hung stage is aborted
    folders = [ROOT / "build" / ("gpu" if asked.fake_device is None else "gpu-emulated")]
    folders += [Path(os.environ["OUT"])] if os.environ.get("OUT") else []
    report = Report(folders, ROOT / "benchmarks/results" if asked.fake_device is None else None)
    steps = Run(asked, report)
    outcome = load(steps, fitted, sum(stage.limit for stage in chosen))
    if outcome.kind != "passed":
        steps.stopped = f"{outcome.name} {outcome.kind}"
    if outcome.kind == "left out":
        print(f"make gpu: {outcome.status.removeprefix('left out: ')}", file=sys.stderr)
        return NO_GPU
    while chosen:
        stage = chosen.pop(0)
        steps.step(fitted(stage), sum(each.limit for each in chosen))
    print("", report.table(), "", *report.written, sep="\n")
    bad = [each for each in report.outcomes if each.kind not in ("passed", "left out")]
    for each in bad:
        print(f"\n{each.name}: {each.status}", *(f"    {line}" for line in each.last_lines), sep="\n")
    return 1 if bad else 0


if __name__ == "__main__":
    raise SystemExit(main())
