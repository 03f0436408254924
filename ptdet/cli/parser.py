"""The options of the command line."""

from __future__ import annotations

import argparse
from pathlib import Path
from typing import Any

from .. import __version__
from .._shared.methods import FUSIONS, PLAIN
from .._shared.parameters import ANY_METRIC
from ..dataset import FORMATS, STEPS
from .values import classes, count, count_above_0, names, number, port, size, space, spread, thresholds, weights

# those of ptdet.io, which loads NumPy
LAYOUT_NAMES = (
    "detections", "yolox-kept", "yolov7-kept", "tracked", "oriented", "oriented-results", "paddle", "ssd",
    "yolov5", "yolov5-columns", "yolov8", "yolov8-rows",
    "oriented-head",
)  # fmt: skip
BOX_NAMES = ("xyxy", "yxyx", "xywh", "cxcywh", "cxcywhr", "xyxyxyxy")


def build_parser() -> argparse.ArgumentParser:
    """All of the command line."""
    parser = argparse.ArgumentParser(
        prog="ptdet", description="Post-processing for object detectors: fewer boxes, the same objects."
    )
    parser.add_argument("--version", action="version", version=f"ptdet {__version__}")
    commands = parser.add_subparsers(dest="command", required=True, metavar="COMMAND")
    commands.add_parser("info", help="what is native here, and why the rest is not")
    commands.add_parser("patch", help="run a program with ptdet behind torchvision's functions", add_help=False)
    run = commands.add_parser(
        "run",
        help="suppress the raw predictions of a detector",
        description="Suppresses raw predictions: prints a table, writes the survivors, draws before and after.",
        epilog="Example: ptdet run raw.npz --conf 0.25 --iou 0.5 --image street.jpg --out kept.json",
    )
    explore = commands.add_parser(
        "explore",
        help="see in the browser who removed whom, while sliders move",
        description="Opens a local page in the browser: the candidates of each picture, what is kept of them, "
        "and who removed whom. ptdet's own kernels run in it.",
        epilog="Example: ptdet explore predictions/ --images pictures/",
    )
    report = commands.add_parser(
        "report",
        help="the page of explore as one file",
        description="Writes the page of ptdet explore with its data as one file, which opens from disk.",
        epilog="Example: ptdet report predictions/ --images pictures/ --out report.html",
    )
    for each in (run, explore, report):
        _add_settings(each)
    _add_results(run)
    _add_page(explore, report)
    for each in (explore, report):
        _add_truth(each, of_page=True)
    for each in (run, explore, report):
        _add_reading(each, "what the files do not say themselves")
    _add_eval(commands)
    _add_tune(commands)
    return parser


def _add_page(explore: argparse.ArgumentParser, report: argparse.ArgumentParser) -> None:
    for each in (explore, report):
        each.add_argument("--images", type=Path, metavar="DIR", help="the folder of the pictures, or the one picture")
        each.add_argument(
            "--lowest",
            type=number,
            default=0.001,
            metavar="C",
            help="boxes with a score above it are on the page; --conf is where its slider begins (%(default)s)",
        )
    explore.add_argument("--port", type=port, default=0, metavar="N", help="of the local server (a free one)")
    explore.add_argument("--no-browser", action="store_true", help="print the address, open nothing")
    report.add_argument("--out", type=Path, required=True, metavar="REPORT.html", help="the file to write")
    report.add_argument(
        "--max-pictures", type=count_above_0, default=200, metavar="N", help="no more are in it (%(default)s)"
    )
    report.add_argument(
        "--max-megabytes", type=number, default=25.0, metavar="MB", help="nor more than this in all (%(default)g)"
    )


