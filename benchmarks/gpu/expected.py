"""The times that csrc/cuda/README.md expects of each row, by count (tests/native/expected_times.py). Free of torch."""

from __future__ import annotations

import re
from pathlib import Path

README = Path(__file__).parents[2] / "csrc/cuda/README.md"
BEGIN, END = "<!-- expected times: begin -->", "<!-- expected times: end -->"


def cards_in(gpu: str) -> list[str]:
    """Those of the table's that a device's name speaks of."""
    return re.findall(r"H100|H200", gpu)


def rows() -> list[list[str]]:
    """The cells of the table, its header first."""
    table = README.read_text("utf-8").partition(BEGIN)[2].partition(END)[0]
    lines = [line for line in table.splitlines() if line.startswith("| ")]
    return [[cell.strip() for cell in line.strip("| ").split("|")] for line in lines if not line.startswith("| ---")]


def milliseconds(gpu: str) -> dict[str, float]:
    """Of each row on this device; empty for one that the table does not have."""
    names = cards_in(gpu)
    if not names:
        return {}
    header, *body = rows()
    at = header.index(f"{names[0]}, us")
    return {cells[0]: float(cells[at]) / 1e3 for cells in body}
