"""`make gpu` as far as a machine without a GPU can test it: stages, report, and the modules that take any device."""

from __future__ import annotations

import json
import subprocess
import sys
from collections.abc import Callable
from itertools import pairwise
from pathlib import Path

import pytest
import torch

from benchmarks.gpu import __main__ as gpu, bench, targets

ROOT = Path(__file__).parents[2]


def call(module: str, *arguments: str) -> subprocess.CompletedProcess[str]:
    command = [sys.executable, "-m", f"benchmarks.{module}", *arguments]
    return subprocess.run(command, cwd=ROOT, capture_output=True, text=True, timeout=300, check=False)


def test_dry_run_lists_stages_that_fit_into_nine_minutes() -> None:
    done = call("gpu", "--dry-run")
    assert done.returncode == 0, done.stderr
    *listed, together = done.stdout.splitlines()
    names = [line.split()[0] for line in listed]
    assert names == [
        "build", "checks", "benchmarks", "fuzz", "memcheck", "racecheck", "initcheck", "synccheck", "suite"
    ]  # fmt: skip
    assert int(together.split()[1]) == sum(int(line.split()[1]) for line in listed) < 540


def test_every_stage_names_a_program_of_this_checkout() -> None:
    for stage in gpu.stages():
        files = [part for part in stage.command if part.endswith(".py")]
        files += [f"{name.replace('.', '/')}.py" for flag, name in pairwise(stage.command) if flag == "-m"]
        assert files and all((ROOT / file).exists() for file in files), stage


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


def python(name: str, code: str, budget: float = 30, **more: object) -> object:
    return gpu.Stage(name, budget, (sys.executable, "-c", code), writes=False, **more)


def test_a_stage_that_fails_is_told_and_hides_no_other(tmp_path: Path) -> None:
    stages = [
        python("good", "print('fine')"),
        python("bad", "print('the reason'); raise SystemExit(3)"),
        python("slow", "import time; print('begun', flush=True); time.sleep(60)"),
        python("complains", "print('========= error in ptdet::cuda::nms')", forbidden="=========.*ptdet::"),
        gpu.Stage("absent", 5, ("no-such-program",)),
    ]
    done = [gpu.run(stage, 5 if stage.name == "slow" else 60, tmp_path) for stage in stages]
    statuses = [stage["status"] for stage in done]
    assert statuses == [
        "passed",
        "failed: exit 3",
        "failed: not done after 5 s",
        "failed: ========= error in ptdet::",
        "failed: no-such-program was not found",
    ]
    assert done[0]["said"] == "fine"
    assert done[1]["log"] == ["the reason"]
    assert done[2]["log"] == ["begun"]
    table = gpu.table({"machine": {"gpu": "G", "torch": "1", "cuda": "2"}, "stages": done})
    assert all(stage.name in table for stage in stages)


class Stopwatch:
    """In place of benchmarks.gpu.timing.Clock, which times by the events of a GPU."""

    def milliseconds(self, call: Callable[[], object], *_: object) -> list[float]:
        call()
        return [2.0, 1.0, 3.0]


