"""The tables of README.md, benchmarks/README.md and docs/METHODS.md, from benchmarks/results.

`python -m benchmarks.readme` writes them in a checkout; with --check it only checks whether they are up to date.
"""

from __future__ import annotations

import json
import sys
from collections.abc import Callable, Iterable, Sequence
from dataclasses import dataclass
from pathlib import Path

import torch

from .cases import OURS
from .fit import exponents
from .gpu import targets as gpu
from .groups import GROUPS
from .groups.channel_norm import LAYOUTS, SHAPES
from .groups.losses import OF_TORCHVISION
from .groups.methods import HARD
from .groups.pairwise import FUNCTIONS
from .groups.postprocess import SETTINGS
from .machine import busy, in_one_line
from .results import FLOOR, Results, Row, libraries, load_json
from .table import seconds, slowest
from .targets import cells, outcomes

ROOT = Path(__file__).parents[1]
COCO = ROOT / "benchmarks/results/coco_ap.json"
RESULTS = ROOT / "benchmarks/results/cpu.json"
BEGIN, END = "<!-- generated: {name} -->", "<!-- end of generated -->"


@dataclass(frozen=True)
class Shown:
    """A table of benchmarks/README.md: rows with the same floor; a column for each peer that any row has."""

    title: str
    places: tuple[tuple[str, str, int], ...]  # group, scene, n


# README.md's few: what is used now, the peer's column, and the place
GAIN = (
    ("`torchvision.ops.batched_nms`, 10,000 boxes of 80 classes", "torchvision", ("batched", "clustered", 10_000)),
    (
        "ultralytics' `non_max_suppression`, 32 heads of 84 x 8400",
        "ultralytics",
        ("postprocess", "heads, conf 0.25", 32),
    ),
    (
        "`ensemble_boxes.weighted_boxes_fusion`, 1,000 boxes",
        "ensemble-boxes",
        ("methods", "weighted_boxes_fusion", 1000),
    ),
    (
        "`torchvision.ops.complete_box_iou_loss` and its gradient, 1,000,000 pairs",
        "torchvision",
        ("losses", "complete_box_iou_loss", 1_000_000),
    ),
)
SHOWN = (
    Shown(
        "NMS, threshold 0.5",
        (
            *(("nms", "clustered", n) for n in (100, 1000, 10_000, 100_000)),
            *(("nms", "scattered", n) for n in (10_000, 100_000, 1_000_000)),
            *(("batched", "clustered", n) for n in (10_000, 30_000)),
        ),
    ),
    Shown(
        "methods, 1,000 clustered boxes",
        tuple(
            ("methods", name, 1000)
            for name in ("soft_nms", "merge_nms", "weighted_boxes_fusion", "non_maximum_weighted")
        ),
    ),
    Shown(
        "YOLO heads of 84 x 8400, 32 images",
        tuple(("postprocess", f"heads, conf {conf}", 32) for conf in SETTINGS),
    ),
    Shown("all pairs of 5,000 boxes", tuple(("pairwise", name, 5000) for name in FUNCTIONS)),
    Shown(
        "losses, forward and backward",
        tuple(("losses", name, n) for name in OF_TORCHVISION for n in (256, 100_000, 1_000_000)),
    ),
    Shown(
        "ChannelNorm, forward and backward",
        tuple(
            ("channel_norm", f"{'x'.join(map(str, shape))}, {layout}", torch.Size(shape).numel())
            for shape in SHAPES
            for layout in LAYOUTS
        ),
    ),
)


def markdown(rows: Sequence[Sequence[str]]) -> str:
    """The first row is the header."""
    lines = ["| " + " | ".join(row) + " |" for row in rows]
    return "\n".join([lines[0], "| " + " | ".join("---" for _ in rows[0]) + " |", *lines[1:]])


def gain(results: Results) -> str:
    """For README.md: what ptdet takes, and what the usual choice takes."""
    table = [["instead of", "takes", "ptdet", "times as fast"]]
    for title, peer, place in GAIN:
        ours, theirs = results.find(*place), results.find(*place, library=peer)
        if ours and theirs:
            shown = [seconds(row.seconds.median) for row in (theirs, ours)]
            table.append([title, *shown, f"**{_times(theirs)}**"])
    machine = results.machine
    where = f"{machine['processor']}, {machine['threads']} threads, torch {machine['versions']['torch']}, float32"
    return f"{markdown(table)}\n\n{where}; [all numbers](benchmarks/README.md), the missed targets among them."


def speed(results: Results) -> str:
    """For benchmarks/README.md: every peer."""
    machine = results.machine
    wall = machine.get("clock", "wall") == "wall"
    loaded = (
        " **Others worked on the machine meanwhile: the numbers are preliminary.**" if busy(machine) and wall else ""
    )
    clock = "" if wall else f", {machine['clock']}"
    threads = f"{machine['threads']} thread" + "s" * (machine["threads"] != 1)
    found = [one for one in outcomes(results) if one.measured]
    met = sum(one.met is True for one in found)
    parts = [
        f"{machine['date'][:10]}, {machine['processor']}, {threads}, {machine['instruction_set']}"
        f"{clock}, "
        f"torch {machine['versions']['torch']}, float32, medians.{loaded} Under a peer: how many times as long as "
        f"ptdet it takes, `*` where its answer differs; floor: the least that any implementation must do.",
        *(part for part in (_shown(results, one) for one in SHOWN) if part),
        f"{met} of the {len(found)} [targets](#targets) are met.",
    ]
    return "\n\n".join(parts)


