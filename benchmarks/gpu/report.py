"""What `make gpu` found, as files that are whole after every stage. Free of torch.

gpu_<model>.json   every stage with its status, time and result; benchmarks/gpu/targets.py reads it
gpu.txt            the same for the eye
gpu.log            all that the stages wrote, one after the other
running.log        what the stage that runs has written
"""

from __future__ import annotations

import json
import re
import sys
from dataclasses import asdict
from pathlib import Path
from typing import Any

from .process import Outcome
from .targets import rows_of

LOG_OF_A_STAGE = 1 << 20  # bytes, at most: its beginning and its end


class Report:
    """Written to each of the folders. `kept` is where Git keeps it, once it has times."""

    def __init__(self, folders: list[Path], kept: Path | None) -> None:
        self.folders, self.kept = folders, kept
        self.machine: dict[str, Any] = {}
        self.outcomes: list[Outcome] = []
        self.log = b""
        self.written: list[Path] = []
        for folder in folders:
            folder.mkdir(parents=True, exist_ok=True)
        self.running = folders[-1] / "running.log"

    def add(self, outcome: Outcome) -> None:
        self.outcomes.append(outcome)
        self.machine = outcome.result.pop("machine", self.machine)
        text = self.running.read_bytes() if self.running.exists() else b""
        self.running.unlink(missing_ok=True)
        if len(text) > LOG_OF_A_STAGE:
            half = LOG_OF_A_STAGE // 2
            text = text[:half] + b"\n[some lines are left out here]\n" + text[-half:]
        head = f"\n======== {outcome.name}: {outcome.status} ({outcome.seconds} s)\n"
        self.log += head.encode() + text
        self.write()

    def as_json(self) -> dict[str, Any]:
        stages = [
            {what: value for what, value in asdict(each).items() if value not in ({}, [], None)}
            for each in self.outcomes
        ]
        for stage in stages:
            if stage["status"] == "passed":
                stage.pop("last_lines", None)
        return {"machine": self.machine, "stages": stages}

    def write(self) -> None:
        report = self.as_json()
        model = re.sub(r"[^a-z0-9]+", "_", str(self.machine.get("gpu", "unknown")).lower()).strip("_")
        name, text = f"gpu_{model}.json", json.dumps(report, indent=1) + "\n"
        kept = [self.kept / name] if self.kept and rows_of(report) else []
        self.written = []
        for path, content in [
            *((folder / name, text.encode()) for folder in self.folders),
            *((folder / "gpu.txt", (self.table() + "\n").encode()) for folder in self.folders),
            *((folder / "gpu.log", self.log) for folder in self.folders),
            *((path, text.encode()) for path in kept),
        ]:
            try:
                path.parent.mkdir(parents=True, exist_ok=True)
                path.write_bytes(content)
                self.written.append(path)
            except OSError as error:  # the other places stay
                print(f"{path} cannot be written: {error.strerror}", file=sys.stderr)

    def table(self) -> str:
        machine = self.machine
        lines = [
            f"{machine.get('gpu', 'no GPU')}, torch {machine.get('torch', '?')}, CUDA {machine.get('cuda', '?')}",
            "",
        ]
        for outcome in self.outcomes:
            lines.append(f"{outcome.name:12} {outcome.seconds:7.1f} s  {outcome.status}")
            lines += [f"    {row}" for row in outcome.result.get("table", [])]
        return "\n".join(lines)
