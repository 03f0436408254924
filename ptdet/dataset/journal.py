"""Which shards are done: a line for each, written after its result is there."""

from __future__ import annotations

import json
import os
from pathlib import Path
from types import TracebackType
from typing import Any

from .durable import Print, is_as_printed
from .plan import Places, Plan

TOLD = {"shard", "print", "pictures", "boxes", "candidates", "kept", "cpu_seconds", "problems", "notes"}


class Journal:
    """Appends lines; what a killed run has left of one is passed over by `read_done`."""

    def __init__(self, path: Path) -> None:
        self._file = path.open("ab")
        if self._file.tell():
            self._file.write(b"\n")  # behind the rest of a line, if there is one

    def add(self, line: dict[str, Any]) -> None:
        self._file.write(json.dumps(line).encode() + b"\n")
        self._file.flush()

    def __enter__(self) -> Journal:
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        self._file.flush()
        os.fsync(self._file.fileno())
        self._file.close()


def read_done(plan: Plan, places: Places) -> dict[int, dict[str, Any]]:
    """By shard what is known of it, for those whose results are there as they were written."""
    found: dict[int, dict[str, Any]] = {}
    if places.done.exists():
        with places.done.open("rb") as file:
            for text in file:
                try:
                    line = json.loads(text)
                except ValueError:  # the run was killed while it wrote
                    continue
                if isinstance(line, dict) and set(line) >= TOLD and line["shard"] in range(len(plan)):
                    found[line["shard"]] = line
    return {
        shard: line
        for shard, line in found.items()
        if is_as_printed(places.out / plan.name(shard), Print(*line["print"]))
    }
