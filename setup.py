"""Builds ptdet/_C.so (CPU) and ptdet/_C_cuda.so on torch's stable ABI, with ninja and without importing torch; and
ptdet/_numpy, for NumPy arrays, which needs no torch. Where one cannot be built, the rest is.

Switches (environment), each refused when wrong:
  USE_CUDA=0|1            default: 1 if nvcc is found; no GPU is needed to build
  TORCH_CUDA_ARCH_LIST    e.g. "8.6;9.0+PTX"; default: the present GPU's, else 7.5 8.0 8.6 8.9 9.0 10.0 12.0+PTX
  MAX_JOBS                parallel compile jobs
  DEBUG=1                 -O0 -g
  PTDET_REQUIRE_NATIVE=1  a failed build is an error; without it the package installs and runs on its reference
"""

from __future__ import annotations

import json
import os
import platform
import re
import shutil
import subprocess
import sys
import sysconfig
from pathlib import Path

from setuptools import Command, Distribution, setup
from setuptools.command.build import build
from setuptools.command.develop import develop

ROOT = Path(__file__).resolve().parent
BUILD = ROOT / "build"
OLDEST_TORCH = (2, 11)
TARGET = "0x020b000000000000"  # the stable ABI of torch 2.11: the build loads there and in every later torch
CUDA_ARCHS = "7.5;8.0;8.6;8.9;9.0;10.0;12.0+PTX"
DEPENDS = "  depfile = $out.d\n  deps = gcc\n"
ISA_FLAGS = {"avx2": "-mavx2 -mbmi", "avx512": "-mavx512f -mavx512dq -mavx512vl -mavx512bw -mavx2 -mbmi"}


class BuildError(RuntimeError):
    """Why there is no native build; the message says what to do."""


def switch(name: str, default: bool) -> bool:
    value = os.environ.get(name, "")
    if value not in ("", "0", "1"):
        raise SystemExit(f"ptdet: {name} must be 0 or 1, got {value!r}")
    return default if value == "" else value == "1"


def find_torch() -> tuple[Path, str]:
    """torch of the target environment, also from inside pip's isolated build."""
    places = [*sys.path, sysconfig.get_paths()["purelib"], sysconfig.get_paths()["platlib"]]
    for place in places:
        version_file = Path(place or ".") / "torch" / "version.py"
        if version_file.exists():
            found = re.search(r"__version__ = '([^']+)'", version_file.read_text())
            version = found.group(1) if found else "0.0"
            if tuple(map(int, re.findall(r"\d+", version)[:2])) < OLDEST_TORCH:
                raise BuildError(f"torch {version} is too old: install torch >= 2.11 and build again")
            return version_file.parent, version
    raise BuildError("torch was not found: pip install 'torch>=2.11', then build ptdet again")


def pybind_flags() -> str:
    """What a file with pybind11 in it is compiled with."""
    try:
        import pybind11
    except ImportError:
        raise BuildError("pybind11 was not found: pip install pybind11, then build ptdet again") from None
    headers = sysconfig.get_paths()["include"]
    if not (Path(headers) / "Python.h").exists():
        raise BuildError(
            f"{headers}/Python.h was not found: install the headers of this Python, then build ptdet again"
        )
    # NDEBUG: else pybind11 asks at every count of references whether the interpreter's lock is held
    return f"-DNDEBUG -isystem {pybind11.get_include()} -isystem {headers}"


def find_nvcc() -> str | None:
    home = os.environ.get("CUDA_HOME") or os.environ.get("CUDA_PATH") or "/usr/local/cuda"
    beside = Path(home) / "bin" / "nvcc"
    return str(beside) if beside.exists() else shutil.which("nvcc")


def present_gpu() -> str | None:
    try:
        query = ["nvidia-smi", "--query-gpu=compute_cap", "--format=csv,noheader"]
        ran = subprocess.run(query, capture_output=True, text=True, timeout=20)
    except (OSError, subprocess.TimeoutExpired):
        return None
    return ";".join(sorted(set(ran.stdout.split()))) if ran.returncode == 0 and ran.stdout.strip() else None


