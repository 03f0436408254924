"""`make gpu`: everything that only a GPU can show, in under nine minutes, with no network.

    python -m benchmarks.gpu             runs all stages; --dry-run lists them; --only NAME runs some
    benchmarks/results/gpu_<model>.json  the results, with the versions

A stage is a process of its own with a time budget; the next may use what it leaves of that. A stage that fails or runs
past its time is reported at the end, in the exit code too, and does not stop the others.
"""

from __future__ import annotations

import argparse
import datetime
import json
import os
import platform
import re
import shutil
import signal
import subprocess
import sys
import tempfile
import time
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

ROOT = Path(__file__).resolve().parents[2]
RESULTS = ROOT / "benchmarks" / "results"
REPORTING = 10  # seconds for a stage with a time limit of its own to start and to write its results
SANITIZERS = ("memcheck", "racecheck", "initcheck", "synccheck")


@dataclass(frozen=True)
class Stage:
    """`command` is run from the root; "{seconds}" in it becomes its time limit. A module of this package writes its
    result to the file named by --out.
    """

    name: str
    budget: float  # seconds
    command: tuple[str, ...]
    environment: dict[str, str] = field(default_factory=dict)
    writes: bool = True
    forbidden: str = ""  # what its output has if it failed, whatever its exit code


def ours(module: str, *arguments: str) -> tuple[str, ...]:
    return (sys.executable, "-m", f"benchmarks.gpu.{module}", *arguments)


def sanitizer() -> str:
    beside = Path(os.environ.get("CUDA_HOME", "/usr/local/cuda")) / "bin" / "compute-sanitizer"
    return str(beside) if beside.exists() else "compute-sanitizer"


def build_environment() -> dict[str, str]:
    """Builds for the GPUs that torch sees, with or without nvidia-smi."""
    required = {"PTDET_REQUIRE_NATIVE": "1"}
    if os.environ.get("TORCH_CUDA_ARCH_LIST") or no_gpu():
        return required
    import torch

    each = {"{}.{}".format(*torch.cuda.get_device_capability(index)) for index in range(torch.cuda.device_count())}
    return {**required, "TORCH_CUDA_ARCH_LIST": ";".join(sorted(each))}


def stages() -> list[Stage]:
    listed = [
        Stage("build", 110, (sys.executable, "setup.py", "-q", "build_native"), build_environment(), False),
        Stage("checks", 35, ours("checks")),
        Stage("benchmarks", 90, ours("bench")),
        Stage("fuzz", 60, ours("fuzz", "--cases", "10000", "--seconds", "{seconds}")),
    ]
    for tool in SANITIZERS:
        # initcheck must see what torch's own kernels write, so it may complain about them
        narrowed = () if tool == "initcheck" else ("--kernel-name", "kns=ptdet", "--error-exitcode", "9")
        command = (sanitizer(), "--tool", tool, *narrowed, *ours("small"))
        # torch's cache of freed memory would hide an access beyond a tensor's end
        environment = {"PYTORCH_NO_CUDA_MEMORY_CACHING": "1"}
        listed.append(Stage(tool, 33, command, environment, forbidden=r"^=========.*ptdet::"))
    # last: it may use all the time that the others left
    return [*listed, Stage("suite", 100, ours("suite", "--seconds", "{seconds}"))]


def no_gpu() -> str | None:
    """Why this machine cannot run it, in one line; None if it can."""
    try:
        import torch
    except ImportError:
        return "torch is not installed"
    if torch.version.cuda is None:
        return f"torch {torch.__version__} is built without CUDA"
    return None if torch.cuda.is_available() else f"torch {torch.__version__} sees no NVIDIA GPU"


def output_of(*command: str) -> str | None:
    try:
        done = subprocess.run(command, capture_output=True, text=True, timeout=20, cwd=ROOT, check=False)
    except (OSError, subprocess.TimeoutExpired):
        return None
    lines = done.stdout.strip().splitlines()
    return lines[-1].strip() if done.returncode == 0 and lines else None


def machine() -> dict[str, Any]:
    import torch

    from .timing import version_of

    properties = torch.cuda.get_device_properties(0)
    return {
        "gpu": torch.cuda.get_device_name(0),
        "gpus": torch.cuda.device_count(),
        "multiprocessors": properties.multi_processor_count,
        "memory_gib": round(properties.total_memory / 2**30, 1),
        "driver": output_of("nvidia-smi", "--query-gpu=driver_version", "--format=csv,noheader"),
        "nvcc": output_of(os.environ.get("CUDA_HOME", "/usr/local/cuda") + "/bin/nvcc", "--version")
        or output_of("nvcc", "--version"),
        "torch": torch.__version__,
        "torchvision": version_of("torchvision"),
        "cuda": torch.version.cuda,
        "python": platform.python_version(),
        "commit": output_of("git", "rev-parse", "HEAD"),
        "changed_files": output_of("git", "status", "--porcelain") is not None,
        "date": datetime.datetime.now(datetime.timezone.utc).isoformat(timespec="seconds"),
    }