def _add_settings(run: argparse.ArgumentParser) -> None:
    """How candidates are chosen and suppressed."""
    run.add_argument(
        "predictions",
        nargs="+",
        type=Path,
        metavar="PREDICTIONS",
        help=".npz, .npy, .pt, COCO .json or YOLO .txt; a folder of them, or a pattern in quotes",
    )
    run.add_argument(
        "--method",
        help=f"nms (default; of an ensemble wbf) or one of {', '.join(PLAIN)}: within each class where classes exist; "
        f"{' and '.join(FUSIONS)} take all of a file for the boxes of one model",
    )
    run.add_argument(
        "--config",
        type=Path,
        metavar="TOML",
        help="settings that `ptdet tune` has found, by class where it has; options beside it go before",
    )
    run.add_argument("--iou", type=number, metavar="T", help="remove above this overlap (0.5)")
    run.add_argument("--conf", type=number, metavar="C", help="boxes with a score above it count (0.25)")
    run.add_argument(
        "--min-score",
        type=number,
        metavar="S",
        help="of the boxes whose scores soft or matrix has lowered, keep those above it (default: C, as for all)",
    )
    run.add_argument("--agnostic", action="store_true", help="boxes of different classes suppress each other too")
    run.add_argument("--multi-label", action="store_true", help="every class of a box over C counts, not only its best")
    run.add_argument("--metric", choices=ANY_METRIC, help="the overlap measure (that of the method)")
    run.add_argument("--sigma", type=number, metavar="S", help="of soft (0.5) and matrix (2): how fast scores fall")
    run.add_argument("--max-det", type=count, metavar="K", help="of what is kept of a picture, only the K best (all)")


def _add_results(run: argparse.ArgumentParser) -> None:
    run.add_argument(
        "--pre-topk", type=count, metavar="K", help="only the K best candidates of a picture take part (all)"
    )
    run.add_argument("--out", type=Path, help="survivors: .json (COCO results), .npz, or a folder; or a picture file")
    run.add_argument(
        "--format",
        choices=("json", "dota", *FORMATS),
        action=_Format,
        help="of a folder --out: a COCO .json for each input (json, the default), or Task1_CLASS.txt of all of them "
        "(dota); of a data set parquet (default), coco, npz or yolo",
    )
    run.add_argument("--image", type=Path, help="the picture, or a folder of pictures: draws before and after")
    run.add_argument(
        "--max-pixels",
        type=int,
        default=178_956_970,
        metavar="N",
        help="larger pictures are not drawn on (%(default)s)",
    )
    whole = run.add_argument_group("of a data set, with any of which --out is a folder of shards (docs/datasets.md)")
    whole.add_argument("--workers", type=count_above_0, action=_OfDataset, metavar="N", help="processes (all cores)")
    whole.add_argument("--resume", nargs=0, action=_OfDataset, default=False, help="go on with the run in --out")
    whole.add_argument(
        "--shard-size", type=count_above_0, action=_OfDataset, metavar="K", help="pictures, or small files (1000)"
    )
    whole.add_argument("--log", type=Path, action=_OfDataset, metavar="FILE", help="append a JSON line for each shard")
    whole.add_argument(
        "--step",
        choices=STEPS,
        action=_OfDataset,
        default=STEPS[0],
        help="suppress (default); merge-tiles: pictures called NAME__RATE__X___Y are tiles of NAME; ensemble: each "
        "PREDICTIONS is a model, and what they found in a picture is fused",
    )
    whole.add_argument(
        "--weights",
        type=weights,
        action=_OfDataset,
        default=(),
        metavar="W,W",
        help="of the models of an ensemble (1)",
    )
    whole.add_argument(
        "--engine", choices=("local", "ray"), action=_OfDataset, default="local", help="processes (default), or Ray"
    )
    whole.add_argument("--address", action=_OfDataset, metavar="RAY", help="of a Ray cluster (one of this machine)")
    run.set_defaults(of_dataset=None)


