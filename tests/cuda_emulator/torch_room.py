"""Builds csrc/torch's CUDA operators over the emulated kernels, for the key of the CPU. Free of pytest.

`python -m tests.cuda_emulator.torch_room` compiles them and the kernels, all that `make test` needs of the emulator.
"""

from __future__ import annotations

from pathlib import Path

import torch

from .harness import BUILD, COMMON, CSRC, HERE, PLAIN, NinjaFile, build

ROOM = CSRC / "torch"
FLAGS = (
    "-O1", "-fvisibility=hidden", "-DUSE_CUDA", "-DPTDET_CUDA_KEY=CPU", "-DTORCH_TARGET_VERSION=0x020b000000000000",
    f"-I{HERE / 'fake'}",
)  # fmt: skip


def library() -> Path:
    """The shared object that torch.ops.load_library takes where ptdet's own kernels are not loaded."""
    kernels = build(PLAIN)
    torch_root = Path(torch.__file__).parent
    includes = [
        part for name in ("include", "include/torch/csrc/api/include") for part in ("-isystem", torch_root / name)
    ]
    sources = sorted(ROOM.glob("*_cuda.cpp"))
    ninja = NinjaFile(BUILD / "torch-room", ("-shared",))
    objects = [ninja.compile(path, COMMON, FLAGS, tuple(includes)) for path in [*sources, HERE / "torch_room.cpp"]]
    objects += [kernels / f"{path.stem}.o" for path in sorted((CSRC / "cuda").glob("*.cu"))]
    objects.append(kernels / "cuda_on_cpu.o")
    libraries = (f"-L{torch_root / 'lib'}", "-Wl,--no-as-needed,-Bsymbolic", "-ltorch", "-ltorch_cpu")
    made = ninja.link("torch_room.so", objects, libraries)
    ninja.run()
    return made


if __name__ == "__main__":
    library()
