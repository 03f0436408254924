"""What happens beside a run over a data set: inputs that go away, files of its own that are broken, closed streams."""

from __future__ import annotations

import json
import os
import shutil
import signal
import subprocess
import sys
import time
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import numpy as np
import pytest

from ptdet.dataset.durable import is_as_printed, print_of
from ptdet.dataset.passing import refuse_passing
from ptdet.dataset.plan import Places, Plan
from ptdet.dataset.run import run as run_plan
from ptdet.dataset.settings import Job
from ptdet.dataset.shard import answer_to
from ptdet.io import FileProblem

from .. import dataset_inputs as inputs
from .test_dataset_kills import ROOT, results, start
from .test_dataset_run import expected, in_npz, refused, run


class Nobody:
    """Watches nothing."""

    def begins(self, plan: Plan, pending: Any) -> None: ...
    def shard_done(self, line: dict[str, Any]) -> None: ...
    def happened(self, event: dict[str, Any]) -> None: ...


def test_an_input_that_goes_away_is_no_bad_input(tmp_path: Path) -> None:
    """Its shard failed, so that --resume does it once the file is there again; also where another took its place."""
    source = inputs.write_npz(tmp_path / "npz", 6)
    file = source / "000000000010.npz"
    content, stat = file.read_bytes(), file.stat()

    def engine(plan: Plan, places: Places, pending: Any, told: Any) -> Iterator[dict[str, Any]]:
        for shard in pending:
            happens(shard)
            answer = answer_to(plan.task(shard, places), plan.job, places.out, places.workshop)
            yield {"shard": shard, "failed": answer["error"]} if "error" in answer else answer

    def happens(shard: int) -> None:
        if shard == 1:
            what()

    def replace_it() -> None:
        file.write_bytes((source / "000000000001.npz").read_bytes())

    def nothing() -> None: ...

    for number, (what, told) in enumerate(
        ((file.unlink, "is not there any more"), (replace_it, "has changed since the run"))
    ):
        out, job = tmp_path / f"out {number}", Job(format="npz")
        summary = run_plan([source], out, job, 2, False, engine, Nobody())  # type: ignore[arg-type]
        assert not summary.problems and len(summary.failed) == 1 and told in summary.failed[0]
        file.write_bytes(content)
        os.utime(file, ns=(stat.st_atime_ns, stat.st_mtime_ns))
        what = nothing
        summary = run_plan([source], out, job, 2, True, engine, Nobody())  # type: ignore[arg-type]
        assert not summary.failed and summary.done_before == 2 and summary.pictures == 6
        assert sorted(in_npz(out)) == sorted(expected(6))


def test_what_was_sorted_and_is_gone(tmp_path: Path) -> None:
    """No shard counts as done that found nothing to read."""
    source, gone = inputs.write_coco(tmp_path / "x.json", 120), []

    def engine(plan: Plan, places: Places, pending: Any, told: Any) -> Iterator[dict[str, Any]]:
        if not gone:
            gone.append(True)
            shutil.rmtree(places.spool)
        for shard in pending:
            answer = answer_to(plan.task(shard, places), plan.job, places.out, places.workshop)
            yield {"shard": shard, "failed": answer["error"]} if "error" in answer else answer

    common: tuple[Any, ...] = (tmp_path / "out", Job(format="npz"), 50)
    summary = run_plan([source], *common, False, engine, Nobody())  # type: ignore[arg-type]
    assert len(summary.failed) == summary.shards == 3 and not summary.problems
    summary = run_plan([source], *common, True, engine, Nobody())  # type: ignore[arg-type]
    assert not summary.failed and summary.kept > 0


def test_what_may_go_by() -> None:
    def problem(cause: Exception) -> FileProblem:
        told = FileProblem("cannot be read")
        told.__cause__ = cause
        return told

    for passing in (OSError(5, "Input/output error"), MemoryError()):
        with pytest.raises(type(passing)):
            refuse_passing(problem(passing))
    refuse_passing(problem(ValueError("is no array")))
    refuse_passing(problem(OSError("Corrupt snappy compressed data")))  # a parser's word, not the disk's


