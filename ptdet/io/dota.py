"""Files of DOTA: labels, `x1 y1 .. x4 y4 class difficult` a line, and results, Task1_CLASS.txt, a line `image score x1
y1 .. x4 y4`. Boxes are (N, 5), the smallest rectangle around each quad, whatever the order of its corners."""

from __future__ import annotations

import re
from collections.abc import Iterable
from dataclasses import dataclass
from pathlib import Path
from typing import NamedTuple

import numpy as np

from .._shared.arrays import Array
from .._shared.rotated_boxes import corners_of, min_area_rect
from .corners import BOX_FORMS
from .predictions import Candidates, FileProblem, Predictions, ReadOptions
from .quads import on_quads
from .space import Space
from .text_lines import finite_number, is_count, text_lines
from .whole_files import whole_file

RESULT = "image score x1 y1 x2 y2 x3 y3 x4 y4"
LABEL = "x1 y1 x2 y2 x3 y3 x4 y4 class difficult"


@dataclass(frozen=True)
class DotaLabels:
    """A label file: what it says, and the boxes that its quads stand for."""

    quads: Array  # (N, 4, 2), as given
    boxes: Array  # (N, 5) centre x, centre y, width, height, angle in radians from +x to +y
    classes: tuple[str, ...]  # of each quad
    difficult: Array  # (N,) int64
    imagesource: str = ""
    gsd: float | None = None  # ground sample distance; None where the file says "null"
    notes: tuple[str, ...] = ()  # how many quads are no rectangles, and how many cross themselves
    lines: tuple[int, ...] = ()  # of the file, where each quad is


def read_dota_labels(path: Path) -> DotaLabels:
    """A label file of DOTA v1 or v2, with or without the lines `imagesource:` and `gsd:`; `difficult` may be absent.

    Raises:
        FileProblem: naming the line, what was expected and what came.
    """
    quads, classes, difficult, lines = [], [], [], []
    source, gsd = "", None
    for number, line in enumerate(text_lines(path), 1):
        said = line.split(":", 1)
        if said[0] == "imagesource" and len(said) == 2:
            source = said[1].strip()
        elif said[0] == "gsd" and len(said) == 2:
            gsd = finite_number(said[1].strip())
        elif line:
            words = line.split()
            numbers = [finite_number(word) for word in words[:8]]
            mark = words[9] if len(words) == 10 else "0"
            if len(words) not in (9, 10) or None in numbers or not is_count(mark):
                raise FileProblem(f"line {number}: expected {LABEL}, got {line[:80]!r}")
            quads.append(numbers)
            classes.append(words[8])
            difficult.append(int(mark))
            lines.append(number)
    corners = np.array(quads, np.float64).reshape(-1, 4, 2)
    rectangles = min_area_rect(corners)
    marks = np.array(difficult, np.int64)
    told = on_quads(corners, rectangles)
    return DotaLabels(corners, rectangles, tuple(classes), marks, source, gsd, told, tuple(lines))


def task1_files(folder: Path) -> list[Path]:
    """The results of DOTA's task 1 in a folder, a file a class."""
    return sorted(file for file in folder.glob("Task1_*.txt") if file.is_file()) if folder.is_dir() else []


def is_task1(path: Path) -> bool:
    """Whether it is a file of task 1, or a folder with some."""
    if path.is_dir():
        return bool(task1_files(path))
    return re.fullmatch(r"Task1_.+\.txt", path.name) is not None


