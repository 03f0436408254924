"""The rules of docs/DESIGN.md that a grep can keep."""

from __future__ import annotations

import re
import subprocess
from pathlib import Path

import pytest

from ptdet._shared.methods import METHODS

from . import architecture, import_graph

ROOT = Path(__file__).parents[2]
# What the files of a room may include, beside their own room's.
MAY_INCLUDE = {
    "math": set(),
    "api": {"math"},
    "runtime": {"api"},
    "cpu": {"math", "api"},
    # cuda_on_cpu.h is the emulator of the tests, which stands in for nvcc's own header
    "cuda": {"math", "api", "cuda_on_cpu.h"},
    "torch": {"api", "runtime", "schemas.inc"},
    "numpy": {"api", "runtime"},
    "wasm": {"api", "cpu"},
}
# From the top down: a module of ptdet imports its own room and those below, of its own row none but the named.
FLOORS = (
    {"cli", "__main__"},
    {"integrations", "nn", "onnx", "explorer", "ray"},
    {"yolo", "rotated", "info", "tuning"},
    {"ops", "testing", "evaluation", "dataset"},
    {"_library", "numpy", "io"},
    {"compat"},
    {"reference", "_shared"},
)
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


@pytest.mark.parametrize("room", MAY_INCLUDE)
def test_includes_point_one_way(room: str) -> None:
    for path in sources(f"csrc/{room}", SOURCES):
        for ours, system in INCLUDE.findall(path.read_text(encoding="utf-8")):
            if ours:
                allowed = {room, *MAY_INCLUDE[room]}
                assert ours in allowed or ours.split("/")[0] in allowed, f"{path.relative_to(ROOT)} includes {ours}"
                assert (ROOT / "csrc" / ours).exists() or ours in allowed, f"{path.relative_to(ROOT)} includes {ours}"
            elif room != "torch":
                allowed_system = room == "numpy" and system.startswith("pybind11/")
                assert allowed_system or not re.match(r"(torch|ATen|c10|pybind11)/", system), f"{path}: <{system}>"


def test_there_is_no_circle() -> None:
    assert import_graph.circles(import_graph.cpp_includes()) == []
    assert import_graph.circles(import_graph.python_imports()) == []


def test_imports_point_down() -> None:
    floor = {room: height for height, rooms in enumerate(FLOORS) for room in rooms}
    rooms = {import_graph.room_of_module(name) for name in import_graph.python_files()} - {"ptdet"}
    assert rooms == set(floor), "a new room of ptdet wants its place in FLOORS"
    for user, used in import_graph.arrows_between_rooms(import_graph.python_imports(), import_graph.room_of_module):
        if "ptdet" not in (user, used):  # the table of public names, which loads what is asked for
            assert floor[user] < floor[used] or (user, used) == ("__main__", "cli"), f"{user} imports {used}"


def test_the_picture_is_that_of_the_code() -> None:
    told = "run: python -m tests.tools.architecture"
    assert architecture.PICTURE.read_text(encoding="utf-8") == architecture.svg(), told


def test_the_page_names_every_room_and_stem() -> None:
    page = (ROOT / "docs/ARCHITECTURE.md").read_text(encoding="utf-8")
    folders = [path for top in ("ptdet", "csrc") for path in (ROOT / top).iterdir() if path.is_dir()]
    rooms = {f"{path.parent.name}/{path.name}" for path in folders if path.name != "__pycache__"}
    stems = {path.stem for path in sources("ptdet/ops", (".py",)) if not path.stem.startswith("_")}
    assert not {name for name in rooms | stems if f"`{name}`" not in page}


@pytest.mark.parametrize("name", METHODS)
def test_a_reader_finds_what_decides_a_method_by_its_stem(name: str) -> None:
    stem, function = METHODS[name].stem, METHODS[name].function
    page = (ROOT / "docs/ARCHITECTURE.md").read_text(encoding="utf-8")
    assert re.search(rf"^\| `{stem}` \| .*(`{function}`|and more) ?.*\|$", page, re.MULTILINE)
    for place in ("csrc/cpu/{}.cpp", "csrc/cuda/{}.cu", "csrc/numpy/{}.cpp", "csrc/torch/{}.h"):
        assert (ROOT / place.format(stem)).is_file(), place
    assert (ROOT / f"ptdet/reference/{stem}.py").is_file()
    for place in ("ptdet/ops/{}.py", "ptdet/numpy/_{}.py"):
        assert f"\ndef {function}(" in (ROOT / place.format(stem)).read_text(encoding="utf-8"), place


def test_the_top_of_the_package_is_small() -> None:
    assert len(list((ROOT / "ptdet").glob("*.py"))) <= 8


