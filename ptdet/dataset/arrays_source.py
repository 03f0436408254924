"""Files that are read as a whole, several a shard: arrays, and small files of COCO results."""

from __future__ import annotations

import os
from collections.abc import Iterator, Mapping
from pathlib import Path
from typing import Any

from ..io import FileProblem, Predictions, read_predictions
from .batch import Batch, batches_of
from .passing import refuse_passing
from .settings import Job


def read(task: Mapping[str, Any], job: Job, problems: list[str]) -> Iterator[Batch]:
    """The pictures of the files of a shard."""

    def pictures() -> Iterator[Predictions]:
        for path in task["paths"]:
            os.stat(path)  # it was there when the run began
            try:
                yield from read_predictions(Path(path), job.read)
            except FileProblem as problem:
                refuse_passing(problem)
                problems.append(f"{path} {problem}")

    return batches_of(pictures(), job.settings, problems)