def test_files_of_a_run_that_are_broken(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    source, out = inputs.write_npz(tmp_path / "npz", 6), tmp_path / "out"
    command = (source, "--out", out, "--workers", 1, "--shard-size", 2, "--format", "npz")
    assert run(*command) == 0
    with (out / "_ptdet/done.jsonl").open("ab") as file:
        file.write(b'null\n5\n{}\n{"shard": 0}\n\0\0\0\n"\xff\n{"shard": 99, "print": [1, 2, "3"]}\n')
    capsys.readouterr()
    assert run(*command, "--resume") == 0 and "3 shards, 3 of them done before" in capsys.readouterr().out
    plan = out / "_ptdet/plan.json"
    stored = json.loads(plan.read_text())
    settings = {name: value for name, value in stored["settings"].items() if name != "max_det"}
    plan.write_text(json.dumps({**stored, "settings": {**settings, "ptdet": "0.0.9"}}))  # which knew of no such setting
    assert "was begun otherwise: ptdet: '0.0.9', now " in refused(capsys, *command, "--resume")
    for text in ('{"version', "[]", '{"version": 1}'):
        plan.write_text(text)
        assert "plan.json is no plan of a run" in refused(capsys, *command, "--resume")
    for log, told in (("/dev/full", "No space left on device"), (tmp_path, "Is a directory")):
        said = refused(capsys, *command[:1], "--out", tmp_path / "other", *command[3:], "--log", log)
        assert f"--log {log} cannot be written: {told}" in said


def test_a_folder_that_lost_a_file_and_looks_as_old(tmp_path: Path) -> None:
    folder = tmp_path / "shard-000000"
    folder.mkdir()
    for name in "ab":
        (folder / f"{name}.txt").write_text(name * 9)
    known = print_of(folder)
    (folder / "a.txt").write_text("a")
    for each in (folder / "a.txt", folder):
        os.utime(each, ns=(known.mtime_ns, known.mtime_ns))
    assert not is_as_printed(folder, known)


def test_what_lay_in_the_folder_stays(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    """A run takes nothing away that it has not written."""
    source, out = inputs.write_npz(tmp_path / "npz", 2), tmp_path / "out"
    (out / "failed").mkdir(parents=True)
    for name in ("failed/mine.txt", "detections.json", "mine.parquet"):
        (out / name).write_text("mine")
    command = (source, "--out", out, "--workers", 1)
    assert "detections.json is there already, and no run wrote it" in refused(capsys, *command, "--format", "coco")
    assert run(*command, "--format", "npz") == 0 and run(*command, "--format", "npz", "--resume") == 0
    assert {path.name for path in out.rglob("*") if path.is_file() and path.read_bytes() == b"mine"} == {
        "mine.txt", "detections.json", "mine.parquet"
    }  # fmt: skip


def test_links_and_folders_in_each_other(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    """A link to nothing is named, two to one file are one input, and --out may lie around what is read."""
    (tmp_path / "out").mkdir()
    source = inputs.write_npz(tmp_path / "out/npz", 2)
    (source / "nothing.npz").symlink_to("nowhere.npz")
    (source / "twice 1.npz").symlink_to("000000000001.npz")
    (source / "itself").symlink_to(".")
    common = ("--workers", 1, "--format", "npz")
    said = refused(capsys, source, "--out", tmp_path / "out", *common)
    assert said == f"ptdet: error: {source / 'nowhere.npz'} cannot be read: No such file or directory\n"
    assert sorted(in_npz(tmp_path / "out")) == [1, 4]
    assert "is --out itself" in refused(capsys, tmp_path / "out", "--out", tmp_path / "out", *common, "--resume")


def test_closed_streams(tmp_path: Path) -> None:
    """As a service may start it."""
    source = inputs.write_npz(tmp_path / "npz", 2)
    command = f"{sys.executable} -m ptdet run {source} --format npz --workers 1 --out {tmp_path / 'out'} <&- >&- 2>&-"
    assert subprocess.run(command, shell=True, cwd=ROOT, timeout=120).returncode == 0
    assert sorted(in_npz(tmp_path / "out")) == [1, 4]


def test_no_process_can_be_started(
    tmp_path: Path, capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(sys, "executable", str(tmp_path / "nothing"))
    source = inputs.write_npz(tmp_path / "npz", 2)
    said = refused(capsys, source, "--out", tmp_path / "out", "--workers", 2, "--format", "npz")
    assert said == f"ptdet: error: {tmp_path / 'out'}: no worker starts: No such file or directory\n"


def test_an_interrupt(tmp_path: Path) -> None:
    """Says how to go on; no worker is left, and none prints its own end."""
    source, out = inputs.write_npz(tmp_path / "npz", 4), tmp_path / "out"
    corners = np.random.default_rng(0).uniform(0, 300, (12_000, 2)).astype(np.float32)
    boxes = np.concatenate([corners, corners + 30], 1)
    for number in range(40):
        np.savez(source / f"large {number}.npz", boxes=boxes, scores=np.linspace(0.3, 1, len(boxes)))
    command = ["run", source, "--format", "npz", "--workers", 2, "--shard-size", 1, "--out", out]
    running = subprocess.Popen(
        [sys.executable, "-m", "ptdet", *map(str, command)],
        cwd=ROOT,
        stdout=subprocess.PIPE,
        stderr=subprocess.STDOUT,
        text=True,
        start_new_session=True,
    )
    until = time.monotonic() + 60
    while len(list(out.glob("shard-*"))) < 2 and time.monotonic() < until:
        time.sleep(0.01)
    os.killpg(running.pid, signal.SIGINT)  # as a terminal does: all of them get it
    said, _ = running.communicate(timeout=60)  # also waits for all who hold its streams
    assert running.returncode == 130
    assert said == f"\nptdet: interrupted; what is done stays in {out}: --resume goes on with it\n"
    assert 2 <= len(results(out)) < 44
    again = start(tmp_path, *command[1:], "--resume")
    assert again.returncode == 0 and len(results(out)) == 44