def _add_eval(commands: Any) -> None:
    """`ptdet eval`."""
    command = commands.add_parser(
        "eval",
        help="COCO's average precision of detections",
        description="Compares detections with the truth: prints COCO's twelve numbers, average precision of each class "
        "and the best F1 with its confidence. docs/evaluation.md has the formats.",
        epilog="Example: ptdet eval kept.json --truth instances_val2017.json --json scores.json",
    )
    command.add_argument(
        "detections",
        nargs="+",
        type=Path,
        metavar="DETECTIONS",
        help="what ptdet run reads and writes: COCO results .json, .npz, .npy, .pt, a folder of YOLO .txt or DOTA's",
    )
    command.add_argument("--json", type=Path, metavar="OUT", help="all numbers and curves, as JSON")
    command.add_argument(
        "--max-det", type=count_above_0, default=100, metavar="N", help="the N best of a picture and class count (100)"
    )
    command.add_argument(
        "--iou",
        type=thresholds,
        metavar="T",
        help="an object is found at this overlap: a,b,c or first:last:step (0.5:0.95:0.05, as COCO)",
    )
    command.add_argument(
        "--conf", type=number, metavar="C", help="detections with a score above it count (all; of raw heads 0.001)"
    )
    _add_truth(command)
    _add_reading(command, "what the files of the detections do not say themselves")


def _add_truth(command: argparse.ArgumentParser, of_page: bool = False) -> None:
    """The truth, how detections are made of raw boxes, and the options of `TruthOptions`. A page has some already."""
    command.add_argument(
        "--truth",
        type=Path,
        required=not of_page,
        metavar="T",
        help="COCO .json, YOLO data.yaml or folder of labels, folder of Pascal VOC .xml or of DOTA .txt labels",
    )
    if not of_page:
        command.add_argument("--multi-label", action="store_true", help="every class of a raw box over C counts")
    says = command.add_argument_group("what the files of the truth do not say themselves")
    says.add_argument("--truth-format", choices=("coco", "yolo", "voc", "dota"), help="without it the content tells")
    says.add_argument(
        "--truth-boxes", choices=("upright", "rotated"), help="what YOLO lines with four corners are (told by all)"
    )
    says.add_argument("--split", choices=("train", "val", "test"), default="val", help="of a data.yaml (val)")
    if not of_page:
        says.add_argument("--images", type=Path, metavar="FOLDER", help="the pictures, whose sizes YOLO labels need")
    says.add_argument("--image-size", type=size, metavar="WxH", help="of all pictures, instead")
    says.add_argument(
        "--match",
        choices=("auto", "name", "id", "index", "index1"),
        default="auto",
        help="classes of the detections are those of the truth by name, by category_id, or by place in the list, from "
        "0 or from 1; auto takes names where both sides have them, else ids, else places from 0, and says so",
    )


