"""The results on screen."""

from __future__ import annotations

from collections.abc import Sequence

from .cases import OURS, Group
from .compare import Change
from .fit import exponent_of
from .results import FLOOR, Memory, Results, Row, libraries


def seconds(value: float) -> str:
    """Three digits and a unit."""
    for unit, size in (("s", 1.0), ("ms", 1e-3), ("us", 1e-6)):
        if value >= size:
            return f"{value / size:.3g} {unit}"
    return f"{value * 1e9:.3g} ns"


def times(value: float) -> str:
    return f"x{value:.0f}" if value >= 100 else f"x{value:.3g}" if value >= 10 else f"x{value:.2f}"


def aligned(cells: Sequence[Sequence[str]], indent: str = "  ") -> list[str]:
    """Lines of aligned columns."""
    widths = [max(len(row[i]) for row in cells) for i in range(len(cells[0]))]
    return [(indent + "  ".join(f"{cell:>{w}}" for cell, w in zip(row, widths, strict=True))).rstrip() for row in cells]


def series_table(group: Group, rows: Sequence[Row]) -> list[str]:
    """One line a size: our time, its spread, its ratio to the floor, and how many times as long each peer takes."""
    names = libraries(rows)
    peers = [name for name in names if name not in (OURS, FLOOR)]
    by_place = {(row.n, row.library): row for row in rows}
    cells = [[group.size_name, OURS, "+-", "/floor", *peers]]
    for n in sorted({row.n for row in rows}):
        ours = by_place[n, OURS]
        width = (ours.seconds.q3 - ours.seconds.q1) / ours.seconds.median
        over = f"{ours.over_floor.median:.2f}" if ours.over_floor else ""
        cells.append([f"{n:,}", seconds(ours.seconds.median), f"{width:.0%}", over])
        for name in peers:
            cells[-1].append(_peer(by_place.get((n, name)), group))
    if any(exponent_of(rows, name) for name in names):
        found = [exponent_of(rows, name) for name in (OURS, *peers)]
        grows = [f"N^{one.exponent:.2f}" if one else "" for one in found]
        cells.append(["grows as", grows[0], "", "", *grows[1:]])
    first = rows[0]
    title = ", ".join(part for part in (first.group, first.scene, first.dtype, first.device) if part)
    return [f"{title}   (floor: {group.floor})", *aligned(cells), *_notes(rows, group)]


def _peer(row: Row | None, group: Group) -> str:
    if row is None or row.times_ours is None:
        return ""
    marked = row.differing is not None and row.differing > group.tolerance
    return times(row.times_ours.median) + ("*" if marked else "")


def _notes(rows: Sequence[Row], group: Group) -> list[str]:
    notes = []
    for row in rows:
        if row.differing and row.differing > group.tolerance:
            note = f": {row.note}" if row.note else ""
            notes.append(f"  * {row.library}, {row.n:,}: {row.differing:.3g} {group.difference_in} differ{note}")
    return notes


def memory_table(memory: Sequence[Memory]) -> list[str]:
    cells = [["group", "scene", "boxes", "library", "bytes a box"]]
    cells += [[one.group, one.scene, f"{one.n:,}", one.library, f"{one.bytes_per_box:.0f}"] for one in memory]
    return ["memory: growth of a fresh process's peak by one call", *aligned(cells)] if memory else []


def slowest(results: Results, most: int = 3) -> list[list[str]]:
    """The rows of ptdet with the largest ratio to the floor, one a group; the header first."""
    ours = [row for row in results.rows if row.library == OURS and row.over_floor]
    ours.sort(key=lambda row: row.over_floor.median if row.over_floor else 0.0)
    ours = sorted({row.group: row for row in ours}.values(), key=ours.index, reverse=True)
    cells = [["group", "scene", "dtype", "n", "over the floor", "time"]]
    for row in ours[:most]:
        over = f"{row.over_floor.median:.1f}" if row.over_floor else ""
        cells.append([row.group, row.scene, row.dtype, f"{row.n:,}", over, seconds(row.seconds.median)])
    return cells


def slowest_table(results: Results) -> list[str]:
    cells = slowest(results)
    return ["the slowest of ours, relative to the floor", *aligned(cells)] if len(cells) > 1 else []


def left_out_lines(results: Results) -> list[str]:
    lines = [f"  {name}: {why}" for name, why in results.absent.items()]
    libraries_left: dict[str, list[str]] = {}
    for where, why in results.left_out.items():
        library, at = where.split(": ", 1)
        libraries_left.setdefault(library, []).append(f"{at} ({why})")
    for library, places in libraries_left.items():
        more = f" and {len(places) - 1} more" if len(places) > 1 else ""
        lines.append(f"  {library}: {places[0]}{more}")
    return ["left out", *lines] if lines else []


def change_table(changes: Sequence[Change], by: str) -> list[str]:
    """For --compare: rows that are slower or faster by more than their spread; the others are counted."""
    marked = [one for one in changes if one.verdict != "same"]
    same = len(changes) - len(marked)
    head = f"compared by {by}: {same} of {len(changes)} within their spread"
    cells = [["", "group", "scene", "dtype", "n", "before", "now", "now/before"]]
    show = seconds if by == "time" else lambda value: f"{value:.2f}"
    for one in sorted(marked, key=lambda one: -one.ratio):
        group, scene, dtype, _, n, _ = one.row.place
        cells.append(
            [one.verdict.upper(), group, scene, dtype, f"{n:,}", show(one.before), show(one.now), f"{one.ratio:.2f}"]
        )
    return [head, *(aligned(cells) if marked else [])]
