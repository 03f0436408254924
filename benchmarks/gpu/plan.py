"""The stages of `make gpu`, in their order, each with its time. Free of torch."""

from __future__ import annotations

import os
import shutil
import sys
from dataclasses import dataclass, field, replace
from pathlib import Path

ROOT = Path(__file__).resolve().parents[2]
EMULATED = ROOT / "build/emulation/torch-room/torch_room.so"  # tests/cuda_emulator/torch_room.py makes it
TOTAL = 325.0  # seconds; up to 330 are left for what does not end at once


@dataclass(frozen=True)
class Stage:
    """`command` is run from the root. A module of this package is given --out and --until."""

    name: str
    limit: float  # seconds
    quiet: float  # seconds without a line after which it hangs; as long as the limit where it may be silent
    command: tuple[str, ...]
    environment: dict[str, str] = field(default_factory=dict)
    is_ours: bool = True  # the command ends with a module of this package
    takes_skip: bool = False  # it takes --skip, with names of operators
    complaint: str = ""  # what its output has if it failed, whatever its exit code
    cannot_run: str = ""  # what its output has if it can do nothing on this machine


def tool(name: str) -> str:
    """A program of the CUDA toolkit, from CUDA_HOME or the PATH."""
    beside = Path(os.environ.get("CUDA_HOME", "/usr/local/cuda")) / "bin" / name
    return str(beside) if beside.exists() else shutil.which(name) or name


def ours(module: str, *arguments: str) -> tuple[str, ...]:
    return (sys.executable, "-m", f"benchmarks.gpu.{module}", *arguments)


def load() -> Stage:
    """Where torch is read for the first time it takes long, and says nothing."""
    return Stage("load", 60, 60, ours("load"))


def build(capability: str | None) -> Stage:
    """Only where the libraries do not load. The other stages lack the time that it takes."""
    chosen = {} if os.environ.get("TORCH_CUDA_ARCH_LIST") or not capability else {"TORCH_CUDA_ARCH_LIST": capability}
    command = (sys.executable, "setup.py", "-q", "build_native")
    return Stage("build", 150, 150, command, {"USE_CUDA": "1", **chosen}, is_ours=False)


def sanitizer(name: str, **environment: str) -> Stage:
    """Two samples an operator, float32. API errors that torch expects and handles itself are none of ptdet's."""
    options = ("--tool", name, "--report-api-errors", "no", "--kernel-name", "kns=ptdet", "--error-exitcode", "9")
    operators = ours("operators", "--samples", "2", "--dtypes", "float32")
    return Stage(
        name, 25, 25, (tool("compute-sanitizer"), *options, *operators), environment, takes_skip=True,
        complaint=r"^=========.*ptdet::", cannot_run=r"Device not supported",
    )  # fmt: skip


def after_loading() -> list[Stage]:
    return [
        Stage("operators", 35, 25, ours("operators"), takes_skip=True),
        Stage("benchmarks", 75, 25, ours("bench")),
        Stage("tests", 35, 25, ours("suite")),
        Stage("checks", 25, 20, ours("checks")),
        Stage("fuzz", 30, 20, ours("fuzz", "--workers", "4")),
        # torch's cache of freed memory would hide an access beyond a tensor's end
        sanitizer("memcheck", PYTORCH_NO_CUDA_MEMORY_CACHING="1"),
        sanitizer("racecheck"),
        Stage("profile", 15, 15, ours("kernels")),
    ]


# What the emulator does in a while.
SMALL = {"operators": ("--samples", "1", "--dtypes", "float32"), "fuzz": ("--cases", "6", "--workers", "2")}


def emulated(stage: Stage, fault: str) -> Stage:
    """The stage as it runs where the emulator is the device (fake_device.py)."""
    if stage.name == "build":
        return replace(stage, command=(sys.executable, "-m", "tests.cuda_emulator.torch_room"), environment={})
    command = (*stage.command, *SMALL.get(stage.name, ()), f"--fake-device={fault}")
    # pytest knows no such device: it collects its tests and skips them
    without = {} if stage.name == "tests" else {"PTDET_DISABLE_NATIVE": "1"}
    return replace(stage, command=command, environment={**stage.environment, **without})
