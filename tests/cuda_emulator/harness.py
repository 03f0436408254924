"""Builds the emulated kernels and runs them. Free of pytest."""

from __future__ import annotations

import fcntl
import os
import shutil
import struct
import subprocess
import sys
from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from functools import cache
from pathlib import Path
from types import MappingProxyType

import torch
from torch import Tensor

from ptdet._shared.parameters import METRICS, ROTATED_OVERLAPS

HERE = Path(__file__).parent
ROOT = HERE.parent.parent
CSRC = ROOT / "csrc"
BUILD = ROOT / "build" / "emulation"

EVERY_METRIC = tuple(dict.fromkeys((*METRICS, *ROTATED_OVERLAPS)))  # as csrc/api/common.h numbers them
TYPES = [
    torch.float64, torch.float32, torch.float16, torch.bfloat16, torch.int64, torch.int32, torch.int16, torch.int8,
    torch.uint8, torch.bool, torch.uint16, torch.uint32, torch.uint64,
]  # fmt: skip


@dataclass(frozen=True)
class Flavour:
    """One way to compile. A small tile takes few boxes through many rounds, where a sanitizer makes boxes dear."""

    name: str
    flags: tuple[str, ...]
    runtime_flags: tuple[str, ...]
    tile: int

    def __str__(self) -> str:
        return self.name


PLAIN = Flavour("plain", ("-O2",), (), 256)
ASAN = Flavour(
    "asan",
    ("-O1", "-fsanitize=address,undefined", "-fno-sanitize-recover=all", "-DPTDET_NMS_TILE=64"),
    ("-DCUDA_ON_CPU_ASAN",),
    64,
)
TSAN = Flavour("tsan", ("-O1", "-fsanitize=thread", "-DPTDET_NMS_TILE=32"), ("-DCUDA_ON_CPU_TSAN",), 32)
FLAVOURS = (PLAIN, ASAN, TSAN)

COMMON = ("-std=c++17", "-g1", "-fPIC", "-Wall", "-Wextra", "-Werror", "-ffp-contract=off", f"-I{CSRC}", f"-I{HERE}")
# At its end a program under ThreadSanitizer waits a second for other threads; here there is one.
ENVIRONMENT = {
    "ASAN_OPTIONS": "detect_leaks=0",
    "TSAN_OPTIONS": "halt_on_error=1:exitcode=66:atexit_sleep_ms=0",
}


def compiler() -> str | None:
    return shutil.which(os.environ.get("CXX", "g++"))


@cache
def build(flavour: Flavour) -> Path:
    """The folder that holds the drivers and `planted`; what a change has left out of date is compiled."""
    folder = BUILD / flavour.name
    cuda, drivers = sorted((CSRC / "cuda").glob("*.cu")), sorted(HERE.glob("*driver.cpp"))
    ninja = NinjaFile(folder, flavour.flags)
    kernels = [ninja.compile(path, COMMON, flavour.flags) for path in cuda]
    runtime = ninja.compile(HERE / "cuda_on_cpu.cpp", COMMON, ("-O2", *flavour.runtime_flags))
    for driver in drivers:
        ninja.link(driver.stem, [ninja.compile(driver, COMMON, flavour.flags), *kernels, runtime])
    ninja.link("planted", [ninja.compile(HERE / "planted" / "faults.cu", COMMON, flavour.flags), runtime])
    ninja.run()
    return folder


class NinjaFile:
    """A folder of objects and programs, each made anew when what it reads or its command has changed."""

    def __init__(self, folder: Path, link_flags: tuple[object, ...]) -> None:
        self.folder = folder
        self.lines = [
            f"rule cxx\n  command = {compiler()} $flags -x c++ -MMD -MF $out.d -c $in -o $out\n  deps = gcc\n"
            "  depfile = $out.d\n",
            f"rule link\n  command = {compiler()} {_joined(link_flags)} $in -o $out $libs\n",
        ]

    def compile(self, source: Path, *flags: tuple[object, ...]) -> Path:
        out = self.folder / f"{source.stem}.o"
        self.lines.append(f"build {out}: cxx {source}\n  flags = {' '.join(map(_joined, flags))}\n")
        return out

    def link(self, name: str, objects: list[Path], libraries: tuple[object, ...] = ()) -> Path:
        self.lines.append(f"build {self.folder / name}: link {_joined(objects)}\n  libs = {_joined(libraries)}\n")
        return self.folder / name

    def run(self) -> None:
        """One process at a time: two workers of a test run want the same kernels."""
        self.folder.mkdir(parents=True, exist_ok=True)
        ninja = shutil.which("ninja") or str(Path(sys.executable).parent / "ninja")
        with (self.folder / "lock").open("w") as lock:
            fcntl.flock(lock, fcntl.LOCK_EX)
            (self.folder / "build.ninja").write_text("\n".join(self.lines))
            done = subprocess.run([ninja, "-C", str(self.folder)], capture_output=True, text=True, check=False)
        if done.returncode != 0:
            raise RuntimeError(done.stdout + done.stderr)


