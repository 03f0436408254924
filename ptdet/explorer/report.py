"""The page as one file, data and kernels inside: it opens from disk and asks nobody for anything."""

from __future__ import annotations

import base64
import json
from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from ..io import FileProblem, whole_file
from .data import Shown
from .page_files import block, one_page

SHOWN_BY_BROWSERS = {
    ".png": "image/png",
    ".jpg": "image/jpeg",
    ".jpeg": "image/jpeg",
    ".webp": "image/webp",
    ".bmp": "image/bmp",
}


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
    before, after = one_page()
    most = limits.megabytes * 1e6
    rows: list[Mapping[str, Any]] = []
    left_out = 0
    try:
        with whole_file(out) as part, part.open("w", encoding="utf-8") as file:
            size = file.write(before) + len(after)
            for one in found:
                blocks = _blocks(one, len(rows))
                fits = len(rows) < limits.pictures and size + len(blocks) <= most
                if left_out or not fits:
                    left_out += 1
                    continue
                size += file.write(blocks)
                rows.append(one.row)
            if left_out and not rows:
                raise FileProblem(
                    f"would be empty: the first picture alone comes to more than {limits.megabytes:g} MB or "
                    f"{limits.pictures} pictures"
                )
            said = {"rows": rows, "leftOut": left_out, "problems": problems, "start": start}
            size += file.write(block("list", _as_text(said)))
            file.write(after)
    except OSError as error:
        raise FileProblem(f"cannot be written: {error.strerror or error}") from error
    return Report(len(rows), left_out, out.stat().st_size)


def _blocks(one: Shown, number: int) -> str:
    text = block(f"payload-{number}", base64.b64encode(one.payload).decode())
    kind = None if one.image is None else SHOWN_BY_BROWSERS.get(one.image.suffix.lower())
    if one.image is not None and kind is not None:
        text += block(f"image-{number}", f"data:{kind};base64,{base64.b64encode(one.image.read_bytes()).decode()}")
    return text


def _as_text(value: Any) -> str:
    """JSON in which no name can end the block that it stands in."""
    return json.dumps(value, allow_nan=False).replace("<", "\\u003c")
