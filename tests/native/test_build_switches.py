"""setup.py on a small tree with stand-ins for the compilers: what it builds, keeps, removes, refuses, and says."""

from __future__ import annotations

import json
import os
import re
import shutil
import subprocess
import sys
from pathlib import Path
from typing import Any, NamedTuple

import pytest

ROOT = Path(__file__).parents[2]
NINJA = shutil.which("ninja") or str(Path(sys.executable).parent / "ninja")
SOURCES = {
    "csrc/runtime/thread_pool.cpp", "csrc/cpu/nms.cpp", "csrc/cpu/simd/avx2.cpp", "csrc/torch/nms.cpp",
    "csrc/torch/nms_cuda.cpp", "csrc/numpy/nms.cpp", "csrc/numpy/quick.cpp", "csrc/cuda/nms.cu",
}  # fmt: skip
# Of the environment, CI's own among them, none reaches the build of a test.
SWITCHES = {
    "USE_CUDA", "TORCH_CUDA_ARCH_LIST", "CUDA_PATH", "MAX_JOBS", "DEBUG", "WERROR", "PTDET_REQUIRE_NATIVE",
}  # fmt: skip
# Writes what was asked for, fails over a source that says so, and lists the architectures of nvcc 12.4.
COMPILER = r"""#!/usr/bin/env python3
import os, re, sys
from pathlib import Path
if "--help" in sys.argv:
    raise SystemExit
if "--list-gpu-arch" in sys.argv:
    print(*("compute_" + arch for arch in ("50", "70", "75", "80", "86", "89", "90")), sep="\n")
    raise SystemExit
after = lambda flag: Path(sys.argv[sys.argv.index(flag) + 1])
tree = next((word[2:] for word in sys.argv if word.startswith("-I") and word.endswith("csrc")), "")
given = [Path(word) for word in sys.argv[1:] if word.endswith((".cpp", ".cu"))]
for source in given:
    given += [Path(tree, name) for name in re.findall(r'#include "(.*)"', source.read_text())]
    if "broken" in source.read_text():
        print(f"{source}:1:1: error: this file is broken")
        raise SystemExit(1)
out = after("-o")
out.write_bytes(os.fsencode(" ".join(sys.argv)))
if "-MF" in sys.argv:
    made, *read = (str(path).replace(" ", chr(92) + " ").replace("$", "$$") for path in (out, *given))
    after("-MF").write_bytes(os.fsencode(f"{made}: {' '.join(read)}\n"))
"""


class Built(NamedTuple):
    code: int
    said: str
    facts: dict[str, str]
    libraries: set[str]


class Tree:
    def __init__(self, folder: Path, tools: Path, torch_cuda: str = "'13.0'") -> None:
        self.folder, self.tools = folder, tools
        for name in SOURCES:
            (folder / name).parent.mkdir(parents=True, exist_ok=True)
            (folder / name).write_text("// fine\n")
        (folder / "ptdet").mkdir()
        (folder / "ptdet/__init__.py").write_text("")
        (folder / "ptdet/schemas.txt").write_text("nms(Tensor boxes) -> Tensor\n")
        for name in ("setup.py", "pyproject.toml", "README.md", "LICENSE"):
            shutil.copy(ROOT / name, folder)
        (tools / "cuda/bin").mkdir(parents=True)
        for name in ("cxx", "cuda/bin/nvcc"):
            (tools / name).write_text(COMPILER)
            (tools / name).chmod(0o755)
        (tools / "site/torch").mkdir(parents=True)
        (tools / "site/torch/version.py").write_text(f"__version__ = '2.14.0'\ncuda: str = {torch_cuda}\n")

    def command(self, **switches: str) -> dict[str, Any]:
        environment = {
            **{name: value for name, value in os.environ.items() if name not in SWITCHES},
            "CXX": f"'{self.tools / 'cxx'}'", "CUDA_HOME": str(self.tools / "cuda"),
            "PYTHONPATH": str(self.tools / "site"), "PATH": f"{Path(NINJA).parent}:{os.environ['PATH']}", **switches,
        }  # fmt: skip
        return {
            "args": [sys.executable, "setup.py", "-q", "build_native"], "cwd": self.folder, "env": environment,
            "stdout": subprocess.PIPE, "stderr": subprocess.STDOUT, "text": True, "encoding": "utf-8",
        }  # fmt: skip

    def build(self, **switches: str) -> Built:
        ran = subprocess.run(**self.command(**switches), timeout=120)
        record = self.folder / "ptdet/_build.json"
        facts = json.loads(record.read_text()) if record.exists() else {}
        made = {path.name.split(".")[0] for path in (self.folder / "ptdet").glob("*.so")}
        return Built(ran.returncode, ran.stdout, facts, made)

    def breaks(self, name: str) -> None:
        assert name in SOURCES
        (self.folder / name).write_text("// broken\n")

    def object(self, name: str) -> str:
        (found,) = self.folder.glob(f"build/ninja-*/{name}.o")
        return found.read_text()


