"""A progress bar on stderr, if that is a terminal."""

from __future__ import annotations

import sys
import time


class Progress:
    """How many of a known number of steps are done, and the time left."""

    def __init__(self, total: int) -> None:
        self.total, self.done = total, 0
        self.start = time.perf_counter()
        self.shown = sys.stderr.isatty()

    def say(self, what: str) -> None:
        """Shows the step that begins."""
        self.done += 1
        if not self.shown:
            return
        before = self.done - 1
        left = (time.perf_counter() - self.start) / before * (self.total - before) if before else 0.0
        filled = 24 * before // max(self.total, 1)
        bar = f"[{'=' * filled}{' ' * (24 - filled)}] {self.done}/{self.total}"
        eta = f" {left:.0f} s left" if before else ""
        print(f"\r\x1b[K{bar}{eta}  {what[:60]}", end="", file=sys.stderr, flush=True)

    def clear(self) -> None:
        """Removes the bar, so that other lines can be printed."""
        if self.shown:
            print("\r\x1b[K", end="", file=sys.stderr, flush=True)