def _add_tune(commands: Any) -> None:
    """`ptdet tune`."""
    command = commands.add_parser(
        "tune",
        help="which method and thresholds fit one's own data, and whether it matters",
        description="Tries every setting of suppression on raw predictions with a truth, and says which to use and "
        "whether its gain over the default may be chance. docs/tuning.md walks through one.",
        epilog="Example: ptdet tune raw.npz --truth instances.json --out tuned.toml --report tuned.html; then "
        "ptdet run raw.npz --config tuned.toml",
    )
    command.add_argument(
        "predictions",
        nargs="+",
        type=Path,
        metavar="PREDICTIONS",
        help="raw predictions, before any suppression: what ptdet run reads",
    )
    command.add_argument("--out", type=Path, metavar="TOML", help="the settings, for ptdet run --config")
    command.add_argument("--report", type=Path, metavar="HTML", help="tables and pictures: one page, without scripts")
    command.add_argument(
        "--anyway", action="store_true", help="write what was chosen even where its gain may be chance"
    )
    goal = command.add_argument_group("what is looked for")
    goal.add_argument("--objective", choices=("ap", "ap50", "ar", "f1", "cost"), default="ap", help="(ap)")
    goal.add_argument("--cost-fp", type=number, default=1.0, metavar="X", help="of a false detection, for cost (1)")
    goal.add_argument("--cost-fn", type=number, default=1.0, metavar="X", help="of a missed object, for cost (1)")
    goal.add_argument("--min-precision", type=number, metavar="P", help="leave out settings with less")
    goal.add_argument("--min-recall", type=number, metavar="R", help="leave out settings with less")
    goal.add_argument("--max-det", type=count_above_0, default=100, metavar="N", help="as in ptdet eval (100)")
    tried = command.add_argument_group("what is tried; lists are a,b,c or first:last:step")
    tried.add_argument("--methods", type=names, metavar="M", help="a,b,c (all suppressions)")
    tried.add_argument("--iou", type=thresholds, metavar="T", help="overlap thresholds (0.3,0.4,0.5:0.8:0.05)")
    tried.add_argument("--sigma", type=spread, metavar="S", help="of soft and matrix (0.25,0.5,1,2)")
    tried.add_argument("--beta", type=spread, metavar="B", help="of diou (0.6,1)")
    tried.add_argument("--metric", type=names, metavar="M", help="overlap measures (that of each method)")
    tried.add_argument(
        "--conf",
        type=spread,
        metavar="C",
        help="confidences (ap, ap50, ar: 0.001, with a demand 0.001,0.01,0.05:0.95:0.05; else 0.01:0.99:0.01)",
    )
    tried.add_argument(
        "--per-class",
        choices=("none", "conf", "iou", "both"),
        default="none",
        help="what classes with 25 objects or more may have of their own (none)",
    )
    tried.add_argument("--agnostic", action="store_true", help="boxes of different classes suppress each other too")
    tried.add_argument(
        "--default", type=Path, metavar="TOML", help="what to compare with (iou 0.5; f1, cost: conf 0.25)"
    )
    sure = command.add_argument_group("how sure it is")
    sure.add_argument("--folds", type=count_above_0, default=5, metavar="K", help="each is judged by the others (5)")
    sure.add_argument(
        "--groups", type=Path, metavar="FILE", help="lines `picture group`: pictures of a group stay in one fold"
    )
    sure.add_argument(
        "--draws", type=count_above_0, default=300, metavar="N", help="for the interval of the gain (300)"
    )
    sure.add_argument("--seed", type=count, default=0, metavar="S", help="of folds and draws (0)")
    _add_truth(command)
    _add_reading(command, "what the files of the detections do not say themselves")


def _add_reading(command: argparse.ArgumentParser, title: str) -> None:
    """The options of `ReadOptions`, and the background."""
    says = command.add_argument_group(title)
    says.add_argument(
        "--layout", choices=LAYOUT_NAMES, help="of a bare tensor; without it shape and values tell, or fail"
    )
    says.add_argument(
        "--logits",
        choices=("none", "classes", "all", "softmax"),
        default="none",
        help="scores that still need a sigmoid: none (default), classes, or all (objectness too); or a softmax over "
        "classes, the last of which means no object (DETR)",
    )
    says.add_argument(
        "--background", type=count, metavar="N", help="the class that stands for nothing, as SSD heads have it (none)"
    )
    says.add_argument(
        "--classes", type=classes, default=(), help="class names: a,b,c; a file with one a line; or a data.yaml"
    )
    says.add_argument(
        "--num-classes", type=count_above_0, metavar="C", help="how many classes there are, for a head with more"
    )
    says.add_argument(
        "--boxes",
        choices=BOX_NAMES,
        help="of an array of boxes alone: xyxy unless its name says else; cxcywhr (radians from +x to +y) and "
        "xyxyxyxy are rotated boxes",
    )
    says.add_argument(
        "--category-ids",
        choices=("label", "coco"),
        default="label",
        help="of classes in COCO results: the label itself (default), or COCO's 1..90 for its 80 classes",
    )
    says.add_argument(
        "--space",
        type=space,
        help="unit of the boxes: picture (default), normalised, WxH (network input, stretched), letterbox:WxH "
        "(fitted in, centred), letterbox:WxH:topleft, ratio:R",
    )


class _OfDataset(argparse.Action):
    """An option that only a run over a data set has."""

    def __call__(self, parser: Any, namespace: argparse.Namespace, values: Any, option: str | None = None) -> None:
        setattr(namespace, self.dest, True if self.nargs == 0 else values)
        namespace.of_dataset = option


class _Format(argparse.Action):
    """A format, some of which only a run over a data set has."""

    def __call__(self, parser: Any, namespace: argparse.Namespace, values: Any, option: str | None = None) -> None:
        namespace.format = values
        if values in FORMATS:
            namespace.of_dataset = f"--format {values}"
