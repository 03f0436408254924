"""The command line: `ptdet run`, `ptdet patch` and `ptdet info`."""

from __future__ import annotations

import argparse
import math
import os
import platform
import sys
from collections.abc import Sequence
from dataclasses import replace
from pathlib import Path
from typing import TYPE_CHECKING, Any

from .. import __version__
from .._shared.methods import FUSIONS, NAMES, PLAIN
from ..dataset import STEPS

if TYPE_CHECKING:
    from ..io import Space

# those of ptdet.io, which loads NumPy
LAYOUT_NAMES = (
    "detections", "yolox-kept", "yolov7-kept", "tracked", "oriented", "oriented-results", "paddle", "ssd",
    "yolov5", "yolov5-columns", "yolov8", "yolov8-rows",
    "oriented-head",
)  # fmt: skip
BOX_NAMES = ("xyxy", "yxyx", "xywh", "cxcywh", "cxcywhr", "xyxyxyxy")


def main(arguments: Sequence[str] | None = None) -> int:
    """Entry point of the command `ptdet`; returns the exit code: 0, or 2 if something could not be read or written."""
    given = sys.argv[1:] if arguments is None else list(arguments)
    if given[:1] == ["patch"]:  # what follows belongs to the program that is run
        try:
            from .patch import main as run_patched
        except ModuleNotFoundError as error:
            print(f"ptdet patch needs {error.name}: pip install {error.name}", file=sys.stderr)
            return 2
        return run_patched(given[1:])
    parser = build_parser()
    asked = parser.parse_args(given)
    try:
        code = _info() if asked.command == "info" else _run(asked, parser)
        sys.stdout.flush()
        return code
    except KeyboardInterrupt:
        print("\nptdet: interrupted", file=sys.stderr)
        return 130
    except BrokenPipeError:  # the reader of the table went away, as `| head` does
        os.dup2(os.open(os.devnull, os.O_WRONLY), sys.stdout.fileno())
        return 0


def _info() -> int:
    """Prints what is native here and, where something is not, why and what to do."""
    from .._shared.build_record import why_not_numpy

    for_arrays = why_not_numpy()
    print(f"NumPy {for_arrays}" if for_arrays else "NumPy native, ptdet.numpy")
    try:
        import torch
    except ModuleNotFoundError:
        there = "ptdet.io alone is there" if for_arrays else "ptdet.numpy, ptdet.io and ptdet run are there"
        print(f"ptdet {__version__}, without torch: {there}")
        return 0

    from .._library.load import OPERATORS
    from ..info import build_info

    facts = build_info()
    print(f"ptdet {__version__}, torch {facts['torch']}, {platform.system()} {platform.machine()}")
    if facts["cpu"]:
        isa, compiler, built = (facts[k] for k in ("instruction_set", "compiler", "built_with_torch"))
        print(f"CPU   native, {isa} of {facts['instruction_sets']} ({compiler}, built with torch {built})")
        if facts["cpu_problem"]:
            print(f"CPU   {facts['cpu_problem']}")
    else:
        print(f"CPU   reference: {facts['why_not_cpu']}")
    gpu = torch.cuda.get_device_name() if torch.cuda.is_available() else "no GPU present"
    print(f"CUDA  native, archs {facts['cuda_archs']}, {gpu}" if facts["cuda"] else f"CUDA  {facts['why_not_cuda']}")
    if for_arrays or not facts["cpu"]:
        print("to build again, in its source: pip install --force-reinstall --no-deps --no-cache-dir .")
    print(f"other devices (MPS, XPU, ...) run on the pure-torch reference; operators: {', '.join(OPERATORS)}")
    return 0


