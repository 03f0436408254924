"""Files of predictions for the tests of the page, and the commands that show them."""

from __future__ import annotations

import contextlib
import json
import threading
from collections.abc import Iterator, Mapping
from pathlib import Path
from typing import Any

import numpy as np

from ptdet import cli
from ptdet.cli import build_parser
from ptdet.cli.shown import Reader, start_of
from ptdet.explorer import Library, Server

from ..conftest import ROOT

DATA = ROOT / "tests/data"
Array = Any


def boxes(count: int, seed: int, dtype: str = "float32") -> tuple[Array, Array, Array]:
    """Boxes in heaps, as a detector gives them: (N, 4), scores (N,) and classes (N,) of three."""
    draw = np.random.default_rng(seed)
    centre = draw.uniform(40, 600, (max(count // 12, 1), 2))[draw.integers(0, max(count // 12, 1), count)]
    corner = centre + draw.normal(0, 4, (count, 2))
    side = draw.uniform(20, 60, (count, 2))
    both = np.concatenate([corner, corner + side], 1).astype(dtype)
    return both, draw.uniform(0.01, 1, count).astype("float32"), draw.integers(0, 3, count)


def save(path: Path, found: tuple[Array, Array, Array], **meta: Any) -> Path:
    """As a .npz of plain boxes; `meta`: what it says of itself."""
    np.savez(path, boxes=found[0], scores=found[1], labels=found[2], meta_json=np.array(json.dumps(meta)))
    return path


def write_report(out: Path, *words: object) -> Path:
    """By the command."""
    assert cli.main(["report", *map(str, words), "--out", str(out)]) in (0, 2)
    return out


@contextlib.contextmanager
def served(*words: object) -> Iterator[Server]:
    """The server of `ptdet explore WORDS`, its files read."""
    parser = build_parser()
    asked = parser.parse_args(["explore", *map(str, words)])
    options = cli._read_options(asked, parser)
    settings, _ = cli._settings(asked, parser)
    reader = Reader(asked, options, settings)
    library = Library(reader.files, reader.read, reader.problems, reader.left_over)
    server = Server(library, asked.images, start_of(asked, settings), asked.port)
    server.start()
    try:
        while library.listed()["read"] < len(reader.files):
            threading.Event().wait(0.01)
        yield server
    finally:
        server.close()


def unpacked(payload: bytes) -> Mapping[str, Any]:
    """A payload, read by its description in ptdet/explorer/data.py."""
    length = int.from_bytes(payload[:8], "little")
    found: dict[str, Any] = json.loads(payload[8 : 8 + length])
    at = 8 + length
    count = found["count"]
    parts = [
        ("boxes", found["boxes"], count * found["numbers"]),
        ("scores", found["scores"], count),
        ("rows", "int32", count),
        ("labels", "int32", count),
    ]
    if found["truth"]:
        objects = found["truth"]["count"]
        parts += [("truth_boxes", "float64", found["numbers"] * objects), ("truth_labels", "int32", objects)]
        parts += [("skipped", "int32", objects), ("of_candidates", "int32", count)]
    for name, dtype, size in parts:
        at += -at % 8
        found[name] = np.frombuffer(payload, np.dtype(dtype), size, at)
        at += found[name].nbytes
    assert at == len(payload)
    return found
