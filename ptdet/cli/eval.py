"""The job `ptdet eval`: detections and truth in, COCO's numbers out."""

from __future__ import annotations

import argparse
import json
import sys
from collections.abc import Sequence
from pathlib import Path
from typing import Any, TextIO

import numpy as np

from .. import __version__
from .._shared.arrays import Array
from .._shared.dataset import Detections, Truth
from ..evaluation import F1, Curve, Evaluation, evaluate
from ..io import FileProblem, ReadOptions
from ..io.fingerprints import of_record
from .eval_notes import notes_on
from .inputs import find_inputs
from .methods import load
from .sayings import printable, say
from .with_truth import check_place, hashes, notes_of, read_data_set, write_text

LONGEST_CURVE = 1000  # points of a curve in the JSON; a longer one is thinned
AREAS = {"all": "all", "s": "small", "m": "medium", "l": "large"}  # as COCO's table calls them


def evaluate_files(asked: argparse.Namespace, reading: ReadOptions) -> int:
    """Prints the tables, writes the JSON, says what is to be said; 0, or 2 if something cannot be read or written."""
    files, notes, problems = find_inputs(asked.detections)
    try:
        if problems:
            raise FileProblem(problems[0])
        load("nms")  # says why there are no kernels, before the work
        check_place("--json", asked.json, [asked.truth, *files])
        truth, detections = read_data_set(asked, files, reading, asked.conf)
        notes += [*notes_of(asked, truth), *detections.notes]
        evaluation = evaluate(detections, truth, iou_thresholds=asked.iou, max_detections=_limits(asked.max_det))
        notes += notes_on(detections, truth, evaluation)
        curves = evaluation.f1(evaluation.usual_iou)
        if asked.json is not None:
            inputs = _provenance(asked.truth, truth, files, detections)
            content = {**inputs, **_numbers(evaluation, curves), "notes": notes}
            write_text("--json", asked.json, json.dumps(content, allow_nan=False) + "\n")
        _print_all(evaluation, curves, detections, truth, sys.stdout)
        if asked.json is not None:
            print(f"wrote {asked.json}")
    except FileProblem as problem:
        problems = [str(problem)]
    finally:  # also if the reader of the table went away
        say(notes, problems)
    return 2 if problems else 0


def _limits(most: int) -> tuple[int, ...]:
    return (*(each for each in (1, 10) if each < most), most)


def _has(overlaps: Array, one: float) -> bool:
    return bool((abs(overlaps - one) < 1e-9).any())


def _print_all(evaluation: Evaluation, curves: F1, detections: Detections, truth: Truth, stream: TextIO) -> None:
    counts = evaluation.counts(curves.iou)
    kind = "rotated boxes" if truth.boxes.shape[1] == 5 else "boxes"
    there = f"{counts['objects']} objects of {len(truth.class_names)} classes"
    print(f"{counts['detections']} {kind} found in {counts['pictures']} pictures, which have {there}", file=stream)
    print("\n".join(coco_table(evaluation)), file=stream)
    best = curves.all.best
    if best is not None and counts["objects"]:
        where = f"precision {best['precision']:.3f}, recall {best['recall']:.3f}, at IoU {curves.iou:.2f}"
        print(f"best F1 {best['f1']:.3f} at confidence {best['score']:.3g} ({where}, all classes)", file=stream)
        if (mean := curves.mean.best) is not None and len(truth.class_names) > 1:
            print(f"best mean of the classes' F1 {mean['f1']:.3f} at confidence {mean['score']:.3g}", file=stream)
    print("\n".join(class_table(evaluation, curves, detections)), file=stream)