def read_task1(path: Path, options: ReadOptions) -> list[Predictions]:
    """One entry for each picture of a file, or of all files of a folder, in the order in which they first appear.

    Classes are numbered by the names of all files in the folder, in order, unless `options` names them.
    """
    files = [path] if path.is_file() else task1_files(path)
    known = options.classes or tuple(map(_class_of, task1_files(files[0].parent)))
    rows: dict[str, list[list[float]]] = {}
    for file in files:
        if _class_of(file) not in known:
            raise FileProblem(f"{file.name} is of none of the classes {', '.join(known[:9])}")
        label = known.index(_class_of(file))
        for number, line in enumerate(text_lines(file), 1):
            words = line.rsplit(maxsplit=9)
            numbers = [finite_number(word) for word in words[1:]]
            if line and (len(words) != 10 or None in numbers):
                raise FileProblem(f"{file.name}, line {number}: expected {RESULT}, got {line[:80]!r}")
            if line:
                rows.setdefault(words[0], []).append([label, *(each for each in numbers if each is not None)])
    found = []
    notes = None
    every = np.array([row[2:] for of_image in rows.values() for row in of_image]).reshape(-1, 4, 2)
    rectangles, at = min_area_rect(every), 0
    for image, of_image in rows.items():
        table = np.array(of_image)
        notes = on_quads(every, rectangles) if notes is None else ()
        found.append(
            Predictions(
                name=image,
                image_id=image,
                boxes=rectangles[at : at + len(table)],
                scores=table[:, 1],
                labels=table[:, 0].astype(np.int64),
                classes=known,
                category_ids=options.category_ids,
                space=options.space or Space(),
                extra={"quad": table[:, 2:]},
                notes=notes,
            )
        )
        at += len(table)
    return found


def write_task1(folder: Path, found: Iterable[tuple[Predictions, Candidates]]) -> list[Path]:
    """Survivors in pixels of their pictures as Task1_CLASS.txt, a file for each class that is known; the files.

    A box that is still the one of the quad that was read is written as that quad.

    Raises:
        FileProblem: where a file cannot be written.
    """
    lines: dict[str, list[str]] = {}
    for of, kept in found:
        for name in of.classes:
            lines.setdefault(name, [])
        labels = [0] * len(kept) if kept.labels is None else kept.labels.tolist()
        columns = np.concatenate([kept.scores[:, None], _quads(kept).reshape(-1, 8)], 1).astype(str).tolist()
        for label, numbers in zip(labels, columns, strict=True):
            name = of.classes[label] if 0 <= label < len(of.classes) else str(label)
            lines.setdefault(name, []).append(f"{of.image_id} {' '.join(numbers)}\n")
    paths = []
    for name, text in lines.items():
        if re.search(r'[\x00-\x1f/\\:*?"<>|]', name):
            raise FileProblem(f"class {name!r} cannot be part of the name of a file")
        paths.append(folder / f"Task1_{name}.txt")
        try:
            with whole_file(paths[-1]) as part:
                part.write_text("".join(text), encoding="utf-8")
        except OSError as error:
            raise FileProblem(f"{paths[-1].name} cannot be written: {error.strerror or error}") from error
    return paths


def _quads(kept: Candidates) -> Array:
    """(K, 4, 2) in the type of the boxes."""
    if not kept.rotated:
        x1, y1, x2, y2 = kept.boxes.T
        return np.stack([x1, y1, x2, y1, x2, y2, x1, y2], 1).reshape(-1, 4, 2)
    corners = corners_of(kept.boxes).astype(kept.boxes.dtype)
    if "quad" not in kept.extra:
        return corners
    still = (BOX_FORMS["xyxyxyxy"](kept.extra["quad"]) == kept.boxes).all(1)
    quads: Array = np.where(still[:, None, None], kept.extra["quad"].reshape(-1, 4, 2), corners)
    return quads


def _class_of(file: Path) -> str:
    return file.name.removeprefix("Task1_").removesuffix(".txt")


class TileName(NamedTuple):
    """What the name of a tile says, as DOTA's tools write it: P0706__1__924___462."""

    image: str
    rate: float  # as written: the scale in DOTA's own tools, but the tile's width in mmrotate's and ultralytics'
    offset: tuple[int, int]  # x, y of its corner in the picture, as scaled


def parse_tile_name(name: str) -> TileName:
    """The name of a tile, with or without a suffix of a file.

    Raises:
        ValueError: for another name.

    >>> import ptdet.io
    >>> ptdet.io.parse_tile_name("P0706__0.5__924___462.png")
    TileName(image='P0706', rate=0.5, offset=(924, 462))
    """
    found = re.fullmatch(r"(.+)__(\d+\.?\d*|\.\d+)__(-?\d+)___(-?\d+)(\.[A-Za-z]+)?", name)
    if not found or float(found[2]) <= 0:
        raise ValueError(f"name: expected a name like P0706__1__924___462, got {name!r}")
    return TileName(found[1], float(found[2]), (int(found[3]), int(found[4])))