def _joined(parts: Iterable[object]) -> str:
    return " ".join(map(str, parts))


@dataclass(frozen=True)
class Case:
    """Arguments of one suppression, as `ptdet.reference.nms_walk` takes them."""

    boxes: Tensor
    scores: Tensor
    idxs: Tensor | None = None
    iou_threshold: float = 0.5
    metric: str = "iou"
    inclusive: bool = False
    score_threshold: float | None = None
    max_output: int | None = None


def memory_of(tensor: Tensor) -> bytes:
    """The bytes from a tensor's first element to its last, with what its strides skip."""
    if tensor.numel() == 0:
        return b""
    span = sum((size - 1) * stride for size, stride in zip(tensor.shape, tensor.stride(), strict=True)) + 1
    return tensor.as_strided((span,), (1,)).contiguous().view(torch.uint8).numpy().tobytes()


def encode(case: Case, want_owner: bool, options: bytes = b"") -> bytes:
    boxes, scores, idxs = memory_of(case.boxes), memory_of(case.scores), b""
    groups = (0, -1, 1)
    if case.idxs is not None:
        idxs = memory_of(case.idxs)
        groups = (len(idxs), TYPES.index(case.idxs.dtype), case.idxs.stride(0))
    count = len(case.boxes)
    header = struct.pack(
        "<16q2d",
        *(count, len(boxes), TYPES.index(case.boxes.dtype), case.boxes.stride(0), case.boxes.stride(1)),
        *(len(scores), TYPES.index(case.scores.dtype), case.scores.stride(0)),
        *groups,
        *(EVERY_METRIC.index(case.metric), case.inclusive, case.score_threshold is not None),
        *(count if case.max_output is None else case.max_output, want_owner),
        *(case.iou_threshold, case.score_threshold or 0.0),
    )
    return header + options + boxes + scores + idxs


def run(
    flavour: Flavour, cases: list[Case], seed: int, want_owner: bool = True, what: str = ""
) -> list[tuple[int, Tensor, Tensor]]:
    """(kept, keep, owner) of each case, all from one process. `what`: as driver.cpp has it."""
    given = b"".join(encode(case, want_owner) for case in cases)
    done = execute(build(flavour) / "driver", [what] if what else [], seed, given)
    if done.returncode != 0:
        raise AssertionError(f"{flavour.name}: exit {done.returncode}\n{done.stderr.decode()[-6000:]}")
    numbers = torch.frombuffer(bytearray(done.stdout), dtype=torch.int64)
    sizes = [size for case in cases for size in (1, len(case.boxes), len(case.boxes))]
    parts = numbers.split(sizes)
    return [(int(parts[i]), parts[i + 1], parts[i + 2]) for i in range(0, len(parts), 3)]


def launches(flavour: Flavour, case: Case, seed: int) -> list[tuple[str, int, int]]:
    """What one case launches: each kernel as csrc/cuda names it, its blocks, and the barriers that they reached."""
    program = build(flavour) / "driver"
    done = execute(program, [], seed, encode(case, want_owner=True), {"PTDET_EMULATION_LAUNCHES": "1"})
    if done.returncode != 0:
        raise AssertionError(f"{flavour.name}: exit {done.returncode}\n{done.stderr.decode()[-6000:]}")
    lines = [line.split()[2:] for line in done.stderr.decode().splitlines() if line.startswith("cuda_on_cpu: launch ")]
    return [(name, int(blocks), int(barriers)) for name, blocks, barriers in lines]


def run_planted(flavour: Flavour, name: str, seed: int) -> subprocess.CompletedProcess[bytes]:
    return execute(build(flavour) / "planted", [name], seed, b"")


def execute(
    program: Path, arguments: list[str], seed: int, given: bytes, more: Mapping[str, str] = MappingProxyType({})
) -> subprocess.CompletedProcess[bytes]:
    """`more`: of the environment."""
    command = [str(program), *arguments]
    if shutil.which("setarch"):  # gcc's ThreadSanitizer gives up where addresses are drawn from too wide a range
        command = ["setarch", "-R", *command]
    environment = {**os.environ, **ENVIRONMENT, "PTDET_EMULATION_SEED": str(seed), **more}
    return subprocess.run(command, input=given, capture_output=True, env=environment, timeout=300, check=False)
