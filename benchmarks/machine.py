"""What results depend on: machine, versions, threads, instruction set, and the load of the machine."""

from __future__ import annotations

import os
import platform
import subprocess
from datetime import datetime, timezone
from importlib import metadata
from pathlib import Path
from typing import Any

import torch

from ptdet.info import build_info

from .measure import CACHES
from .peers import PEERS, find

SETTINGS = ("OMP_", "GOMP_", "KMP_", "MKL_", "PTDET_")  # variables that change times


def describe(cpu_time: bool = False) -> dict[str, Any]:
    """The facts that every file of results has."""
    build = build_info()
    cuda = torch.cuda.is_available()
    return {
        "processor": processor(),
        "cores": os.cpu_count(),
        "threads": torch.get_num_threads(),
        "gpu": torch.cuda.get_device_name() if cuda else "",
        "system": platform.platform(),
        "load_at_start": round(os.getloadavg()[0], 2) if hasattr(os, "getloadavg") else None,
        "date": datetime.now(timezone.utc).isoformat(timespec="seconds"),
        "commit": commit(),
        "instruction_set": build["instruction_set"] if build["cpu"] else "none: the reference",
        "cuda_build": build["cuda"],
        "compiler": build["compiler"],
        "environment": {name: value for name, value in sorted(os.environ.items()) if name.startswith(SETTINGS)},
        "clock": "CPU seconds of all threads" if cpu_time else "wall",
        "caches": {device: said for device, said in CACHES.items() if cuda or device == "cpu"},
        "versions": {
            "ptdet": metadata_version("ptdet"),
            "python": platform.python_version(),
            "torch": torch.__version__,
            "numpy": metadata_version("numpy"),
            **{
                name: str(getattr(find(name), "__version__", "")) or metadata_version(peer.package)
                for name, peer in PEERS.items()
                if find(name)
            },
        },
    }


def processor() -> str:
    known = Path("/proc/cpuinfo")
    text = known.read_text() if known.exists() else ""
    names = [line.split(":", 1)[1].strip() for line in text.splitlines() if line.startswith("model name")]
    return names[0] if names else platform.processor()


def metadata_version(package: str) -> str:
    try:
        return metadata.version(package)
    except metadata.PackageNotFoundError:
        from ptdet import __version__

        return __version__ if package == "ptdet" else ""


def commit() -> str:
    """Of this checkout, with + if files were edited since; empty if it is not a git checkout."""
    command = ["git", "-C", str(Path(__file__).parents[1]), "describe", "--always", "--dirty=+", "--exclude=*"]
    try:
        asked = subprocess.run(command, capture_output=True, text=True, timeout=20)
    except (OSError, subprocess.TimeoutExpired):
        return ""
    return asked.stdout.strip() if asked.returncode == 0 else ""


def in_one_line(machine: dict[str, Any]) -> str:
    """The line below a table or a plot."""
    versions = machine["versions"]
    parts = [
        machine["gpu"] or machine["processor"],
        f"{machine['threads']} thread{'s' * (machine['threads'] != 1)}",
        machine["instruction_set"],
        f"ptdet {versions['ptdet']} {machine['commit']}".strip(),
        f"torch {versions['torch']}",
        machine["date"][:10],
    ]
    if machine.get("clock", "wall") != "wall":
        parts.append(machine["clock"])
    elif busy(machine):
        parts.append(f"LOADED: {machine['load_at_start']} on {machine['cores']} cores")
    return ", ".join(parts)


def busy(machine: dict[str, Any]) -> bool:
    """Whether other programs used the machine, so that times are not reliable."""
    return bool(machine["load_at_start"] and machine["load_at_start"] > 0.5 * machine["cores"])
