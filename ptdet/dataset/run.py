"""A whole run: plan or resume, give the shards to an engine, keep the journal, and say how it went."""

from __future__ import annotations

import json
import os
import time
from collections.abc import Callable, Generator, Sequence
from contextlib import suppress
from dataclasses import dataclass, field, replace
from pathlib import Path
from typing import Any, Protocol

from ..io import FileProblem
from .durable import durable, only_one, remove
from .journal import Journal, read_done
from .plan import Places, Plan, differences, make_plan, read_plan, restore_sorted
from .settings import Job
from .sources import find_sources

Answers = Generator[dict[str, Any], None, None]
Engine = Callable[[Plan, Places, Sequence[int], Callable[[dict[str, Any]], None]], Answers]


class Watcher(Protocol):
    """Who is told how a run goes."""

    def begins(self, plan: Plan, pending: Sequence[int]) -> None: ...
    def shard_done(self, line: dict[str, Any]) -> None: ...
    def happened(self, event: dict[str, Any]) -> None: ...


@dataclass
class Summary:
    """What came of a run, all of its shards together."""

    shards: int = 0
    done_before: int = 0
    pictures: int = 0
    boxes: int = 0
    candidates: int = 0
    kept: int = 0
    cpu_seconds: float = 0.0
    seconds: float = 0.0
    problems: list[str] = field(default_factory=list)
    notes: list[str] = field(default_factory=list)
    failed: list[str] = field(default_factory=list)
    wrote: list[Path] = field(default_factory=list)

    def add(self, line: dict[str, Any]) -> None:
        for name in ("pictures", "boxes", "candidates", "kept", "cpu_seconds"):
            setattr(self, name, getattr(self, name) + line[name])
        self.problems += line["problems"]
        self.notes += line["notes"]


def run(
    asked: Sequence[Path], out: Path, job: Job, shard_size: int, resume: bool, engine: Engine, watcher: Watcher
) -> Summary:
    """Does what is not done yet.

    Raises:
        FileProblem: the run cannot begin or go on; what was done stays.
    """
    started = time.perf_counter()
    places = Places(out)
    try:
        for folder in (places.own, places.workshop):
            folder.mkdir(parents=True, exist_ok=True)
        with only_one(places.lock):
            summary = _run(find_sources(asked, out), places, job, shard_size, resume, engine, watcher)
    except OSError as error:
        where = f"{out} cannot be written" if _is_of(error.filename, out) else f"{error.filename}"
        raise FileProblem(f"{where}: {error.strerror or error}") from error
    except FileProblem as problem:
        raise FileProblem(str(problem) if str(out) in str(problem) else f"{out}: {problem}") from problem
    summary.seconds = time.perf_counter() - started
    return summary


def _is_of(name: Any, out: Path) -> bool:
    """Whether a failure with this file, if it is known, is one of the results' folder and not of an input."""
    if not isinstance(name, (str, os.PathLike)):
        return True
    file, out = Path(name).resolve(), out.resolve()
    return file == out or out in file.parents or file in out.parents


def _run(
    models: list[list[Path]], places: Places, job: Job, size: int, resume: bool, engine: Engine, watcher: Watcher
) -> Summary:
    for left in places.workshop.iterdir():  # by a run that was killed
        remove(left)
    if job.step == "ensemble":
        job = replace(job, models=tuple(map(len, models)))
        if 0 in job.models:
            raise FileProblem("--step ensemble: each input is a model, and one of them has no file of its own")
    plan = _planned(models, places, job, size, resume)
    done = read_done(plan, places)
    pending = [shard for shard in range(len(plan)) if shard not in done]
    restore_sorted(plan, models, pending, places)
    for told in places.failed.glob("shard-*.json"):  # they are tried again; what else lies there is not ours
        remove(told)
    with suppress(OSError):
        places.failed.rmdir()
    summary = Summary(shards=len(plan), done_before=len(done), problems=list(plan.problems))
    for line in done.values():
        summary.add(line)
    watcher.begins(plan, pending)
    with Journal(places.done) as journal:
        answers = engine(plan, places, pending, watcher.happened)
        try:
            for line in answers:
                if "failed" in line:
                    summary.failed.append(_fail(plan, places, line))
                else:
                    journal.add(line)
                    summary.add(line)
                watcher.shard_done(line)
        finally:
            answers.close()
    if not summary.failed:
        if job.format == "coco":
            summary.wrote.append(_join(plan, places))
        remove(places.spool)
    return summary


def _planned(models: list[list[Path]], places: Places, job: Job, size: int, resume: bool) -> Plan:
    if not places.plan.exists():
        if any(places.out.glob("shard-*")):
            raise FileProblem(f"{places.out} holds shards of another run, and no plan of it: give another --out")
        if job.format == "coco" and places.together.exists():
            raise FileProblem(f"{places.together} is there already, and no run wrote it: give another --out")
        remove(places.done)
        remove(places.spool)
        plan = make_plan(models, size, job, places)
        plan.write(places)
        return plan
    if not resume:
        raise FileProblem(f"{places.out} holds a run: --resume goes on with it, or give another --out")
    plan = read_plan(places)
    told = differences(plan, [file for files in models for file in files], size, job)
    if told:
        more = f"; and {len(told) - 5} more" if len(told) > 5 else ""
        raise FileProblem(
            f"{places.out} was begun otherwise: {'; '.join(told[:5])}{more}. Say the same, or give another --out"
        )
    return plan


def _fail(plan: Plan, places: Places, line: dict[str, Any]) -> str:
    """Says in failed/ what the shard is and why it could not be done."""
    places.failed.mkdir(exist_ok=True)
    shard = line["shard"]
    place = places.failed / f"{Path(plan.name(shard)).stem}.json"
    task = plan.task(shard, places)
    with durable(place, places.workshop) as part:
        part.write_text(json.dumps({**task, "why": line["failed"]}, indent=1), encoding="utf-8")
    return f"{place}: {', '.join(task['paths'][:2])}: {line['failed']}"


def _join(plan: Plan, places: Places) -> Path:
    """All COCO results as one list, which their readers want."""
    place = places.together
    with durable(place, places.workshop) as part, part.open("wb") as file:
        between = b"[\n"
        for shard in range(len(plan)):
            with (places.out / plan.name(shard)).open("rb") as stream:
                for line in stream:
                    record = line.strip().rstrip(b",")
                    if record not in (b"[", b"]", b"[]"):
                        file.write(between + record)
                        between = b",\n"
        file.write(b"[]\n" if between == b"[\n" else b"\n]\n")
    return place
