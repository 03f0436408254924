"""Which files `ptdet run` was asked for: files, folders of them, and patterns that no shell has expanded."""

from __future__ import annotations

import glob
from collections.abc import Sequence
from pathlib import Path

from ..dataset import PACKED
from ..io import READERS, FileProblem, is_task1


def find_inputs(asked: Sequence[Path]) -> tuple[list[Path], list[str], list[str]]:
    """The files in the order in which they were named, each once; then notes and problems to print."""
    files: dict[tuple[Path, str], Path] = {}
    twice: dict[Path, None] = {}
    problems = []
    for one in asked:
        try:
            found = _expanded(one)
        except FileProblem as problem:
            problems.append(str(problem))
            continue
        for file in found:
            key = (file.resolve(), file.name)
            if key in files:
                twice[files[key]] = None
            else:
                files[key] = file
    notes = []
    if twice:
        notes.append(f"named more than once, done once: {some_of([str(file) for file in twice], 3)}")
    return list(files.values()), notes, problems


def some_of(names: Sequence[str], count: int) -> str:
    """The first of many, and how many more there are."""
    return ", ".join(names[:count]) + (f" and {len(names) - count} more" if len(names) > count else "")


def _expanded(asked: Path) -> list[Path]:
    """Without hidden files and those that no reader takes."""
    if is_task1(asked):
        return [asked]
    if asked.is_dir():
        found, what = sorted(asked.iterdir()), "is a folder without"
    elif not asked.exists() and glob.has_magic(str(asked)):
        found, what = [Path(name) for name in sorted(glob.glob(str(asked), recursive=True))], "fits no"
    else:
        return [asked]
    taken = [
        file
        for file in found
        if (file.suffix.lower() in READERS and not file.name.startswith(".") and file.is_file()) or is_task1(file)
    ]
    # beside other results a text is a note to people, not YOLO's
    taken = [file for file in taken if file.suffix.lower() != ".txt" or is_task1(file)] or taken
    if not taken:
        more = f"; a run over a data set (--workers N) reads {' and '.join(PACKED)} too"
        raise FileProblem(f"{asked} {what} {', '.join(READERS)} file{more}")
    return taken
