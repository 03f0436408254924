"""The rules of docs/DESIGN.md that a grep can keep."""

from __future__ import annotations

import re
import subprocess
from pathlib import Path

import pytest

ROOT = Path(__file__).parents[1]
ROOMS = ("core", "cpu", "cuda", "torch", "numpy")
MAY_INCLUDE = {
    "core": {"core"},
    "cpu": {"core", "cpu", "kernels.h", "switch.h"},
    # cuda_on_cpu.h is the emulation of tests/emulation (DESIGN, decision 8), which stands in for nvcc's own header
    "cuda": {"core", "cuda", "kernels.h", "switch.h", "cuda_on_cpu.h"},
    "torch": {"core", "torch", "kernels.h", "switch.h", "names.h", "call_host.h", "schemas.inc"},
    "numpy": {"core", "numpy", "kernels.h", "switch.h", "names.h", "call_host.h"},
}
INCLUDE = re.compile(r'^\s*#\s*include\s*(?:"([^"]+)"|<([^>]+)>)', re.MULTILINE)
SOURCES = (".h", ".cpp", ".inc", ".cu", ".cuh")


def sources(folder: str, endings: tuple[str, ...]) -> list[Path]:
    """Files of the project under a folder, leaving out what git ignores."""
    return [
        path for path in sorted((ROOT / folder).rglob("*"))
        if path.is_file() and path.suffix in endings and "__pycache__" not in path.parts
    ]  # fmt: skip


def without_comments(text: str) -> str:
    return re.sub(r"//[^\n]*|/\*.*?\*/", "", text, flags=re.DOTALL)


@pytest.mark.parametrize("room", ROOMS)
def test_includes_point_one_way(room: str) -> None:
    for path in sources(f"csrc/{room}", SOURCES):
        for ours, system in INCLUDE.findall(path.read_text(encoding="utf-8")):
            if ours:
                first = ours.split("/")[0]
                assert first in MAY_INCLUDE[room] or (path.parent / ours).exists(), (
                    f"{path.relative_to(ROOT)} includes {ours}"
                )
                assert ".." not in ours, f"{path.relative_to(ROOT)} includes {ours}: name the room"
            elif room != "torch":
                allowed = room == "numpy" and system.startswith("pybind11/")
                assert allowed or not re.match(r"(torch|ATen|c10|pybind11)/", system), f"{path}: <{system}>"


def test_the_door_includes_nothing_of_the_house() -> None:
    for path in [ROOT / "csrc/kernels.h", *sources("csrc/kernels", SOURCES)]:
        for ours, system in INCLUDE.findall(path.read_text(encoding="utf-8")):
            assert not ours or ours.startswith("kernels/"), f"{path}: {ours}"
            assert "/" not in system, f"{path}: {system}"


def test_only_the_stable_torch_is_included() -> None:
    allowed = re.compile(r"torch/(csrc/stable|csrc/inductor/aoti_torch|headeronly)/")
    for path in sources("csrc", SOURCES):
        for _, system in INCLUDE.findall(path.read_text(encoding="utf-8")):
            assert not re.match(r"(ATen|c10)/|torch/(extension|all|torch)\.h", system), f"{path}: {system}"
            assert not system.startswith("torch/") or allowed.match(system), f"{path}: {system}"


def test_core_allocates_nothing() -> None:
    forbidden = re.compile(r"\b(new|malloc|std::vector|std::string|std::function|throw)\b")
    for path in sources("csrc/core", SOURCES):
        found = forbidden.search(without_comments(path.read_text(encoding="utf-8")))
        assert not found, f"{path.relative_to(ROOT)}: {found.group() if found else ''}"


def test_the_kernel_rooms_declare_nothing_of_each_other() -> None:
    for room, other in (("cpu", "cuda"), ("cuda", "cpu")):
        for path in sources(f"csrc/{room}", SOURCES):
            found = re.search(rf"\b{other}::", without_comments(path.read_text(encoding="utf-8")))
            assert not found, path.relative_to(ROOT)


def test_no_fast_math_anywhere() -> None:
    for path in [ROOT / "setup.py", *sources("csrc", SOURCES)]:
        assert not re.search(
            r"-ffast-math|--?use_fast_math|-Ofast|__fdividef|__expf", path.read_text(encoding="utf-8")
        ), path


def test_the_reference_is_independent() -> None:
    imports = re.compile(r"^\s*(?:from|import)\s+([.\w]+)", re.MULTILINE)
    for path in sources("ptdet/reference", (".py",)):
        for module in imports.findall(path.read_text(encoding="utf-8")):
            local = module.startswith(".") and not module.startswith("..")
            assert local or module.split(".")[0] in {"torch", "math", "collections", "typing", "dataclasses"}, (
                f"{path.relative_to(ROOT)} imports {module}"
            )


def test_nothing_imports_torchvision_or_the_tests() -> None:
    for path in sources("ptdet", (".py",)):
        assert not re.search(
            r"^\s*(from|import)\s+(torchvision|tests)\b", path.read_text(encoding="utf-8"), re.MULTILINE
        ), path


def test_files_stop_at_300_lines() -> None:
    endings = (*SOURCES, ".py")
    folders = ("csrc", "ptdet", "tests", "benchmarks", "examples")
    for path in [ROOT / "setup.py", *(file for folder in folders for file in sources(folder, endings))]:
        text = path.read_text(encoding="utf-8")
        assert text.count("\n") <= 300, f"{path.relative_to(ROOT)} has {text.count(chr(10))} lines"
        longest = max(map(len, text.splitlines()), default=0)
        assert longest <= 120, f"{path.relative_to(ROOT)} has a line of {longest} characters"


def test_loads_are_safe() -> None:
    """torch.load only with weights_only=True, numpy.load only with allow_pickle=False, no pickle, no eval."""
    call = re.compile(r"\b(torch\.load|np\.load|numpy\.load)\(((?:[^()]|\([^()]*\))*)\)")
    for path in [file for folder in ("ptdet", "tests", "benchmarks", "examples") for file in sources(folder, (".py",))]:
        text = path.read_text(encoding="utf-8")
        if path == Path(__file__):
            continue
        assert not re.search(r"^\s*(import|from) (pickle|dill|joblib|marshal)\b", text, re.MULTILINE), path
        assert not re.search(r"(?<![\w.])(eval|exec)\(", text), path
        for name, arguments in call.findall(text):
            safe = "weights_only=True" if name == "torch.load" else "allow_pickle=False"
            assert safe in arguments, f"{path.relative_to(ROOT)}: {name}({arguments})"


def test_every_schema_has_a_reference_and_a_native_kernel() -> None:
    names = re.findall(r"^(\w+)\(", (ROOT / "ptdet/schemas.txt").read_text(encoding="utf-8"), re.MULTILINE)
    library = (ROOT / "csrc/torch/library.cpp").read_text(encoding="utf-8")
    from ptdet import reference

    assert names
    for name in names:
        assert f'm.impl("{name}"' in library
        assert callable(getattr(reference, name))


def test_no_build_product_is_tracked() -> None:
    listed = subprocess.run(["git", "ls-files"], cwd=ROOT, capture_output=True, text=True)
    if listed.returncode != 0:
        pytest.skip("not a git checkout")
    assert not re.search(r"\.(so|o|pyc|pyd|whl)$", listed.stdout, re.MULTILINE)
