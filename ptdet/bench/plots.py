"""Pictures of a run: log-log time over size with the floor dashed, one line a library; bars where there is one size.

Needs Matplotlib, and only this file does.
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


def draw(results: Results, groups: dict[str, Group], stem: Path) -> list[Path]:
    """One picture a group, beside `stem`; none where Matplotlib is absent."""
    try:
        figure = importlib.import_module("matplotlib.figure").Figure
        ticker = importlib.import_module("matplotlib.ticker")
    except ImportError:
        return []
    written = []
    for name in dict.fromkeys(row.group for row in results.rows):
        series = [rows for key, rows in results.by_series().items() if key[0] == name]
        out = stem.with_name(f"{stem.stem}_{name}.png")
        _picture(figure, ticker, groups[name], series, results).savefig(out, dpi=110)
        written.append(out)
    return written


def _picture(figure: Any, ticker: Any, group: Group, series: list[list[Row]], results: Results) -> Any:
    lines = [rows for rows in series if len({row.n for row in rows}) > 1]
    single = [rows for rows in series if len({row.n for row in rows}) == 1]
    panels = len(lines) + bool(single)
    columns = min(panels, MOST_COLUMNS)
    high = -(-panels // columns)
    sheet = figure(figsize=(5.2 * columns + 0.6, 4.1 * high + 1.0), layout="constrained")
    axes = sheet.subplots(high, columns, squeeze=False).flatten()
    for axis, rows in zip(axes, lines, strict=False):
        _lines(axis, rows, group)
    if single:
        _bars(axes[len(lines)], single, ticker)
    for axis in axes[panels:]:
        axis.set_visible(False)
    handles = {label: handle for axis in axes for handle, label in zip(*axis.get_legend_handles_labels(), strict=True)}
    sheet.legend(
        handles.values(), handles.keys(), loc="outside lower center", ncols=min(len(handles), 7), frameon=False
    )
    sheet.suptitle(f"{group.name}: {group.what}", fontsize=13)
    sheet.get_layout_engine().set(rect=(0, 0.025, 1, 0.975))
    sheet.text(0.995, 0.006, in_one_line(results.machine), fontsize=7.5, color="#60646a", ha="right")
    return sheet


def _lines(axis: Any, rows: Sequence[Row], group: Group) -> None:
    for library in libraries(rows):
        points = sorted((row.n, row.seconds) for row in rows if row.library == library and row.n > 0)
        n, spreads = [p[0] for p in points], [p[1] for p in points]
        style = {"ls": "--", "lw": 1.3, "marker": ""} if library == FLOOR else {"marker": "o", "ms": 3.5, "lw": 1.5}
        if library == OURS:
            style |= {"lw": 2.6, "zorder": 5}
        name = f"floor: {group.floor}" if library == FLOOR else library
        axis.plot(n, [s.median for s in spreads], color=_colour(library), label=name, **style)
        axis.fill_between(n, [s.q1 for s in spreads], [s.q3 for s in spreads], color=_colour(library), alpha=0.15, lw=0)
    axis.set_xscale("log")
    axis.set_yscale("log")
    _dress(axis, rows[0], group.size_name)


def _bars(axis: Any, series: list[list[Row]], ticker: Any) -> None:
    """Groups of bars, one a scene; times over the floor would hide what a user waits, so these are seconds."""
    names = libraries([row for rows in series for row in rows])
    width = 0.8 / len(names)
    for i, library in enumerate(names):
        at, tall = [], []
        for place, rows in enumerate(series):
            for row in rows:
                if row.library == library:
                    at.append(place - 0.4 + (i + 0.5) * width)
                    tall.append(row.seconds.median)
        axis.bar(at, tall, width, color=_colour(library), label=library if library != FLOOR else None, lw=0)
    labels = [f"{rows[0].scene.split('/')[-1]}\n{rows[0].n:,}" for rows in series]
    axis.set_xticks(range(len(series)), labels, rotation=60 if len(series) > 4 else 0, fontsize=7)
    axis.set_yscale("log")
    _dress(axis, series[0][0], "")
    axis.set_title("one size each", fontsize=10)


def _dress(axis: Any, row: Row, size_name: str) -> None:
    axis.set_title(", ".join(part for part in (row.scene, row.dtype, row.device) if part), fontsize=10)
    axis.set_xlabel(size_name)
    axis.set_ylabel("seconds a call")
    axis.grid(True, which="major", alpha=0.3, lw=0.6)
    for side in ("top", "right"):
        axis.spines[side].set_visible(False)


def _colour(library: str) -> str:
    return COLOURS.get(library) or SPARE[sum(map(ord, library)) % len(SPARE)]
