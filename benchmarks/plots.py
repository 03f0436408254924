"""Plots of a run: time over size on logarithmic axes, a line a library, the floor dashed; bars where there is one size.

Only this file needs Matplotlib.
"""

from __future__ import annotations

import importlib
from collections.abc import Sequence
from pathlib import Path
from typing import Any

from .cases import OURS, Group
from .machine import in_one_line
from .results import FLOOR, Results, Row, libraries

COLOURS = {
    OURS: "#d1420f", "torchvision": "#1f77b4", "lsnms": "#2a8a57", "powerboxes": "#8a5fbf",
    "powerboxes rtree": "#b79ad9", "onnxruntime": "#6b6f76", "opencv": "#c9a400", "ensemble-boxes": "#a8602c",
    "fastbbox": "#d674a8", "ultralytics": "#0099a8", "supervision": "#7a9a00", "sahi": "#5c4ed6", "effdet": "#46687f",
    FLOOR: "#202225",
}  # fmt: skip
SPARE = ("#16a0c8", "#b0467f", "#558b2f", "#8d6e63", "#5e6a9a", "#c0792a")
MOST_COLUMNS = 3
FEW = 8  # up to so many groups of bars fit in a row with lines


def draw(results: Results, groups: dict[str, Group], stem: Path) -> list[Path]:
    """One plot a group, in files named after `stem`; none where Matplotlib is absent."""
    try:
        figure = importlib.import_module("matplotlib.figure").Figure
    except ImportError:
        return []
    written = []
    for name in dict.fromkeys(row.group for row in results.rows):
        series = [rows for key, rows in results.by_series().items() if key[0] == name]
        out = stem.with_name(f"{stem.name}_{name}.png")
        _picture(figure, groups[name], series, results).savefig(out, dpi=90)
        written.append(out)
    return written


def _picture(figure: Any, group: Group, series: list[list[Row]], results: Results) -> Any:
    lines = [rows for rows in series if len({row.n for row in rows}) > 1]
    single = [rows for rows in series if len({row.n for row in rows}) == 1]
    shared = {rows[0].n for rows in single}
    if len(shared) == 1:  # series of more sizes get bars at this size, too
        single = [at for rows in lines if (at := [row for row in rows if row.n in shared])] + single
    columns = min(len(lines) + bool(single), MOST_COLUMNS)
    first = len(lines) % columns if len(single) <= FEW else 0  # many bars need a row of their own
    high = -(-len(lines) // columns) + (bool(single) and first == 0)
    sheet = figure(figsize=(max(5.2 * columns + 0.6, 10), 4.1 * high + 1.0), layout="constrained")
    grid = sheet.add_gridspec(high, columns)
    axes = [sheet.add_subplot(grid[place // columns, place % columns]) for place in range(len(lines))]
    for axis, rows in zip(axes, lines, strict=True):
        _lines(axis, rows, group)
    if single:  # the rest of the last row
        axes.append(sheet.add_subplot(grid[high - 1, first:]))
        _bars(axes[-1], single, group)
    handles: dict[str, Any] = {}
    for axis in axes:
        for handle, label in zip(*axis.get_legend_handles_labels(), strict=True):
            handles.setdefault(label, handle)
    legend = sheet.legend(
        handles.values(),
        handles.keys(),
        loc="outside lower center",
        ncols=min(len(handles), 2 + 2 * columns),
        frameon=False,
        title=in_one_line(results.machine),
        title_fontsize=7.5,
    )
    legend.get_title().set_color("#60646a")
    sheet.suptitle(f"{group.name}: {group.what}", fontsize=13)
    return sheet


def _lines(axis: Any, rows: Sequence[Row], group: Group) -> None:
    for library in libraries(rows):
        points = sorted((row.n, row.seconds) for row in rows if row.library == library and row.n > 0)
        n, spreads = [p[0] for p in points], [p[1] for p in points]
        style = {"ls": "--", "lw": 1.3, "marker": ""} if library == FLOOR else {"marker": "o", "ms": 3.5, "lw": 1.5}
        if library == OURS:
            style |= {"lw": 2.6, "zorder": 5}
        axis.plot(n, [s.median for s in spreads], color=_colour(library), label=_label(library, group), **style)
        axis.fill_between(n, [s.q1 for s in spreads], [s.q3 for s in spreads], color=_colour(library), alpha=0.15, lw=0)
    axis.set_xscale("log")
    axis.set_yscale("log")
    sizes = sorted({row.n for row in rows if row.n > 0})
    axis.set_xticks(sizes, [_size(n) for n in sizes], fontsize=8)
    axis.minorticks_off()
    _dress(axis, rows[0], group.size_name)


def _bars(axis: Any, series: list[list[Row]], group: Group) -> None:
    """Groups of bars, one a scene, in seconds."""
    names = libraries([row for rows in series for row in rows])
    width = 0.8 / len(names)
    for i, library in enumerate(names):
        at, tall = [], []
        for place, rows in enumerate(series):
            for row in rows:
                if row.library == library:
                    at.append(place - 0.4 + (i + 0.5) * width)
                    tall.append(row.seconds.median)
        axis.bar(at, tall, width, color=_colour(library), label=_label(library, group), lw=0)
    labels = [", ".join([rows[0].scene.split("/")[-1], _size(rows[0].n), *_half(rows[0].dtype)]) for rows in series]
    turned = {"rotation": 40, "ha": "right", "rotation_mode": "anchor"} if len(series) > 2 else {}
    axis.set_xticks(range(len(series)), labels, fontsize=7, **turned)
    axis.set_yscale("log")
    _dress(axis, series[0][0], "")
    axis.set_title("one size each", fontsize=10)
    axis.set_xlabel("")


def _dress(axis: Any, row: Row, size_name: str) -> None:
    axis.set_title(", ".join(part for part in (row.scene, row.dtype, row.device) if part), fontsize=10)
    axis.set_xlabel(size_name)
    axis.set_ylabel("seconds a call")
    axis.grid(True, which="major", alpha=0.3, lw=0.6)
    for side in ("top", "right"):
        axis.spines[side].set_visible(False)


def _label(library: str, group: Group) -> str:
    return f"floor: {group.floor}" if library == FLOOR else library


def _half(dtype: str) -> list[str]:
    return [] if dtype in ("", "float32") else [dtype]


def _size(n: int) -> str:
    return f"{n / 1e6:.3g}M" if n >= 10**6 else f"{n / 1e3:.3g}k" if n >= 1000 else str(n)


def _colour(library: str) -> str:
    return COLOURS.get(library) or SPARE[sum(map(ord, library)) % len(SPARE)]
