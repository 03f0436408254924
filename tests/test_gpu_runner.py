"""`make gpu` as far as it can be tested without a GPU: its stages, its report, and the scripts that take any device."""

from __future__ import annotations

import json
import subprocess
import sys
from pathlib import Path
from types import ModuleType

import pytest
import torch

ROOT = Path(__file__).parents[1]


def call(script: str, *arguments: str) -> subprocess.CompletedProcess[str]:
    command = [sys.executable, f"benchmarks/{script}.py", *arguments]
    return subprocess.run(command, cwd=ROOT, capture_output=True, text=True, timeout=300, check=False)


@pytest.fixture
def gpu(monkeypatch: pytest.MonkeyPatch) -> ModuleType:
    monkeypatch.syspath_prepend(str(ROOT / "benchmarks"))
    return __import__("gpu")


def test_dry_run_lists_stages_that_fit_into_nine_minutes() -> None:
    done = call("gpu", "--dry-run")
    assert done.returncode == 0, done.stderr
    *listed, together = done.stdout.splitlines()
    names = [line.split()[0] for line in listed]
    assert names == [
        "build", "checks", "benchmarks", "fuzz", "suite", "memcheck", "racecheck", "initcheck", "synccheck"
    ]  # fmt: skip
    assert int(together.split()[1]) == sum(int(line.split()[1]) for line in listed) < 540


def test_every_stage_names_a_script_that_is_there(gpu: ModuleType) -> None:
    for stage in gpu.stages():
        for part in stage.command:
            assert not part.endswith(".py") or (ROOT / part).exists(), stage


@pytest.mark.skipif(torch.cuda.is_available(), reason="there is a GPU here")
def test_without_a_gpu_it_says_so_in_one_line() -> None:
    done = call("gpu")
    assert done.returncode == 2
    assert done.stdout == ""
    assert len(done.stderr.splitlines()) == 1
    assert done.stderr.startswith("make gpu: torch")


def test_an_unknown_stage_is_refused() -> None:
    done = call("gpu", "--only", "fuz", "--dry-run")
    assert done.returncode == 2
    assert "no such stage: fuz" in done.stderr


def python(gpu: ModuleType, name: str, code: str, budget: float = 30, **more: object) -> object:
    return gpu.Stage(name, budget, (sys.executable, "-c", code), writes=False, **more)


def test_a_stage_that_fails_is_told_and_hides_no_other(gpu: ModuleType, tmp_path: Path) -> None:
    stages = [
        python(gpu, "good", "print('fine')"),
        python(gpu, "bad", "print('the reason'); raise SystemExit(3)"),
        python(gpu, "slow", "import time; print('begun', flush=True); time.sleep(60)"),
        python(gpu, "complains", "print('========= error in ptdet::cuda::nms')", forbidden="=========.*ptdet::"),
        gpu.Stage("absent", 5, ("no-such-program",)),
    ]
    done = [gpu.run(stage, 2 if stage.name == "slow" else 30, tmp_path) for stage in stages]
    statuses = [stage["status"] for stage in done]
    assert statuses == [
        "passed",
        "failed: exit 3",
        "failed: not done after 2 s",
        "failed: ========= error in ptdet::",
        "failed: no-such-program was not found",
    ]
    assert done[0]["said"] == "fine"
    assert done[1]["log"] == ["the reason"]
    assert done[2]["log"] == ["begun"]
    table = gpu.table({"machine": {"gpu": "G", "torch": "1", "cuda": "2"}, "stages": done})
    assert all(stage.name in table for stage in stages)


def test_small_suite_runs_on_any_device(native: None, tmp_path: Path) -> None:
    done = call("gpu_small", "--device", "cpu", "--out", str(tmp_path / "out.json"))
    assert done.returncode == 0, done.stdout + done.stderr
    result = json.loads((tmp_path / "out.json").read_text())
    assert result["calls"] > 50
    assert result["differences"] == []


def test_fuzz_says_how_many_ran(native: None, tmp_path: Path) -> None:
    out = tmp_path / "out.json"
    done = call("gpu_fuzz", "--device", "cpu", "--cases", "20", "--out", str(out))
    assert done.returncode == 0, done.stdout + done.stderr
    assert json.loads(out.read_text())["ran"] == 20
    assert call("gpu_fuzz", "--device", "cpu", "--seconds", "0").returncode == 1


def test_fixed_shapes_are_told_from_the_fake_kernels() -> None:
    code = "from gpu_checks import *; print({o.name: has_fixed_shape(o) for o in CATALOG})"
    command = [sys.executable, "-c", code]
    done = subprocess.run(command, cwd=ROOT / "benchmarks", capture_output=True, text=True, timeout=300, check=False)
    assert done.returncode == 0, done.stderr
    assert "'nms': False" in done.stdout
    assert "'nms_walk': True" in done.stdout