@pytest.fixture
def tree(tmp_path: Path) -> Tree:
    return Tree(tmp_path / "tree", tmp_path / "tools")


ALL = {"_C", "_C_cuda", "_numpy"}


def test_all_of_it(tree: Tree) -> None:
    built = tree.build()
    assert built.code == 0 and built.libraries == ALL, built.said
    assert not {"failed", "cuda_failed", "numpy_failed"} & set(built.facts)
    assert "-mavx2" in tree.object("simd_avx2.cpp") or "x86" not in os.uname().machine
    assert "-Werror" not in tree.object("cpu_nms.cpp")
    assert "-Werror" in (tree.build(WERROR="1"), tree.object("cpu_nms.cpp"))[1]


def test_no_library_of_another_build_stays(tree: Tree) -> None:
    assert tree.build().libraries == ALL
    without = tree.build(USE_CUDA="0")
    assert without.libraries == {"_C", "_numpy"}
    assert without.facts["cuda_failed"] == "USE_CUDA=0 was set: unset it and build ptdet again"
    tree.breaks("csrc/torch/nms.cpp")
    failed = tree.build(USE_CUDA="0")
    assert failed.code == 0 and failed.libraries == {"_numpy"}
    assert "nms.cpp:1:1: error: this file is broken" in failed.facts["failed"]
    assert "WARNING: no CPU kernels: the compiler failed" in failed.said


def test_a_part_that_fails_takes_no_other_with_it(tree: Tree) -> None:
    tree.breaks("csrc/cuda/nms.cu")
    built = tree.build()
    assert built.libraries == {"_C", "_numpy"} and "broken" in built.facts["cuda_failed"]
    assert "failed" not in built.facts and built.code == 0
    assert tree.build(PTDET_REQUIRE_NATIVE="1").code != 0
    tree.breaks("csrc/numpy/nms.cpp")
    assert tree.build(USE_CUDA="0").libraries == {"_C"}


def test_the_architectures_are_those_of_nvcc(tree: Tree) -> None:
    built = tree.build(PATH=f"{Path(NINJA).parent}:/usr/bin:/bin")
    if not shutil.which("nvidia-smi"):
        assert built.facts["cuda_archs"] == "7.5;8.0;8.6;8.9;9.0+PTX"
    refused = tree.build(TORCH_CUDA_ARCH_LIST="7.5;10.0")
    assert refused.code != 0 and "does not compile for 10.0: it has 5.0, 7.0" in refused.said
    assert tree.build(TORCH_CUDA_ARCH_LIST="7.0 9.0a+PTX").facts["cuda_archs"] == "7.0 9.0a+PTX"
    assert "must be like" in tree.build(TORCH_CUDA_ARCH_LIST="sm_90").said


def test_a_torch_without_cuda(tmp_path: Path) -> None:
    tree = Tree(tmp_path / "tree", tmp_path / "tools", torch_cuda="None")
    built = tree.build()
    assert built.libraries == {"_C", "_numpy"} and "this torch has no CUDA" in built.facts["cuda_failed"]
    assert tree.build(USE_CUDA="1").libraries == ALL  # for another machine


@pytest.mark.parametrize(
    ("name", "value", "said"),
    [
        ("MAX_JOBS", "0", "MAX_JOBS must be a number above 0, got '0'"),
        ("MAX_JOBS", "two", "MAX_JOBS must be a number above 0, got 'two'"),
        ("USE_CUDA", "yes", "USE_CUDA must be 0 or 1, got 'yes'"),
        ("CUDA_HOME", "/no/such/place", "CUDA_HOME=/no/such/place, but /no/such/place/bin/nvcc does not exist"),
    ],
)
def test_wrong_switches_are_refused(tree: Tree, name: str, value: str, said: str) -> None:
    built = tree.build(**{name: value})
    assert built.code != 0 and said in built.said
    assert not built.libraries


def test_a_wrong_cuda_home_does_not_matter_without_cuda(tree: Tree) -> None:
    assert tree.build(CUDA_HOME="/no/such/place", USE_CUDA="0").libraries == {"_C", "_numpy"}


def test_without_a_tool(tree: Tree) -> None:
    built = tree.build(CXX="no-such-compiler")
    assert built.code == 0 and not built.libraries
    assert built.facts["failed"].startswith("no C++ compiler (no-such-compiler)")
    assert built.facts["numpy_failed"] == built.facts["failed"]


def test_a_launcher_before_the_compiler(tree: Tree) -> None:
    built = tree.build(CXX=f"env '{tree.tools / 'cxx'}'")
    assert built.libraries == ALL, built.said
    assert f"-ccbin {tree.tools / 'cxx'}" in tree.object("cuda_nms.cu")


