"""`ptdet report`: the page of the explorer and its data as one file."""

from __future__ import annotations

import argparse
from collections.abc import Iterator

from ..explorer import Limits, Shown, write_report
from ..io import FileProblem, ReadOptions
from .run import Settings
from .sayings import say
from .shown import Reader, start_of


def report(asked: argparse.Namespace, options: ReadOptions, settings: Settings, notes: list[str]) -> int:
    """Writes it; returns the exit code."""
    out, problems = asked.out, list[str]()
    try:
        if out.suffix.lower() not in (".html", ".htm"):
            raise FileProblem(f"--out {out}: expected a file .html")
        reader = Reader(asked, options, settings)
        problems = reader.problems
        if not reader.files:
            raise FileProblem("no file of predictions was found")

        told = list(problems)

        def found() -> Iterator[Shown]:
            for file in reader.files:
                try:
                    yield from reader.read(file)
                except FileProblem as why:
                    problems.append(f"{file} {why}")
                    told.append(problems[-1])
            told.extend(reader.left_over())
            reader.notes.extend(reader.left_over())

        limits = Limits(asked.max_pictures, asked.max_megabytes)
        try:
            wrote = write_report(out, found(), start_of(asked, settings), limits, told)
        except FileProblem as why:
            raise FileProblem(f"--out {out} {why}") from why
        print(f"wrote {out}: {_pictures(wrote.pictures)}, {wrote.bytes / 1e6:.1f} MB")
        if wrote.left_out:
            limit = f"--max-pictures {limits.pictures} and --max-megabytes {limits.megabytes:g}"
            reader.notes.append(f"not in it: {_pictures(wrote.left_out)} more; {limit} are the limits")
        say([*notes, *reader.notes], ())
    except FileProblem as problem:
        problems.append(str(problem))
    say((), problems)
    return 2 if problems else 0


def _pictures(count: int) -> str:
    return f"{count} picture{'s' if count != 1 else ''}"
