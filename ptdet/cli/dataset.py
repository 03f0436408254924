"""`ptdet run` over a data set: what the options ask for, how it goes, and the sum at the end."""

from __future__ import annotations

import argparse
import json
import sys
import time
from collections.abc import Sequence
from contextlib import suppress
from dataclasses import replace
from pathlib import Path
from types import TracebackType
from typing import Any, TextIO

from .._shared.methods import FUSIONS, NAMES
from ..dataset.extras import needed
from ..dataset.local import run_local
from ..dataset.plan import Plan
from ..dataset.run import Engine, Summary, run
from ..dataset.settings import Job
from ..io import FileProblem
from .progress import DELAY

SHARD_SIZE = 1000  # pictures
TOLD = 5  # problems of one kind that are printed; --log has all


def run_dataset(asked: argparse.Namespace, job: Job) -> int:
    """Does what is asked for; returns the exit code: 0, or 2 if something could not be read or written."""
    size = asked.shard_size or SHARD_SIZE
    try:
        _check(asked, job)
        with Watching(asked.log) as watching:
            job = replace(job, read=replace(job.read, progress=watching.sorts))
            summary = run(asked.predictions, asked.out, job, size, asked.resume, _engine(asked), watching)
            watching.ends(summary)
    except FileProblem as problem:
        print(f"ptdet: error: {problem}", file=sys.stderr)
        return 2
    except KeyboardInterrupt:
        print(f"\nptdet: interrupted; what is done stays in {asked.out}: --resume goes on with it", file=sys.stderr)
        return 130
    _print(summary, asked.out)
    return 2 if summary.problems or summary.failed else 0


def _check(asked: argparse.Namespace, job: Job) -> None:
    if asked.out is None:
        raise FileProblem("a run over a data set writes into a folder: give it as --out")
    if asked.out.exists() and not asked.out.is_dir():
        raise FileProblem(f"--out {asked.out}: expected a folder, got a file")
    if job.step == "ensemble":
        if NAMES[job.settings.method] not in FUSIONS:
            raise FileProblem(f"--step ensemble fuses by {' or '.join(FUSIONS)}, not by {job.settings.method}")
        if job.weights and len(job.weights) != len(asked.predictions):
            raise FileProblem(
                f"--weights: expected one for each of {len(asked.predictions)} models, got {len(job.weights)}"
            )
    elif job.step == "merge-tiles" and job.format == "yolo":
        raise FileProblem("--format yolo writes shares of a picture, and tiles do not say the size of the whole one")
    elif job.weights:
        raise FileProblem("--weights are those of the models of --step ensemble")
    if asked.image is not None:
        raise FileProblem("--image draws for a few files: leave the options of data sets out")
    if job.format == "parquet":
        needed("pyarrow", "--format parquet", "parquet")
    try:
        from ..numpy import get_num_threads as get_num_threads
    except ImportError as error:
        raise FileProblem(str(error)) from error


def _engine(asked: argparse.Namespace) -> Engine:
    """The engine that was asked for.

    Raises:
        FileProblem: it is not installed.
    """
    from ..numpy import get_num_threads  # as many as there are processors, unless the person said else

    if asked.engine == "ray":
        from ..ray._cluster import ray_module
        from ..ray._engine import run_on_ray

        ray_module("--engine ray")
        return lambda plan, places, pending, told: run_on_ray(plan, places, pending, asked.workers, asked.address, told)
    if asked.address is not None:
        raise FileProblem(f"--address {asked.address} is for --engine ray")
    workers = asked.workers or get_num_threads()
    return lambda plan, places, pending, told: run_local(plan, places, pending, workers, told)


