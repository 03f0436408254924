"""What the stages of `make gpu` share: their arguments, and a journal of what they have done. Free of torch."""

from __future__ import annotations

import argparse
import json
import math
import time
from pathlib import Path
from typing import Any

# Exit codes of a stage.
PASSED, FAILED, NO_GPU = range(3)
STEP = "> "  # begins the line that names a step


def arguments(description: str | None) -> argparse.ArgumentParser:
    parser = argparse.ArgumentParser(description=description)
    parser.add_argument("--out", type=Path, help="where the result goes, as JSON")
    parser.add_argument("--until", type=float, default=math.inf, help="begin nothing later than this (time.time())")
    take_fake_device(parser)
    return parser


def take_fake_device(parser: argparse.ArgumentParser) -> None:
    told = "the emulator for a GPU (benchmarks/gpu/fake_device.py)"
    parser.add_argument("--fake-device", nargs="?", const="", metavar="FAULT", help=told)


class Journal:
    """A line before each step, so that the log ends with the one that hangs; the result as a file, so that what was
    done stays if the stage is killed.
    """

    def __init__(self, asked: argparse.Namespace, of: int, unit: str) -> None:
        self.out: Path | None = asked.out
        self.until: float = asked.until
        self.saved = 0.0
        self.result: dict[str, Any] = {"done": 0, "of": of, "unit": unit, "failures": [], "table": []}

    def begin(self, step: str) -> bool:
        """Names the step; False if there is no time left for it."""
        if time.time() >= self.until:
            self.result.setdefault("cut_before", step)
            return False
        print(f"{STEP}{step}", flush=True)
        return True

    def fail(self, what: str) -> None:
        print(f"FAILED: {what}", flush=True)
        self.result["failures"].append(what)
        self.save()

    def done(self) -> None:
        self.result["done"] += 1
        if time.monotonic() - self.saved > 0.2:
            self.save()

    def save(self) -> None:
        self.saved = time.monotonic()
        if self.out:
            beside = self.out.with_suffix(".part")
            beside.write_text(json.dumps(self.result) + "\n")
            beside.replace(self.out)

    def finish(self, is_lost: bool = False) -> int:
        """Writes it all; the exit code. `is_lost`: the device answers no more, and what follows would fail, too."""
        self.result["is_lost"] = is_lost
        self.result["table"] += self.result["failures"][:20]
        if (more := len(self.result["failures"]) - 20) > 0:
            self.result["table"].append(f"and {more} more")
        print("\n".join(self.result["table"]), flush=True)
        self.save()
        return FAILED if self.result["failures"] else PASSED
