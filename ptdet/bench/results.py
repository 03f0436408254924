"""What a run found, as rows; to JSON and back, and to CSV. The machine stands in every file."""

from __future__ import annotations

import csv
import json
from collections.abc import Iterable, Sequence
from dataclasses import asdict, dataclass, field
from pathlib import Path
from typing import Any

from .cases import OURS
from .measure import Spread

FORMAT = 1
FLOOR = "floor"


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
    times_ours: Spread | None = None  # round by round, its time over ours
    over_floor: Spread | None = None  # round by round
    differing: float | None = None  # from our answer, in the unit of the group
    note: str = ""

    @property
    def series(self) -> tuple[str, str, str, str]:
        return self.group, self.scene, self.dtype, self.device

    @property
    def place(self) -> tuple[str, str, str, str, int, str]:
        return (*self.series, self.n, self.library)


@dataclass(frozen=True)
class Memory:
    """What a call adds to the peak of a fresh process."""

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
    """In the order in which they came: ours first, the floor last."""
    names = dict.fromkeys(row.library for row in rows)
    return [name for name in names if name != FLOOR] + [FLOOR] * (FLOOR in names)


def save_json(path: Path, results: Results, targets: Sequence[dict[str, Any]] = ()) -> None:
    """One line a row, so that a later run shows as a readable difference."""
    facts = {
        "format": FORMAT,
        "machine": results.machine,
        "settings": results.settings,
        "absent": results.absent,
        "left_out": results.left_out,
    }
    head = json.dumps(facts, indent=1)[:-2]
    lists = {
        "memory": [asdict(one) for one in results.memory],
        "targets": list(targets),
        "rows": [_short(asdict(row)) for row in results.rows],
    }
    body = "".join(f',\n "{name}": [{_lines(items)}]' for name, items in lists.items())
    path.write_text(f"{head}{body}\n}}\n")


def load_json(path: Path) -> Results:
    """What `save_json` wrote.

    Raises:
        ValueError: in one line, if it is something else.
    """
    try:
        facts = json.loads(path.read_text())
        if facts["format"] != FORMAT:
            raise ValueError(f"has format {facts['format']}, expected {FORMAT}")
        rows = [_row(one) for one in facts["rows"]]
        memory = [Memory(**one) for one in facts["memory"]]
        return Results(facts["machine"], facts["settings"], facts["absent"], facts["left_out"], rows, memory)
    except (OSError, KeyError, TypeError, ValueError) as error:
        raise ValueError(f"{path} is no result of ptdet bench: {type(error).__name__}: {error}") from error


def save_csv(path: Path, results: Results) -> None:
    """Rows for a spreadsheet; the machine in lines that begin with #."""
    with path.open("w", newline="") as file:
        for name, value in results.machine.items():
            said = ", ".join(f"{k} {v}" for k, v in value.items()) if isinstance(value, dict) else value
            file.write(f"# {name}: {said}\n")
        writer = csv.writer(file, lineterminator="\n")
        spread = ("min", "q1", "median", "q3", "max")
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


def _short(value: Any) -> Any:
    if isinstance(value, dict):
        return {name: _short(one) for name, one in value.items() if one is not None and one != ""}
    return _significant(value) if isinstance(value, float) else value


def _lines(items: Sequence[Any]) -> str:
    return "".join(f"{',' if i else ''}\n  {json.dumps(item)}" for i, item in enumerate(items)) + "\n " * bool(items)


def _row(stored: dict[str, Any]) -> Row:
    spreads = {
        name: Spread(**stored[name]) if stored.get(name) else None for name in ("seconds", "times_ours", "over_floor")
    }
    return Row(**{"dtype": "", **stored, **spreads})