def test_only_the_stable_torch_is_included() -> None:
    allowed = re.compile(r"torch/(csrc/stable|csrc/inductor/aoti_torch|headeronly)/")
    for path in sources("csrc", SOURCES):
        for _, system in INCLUDE.findall(path.read_text(encoding="utf-8")):
            assert not re.match(r"(ATen|c10)/|torch/(extension|all|torch)\.h", system), f"{path}: {system}"
            assert not system.startswith("torch/") or allowed.match(system), f"{path}: {system}"


def test_the_formulas_allocate_nothing() -> None:
    forbidden = re.compile(r"\b(new|malloc|std::vector|std::string|std::function|throw)\b")
    for path in sources("csrc/math", SOURCES):
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


def test_nothing_imports_torchvision_the_tests_or_the_benchmarks() -> None:
    for path in sources("ptdet", (".py",)):
        assert not re.search(
            r"^\s*(from|import)\s+(torchvision|tests|benchmarks)\b", path.read_text(encoding="utf-8"), re.MULTILINE
        ), path


def test_lines_stop_at_120_columns() -> None:
    endings = (*SOURCES, ".py")
    folders = ("csrc", "ptdet", "tests", "benchmarks", "examples")
    for path in [ROOT / "setup.py", *(file for folder in folders for file in sources(folder, endings))]:
        text = path.read_text(encoding="utf-8")
        longest = max(map(len, text.splitlines()), default=0)
        assert longest <= 120, f"{path.relative_to(ROOT)} has a line of {longest} characters"


def test_loads_are_safe() -> None:
    """torch.load only with weights_only=True, numpy.load only with allow_pickle=False, no pickle, no eval.

    Whole models are loaded by the tests that have just saved them.
    """
    names = ("contract/test_patch", "parity/test_patched_detectors", "parity/test_torchvision_install")
    whole_models = {f"tests/{name}.py" for name in names}
    call = re.compile(r"\b(torch\.load|np\.load|numpy\.load)\(((?:[^()]|\([^()]*\))*)\)")
    for path in [file for folder in ("ptdet", "tests", "benchmarks", "examples") for file in sources(folder, (".py",))]:
        text = path.read_text(encoding="utf-8")
        if path == Path(__file__):
            continue
        assert not re.search(r"^\s*(import|from) (pickle|dill|joblib|marshal)\b", text, re.MULTILINE), path
        assert not re.search(r"(?<![\w.])(eval|exec)\(", text), path
        for name, arguments in call.findall(text):
            if str(path.relative_to(ROOT)) in whole_models and "weights_only=False" in arguments:
                continue
            safe = "weights_only=True" if name == "torch.load" else "allow_pickle=False"
            assert safe in arguments, f"{path.relative_to(ROOT)}: {name}({arguments})"


# What lies around a pass over a batch, and most methods of rotated boxes: on CUDA torch's own operators do it
# (ptdet/ops/_yolo_on_cuda.py, reference).
COMPOSED_ON_CUDA = {
    "yolo_postprocess", "yolo_pipeline", "ragged_groups", "image_order", "rows_at", "class_candidates",
    "rotated_merge_nms_walk", "rotated_nmm_walk", "rotated_wbf_walk", "rotated_and_nms", "rotated_and_nms_walk",
    "rotated_adaptive_nms_walk", "rotated_soft_nms_walk", "rotated_matrix_nms_walk",
}  # fmt: skip


def test_every_schema_has_a_reference_and_a_kernel_on_each_device() -> None:
    names = re.findall(r"^(\w+)\(", (ROOT / "ptdet/schemas.txt").read_text(encoding="utf-8"), re.MULTILINE)
    # A header names its operators once, in register_<stem>; the files of a device call that for their Call.
    named = re.compile(r'm\.impl\("(\w+)"')
    of_stem = {
        stem: named.findall(body)
        for path in sources("csrc/torch", (".h",))
        for stem, body in re.findall(r"void register_(\w+)\(.*?{(.*?)\n}", path.read_text("utf-8"), re.DOTALL)
    }
    registered: dict[str, set[str]] = {"CPU": set(), "PTDET_CUDA_KEY": set()}
    for path in sources("csrc/torch", (".cpp",)):
        for key, block in re.findall(r"LIBRARY_IMPL\(ptdet, (\w+), m\) {(.*?)}\n", path.read_text("utf-8"), re.DOTALL):
            stems = re.findall(r"register_(\w+)<", block)
            registered.setdefault(key, set()).update(named.findall(block), *(of_stem[stem] for stem in stems))
    from ptdet import reference

    assert names
    for name in names:
        assert callable(getattr(reference, name))
    assert registered["CPU"] == set(names) == registered["PTDET_CUDA_KEY"] | COMPOSED_ON_CUDA


def test_no_build_product_is_tracked() -> None:
    listed = subprocess.run(["git", "ls-files"], cwd=ROOT, capture_output=True, text=True)
    if listed.returncode != 0:
        pytest.skip("not a git checkout")
    assert not re.search(r"\.(so|o|pyc|pyd|whl)$", listed.stdout, re.MULTILINE)
