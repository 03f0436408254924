"""A bar on stderr with rate and time left, where a person is there to see it and tqdm is installed."""

from __future__ import annotations

import sys
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from itertools import accumulate
from pathlib import Path
from typing import Any

DELAY = 0.5  # seconds; shorter work needs no bar


class Progress:
    """Counts bytes: the time for a file is proportional to its size."""

    def __init__(self, files: Sequence[Path], bar: Any) -> None:
        self._ends = list(accumulate(map(_size, files)))  # bytes, up to and with each file
        self._done = 0
        self._bar = bar
        self._say()

    def read(self, count: int) -> None:
        """So many bytes of the current file are read."""
        if self._bar is not None:
            self._bar.update(min(count, self._ends[self._done] - self._bar.n))

    def file_done(self) -> None:
        """The current file is done."""
        self._done += 1
        self._say()
        if self._bar is not None:
            self._bar.update(self._ends[self._done - 1] - self._bar.n)

    def _say(self) -> None:
        if self._bar is not None:
            self._bar.set_description_str(f"{self._done}/{len(self._ends)} files", refresh=False)


@contextmanager
def shown_progress(files: Sequence[Path]) -> Iterator[Progress]:
    """The bar is gone afterwards, whatever happened."""
    bar = None
    if sys.stderr.isatty():
        try:
            from tqdm import tqdm
        except ImportError:
            pass
        else:
            total = sum(map(_size, files))
            bar = tqdm(total=total, unit="B", unit_scale=True, leave=False, delay=DELAY, file=sys.stderr)
    try:
        yield Progress(files, bar)
    finally:
        if bar is not None:
            bar.close()


def _size(file: Path) -> int:
    return file.stat().st_size if file.is_file() else 0
