"""`make gpu` as far as a machine without a GPU can test it: its stages, how it ends, its report; and all of it, small,
with the emulator as the device.
"""

from __future__ import annotations

import argparse
import contextlib
import json
import os
import platform
import signal
import subprocess
import sys
import time
from functools import partial
from itertools import pairwise
from pathlib import Path
from unittest import mock

import pytest
import torch

from benchmarks.gpu import __main__ as gpu, device, plan, process, report, targets
from ptdet.testing import CATALOG
from tests.cuda_emulator import harness, torch_room

from ..cuda_emulator.test_cuda_emulated import _needs_a_compiler  # noqa: F401

ROOT = Path(__file__).parents[2]
NAMES = ["operators", "benchmarks", "tests", "checks", "fuzz", "memcheck", "racecheck", "profile"]


def call(module: str, *arguments: str, **environment: str) -> subprocess.CompletedProcess[str]:
    command = [sys.executable, "-m", f"benchmarks.{module}", *arguments]
    return subprocess.run(
        command, cwd=ROOT, capture_output=True, text=True, timeout=500, check=False, env={**os.environ, **environment}
    )


def test_dry_run_shows_each_stage_and_its_time() -> None:
    done = call("gpu", "--dry-run")
    assert done.returncode == 0, done.stderr
    *listed, together, build = done.stdout.splitlines()
    assert [line.split()[0] for line in listed] == ["load", *NAMES]
    assert int(together.split()[1]) == sum(int(line.split()[1]) for line in listed) < 330
    assert build.split()[0] == "build"


def test_make_hands_the_arguments_on() -> None:
    command = ["make", "gpu", "ARGS=--dry-run", f"PYTHON={sys.executable}"]
    done = subprocess.run(command, cwd=ROOT, capture_output=True, text=True, timeout=60, check=False)
    assert done.stdout.startswith("load "), done.stderr


def test_every_stage_names_a_program_of_this_checkout() -> None:
    stages = [plan.load(), plan.build("9.0"), *plan.after_loading()]
    for stage in [*stages, *(plan.emulated(stage, "") for stage in stages)]:
        files = [part for part in stage.command if part.endswith(".py")]
        files += [f"{name.replace('.', '/')}.py" for flag, name in pairwise(stage.command) if flag == "-m"]
        assert files and all((ROOT / file).exists() for file in files), stage
    assert plan.EMULATED.parent == torch_room.BUILD / "torch-room" and harness.BUILD in plan.EMULATED.parents


@pytest.mark.skipif(torch.cuda.is_available(), reason="there is a GPU here")
def test_without_a_gpu_it_says_so_in_one_line() -> None:
    done = call("gpu")
    assert done.returncode == 2
    assert done.stderr.splitlines()[-1].startswith("make gpu: torch")
    assert len(done.stderr.splitlines()) == 1


@pytest.mark.parametrize(
    ("module", "package", "code", "told"),
    [
        ("gpu", "torch", 2, "make gpu: torch is not installed"),
        ("gpu.suite", "pytest", 0, ""),
    ],
)
def test_a_package_that_is_absent_is_a_line(module: str, package: str, code: int, told: str, tmp_path: Path) -> None:
    (tmp_path / f"{package}.py").write_text("raise ImportError('hidden')")
    options = ["--out", str(tmp_path / "out.json")] if module != "gpu" else []
    done = call(module, *options, PYTHONPATH=str(tmp_path))
    assert done.returncode == code, done.stdout + done.stderr
    assert done.stderr.startswith(told)
    assert "Traceback" not in done.stdout + done.stderr
    if options:
        assert json.loads((tmp_path / "out.json").read_text())["left_out"] == "pytest is not installed: hidden"


@pytest.mark.parametrize(
    ("arguments", "told"),
    [
        (["--only", "fuz"], "no such stage: fuz; there are operators"),
        (["--patience", "0"], "--patience: expected a number above 0, got 0.0"),
    ],
)
def test_a_wrong_argument_is_refused(arguments: list[str], told: str) -> None:
    done = call("gpu", "--dry-run", *arguments)
    assert done.returncode == 2
    assert told in done.stderr


def python(name: str, code: str, *, limit: float = 60, quiet: float = 60, **more: str) -> plan.Stage:
    return plan.Stage(name, limit, quiet, (sys.executable, "-c", code), is_ours=False, **more)


