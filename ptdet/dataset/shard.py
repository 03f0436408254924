"""One shard, from its pictures to its result. The same task gives the same bytes, whoever does it and how often."""

from __future__ import annotations

import time
from collections.abc import Iterator, Mapping
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

from ..io import FileProblem
from . import results
from .batch import Batch, suppress
from .durable import durable, print_of
from .settings import Job
from .sources import READ


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


def _survivors(task: Mapping[str, Any], job: Job, counts: Counts) -> Iterator[Batch]:
    for batch in READ[task["kind"]](task, job, counts.problems):
        for part in batch.cut():
            counts.pictures += len(part.of)
            counts.boxes += part.stored
            counts.candidates += len(part.found)
            counts.notes += [f"{of.name}: {note}" for of in part.of for note in of.notes]
            try:
                kept = suppress(part, job.settings)
            except FileProblem as problem:
                more = f" and {len(part.of) - 1} more" if len(part.of) > 1 else ""
                counts.problems.append(f"{part.of[0].name}{more} {problem}")
                continue
            counts.kept += len(kept.found)
            yield kept