@pytest.mark.parametrize("locale", ["C", "C.UTF-8", "POSIX"])
def test_a_folder_with_any_name(tmp_path: Path, locale: str) -> None:
    tree = Tree(tmp_path / "bo\u00eete $1: of & boxes", tmp_path / "the tools")
    built = tree.build(LC_ALL=locale, PYTHONUTF8="0")
    assert built.code == 0 and built.libraries == ALL, built.said


def test_each_ninja_has_a_folder(tree: Tree) -> None:
    assert tree.build().libraries == ALL
    other = tree.tools / "ninja"
    other.write_text(f'#!/bin/sh\n[ "$1" = --version ] && echo 0.9 && exit\nexec {NINJA} "$@"\n')
    other.chmod(0o755)
    assert tree.build(PATH=f"{tree.tools}:{os.environ['PATH']}").libraries == ALL
    assert len(list(tree.folder.glob("build/ninja-*/build.ninja"))) == 2


def test_two_builds_at_once(tree: Tree) -> None:
    with subprocess.Popen(**tree.command()) as one, subprocess.Popen(**tree.command()) as other:
        said = [each.communicate(timeout=120)[0] for each in (one, other)]
    assert one.returncode == other.returncode == 0, said
    assert tree.build().libraries == ALL


def test_a_folder_that_cannot_be_written(tree: Tree) -> None:
    (tree.folder / "build").write_text("a file where the folder would be")
    built = tree.build()
    assert built.code != 0 and "cannot be written" in built.said and "Traceback" not in built.said


def test_an_old_setuptools_is_told_in_one_line(tree: Tree) -> None:
    code = "import runpy, setuptools; setuptools.__version__ = '65.5.1'; runpy.run_path('setup.py')"
    ran = subprocess.run([sys.executable, "-c", code], cwd=tree.folder, capture_output=True, text=True)
    assert ran.returncode == 1
    assert ran.stderr.startswith("ptdet: setuptools 65.5.1 is too old") and ran.stderr.count("\n") == 1


def test_kernels_of_other_sources_stop_no_import(tmp_path: Path) -> None:
    """As after a git pull without a build: the library lacks what the sources ask for."""
    if not (ROOT / "ptdet/_C.so").exists():
        pytest.skip("nothing was built here")
    shutil.copytree(ROOT / "ptdet", tmp_path / "ptdet", ignore=shutil.ignore_patterns("_C_cuda.so"))
    (tmp_path / "ptdet/_build.json").write_text('{"schemas": "those of yesterday"}')
    code = "import torch, ptdet; print(ptdet.build_info()['why_not_cpu'])"
    ran = subprocess.run([sys.executable, "-c", code], cwd=tmp_path, capture_output=True, text=True)
    assert ran.returncode == 0, ran.stderr
    assert ran.stdout == f"_C.so was built from other sources: build ptdet again in {tmp_path}\n"


@pytest.mark.parametrize("url", ["", "https://example.org/ptdet"])
def test_links_and_pictures_on_another_page(tree: Tree, url: str) -> None:
    if url:
        project = tree.folder / "pyproject.toml"
        text = project.read_text(encoding="utf-8")
        project.write_text(f'{text}\n[project.urls]\nSource = "{url}"\n', encoding="utf-8")
    command = [sys.executable, "-W", "ignore", "setup.py", "-q", "--long-description"]
    page = subprocess.run(command, cwd=tree.folder, capture_output=True, text=True, check=True).stdout
    links = re.findall(r"\]\((.*?)\)", page)
    assert all(link.startswith(("https://", "#")) for link in links), links
    assert (f"![Raw candidates of a detector, and what is kept of them]({url}/raw/main/docs/" in page) == bool(url)
    assert (f"[docs/SPEC.md]({url}/blob/main/docs/SPEC.md)" in page) == bool(url) and "docs/SPEC.md" in page


@pytest.mark.parametrize("hides", [False, True])
@pytest.mark.parametrize("flags", [(), ("-W", "error")])
def test_the_reference_is_said_to_be_slow(tmp_path: Path, flags: tuple[str, ...], hides: bool) -> None:
    """A checkout that was not built, before an installed one on the path, answers slowly: it says so, once."""
    shutil.copytree(ROOT / "ptdet", tmp_path / "ptdet", ignore=shutil.ignore_patterns("*.so", "_build.json"))
    installed = tmp_path / "site-packages/ptdet"
    if hides:
        shutil.copytree(tmp_path / "ptdet", installed)
        (installed / "_build.json").write_text("{}")
    call = "ptdet.nms(torch.zeros(1, 4), torch.ones(1), .5)"
    code = f"import torch, ptdet; {call}; {call}"
    environment = {**os.environ, "PYTHONPATH": str(installed.parent)}
    ran = subprocess.run(
        [sys.executable, *flags, "-c", code], cwd=tmp_path, env=environment, capture_output=True, text=True
    )
    assert ran.returncode == 0, ran.stderr
    assert ran.stderr.count(f"times slower: ptdet was not built in {tmp_path}") == 1
    assert (f"and hides the one in {installed}: run from another folder" in ran.stderr) == hides
