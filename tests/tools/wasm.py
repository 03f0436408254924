"""Builds the kernels for the browser: `make wasm`. Its compiler is zig's clang, of PyPI's package ziglang.

The module is kept in git, so that an install needs no second compiler; beside it stands what it was made of, and a test
compares that with the sources of today.
"""

from __future__ import annotations

import hashlib
import json
import subprocess
import sys
import tempfile
from importlib.metadata import version
from pathlib import Path

from .import_graph import ROOT

PAGE = ROOT / "ptdet/explorer/page"
MODULE = PAGE / "ptdet.wasm"
RECORD = PAGE / "ptdet.wasm.json"
# What suppression and matching need; cpu/simd comes by wasm/simd_table.cpp.
SOURCES = (
    *("wasm/kernels", "wasm/simd_table", "cpu/box_fusion", "cpu/box_grid", "cpu/box_tree", "cpu/evaluation_match"),
    *("cpu/fast_nms", "cpu/groups", "cpu/matrix_nms", "cpu/merge_nms", "cpu/nmm", "cpu/nms", "cpu/nms_variants"),
    *("cpu/rotated_nms", "cpu/soft_nms", "cpu/tiles"),
)
FLAGS = (
    *("-target", "wasm32-wasi", "-std=c++17", "-Oz", "-msimd128", "-ffp-contract=off", "-fno-math-errno"),
    *("-fno-exceptions", "-fno-rtti", "-Wall", "-Wextra", "-Werror", "-fvisibility=hidden"),
)


def zig(*arguments: str) -> None:
    subprocess.run([sys.executable, "-m", "ziglang", "c++", *arguments], check=True, cwd=ROOT)


def build(module: Path) -> list[str]:
    """Compiles and links it; returns the project's files that it was made of."""
    with tempfile.TemporaryDirectory() as folder:
        objects, read = [], set()
        for source in SOURCES:
            target = Path(folder) / f"{source.replace('/', '_')}.o"
            listed = target.with_suffix(".d")
            zig(*FLAGS, "-Icsrc", "-MMD", "-MF", str(listed), "-c", f"csrc/{source}.cpp", "-o", str(target))
            objects.append(str(target))
            read |= {word for word in listed.read_text(encoding="utf-8").split() if word.startswith("csrc/")}
        zig("-target", "wasm32-wasi", "-mexec-model=reactor", "-Oz", "-s", *objects, "-o", str(module))
    return sorted(read)


def digest(paths: list[str]) -> str:
    """Of the files' names and contents."""
    whole = hashlib.sha256()
    for path in paths:
        whole.update(f"{path}\0".encode() + (ROOT / path).read_bytes() + b"\0")
    return whole.hexdigest()


def record(files: list[str], module: Path, compiler: str) -> dict[str, object]:
    return {
        "compiler": compiler,
        "flags": " ".join(FLAGS),
        "module": hashlib.sha256(module.read_bytes()).hexdigest(),
        "sources": digest(files),
        "files": files,
    }


def main() -> None:
    files = build(MODULE)
    RECORD.write_text(
        json.dumps(record(files, MODULE, f"ziglang {version('ziglang')}"), indent=1) + "\n", encoding="utf-8"
    )
    print(f"{MODULE.relative_to(ROOT)}: {MODULE.stat().st_size} bytes")


if __name__ == "__main__":
    main()
