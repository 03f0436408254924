"""The results of a run as rows; written to JSON, read back, and written to CSV. Every file names the machine."""

from __future__ import annotations

import csv
import json
from collections.abc import Iterable, Sequence
from dataclasses import asdict, astuple, dataclass, field, fields
from pathlib import Path
from typing import Any

from .cases import OURS
from .measure import Spread

FORMAT = 2
FLOOR = "floor"
SERIES = ("group", "scene", "dtype", "device")  # facts that the rows of a series share
COLUMNS = ("n", "library", "seconds", "times_ours", "over_floor", "rounds", "repeats", "differing")
SPREADS = ("seconds", "times_ours", "over_floor")


@dataclass(frozen=True)
class Row:
    """One library at one size."""

    group: str
    scene: str
    dtype: str
    device: str
    n: int
    library: str  # FLOOR for the floor
    seconds: Spread
    rounds: int
    repeats: int  # calls in a turn
    times_ours: Spread | None = None  # of a peer: its time over ours, round by round
    over_floor: Spread | None = None  # of ours: its time over the floor's, round by round
    differing: float | None = None  # how far the result is from ours, in the unit of the group
    note: str = ""

    @property
    def series(self) -> tuple[str, str, str, str]:
        return self.group, self.scene, self.dtype, self.device

    @property
    def place(self) -> tuple[str, str, str, str, int, str]:
        return (*self.series, self.n, self.library)


@dataclass(frozen=True)
class Memory:
    """What a call adds to the peak memory of a fresh process."""

    group: str
    scene: str
    n: int
    library: str
    bytes_per_box: float


@dataclass
class Results:
    """A whole run."""

    machine: dict[str, Any]
    settings: dict[str, Any]
    absent: dict[str, str] = field(default_factory=dict)  # peer -> why
    left_out: dict[str, str] = field(default_factory=dict)  # "library: series, n" -> why
    rows: list[Row] = field(default_factory=list)
    memory: list[Memory] = field(default_factory=list)

    def by_place(self) -> dict[tuple[str, str, str, str, int, str], Row]:
        return {row.place: row for row in self.rows}

    def by_series(self) -> dict[tuple[str, str, str, str], list[Row]]:
        series: dict[tuple[str, str, str, str], list[Row]] = {}
        for row in self.rows:
            series.setdefault(row.series, []).append(row)
        return series

    def find(
        self, group: str, scene: str, n: int, library: str = OURS, dtype: str = "float32", device: str = "cpu"
    ) -> Row | None:
        return self.by_place().get((group, scene, dtype, device, n, library))


def libraries(rows: Iterable[Row]) -> list[str]:
    """In the order of the rows: ours first, the floor last."""
    names = dict.fromkeys(row.library for row in rows)
    return [name for name in names if name != FLOOR] + [FLOOR] * (FLOOR in names)


def save_json(path: Path, results: Results) -> None:
    """Compact, and a row a line, so that a later run shows as a readable difference. Floats have four digits."""
    facts = {
        "format": FORMAT,
        "machine": results.machine,
        "settings": results.settings,
        "absent": results.absent,
        "left_out": results.left_out,
    }
    memory = _list([json.dumps(asdict(one)) for one in results.memory])
    series = _list([_series(rows) for rows in results.by_series().values()])
    body = f',\n "memory": {memory},\n "columns": {json.dumps(COLUMNS)},\n "series": {series}'
    path.write_text(f"{json.dumps(facts, indent=1)[:-2]}{body}\n}}\n")


def load_json(path: Path) -> Results:
    """What `save_json` wrote.

    Raises:
        ValueError: in one line, if it is something else.
    """
    try:
        facts = json.loads(path.read_text())
        if facts["format"] != FORMAT:
            raise ValueError(f"has format {facts['format']}, expected {FORMAT}")
        columns = facts["columns"]
        rows = [
            _row(series, dict(zip(columns, cells, strict=False)))
            for series in facts["series"]
            for cells in series["rows"]
        ]
        memory = [Memory(**one) for one in facts["memory"]]
        return Results(facts["machine"], facts["settings"], facts["absent"], facts["left_out"], rows, memory)
    except (OSError, KeyError, TypeError, ValueError) as error:
        raise ValueError(f"{path} is no result of the benchmark suite: {type(error).__name__}: {error}") from error


def save_csv(path: Path, results: Results) -> None:
    """Rows for a spreadsheet; the machine in lines that begin with #."""
    with path.open("w", newline="") as file:
        for name, value in results.machine.items():
            text = ", ".join(f"{k} {v}" for k, v in value.items()) if isinstance(value, dict) else value
            file.write(f"# {name}: {text}\n")
        writer = csv.writer(file, lineterminator="\n")
        spread = [one.name for one in fields(Spread)]
        writer.writerow(
            ["group", "scene", "dtype", "device", "n", "library", *(f"seconds_{s}" for s in spread)]
            + ["rounds", "repeats", "times_ours", "over_floor", "differing", "note"]
        )
        for row in results.rows:
            seconds = [_significant(getattr(row.seconds, s)) for s in spread]
            ratios = [_significant(one.median) if one else "" for one in (row.times_ours, row.over_floor)]
            differing = "" if row.differing is None else row.differing
            writer.writerow([*row.place, *seconds, row.rounds, row.repeats, *ratios, differing, row.note])


def _significant(value: float) -> float:
    return float(f"{value:.4g}")


def _series(rows: Sequence[Row]) -> str:
    facts = {
        **dict(zip(SERIES, rows[0].series, strict=True)),
        "notes": {row.library: row.note for row in rows if row.note},
    }
    lines = [json.dumps(_cells(row), separators=(",", ":")) for row in rows]
    return f'{json.dumps(facts)[:-1]}, "rows": {_list(lines)}}}'


def _cells(row: Row) -> list[Any]:
    """In the order of COLUMNS; empty cells at the end are left out."""
    cells = [_cell(getattr(row, name)) for name in COLUMNS]
    while cells[-1] is None:
        cells.pop()
    return cells


def _cell(value: Any) -> Any:
    if isinstance(value, Spread):
        return [_significant(one) for one in astuple(value)]
    return _significant(value) if isinstance(value, float) else value


def _list(lines: Sequence[str]) -> str:
    return "[" + ",".join(f"\n  {line}" for line in lines) + "]"


def _row(series: dict[str, Any], cells: dict[str, Any]) -> Row:
    facts = {name: series[name] for name in SERIES}
    spreads = {name: Spread(*cells[name]) if cells.get(name) else None for name in SPREADS}
    return Row(**{**facts, **cells, **spreads, "note": series["notes"].get(cells["library"], "")})
