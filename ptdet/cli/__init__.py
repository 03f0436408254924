"""The command line: `ptdet run`, `eval`, `tune`, `explore`, `report`, `patch` and `info`."""

from __future__ import annotations

import argparse
import io
import math
import os
import platform
import sys
from collections.abc import Sequence
from dataclasses import replace
from typing import TYPE_CHECKING

from .. import __version__
from .._shared.methods import NAMES, PLAIN
from .._shared.parameters import BELOW_ZERO
from ..dataset import FORMATS
from .parser import build_parser

if TYPE_CHECKING:
    from ..io import ReadOptions
    from .run import Settings


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
    if isinstance(sys.stdout, io.TextIOWrapper):  # whose encoding may lack a letter of a class
        sys.stdout.reconfigure(errors="backslashreplace")
    try:
        code = _info() if asked.command == "info" else _on_files(asked, parser)
        sys.stdout.flush()
        return code
    except KeyboardInterrupt:
        print("\nptdet: interrupted", file=sys.stderr)
        return 130
    except BrokenPipeError:  # the reader of the table went away, as `| head` does
        os.dup2(os.open(os.devnull, os.O_WRONLY), sys.stdout.fileno())
        return 0
    except OSError as error:  # the name of a file is too long, a folder may not be read, the disk is full
        print(f"ptdet: error: {error}", file=sys.stderr)
        return 2


def _info() -> int:
    """Prints what is native here and, where something is not, why and what to do."""
    from .._shared.build_record import why_not_numpy

    for_arrays = why_not_numpy()
    print(f"NumPy {for_arrays}" if for_arrays else "NumPy native, ptdet.numpy")
    try:
        import torch
    except ModuleNotFoundError:
        there = (
            "ptdet.io alone is there"
            if for_arrays
            else "ptdet.numpy, ptdet.io and every command but ptdet patch are there"
        )
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


def _on_files(asked: argparse.Namespace, parser: argparse.ArgumentParser) -> int:
    """The commands that read predictions."""
    options = _read_options(asked, parser)
    if asked.command == "eval":
        from .eval import evaluate_files

        return evaluate_files(asked, options)
    if asked.command == "tune":
        return _tune(asked, options)
    settings, notes = _settings(asked, parser)
    if asked.command == "run":
        if asked.of_dataset is None:
            return _run(asked, options, settings, notes)
        if asked.format not in (None, *FORMATS):
            parser.error(f"--format {asked.format} and {asked.of_dataset}: expected one of {', '.join(FORMATS)}")
        return _run_dataset(asked, options, settings, notes)
    if not 0 <= asked.lowest < 1:
        parser.error(f"--lowest {asked.lowest:g}: expected a number from 0 to below 1")
    if asked.command == "explore":
        from .explore import explore

        return explore(asked, options, settings, notes)
    from .report import report

    return report(asked, options, settings, notes)


def _read_options(asked: argparse.Namespace, parser: argparse.ArgumentParser) -> ReadOptions:
    from ..io import CATEGORY_IDS, ReadOptions

    ids = CATEGORY_IDS if asked.category_ids == "coco" else ()
    count = asked.num_classes
    if count and asked.classes and count != len(asked.classes):
        parser.error(f"--num-classes {count}, but --classes names {len(asked.classes)}")
    return ReadOptions(asked.layout, asked.logits, asked.classes, ids, asked.space, count, asked.boxes)


def _settings(asked: argparse.Namespace, parser: argparse.ArgumentParser) -> tuple[Settings, list[str]]:
    """How to suppress, and notes on what of a file of settings is not used."""
    from .._shared.config import options_of
    from .run_settings import settings_of

    if asked.method is None and asked.config is None and getattr(asked, "step", "") == "ensemble":
        asked.method = "wbf"
    if asked.method is not None and asked.method not in NAMES:
        parser.error(f"--method {asked.method}: expected one of {', '.join(PLAIN)}")
    try:
        settings, notes = settings_of(asked)
    except (OSError, ValueError, TypeError) as error:
        parser.error(f"--config {asked.config}: {error.strerror if isinstance(error, OSError) else error}")
    options = options_of(NAMES[settings.method])
    measure = "diou" if "beta" in options else settings.options.get("metric")
    lowest = -1 if measure in BELOW_ZERO else 0
    if not lowest <= settings.iou_threshold <= 1:
        parser.error(f"--iou {settings.iou_threshold:g}: expected a number from {lowest} to 1, as overlaps are")
    if asked.sigma is not None and not 0 < asked.sigma < math.inf:
        parser.error(f"--sigma {asked.sigma:g}: expected a number above 0")
    for option in ("metric", "sigma"):
        if getattr(asked, option) is not None and option not in options:
            parser.error(f"--{option}: --method {settings.method} has none")
    return settings, notes


def _run_dataset(asked: argparse.Namespace, options: ReadOptions, settings: Settings, notes: list[str]) -> int:
    from ..dataset.settings import Job
    from .dataset import run_dataset
    from .sayings import say

    job = Job(settings, options, asked.format or FORMATS[0], asked.step, weights=asked.weights)
    say(notes, ())
    return run_dataset(asked, job)


def _tune(asked: argparse.Namespace, options: ReadOptions) -> int:
    """Tries every setting, prints which to use, writes it and the report."""
    from .sayings import say

    try:
        from .tune import tune_files
    except ImportError as error:  # there are no kernels for arrays
        say((), [str(error)])
        return 2
    return tune_files(asked, options)


def _run(asked: argparse.Namespace, options: ReadOptions, settings: Settings, of_config: Sequence[str]) -> int:
    """Suppresses each file, writes what was asked for as it goes, prints the table."""
    from ..io import FileProblem
    from .inputs import find_inputs, some_of
    from .methods import load
    from .outputs import Outputs, Places
    from .progress import shown_progress
    from .run import counts, print_table, run_files
    from .sayings import say

    places = Places(asked.out, asked.image, asked.max_pixels, asked.format == "dota")
    files, notes, problems = find_inputs(asked.predictions)
    notes += of_config
    try:
        places.check(files)
        load(settings.method)  # not to be timed
    except FileProblem as problem:
        problems.append(str(problem))
        files = []
    outputs, rows = Outputs(files, places, settings), []
    noted: dict[str, list[str]] = {}  # what is to be said, and of which files
    try:
        with shown_progress(files) as progress:
            options = replace(options, progress=progress.read, size_of=outputs.size_of)
            for line in run_files(files, options, settings, outputs.size_of):
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
        notes += [f"{some_of(names, 1)}: {note}" for note, names in noted.items()]
        try:
            print_table(rows, settings, sys.stdout)
            for path in outputs.wrote:
                print(f"wrote {path}")
        finally:  # also if the reader of the table went away
            say([*notes, *outputs.notes], [*problems, *outputs.problems])
    return 2 if problems or outputs.problems else 0
