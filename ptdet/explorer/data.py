"""What the page gets: a row of the list and a binary payload for each picture.

A payload is a JSON header and then arrays, each from a multiple of 8 bytes on: boxes and scores in the type of the
file, the row of each in the file, and its class; of a truth its boxes, their classes, whether each counts, and the
class of the truth that each box of the file has. All numbers are little-endian. picture.js reads it.
"""

from __future__ import annotations

import json
import struct
import threading
from collections import OrderedDict
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np

from .._shared.arrays import Array
from ..io import Candidates, FileProblem, Predictions, Space

KEPT_IN_MEMORY = 256 * 2**20  # bytes of payloads; of those that no longer fit the file is read again


@dataclass(frozen=True)
class Shown:
    """One picture, ready for the page."""

    row: Mapping[str, Any]  # of the list
    payload: bytes
    image: Path | None


@dataclass(frozen=True)
class There:
    """The objects that are really in a picture."""

    boxes: Array  # (G, 4) x, y, width, height in pixels of the picture, or (G, 5) rotated; float64
    labels: Array  # (G,)
    skipped: Array  # (G,) 0: it counts; 1: neither found nor missed; 2: so is a region of many objects
    names: Mapping[int, str]  # of these labels
    of_candidates: Array  # (N,) the label of each box of the page, -1 for a class that the truth lacks
    way: Mapping[str, Sequence[float]]  # of a box's numbers to pixels: (x * times - minus) / over, in their own type
    size: tuple[int, int] | None  # of the picture
    counts: tuple[int, int]  # false ones and missed objects, by the starting settings


def as_shown(
    of: Predictions,
    found: Candidates,
    *,
    space: Space,
    lowest: float,
    counts: tuple[int, int],
    image: Path | None,
    size: tuple[int, int] | None = None,
    notes: Sequence[str] = (),
    there: There | None = None,
) -> Shown:
    """The candidates of a picture: those `found` with scores above `lowest`, in the order and the types of the file.

    `space`: the unit that its boxes are taken for.
    `size`: of the picture, where it is known; that of `there` goes before it.
    `counts`: how many candidates and how many kept boxes the starting settings give, to sort the list by.
    """
    number, name = np.zeros(len(found), np.int64), [""]
    if found.labels is not None:
        ids, number = np.unique(found.labels, return_inverse=True)
        name = [of.classes[i] if 0 <= i < len(of.classes) else str(i) for i in ids.tolist()]
    boxes, scores = _wide_enough(found.boxes), _wide_enough(found.scores)
    usable = np.isfinite(of.boxes).all(1)
    stored = len(of.boxes) - of.padding
    if of.left_out is not None:
        usable &= ~of.left_out
    header = {
        "name": of.name,
        "count": len(found),
        "numbers": boxes.shape[1],
        "boxes": boxes.dtype.name,
        "scores": scores.dtype.name,
        "classes": None if found.labels is None else name,
        "named": found.labels is not None and int(found.labels.max(initial=0)) < len(of.classes),
        "size": there.size if there is not None and there.size is not None else size,
        "space": {"kind": space.kind, "size": space.size, "ratio": space.ratio, "center": space.center},
        "lowest": lowest,
        "stored": stored,
        "unusable": stored - int(usable.sum()),  # a number is not finite, or the reader left the row out
        "image": image is not None,
        "truth": None,
        "notes": list(notes),
    }
    arrays = [boxes, scores, found.rows.astype(np.int32), number.astype(np.int32)]
    row = {"name": of.name, "candidates": counts[0], "removed": counts[0] - counts[1]}
    if there is not None:
        header["truth"] = {"count": len(there.boxes), "names": there.names, "way": there.way}
        arrays.append(there.boxes.astype(np.float64))
        arrays += [each.astype(np.int32) for each in (there.labels, there.skipped, there.of_candidates)]
        row |= {"false": there.counts[0], "missed": there.counts[1]}
    return Shown(row, _packed(header, arrays), image)


def _wide_enough(array: Array) -> Array:
    """As ptdet.numpy takes it: half precision as float32, which holds all its values."""
    return array if array.dtype in (np.float32, np.float64) else array.astype(np.float32)


def _packed(header: Mapping[str, Any], arrays: Sequence[Array]) -> bytes:
    said = json.dumps(header, allow_nan=False).encode()
    parts = [struct.pack("<Q", len(said)), said]
    for array in arrays:
        parts.append(b" " * (-sum(map(len, parts)) % 8))
        parts.append(np.ascontiguousarray(array, array.dtype.newbyteorder("<")).tobytes())
    return b"".join(parts)