def coco_table(evaluation: Evaluation) -> list[str]:
    """The lines of pycocotools' summary."""
    overlaps, most = evaluation.iou_thresholds, evaluation.max_detections[-1]
    span = f"{overlaps[0]:.2f}" + (f":{overlaps[-1]:.2f}" if len(overlaps) > 1 else "")
    lines = []
    for name, value in evaluation.stats.items():
        kind, of = name[:2], name[2:]
        title = "Average Precision  (AP)" if kind == "AP" else "Average Recall     (AR)"
        overlap, area, limit = span, "all", most
        if kind == "AP" and of in ("50", "75"):
            if not _has(overlaps, int(of) / 100):
                continue
            overlap = f"0.{of}"
        elif of.isdecimal():
            limit = int(of)
        elif of:
            area = AREAS.get(of, of)
        lines.append(f" {title} @[ IoU={overlap:<9} | area={area:>6s} | maxDets={limit:>3d} ] = {value:0.3f}")
    return lines


def class_table(evaluation: Evaluation, curves: F1, detections: Detections) -> list[str]:
    """A line a class by decreasing AP; those without objects at the end, those of which there is nothing counted."""
    overall = evaluation.ap_per_class()
    at_one = evaluation.ap_per_class(curves.iou)
    objects = evaluation.ranked.objects
    found = np.bincount(detections.labels, minlength=len(overall))
    order = sorted(range(len(overall)), key=lambda k: (-overall[k], evaluation.class_names[k]))
    shown = [label for label in order if objects[label] or found[label]]
    names = {label: printable(evaluation.class_names[label]) for label in shown}
    width = max([5, *map(len, names.values())])
    one = f"AP{100 * curves.iou:.0f}"
    lines = [f"{'class':{width}} {'objects':>8} {'found':>8} {'AP':>6} {one:>6} {'best F1':>8} {'at conf':>8}"]
    for label in shown:
        numbers = [_of(overall[label]), _of(at_one[label])]
        best = curves.per_class[label].best if objects[label] else None
        f1, score = ("-", "-") if best is None else (f"{best['f1']:.3f}", f"{best['score']:.3g}")
        counts = f"{objects[label]:8} {found[label]:8}"
        lines.append(f"{names[label]:{width}} {counts} {numbers[0]:>6} {numbers[1]:>6} {f1:>8} {score:>8}")
    if len(shown) < len(overall):
        lines.append(f"{len(overall) - len(shown)} more classes have neither objects nor detections")
    return lines


def _of(value: float) -> str:
    return "-" if value < 0 else f"{value:.3f}"


def _provenance(place: Path, truth: Truth, files: Sequence[Path], detections: Detections) -> dict[str, Any]:
    """What was compared, so that it can be told apart from another time."""
    return {
        "ptdet": __version__,
        "truth": {"path": str(place), "sha256": of_record(truth), "files": hashes([place])},
        "detections": {
            "paths": [str(file) for file in files],
            "sha256": of_record(detections),
            "files": hashes(files),
        },
    }


def _numbers(evaluation: Evaluation, curves: F1) -> dict[str, Any]:
    found = evaluation.to_json()
    precision, recall = evaluation.precision[..., 0, -1], evaluation.recall[..., 0, -1]
    return {
        **_defined(found),
        "recall_thresholds": evaluation.recall_thresholds.tolist(),
        "precision": _defined(precision.transpose(2, 0, 1).tolist()),  # class, overlap, recall
        "recall": _defined(recall.T.tolist()),  # class, overlap
        "curves": {
            "iou": curves.iou,
            "all": _curve(curves.all),
            "classes": [_curve(each) for each in curves.per_class],
        },
    }


def _curve(curve: Curve) -> dict[str, Any]:
    columns = {"score": curve.scores, "precision": curve.precision, "f1": curve.f1}
    if (curve.recall >= 0).all():  # there are objects
        columns["recall"] = curve.recall
    which: Array = np.arange(len(curve.scores))
    if len(which) > LONGEST_CURVE:
        spread = np.linspace(0, len(which) - 1, LONGEST_CURVE).round().astype(np.int64)
        which = np.union1d(spread, [int(curve.f1.argmax())])
    return {name: values[which].tolist() for name, values in columns.items()}


def _defined(value: Any) -> Any:
    """With null where a number is undefined, which arrays say by -1."""
    if isinstance(value, dict):
        return {key: _defined(each) for key, each in value.items()}
    if isinstance(value, list):
        return [_defined(each) for each in value]
    return None if isinstance(value, float) and value == -1.0 else value
