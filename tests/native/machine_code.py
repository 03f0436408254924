"""What nvcc made of csrc/cuda for every architecture of a release: the build's own objects, or compiled here."""

from __future__ import annotations

import hashlib
import json
import os
import re
import shutil
import subprocess
import tempfile
from collections import Counter
from dataclasses import dataclass, field
from pathlib import Path

from .built import last_build

ROOT = Path(__file__).parents[2]
CSRC = ROOT / "csrc"
BUILD = ROOT / "build" / "machine-code"

ARCHITECTURES = (75, 80, 86, 89, 90, 100, 120)
READ_IN_FULL = (75, 90, 120)  # the rest differs in registers, not in which instructions there are
FLAGS = (
    *("-std=c++17", "-O3", "-fmad=false", f"-I{CSRC}", "-Werror", "all-warnings"),
    "-Xcompiler=-fPIC,-ffp-contract=off,-Wall,-Wextra",
)
# Of a multiprocessor: registers, threads, bytes of shared memory.
CAPACITY = {
    75: (65536, 1024, 65536), 80: (65536, 2048, 167936), 86: (65536, 1536, 102400), 89: (65536, 1536, 102400),
    90: (65536, 2048, 233472), 100: (65536, 2048, 233472), 120: (65536, 1536, 102400),
}  # fmt: skip