def test_benchmarks_have_a_row_for_every_target(native: None, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(bench, "graphed", lambda call: call)
    monkeypatch.setattr(bench, "kernel_times", lambda call: {})
    monkeypatch.setattr(targets, "SIZES", (100,))
    clock, cpu = Stopwatch(), torch.device("cpu")
    rows = [
        *bench.loss(clock, cpu, 50, 20), *bench.norm(clock, cpu, (2, 16, 4, 4)), *bench.soft(clock, cpu),
        *bench.batch(clock, cpu, 2, 50, 3), *bench.suppression(clock, cpu),
    ]  # fmt: skip
    names = {row["name"] for row in rows}
    wanted = {target.row for target in targets.TARGETS if not target.row.startswith("nms")}
    assert wanted <= names
    assert {"nms, clustered, 100", "nms, scattered, 100"} <= names
    assert all(bench.line(row) for row in rows)


def test_targets_are_met_missed_or_not_measured(tmp_path: Path) -> None:
    assert {line[-1] for line in targets.cells(tmp_path)[1:]} == {"not run on a GPU yet"}
    rows = [
        {"name": "nms, clustered, 1000", "ms": 1.0, "times_faster": 1.5},
        {"name": "nms, clustered, 100000", "ms": 1.0, "times_faster": 9.9},
        {"name": "nms, clustered, 1000000", "ms": 12.0, "peer_failed": "too large"},
        {"name": targets.SOFT, "ms": 4.0},
        {"name": targets.LOSS_IN_GRAPH, "ms": 4.0, "share_of_copy": 0.61},
    ]
    report = {"machine": {"gpu": "G", "torch": "1"}, "stages": [{"name": "benchmarks", "result": {"rows": rows}}]}
    (tmp_path / "gpu_g.json").write_text(json.dumps(report))
    found = {line[0]: line[2] for line in targets.cells(tmp_path)}
    assert found["on a GPU"] == "G, torch 1"
    assert found["nms, clustered, 1000"] == "1.5x, met"
    assert found["nms, clustered, 100000"] == "9.9x, missed"
    assert found["nms, clustered, 1000000"] == "12 ms; torchvision: too large"
    assert (found[targets.SOFT], found[targets.LOSS_IN_GRAPH]) == ("4 ms, met", "61%, met")
    assert found[targets.BATCH] == "not measured"


@pytest.mark.slow
def test_the_suite_names_what_it_ran_and_what_not(tmp_path: Path) -> None:
    (tmp_path / "test_good.py").write_text(
        "import pytest\n\ndef test_good(): pass\n\n@pytest.mark.skip(reason='no peer')\ndef test_peer(): pass\n"
    )
    (tmp_path / "test_bad.py").write_text("def test_bad(): assert 1 == 2\n")
    (tmp_path / "test_slow.py").write_text("import time\n\ndef test_slow(): time.sleep(60)\n")
    (tmp_path / "test_aarch64.py").write_text("")
    (tmp_path / "conftest.py").write_text(
        "def pytest_configure(config): config.addinivalue_line('markers', 'cuda: needs a GPU')\n"
    )
    files = [str(path) for path in sorted(tmp_path.glob("test_*.py"))]
    out = tmp_path / "out.json"
    done = call("gpu.suite", "--device", "cpu", "--seconds", "20", "--workers", "4", "--out", str(out), *files)
    assert done.returncode == 1, done.stdout + done.stderr
    result = json.loads(out.read_text())
    statuses = {name: part["status"] for name, part in result["parts"].items()}
    assert statuses == {
        "on the GPU": "passed", "test_good": "passed", "test_bad": "failed", "test_slow": "not done in time"
    }  # fmt: skip
    assert result["counts"]["passed"] == result["counts"]["failed"] == 1
    assert result["skipped"] == {"no peer": 1}
    assert result["left_to_ci"] == ["test_aarch64.py"]
    assert result["late"] == ["test_slow: not done in time"]
    assert "assert 1 == 2" in "\n".join(result["logs"]["test_bad"])


@pytest.mark.slow
def test_small_suite_runs_on_any_device(native: None, tmp_path: Path) -> None:
    done = call("gpu.small", "--device", "cpu", "--out", str(tmp_path / "out.json"))
    assert done.returncode == 0, done.stdout + done.stderr
    result = json.loads((tmp_path / "out.json").read_text())
    assert result["calls"] > 50
    assert result["differences"] == []


@pytest.mark.slow
def test_fuzz_says_how_many_ran(native: None, tmp_path: Path) -> None:
    out = tmp_path / "out.json"
    done = call("gpu.fuzz", "--device", "cpu", "--cases", "20", "--out", str(out))
    assert done.returncode == 0, done.stdout + done.stderr
    assert json.loads(out.read_text())["ran"] == 20
    assert call("gpu.fuzz", "--device", "cpu", "--seconds", "0").returncode == 1


@pytest.mark.slow
def test_fixed_shapes_are_told_from_the_fake_kernels() -> None:
    code = "from benchmarks.gpu.checks import *; print({o.name: has_fixed_shape(o) for o in CATALOG})"
    command = [sys.executable, "-c", code]
    done = subprocess.run(command, cwd=ROOT, capture_output=True, text=True, timeout=300, check=False)
    assert done.returncode == 0, done.stderr
    assert "'nms': False" in done.stdout
    assert "'nms_walk': True" in done.stdout


@pytest.mark.slow
def test_graphs_hold_the_padded_forms_and_no_operator_without_a_kernel() -> None:
    code = (
        "from benchmarks.gpu.checks import *\n"
        "for name, call in waits_for_nothing(torch.device('cpu')): print(name, len(call()) > 0)"
    )
    command = [sys.executable, "-c", code]
    done = subprocess.run(command, cwd=ROOT, capture_output=True, text=True, timeout=300, check=False)
    assert done.returncode == 0, done.stderr
    assert "combined_nms, soft True" in done.stdout
    for name in ("wbf_walk", "fast_nms_walk"):
        native = torch._C._dispatch_has_kernel_for_dispatch_key(f"ptdet::{name}", "CUDA")
        assert (name in done.stdout) == native
