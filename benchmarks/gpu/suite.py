"""All tests on a machine with a GPU: the tests that need it run in one process, so that they do not compete for it; the
other files run in parallel, each in a process that sees no GPU. The report names what was not done in time, and what
was skipped and why.
"""

from __future__ import annotations

import os
import re
import signal
import subprocess
import sys
import time
from collections import Counter
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

from .timing import ROOT, arguments, finish

TESTS = ROOT / "tests"
# They compile for other machines, for minutes.
LEFT_TO_CI = ("test_cuda_machine_code.py", "test_aarch64.py")
COUNTS = re.compile(r"(\d+) (passed|failed|skipped|errors?|xfailed|deselected)\b")
SKIPPED = re.compile(r"^SKIPPED \[(\d+)\] \S+ (.*)$", re.MULTILINE)
PREPARE = "from tests.cuda_emulator import torch_room; torch_room.library()"


@dataclass
class Part:
    """One process of pytest, and its result."""

    name: str
    command: list[str]
    environment: dict[str, str] = field(default_factory=dict)
    status: str = "not begun in time"
    seconds: float = 0.0
    counts: dict[str, int] = field(default_factory=dict)
    skipped: dict[str, int] = field(default_factory=dict)
    log: list[str] = field(default_factory=list)

    def run(self, end: float) -> None:
        begin = time.time()
        if end - begin < 1:
            return
        process = subprocess.Popen(
            self.command, cwd=ROOT, stdout=subprocess.PIPE, stderr=subprocess.STDOUT, text=True, errors="replace",
            env={**os.environ, **self.environment}, start_new_session=True,
        )  # fmt: skip
        try:
            output, _ = process.communicate(timeout=end - begin)
            self.status = "passed" if process.returncode in (0, 5) else "failed"  # 5: no test is left
        except subprocess.TimeoutExpired:
            os.killpg(process.pid, signal.SIGKILL)
            output, _ = process.communicate()
            self.status = "failed" if re.search(r"^\S*F", output, re.MULTILINE) else "not done in time"
        self.seconds = round(time.time() - begin, 1)
        self.counts = {what: int(count) for count, what in COUNTS.findall("".join(output.splitlines()[-1:]))}
        self.skipped = {reason: int(count) for count, reason in SKIPPED.findall(output)}
        self.log = output.splitlines()[-30:] if self.status == "failed" else []


def pytest_of(name: str, *options: str, **environment: str) -> Part:
    command = [sys.executable, "-m", "pytest", "-q", "-p", "no:cacheprovider", "--color=no", "-ra", *options]
    return Part(name, command, environment)


def name_of(path: Path) -> str:
    """With its folder in tests/: files of different folders may have the same name."""
    return path.relative_to(TESTS).with_suffix("").as_posix() if path.is_relative_to(TESTS) else path.stem


def run_all(files: list[Path], workers: int, end: float) -> list[Part]:
    parts = [pytest_of("on the GPU", "-m", "cuda", *map(str, files))]
    emulated: list[Part] = []
    for path in files:
        part = pytest_of(
            name_of(path), "-m", "not cuda and not slow", str(path), CUDA_VISIBLE_DEVICES="", OMP_NUM_THREADS="2"
        )
        (emulated if path.parent.name == "cuda_emulator" else parts).append(part)
    if emulated:  # compiled once, not by each process that needs it
        parts.insert(1, Part("the emulator's build", [sys.executable, "-c", PREPARE]))
    with ThreadPoolExecutor(workers) as pool:
        begun = [pool.submit(part.run, end) for part in parts]
        if emulated:
            begun[1].result()
        begun += [pool.submit(part.run, end) for part in emulated]
        for each in begun:
            each.result()
    return parts + emulated


def main() -> int:
    parser = arguments(__doc__)
    parser.add_argument("files", type=Path, nargs="*", help="default: all of tests/")
    parser.add_argument("--seconds", type=float, default=90)
    parser.add_argument("--workers", type=int, default=os.cpu_count() or 1)
    asked = parser.parse_args()
    end = time.time() + asked.seconds
    every = asked.files or sorted(TESTS.rglob("test_*.py"))
    every.sort(key=lambda path: -path.stat().st_size)  # a long file must not come last
    parts = run_all([path for path in every if path.name not in LEFT_TO_CI], asked.workers, end)

    counts: Counter[str] = Counter()
    skipped: Counter[str] = Counter()
    for part in parts:
        counts.update({"failed" if what.startswith("error") else what: n for what, n in part.counts.items()})
        skipped.update(part.skipped)
    late = [f"{part.name}: {part.status}" for part in parts if part.status.startswith("not ")]
    failed = [part for part in parts if part.status == "failed"]
    gpu = parts[0]
    if asked.device.type == "cuda" and not gpu.counts.get("passed"):
        gpu.status = "failed"
    result: dict[str, Any] = {
        "counts": dict(counts),
        "on_the_gpu": {"status": gpu.status, "seconds": gpu.seconds, **gpu.counts},
        "parts": {part.name: {"status": part.status, "seconds": part.seconds, **part.counts} for part in parts},
        "skipped": dict(skipped),
        "left_to_ci": [path.name for path in every if path.name in LEFT_TO_CI],
        "late": late,
        "logs": {part.name: part.log for part in failed},
    }
    result["table"] = [
        f"{counts['passed']} passed, {counts['failed']} failed, {counts['skipped']} skipped in {len(parts)} processes",
        f"on the GPU: {gpu.status}, {gpu.counts.get('passed', 0)} tests in {gpu.seconds:.0f} s",
        *[f"left to CI: {name}" for name in result["left_to_ci"]],
        *[f"skipped {count}: {reason}" for reason, count in sorted(skipped.items())],
        *late,
        *[f"{part.name}: failed: {part.log[-1] if part.log else ''}" for part in failed],
    ]
    return finish(result, asked.out, bool(failed) or gpu.status != "passed")


if __name__ == "__main__":
    raise SystemExit(main())