@pytest.mark.slow
def test_how_a_stage_ends_is_told(tmp_path: Path) -> None:
    endless = "import time, itertools\nfor i in itertools.count(): print('step', flush=True); time.sleep(.1)"
    stages = [
        python("good", "print('fine')"),
        python("bad", "print('the reason'); raise SystemExit(3)"),
        python("silent", "import time; print('begun', flush=True); time.sleep(600)", quiet=15),
        python("slow", endless, limit=8),
        python("complains", "print('========= error in ptdet::cuda::nms')", complaint="^=========.*ptdet::"),
        python("unfit", "print('Device not supported'); raise SystemExit(1)", cannot_run="Device not supported"),
        plan.Stage("absent", 5, 5, ("no-such-program",)),
    ]
    log = tmp_path / "running.log"
    done = [process.run(stage, stage.limit, stage.quiet, log, (), {}) for stage in stages]
    assert [each.status for each in done] == [
        "passed",
        "failed: exit 3, at: the reason",
        "hung: silent after: begun",
        "cut: at: step",
        "failed: ========= error in ptdet::",
        "left out: Device not supported",
        "left out: no-such-program was not found",
    ]
    assert "time.sleep" not in done[0].last_lines
    # where Python stood when it was ended
    assert any('File "<string>", line 1 in <module>' in line for line in done[2].last_lines)
    assert not list(tmp_path.glob("stage.*"))


def test_what_a_stage_started_ends_with_it(tmp_path: Path) -> None:
    code = (
        "import subprocess, sys\n"
        "print(subprocess.Popen([sys.executable, '-c', 'import time; time.sleep(600)']).pid, flush=True)"
    )
    done = process.run(python("parent", code), 60, 60, tmp_path / "running.log", (), {})
    assert done.status == "passed" and has_ended(done.last_lines[-1])


def test_an_end_from_outside_ends_the_stage(tmp_path: Path) -> None:
    log = tmp_path / "running.log"
    code = f"""
import signal, sys
from pathlib import Path
from benchmarks.gpu import __main__ as gpu, plan, process
signal.signal(signal.SIGTERM, gpu.interrupted)
sleeper = "import os, time; print(os.getpid(), flush=True); time.sleep(600)"
stage = plan.Stage("sleeps", 600, 600, (sys.executable, "-c", sleeper), is_ours=False)
process.run(stage, 600, 600, Path({str(log)!r}), (), {{}})
"""
    with subprocess.Popen([sys.executable, "-c", code], cwd=ROOT) as runner:
        while runner.poll() is None and not (log.exists() and log.read_text()):
            time.sleep(0.1)
        runner.terminate()
        assert runner.wait(60) == 128 + signal.SIGTERM
    assert has_ended(log.read_text().split()[0])


def has_ended(process_id: str) -> bool:
    """Within a minute: a killed process ends when the system comes to it."""
    told, begin = Path(f"/proc/{process_id}/stat"), time.monotonic()
    while time.monotonic() - begin < 60:
        with contextlib.suppress(OSError):  # it ends between the two
            if told.exists() and told.read_text().split(")")[1].split()[0] not in "ZX":
                time.sleep(0.05)
                continue
        return True
    return False


def steps(folder: Path, **options: object) -> gpu.Run:
    asked = argparse.Namespace(**{"patience": 1.0, "skip": [], "keep_going": False, **options})
    return gpu.Run(asked, report.Report([folder], None))


