"""Builds ptdet/_C.so (CPU) and ptdet/_C_cuda.so on torch's stable ABI, with ninja and without importing torch; and
ptdet/_numpy, for NumPy arrays, which needs no torch. Each is built apart: where one cannot be, the others are.

Switches (environment), each refused when wrong:
  USE_CUDA=0|1            default: 1 if nvcc is found and torch has CUDA; no GPU is needed to build
  TORCH_CUDA_ARCH_LIST    e.g. "8.6;9.0+PTX"; default: the present GPU's, else what nvcc has of 7.5 to 12.0, with PTX
  CUDA_HOME, CXX          where nvcc is (CUDA_HOME/bin/nvcc); the C++ compiler ("ccache g++" works)
  MAX_JOBS                parallel compile jobs
  DEBUG=1                 -O0 -g
  WERROR=1                warnings are errors, as in CI
  PTDET_REQUIRE_NATIVE=1  a failed build is an error; without it the package installs and runs on its reference
"""

from __future__ import annotations

import fcntl
import hashlib
import json
import os
import platform
import re
import shlex
import shutil
import subprocess
import sys
import sysconfig
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

import setuptools
from setuptools import Command, Distribution, setup
from setuptools.command.build import build
from setuptools.command.develop import develop

ROOT = Path(__file__).resolve().parent
PACKAGE = ROOT / "ptdet"
OLDEST_TORCH = (2, 11)
TARGET = "0x020b000000000000"  # the stable ABI of torch 2.11: the build loads there and in every later torch
CUDA_ARCHS = "7.5 8.0 8.6 8.9 9.0 10.0 12.0"
DEPENDS = "  depfile = $out.d\n  deps = gcc\n"
ISA_FLAGS = {"avx2": "-mavx2 -mbmi", "avx512": "-mavx512f -mavx512dq -mavx512vl -mavx512bw -mavx2 -mbmi"}
# What is built, with its name in the record and what stays without it.
PARTS = {"failed": "CPU kernels", "cuda_failed": "CUDA kernels", "numpy_failed": "ptdet.numpy"}

if int(setuptools.__version__.split(".")[0]) < 77:
    raise SystemExit(
        f"ptdet: setuptools {setuptools.__version__} is too old to read pyproject.toml: "
        "pip install -U 'setuptools>=77', or install without --no-build-isolation"
    )


class BuildError(RuntimeError):
    """Why a part is not built; the message says what to do."""


def switch(name: str, default: bool) -> bool:
    value = os.environ.get(name, "")
    if value not in ("", "0", "1"):
        raise SystemExit(f"ptdet: {name} must be 0 or 1, got {value!r}")
    return default if value == "" else value == "1"


def find_torch() -> tuple[Path, str, bool]:
    """torch of the target environment, also from inside pip's isolated build; its version; whether it has CUDA."""
    places = [*sys.path, sysconfig.get_paths()["purelib"], sysconfig.get_paths()["platlib"]]
    for place in places:
        version_file = Path(place or ".") / "torch" / "version.py"
        if version_file.exists():
            text = version_file.read_text(encoding="utf-8")
            found = re.search(r"__version__ = '([^']+)'", text)
            version = found.group(1) if found else "0.0"
            if tuple(map(int, re.findall(r"\d+", version)[:2])) < OLDEST_TORCH:
                raise BuildError(f"torch {version} is too old: install torch >= 2.11 and build again")
            return version_file.parent, version, re.search(r"^cuda\b[^=]*= '", text, re.MULTILINE) is not None
    raise BuildError("there was no torch when ptdet was built: pip install 'torch>=2.11', then build ptdet again")


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
    return f"-DNDEBUG -isystem {shlex.quote(pybind11.get_include())} -isystem {shlex.quote(headers)}"


def find_nvcc() -> str | None:
    for name in ("CUDA_HOME", "CUDA_PATH"):
        if home := os.environ.get(name):
            if not (nvcc := Path(home) / "bin/nvcc").exists():
                raise SystemExit(f"ptdet: {name}={home}, but {nvcc} does not exist: mend it, or unset {name}")
            return str(nvcc)
    beside = Path("/usr/local/cuda/bin/nvcc")
    return str(beside) if beside.exists() else shutil.which("nvcc")