def _shown(results: Results, table: Shown) -> str:
    by_place = results.by_place()
    at = [[row for key, row in by_place.items() if (key[0], key[1], key[4]) == place and key[3] == "cpu"
           and key[2] in ("float32", "")] for place in table.places]  # fmt: skip
    lines = [rows for rows in at if rows]
    peers = [name for name in libraries(row for rows in lines for row in rows) if name not in (OURS, FLOOR, HARD)]
    cells = [[table.title, OURS, "over the floor", *peers]]
    for rows in lines:
        named = {row.library: row for row in rows}
        ours = named[OURS]
        over = f"{ours.over_floor.median:.1f}" if ours.over_floor else ""
        cells.append([_place(ours), seconds(ours.seconds.median), over, *(_times(named.get(name)) for name in peers)])
    return markdown(cells) if lines else ""


def _place(row: Row) -> str:
    """Size and scene, without what the title of the table has."""
    if row.group in ("nms", "batched"):
        return f"{row.n:,} {row.scene}" + (", 80 classes" if row.group == "batched" else "")
    return f"{row.scene}, {row.n:,}" if row.group == "losses" else row.scene


def _times(row: Row | None) -> str:
    if row is None or row.times_ours is None:
        return ""
    value = row.times_ours.median
    shown = f"{value:.0f}" if value >= 10 else f"{value:.1f}" if value >= 1 else f"{value:.2f}"
    return shown + "*" * ((row.differing or 0.0) > GROUPS[row.group].tolerance)


def target_block(results: Results) -> str:
    """For benchmarks/README.md: every target, measured or not."""
    found = outcomes(results)
    counts = [f"{sum(one.met is True for one in found)} met, {sum(one.met is False for one in found)} missed, "
            f"{sum(one.met is None for one in found)} not measured."]  # fmt: skip
    return "\n\n".join([*counts, markdown([[cell or " " for cell in row] for row in cells(found)])])


def growth_block(results: Results) -> str:
    """Exponents and memory."""
    grows = [["group", "scene", "dtype", "library", "time grows as", "sizes"]]
    for one in exponents(results):
        if one.library != FLOOR:
            sizes = f"{min(one.sizes):,} to {max(one.sizes):,}"
            grows.append([one.group, one.scene, one.dtype, one.library, f"N^{one.exponent:.2f}", sizes])
    takes = [["group", "scene", "boxes", "library", "bytes a box"]]
    for found in results.memory:
        takes.append([found.group, found.scene, f"{found.n:,}", found.library, f"{found.bytes_per_box:.0f}"])
    return "\n\n".join(markdown(table) for table in (grows, takes) if len(table) > 1)


def slowest_block(results: Results) -> str:
    return markdown(slowest(results))


def coco_block(results: Results) -> str:
    """Results of benchmarks.coco_ap: accuracy and latency of each method on the same candidates."""
    stored = json.loads(COCO.read_text())
    table = [["method", "AP", "AP50", "AP75", "the peers' AP", "detections", "ms for 64 images"]]
    for row in stored["rows"]:
        known = f"{row['reference']:.4f}" if "reference" in row else ""
        precision = [f"{row[name]:.4f}" for name in ("AP", "AP50", "AP75")]
        table.append([row["method"], *precision, known, str(row["n_dets"]), f"{row['ms_for_64_images']:.1f}"])
    return f"{in_one_line(stored['machine'])}, {stored['machine']['evaluator']}.\n\n{markdown(table)}"


def gpu_block(_: Results) -> str:
    """Results of `make gpu`, or that it has not been run."""
    return markdown(gpu.cells(RESULTS.parent))


BLOCKS: dict[str, dict[str, Callable[[Results], str]]] = {
    "README.md": {"gain": gain},
    "benchmarks/README.md": {
        "speed": speed,
        "gpu": gpu_block,
        "targets": target_block,
        "growth": growth_block,
        "slowest": slowest_block,
    },
    "docs/METHODS.md": {"coco": coco_block},
}


def replaced(text: str, name: str, block: str) -> str:
    """The text with the block between its markers.

    Raises:
        ValueError: if the markers are not there.
    """
    begin = BEGIN.format(name=name)
    if begin not in text or END not in text.split(begin)[1]:
        raise ValueError(f"expected the lines {begin!r} and, after it, {END!r}")
    before, rest = text.split(begin, 1)
    return f"{before}{begin}\n\n{block}\n\n{END}{rest.split(END, 1)[1]}"


def stale(write: bool) -> Iterable[str]:
    """Files whose tables differ from the results; written if asked."""
    results = load_json(RESULTS)
    for file, blocks in BLOCKS.items():
        before = text = (ROOT / file).read_text()
        for name, block in blocks.items():
            text = replaced(text, name, block(results))
        if text != before:
            yield file
            if write:
                (ROOT / file).write_text(text)


def main() -> int:
    check = sys.argv[1:] == ["--check"]
    files = list(stale(write=not check))
    for file in files:
        print(f"{file} {'is not what benchmarks/results says' if check else 'written'}")
    return int(check and bool(files))


if __name__ == "__main__":
    sys.exit(main())
