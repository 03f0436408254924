"""Boxes for several groups: the generators of `ptdet.testing`, and the real detections of tests/data."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import TypeAlias

import numpy as np
import torch
from torch import Tensor

from ptdet.io import FileProblem, read_predictions
from ptdet.testing import clustered, dense, scattered

Draw: TypeAlias = Callable[[int], tuple[Tensor, Tensor]]
SCENES: dict[str, Draw] = {"clustered": clustered, "scattered": scattered, "dense": dense}
CONFIDENCE = 0.001  # as for COCO's average precision: nearly all candidates


@dataclass(frozen=True)
class Detections:
    """The candidates of one real image."""

    name: str
    boxes: Tensor
    scores: Tensor
    labels: Tensor


def real_detections(folder: Path | None) -> Iterator[Detections]:
    """One for each file of raw predictions in the folder."""
    for path in sorted(folder.glob("*/raw_*.npz")) if folder else []:
        try:
            found = read_predictions(path)[0].candidates(CONFIDENCE)
        except FileProblem:
            continue
        if len(found):
            labels = np.zeros(len(found), np.int64) if found.labels is None else found.labels
            name = f"{path.parent.name}/{path.stem.removeprefix('raw_')}"
            yield Detections(name, *(torch.from_numpy(each) for each in (found.boxes, found.scores, labels)))


def class_of_80(n: int) -> Tensor:
    return torch.randint(0, 80, (n,), generator=torch.Generator().manual_seed(0))
