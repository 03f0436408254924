"""The page as one file, data and kernels inside: it opens from disk and asks nobody for anything."""

from __future__ import annotations

import base64
import json
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from ..io import FileProblem, whole_file
from .data import Shown
from .page_files import block, one_page
from .picture_files import SHOWN_BY_BROWSERS

FOR_PROBLEMS = 4096  # bytes of a report that no picture takes


@dataclass(frozen=True)
class Limits:
    """Of a report: a browser holds all of it in memory."""

    pictures: int = 200
    megabytes: float = 25.0


@dataclass(frozen=True)
class Report:
    """What was written."""

    pictures: int
    left_out: int
    bytes: int


def write_report(
    out: Path, found: Iterable[Shown], start: Mapping[str, Any], limits: Limits, problems: list[str]
) -> Report:
    """Writes as many of the pictures as `limits` allow, in their order.

    `start`: the settings that the page begins with. `problems` are told on the page; the caller may add to them while
    `found` is read.

    Raises:
        FileProblem: nothing fits, or the file cannot be written.
    """
    before, after = (text.encode() for text in one_page())
    most = limits.megabytes * 1e6
    rows: list[Mapping[str, Any]] = []
    left_out = 0
    try:
        with whole_file(out) as part, part.open("wb") as file:
            size = file.write(before) + len(after) + len(_list(rows, left_out, [], start))
            for one in found:
                if left_out or len(rows) >= limits.pictures:
                    left_out += 1
                    continue
                blocks, row = _blocks(one, len(rows)).encode(), len(_as_text(one.row)) + len(", ")
                if size + len(blocks) + row + FOR_PROBLEMS > most:
                    left_out += 1
                    continue
                size += file.write(blocks) + row
                rows.append(one.row)
            if left_out and not rows:
                raise FileProblem(
                    f"would be empty: the first picture alone comes to more than {limits.megabytes:g} MB or "
                    f"{limits.pictures} pictures"
                )
            told = len(problems)
            while told and size + len(_as_text(problems[:told])) + FOR_PROBLEMS / 2 > most:
                told //= 2
            more = [f"and {len(problems) - told} more, which the command told"] if told < len(problems) else []
            file.write(_list(rows, left_out, [*problems[:told], *more], start))
            file.write(after)
    except OSError as error:
        raise FileProblem(f"cannot be written: {error.strerror or error}") from error
    return Report(len(rows), left_out, out.stat().st_size)


def _list(rows: Sequence[Mapping[str, Any]], left_out: int, problems: list[str], start: Mapping[str, Any]) -> bytes:
    said = {"rows": rows, "leftOut": left_out, "problems": problems, "start": start}
    return block("list", _as_text(said)).encode()


def _blocks(one: Shown, number: int) -> str:
    text = block(f"payload-{number}", base64.b64encode(one.payload).decode())
    kind = None if one.image is None else SHOWN_BY_BROWSERS.get(one.image.suffix.lower())
    if one.image is not None and kind is not None:
        try:
            content = one.image.read_bytes()
        except OSError:  # the page says that it has none
            return text
        text += block(f"image-{number}", f"data:{kind};base64,{base64.b64encode(content).decode()}")
    return text


def _as_text(value: Any) -> str:
    """JSON in which no name can end the block that it stands in."""
    return json.dumps(value, allow_nan=False).replace("<", "\\u003c")
