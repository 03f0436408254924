"""Loads the kernels, built here or elsewhere, lets the GPU run one, and tells what machine this is."""

from __future__ import annotations

import importlib
import os
import platform
import subprocess
from pathlib import Path

from .plan import ROOT, tool
from .stage import FAILED, NO_GPU, PASSED, Journal, arguments


def version_of(module: str) -> str | None:
    try:
        return str(importlib.import_module(module).__version__)
    except (ImportError, RuntimeError):  # RuntimeError: built for another torch
        return None


def last_line(*command: str) -> str | None:
    """Of what a program says; None where it is absent or fails."""
    try:
        done = subprocess.run(command, capture_output=True, text=True, timeout=10, cwd=ROOT, check=False)
    except (OSError, subprocess.TimeoutExpired):
        return None
    lines = done.stdout.strip().splitlines()
    return lines[-1].strip() if done.returncode == 0 and lines else None


def sizes(folder: Path) -> dict[str, float]:
    return {path.name: round(path.stat().st_size / 1e6, 1) for path in sorted(folder.glob("_C*.so"))}


def leave_out(journal: Journal, why: str) -> int:
    journal.result["left_out"] = why
    journal.finish()
    return NO_GPU


def main() -> int:
    asked = arguments(__doc__).parse_args()
    journal = Journal(asked, 3, "steps")
    journal.begin("import torch")
    try:
        import torch
    except ImportError as error:
        return leave_out(journal, f"torch is not installed: {error}")
    from .device import chosen

    journal.done()
    gpu = chosen(asked)
    if why := gpu.why_absent():
        return leave_out(journal, why)
    journal.begin(f"torch {torch.__version__}: the facts of the device")
    changed = last_line("git", "status", "--porcelain")
    journal.result["machine"] = {
        **gpu.facts(),
        "driver": last_line("nvidia-smi", "--query-gpu=driver_version", "--format=csv,noheader"),
        "nvcc": last_line(tool("nvcc"), "--version"),
        "torch": torch.__version__,
        "torchvision": version_of("torchvision"),
        "cuda": torch.version.cuda,
        "python": platform.python_version(),
        "cores": os.cpu_count(),
        "commit": last_line("git", "rev-parse", "HEAD"),
        "changed_files": changed is not None,
    }
    journal.done()
    journal.save()  # a library that does not fit may end this process
    journal.begin("load the kernels and run one")
    if why := gpu.why_not_loaded():
        journal.fail(why)
        journal.finish()
        return FAILED
    journal.done()
    journal.result["libraries_mb"] = sizes(ROOT / "ptdet")
    machine = journal.result["machine"]
    journal.result["table"] = [
        f"driver {machine['driver'] or 'unknown: nvidia-smi does not run here'}",
        "libraries: " + ", ".join(f"{name} {size} MB" for name, size in journal.result["libraries_mb"].items()),
    ]
    journal.finish()
    return PASSED


if __name__ == "__main__":
    raise SystemExit(main())