class Watching:
    """A bar where a person is there to see it, and a log with a line for each shard."""

    def __init__(self, log: Path | None) -> None:
        self._path = log
        self._log: TextIO | None = None
        self._bar: Any = None
        self._counts = {"pictures": 0, "boxes": 0, "bad": 0}
        self._plan: Plan | None = None

    def __enter__(self) -> Watching:
        if self._path is not None:
            try:
                self._log = self._path.open("a", encoding="utf-8")
            except OSError as error:
                raise FileProblem(f"--log {self._path} cannot be written: {error.strerror or error}") from error
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        self._close_bar()
        if self._log is not None:
            self._write({"event": "stopped", "why": str(error) or type(error).__name__} if error else {"event": "end"})
        if self._log is not None:
            self._log.close()

    def begins(self, plan: Plan, pending: Sequence[int]) -> None:
        self._plan, self._started = plan, time.perf_counter()
        settings = {**plan.job.told(), "settings_hash": plan.job.hash}
        self._write({"event": "begin", "settings": settings, "shards": len(plan), "pending": len(pending)})
        self._close_bar()
        self._bar = _bar(total=sum(map(plan.items, pending)), unit="picture")

    def sorts(self, count: int) -> None:
        """So many bytes of COCO results are read, before there is a plan."""
        if self._bar is None:
            self._bar = _bar(desc="sorting by picture", unit="B")
        if self._bar is not None:
            self._bar.update(count)

    def shard_done(self, line: dict[str, Any]) -> None:
        self._write({"event": "failed" if "failed" in line else "shard", **line})
        self._counts["pictures"] += line.get("pictures", 0)
        self._counts["boxes"] += line.get("boxes", 0)
        self._counts["bad"] += len(line.get("problems", "?"))  # a shard that failed is one
        if self._bar is not None and self._plan is not None:
            rate = self._counts["boxes"] / (time.perf_counter() - self._started)
            self._bar.set_postfix_str(f"{rate:,.0f} boxes/s, {self._counts['bad']} bad inputs", refresh=False)
            self._bar.update(self._plan.items(line["shard"]))

    def happened(self, event: dict[str, Any]) -> None:
        self._write(event)

    def ends(self, summary: Summary) -> None:
        self._write({"event": "sum", **{name: value for name, value in vars(summary).items() if name != "wrote"}})

    def _close_bar(self) -> None:
        if self._bar is not None:
            self._bar.close()
        self._bar = None

    def _write(self, line: dict[str, Any]) -> None:
        log = self._log
        if log is not None:
            try:
                log.write(json.dumps({"time": round(time.time(), 3), **line}) + "\n")
                log.flush()
            except OSError as error:
                self._log = None
                with suppress(OSError):  # it tries to write the rest again
                    log.close()
                raise FileProblem(f"--log {self._path} cannot be written: {error.strerror or error}") from error


def _bar(**what: Any) -> Any:
    """None where nobody sees it, or tqdm is not installed."""
    if sys.stderr.isatty():
        try:
            from tqdm import tqdm
        except ImportError:
            return None
        return tqdm(**what, unit_scale=True, leave=False, delay=DELAY, file=sys.stderr)
    return None


def _print(summary: Summary, out: Path) -> None:
    before = f", {summary.done_before} of them done before" if summary.done_before else ""
    shards, pictures = _count(summary.shards, "shard"), _count(summary.pictures, "picture")
    print(f"{shards}{before}: {pictures}, {summary.boxes} boxes in, "
          f"{summary.candidates} over conf, {summary.kept} kept, in {summary.seconds:.1f} s")  # fmt: skip
    for path in summary.wrote or [out]:
        print(f"wrote {path}")
    sys.stdout.flush()
    kinds = (("note", summary.notes), ("error", summary.problems), ("failed", summary.failed))
    for kind, sayings in kinds:
        for text in sayings[:TOLD]:
            print(f"ptdet: {kind}: {text}", file=sys.stderr)
        if len(sayings) > TOLD:
            print(f"ptdet: {kind}: and {len(sayings) - TOLD} more", file=sys.stderr)
    if summary.failed:
        failed = _count(len(summary.failed), "shard")
        print(f"ptdet: {failed} failed: --resume tries again", file=sys.stderr)


def _count(number: int, what: str) -> str:
    return f"{number} {what}{'' if number == 1 else 's'}"