def arch_flags(archs: str) -> str:
    flags = []
    for arch in re.split(r"[;, ]+", archs.strip()):
        found = re.fullmatch(r"(\d+)\.(\d)([af]?)(\+PTX)?", arch)
        if not found:
            raise SystemExit(f"ptdet: TORCH_CUDA_ARCH_LIST must be like '8.6;9.0+PTX', got {arch!r}")
        sm = "".join(found.group(1, 2, 3))
        flags.append(f"-gencode arch=compute_{sm},code=sm_{sm}")
        if found.group(4):
            flags.append(f"-gencode arch=compute_{sm},code=compute_{sm}")
    return " ".join(flags)


def write_if_changed(path: Path, text: str) -> None:
    if not path.exists() or path.read_text() != text:
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_text(text)


class NinjaFile:
    """The rules and edges of build.ninja, and which libraries they make."""

    def __init__(self) -> None:
        self.cxx = os.environ.get("CXX", "c++")
        if not shutil.which(self.cxx):
            raise BuildError(
                f"no C++ compiler ({self.cxx}): install g++ or clang++ (or set CXX), then build ptdet again"
            )
        optimise = "-O0 -g" if switch("DEBUG", False) else "-O3"
        common = (
            f"-std=c++17 {optimise} -fPIC -ffp-contract=off -fno-math-errno -Wall -Wextra -Werror "
            f"-fvisibility=hidden -I{ROOT}/csrc"
        )
        self.lines = [
            f"rule cxx\n  command = {self.cxx} {common} $flags -MMD -MF $out.d -c $in -o $out\n{DEPENDS}"
            "  description = $in\n",
            f"rule link\n  command = {self.cxx} -shared $in -o $out $libs\n  description = $out\n",
        ]
        x86 = platform.machine() in ("x86_64", "AMD64")
        self.kernels = [self.compile(ROOT / "csrc/runtime/thread_pool.cpp", "cxx", "")]
        for source in sorted((ROOT / "csrc/cpu").rglob("*.cpp")):
            isa = source.stem.split("_")[-1]
            self.kernels.append(self.compile(source, "cxx", ISA_FLAGS.get(isa, "") if x86 else ""))

    def compile(self, source: Path, rule: str, flags: str) -> str:
        out = f"{BUILD}/{source.parent.name}_{source.stem}{source.suffix}.o"
        self.lines.append(f"build {out}: {rule} {source}\n  flags = {flags}\n")
        return out

    def link(self, name: str, objects: list[str], libraries: str) -> str:
        self.lines.append(f"build {ROOT}/ptdet/{name}: link {' '.join(objects)}\n  libs = {libraries}\n")
        return f"{ROOT}/ptdet/{name}"

    def add_numpy(self) -> str:
        flags = pybind_flags()
        room = [self.compile(s, "cxx", flags) for s in sorted((ROOT / "csrc/numpy").glob("*.cpp"))]
        return self.link(f"_numpy{sysconfig.get_config_var('EXT_SUFFIX')}", [*self.kernels, *room], "-lpthread")

    def add_torch(self, torch: Path, version: str, nvcc: str | None, archs: str) -> list[str]:
        stable = (
            f"-DTORCH_TARGET_VERSION={TARGET} -DPTDET_BUILT_WITH_TORCH={version} -I{BUILD} -isystem {torch}/include "
            f"-isystem {torch}/include/torch/csrc/api/include"
        )
        libraries = f"-L{torch}/lib -Wl,--no-as-needed -ltorch -ltorch_cpu -lpthread"
        rooms = sorted((ROOT / "csrc/torch").glob("*.cpp"))
        room = [self.compile(s, "cxx", stable) for s in rooms if not s.stem.endswith("_cuda")]
        made = [self.link("_C.so", [*self.kernels, *room], libraries)]
        if not nvcc:
            return made
        home = Path(nvcc).resolve().parent.parent
        # what a bare toolkit lacks lies in the wheels beside torch
        wheels = [p for p in (torch.parent / "nvidia").glob("*/include") if p.is_dir()]
        cuda_includes = " ".join(f"-isystem {p}" for p in [home / "include", *wheels])
        self.lines.append(
            f"rule nvcc\n  command = {nvcc} -ccbin {self.cxx} -std=c++17 -O3 -fmad=false {arch_flags(archs)} "
            f"-I{ROOT}/csrc -Werror all-warnings -Xcompiler -fPIC,-ffp-contract=off,-fvisibility=hidden "
            f"-MD -MF $out.d -c $in -o $out\n{DEPENDS}  description = $in\n"
        )
        cuda = [self.compile(s, "nvcc", "") for s in sorted((ROOT / "csrc/cuda").glob("*.cu"))]
        flags = f"{stable} -DUSE_CUDA {cuda_includes}"
        cuda += [self.compile(s, "cxx", flags) for s in rooms if s.stem.endswith("_cuda")]
        static = f"-L{home}/lib64 -L{home}/lib -L{home}/targets/x86_64-linux/lib -lcudart_static -ldl -lrt"
        return [*made, self.link("_C_cuda.so", cuda, f"{libraries} {static}")]


