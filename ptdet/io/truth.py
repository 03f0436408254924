"""The truth of a data set, whatever its format: which one it is, is told by content."""

from __future__ import annotations

import os
from collections.abc import Callable
from pathlib import Path

from .._shared.arrays import silent
from .._shared.dataset import Truth
from .predictions import FileProblem, as_options, as_path
from .text_lines import finite_number, text_lines
from .truth_coco import read_coco_truth
from .truth_dota import read_dota
from .truth_options import TruthOptions
from .truth_voc import read_voc
from .truth_yolo import NAMES_FILE, read_data_yaml, read_label_folder

FORMATS = ("coco", "yolo", "voc", "dota")
EXPECTED = "expected COCO's .json, YOLO's data.yaml or folder of labels, or a folder of VOC's .xml or of DOTA's .txt"
USUAL = ("Annotations", "labelTxt", "labels")  # folders of annotations within that of a data set


@silent()
def read_truth(path: str | os.PathLike[str], options: TruthOptions | None = None) -> Truth:
    """The boxes that are really in the pictures of a data set; docs/evaluation.md lists the formats.

    Args:
        path: a file or a folder.
        options: what the files do not say themselves.

    Raises:
        FileProblem: in one line, which file and line cannot be read, and what was expected.
        TypeError, ValueError: an argument is of another kind.
    """
    path, options = as_path("path", path), as_options(options, TruthOptions)
    if options.format not in (None, *FORMATS):
        raise FileProblem(f"cannot be read as {options.format!r}: expected {', '.join(FORMATS)}")
    try:
        if not path.exists():
            raise FileProblem("there is no such file")
        if not (path.is_file() or path.is_dir()):
            raise FileProblem("is neither a file nor a folder")
        told = options.format or _told(path)
        return _READERS[told](path, options)
    except OSError as error:  # a folder that may not be read, a name that is too long
        raise FileProblem(f"cannot be read: {error.strerror or error}") from error


def _told(path: Path) -> str:
    if path.is_file():
        suffix = path.suffix.lower()
        if suffix == ".txt":
            return _of_text(path)
        told = {".json": "coco", ".yaml": "yolo", ".yml": "yolo", ".xml": "voc"}.get(suffix)
        if told is None:
            raise FileProblem(f"ends in {path.suffix!r}; {EXPECTED}")
        return told
    if (path / "data.yaml").is_file():
        return "yolo"
    folder = _annotations(path)
    kinds = {suffix: _files(folder, suffix) for suffix in (".xml", ".txt", ".json")}
    has = [suffix for suffix, files in kinds.items() if files]
    if len(has) > 1:
        raise FileProblem(f"holds {' and '.join(has)} files: say --truth-format, or name one file")
    if has == [".xml"]:
        return "voc"
    if has == [".txt"]:
        return next((told for file in kinds[".txt"] if (told := _of_text(file, default=""))), "yolo")
    if has == [".json"]:
        raise FileProblem(f"is a folder: name the file of the truth in it, as {kinds['.json'][0].name}")
    raise FileProblem(f"is a folder without annotations; {EXPECTED}")


def _of_text(file: Path, default: str = "yolo") -> str:
    """By the first line that says something."""
    for line in text_lines(file):
        if line.startswith(("imagesource:", "gsd:")):
            return "dota"
        words = line.split()
        if words:
            is_dota = len(words) in (9, 10) and (len(words) == 10 or finite_number(words[8]) is None)
            return "dota" if is_dota else "yolo"
    return default


def _annotations(folder: Path) -> Path:
    """The folder itself, or that of the annotations of a data set."""
    return next((folder / name for name in USUAL if (folder / name).is_dir()), folder)


def _files(folder: Path, suffix: str) -> list[Path]:
    """Without the hidden ones, and without the list of names."""
    found = (file for file in folder.iterdir() if file.suffix.lower() == suffix and file.is_file())
    return sorted(file for file in found if not file.name.startswith(".") and file.name != NAMES_FILE)


def _files_of(path: Path, suffix: str) -> list[Path]:
    files = [path] if path.is_file() else _files(_annotations(path), suffix)
    if not files:
        raise FileProblem(f"has no {suffix} files")
    return files


def _yolo(path: Path, options: TruthOptions) -> Truth:
    yaml = path / "data.yaml" if path.is_dir() else path
    if yaml.suffix.lower() in (".yaml", ".yml") and yaml.is_file():
        return read_data_yaml(yaml, options)
    folder = _annotations(path) if path.is_dir() else path.parent
    return read_label_folder(folder, _files_of(path, ".txt"), options)


_READERS: dict[str, Callable[[Path, TruthOptions], Truth]] = {
    "coco": read_coco_truth,
    "yolo": _yolo,
    "voc": lambda path, options: read_voc(_files_of(path, ".xml"), options),
    "dota": lambda path, options: read_dota(_files_of(path, ".txt"), options),
}
