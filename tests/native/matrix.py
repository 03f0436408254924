"""Installs ptdet as users do, on every combination of torch, compiler and missing tool, and prints a table of it.

python -m tests.native.matrix [--torch FOLDER ...] [--cxx COMPILER ...] [--cuda CUDA_HOME] [--only TEXT]

A FOLDER is one that `pip install --target` filled with torch and NumPy; without one the torch of this environment is
taken. With --cuda the rows that have nvcc, without it those that have none. Each row is a copy of the tree, an
environment of its own and one `pip install`: some minutes, and more with CUDA. The exit code is 1 where a row is not
what it should be.
"""

from __future__ import annotations

import argparse
import itertools
import os
import re
import shutil
import subprocess
import sys
import tempfile
import venv
from collections.abc import Iterator
from dataclasses import dataclass, field
from pathlib import Path

ROOT = Path(__file__).parents[2]
SAMPLE = "tests/data/yolox_nano_coco/raw_000000000885.npz"
RUNS = """
import numpy, warnings
boxes = numpy.array([[0, 0, 10, 10], [1, 0, 11, 10], [20, 0, 30, 10]], "float32")
scores = numpy.array([.8, .9, .7], "float32")
said = []
try:
    import torch, ptdet
    with warnings.catch_warnings(record=True) as told:
        warnings.simplefilter("always")
        keep = ptdet.nms(torch.from_numpy(boxes), torch.from_numpy(scores), .5).tolist()
    said.append("ptdet.nms" + (", warned" if told else "") if keep == [1, 2] else f"WRONG {keep}")
except ImportError as error:
    said.append(f"ptdet.nms: {error}")
try:
    import ptdet.numpy
    said.append("ptdet.numpy.nms" if ptdet.numpy.nms(boxes, scores, .5).tolist() == [1, 2] else "WRONG")
except ImportError as error:
    said.append("no ptdet.numpy")
print("; ".join(said))
"""


@dataclass
class Row:
    """One way to install, and what should come of it."""

    torch: Path | None
    cxx: str = "c++"
    cuda: Path | None = None
    without: tuple[str, ...] = ()  # of ninja, pybind11, compiler
    switches: dict[str, str] = field(default_factory=dict)
    cpu_only: bool = False  # its torch says that it has no CUDA

    @property
    def name(self) -> str:
        parts = ["no torch" if self.torch is None else f"torch {version_of(self.torch)}"]
        parts += ["without CUDA"] * self.cpu_only
        parts += [compiler_version(self.cxx), f"nvcc of {self.cuda}" if self.cuda else "no nvcc"]
        parts += [f"no {tool}" for tool in self.without]
        return ", ".join([*parts, *(f"{name}={value}" for name, value in self.switches.items())])

    def expected(self) -> dict[str, bool]:
        """Which parts should be native."""
        refused = self.cuda is None and self.switches.get("USE_CUDA") == "1"
        tools = not refused and not {"ninja", "compiler"} & set(self.without)
        cuda = self.cuda is not None and self.switches.get("USE_CUDA") != "0" and not self.cpu_only
        return {
            "NumPy": tools and "pybind11" not in self.without,
            "CPU": tools and self.torch is not None,
            "CUDA": tools and cuda,
        }


def version_of(folder: Path) -> str:
    text = (folder / "torch/version.py").read_text(encoding="utf-8")
    found = re.search(r"__version__ = '([^']+)'", text)
    assert found, folder
    return found[1]


def compiler_version(cxx: str) -> str:
    ran = subprocess.run([cxx, "-dumpfullversion", "-dumpversion"], capture_output=True, text=True)
    kind = "clang" if "clang" in subprocess.run([cxx, "--version"], capture_output=True, text=True).stdout else "g++"
    return f"{kind} {ran.stdout.strip()}"


def rows(torches: list[Path], compilers: list[str], cuda: Path | None) -> Iterator[Row]:
    newest, usual = torches[-1], compilers[0]
    if cuda is not None:
        yield Row(newest, usual, cuda, switches={"USE_CUDA": "0"})
        yield Row(newest, usual, cuda, cpu_only=True)
        yield Row(newest, usual, cuda, switches={"USE_CUDA": "1", "TORCH_CUDA_ARCH_LIST": "9.0"})
        return
    for torch, cxx in itertools.product(torches, compilers):
        yield Row(torch, cxx)
    yield Row(newest, usual, cpu_only=True)
    yield Row(newest, usual, switches={"USE_CUDA": "1"})
    yield Row(None, usual)
    for tool in ("ninja", "pybind11", "compiler"):
        yield Row(newest, usual, without=(tool,))


