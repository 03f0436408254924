"""Builds the emulated kernels and runs them. Free of pytest."""

from __future__ import annotations

import hashlib
import os
import shutil
import struct
import subprocess
import tempfile
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass
from pathlib import Path

import torch
from torch import Tensor

HERE = Path(__file__).parent
ROOT = HERE.parent.parent
CSRC = ROOT / "csrc"
BUILD = ROOT / "build" / "emulation"

TYPES = [
    torch.float64, torch.float32, torch.float16, torch.bfloat16, torch.int64, torch.int32, torch.int16, torch.int8,
    torch.uint8, torch.bool, torch.uint16, torch.uint32, torch.uint64,
]  # fmt: skip
METRICS = ["iou", "giou", "diou", "ciou", "iof", "ios"]


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


def sources_hash(*build_choices: object) -> str:
    digest = hashlib.sha256(repr(build_choices).encode())
    folders = (CSRC / "core", CSRC / "kernels", CSRC / "cuda", HERE)
    files = [p for folder in folders for p in folder.rglob("*") if p.suffix in {".h", ".cu", ".cpp", ".inc"}]
    for path in sorted([*files, CSRC / "kernels.h", CSRC / "switch.h"]):
        digest.update(str(path.relative_to(ROOT)).encode() + b"\0" + path.read_bytes() + b"\0")
    return digest.hexdigest()[:16]


def build(flavour: Flavour) -> Path:
    """The folder that holds the drivers and `planted`, compiled if a source has changed since."""
    folder = BUILD / f"{flavour.name}-{sources_hash(flavour, COMMON, compiler())}"
    if folder.exists():
        return folder
    BUILD.mkdir(parents=True, exist_ok=True)
    for old in BUILD.glob(f"{flavour.name}-*"):
        shutil.rmtree(old, ignore_errors=True)
    with tempfile.TemporaryDirectory(dir=BUILD) as name:
        work = Path(name)
        cuda, drivers = sorted((CSRC / "cuda").glob("*.cu")), sorted(HERE.glob("*driver.cpp"))
        with ThreadPoolExecutor(os.cpu_count()) as pool:
            sources = [*cuda, *drivers, HERE / "planted" / "faults.cu"]
            compiling = [pool.submit(_compile, work, path, flavour.flags) for path in sources]
            runtime = _compile(work, HERE / "cuda_on_cpu.cpp", ("-O2", *flavour.runtime_flags))
            objects = [done.result() for done in compiling]
        kernels, planted = objects[: len(cuda)], objects[-1]
        for driver in objects[len(cuda) : -1]:
            call([compiler(), *flavour.flags, driver, *kernels, runtime, "-o", work / driver.stem])
        call([compiler(), *flavour.flags, planted, runtime, "-o", work / "planted"])
        try:
            work.rename(folder)
        except OSError:  # another process was faster
            return folder
        work.mkdir()  # for TemporaryDirectory to remove
    return folder


def _compile(work: Path, source: Path, flags: tuple[str, ...]) -> Path:
    out = work / f"{source.stem}.o"
    call([compiler(), *COMMON, *flags, "-x", "c++", "-c", source, "-o", out])
    return out


def call(command: list[object]) -> None:
    done = subprocess.run([str(part) for part in command], capture_output=True, text=True, check=False)
    if done.returncode != 0:
        raise RuntimeError(f"{' '.join(map(str, command))}\n{done.stdout}{done.stderr}")


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
        *(METRICS.index(case.metric), case.inclusive, case.score_threshold is not None),
        *(count if case.max_output is None else case.max_output, want_owner),
        *(case.iou_threshold, case.score_threshold or 0.0),
    )
    return header + options + boxes + scores + idxs


def run(flavour: Flavour, cases: list[Case], seed: int, want_owner: bool = True) -> list[tuple[int, Tensor, Tensor]]:
    """(kept, keep, owner) of each case, all from one process."""
    done = execute(build(flavour) / "driver", [], seed, b"".join(encode(case, want_owner) for case in cases))
    if done.returncode != 0:
        raise AssertionError(f"{flavour.name}: exit {done.returncode}\n{done.stderr.decode()[-6000:]}")
    numbers = torch.frombuffer(bytearray(done.stdout), dtype=torch.int64)
    sizes = [size for case in cases for size in (1, len(case.boxes), len(case.boxes))]
    parts = numbers.split(sizes)
    return [(int(parts[i]), parts[i + 1], parts[i + 2]) for i in range(0, len(parts), 3)]


def run_planted(flavour: Flavour, name: str, seed: int) -> subprocess.CompletedProcess[bytes]:
    return execute(build(flavour) / "planted", [name], seed, b"")


def execute(program: Path, arguments: list[str], seed: int, given: bytes) -> subprocess.CompletedProcess[bytes]:
    command = [str(program), *arguments]
    if shutil.which("setarch"):  # gcc's ThreadSanitizer gives up where addresses are drawn from too wide a range
        command = ["setarch", "-R", *command]
    environment = {**os.environ, **ENVIRONMENT, "PTDET_EMULATION_SEED": str(seed)}
    return subprocess.run(command, input=given, capture_output=True, env=environment, timeout=300, check=False)
