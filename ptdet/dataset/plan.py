"""The plan of a run: its settings, its inputs, and the shards with their numbers. It is written before any work."""

from __future__ import annotations

import json
from bisect import bisect_right
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from itertools import accumulate
from pathlib import Path
from typing import Any

from .. import __version__
from ..io import FileProblem
from . import STEPS
from .durable import durable
from .extras import needed
from .results import ENDINGS
from .settings import Job
from .sources import Source, cut_sources, join_sources, stats_of

VERSION = 1


@dataclass(frozen=True)
class Places:
    """Where a run keeps what: results beside a folder of its own, which readers of data sets pass over."""

    out: Path

    @property
    def own(self) -> Path:
        return self.out / "_ptdet"

    @property
    def plan(self) -> Path:
        return self.own / "plan.json"

    @property
    def done(self) -> Path:
        return self.own / "done.jsonl"

    @property
    def lock(self) -> Path:
        return self.own / "lock"

    @property
    def workshop(self) -> Path:
        return self.own / "unfinished"

    @property
    def spool(self) -> Path:
        return self.own / "sorted"

    @property
    def failed(self) -> Path:
        return self.out / "failed"

    @property
    def together(self) -> Path:
        """All COCO results as one list."""
        return self.out / "detections.json"


class Plan:
    """The shards of all sources, counted through."""

    def __init__(
        self,
        job: Job,
        size: int,
        inputs: dict[str, list[int]],
        sources: Sequence[Source],
        problems: Sequence[str],
    ) -> None:
        self.job, self.size, self.inputs = job, size, inputs  # of each file what `stats_of` says
        self.sources, self.problems = list(sources), list(problems)
        self._ends = list(accumulate(len(source.shards) for source in self.sources))

    def __len__(self) -> int:
        return self._ends[-1] if self._ends else 0

    @property
    def name_digits(self) -> int:
        return max(6, len(str(len(self))))

    def name(self, shard: int) -> str:
        return f"shard-{shard:0{self.name_digits}}{ENDINGS[self.job.format]}"

    def items(self, shard: int) -> int:
        """How many pictures it has, or files."""
        source, own = self._find(shard)
        return source.shards[own][1]

    def spans(self) -> Iterator[range]:
        """The shards of each source."""
        for start, end in zip([0, *self._ends], self._ends, strict=False):
            yield range(start, end)

    def task(self, shard: int, places: Places) -> dict[str, Any]:
        """What a worker needs to know."""
        source, own = self._find(shard)
        task = source.task(own, places.spool)
        # what was sorted is there to be read, and of its inputs nothing is
        stats = {} if "spool" in task else {path: self.inputs[path] for path in task["paths"]}
        return {"shard": shard, "name": self.name(shard), "stats": stats, **task}

    def _find(self, shard: int) -> tuple[Source, int]:
        place = bisect_right(self._ends, shard)
        return self.sources[place], shard - (self._ends[place - 1] if place else 0)

    def write(self, places: Places) -> None:
        stored = {
            "version": VERSION,
            "settings": self.job.told(),
            "shard_size": self.size,
            "inputs": self.inputs,
            "sources": [source.told() for source in self.sources],
            "problems": self.problems,
        }
        with durable(places.plan, places.workshop) as part:
            part.write_text(json.dumps(stored), encoding="utf-8")


def make_plan(models: Sequence[Sequence[Path]], size: int, job: Job, places: Places) -> Plan:
    """Looks into the files, sorts those that have to be, and says how they are cut."""
    problems: list[str] = []
    files = [file for own in models for file in own]
    if any(file.suffix.lower() == ".parquet" for file in files):  # else the plan would be one without them, for good
        needed("pyarrow", "Parquet", "parquet")
    inputs = stats_of(files)
    places.spool.mkdir(exist_ok=True)
    rooms = places.spool, places.workshop
    if job.step == STEPS[0]:
        sources = list(cut_sources(files, size, *rooms, job, problems))
    else:
        sources = list(join_sources(models, size, *rooms, job, problems))
    return Plan(job, size, inputs, sources, problems)


def read_plan(places: Places) -> Plan:
    """That of an earlier run.

    Raises:
        FileProblem: it is none, or of another version.
    """
    try:
        stored = json.loads(places.plan.read_text(encoding="utf-8"))
        if stored["version"] != VERSION:
            told = f"is of version {stored['version']}, and this ptdet knows version {VERSION}"
            raise FileProblem(f"{places.plan} {told}")
        settings = stored["settings"]
        if settings["ptdet"] != __version__:  # which may know other settings
            raise FileProblem(f"{places.out} was begun otherwise: ptdet: {settings['ptdet']!r}, now {__version__!r}")
        sources = [Source(**source) for source in stored["sources"]]
        return Plan(Job.of(settings), stored["shard_size"], stored["inputs"], sources, stored["problems"])
    except (ValueError, KeyError, TypeError) as error:
        told = f"{type(error).__name__}: {error}"
        raise FileProblem(f"{places.plan} is no plan of a run ({told}): give another --out") from error


def differences(plan: Plan, files: Sequence[Path], size: int, job: Job) -> list[str]:
    """What is asked for now and was not then, a line each; empty if the run can go on."""
    then, now = plan.job.told(), job.told()
    told = [f"{name}: {then[name]!r}, now {now[name]!r}" for name in now if then[name] != now[name]]
    if plan.size != size:
        told.append(f"shard size: {plan.size}, now {size}")
    known, asked = plan.inputs, stats_of(files)
    for path in known:
        if path not in asked:
            told.append(f"{path}: is not among the inputs any more")
        elif asked[path] != known[path]:
            told.append(f"{path}: has changed since")
    order = [path for path in asked if path in known]
    if job.step != STEPS[0] and order != [path for path in known if path in asked]:  # of models, or parts of a picture
        told.append("the inputs are in another order")
    return told + [f"{path}: is a new input" for path in asked if path not in known]


def restore_sorted(plan: Plan, models: Sequence[Sequence[Path]], pending: Sequence[int], places: Places) -> None:
    """Sorts the inputs again, where what was sorted is not there any more and shards want it.

    Raises:
        FileProblem: an input is not what it was.
    """
    wanted = set(pending)
    missing = [
        source.paths
        for source, span in zip(plan.sources, plan.spans(), strict=True)
        if "spool" in source.facts
        and not wanted.isdisjoint(span)
        and not (places.spool / source.facts["spool"]).exists()
    ]
    if missing and make_plan(models, plan.size, plan.job, places).sources != plan.sources:
        raise FileProblem(f"{missing[0][0]} is not what it was when the run began")
