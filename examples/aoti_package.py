"""A detector's head with ptdet.nms as an AOTInductor package, run by a C++ program without Python.

The package is made here, and so is the program (examples/aoti/run_head.cpp); it loads ptdet's _C.so and nothing else
of ptdet.
"""

from __future__ import annotations

import argparse
import os
import subprocess
import sys
import tempfile
from pathlib import Path

import torch
from torch import Tensor, nn

HERE = Path(__file__).resolve().parent
sys.path.insert(0, str(HERE.parent))

import ptdet  # noqa: E402


class Head(nn.Module):
    """Boxes shrink a little, the suppression follows; indices of the kept ones."""

    def forward(self, boxes: Tensor, scores: Tensor) -> Tensor:
        centre, side = (boxes[:, :2] + boxes[:, 2:]) / 2, boxes[:, 2:] - boxes[:, :2]
        return ptdet.nms(torch.cat([centre - side * 0.45, centre + side * 0.45], 1), scores.sigmoid(), 0.5)


def scene(count: int) -> tuple[Tensor, Tensor]:
    random = torch.Generator().manual_seed(count)
    corner = torch.rand(count, 2, generator=random) * 300
    return torch.cat([corner, corner + 20 + 30 * torch.rand(count, 2, generator=random)], 1), torch.randn(
        count, generator=random
    )


def package(path: Path) -> None:
    rows = torch.export.Dim("rows", min=2)
    program = torch.export.export(Head(), scene(50), dynamic_shapes={"boxes": {0: rows}, "scores": {0: rows}})
    torch._inductor.aoti_compile_and_package(program, package_path=str(path))


def build(program: Path) -> None:
    torch_home = Path(torch.__file__).parent
    include = torch_home / "include"
    libraries = ["-ltorch", "-ltorch_cpu", "-lc10"] + (["-ltorch_cuda", "-lc10_cuda"] if torch.version.cuda else [])
    command = [
        os.environ.get("CXX", "c++"), "-std=c++20", "-O0", str(HERE / "aoti/run_head.cpp"), "-o", str(program),
        "-isystem", str(include), "-isystem", str(include / "torch/csrc/api/include"), f"-L{torch_home}/lib",
        "-Wl,--no-as-needed", *libraries, "-ldl", f"-Wl,-rpath,{torch_home}/lib",
    ]  # fmt: skip
    subprocess.run(command, check=True)


def main(arguments: list[str] | None = None) -> int:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--folder", type=Path, help="where package and program go; a temporary one if not given")
    folder = parser.parse_args(arguments).folder
    with tempfile.TemporaryDirectory() as temporary:
        work = folder or Path(temporary)
        work.mkdir(parents=True, exist_ok=True)
        package(work / "head.pt2")
        build(work / "run_head")
        for count in (50, 400, 5000):
            boxes, scores = scene(count)
            boxes.numpy().tofile(work / "boxes.bin")
            scores.numpy().tofile(work / "scores.bin")
            files = [str(work / name) for name in ("head.pt2", "boxes.bin", "scores.bin")]
            library = Path(ptdet.__file__).parent / "_C.so"
            ran = subprocess.run([str(work / "run_head"), str(library), *files], capture_output=True, text=True)
            if ran.returncode != 0:
                print(ran.stderr, file=sys.stderr)
                return 1
            kept = [int(line) for line in ran.stdout.split()]
            same = kept == Head()(boxes, scores).tolist()
            print(f"{count} boxes: {len(kept)} kept by the C++ program, {'as' if same else 'NOT as'} in Python")
            if not same:
                return 1
    return 0


if __name__ == "__main__":
    raise SystemExit(main())
