"""The truth as DOTA has it: a folder of label files, one a picture, of rotated boxes."""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path

from .._shared.dataset import Truth
from .dota import read_dota_labels
from .predictions import FileProblem
from .truth_named import Named, truth_of
from .truth_options import TruthOptions


def read_dota(files: Sequence[Path], options: TruthOptions) -> Truth:
    """What DOTA calls difficult is neither found nor missed.

    Raises:
        FileProblem: naming the file and the line.
    """
    pictures, notes = [], []
    for file in files:
        try:
            found = read_dota_labels(file)
        except FileProblem as problem:
            said = f"{file.name}, {problem}" if str(problem).startswith("line") else str(problem)
            raise FileProblem(said) from problem
        notes += [f"{file.name}: {note}" for note in found.notes]
        difficult = (found.difficult > 0).tolist()
        pictures.append(Named(file.stem, found.boxes.tolist(), found.classes, difficult, lines=found.lines))
    if len(notes) > 3:
        notes = [*notes[:3], f"{len(notes) - 3} more files have quads that are no rectangles"]
    return truth_of(pictures, options, width=5, notes=notes)
