"""Runs a stage as a process of its own, and ends it at its limit or once it is silent for too long. Free of torch."""

from __future__ import annotations

import contextlib
import json
import os
import re
import shutil
import signal
import subprocess
import time
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

from .plan import ROOT, Stage
from .stage import STEP

REPORTING = 3.0  # seconds before its limit in which a stage of ours begins nothing more
KILLING = 10.0  # seconds that a killed process may take to end: one that waits for a driver may not end at all


@dataclass
class Outcome:
    """What became of a stage."""

    name: str
    status: str  # passed, or "failed: why", "cut: how far", "hung: where", "left out: why", "not run: why"
    seconds: float = 0.0
    result: dict[str, Any] = field(default_factory=dict)
    last_lines: list[str] = field(default_factory=list)
    code: int | None = None

    @property
    def kind(self) -> str:
        return self.status.split(":")[0]


def run(
    stage: Stage, limit: float, quiet: float, log: Path, extra: tuple[str, ...], environment: dict[str, str]
) -> Outcome:
    """Runs it once; its output is added to the log."""
    if not shutil.which(stage.command[0]):
        return Outcome(stage.name, f"left out: {stage.command[0]} was not found")
    out = log.with_name("stage.json")
    out.unlink(missing_ok=True)
    command = [*stage.command, *extra]
    if stage.is_ours:
        command += ["--out", str(out), "--until", f"{time.time() + max(limit - REPORTING, 1):.3f}"]
    begin = time.monotonic()
    with log.open("ab") as sink:
        at = sink.tell()
        process = subprocess.Popen(
            command, cwd=ROOT, stdout=sink, stderr=subprocess.STDOUT, stdin=subprocess.DEVNULL, start_new_session=True,
            env={**os.environ, "PYTHONUNBUFFERED": "1", "PYTHONFAULTHANDLER": "1", **stage.environment, **environment},
        )  # fmt: skip
        try:
            how = watch(process, log, limit, quiet)
        finally:
            end_group(process, log)
    outcome = Outcome(stage.name, "passed", round(time.monotonic() - begin, 1), code=process.returncode)
    with log.open("rb") as written:
        written.seek(at)
        text = written.read().decode(errors="replace")
    outcome.last_lines = text.splitlines()[-40:]
    with contextlib.suppress(OSError, json.JSONDecodeError):  # it ended before it wrote any
        outcome.result = json.loads(out.read_text())
    for path in (out, out.with_suffix(".part")):
        path.unlink(missing_ok=True)
    if stage.takes_skip and how == "ended" and process.returncode < 0:  # a signal, as from a fault of memory
        outcome.result["broken_at"] = last_step(text).split(",")[0]
    outcome.status = status_of(stage, outcome, how, text)
    return outcome


def watch(process: subprocess.Popen[bytes], log: Path, limit: float, quiet: float) -> str:
    """Waits for it: "ended", or why it is to be killed: "limit", "quiet"."""
    begin = heard = time.monotonic()
    size = log.stat().st_size
    while process.poll() is None:
        time.sleep(0.05)
        now = time.monotonic()
        if (grown := log.stat().st_size) != size:
            size, heard = grown, now
        if now - begin > limit:
            return "limit"
        if now - heard > quiet:
            return "quiet"
    return "ended"


def end_group(process: subprocess.Popen[bytes], log: Path) -> None:
    """Kills what still runs of it: first so that Python writes where it stands."""
    for number, seconds in ((signal.SIGABRT, 2.0), (signal.SIGKILL, KILLING)):
        if process.poll() is not None:
            break
        with contextlib.suppress(ProcessLookupError):
            os.killpg(process.pid, number)
        with contextlib.suppress(subprocess.TimeoutExpired):
            process.wait(seconds)
    with contextlib.suppress(ProcessLookupError):  # its children
        os.killpg(process.pid, signal.SIGKILL)
    if process.poll() is None:
        with log.open("ab") as sink:
            sink.write(b"it could not be killed\n")


def status_of(stage: Stage, outcome: Outcome, how: str, text: str) -> str:
    result = outcome.result
    if stage.cannot_run and (found := re.search(stage.cannot_run, text)):
        return f"left out: {found.group()}"
    if how == "quiet":
        return f"hung: {far(result)}silent after: {last_step(text)}"
    if how == "limit":
        return f"cut: {far(result)}at: {last_step(text)}"
    if stage.complaint and (found := re.search(stage.complaint, text, re.MULTILINE)):
        return f"failed: {found.group()}"
    if "left_out" in result:
        return f"left out: {result['left_out']}"
    if result.get("is_lost"):
        return f"failed: the device is lost: {result['failures'][-1]}"
    if result.get("failures"):
        return f"failed: {len(result['failures'])} failures, {far(result)}first: {result['failures'][0]}"
    if outcome.code != 0:
        return f"failed: exit {outcome.code}, {far(result)}at: {last_step(text)}"
    return f"cut: {far(result)}before: {result['cut_before']}" if "cut_before" in result else "passed"


def far(result: dict[str, Any]) -> str:
    return f"{result['done']} of {result['of']} {result['unit']}, " if "of" in result else ""


def last_step(text: str) -> str:
    """The step that was begun last; of other programs the last line, without what Python wrote when it was ended."""
    lines = text.split("Fatal Python error:")[0].strip().splitlines()
    steps = [line.removeprefix(STEP) for line in lines if line.startswith(STEP)]
    return (steps or lines or ["no line"])[-1].strip()[:200]
