"""Pictures whose boxes have class names, a file each, as one truth."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np

from .._shared.dataset import Truth
from .data_yaml import complete
from .predictions import FileProblem
from .truth_options import TruthOptions


@dataclass(frozen=True)
class Named:
    """The boxes of one picture, with the names of their classes."""

    image_id: str
    boxes: Sequence[Sequence[float]]
    classes: Sequence[str]
    ignore: Sequence[bool]
    size: tuple[int, int] | None = None
    lines: Sequence[int] = ()  # of the file, where each box is


def truth_of(pictures: Sequence[Named], options: TruthOptions, width: int = 4, notes: Sequence[str] = ()) -> Truth:
    """Classes are numbered by the names of the caller, else by those of all files, in order.

    Raises:
        FileProblem: a class is none of those of the caller, or two pictures have one name.
    """
    found = sorted({name for one in pictures for name in one.classes})
    names = complete(options.classes, "class") if options.classes else tuple(found)
    number = {name: n for n, name in enumerate(names)}
    seen: set[str] = set()
    for one in pictures:
        if one.image_id in seen:
            raise FileProblem(f"has two files for the picture {one.image_id}")
        seen.add(one.image_id)
        for name, line in zip(one.classes, one.lines, strict=True):
            if name not in number:
                raise FileProblem(f"{one.image_id}, line {line}: class {name!r} is none of {', '.join(names)[:200]}")
    boxes = [box for one in pictures for box in one.boxes]
    ignore = np.array([each for one in pictures for each in one.ignore], np.bool_)
    return Truth(
        boxes=np.array(boxes, np.float64).reshape(-1, width),
        labels=np.array([number[name] for one in pictures for name in one.classes], np.int64),
        images=np.repeat(np.arange(len(pictures)), [len(one.boxes) for one in pictures]),
        image_ids=tuple(one.image_id for one in pictures),
        class_names=names,
        ignore=ignore if ignore.any() else None,
        image_sizes=tuple(one.size for one in pictures),
        numbered=bool(options.classes),
        notes=tuple(notes),
    )
