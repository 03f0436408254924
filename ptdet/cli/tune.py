"""The job `ptdet tune`: raw predictions and truth in, the settings that fit them out."""

from __future__ import annotations

import argparse
import platform
import re
import sys
import time
from collections.abc import Hashable, Sequence
from pathlib import Path
from typing import Any, TextIO

import numpy as np

from .. import __version__
from .._shared.config import Config, load_config
from .._shared.dataset import Detections, Truth
from ..io import FileProblem, ReadOptions
from ..io.fingerprints import of_record
from ..tuning import Row, Tuning, html_report, tune
from .inputs import find_inputs
from .sayings import say
from .with_truth import check_place, hashes, notes_of, read_data_set, write_text

HEADS = {"f1": "mean F1"}  # that of the boxes of all classes is another number


def tune_files(asked: argparse.Namespace, reading: ReadOptions) -> int:
    """Prints what fits best, writes settings and report; 0, or 2 if something cannot be read, tried or written."""
    files, notes, problems = find_inputs(asked.predictions)
    try:
        if problems:
            raise FileProblem(problems[0])
        for option, out in (("--out", asked.out), ("--report", asked.report)):
            check_place(option, out, [asked.truth, *files])
        default = None if asked.default is None else _default(asked.default)
        truth, detections = read_data_set(asked, files, reading, asked.conf[0] if asked.conf else None, raw=True)
        notes += [*notes_of(asked, truth), *detections.notes]
        found = _tuned(asked, detections, truth, default)
        notes += [warning for warning in found.warnings if warning not in notes]
        _print(found, asked, sys.stdout)
        provenance = _provenance(files, asked.truth, detections, truth)
        config = found.chosen if asked.anyway else None
        page = html_report(found, f"Which suppression, which thresholds: {asked.truth.name}")
        written = (("--out", asked.out, found.to_toml(provenance, config)), ("--report", asked.report, page))
        for option, place, text in written:
            if place is not None:
                write_text(option, place, text)
                print(f"wrote {place}")
    except FileProblem as problem:
        problems = [str(problem)]
    finally:  # also if the reader of the table went away
        say(notes, problems)
    return 2 if problems else 0


def _default(path: Path) -> Config:
    try:
        return load_config(path)
    except OSError as error:
        raise FileProblem(f"--default {path} cannot be read: {error.strerror or error}") from error
    except (TypeError, ValueError) as error:
        raise FileProblem(f"--default {error}") from error


def _tuned(asked: argparse.Namespace, detections: Detections, truth: Truth, default: Config | None) -> Tuning:
    names = ("objective", "cost_fp", "cost_fn", "min_precision", "min_recall", "methods", "iou", "sigma", "beta",
             "metric", "conf", "per_class", "agnostic", "folds", "draws", "seed", "max_det")  # fmt: skip
    groups = None if asked.groups is None else read_groups(asked.groups, truth)
    told = _TimeLeft(sys.stderr)
    try:
        return tune(
            detections,
            truth,
            **{name: getattr(asked, name) for name in names},
            default=default,
            groups=groups,
            progress=told.done,
        )
    except (TypeError, ValueError) as error:
        raise FileProblem(f"cannot be tuned: {error}") from error
    finally:
        told.clear()


class _TimeLeft:
    """A line on a terminal that is written over."""

    def __init__(self, stream: TextIO) -> None:
        self._stream, self._started, self._last = stream, time.monotonic(), 0.0

    def done(self, count: int, total: int) -> None:
        now = time.monotonic()
        if self._stream.isatty() and now - self._last > 0.1:
            self._last = now
            left = (now - self._started) / count * (total - count)
            print(f"\r{count} of {total} suppressions, {left:.0f} s left (Ctrl-C keeps what is done) ", end="",
                  file=self._stream, flush=True)  # fmt: skip

    def clear(self) -> None:
        if self._last:
            print("\r" + " " * 78 + "\r", end="", file=self._stream, flush=True)


def read_groups(path: Path, truth: Truth) -> list[Hashable]:
    """The group of each picture: lines `picture group`, the picture by its id or the name of its file.

    Raises:
        FileProblem: a line that is none, a picture without a group.
    """
    try:
        text = path.read_text(encoding="utf-8-sig")
    except (OSError, UnicodeDecodeError) as error:
        raise FileProblem(f"--groups {path} cannot be read: {error}") from error
    groups: dict[str, str] = {}
    for number, line in enumerate(text.splitlines(), 1):
        parts = re.fullmatch(r"(.*[^\s,])[\s,]+([^\s,]+)", line.strip())
        if line.strip() and parts is None:
            raise FileProblem(f"--groups {path}, line {number}: expected `picture group`, got {line.strip()[:40]!r}")
        if parts is not None and groups.setdefault(parts[1], parts[2]) != parts[2]:
            raise FileProblem(f"--groups {path}, line {number}: the picture {parts[1]!r} has another group already")
    found: list[Hashable] = []
    for place, image in enumerate(truth.image_ids):
        names = [str(image), *(name for name in truth.image_names[place : place + 1])]
        names += [form for name in names[1:] for form in (Path(name).name, Path(name).stem)]
        of_picture = next((groups[name] for name in names if name in groups), None)
        if of_picture is None:
            raise FileProblem(f"--groups {path} has no group of the picture {names[-1]}")
        found.append(of_picture)
    return found


def _print(found: Tuning, asked: argparse.Namespace, stream: TextIO) -> None:
    facts = found.facts
    data = f"{facts['pictures']} pictures, {facts['objects']} objects, {facts['candidates']} candidates"
    tried = f"{facts['suppressions']} suppressions tried" + ("" if found.complete else " before the interrupt")
    print(f"{data}; {tried}", file=stream)
    print("\n".join(table(found.front, asked.objective)), file=stream)
    print(f"default: {found.default.setting}: {found.default_score:.4f}", file=stream)
    print(f"chosen: {found.chosen.setting}: {found.chosen_score:.4f}, out of fold {found.out_of_fold:.4f}", file=stream)
    precision, recall = facts["precision_out_of_fold"], facts["recall_out_of_fold"]
    counted = f"precision {precision:.3f}, recall {recall:.3f}, F1 {facts['f1_of_all_boxes_out_of_fold']:.3f}"
    print(f"out of fold: {counted} of all boxes at an overlap of 0.5", file=stream)
    if found.chosen.classes:
        print(f"{len(found.chosen.classes)} classes have thresholds of their own", file=stream)
    print(found.verdict, file=stream)


def table(rows: Sequence[Row], objective: str) -> list[str]:
    """The front: a line a setting, the fastest first."""
    width = max([7, *(len(str(row.setting)) for row in rows)])
    score = HEADS.get(objective, objective)
    lines = [f"{'setting':{width}} {score:>8} {'precision':>9} {'recall':>7} {'found':>8} {'ms':>8}"]
    for row in rows:
        ms = "-" if row.latency is None else f"{row.latency.milliseconds:.4f}"
        numbers = f"{row.score:8.4f} {row.precision:9.3f} {row.recall:7.3f} {row.shown:8}"
        lines.append(f"{row.setting!s:{width}} {numbers} {ms:>8}")
    return lines


def _provenance(files: Sequence[Path], place: Path, detections: Detections, truth: Truth) -> dict[str, Any]:
    machine = f"{platform.system()} {platform.machine()}"
    versions = {"ptdet": __version__, "python": platform.python_version(), "numpy": np.__version__, "machine": machine}
    records = {"predictions": of_record(detections), "truth": of_record(truth)}
    return {**versions, "sha256_of_records": records, "sha256_of_files": hashes(sorted([place, *files]))}