def run_ninja(targets: list[str]) -> None:
    ninja = shutil.which("ninja") or str(Path(sys.executable).parent / "ninja")
    if not Path(ninja).exists():
        raise BuildError("ninja was not found: pip install ninja, then build ptdet again")
    jobs = os.environ.get("MAX_JOBS", "")
    if jobs and not jobs.isdigit():
        raise SystemExit(f"ptdet: MAX_JOBS must be a number, got {jobs!r}")
    if subprocess.run([ninja, "-C", str(BUILD), *(["-j", jobs] if jobs else []), *targets]).returncode != 0:
        raise BuildError("the compiler failed, see its messages above: mend that and build ptdet again")


def compile_native() -> dict[str, str]:
    """Builds what can be built, and returns what `ptdet info` tells about it."""
    if sys.platform != "linux":
        raise BuildError(f"there are no native kernels for {sys.platform}: ptdet runs on its pure-torch reference here")
    nvcc = find_nvcc()
    use_cuda = switch("USE_CUDA", nvcc is not None)
    if use_cuda and not nvcc:
        raise SystemExit("ptdet: USE_CUDA=1, but nvcc was not found: set CUDA_HOME or add nvcc to PATH")
    archs = os.environ.get("TORCH_CUDA_ARCH_LIST") or present_gpu() or CUDA_ARCHS
    schemas = [line for line in (ROOT / "ptdet/schemas.txt").read_text().splitlines() if line.strip()]
    write_if_changed(BUILD / "schemas.inc", "".join(f"PTDET_SCHEMA({json.dumps(s)})\n" for s in schemas))

    file = NinjaFile()
    facts: dict[str, str] = {}
    targets: dict[str, list[str]] = {"failed": [], "numpy_failed": []}
    try:
        torch, version = find_torch()
        chosen = f"CUDA {archs} ({nvcc})" if use_cuda else "CPU only (" + ("USE_CUDA=0)" if nvcc else "no nvcc)")
        print(f"ptdet: building for torch {version}, {chosen}", flush=True)
        targets["failed"] = file.add_torch(torch, version, nvcc if use_cuda else None, archs)
        facts |= {"built_for_torch": version, "cuda_archs": archs if use_cuda else ""}
    except BuildError as error:
        facts["failed"] = str(error)
    try:
        targets["numpy_failed"] = [file.add_numpy()]
    except BuildError as error:
        facts["numpy_failed"] = str(error)
    write_if_changed(BUILD / "build.ninja", "\n".join(file.lines))
    for key, wanted in targets.items():
        try:
            if wanted:
                run_ninja(wanted)
        except BuildError as error:
            facts[key] = str(error)
    return facts


class BuildNative(Command):
    """A step of `build`, and of an editable install."""

    user_options: list[tuple[str, str | None, str]] = []

    def initialize_options(self) -> None:
        pass

    def finalize_options(self) -> None:
        pass

    def run(self) -> None:
        try:
            facts = compile_native()
        except BuildError as error:
            facts = {"failed": str(error), "numpy_failed": str(error)}
        for key, what in (("failed", "native kernels"), ("numpy_failed", "ptdet.numpy")):
            if key in facts and switch("PTDET_REQUIRE_NATIVE", False):
                raise SystemExit(f"ptdet: no {what}: {facts[key]}")
            if key in facts:
                print(f"ptdet: WARNING: no {what}: {facts[key]}", file=sys.stderr, flush=True)
        write_if_changed(ROOT / "ptdet/_build.json", json.dumps(facts) + "\n")


class Build(build):
    sub_commands = [("build_native", None), *build.sub_commands]


class Develop(develop):
    def run(self) -> None:
        self.run_command("build_native")
        super().run()


class NativeDistribution(Distribution):
    def has_ext_modules(self) -> bool:
        return True  # the wheel belongs to one platform


setup(cmdclass={"build": Build, "develop": Develop, "build_native": BuildNative}, distclass=NativeDistribution)