def present_gpu() -> str | None:
    try:
        query = ["nvidia-smi", "--query-gpu=compute_cap", "--format=csv,noheader"]
        ran = subprocess.run(query, capture_output=True, text=True, timeout=20)
    except (OSError, subprocess.TimeoutExpired):
        return None
    return ";".join(sorted(set(ran.stdout.split()))) if ran.returncode == 0 and ran.stdout.strip() else None


def known_to(nvcc: str) -> list[str]:
    """The architectures that this nvcc compiles for, such as 9.0; empty if it does not say."""
    ran = subprocess.run([nvcc, "--list-gpu-arch"], capture_output=True, text=True)
    return [f"{found[1]}.{found[2]}" for found in re.finditer(r"compute_(\d+)(\d)", ran.stdout)]


def small_code(nvcc: str) -> str:
    """The flag that makes a library several times smaller, where nvcc has it (12.8 and later)."""
    said = subprocess.run([nvcc, "--help"], capture_output=True, text=True).stdout
    return "--compress-mode=size " if "--compress-mode" in said else ""


def choose_archs(nvcc: str) -> str:
    """What was asked for, else the present GPU's, else those of CUDA_ARCHS that nvcc has, the newest as PTX too."""
    known = known_to(nvcc)
    asked = os.environ.get("TORCH_CUDA_ARCH_LIST") or present_gpu()
    if not asked:
        usual = [arch for arch in CUDA_ARCHS.split() if not known or arch in known]
        return ";".join(usual) + "+PTX"
    for arch in split_archs(asked):
        number = re.sub(r"[af]?(\+PTX)?$", "", arch)
        if known and number not in known:
            raise SystemExit(f"ptdet: {nvcc} does not compile for {arch}: it has {', '.join(known)}")
    return asked


def split_archs(archs: str) -> list[str]:
    listed = [arch for arch in re.split(r"[;, ]+", archs) if arch]
    for arch in listed:
        if not re.fullmatch(r"\d+\.\d[af]?(\+PTX)?", arch):
            raise SystemExit(f"ptdet: TORCH_CUDA_ARCH_LIST must be like '8.6;9.0+PTX', got {arch!r}")
    return listed


def arch_flags(archs: str) -> str:
    flags = []
    for arch in split_archs(archs):
        sm = arch.removesuffix("+PTX").replace(".", "")
        flags.append(f"-gencode arch=compute_{sm},code=sm_{sm}")
        if arch.endswith("+PTX"):
            flags.append(f"-gencode arch=compute_{sm},code=compute_{sm}")
    return " ".join(flags)


def write_if_changed(path: Path, text: str) -> None:
    # surrogateescape: in an ASCII locale the other letters of a path come so, and go back to the bytes that they were
    if not path.exists() or path.read_text(encoding="utf-8", errors="surrogateescape") != text:
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_text(text, encoding="utf-8", errors="surrogateescape")


def in_ninja(path: object) -> str:
    """A path as ninja reads it; $in and $out then come quoted for the shell."""
    return re.sub(r"([$: ])", r"$\1", str(path))


def in_shell(path: object) -> str:
    """A path within a command of ninja's."""
    return shlex.quote(str(path)).replace("$", "$$")