def test_limits_shrink_once_time_is_short(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    given = {}
    monkeypatch.setattr(gpu.time, "monotonic", lambda: 1000.0)
    run = steps(tmp_path)

    def attempt(stage: plan.Stage, end: float, environment: object = None) -> process.Outcome:
        given[stage.name] = end - 1000.0
        return process.Outcome(stage.name, "passed")

    monkeypatch.setattr(run, "attempt", attempt)
    run.end = 1000.0 + 900
    run.step(python("twice", "", limit=50), 150)
    run.end = 1000.0 + 200
    run.step(python("in full", "", limit=50), 150)
    run.end = 1000.0 + 100
    run.step(python("half", "", limit=50), 150)
    run.end = 1000.0 + 8
    run.step(python("none", "", limit=50), 150)
    assert given == {"twice": 100, "in full": 50, "half": 25}
    assert run.report.outcomes[-1].status == "not run: no time is left"


def test_the_report_keeps_times_only_where_there_are_some(tmp_path: Path) -> None:
    kept = tmp_path / "results"
    written = report.Report([tmp_path / "tree", tmp_path / "out"], kept)
    facts = {"gpu": "NVIDIA H100 80GB", "torch": "2.11.0"}
    written.add(process.Outcome("load", "passed", 1.0, {"machine": facts}))
    assert not kept.exists()
    rows = [{"name": targets.SOFT, "ms": 4.0}]
    written.add(process.Outcome("benchmarks", "cut: at: batch", 1.0, {"rows": rows}, ["the log"]))
    name = "gpu_nvidia_h100_80gb.json"
    for path in (tmp_path / "tree" / name, tmp_path / "out" / name, kept / name):
        found = json.loads(path.read_text())
        assert found["machine"] == facts
        assert targets.rows_of(found) == rows
        assert found["stages"][1]["last_lines"] == ["the log"]
    assert "benchmarks" in (tmp_path / "out" / "gpu.txt").read_text()


def test_a_folder_that_cannot_be_written_stops_nothing(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    written = report.Report([tmp_path / "tree", tmp_path / "out"], None)
    (tmp_path / "out" / "gpu.txt").mkdir()
    written.add(process.Outcome("load", "passed"))
    assert (tmp_path / "tree" / "gpu.txt").exists() and (tmp_path / "out" / "gpu.log").exists()
    assert "gpu.txt cannot be written: Is a directory" in capsys.readouterr().err


def test_a_long_log_keeps_its_beginning_and_its_end(tmp_path: Path) -> None:
    written = report.Report([tmp_path], None)
    written.running.write_text("first\n" + "x" * (2 * report.LOG_OF_A_STAGE) + "\nlast")
    written.add(process.Outcome("load", "passed"))
    log = (tmp_path / "gpu.log").read_text()
    assert "first\n" in log and log.endswith("\nlast") and len(log) < 1.1 * report.LOG_OF_A_STAGE
    assert not written.running.exists()


def test_targets_are_met_missed_or_not_measured(tmp_path: Path) -> None:
    assert {line[-1] for line in targets.cells(tmp_path)[1:]} == {"not run on a GPU yet"}
    rows = [
        {"name": "nms, clustered, 1000", "ms": 1.0, "times_faster": 1.5},
        {"name": "nms, clustered, 100000", "ms": 1.0, "times_faster": 9.9},
        {"name": "nms, clustered, 1000000", "ms": 12.0, "peer_failed": "too large"},
        {"name": targets.SOFT, "ms": 4.0},
        {"name": targets.LOSS_IN_GRAPH, "ms": 4.0, "share_of_copy": 0.61},
    ]
    found = {"machine": {"gpu": "G", "torch": "1"}, "stages": [{"name": "benchmarks", "result": {"rows": rows}}]}
    (tmp_path / "gpu_g.json").write_text(json.dumps(found))
    cells = {line[0]: line[2] for line in targets.cells(tmp_path)}
    assert cells["on a GPU"] == "G, torch 1"
    assert cells["nms, clustered, 1000"] == "1.5x, met"
    assert cells["nms, clustered, 100000"] == "9.9x, missed"
    assert cells["nms, clustered, 1000000"] == "12 ms; torchvision: too large"
    assert (cells[targets.SOFT], cells[targets.LOSS_IN_GRAPH]) == ("4 ms, met", "61%, met")
    assert cells[targets.BATCH] == "not measured"


def test_tests_are_named_counted_and_cut(tmp_path: Path) -> None:
    (tmp_path / "test_some.py").write_text(
        "import pytest\n\ndef test_good(): pass\n\n@pytest.mark.skip(reason='no peer')\ndef test_peer(): pass\n\n"
        "def test_bad(): assert 1 == 2\n"
    )
    (tmp_path / "test_broken.py").write_text("import no_such_module\n")
    (tmp_path / "pytest.ini").write_text("[pytest]\n")
    out = tmp_path / "out.json"
    some = ["--mark", "not slow", "--out", str(out), str(tmp_path / "test_some.py")]
    done = call("gpu.suite", *some)
    assert done.returncode == 1, done.stdout + done.stderr
    result = json.loads(out.read_text())
    assert (result["done"], result["of"]) == (3, 3)
    assert result["counts"] == {"passed": 1, "skipped": 1, "failed": 1}
    assert result["skipped"] == {"no peer": 1}
    assert len(result["failures"]) == 1 and "test_bad, call: assert 1 == 2" in result["failures"][0]
    assert "test_some.py::test_good" in done.stdout
    done = call("gpu.suite", *some, "--until", "0")
    result = json.loads(out.read_text())
    assert result["done"] == 0 and result["cut_before"].endswith("::test_good")
    done = call("gpu.suite", *some, str(tmp_path / "test_broken.py"))
    assert done.returncode == 1
    assert "no_such_module" in json.loads(out.read_text())["failures"][0]


def test_a_real_device_is_asked_only_what_torch_has(monkeypatch: pytest.MonkeyPatch) -> None:
    """torch.cuda with the names and arguments of its functions, which do nothing."""
    cuda = mock.create_autospec(torch.cuda)
    monkeypatch.setattr(torch, "cuda", cuda)
    real = device.Gpu()
    real.device = torch.device("cpu")
    tensor = torch.arange(3)
    call = partial(torch.add, tensor, 1)
    properties = cuda.get_device_properties.return_value
    properties.total_memory, properties.L2_cache_size = 80 << 30, 50 << 20
    cuda.get_device_capability.return_value = (9, 0)
    cuda.Event.return_value.elapsed_time.return_value = 0.25
    assert real.facts()["capability"] == "9.0" and real.facts()["memory_gib"] == 80
    assert real.milliseconds(call) == 0.25
    assert real.cache_bytes() == 50 << 20
    results, replay = real.captured(call)
    replay()
    assert cuda.CUDAGraph.return_value.replay.called and results.tolist() == [1, 2, 3]
    assert [each.tolist() for each in real.side_by_side([call, call])] == [[1, 2, 3]] * 2
    with real.waits_are_errors():
        cuda.set_sync_debug_mode.assert_called_with("error")
    cuda.set_sync_debug_mode.assert_called_with("default")
    real.free_memory()
    assert not real.is_lost()
    cuda.synchronize.side_effect = RuntimeError("an illegal memory access")
    assert real.is_lost()


def test_kernels_are_told_by_their_names(monkeypatch: pytest.MonkeyPatch) -> None:
    names = [
        "void ptdet::cuda::(anonymous namespace)::norm_of_rows<float, ptdet::Type>(float const*, long)",
        *["ptdet::cuda::(anonymous namespace)::write_keep(long*)"] * 2,
        "void at::native::copy(long*)",
    ]  # fmt: skip
    profile = mock.MagicMock()
    profile.return_value.__enter__.return_value.key_averages.return_value = [
        argparse.Namespace(key=name, device_time_total=2.0) for name in names
    ]
    monkeypatch.setattr(torch.profiler, "profile", profile)
    monkeypatch.setattr(torch.cuda, "synchronize", lambda: None)
    assert device.Gpu().microseconds_of_kernels(lambda: None) == {"norm_of_rows": 2.0, "write_keep": 4.0}


@pytest.mark.slow
def test_fuzz_without_time_has_failed(native: None) -> None:
    done = call("gpu.fuzz", "--fake-device", "--until", "0", PTDET_DISABLE_NATIVE="1")
    assert done.returncode == 1 and "no seed ran" in done.stdout, done.stdout + done.stderr


@pytest.fixture(scope="module")
def emulator() -> None:
    assert torch_room.library() == plan.EMULATED


# It runs what it is given to check, and tells how it was called.
SANITIZER = """#!/bin/sh
echo "called: $@"
while [ "$1" != -m ]; do before=$1; shift; done
exec "$before" "$@"
"""


@pytest.mark.slow
def test_a_whole_run(emulator: None, tmp_path: Path) -> None:
    out, toolkit = tmp_path / "out", tmp_path / "toolkit"
    (toolkit / "bin").mkdir(parents=True)
    sanitizer = toolkit / "bin/compute-sanitizer"
    sanitizer.write_text(SANITIZER)
    sanitizer.chmod(0o755)
    kept = sorted((ROOT / "benchmarks/results").glob("gpu_*"))
    done = call("gpu", "--fake-device", OUT=str(out), CUDA_HOME=str(toolkit))
    assert done.returncode == 0, done.stdout + done.stderr
    assert sorted(path.name for path in out.iterdir()) == ["gpu.log", "gpu.txt", "gpu_emulated.json"]
    assert sorted((ROOT / "benchmarks/results").glob("gpu_*")) == kept  # these are no times of a GPU
    found = json.loads((out / "gpu_emulated.json").read_text())
    assert {stage["name"]: stage["status"] for stage in found["stages"]} == dict.fromkeys(["load", *NAMES], "passed")
    results = {stage["name"]: stage["result"] for stage in found["stages"]}

    log = (out / "gpu.log").read_text()
    assert all(f"\n> {operation.name}, " in log for operation in CATALOG)
    assert results["operators"]["done"] == results["operators"]["of"] >= len(CATALOG)
    names = {row["name"] for row in results["benchmarks"]["rows"]}
    assert {one.row for one in targets.TARGETS if not one.row.startswith("nms")} <= names
    assert {f"nms, {scene}, {n}" for scene in targets.SCENES for n in (20, 50)} <= names
    assert {row["name"] for row in results["profile"]["rows"]} == names
    assert results["tests"]["of"] > 200
    assert results["fuzz"]["done"] == 6
    for tool in ("memcheck", "racecheck"):
        assert f"called: --tool {tool} --report-api-errors no --kernel-name kns=ptdet --error-exitcode 9" in log
    for written in (log, (out / "gpu.txt").read_text(), json.dumps(found)):
        assert len(platform.node()) < 4 or platform.node() not in written


def planted(fault: str, out: Path, *options: str) -> tuple[subprocess.CompletedProcess[str], dict[str, str]]:
    """A run with a fault, and what became of each stage."""
    given = ["--only", "operators", "memcheck", "profile", *options]
    done = call("gpu", "--fake-device", fault, *given, OUT=str(out), CUDA_HOME=str(out))
    assert (out / "gpu.log").exists() and (out / "gpu.txt").exists(), done.stdout + done.stderr
    found = json.loads((out / "gpu_emulated.json").read_text())
    return done, {stage["name"]: stage["status"] for stage in found["stages"]}


@pytest.mark.slow
def test_an_operator_that_differs_is_told_and_stops_nothing(emulator: None, tmp_path: Path) -> None:
    done, stages = planted("differs:nmm_walk", tmp_path)
    assert done.returncode == 1
    assert stages["operators"].startswith("failed: 1 failures, ")
    assert stages["operators"].endswith("first: nmm_walk, 0 boxes, float32: differs from the CPU")
    assert stages["memcheck"] == "left out: compute-sanitizer was not found"
    assert stages["profile"] == "passed"
    assert "driver unknown: nvidia-smi does not run here" in (tmp_path / "gpu.txt").read_text()


@pytest.mark.slow
@pytest.mark.parametrize(
    ("fault", "kind", "place"),
    [
        ("lost", "failed: the device is lost: ", "nmm_walk, 0 boxes, float32: RuntimeError: planted: lost"),
        ("crashes", f"failed: exit {-signal.SIGABRT}, ", "at: nmm_walk, 0 boxes, float32"),
    ],
    ids=["lost", "crashes"],
)
def test_what_breaks_off_ends_the_run_once_the_other_operators_ran(
    fault: str, kind: str, place: str, emulator: None, tmp_path: Path
) -> None:
    done, stages = planted(f"{fault}:nmm_walk", tmp_path)
    assert done.returncode == 1
    assert stages["operators"].startswith(kind) and stages["operators"].endswith(place)
    assert stages["operators, without nmm_walk"] == "passed"
    assert stages["memcheck"] == stages["profile"] == "not run: operators broke off at nmm_walk"


@pytest.mark.slow
def test_a_hang_ends_the_run_after_one_more_try(emulator: None, tmp_path: Path) -> None:
    done, stages = planted("hangs:nmm_walk", tmp_path, "--patience", "2")
    assert done.returncode == 1
    hung = stages["operators"]
    assert hung.startswith("hung: ") and hung.endswith("silent after: nmm_walk, 0 boxes, float32")
    assert stages["operators, with CUDA_LAUNCH_BLOCKING=1"].endswith("silent after: nmm_walk, 0 boxes, float32")
    assert stages["memcheck"] == stages["profile"] == "not run: operators hung"
    assert "in answer" in (tmp_path / "gpu.log").read_text()  # where Python stood


@pytest.mark.slow
def test_a_library_that_does_not_load_is_built_once(emulator: None, tmp_path: Path) -> None:
    done, stages = planted("no-load", tmp_path)
    assert done.returncode == 1
    told = "failed: 1 failures, 2 of 3 steps, first: planted: the kernels do not load"
    assert stages == {
        "load": told, "build": "passed", "load, once built": told,
        **dict.fromkeys(["operators", "memcheck", "profile"], "not run: load, once built failed"),
    }  # fmt: skip


@pytest.mark.slow
def test_fixed_shapes_are_told_from_the_fake_kernels() -> None:
    code = "from benchmarks.gpu.checks import *; print({o.name: has_fixed_shape(o) for o in CATALOG})"
    command = [sys.executable, "-c", code]
    done = subprocess.run(command, cwd=ROOT, capture_output=True, text=True, timeout=300, check=False)
    assert done.returncode == 0, done.stderr
    assert "'nms': False" in done.stdout
    assert "'nms_walk': True" in done.stdout
