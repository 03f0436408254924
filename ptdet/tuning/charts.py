"""Pictures of a tuning as SVG: they load nothing, and are read on a light page and on a dark one."""

from __future__ import annotations

import math
from collections.abc import Sequence
from dataclasses import dataclass
from html import escape

WIDTH, HEIGHT = 680, 380
LEFT, RIGHT, TOP, BOTTOM = 64, 24, 40, 48
STYLE = """<style>
svg{--ink:#1c1e21;--grey:#6b7280;--line:#e3e5e8;--one:#1f6fc4;--two:#c8501e;--three:#2f8f5b;--dot:#b3b8c0;--paper:#fff}
@media(prefers-color-scheme:dark){svg{--ink:#e8e8e6;--grey:#9aa0a8;--line:#2d3138;--one:#6cb0f5;--two:#f0935f;
--three:#6cc795;--dot:#5b626c;--paper:#16181c}}
text{font:12px system-ui,sans-serif;fill:var(--grey);paint-order:stroke;
stroke:var(--paper);stroke-width:4px}.title{font-size:14px;font-weight:600;fill:var(--ink)}
.paper{fill:var(--paper)}.grid{stroke:var(--line)}.dot{fill:var(--dot)}.one{fill:var(--one)}.two{fill:var(--two)}
.three{fill:var(--three)}polyline{fill:none;stroke-width:2;stroke-linejoin:round}
polyline.one{stroke:var(--one);fill:none}
polyline.two{stroke:var(--two);fill:none}polyline.three{stroke:var(--three);fill:none}
polyline.dot{stroke:var(--dot);stroke-width:1.2;fill:none}.spread{stroke:var(--one);stroke-width:1.5}
</style>"""

Point = tuple[float, float]


@dataclass(frozen=True)
class Series:
    """Points of one colour, joined or not, with a name where they end."""

    points: Sequence[Point]
    colour: str  # one, two, three or dot
    name: str = ""
    joined: bool = True
    titles: Sequence[str] = ()  # what each point says where a pointer rests on it
    spreads: Sequence[Point] = ()  # from and to, along x


@dataclass(frozen=True)
class Chart:
    """A picture of series over two axes."""

    title: str
    x_name: str
    y_name: str
    series: Sequence[Series]
    x_is_log: bool = False
    about: str = ""  # for those who hear it

    def svg(self) -> str:
        """The whole picture, alone or within a page."""
        xs = [self._along(x) for series in self.series for x, _ in series.points]
        ys = [y for series in self.series for _, y in series.points]
        low_x, high_x = _with_margin(xs)
        low_y, high_y = _with_margin(ys)

        def across(x: float) -> float:
            return LEFT + (self._along(x) - low_x) / (high_x - low_x) * (WIDTH - LEFT - RIGHT)

        def up(y: float) -> float:
            return HEIGHT - BOTTOM - (y - low_y) / (high_y - low_y) * (HEIGHT - TOP - BOTTOM)

        out = [
            f'<svg xmlns="http://www.w3.org/2000/svg" viewBox="0 0 {WIDTH} {HEIGHT}" role="img" '
            f'aria-label="{escape(self.about or self.title)}">{STYLE}',
            f'<rect class="paper" width="{WIDTH}" height="{HEIGHT}"/>',
            f'<text class="title" x="{LEFT}" y="22">{escape(self.title)}</text>',
        ]
        for y in _ticks(low_y, high_y):
            out.append(f'<path class="grid" d="M{LEFT} {up(y):.1f}H{WIDTH - RIGHT}"/>')
            out.append(f'<text x="{LEFT - 8}" y="{up(y) + 4:.1f}" text-anchor="end">{y:g}</text>')
        for x in self._x_ticks(low_x, high_x):
            out.append(f'<text x="{across(x):.1f}" y="{HEIGHT - BOTTOM + 18}" text-anchor="middle">{x:g}</text>')
        middle = (LEFT + WIDTH - RIGHT) / 2
        out.append(f'<text x="{middle}" y="{HEIGHT - 10}" text-anchor="middle">{escape(self.x_name)}</text>')
        out.append(f'<text x="{LEFT}" y="{TOP - 4}">{escape(self.y_name)}</text>')
        ends: list[Point] = []
        for series in self.series:
            out += self._drawn(series, [(across(x), up(y)) for x, y in series.points])
            for (low, high), (_, y) in zip(series.spreads, series.points, strict=False):
                out.append(f'<path class="spread" d="M{across(low):.1f} {up(y):.1f}H{across(high):.1f}"/>')
        for series in self.series:
            if series.name and series.points:
                x, y = series.points[-1]
                out.append(_label(series, across(x), up(y), ends))
        return "\n".join([*out, "</svg>"])

    def _along(self, x: float) -> float:
        return math.log10(max(x, 1e-9)) if self.x_is_log else x

    def _x_ticks(self, low: float, high: float) -> list[float]:
        if not self.x_is_log:
            return _ticks(low, high)
        steps = range(math.floor(low), math.ceil(high) + 1)
        every = [10.0**power * step for power in steps for step in (1, 2, 5)]
        return [x for x in every if low <= math.log10(x) <= high]

    @staticmethod
    def _drawn(series: Series, points: Sequence[Point]) -> list[str]:
        out = []
        if series.joined and len(points) > 1:
            line = " ".join(f"{x:.1f},{y:.1f}" for x, y in points)
            out.append(f'<polyline class="{series.colour}" points="{line}"/>')
        radius = 3 if series.colour == "dot" else 4.5
        if series.titles or not series.joined:
            titles = series.titles or [""] * len(points)
            for (x, y), title in zip(points, titles, strict=True):
                told = f"<title>{escape(title)}</title>" if title else ""
                out.append(f'<circle class="{series.colour}" cx="{x:.1f}" cy="{y:.1f}" r="{radius}">{told}</circle>')
        return out


def _label(series: Series, x: float, y: float, ends: list[Point]) -> str:
    """The name beside the last point, moved down where it would lie on another."""
    left = x > WIDTH * 0.6
    at = y - 8
    while any(abs(at - other) < 14 and abs(x - there) < 220 for there, other in ends):
        at += 14
    ends.append((x, at))
    anchor, x = ("end", x - 8) if left else ("start", x + 8)
    colour = "" if series.colour == "dot" else f' class="{series.colour}"'
    return f'<text{colour} x="{x:.1f}" y="{at:.1f}" text-anchor="{anchor}">{escape(series.name)}</text>'


def _with_margin(values: Sequence[float]) -> tuple[float, float]:
    low, high = (min(values), max(values)) if values else (0.0, 1.0)
    margin = (high - low) * 0.06 or max(abs(high), 1.0) * 0.05
    return low - margin, high + margin


def _ticks(low: float, high: float) -> list[float]:
    """Some five round numbers."""
    rough = (high - low) / 5
    power = 10.0 ** math.floor(math.log10(rough))
    step = next(power * times for times in (1, 2, 5, 10) if power * times >= rough)
    return [round(number * step, 12) for number in range(math.ceil(low / step), math.floor(high / step) + 1)]
