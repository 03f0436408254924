"""Where the labels of boxes go so that none lies on another: plain geometry, no picture needed."""

from __future__ import annotations

from collections.abc import Iterator, Sequence

Rectangle = tuple[float, float, float, float]  # left, top, right, bottom

RINGS = 3  # how many label heights away from its box a label may go before it is left out
NEAR = 24  # so many free places are asked whether they hide a small box


def place_labels(
    boxes: Sequence[Rectangle], sizes: Sequence[tuple[float, float]], width: float, height: float
) -> list[Rectangle | None]:
    """A place for each label inside the picture, on no other label; None where there is none near its box.

    Greedy in the order given, so the first (best) boxes choose first. A label goes, in order of preference, above its
    box, below it, inside its top or bottom edge, beside it, or a few label heights away; first only where it hides no
    small box, then anywhere that is free.

    Args:
        boxes: what the labels belong to.
        sizes: width and height of each label.
        width, height: of the picture.
    """
    widest, highest = max((size[0] for size in sizes), default=1.0), max((size[1] for size in sizes), default=1.0)
    small = [box for box in boxes if box[2] - box[0] < 2 * widest and box[3] - box[1] < 3 * highest]
    taken = _Taken(widest, highest)
    places: list[Rectangle | None] = []
    for box, (wide, high) in zip(boxes, sizes, strict=True):
        wishes = [at for at in _wishes(box, wide, high, width, height) if taken.free(at)]
        seeing = (at for at in wishes[:NEAR] if not any(_meet(at, other) for other in small))
        place = next(seeing, wishes[0] if wishes else None)
        if place is not None:
            taken.add(place)
        places.append(place)
    return places


def _wishes(box: Rectangle, wide: float, high: float, width: float, height: float) -> Iterator[Rectangle]:
    """Places for a label in order of preference, all inside the picture."""
    if wide > width or high > height:
        return
    left, top, right, bottom = box
    along = (left, right - wide, (left + right - wide) / 2)
    beside = (right, left - wide)
    rows: list[tuple[float, tuple[float, ...]]] = [
        (top - high, along),
        (bottom, along),
        (top, along),
        (bottom - high, along),
    ]
    rows += [((top + bottom - high) / 2, beside), (top, beside), (bottom - high, beside)]
    for ring in range(1, RINGS + 1):
        rows += [(top - high * (1 + ring), (*along, *beside)), (bottom + high * ring, (*along, *beside))]
    for y, xs in rows:
        if 0 <= y <= height - high:
            for x in xs:
                at = min(max(x, 0.0), width - wide)
                yield at, y, at + wide, y + high


class _Taken:
    """Labels that have a place, in cells of the size of the largest label: a new one can meet those of nine cells."""

    def __init__(self, wide: float, high: float) -> None:
        self.wide, self.high = max(wide, 1.0), max(high, 1.0)
        self.cells: dict[tuple[int, int], list[Rectangle]] = {}

    def _cell(self, place: Rectangle) -> tuple[int, int]:
        return int(place[0] // self.wide), int(place[1] // self.high)

    def free(self, place: Rectangle) -> bool:
        column, row = self._cell(place)
        near = (self.cells.get((column + i, row + j), ()) for i in (-1, 0, 1) for j in (-1, 0, 1))
        return not any(_meet(place, other) for cell in near for other in cell)

    def add(self, place: Rectangle) -> None:
        self.cells.setdefault(self._cell(place), []).append(place)


def _meet(a: Rectangle, b: Rectangle) -> bool:
    return a[0] < b[2] and b[0] < a[2] and a[1] < b[3] and b[1] < a[3]