@dataclass
class Kernel:
    """One kernel on one architecture; `instructions` is empty for architectures that are not read in full."""

    symbol: str
    arch: int
    registers: int = 0
    stack: int = 0
    local: int = 0
    shared: int = 0
    instructions: Counter[str] = field(default_factory=Counter)

    @property
    def name(self) -> str:
        """Without namespaces and arguments: the last of the names, each after its length, that the symbol begins."""
        name, rest = self.symbol, self.symbol.removeprefix("_ZN").removeprefix("_Z")
        while length := re.match(r"\d+", rest):
            end = length.end() + int(length.group())
            name, rest = rest[length.end() : end], rest[end:]
        return name

    def resident_blocks(self, threads: int) -> int:
        """How many blocks of so many threads a multiprocessor holds at once."""
        registers, most_threads, shared = CAPACITY[self.arch]
        a_warp = -(-self.registers * 32 // 256) * 256
        by_registers = registers // (a_warp * (threads // 32))
        reserved = 1024 if 80 <= self.arch < 90 else 0  # for each block; newer ones report it
        by_shared = shared // (self.shared + reserved) if self.shared else by_registers
        return min(by_registers, most_threads // threads, by_shared)

    def unexplained_fused(self) -> int:
        """Multiply-adds beyond those that make up divisions and reciprocals that are rounded once.

        In line a float32 division takes 5 and ends in FCHK, a reciprocal 2 after MUFU.RCP, a float64 one 7 after
        MUFU.RCP64H; the ways out for odd values, once a kernel each, take 12, 5 and 3 and one more MUFU.
        """
        checks, reciprocals = self.instructions["FCHK"], self.instructions["MUFU.RCP"]
        wide = self.instructions["MUFU.RCP64H"]
        others = max(reciprocals - checks - 1, 0)  # integer divisions among them
        single = (5 * checks + 12 if checks else 0) + (2 * others + 5 if others else 0) + max(wide - 1, 0)
        double = 7 * wide + 3 if wide else 0
        return max(self.instructions["FFMA"] - single, 0) + max(self.instructions["DFMA"] - double, 0)


def nvcc() -> Path | None:
    """As setup.py finds it."""
    if named := os.environ.get("NVCC"):
        return Path(named)
    home = os.environ.get("CUDA_HOME") or os.environ.get("CUDA_PATH") or "/usr/local/cuda"
    beside = Path(home) / "bin" / "nvcc"
    found = shutil.which("nvcc")
    return beside if beside.exists() else Path(found) if found else None


def disassembler() -> Path | None:
    """cuobjdump of the toolkit, of PATH, or of triton, which comes with torch for CUDA."""
    compiler = nvcc()
    places = [compiler.resolve().parent / "cuobjdump"] if compiler else []
    places += [Path(found) for found in [shutil.which("cuobjdump")] if found]
    try:
        import triton

        places.append(Path(triton.__file__).parent / "backends/nvidia/bin/cuobjdump")
    except ImportError:
        pass
    return next((place for place in places if place.exists()), None)


def call(*command: object) -> str:
    done = subprocess.run([str(part) for part in command], capture_output=True, text=True, check=False)
    if done.returncode != 0:
        raise RuntimeError(f"{' '.join(map(str, command))}\n{done.stdout}{done.stderr}")
    return done.stdout


def read_by(source: Path) -> list[Path]:
    included = [p for folder in ("math", "api", "cuda") for p in (CSRC / folder).glob("*.h")]
    return sorted([source, *included])


def built(source: Path) -> Path | None:
    """What `make build` made of it, if that is for these architectures and newer than all that it reads."""
    facts = ROOT / "ptdet" / "_build.json"
    archs = ";".join(f"{arch // 10}.{arch % 10}" for arch in ARCHITECTURES) + "+PTX"
    out = (last_build() or ROOT) / f"cuda_{source.name}.o"
    if not (facts.exists() and out.exists() and json.loads(facts.read_text()).get("cuda_archs") == archs):
        return None
    newest = max(path.stat().st_mtime for path in read_by(source))
    return out if out.stat().st_mtime > newest else None


def compiled(source: Path, flags: tuple[str, ...] = FLAGS) -> Path:
    """The object of one .cu for all architectures, and PTX for the newest; made anew if what it includes changed."""
    if source.is_relative_to(CSRC) and flags == FLAGS and (made := built(source)):
        return made
    digest = hashlib.sha256(repr((flags, str(nvcc()))).encode())
    for path in read_by(source):
        digest.update(path.read_bytes())
    out = BUILD / f"{source.stem}-{digest.hexdigest()[:16]}.o"
    if out.exists():
        return out
    BUILD.mkdir(parents=True, exist_ok=True)
    targets = [f"-gencode=arch=compute_{arch},code=sm_{arch}" for arch in ARCHITECTURES]
    targets.append(f"-gencode=arch=compute_{ARCHITECTURES[-1]},code=compute_{ARCHITECTURES[-1]}")
    with tempfile.TemporaryDirectory(dir=BUILD) as folder:
        part = Path(folder) / "part.o"
        call(nvcc(), *flags, *targets, "--threads=2", "-c", source, "-o", part)
        for old in BUILD.glob(f"{source.stem}-*.o"):
            if re.fullmatch(r"[0-9a-f]{16}", old.stem.removeprefix(f"{source.stem}-")):
                old.unlink(missing_ok=True)
        part.replace(out)
    return out


def kernels(binary: Path, read_in_full: tuple[int, ...] = READ_IN_FULL) -> list[Kernel]:
    """Every kernel of a binary on every architecture it holds."""
    found: dict[tuple[int, str], Kernel] = {}
    arch, symbol = 0, ""
    for line in call(disassembler(), "-res-usage", binary).splitlines():
        if heading := re.match(r"arch = sm_(\d+)", line):
            arch = int(heading.group(1))
        elif heading := re.match(r"\s*Function (\S+):$", line):
            symbol = heading.group(1)
        elif line.lstrip().startswith("REG:"):
            use = {name: int(value) for name, value in re.findall(r"(\w+)(?:\[\d\])?:(\d+)", line)}
            found[arch, symbol] = Kernel(symbol, arch, use["REG"], use["STACK"], use["LOCAL"], use["SHARED"])
    for arch in read_in_full:
        for symbol, instructions in instructions_of(binary, arch):
            if (arch, symbol) in found:
                found[arch, symbol].instructions = instructions
    return list(found.values())


def instructions_of(binary: Path, arch: int) -> list[tuple[str, Counter[str]]]:
    """What instructions each function has: FFMA, MUFU.RCP, ...; all but MUFU without what follows the dot."""
    code = re.compile(r"\s*/\*[0-9a-f]{4,}\*/\s+(?:@!?U?P\w+ )?([A-Z0-9_.]+)")
    functions: list[tuple[str, Counter[str]]] = []
    command = [str(disassembler()), "-sass", "-arch", f"sm_{arch}", str(binary)]
    with subprocess.Popen(command, stdout=subprocess.PIPE, stderr=subprocess.DEVNULL, text=True) as run:
        assert run.stdout
        for line in run.stdout:
            if "Function : " in line:
                functions.append((line.split("Function : ")[1].strip(), Counter()))
            elif functions and (found := code.match(line)):
                name = found.group(1)
                functions[-1][1][name if name.startswith(("MUFU", "CCTL")) else name.split(".")[0]] += 1
    return functions


def ptx(binary: Path) -> dict[str, str]:
    """The text of each kernel that is kept as PTX, for architectures to come."""
    text = call(disassembler(), "-ptx", binary)
    entries = [entry.split("\n.func")[0] for entry in re.split(r"\.entry ", text)[1:]]  # a .func is CUDA's own, pow's
    return {entry.split("(")[0].strip(): entry for entry in entries}


def main() -> None:
    """Prints what each kernel takes on each architecture, the most of its instances; ends at once with no compiler."""
    if not (nvcc() and disassembler()):
        raise SystemExit("nvcc and cuobjdump are needed: pip install -r requirements-cuda.txt, set CUDA_HOME")
    print("| kernel | " + " | ".join(f"sm_{arch}" for arch in ARCHITECTURES) + " |")
    print("| --- |" + " --- |" * len(ARCHITECTURES))
    for source in sorted((CSRC / "cuda").glob("*.cu")):
        most: dict[str, dict[int, tuple[int, int, int]]] = {}
        for kernel in kernels(compiled(source), ()):
            use = most.setdefault(f"{source.stem}: {kernel.name}", {})
            spilled = kernel.stack + kernel.local
            before = use.get(kernel.arch, (0, 0, 0))
            use[kernel.arch] = tuple(map(max, before, (kernel.registers, kernel.shared, spilled)))  # type: ignore
        for name_, use in most.items():
            cells = [
                f"{use[a][0]} / {use[a][1]}" + (f" / {use[a][2]} spilled" if use[a][2] else "") for a in ARCHITECTURES
            ]
            print(f"| {name_} | " + " | ".join(cells) + " |")


if __name__ == "__main__":
    main()