class Library:
    """The pictures of all files, in their order. `fill` reads each file once; the page may ask meanwhile.

    `read` gives the pictures of a file, or raises FileProblem. `problems` are told beside those of the files, and
    what `left_over` says once all are read.
    """

    def __init__(
        self,
        files: Sequence[Path],
        read: Callable[[Path], list[Shown]],
        problems: Sequence[str] = (),
        left_over: Callable[[], Sequence[str]] = tuple,
        kept_in_memory: int = KEPT_IN_MEMORY,
    ) -> None:
        self._files, self._read, self._room = list(files), read, kept_in_memory
        self._rows: list[Mapping[str, Any]] = []
        self._images: list[Path | None] = []
        self._places: list[tuple[Path, range]] = []  # the file of each, and the numbers of all its pictures
        self._problems, self._left_over = list(problems), left_over
        self._read_files = 0
        self._payloads: OrderedDict[int, bytes] = OrderedDict()  # those asked for last are at the end
        self._held = 0  # bytes of them
        self._lock = threading.RLock()
        self._reading = threading.Lock()  # `read` may remember what it read before

    def fill(self, stop: Callable[[], bool] = lambda: False) -> None:
        """Reads all files, until `stop` says true."""
        for file in self._files:
            if stop():
                return
            found, problem = list[Shown](), ""
            try:
                with self._reading:
                    found = self._pictures_of(file)
            except FileProblem as why:
                problem = str(why)
            with self._lock:
                numbers = range(len(self._rows), len(self._rows) + len(found))
                for number, one in zip(numbers, found, strict=True):
                    self._keep(number, one.payload)
                    self._rows.append(one.row)
                    self._images.append(one.image)
                    self._places.append((file, numbers))
                if problem:
                    self._problems.append(problem)
                self._read_files += 1
                if self._read_files == len(self._files):
                    self._problems += self._left_over()

    def __len__(self) -> int:
        return len(self._rows)

    def listed(self, begin: int = 0) -> dict[str, Any]:
        """The rows from `begin` on, and how far `fill` is."""
        with self._lock:
            return {
                "rows": self._rows[begin:],
                "files": len(self._files),
                "read": self._read_files,
                "problems": list(self._problems),
            }

    def payload(self, number: int) -> bytes:
        """That of a picture.

        Raises:
            FileProblem: its file had to be read again, and has changed.
        """
        known = self._known(number)
        if known is not None:
            return known
        with self._reading:
            known = self._known(number)  # it may have been read meanwhile
            if known is not None:
                return known
            file, numbers = self._places[number]
            found = self._pictures_of(file)
            listed = [self._rows[each]["name"] for each in numbers]
            if [one.row["name"] for one in found] != listed:
                raise FileProblem(f"{file} has changed since it was listed")
            with self._lock:
                self._keep_next(number, numbers, found)
            return found[number - numbers.start].payload

    def image(self, number: int) -> Path | None:
        """The file of a picture, where there is one."""
        return self._images[number]

    def _known(self, number: int) -> bytes | None:
        with self._lock:
            if number in self._payloads:
                self._payloads.move_to_end(number)
            return self._payloads.get(number)

    def _pictures_of(self, file: Path) -> list[Shown]:
        """Raises FileProblem, whatever is wrong: the page shows the others, and has to be told."""
        try:
            return self._read(file)
        except FileProblem as why:
            raise FileProblem(f"{file} {why}") from why
        except Exception as why:
            raise FileProblem(f"{file} cannot be shown: {type(why).__name__}: {why}") from why

    def _keep_next(self, number: int, numbers: range, found: Sequence[Shown]) -> None:
        """That picture, and the next ones of its file as far as half of the room goes: they are asked for next."""
        fit, size = [number], len(found[number - numbers.start].payload)
        for each in range(number + 1, numbers.stop):
            size += len(found[each - numbers.start].payload)
            if size > self._room / 2:
                break
            fit.append(each)
        for each in reversed(fit):
            self._keep(each, found[each - numbers.start].payload)

    def _keep(self, number: int, payload: bytes) -> None:
        self._held += len(payload) - len(self._payloads.pop(number, b""))
        self._payloads[number] = payload
        while len(self._payloads) > 1 and self._held > self._room:
            self._held -= len(self._payloads.popitem(last=False)[1])