def make_environment(row: Row, folder: Path) -> Path:
    """The Python of a new environment with the row's torch in it."""
    venv.create(folder, with_pip=True)
    python = folder / "bin/python"
    (site,) = folder.glob("lib/python*/site-packages")
    if row.torch is not None:
        for entry in row.torch.iterdir():
            if not (site / entry.name).exists():
                (site / entry.name).symlink_to(entry)
    if row.cpu_only:
        assert row.torch is not None
        (site / "torch").unlink()
        shutil.copytree(row.torch / "torch", site / "torch", copy_function=os.link)
        version = site / "torch/version.py"
        text = version.read_text(encoding="utf-8")
        version.unlink()  # the link, not the file of the others
        version.write_text(re.sub(r"(?m)^(cuda\b[^=]*)= .*", r"\1= None", text), encoding="utf-8")
    tools = [tool for tool in ("setuptools>=77", "ninja", "pybind11>=2.13") if tool.split(">")[0] not in row.without]
    wanted = [*(tools if row.without else []), *([] if row.torch else ["numpy"])]
    if wanted:
        subprocess.run([python, "-m", "pip", "install", "-q", *wanted], check=True)
    return python


def install(row: Row, work: Path) -> tuple[str, str, str]:
    """What pip said, what `ptdet info` says, and what runs."""
    tree = work / "tree"
    listed = subprocess.run(["git", "ls-files"], cwd=ROOT, capture_output=True, text=True, check=True).stdout
    for name in listed.splitlines():
        (tree / name).parent.mkdir(parents=True, exist_ok=True)
        shutil.copy(ROOT / name, tree / name)
    python = make_environment(row, work / "environment")
    launcher = "ccache " if shutil.which("ccache") else ""
    environment = {
        "HOME": os.environ.get("HOME", "/"), "PATH": f"{python.parent}:/usr/bin:/bin", "LANG": "C.UTF-8",
        "CXX": "no-such-compiler" if "compiler" in row.without else launcher + str(shutil.which(row.cxx)),
        **{name: os.environ[name] for name in os.environ if name.startswith(("CCACHE", "PIP_"))},
        **({"CUDA_HOME": str(row.cuda)} if row.cuda else {}), **row.switches,
    }  # fmt: skip
    command = [str(python), "-m", "pip", "install", *(["--no-build-isolation"] if row.without else []), "."]
    ran = subprocess.run(command, cwd=tree, env=environment, capture_output=True, text=True)
    told = [line for line in (ran.stdout + ran.stderr).splitlines() if line.strip() and "notice" not in line]
    said = next((line for line in reversed(told) if line.startswith(("Successfully", "ERROR", "error"))), told[-1])

    def ask(*arguments: str) -> str:
        answer = subprocess.run([python, *arguments], cwd=work, env=environment, capture_output=True, text=True)
        return (answer.stdout + (answer.stderr if answer.returncode else "")).strip()

    info = ask("-m", "ptdet", "info")
    ran_file = ask("-m", "ptdet", "run", str(ROOT / SAMPLE))
    check = ask("-m", "pip", "check")
    runs = f"{ask('-c', RUNS)}; ptdet run: {ran_file.splitlines()[-1] if ran_file else 'nothing'}; pip check: {check}"
    return said, info, runs


def main() -> int:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--torch", type=Path, action="append", help="a folder with a torch; the newest last")
    parser.add_argument("--cxx", action="append", help="a C++ compiler (c++)")
    parser.add_argument("--cuda", type=Path, help="a CUDA_HOME (none)")
    parser.add_argument("--only", default="", help="the rows whose name has this in it")
    asked = parser.parse_args()
    if asked.cuda is None and Path("/usr/local/cuda/bin/nvcc").exists():
        parser.error("setup.py finds /usr/local/cuda here: name it with --cuda, or hide it (unshare -m, and a mount)")
    torches = asked.torch or [Path(p) for p in sys.path if (Path(p) / "torch/version.py").exists()][:1]
    wrong = 0
    print("| environment | pip | `ptdet info` | what runs |\n| --- | --- | --- | --- |")
    for row in rows(torches, asked.cxx or ["c++"], asked.cuda):
        if asked.only not in row.name:
            continue
        with tempfile.TemporaryDirectory() as folder:
            said, info, runs = install(row, Path(folder))
        native = {part: bool(re.search(rf"^{part}\s+native", info, re.MULTILINE)) for part in row.expected()}
        mark = "" if native == row.expected() and "WRONG" not in runs else "**WRONG** "
        wrong += bool(mark)
        lines = [line[:160] for line in info.splitlines() if line.startswith(("NumPy", "CPU", "CUDA", "ptdet"))]
        print(f"| {mark}{row.name} | {said} | {'<br>'.join(lines)} | {runs} |", flush=True)
    return 1 if wrong else 0


if __name__ == "__main__":
    sys.exit(main())
