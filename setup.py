"""Builds ptdet/_C.so (CPU) and ptdet/_C_cuda.so on torch's stable ABI, with ninja and without importing torch.

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


def ninja_file(torch: Path, version: str, nvcc: str | None, archs: str) -> str:
    cxx = os.environ.get("CXX", "c++")
    if not shutil.which(cxx):
        raise BuildError(f"no C++ compiler ({cxx}): install g++ or clang++ (or set CXX), then build ptdet again")
    optimise = "-O0 -g" if switch("DEBUG", False) else "-O3"
    common = (
        f"-std=c++17 {optimise} -fPIC -ffp-contract=off -fno-math-errno -Wall -Wextra -Werror "
        f"-fvisibility=hidden -I{ROOT}/csrc"
    )
    stable = (
        f"-DTORCH_TARGET_VERSION={TARGET} -DPTDET_BUILT_WITH_TORCH={version} -I{BUILD} -isystem {torch}/include "
        f"-isystem {torch}/include/torch/csrc/api/include"
    )
    libraries = f"-L{torch}/lib -Wl,--no-as-needed -ltorch -ltorch_cpu"
    depends = "  depfile = $out.d\n  deps = gcc\n"
    rules = [
        f"rule cxx\n  command = {cxx} {common} $flags -MMD -MF $out.d -c $in -o $out\n{depends}  description = $in\n",
        f"rule link\n  command = {cxx} -shared $in -o $out $libs\n  description = $out\n",
    ]
    edges: list[str] = []

    def compile_(source: Path, rule: str, flags: str) -> str:
        out = f"{BUILD}/{source.parent.name}_{source.stem}{source.suffix}.o"
        edges.append(f"build {out}: {rule} {source}\n  flags = {flags}\n")
        return out

    x86 = platform.machine() in ("x86_64", "AMD64")
    cpu = []
    for source in sorted((ROOT / "csrc/cpu").glob("*.cpp")):
        isa = source.stem.split("_")[-1]
        cpu.append(compile_(source, "cxx", ISA_FLAGS.get(isa, "") if x86 else ""))
    rooms = sorted((ROOT / "csrc/torch").glob("*.cpp"))
    cpu += [compile_(s, "cxx", stable) for s in rooms if not s.stem.endswith("_cuda")]
    edges.append(f"build {ROOT}/ptdet/_C.so: link {' '.join(cpu)}\n  libs = {libraries}\n")
    if nvcc:
        home = Path(nvcc).resolve().parent.parent
        # what a bare toolkit lacks lies in the wheels beside torch
        wheels = [p for p in (torch.parent / "nvidia").glob("*/include") if p.is_dir()]
        cuda_includes = " ".join(f"-isystem {p}" for p in [home / "include", *wheels])
        rules.append(
            f"rule nvcc\n  command = {nvcc} -ccbin {cxx} -std=c++17 -O3 -fmad=false {arch_flags(archs)} -I{ROOT}/csrc "
            f"-Werror all-warnings -Xcompiler -fPIC,-ffp-contract=off,-fvisibility=hidden -MD -MF $out.d "
            f"-c $in -o $out\n{depends}  description = $in\n"
        )
        cuda = [compile_(s, "nvcc", "") for s in sorted((ROOT / "csrc/cuda").glob("*.cu"))]
        cuda += [compile_(s, "cxx", f"{stable} -DUSE_CUDA {cuda_includes}") for s in rooms if s.stem.endswith("_cuda")]
        static = f"-L{home}/lib64 -L{home}/lib -L{home}/targets/x86_64-linux/lib -lcudart_static -ldl -lrt -lpthread"
        edges.append(f"build {ROOT}/ptdet/_C_cuda.so: link {' '.join(cuda)}\n  libs = {libraries} {static}\n")
    return "\n".join([*rules, *edges])


def compile_native() -> dict[str, str]:
    """Builds, and returns what `ptdet info` tells about it."""
    if sys.platform != "linux":
        raise BuildError(f"there are no native kernels for {sys.platform}: ptdet runs on its pure-torch reference here")
    torch, version = find_torch()
    nvcc = find_nvcc()
    use_cuda = switch("USE_CUDA", nvcc is not None)
    if use_cuda and not nvcc:
        raise SystemExit("ptdet: USE_CUDA=1, but nvcc was not found: set CUDA_HOME or add nvcc to PATH")
    archs = os.environ.get("TORCH_CUDA_ARCH_LIST") or present_gpu() or CUDA_ARCHS
    chosen = f"CUDA {archs} ({nvcc})" if use_cuda else "CPU only (" + ("USE_CUDA=0)" if nvcc else "no nvcc)")
    print(f"ptdet: building for torch {version}, {chosen}", flush=True)

    schemas = [line for line in (ROOT / "ptdet/schemas.txt").read_text().splitlines() if line.strip()]
    write_if_changed(BUILD / "schemas.inc", "".join(f"PTDET_SCHEMA({json.dumps(s)})\n" for s in schemas))
    write_if_changed(BUILD / "build.ninja", ninja_file(torch, version, nvcc if use_cuda else None, archs))
    ninja = shutil.which("ninja") or str(Path(sys.executable).parent / "ninja")
    if not Path(ninja).exists():
        raise BuildError("ninja was not found: pip install ninja, then build ptdet again")
    jobs = os.environ.get("MAX_JOBS", "")
    if jobs and not jobs.isdigit():
        raise SystemExit(f"ptdet: MAX_JOBS must be a number, got {jobs!r}")
    ran = subprocess.run([ninja, "-C", str(BUILD), *(["-j", jobs] if jobs else [])])
    if ran.returncode != 0:
        raise BuildError("the compiler failed, see its messages above: mend that and build ptdet again")
    return {"built_for_torch": version, "cuda_archs": archs if use_cuda else ""}


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
            if switch("PTDET_REQUIRE_NATIVE", False):
                raise SystemExit(f"ptdet: {error}") from error
            print(f"ptdet: WARNING: no native kernels: {error}", file=sys.stderr, flush=True)
            facts = {"failed": str(error)}
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
