"""Results of YOLO as text, as ultralytics saves them: a file a picture, a line a box."""

from __future__ import annotations

from pathlib import Path

import numpy as np

from .corners import BOX_FORMS
from .predictions import FileProblem, Predictions, ReadOptions
from .space import Space
from .text_lines import class_number, finite_number, text_lines

EXPECTED = "class centre-x centre-y width height score"


def read_yolo_results(path: Path, options: ReadOptions) -> list[Predictions]:
    """One picture, called like the file; boxes are shares of it unless `options` says else.

    Raises:
        FileProblem: naming the line.
    """
    rows = []
    for number, line in enumerate(text_lines(path), 1):
        words = line.split()
        numbers = [each for word in words if (each := finite_number(word)) is not None]
        if words and (len(words) != 6 or len(numbers) != 6):
            why = ", which has no score: save them with save_conf=True" if len(words) == 5 else ""
            raise FileProblem(f"line {number}: expected {EXPECTED}, got {line[:80]!r}{why}")
        if words and class_number(words[0]) is None:
            raise FileProblem(f"line {number}: expected a class number, got {words[0][:60]!r}")
        if words and min(numbers[3:5]) < 0:
            raise FileProblem(f"line {number}: a negative width or height")
        if words:
            rows.append(numbers)
    table = np.array(rows, np.float64).reshape(-1, 6)
    return [
        Predictions(
            name=path.stem,
            image_id=path.stem,
            boxes=BOX_FORMS["cxcywh"](table[:, 1:5]),
            scores=table[:, 5],
            labels=table[:, 0].astype(np.int64),
            classes=options.classes,
            category_ids=options.category_ids,
            space=options.space or Space("normalised"),
        )
    ]
