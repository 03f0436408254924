"""Results of YOLO as text, as ultralytics saves them: a file a picture, a line a box or an oriented box."""

from __future__ import annotations

from dataclasses import dataclass, field, replace
from pathlib import Path

import numpy as np

from .corners import BOX_FORMS
from .predictions import FileProblem, Predictions, ReadOptions
from .quads import on_quads, with_quads
from .scored import beyond_probability
from .space import Space
from .text_lines import class_number, finite_number, text_lines

BOX, QUAD = 4, 8  # numbers of a box
EXPECTED = {
    BOX: "class centre-x centre-y width height score",
    QUAD: "class x1 y1 x2 y2 x3 y3 x4 y4 score",
}
NO_TRACK = -1


@dataclass
class _Lines:
    """What the lines say; `width` is how many numbers a box has, 0 as long as there is none."""

    width: int = 0
    labels: list[int] = field(default_factory=list)
    boxes: list[list[float]] = field(default_factory=list)
    scores: list[float] = field(default_factory=list)
    tracks: list[int] = field(default_factory=list)


def read_yolo_results(path: Path, options: ReadOptions) -> list[Predictions]:
    """One picture, called like the file; boxes are shares of it unless `options` says else.

    Oriented boxes are the rectangles around their corners. A rectangle of a picture is none in shares of it, so they
    are read in pixels, for which `options.size_of` tells the size.

    Raises:
        FileProblem: naming the line; or the size of the picture is not known.
    """
    lines = _Lines()
    for number, line in enumerate(text_lines(path), 1):
        if line:
            _read_line(line, number, lines)
    table = np.array(lines.boxes, np.float64).reshape(len(lines.boxes), lines.width or BOX)
    tracks = np.array(lines.tracks, np.int64)
    one = Predictions(
        name=path.stem,
        image_id=path.stem,
        boxes=np.zeros((0, 4)),
        scores=np.array(lines.scores, np.float64),
        labels=np.array(lines.labels, np.int64),
        classes=options.classes,
        category_ids=options.category_ids,
        space=options.space or Space("normalised"),
        extra={"track": tracks} if bool((tracks != NO_TRACK).any()) else {},
    )
    if lines.width != QUAD:
        return [replace(one, boxes=BOX_FORMS["cxcywh"](table))]
    one, quads = with_quads(one, table, options)
    of_picture = {"quad": quads} if one.space.kind == "picture" else {}
    notes = on_quads(quads.reshape(-1, 4, 2), one.boxes)
    return [replace(one, extra={**one.extra, **of_picture}, notes=notes)]


def _read_line(line: str, number: int, into: _Lines) -> None:
    words = line.split()
    numbers = [each for word in words if (each := finite_number(word)) is not None]
    rest = len(words) - 2  # of the numbers of a box, perhaps with a track behind the score
    width = next((each for each in EXPECTED if rest in (each, each + 1) and each in (into.width or each,)), 0)
    if not width or len(numbers) != len(words):
        expected = EXPECTED[into.width] if into.width else " or ".join(EXPECTED.values())
        why = ", which has no score: save them with save_conf=True" if rest + 1 in EXPECTED else ""
        raise FileProblem(f"line {number}: expected {expected}, got {line[:80]!r}{why}")
    label, score = class_number(words[0]), numbers[1 + width]
    if label is None:
        raise FileProblem(f"line {number}: expected a class number, got {words[0][:60]!r}")
    if width == BOX and min(numbers[3:5]) < 0:
        raise FileProblem(f"line {number}: a negative width or height")
    if beyond_probability(np.array(score)):
        why = ": if it is a track, save them with save_conf=True" if score == int(score) and rest == width else ""
        raise FileProblem(f"line {number}: expected a score in 0..1, got {words[1 + width][:60]!r}{why}")
    track = class_number(words[-1]) if rest > width else NO_TRACK
    if track is None:
        raise FileProblem(f"line {number}: expected the number of a track at the end, got {words[-1][:60]!r}")
    into.width = width
    into.labels.append(label)
    into.boxes.append(numbers[1 : 1 + width])
    into.scores.append(score)
    into.tracks.append(track)
