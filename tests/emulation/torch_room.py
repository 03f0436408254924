"""Builds csrc/torch's CUDA operators over the emulated kernels, for the key of the CPU. Free of pytest."""

from __future__ import annotations

import hashlib
import os
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path

import torch

from .harness import BUILD, COMMON, CSRC, HERE, PLAIN, build, call, compiler

ROOM = CSRC / "torch"
FLAGS = ("-O1", "-fvisibility=hidden", "-DUSE_CUDA", "-DTORCH_TARGET_VERSION=0x020b000000000000", f"-I{HERE / 'fake'}")


def library() -> Path:
    """The shared object that torch.ops.load_library takes where ptdet's own kernels are not loaded."""
    kernels = build(PLAIN)
    torch_root = Path(torch.__file__).parent
    includes = [
        part for name in ("include", "include/torch/csrc/api/include") for part in ("-isystem", torch_root / name)
    ]
    sources = [path for path in sorted(ROOM.glob("*_cuda.cpp")) if path.stem != "library_cuda"]
    sources.append(HERE / "torch_room.cpp")
    digest = hashlib.sha256(repr((kernels.name, torch.__version__, FLAGS)).encode())
    for path in sorted([*ROOM.iterdir(), *HERE.glob("fake/*"), HERE / "torch_room.cpp", CSRC / "names.h"]):
        digest.update(path.read_bytes())
    out = BUILD / f"torch-room-{digest.hexdigest()[:16]}.so"
    if out.exists():
        return out
    for old in BUILD.glob("torch-room-*"):
        old.unlink(missing_ok=True)

    def compiled(source: Path) -> Path:
        made = out.with_name(f"{out.stem}-{os.getpid()}-{source.stem}.o")
        call([compiler(), *COMMON, *FLAGS, *includes, "-c", source, "-o", made])
        return made

    with ThreadPoolExecutor(os.cpu_count()) as pool:
        objects = list(pool.map(compiled, sources))
    emulated = [
        kernels / f"{path.stem}.o" for path in [*sorted((CSRC / "cuda").glob("*.cu")), HERE / "cuda_on_cpu.cpp"]
    ]
    libraries = [f"-L{torch_root / 'lib'}", "-Wl,--no-as-needed,-Bsymbolic", "-ltorch", "-ltorch_cpu"]
    part = out.with_name(f"{out.stem}-{os.getpid()}.part")
    call([compiler(), "-shared", *objects, *emulated, "-o", part, *libraries])
    for each in objects:
        each.unlink()
    part.replace(out)
    return out
