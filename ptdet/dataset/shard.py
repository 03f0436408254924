"""One shard, from its pictures to its result. The same task gives the same bytes, whoever does it and how often."""

from __future__ import annotations

import sys
import time
import traceback
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from importlib import import_module
from importlib.abc import MetaPathFinder
from pathlib import Path
from types import ModuleType
from typing import Any

from ..io import FileProblem
from . import results
from .batch import Batch, suppress
from .durable import durable, print_of
from .ensemble import fuse
from .extras import needed
from .passing import InputProblem
from .settings import Job
from .sources import GONE, read_shard, stats_of


class DiskProblem(Exception):
    """Nothing more can be written there."""


@dataclass
class Counts:
    """What a shard had and what is left."""

    pictures: int = 0
    boxes: int = 0
    candidates: int = 0
    kept: int = 0
    problems: list[str] = field(default_factory=list)
    notes: list[str] = field(default_factory=list)


def prepare(job: Job) -> None:
    """Loads what every shard needs, so that it is not part of the first one's time. For a process that does no more."""
    sys.meta_path.insert(0, _NoPandas())
    for module in ("ptdet.numpy._methods", "numpy.ma"):  # the second is asked by pyarrow
        import_module(module)
    if job.format == "parquet":
        for module in ("pyarrow.parquet", "pyarrow.compute"):
            needed(module, "--format parquet", "parquet")


class _NoPandas(MetaPathFinder):
    """Lets pandas pass for not installed. pyarrow loads it for the first array that it makes, which takes half as long
    as all else that a worker loads, and asks nothing of it here."""

    def find_spec(self, name: str, path: Sequence[str] | None, target: ModuleType | None = None) -> None:
        if name == "pandas":
            raise ModuleNotFoundError(f"No module named {name!r}", name=name)


def make(task: Mapping[str, Any], job: Job, out: Path, workshop: Path) -> dict[str, Any]:
    """Writes the result of a shard and returns what is to be known of it.

    Raises:
        FileProblem: the format cannot hold the result.
        DiskProblem: it cannot be written.
    """
    started, used = time.perf_counter(), time.process_time()
    counts = Counts()
    said = {"settings": job.told(), "settings_hash": job.hash, "shard": task["shard"]}
    place = out / task["name"]
    try:
        with durable(place, workshop) as part:
            results.write(part, _survivors(task, job, counts), job, said, counts.problems)
        written = print_of(place)
    except (OSError, FileProblem) as error:
        if isinstance(error, FileProblem) and not isinstance(error.__cause__, OSError):
            raise
        raise DiskProblem(f"{place} cannot be written: {error}") from error
    return {
        "shard": task["shard"],
        "print": list(written),
        **counts.__dict__,
        "seconds": round(time.perf_counter() - started, 6),
        "cpu_seconds": round(time.process_time() - used, 6),
    }


def answer_to(task: Mapping[str, Any], job: Job, out: Path, workshop: Path) -> dict[str, Any]:
    """What `make` returns; or that nothing more can be written ("disk"), that no attempt can succeed ("impossible"), or
    what went wrong in this one ("error")."""
    shard = task["shard"]
    try:
        return make(task, job, out, workshop)
    except DiskProblem as problem:
        return {"shard": shard, "disk": str(problem)}
    except FileProblem as problem:
        return {"shard": shard, "impossible": str(problem)}
    except InputProblem as problem:
        return {"shard": shard, "error": str(problem)}
    except Exception as error:
        traceback.print_exc()
        return {"shard": shard, "error": f"{type(error).__name__}: {error}"}


def _survivors(task: Mapping[str, Any], job: Job, counts: Counts) -> Iterator[Batch]:
    for batch in _read(task, job, counts.problems):
        for part in batch.cut():
            counts.pictures += len(part.of)
            counts.boxes += part.stored
            counts.candidates += len(part.found)
            counts.notes += [f"{of.name}: {note}" for of in part.of for note in of.notes]
            try:
                kept = fuse(part, job) if job.step == "ensemble" else suppress(part, job.settings)
            except FileProblem as problem:
                more = f" and {len(part.of) - 1} more" if len(part.of) > 1 else ""
                counts.problems.append(f"{part.of[0].name}{more} {problem}")
                continue
            counts.kept += len(kept.found)
            yield kept


def _read(task: Mapping[str, Any], job: Job, problems: list[str]) -> Iterator[Batch]:
    """The pictures of a shard; what fails here must not pass for a failure to write."""
    try:
        for path, now in stats_of(task["stats"]).items():
            if now != task["stats"][path]:
                how = "is not there any more" if now == GONE else "has changed since the run began"
                raise InputProblem(f"{path} {how}")
        yield from read_shard(task, job, problems)
    except OSError as error:
        raise InputProblem(f"{task['paths'][0]} cannot be read: {error}") from error
