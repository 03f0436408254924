"""The report of a tuning: one HTML page that needs no script and loads nothing."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from html import escape

from .._shared.config import Config
from .charts import Chart, Series
from .records import Row, Tuning

NAMES = {"ap": "AP", "ap50": "AP50", "ar": "AR", "f1": "mean F1 of the classes", "cost": "minus the cost a picture"}
OF_ALL_BOXES = ("precision_out_of_fold", "recall_out_of_fold", "f1_of_all_boxes_out_of_fold")
STYLE = """:root{color-scheme:light dark;--ink:#1c1e21;--grey:#5d646e;--line:#e3e5e8;--paper:#fff;--soft:#f4f5f6}
@media(prefers-color-scheme:dark){:root{--ink:#e8e8e6;--grey:#9aa0a8;--line:#2d3138;--paper:#16181c;--soft:#1f2227}}
body{margin:0 auto;padding:32px 20px;max-width:820px;font:15px/1.55 system-ui,sans-serif;color:var(--ink);
background:var(--paper)}h1{font-size:24px;margin:0 0 4px}h2{font-size:17px;margin:36px 0 8px}.grey{color:var(--grey)}
.verdict{background:var(--soft);border-left:3px solid currentColor;padding:12px 16px;font-size:17px;margin:20px 0}
table{border-collapse:collapse;width:100%;font-variant-numeric:tabular-nums}.wide{overflow-x:auto}
th,td{text-align:right;padding:5px 8px;border-bottom:1px solid var(--line)}th{color:var(--grey);font-weight:500}
th:first-child,td:first-child{text-align:left}svg{width:100%;height:auto}summary{cursor:pointer}
"""


def html_report(tuning: Tuning, title: str = "") -> str:
    """The report of a tuning as a page that needs no script and loads nothing; `title` stands above it."""
    heading = title or "Which suppression, which thresholds"
    name = NAMES[tuning.objective]
    low, high = tuning.interval
    out_of_fold = ", ".join(f"{tuning.facts[name]:.3f}" for name in OF_ALL_BOXES)
    facts = [
        ("score of what was chosen, on all pictures", f"{tuning.chosen_score:.4f}"),
        ("score out of fold: each picture by what the others chose", f"{tuning.out_of_fold:.4f}"),
        ("precision, recall and F1 of all boxes out of fold, at an overlap of 0.5", out_of_fold),
        ("score of the default", f"{tuning.default_score:.4f}"),
        (
            "gain out of fold over the default, with 95 % of the draws",
            f"{tuning.gain:+.4f} ({low:+.4f} to {high:+.4f})",
        ),
    ]
    parts = [
        f"<h1>{escape(heading)}</h1>",
        f'<p class="grey">Objective: {escape(name)}. {len(tuning.table)} suppressions were tried'
        + ("" if tuning.complete else ", and the search was interrupted")
        + ".</p>",
        f'<p class="verdict">{escape(tuning.verdict[0].upper() + tuning.verdict[1:])}.</p>',
        _table(("", name), facts),
    ]
    if tuning.warnings:
        parts += ["<h2>Mind</h2><ul>", *(f"<li>{escape(warning)}</li>" for warning in tuning.warnings), "</ul>"]
    if tuning.front:
        parts += ["<h2>Accuracy and latency</h2>", front_chart(tuning).svg(), _table(*_of_rows(tuning.front, name))]
    parts += ["<h2>Thresholds</h2>", *(chart.svg() for chart in threshold_charts(tuning))]
    if tuning.chosen.classes:
        parts += ["<h2>Classes with thresholds of their own</h2>", _table(*_of_classes(tuning.chosen))]
    folds = [(f"fold {number}, {fold.pictures} pictures", str(fold.config.setting))
             for number, fold in enumerate(tuning.folds, 1)]  # fmt: skip
    parts += ["<h2>What the other folds chose</h2>", _table(("", "setting"), folds)]
    whole = _table(*_of_rows(tuning.table, name))
    parts += ["<h2>All that was tried</h2>", f"<details><summary>{len(tuning.table)} rows</summary>{whole}</details>"]
    if tuning.facts:
        said = [(key, ", ".join(map(str, value)) if isinstance(value, (list, tuple)) else str(value))
                for key, value in tuning.facts.items()]  # fmt: skip
        parts += ["<h2>Where this comes from</h2>", _table(("", ""), said)]
    return (
        '<!doctype html>\n<html lang="en"><head><meta charset="utf-8">'
        '<meta name="viewport" content="width=device-width,initial-scale=1">'
        f"<title>{escape(heading)}</title><style>{STYLE}</style></head>\n<body>\n"
        + "\n".join(parts)
        + "\n</body></html>\n"
    )


def front_chart(tuning: Tuning) -> Chart:
    """Score over milliseconds: everything that was timed, and what nothing faster equals."""
    shown = [row for row in tuning.table if row.score >= _least(tuning)]
    left_out = len(tuning.table) - len(shown)
    more = f"; {left_out} settings below {_least(tuning):.2f} are not drawn" if left_out else ""

    def points(rows: Iterable[Row]) -> list[tuple[float, float]]:
        return [(row.latency.milliseconds, row.score) for row in rows if row.latency is not None]

    def titles(rows: Iterable[Row]) -> list[str]:
        return [f"{row.setting}: {row.score:.4f}" for row in rows if row.latency is not None]

    front = tuning.front
    spreads = [(row.latency.low, row.latency.high) for row in front if row.latency is not None]
    series = [
        Series(points(shown), "dot", joined=False, titles=titles(shown)),
        Series(points(front), "one", "front", titles=titles(front), spreads=spreads),
    ]
    for config, name in ((tuning.chosen, "chosen"), (tuning.default, "default")):
        row = [row for row in tuning.table if row.setting == config.setting]
        if row:
            series.append(Series(points(row), "two", f"{name}: {row[0].setting}", joined=False, titles=titles(row)))
    about = f"{NAMES[tuning.objective]} and milliseconds a picture of {len(tuning.table)} settings"
    return Chart(f"Score and time{more}", "milliseconds a picture, suppression alone",
                 NAMES[tuning.objective], series, x_is_log=True, about=about)  # fmt: skip


def _least(tuning: Tuning) -> float:
    """Settings that are far worse would press all others into a line."""
    scores = [row.score for row in tuning.table]
    best = max(scores)
    return min(tuning.default_score, best - max(0.15 * abs(best), 1e-9))


def threshold_charts(tuning: Tuning) -> list[Chart]:
    """Score over the overlap threshold, and over the confidence where it was searched."""
    name = NAMES[tuning.objective]
    best: dict[str, dict[float, float]] = {}
    for row in tuning.table:
        if row.setting.iou is not None and row.score >= _least(tuning):
            of_method = best.setdefault(row.setting.method, {})
            of_method[row.setting.iou] = max(row.score, of_method.get(row.setting.iou, row.score))
    lines = {method: sorted(points.items()) for method, points in best.items() if len(points) > 1}
    shown = {tuning.chosen.setting.method: "two", tuning.default.setting.method: "one"}
    charts = []
    if lines:
        other = [Series(points, "dot", titles=[f"{method} {x:g}: {y:.4f}" for x, y in points])
                 for method, points in lines.items() if method not in shown]  # fmt: skip
        marked = [Series(lines[method], colour, method) for method, colour in shown.items() if method in lines]
        charts.append(
            Chart("The best of each method at an overlap threshold", "overlap threshold", name, [*other, *marked],
                  about=f"{name} over the overlap threshold, a line a method")
        )  # fmt: skip
    curve = tuning.curve
    if len(curve["conf"]) > 1:
        colours = {"score": "two", "precision": "one", "recall": "three"}
        names = {"score": name, "precision": "precision", "recall": "recall"}
        chosen = [key for key in colours if not (key == "score" and tuning.objective == "cost")]
        series = [Series(list(zip(curve["conf"], curve[key], strict=True)), colours[key], names[key]) for key in chosen]
        charts.append(Chart(f"{tuning.chosen.setting.method} over the confidence", "confidence", "", series))
        if tuning.objective == "cost":
            cost = list(zip(curve["conf"], curve["score"], strict=True))
            charts.append(Chart("The cost over the confidence", "confidence", name, [Series(cost, "two", "")]))
    return charts


def _of_rows(rows: Sequence[Row], name: str) -> tuple[Sequence[str], list[tuple[str, ...]]]:
    heads = ("setting", name, "precision", "recall", "detections", "ms a picture", "quartiles")
    found: list[tuple[str, ...]] = []
    for row in rows:
        numbers = str(row.setting), f"{row.score:.4f}", f"{row.precision:.3f}", f"{row.recall:.3f}", str(row.shown)
        time = row.latency
        times = ("", "") if time is None else (f"{time.milliseconds:.4f}", f"{time.low:.4f} to {time.high:.4f}")
        found.append((*numbers, *times))
    return heads, found


def _of_classes(config: Config) -> tuple[Sequence[str], list[tuple[str, ...]]]:
    keys = ("iou", "conf", "min_score")
    rows = [(name, *(f"{limits[key]:g}" if key in limits else "" for key in keys))
            for name, limits in config.classes.items()]  # fmt: skip
    return ("class", *keys), rows


def _table(heads: Sequence[str], rows: Sequence[Sequence[str]]) -> str:
    head = "".join(f"<th>{escape(one)}</th>" for one in heads)
    body = "".join("<tr>" + "".join(f"<td>{escape(one)}</td>" for one in row) + "</tr>\n" for row in rows)
    return f'<div class="wide"><table><tr>{head}</tr>\n{body}</table></div>'