class NinjaFile:
    """The rules and edges of build.ninja, and which libraries they make."""

    def __init__(self, folder: Path) -> None:
        self.folder = folder
        self.cxx = os.environ.get("CXX", "c++")
        if not (words := shlex.split(self.cxx)) or not all(map(shutil.which, words)):
            raise BuildError(
                f"no C++ compiler ({self.cxx}): install g++ or clang++ (or set CXX), then build ptdet again"
            )
        self.host_compiler = words[-1]  # nvcc takes no ccache before it
        self.strict = switch("WERROR", False)
        optimise = "-O0 -g" if switch("DEBUG", False) else "-O3"
        common = (
            f"-std=c++17 {optimise} -fPIC -ffp-contract=off -fno-math-errno -Wall -Wextra "
            f"{'-Werror ' if self.strict else ''}-fvisibility=hidden -I{in_shell(ROOT / 'csrc')}"
        )
        self.lines = [
            f"rule cxx\n  command = {self.cxx} {common} $flags -MMD -MF $out.d -c $in -o $out\n{DEPENDS}"
            "  description = $in\n",
            f"rule link\n  command = {self.cxx} -shared $in -o $out $libs\n  description = $out\n",
        ]
        x86 = platform.machine() in ("x86_64", "AMD64")
        self.kernels = [self.compile(ROOT / "csrc/runtime/thread_pool.cpp", "cxx", "")]
        # those of csrc/cpu/simd take longest: they start first
        for source in sorted((ROOT / "csrc/cpu").rglob("*.cpp"), key=lambda path: (path.parent.name != "simd", path)):
            self.kernels.append(self.compile(source, "cxx", ISA_FLAGS.get(source.stem, "") if x86 else ""))

    def compile(self, source: Path, rule: str, flags: str) -> str:
        out = in_ninja(self.folder / f"{source.parent.name}_{source.stem}{source.suffix}.o")
        self.lines.append(f"build {out}: {rule} {in_ninja(source)}\n  flags = {flags}\n")
        return out

    def compile_room(self, name: str, sources: list[Path], flags: str) -> str:
        """Sources of one room as one file: the headers of pybind11 and torch take longer than all that is in it."""
        whole = self.folder / f"{name}_room.cpp"
        write_if_changed(whole, "".join(f'#include "{source.parent.name}/{source.name}"\n' for source in sources))
        return self.compile(whole, "cxx", flags)

    def link(self, name: str, objects: list[str], libraries: str) -> Path:
        made = PACKAGE / name
        self.lines.append(f"build {in_ninja(made)}: link {' '.join(objects)}\n  libs = {libraries}\n")
        return made

    def add_numpy(self) -> Path:
        flags = pybind_flags()
        quick = ROOT / "csrc/numpy/quick.cpp"
        files = sorted(set((ROOT / "csrc/numpy").glob("*.cpp")) - {quick})
        # what is done once a call needs no more than -O1
        room = [self.compile(quick, "cxx", flags), self.compile_room("numpy", files, f"{flags} -O1")]
        return self.link(f"_numpy{sysconfig.get_config_var('EXT_SUFFIX')}", [*self.kernels, *room], "-lpthread")

    def add_torch(self, torch: Path, version: str) -> Path:
        self.stable = (
            f"-DTORCH_TARGET_VERSION={TARGET} -DPTDET_BUILT_WITH_TORCH={version} -I{in_shell(self.folder)} "
            f"-isystem {in_shell(torch / 'include')} -isystem {in_shell(torch / 'include/torch/csrc/api/include')}"
        )
        self.libraries = f"-L{in_shell(torch / 'lib')} -Wl,--no-as-needed -ltorch -ltorch_cpu -lpthread"
        files = sorted((ROOT / "csrc/torch").glob("*.cpp"))
        room = self.compile_room("torch", [s for s in files if not s.stem.endswith("_cuda")], self.stable)
        return self.link("_C.so", [*self.kernels, room], self.libraries)

    def add_cuda(self, torch: Path, nvcc: str, archs: str) -> Path:
        """After add_torch."""
        home = Path(nvcc).resolve().parent.parent
        # what a bare toolkit lacks lies in the wheels beside torch
        wheels = [p for p in (torch.parent / "nvidia").glob("*/include") if p.is_dir()]
        includes = " ".join(f"-isystem {in_shell(p)}" for p in [home / "include", *wheels])
        self.lines.append(
            f"rule nvcc\n  command = {in_shell(nvcc)} -ccbin {self.host_compiler} -std=c++17 -O3 -fmad=false "
            f"{arch_flags(archs)} {small_code(nvcc)}-I{in_shell(ROOT / 'csrc')} "
            f"{'-Werror all-warnings ' if self.strict else ''}"
            "-Xcompiler -fPIC,-ffp-contract=off,-fvisibility=hidden "
            f"-MD -MF $out.d -c $in -o $out\n{DEPENDS}  description = $in\n"
        )
        cuda = [self.compile(s, "nvcc", "") for s in sorted((ROOT / "csrc/cuda").glob("*.cu"))]
        files = sorted((ROOT / "csrc/torch").glob("*_cuda.cpp"))
        cuda.append(self.compile_room("torch_cuda", files, f"{self.stable} -DUSE_CUDA {includes}"))
        libs = " ".join(f"-L{in_shell(home / part)}" for part in ("lib64", "lib", "targets/x86_64-linux/lib"))
        return self.link("_C_cuda.so", cuda, f"{self.libraries} {libs} -lcudart_static -ldl -lrt")