def run(stage: Stage, seconds: float, folder: Path) -> dict[str, Any]:
    """Runs one stage: its status, its time, what it wrote, and the end of its output if it failed."""
    out, log = folder / f"{stage.name}.json", folder / f"{stage.name}.log"
    inside = f"{max(seconds - REPORTING, 1):.0f}"
    command = [part.replace("{seconds}", inside) for part in stage.command]
    command += ["--out", str(out)] if stage.writes else []
    start = time.perf_counter()
    if not shutil.which(command[0]):
        return {"name": stage.name, "status": f"failed: {command[0]} was not found", "seconds": 0.0}
    with log.open("wb") as sink:
        process = subprocess.Popen(
            command, cwd=ROOT, stdout=sink, stderr=subprocess.STDOUT, start_new_session=True,
            env={**os.environ, "PYTHONUNBUFFERED": "1", **stage.environment},
        )  # fmt: skip
        try:
            code = process.wait(seconds)
            status = "passed" if code == 0 else f"failed: exit {code}"
        except subprocess.TimeoutExpired:
            os.killpg(process.pid, signal.SIGKILL)
            process.wait()
            status = f"failed: not done after {seconds:.0f} s"
    result: dict[str, Any] = {
        "name": stage.name, "status": status, "seconds": round(time.perf_counter() - start, 1), "budget": stage.budget,
    }  # fmt: skip
    if out.exists():
        try:
            result["result"] = json.loads(out.read_text())
        except json.JSONDecodeError as error:
            result["status"] = f"failed: {out.name}: {error}"
    text = log.read_text(errors="replace")
    last_lines = text.splitlines()[-40:]
    if stage.forbidden and (found := re.search(stage.forbidden, text, re.MULTILINE)):
        result["status"] = f"failed: {found.group()}"
    if result["status"] != "passed":
        result["log"] = last_lines
    elif not stage.writes and last_lines:
        result["said"] = last_lines[-1]
    return result


def table(report: dict[str, Any]) -> str:
    lines = [f"{report['machine']['gpu']}, torch {report['machine']['torch']}, CUDA {report['machine']['cuda']}", ""]
    for stage in report["stages"]:
        lines.append(
            f"{stage['name']:12} {stage['seconds']:7.1f} s  {stage['status']}  {stage.get('said', '')}".rstrip()
        )
        lines += [f"    {row}" for row in stage.get("result", {}).get("table", [])]
    return "\n".join(lines)


def main() -> int:
    parser = argparse.ArgumentParser(
        prog="python -m benchmarks.gpu", description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter
    )
    parser.add_argument("--dry-run", action="store_true", help="list the stages and run none")
    parser.add_argument("--only", nargs="+", metavar="NAME", help="run these stages alone")
    parser.add_argument("--out", type=Path, help="the report (default: benchmarks/results/gpu_<model>.json)")
    asked = parser.parse_args()
    chosen = [stage for stage in stages() if not asked.only or stage.name in asked.only]
    if unknown := set(asked.only or ()) - {stage.name for stage in stages()}:
        parser.error(f"no such stage: {', '.join(sorted(unknown))}")
    if asked.dry_run:
        for stage in chosen:
            print(f"{stage.name:12} {stage.budget:4.0f} s  {' '.join(stage.command)}")
        print(f"{'together':12} {sum(stage.budget for stage in chosen):4.0f} s at most")
        return 0
    if why := no_gpu():
        print(f"make gpu: {why}", file=sys.stderr)
        return 2

    report: dict[str, Any] = {"machine": machine(), "stages": []}
    saved = 0.0
    with tempfile.TemporaryDirectory() as folder:
        for stage in chosen:
            print(f"{stage.name} ...", flush=True)
            done = run(stage, stage.budget + saved, Path(folder))
            saved = max(0.0, saved + stage.budget - done["seconds"])
            report["stages"].append(done)
            print(f"{stage.name}: {done['status']}, {done['seconds']} s", flush=True)
    model = re.sub(r"[^a-z0-9]+", "_", report["machine"]["gpu"].lower()).strip("_")
    out = asked.out or RESULTS / f"gpu_{model}.json"
    out.parent.mkdir(parents=True, exist_ok=True)
    out.write_text(json.dumps(report, indent=1) + "\n")
    print(f"\n{table(report)}\n\n{out}")
    failed = [stage for stage in report["stages"] if stage["status"] != "passed"]
    for stage in failed:
        print(f"\n{stage['name']}: {stage['status']}")
        print("\n".join(f"    {line}" for line in stage.get("log", [])))
    return 1 if failed else 0


if __name__ == "__main__":
    raise SystemExit(main())
