"""The truth as YOLO has it: a data.yaml, and a label file for each picture, in shares of it.

A line is `class centre-x centre-y width height`, or `class x1 y1 x2 y2 ..`, the corners of a rotated box or an outline.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import numpy as np

from .._shared.arrays import Array
from .._shared.dataset import Truth
from .._shared.rotated_boxes import min_area_rect
from .data_yaml import complete, load_yaml, names_in
from .pictures import PICTURES, picture_size
from .predictions import FileProblem
from .text_lines import class_number, finite_number, is_count, text_lines, text_of
from .truth_options import SPLITS, TruthOptions

NAMES_FILE = "classes.txt"  # labelImg writes it among the labels
QUAD = 9  # numbers of a line: the class and four corners
BOX = "class centre-x centre-y width height"
HOW = "give --images FOLDER with the pictures, or --image-size WxH if all have one size"


@dataclass(frozen=True)
class _Source:
    """One picture and its label file, either of which may be absent."""

    image_id: str
    labels: Path | None
    picture: Path | None


@dataclass
class _Lines:
    """What the label files say."""

    classes: list[int] = field(default_factory=list)
    rows: list[list[float]] = field(default_factory=list)  # of each line the numbers behind the class
    images: list[int] = field(default_factory=list)


def read_data_yaml(path: Path, options: TruthOptions) -> Truth:
    """The pictures of one entry of a data.yaml, `val` unless the caller names another, and their labels.

    Raises:
        FileProblem: naming the file and the line.
    """
    stored = load_yaml(text_of(path))
    names = names_in(stored)
    sources, orphans = _sources_of_split(path, stored, options.split)
    notes = [f"{len(orphans)} label files have no picture, and are not read: {orphans[0]}"] if orphans else []
    return _truth(sources, names, options, _keypoints(stored), notes)


def read_label_folder(folder: Path, files: Sequence[Path], options: TruthOptions) -> Truth:
    """Label files alone. The pictures are in `options.images`, in the folder `images` beside `labels`, or among them.

    Raises:
        FileProblem: naming the file and the line.
    """
    labels = {file.stem: file for file in files if file.name != NAMES_FILE}
    pictures = _pictures_for(folder, options)
    ids = sorted({*labels, *pictures})
    sources = [_Source(each, labels.get(each), pictures.get(each)) for each in ids]
    notes = []
    names = options.classes
    if not names and (folder / NAMES_FILE).is_file():
        try:
            names = complete(text_of(folder / NAMES_FILE).rstrip().splitlines(), "line")
        except FileProblem as problem:
            raise FileProblem(f"{NAMES_FILE} {problem}") from problem
    if not names:
        notes.append("has no class names, which are numbers therefore: --classes takes a data.yaml or a list of names")
    return _truth(sources, names, options, None, notes)


def _pictures_for(folder: Path, options: TruthOptions) -> dict[str, Path]:
    """By their stems."""
    where = [Path(options.images)] if options.images else [_exchanged(folder, "labels", "images"), folder]
    for place in where:
        if place is not None and (found := _pictures_in(place)):
            by_stem: dict[str, Path] = {}
            for file in found:
                if file.stem in by_stem:
                    raise FileProblem(f"has two pictures for {file.stem}: {by_stem[file.stem]} and {file}")
                by_stem[file.stem] = file
            return by_stem
    if options.images:
        raise FileProblem(f"wants pictures, and {options.images} has none: expected {', '.join(PICTURES)}")
    return {}


def _pictures_in(folder: Path) -> list[Path]:
    return sorted(file for file in folder.rglob("*") if file.suffix.lower() in PICTURES and file.is_file())


def _exchanged(path: Path, old: str, new: str) -> Path | None:
    """The path with another name for its last folder called `old`; None if there is none."""
    parts = list(path.absolute().parts)
    if old not in parts:
        return None
    parts[len(parts) - 1 - parts[::-1].index(old)] = new
    return Path(*parts)


def _sources_of_split(path: Path, stored: dict[str, Any], split: str) -> tuple[list[_Source], list[str]]:
    """The pictures of an entry; and the label files beside theirs that have no picture."""
    asked = stored.get(split)
    entries = [asked] if isinstance(asked, str) else asked
    if not isinstance(entries, list) or not entries or not all(isinstance(each, str) and each for each in entries):
        has = ", ".join(each for each in SPLITS if stored.get(each)) or "none"
        raise FileProblem(f"has no {split} that names pictures (of train, val and test it has {has}): --split")
    root = _below(path.parent, _text(stored.get("path")))
    pictures, folders = [], []
    for entry in entries:
        place = _below(root, entry)
        if not place.exists() and entry.startswith("../") and (root / entry[3:]).exists():
            place = root / entry[3:]  # as Roboflow writes them
        if place.is_dir():
            found = _pictures_in(place)
            folders.append(place)
        elif place.suffix == ".txt" and place.is_file():
            found = [_below(place.parent, line) for line in text_lines(place) if line]
        else:
            raise FileProblem(f"{split}: there is no folder and no list of pictures {place}")
        if not found:
            raise FileProblem(f"{split}: {place} has no pictures: expected {', '.join(PICTURES)}")
        pictures += found
    sources = _with_labels(pictures, root)
    if not any(one.labels for one in sources):
        raise FileProblem(f"{split}: none of {len(pictures)} pictures has labels, as {_label_place(pictures[0])}")
    taken = {one.labels for one in sources}
    beside = {_exchanged(folder, "images", "labels") or folder for folder in folders}
    every = (file for folder in beside for file in sorted(folder.rglob("*.txt")) if file.name != NAMES_FILE)
    return sources, [file.name for file in every if file.absolute() not in taken]


def _below(folder: Path, name: str) -> Path:
    """A file or folder, which may be named with the strokes of Windows."""
    place = folder / name
    return folder / name.replace("\\", "/") if "\\" in name and not place.exists() else place


def _text(stored: Any) -> str:
    return stored if isinstance(stored, str) else ""


def _label_place(picture: Path) -> Path:
    """Where ultralytics looks: in the folder `labels` instead of `images`, else beside the picture."""
    return (_exchanged(picture, "images", "labels") or picture.absolute()).with_suffix(".txt")


def _with_labels(pictures: Sequence[Path], root: Path) -> list[_Source]:
    """Pictures are called by their stems, those of one stem by their paths below the root."""
    stems: dict[str, int] = {}
    for picture in pictures:
        stems[picture.stem] = stems.get(picture.stem, 0) + 1
    sources = []
    for picture in pictures:
        image_id = picture.stem
        if stems[image_id] > 1:
            under = picture.relative_to(root) if picture.is_relative_to(root) else picture
            image_id = under.with_suffix("").as_posix()
        place = _label_place(picture)
        sources.append(_Source(image_id, place if place.is_file() else None, picture))
    if len({one.image_id for one in sources}) < len(sources):
        raise FileProblem("names a picture twice")
    return sources


def _keypoints(stored: dict[str, Any]) -> int | None:
    """How many numbers of a line tell of keypoints, which come behind the box."""
    shape = stored.get("kpt_shape")
    if shape is None:
        return None
    if not isinstance(shape, list) or len(shape) != 2 or not all(isinstance(n, str) and is_count(n) for n in shape):
        raise FileProblem("kpt_shape: expected a list of two whole numbers")
    return int(shape[0]) * int(shape[1])


def _truth(
    sources: Sequence[_Source],
    names: tuple[str, ...],
    options: TruthOptions,
    keypoints: int | None,
    notes: list[str],
) -> Truth:
    lines, twice = _Lines(), 0
    for number, one in enumerate(sources):
        if one.labels is not None:
            before = len(lines.rows)
            _read_labels(one.labels, number, len(names), keypoints, lines)
            own = {(label, *row) for label, row in zip(lines.classes[before:], lines.rows[before:], strict=True)}
            twice += len(lines.rows) - before - len(own)
    without = sum(one.labels is None for one in sources)
    if without:
        notes.append(f"{without} of {len(sources)} pictures have no label file: they are pictures without objects")
    if twice:
        notes.append(f"{twice} lines stand twice in a label file: both count (ultralytics drops one)")
    sizes = [_size_of(one, options) for one in sources]
    labels, images = np.array(lines.classes, np.int64), np.array(lines.images, np.int64)
    wide_high = np.array([sizes[n] or (1, 1) for n in lines.images], np.float64).reshape(-1, 2)
    boxes = _boxes(lines.rows, wide_high, options.boxes, notes)
    return Truth(
        boxes=boxes,
        labels=labels,
        images=images,
        image_ids=tuple(one.image_id for one in sources),
        class_names=names or tuple(map(str, range(int(labels.max(initial=-1)) + 1))),
        fmt="xywh",
        image_names=tuple(one.image_id if one.picture is None else one.picture.name for one in sources),
        image_sizes=tuple(sizes),
        notes=tuple(notes),
    )


def _size_of(one: _Source, options: TruthOptions) -> tuple[int, int] | None:
    if options.image_size:
        return options.image_size
    if one.picture is None:
        raise FileProblem(f"{one.image_id}.txt is in shares of a picture that is not there: {HOW}")
    try:
        return picture_size(one.picture)
    except FileProblem as problem:
        raise FileProblem(f"wants the sizes of its pictures: {problem}; or {HOW}") from problem


def _read_labels(file: Path, image: int, classes: int, keypoints: int | None, into: _Lines) -> None:
    for number, line in enumerate(text_lines(file), 1):
        words = line.split()
        if not words:
            continue

        def wrong(what: str, place: int = number) -> FileProblem:
            return FileProblem(f"{file.name}, line {place}: {what}")

        label = _checked_label(words[0], classes, wrong)
        row = [finite_number(word) for word in words[1:]]
        numbers = [each for each in row if each is not None]
        if len(numbers) < len(row):
            raise wrong(f"expected numbers, got {line[:80]!r}")
        if keypoints is not None and len(words) == 5 + keypoints:
            numbers = numbers[:4]
        if len(numbers) == 5:
            raise wrong("has six numbers, as the results of a detector have: expected the truth")
        if len(numbers) != 4 and (len(numbers) < 6 or len(numbers) % 2):
            raise wrong(f"expected {BOX}, or class x1 y1 x2 y2 x3 y3 .., got {len(words)} words")
        if len(numbers) == 4 and min(numbers[2:]) < 0:
            raise wrong("a negative width or height")
        if max(numbers) > 2 or min(numbers) < -1:
            raise wrong(f"expected shares of the picture, 0..1, got {line[:80]!r}")
        into.classes.append(label)
        into.rows.append(numbers)
        into.images.append(image)


def _checked_label(word: str, classes: int, wrong: Callable[[str], FileProblem]) -> int:
    value = class_number(word)
    if value is None:
        raise wrong(f"expected a class number, got {word[:60]!r}")
    if classes and value >= classes:
        raise wrong(f"class {value}, and there are {classes} names")
    return value


def _boxes(rows: Sequence[Sequence[float]], sizes: Array, asked: str | None, notes: list[str]) -> Array:
    """In pixels: (N, 4) x, y, width, height, or rotated boxes (N, 5)."""
    widths = {len(row) for row in rows}
    quads = sum(len(row) == QUAD - 1 for row in rows)
    if asked == "rotated" and widths - {QUAD - 1}:
        raise FileProblem(f"has {len(rows) - quads} of {len(rows)} lines without four corners: none is a rotated box")
    if asked == "rotated" or (asked is None and widths == {QUAD - 1}):
        if asked is None:
            notes.append("all lines have four corners: taken as rotated boxes (else --truth-boxes upright)")
        corners = np.array(rows, np.float64).reshape(-1, 4, 2) * sizes[:, None]
        return min_area_rect(corners)
    outlined = sum(len(row) > 4 for row in rows)
    if outlined:
        notes.append(f"{outlined} of {len(rows)} lines are outlines: each stands for the upright box around it")
    upright = []
    for row in rows:
        if len(row) == 4:
            x, y, w, h = row
            upright.append((x - w / 2, y - h / 2, w, h))
        else:
            x, y = min(row[::2]), min(row[1::2])
            upright.append((x, y, max(row[::2]) - x, max(row[1::2]) - y))
    scaled: Array = np.array(upright, np.float64).reshape(-1, 4) * np.tile(sizes, 2)
    return scaled