def find_ninja() -> str:
    ninja = shutil.which("ninja") or str(Path(sys.executable).parent / "ninja")
    if not Path(ninja).exists():
        raise BuildError("ninja was not found: pip install ninja, then build ptdet again")
    return ninja


def build_folder(ninja: str) -> Path:
    """One for each release of ninja: another release reads the log of the last build as an empty one."""
    version = subprocess.run([ninja, "--version"], capture_output=True, text=True).stdout.strip()
    return ROOT / "build" / f"ninja-{version or 'unknown'}"


def run_ninja(ninja: str, folder: Path, target: Path) -> None:
    jobs = os.environ.get("MAX_JOBS", "")
    command = [ninja, "-C", str(folder), *(["-j", jobs] if jobs else []), str(target)]
    told = []
    with subprocess.Popen(command, stdout=subprocess.PIPE, stderr=subprocess.STDOUT) as process:
        assert process.stdout is not None
        for raw in process.stdout:
            line = raw.decode(errors="replace").rstrip()
            print(line, flush=True)
            if re.search(r"\b(error|fatal|undefined reference)\b", line, re.IGNORECASE):
                told.append(line)
    if process.returncode != 0:
        said = f": {told[0]}" if told else ""
        raise BuildError(f"the compiler failed{said}; see its messages above, mend that and build ptdet again")


@contextmanager
def alone(folder: Path) -> Iterator[None]:
    """One build at a time in a folder."""
    try:
        folder.mkdir(parents=True, exist_ok=True)
        lock = (folder / "lock").open("w")
    except OSError as error:
        raise SystemExit(f"ptdet: {folder} cannot be written ({error.strerror}): build in a copy of the tree") from None
    with lock:
        fcntl.flock(lock, fcntl.LOCK_EX)
        yield


def compile_native() -> dict[str, str]:
    """Builds what can be built, and returns what `ptdet info` tells about it. What fails is removed: no library of
    another build stays."""
    jobs = os.environ.get("MAX_JOBS", "")
    if jobs and not re.fullmatch(r"[1-9]\d*", jobs):
        raise SystemExit(f"ptdet: MAX_JOBS must be a number above 0, got {jobs!r}")
    nvcc = find_nvcc() if switch("USE_CUDA", True) else None
    if switch("USE_CUDA", False) and not nvcc:
        raise SystemExit("ptdet: USE_CUDA=1, but nvcc was not found: set CUDA_HOME or add nvcc to PATH")
    numpy_library = f"_numpy{sysconfig.get_config_var('EXT_SUFFIX')}"
    built: set[str] = set()
    facts: dict[str, str] = {}
    try:
        if sys.platform != "linux":
            raise BuildError(
                f"there are no native kernels for {sys.platform}: ptdet runs on its pure-torch reference here"
            )
        ninja = find_ninja()
        folder = build_folder(ninja)
        with alone(folder):
            written = (PACKAGE / "schemas.txt").read_text(encoding="utf-8")
            facts["schemas"] = hashlib.sha256(written.encode()).hexdigest()
            schemas = [s for s in written.splitlines() if s.strip()]
            write_if_changed(folder / "schemas.inc", "".join(f"PTDET_SCHEMA({json.dumps(s)})\n" for s in schemas))
            file = NinjaFile(folder)
            targets: dict[str, Path] = {}
            try:
                torch, version, torch_has_cuda = find_torch()
                targets["failed"] = file.add_torch(torch, version)
                facts["built_for_torch"] = version
                archs = ""
                if why_not := why_not_cuda(nvcc, torch_has_cuda):
                    facts["cuda_failed"] = why_not
                else:
                    assert nvcc is not None
                    archs = choose_archs(nvcc)
                    targets["cuda_failed"] = file.add_cuda(torch, nvcc, archs)
                facts["cuda_archs"] = archs
                chosen = f"CUDA {archs} ({nvcc})" if archs else f"CPU only ({why_not})"
                print(f"ptdet: building for torch {version}, {chosen}", flush=True)
            except BuildError as error:
                facts["failed"] = facts["cuda_failed"] = str(error)
            try:
                targets["numpy_failed"] = file.add_numpy()
            except BuildError as error:
                facts["numpy_failed"] = str(error)
            write_if_changed(folder / "build.ninja", "\n".join(file.lines))
            for part, target in targets.items():
                try:
                    run_ninja(ninja, folder, target)
                    built.add(target.name)
                except BuildError as error:
                    facts[part] = str(error)
    except BuildError as error:
        facts |= dict.fromkeys(PARTS, str(error))
    for name in {"_C.so", "_C_cuda.so", numpy_library} - built:
        (PACKAGE / name).unlink(missing_ok=True)
    return facts