def _run(asked: argparse.Namespace, parser: argparse.ArgumentParser) -> int:
    """Suppresses each file, writes what was asked for as it goes, prints the table."""
    from ..dataset.settings import FORMATS, Job, Settings
    from ..io import CATEGORY_IDS, FileProblem, ReadOptions
    from .inputs import find_inputs, some_of
    from .methods import load
    from .outputs import Outputs, Places
    from .progress import shown_progress
    from .run import counts, print_table, run_files

    asked.method = asked.method or ("wbf" if asked.step == "ensemble" else "nms")
    if asked.method not in NAMES:
        parser.error(f"--method {asked.method}: expected one of {', '.join(PLAIN)}")
    lowest = -1 if NAMES.get(asked.method) == "diou" else 0
    if not lowest <= asked.iou <= 1:
        parser.error(f"--iou {asked.iou:g}: expected a number from {lowest} to 1, as overlaps are")
    ids = CATEGORY_IDS if asked.category_ids == "coco" else ()
    count = asked.num_classes
    if count and asked.classes and count != len(asked.classes):
        parser.error(f"--num-classes {count}, but --classes names {len(asked.classes)}")
    if asked.of_dataset is None and asked.format in FORMATS:
        asked.of_dataset = f"--format {asked.format}"
    options = ReadOptions(asked.layout, asked.logits, asked.classes, ids, asked.space, count, asked.boxes)
    settings = Settings(
        *(asked.method, asked.iou, asked.conf, asked.agnostic, asked.multi_label),
        *(asked.background, asked.pre_topk, asked.min_score),
    )
    if asked.of_dataset is not None:
        if asked.format not in (None, *FORMATS):
            parser.error(f"--format {asked.format} and {asked.of_dataset}: expected one of {', '.join(FORMATS)}")
        from .dataset import run_dataset

        job = Job(settings, options, asked.format or FORMATS[0], asked.step, weights=asked.weights)
        return run_dataset(asked, job)
    places = Places(asked.out, asked.image, asked.max_pixels, asked.format == "dota")
    files, notes, problems = find_inputs(asked.predictions)
    try:
        places.check(files)
        load(asked.method)  # not to be timed
    except FileProblem as problem:
        problems.append(str(problem))
        files = []
    outputs, rows = Outputs(files, places, settings), []
    noted: dict[str, list[str]] = {}  # what is to be said, and of which files
    try:
        with shown_progress(files) as progress:
            for line in run_files(files, replace(options, progress=progress.read), settings, outputs.size_of):
                for note in line.notes:
                    noted.setdefault(note, []).append(line.file.name)
                if line.problem:
                    problems.append(f"{line.file} {line.problem}")
                else:
                    outputs.add(line)
                    rows.append(counts(line))
                progress.file_done()
        outputs.finish(complete=bool(files) and not problems)
    finally:  # an interrupt leaves what was done, and says what that is
        print_table(rows, settings, sys.stdout)
        for path in outputs.wrote:
            print(f"wrote {path}")
        notes += [f"{some_of(names, 1)}: {note}" for note, names in noted.items()]
        notes += outputs.notes
        for kind, sayings in (("note", notes), ("error", [*problems, *outputs.problems])):
            for text in sayings:
                print(f"ptdet: {kind}: {text}", file=sys.stderr)
    return 2 if problems or outputs.problems else 0


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
    run.add_argument(
        "predictions",
        nargs="+",
        type=Path,
        metavar="PREDICTIONS",
        help=".npz, .npy, .pt or COCO .json; a folder of them, or a pattern in quotes",
    )
    run.add_argument(
        "--method",
        help=f"nms (default; of an ensemble wbf) or one of {', '.join(PLAIN)}: within each class where classes exist; "
        f"{' and '.join(FUSIONS)} take all of a file for the boxes of one model",
    )
    run.add_argument("--iou", type=_number, default=0.5, metavar="T", help="remove above this overlap (0.5)")
    run.add_argument("--conf", type=_number, default=0.25, metavar="C", help="boxes with a score above it count (0.25)")
    run.add_argument(
        "--min-score",
        type=_number,
        metavar="S",
        help="of the boxes whose scores soft or matrix has lowered, keep those above it (default: C, as for all)",
    )
    run.add_argument("--agnostic", action="store_true", help="boxes of different classes suppress each other too")
    run.add_argument("--multi-label", action="store_true", help="every class of a box over C counts, not only its best")
    run.add_argument(
        "--pre-topk", type=_count, metavar="K", help="only the K best candidates of a picture take part (all)"
    )
    run.add_argument("--out", type=Path, help="survivors: .json (COCO results), .npz, or a folder; or a picture file")
    run.add_argument(
        "--format",
        choices=("json", "dota", "parquet", "coco", "npz", "yolo"),
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
    whole.add_argument("--workers", type=_count_above_0, action=_OfDataset, metavar="N", help="processes (all cores)")
    whole.add_argument("--resume", nargs=0, action=_OfDataset, default=False, help="go on with the run in --out")
    whole.add_argument(
        "--shard-size", type=_count_above_0, action=_OfDataset, metavar="K", help="pictures, or small files (1000)"
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
        type=_weights,
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
    says = run.add_argument_group("what the files do not say themselves")
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
        "--background", type=_count, metavar="N", help="the class that stands for nothing, as SSD heads have it (none)"
    )
    says.add_argument(
        "--classes", type=_classes, default=(), help="class names: a,b,c; a file with one a line; or a data.yaml"
    )
    says.add_argument(
        "--num-classes", type=_count_above_0, metavar="C", help="how many classes there are, for a head with more"
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
        type=_space,
        help="unit of the boxes: picture (default), normalised, WxH (network input, stretched), letterbox:WxH "
        "(fitted in, centred), letterbox:WxH:topleft, ratio:R",
    )
    return parser


class _OfDataset(argparse.Action):
    """An option that only a run over a data set has."""

    def __call__(self, parser: Any, namespace: argparse.Namespace, values: Any, option: str | None = None) -> None:
        setattr(namespace, self.dest, True if self.nargs == 0 else values)
        namespace.of_dataset = option


def _number(text: str) -> float:
    try:
        value = float(text)
    except ValueError:
        value = math.nan
    if math.isnan(value):
        raise argparse.ArgumentTypeError(f"expected a number, got {text!r}")
    return value


def _count(text: str) -> int:
    if not text.isdecimal():
        raise argparse.ArgumentTypeError(f"expected a whole number, got {text!r}")
    return int(text)


def _count_above_0(text: str) -> int:
    if not text.isdecimal() or int(text) < 1:
        raise argparse.ArgumentTypeError(f"expected a whole number above 0, got {text!r}")
    return int(text)


def _weights(text: str) -> tuple[float, ...]:
    weights = tuple(map(_number, text.split(",")))
    if not all(0 < weight < math.inf for weight in weights):
        raise argparse.ArgumentTypeError(f"expected numbers above 0, got {text!r}")
    return weights


def _classes(text: str) -> tuple[str, ...]:
    from .names import class_names

    try:
        return class_names(text)
    except ValueError as error:
        raise argparse.ArgumentTypeError(str(error)) from error


def _space(text: str) -> Space:
    from ..io import parse_space

    try:
        return parse_space(text)
    except ValueError as error:
        raise argparse.ArgumentTypeError(str(error)) from error
