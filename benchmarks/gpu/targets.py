"""Targets on an H200, and the results of `make gpu` (benchmarks/results/gpu_*.json): a table of README.md."""

from __future__ import annotations

import json
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

NOT_RUN = "not run on a GPU yet"
SCENES = ("clustered", "scattered")
SIZES = (1000, 10_000, 100_000, 1_000_000)
BATCH = "batched_nms, 64 x 8400 x 80"
SOFT = "soft_nms, clustered, 10000"
LOSS = "complete_box_iou_loss and gradients, 1M pairs"
LOSS_IN_GRAPH = f"{LOSS}, in a graph"
LOSS_OF_ONE = "complete_box_iou_loss and one gradient, 1M pairs"
YOLO = "yolo_filter, 32 x 84 x 8400"
SLOTS = "image_slots, 10000 of 32 x 80"
NORMS = tuple(
    f"channel_norm{what}, 8 x 64 x 512 x 512{layout}"
    for what in ("", " and gradient")
    for layout in ("", ", channels_last")
)


@dataclass(frozen=True)
class Target:
    """A number in a row of benchmarks.gpu.bench, and its bound."""

    row: str
    number: str  # times_faster, share_of_copy, ms
    bound: float

    @property
    def in_words(self) -> str:
        if self.number == "times_faster":
            return f"{self.bound:g}x torchvision" if self.bound > 1 else "faster than torchvision"
        return f"{self.bound:.0%} of copy bandwidth" if self.number == "share_of_copy" else f"under {self.bound:g} ms"

    def found(self, row: dict[str, Any] | None) -> tuple[str, bool | None]:
        """The number as text, and whether it meets the target; None if that is not known."""
        if row is None:
            return "not measured", None
        if self.number not in row:
            failed = row.get("peer_failed", "no torchvision")
            return f"{row['ms']:.3g} ms; torchvision: {failed}", None
        value = float(row[self.number])
        shown = {"times_faster": f"{value:.3g}x", "share_of_copy": f"{value:.0%}", "ms": f"{value:.3g} ms"}
        return shown[self.number], value < self.bound if self.number == "ms" else value >= self.bound


TARGETS = (
    *(Target(f"nms, {s}, {n}", "times_faster", 10 if n == 100_000 else 1) for n in SIZES for s in SCENES),
    Target(BATCH, "times_faster", 20),
    Target(SOFT, "ms", 5),
    Target(LOSS_IN_GRAPH, "share_of_copy", 0.6),
    Target(LOSS, "times_faster", 15),
    *(Target(name, "share_of_copy", 0.85) for name in NORMS),
)


def outcomes(rows: Sequence[dict[str, Any]]) -> list[tuple[Target, str, bool | None]]:
    by_name = {row["name"]: row for row in rows}
    return [(target, *target.found(by_name.get(target.row))) for target in TARGETS]


def runs(folder: Path) -> list[dict[str, Any]]:
    """The reports of `make gpu` that have benchmarks."""
    reports = [json.loads(path.read_text()) for path in sorted(folder.glob("gpu_*.json"))]
    return [report for report in reports if rows_of(report)]


def rows_of(report: dict[str, Any]) -> list[dict[str, Any]]:
    stages = {stage["name"]: stage for stage in report["stages"]}
    rows: list[dict[str, Any]] = stages.get("benchmarks", {}).get("result", {}).get("rows", [])
    return rows


def cells(folder: Path) -> list[list[str]]:
    """A line a target, a column a GPU; the first line is the header."""
    reports = runs(folder)
    if not reports:
        return [["on an H200", "target", "found"], *([target.row, target.in_words, NOT_RUN] for target in TARGETS)]
    header = ["target", *(f"{one['machine']['gpu']}, torch {one['machine']['torch']}" for one in reports)]
    table = [["on a GPU", *header]]
    for at, target in enumerate(TARGETS):
        found = [outcomes(rows_of(report))[at] for report in reports]
        verdicts = [shown + {True: ", met", False: ", missed", None: ""}[met] for _, shown, met in found]
        table.append([target.row, target.in_words, *verdicts])
    return table
