"""What is said beside the results: notes and errors, a line each."""

from __future__ import annotations

import sys
from collections.abc import Sequence


def say(notes: Sequence[str], problems: Sequence[str]) -> None:
    """On the error stream."""
    for kind, sayings in (("note", notes), ("error", problems)):
        for text in sayings:
            print(f"ptdet: {kind}: {printable(text)}", file=sys.stderr)


def printable(text: str) -> str:
    """Text of a file as a terminal may show it, in one line: control characters would move its cursor."""
    return "".join(each if each.isprintable() else repr(each)[1:-1] for each in text)