def why_not_cuda(nvcc: str | None, torch_has_cuda: bool) -> str:
    """Empty if the CUDA kernels are to be built."""
    if not switch("USE_CUDA", True):
        return "USE_CUDA=0 was set: unset it and build ptdet again"
    if nvcc is None:
        return "built without CUDA: install nvcc and build ptdet again"
    if not torch_has_cuda and not switch("USE_CUDA", False):
        return "this torch has no CUDA: install one that has, then build ptdet again"
    return ""


class BuildNative(Command):
    """A step of `build`, and of an editable install."""

    user_options: list[tuple[str, str | None, str]] = []

    def initialize_options(self) -> None:
        pass

    def finalize_options(self) -> None:
        pass

    def run(self) -> None:
        for stream in (sys.stdout, sys.stderr):  # a path may have letters that the locale lacks
            stream.reconfigure(errors="backslashreplace")  # type: ignore[union-attr]
        facts = compile_native()
        optional = "cuda_failed" if not switch("USE_CUDA", False) else ""
        for part, what in PARTS.items():
            if part not in facts:
                continue
            expected = part == optional and "compiler failed" not in facts[part]
            if not expected and switch("PTDET_REQUIRE_NATIVE", False):
                raise SystemExit(f"ptdet: no {what}: {facts[part]}")
            if not expected:
                print(f"ptdet: WARNING: no {what}: {facts[part]}", file=sys.stderr, flush=True)
        write_if_changed(PACKAGE / "_build.json", json.dumps(facts) + "\n")


class Build(build):
    sub_commands = [("build_native", None), *build.sub_commands]


class Develop(develop):
    def run(self) -> None:
        self.run_command("build_native")
        super().run()


class NativeDistribution(Distribution):
    def has_ext_modules(self) -> bool:
        return True  # the wheel belongs to one platform


def readme() -> str:
    """README.md for a page elsewhere, as PyPI's: links into the tree get the address of [project.urls], and without one
    only their words are left."""
    found = re.search(r'^Source = "(.*)"$', (ROOT / "pyproject.toml").read_text(encoding="utf-8"), re.MULTILINE)

    def whole(link: re.Match[str]) -> str:
        picture, words, place = link.groups()
        if re.match(r"https?:|#", place):
            return link[0]
        if found is None:
            return "" if picture else words
        return f"{picture}[{words}]({found[1]}/{'raw' if picture else 'blob'}/main/{place})"

    return re.sub(r"(!?)\[([^]]*)\]\(([^)]+)\)", whole, (ROOT / "README.md").read_text(encoding="utf-8"))


setup(
    long_description=readme(), long_description_content_type="text/markdown",
    cmdclass={"build": Build, "develop": Develop, "build_native": BuildNative}, distclass=NativeDistribution,
)  # fmt: skip
