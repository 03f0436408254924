"""Runs over data sets that are killed anywhere end, after --resume, as a run that nobody killed: byte for byte.

A hook in the processes counts the calls that they make and sends SIGKILL at the one that a seed chose: so each place of
the work can be one, in the middle of a file too, and it is the same one each time.
"""

from __future__ import annotations

import errno
import fcntl
import json
import os
import random
import signal
import subprocess
import sys
from pathlib import Path

import numpy as np
import pytest

from .. import dataset_inputs as inputs

ROOT = Path(__file__).parents[2]
# ROLE, worker or parent, is who dies, at call AT; or a worker that opens the file POISON. Where TICKET names a file,
# only the one who finds it does. In the folder COUNTS each process says how many calls it made.
HOOK = """
import os, signal, sys
started = " ".join(sys.orig_argv)
role = "worker" if "ptdet.dataset.worker" in started or "default_worker.py" in started else "parent"
told = {name: os.environ.get("PTDET_TEST_" + name, "") for name in ("ROLE", "AT", "TICKET", "COUNTS", "POISON")}
count, at = 0, int(told["AT"] or 0)
ours = ("/ptdet/dataset/", "/ptdet/io/", "/zipfile")

def die():
    if told["TICKET"]:
        try:
            os.unlink(told["TICKET"])
        except FileNotFoundError:
            return
    os.kill(os.getpid(), signal.SIGKILL)

def profile(frame, event, argument):
    global count
    if event in ("call", "c_call") and any(part in frame.f_code.co_filename for part in ours):
        count += 1
        if told["COUNTS"] and frame.f_code.co_name in ("print_of", "add"):  # at the end of a shard
            with open(f"{told['COUNTS']}/{role}-{os.getpid()}", "w") as file:
                file.write(str(count))
        if count == at:
            die()

def hook(event, arguments):
    if event == "open" and told["POISON"] in str(arguments[0]):
        die()

if told["POISON"] and role == "worker":
    sys.addaudithook(hook)
if told["COUNTS"] or told["ROLE"] == role:
    sys.setprofile(profile)
"""


def start(folder: Path, *arguments: object, **environment: object) -> subprocess.CompletedProcess[str]:
    hooks = folder / "hooks"
    hooks.mkdir(exist_ok=True)
    (hooks / "sitecustomize.py").write_text(HOOK)
    path = os.pathsep.join([str(hooks), str(ROOT), *filter(None, [os.environ.get("PYTHONPATH", "")])])
    told = {f"PTDET_TEST_{name}": str(value) for name, value in environment.items()}
    return subprocess.run(
        [sys.executable, "-m", "ptdet", "run", *map(str, arguments)],
        cwd=folder,
        env={**os.environ, "PYTHONPATH": path, **told},
        capture_output=True,
        text=True,
        timeout=300,
    )


def results(out: Path) -> dict[str, bytes]:
    return {str(file.relative_to(out)): file.read_bytes() for file in sorted(out.glob("shard-*"))}


def killed_and_resumed(folder: Path, source: Path, role: str, places: int, *options: object) -> None:
    """At each of so many places of the work, which seeds choose."""
    command = (source, "--workers", 2, *options)
    (folder / "counts").mkdir()
    clean = start(folder, *command, "--out", folder / "clean", COUNTS=folder / "counts")
    assert clean.returncode == 0, clean.stderr
    calls = min(int(file.read_text()) for file in (folder / "counts").glob(f"{role}-*"))
    assert calls > 300
    for seed in range(places):
        out, ticket = folder / f"out {seed}", folder / f"ticket {seed}"
        ticket.touch()
        at = random.Random(seed).randrange(1, calls)
        first = start(folder, *command, "--out", out, ROLE=role, AT=at, TICKET=ticket)
        assert first.returncode == (0 if role == "worker" else -signal.SIGKILL), first.stderr
        again = start(folder, *command, "--out", out, "--resume")
        assert again.returncode == 0, again.stderr
        assert results(out) == results(folder / "clean"), f"killed at {at}"
        assert not list((out / "_ptdet/unfinished").iterdir())
        assert not ticket.exists() or role == "worker"  # a worker that has less to do may not come so far


@pytest.mark.parametrize("role", ["worker", "parent"])
def test_a_kill_anywhere(tmp_path: Path, role: str) -> None:
    source = inputs.write_npz(tmp_path / "npz", 18)
    killed_and_resumed(tmp_path, source, role, 2, "--format", "npz", "--shard-size", 3)


@pytest.mark.slow
@pytest.mark.parametrize("role", ["worker", "parent"])
def test_a_kill_at_more_places(tmp_path: Path, role: str) -> None:
    """Of COCO results, which are sorted first; PTDET_TEST_KILLS=20 for the whole campaign."""
    source = inputs.write_coco(tmp_path / "x.json", 100)
    places = int(os.environ.get("PTDET_TEST_KILLS", "4"))
    killed_and_resumed(tmp_path, source, role, places, "--format", "npz", "--shard-size", 7)


def test_a_shard_that_kills_its_workers(tmp_path: Path) -> None:
    """Three times; then it is told of in failed/, the rest is done, and --resume tries it again."""
    source, out = inputs.write_npz(tmp_path / "npz", 18), tmp_path / "out"
    command = (source, "--workers", 2, "--shard-size", 3, "--format", "npz", "--out", out)
    ran = start(tmp_path, *command, "--log", tmp_path / "log", POISON="000000000013.npz")
    assert ran.returncode == 2 and "its worker was killed by SIGKILL, 3 times" in ran.stderr
    assert sorted(results(out)) == [f"shard-{number:06}.npz" for number in (0, 2, 3, 4, 5)]
    (told,) = (out / "failed").iterdir()
    failed = json.loads(told.read_text())
    assert told.name == "shard-000001.json" and failed["why"].startswith("its worker was killed")
    assert [Path(path).name for path in failed["paths"]] == [f"{number:012}.npz" for number in (10, 13, 16)]
    events = [json.loads(line)["event"] for line in (tmp_path / "log").read_text().splitlines()]
    assert events.count("worker died") == 3 and events.count("failed") == 1
    ran = start(tmp_path, *command, "--resume")
    assert ran.returncode == 0 and len(results(out)) == 6 and not (out / "failed").exists()


def test_a_full_disk_leaves_no_half_file(tmp_path: Path) -> None:
    """Stood in for by a limit on the size of files."""
    source, out = inputs.write_npz(tmp_path / "npz", 8), tmp_path / "out"
    corners = np.random.default_rng(0).uniform(0, 1e6, (9000, 2))
    np.savez(
        source / "large.npz",
        boxes=np.concatenate([corners, corners + 1], 1),
        scores=np.ones(9000),
        labels=np.arange(9000),
    )
    limited = (
        "import resource, signal, sys; signal.signal(signal.SIGXFSZ, signal.SIG_IGN); "
        "resource.setrlimit(resource.RLIMIT_FSIZE, (60000, 60000)); from ptdet.cli import main; "
        "sys.exit(main(sys.argv[1:]))"
    )
    command = ["run", source, "--workers", 1, "--shard-size", 3, "--format", "npz", "--out", out]
    ran = subprocess.run(
        [sys.executable, "-c", limited, *map(str, command)], cwd=ROOT, capture_output=True, text=True, timeout=300
    )
    assert ran.returncode == 2 and "shard-000002.npz cannot be written" in ran.stderr, ran.stderr
    assert os.strerror(errno.EFBIG) in ran.stderr
    assert sorted(results(out)) == ["shard-000000.npz", "shard-000001.npz"]
    assert not list((out / "_ptdet/unfinished").iterdir())
    ran = start(tmp_path, *command[1:], "--resume")
    assert ran.returncode == 0 and len(results(out)) == 3


@pytest.mark.slow
def test_the_number_of_workers_and_the_size_of_shards(tmp_path: Path) -> None:
    """Neither changes what is found; the first not even a byte."""
    source = inputs.write_npz(tmp_path / "npz", 24)
    together = {}
    for size in (1, 5, 24):
        files = {}
        for workers in (1, 2, 4):
            out = tmp_path / f"{size} {workers}"
            ran = start(tmp_path, source, "--workers", workers, "--shard-size", size, "--format", "coco", "--out", out)
            assert ran.returncode == 0, ran.stderr
            files[workers] = results(out)
            together[size, workers] = (out / "detections.json").read_bytes()
        assert files[1] == files[2] == files[4] and len(files[1]) == -(-24 // size)
    assert len(set(together.values())) == 1


def test_two_runs_in_one_place(tmp_path: Path) -> None:
    source, out = inputs.write_npz(tmp_path / "npz", 4), tmp_path / "out"
    (out / "_ptdet").mkdir(parents=True)
    with (out / "_ptdet/lock").open("w") as lock:
        fcntl.flock(lock, fcntl.LOCK_EX)
        ran = start(tmp_path, source, "--format", "npz", "--workers", 1, "--out", out)
        assert ran.returncode == 2 and "another ptdet run is at work there" in ran.stderr
    assert start(tmp_path, source, "--format", "npz", "--workers", 1, "--out", out).returncode == 0


@pytest.mark.slow
@pytest.mark.parametrize("form", ["parquet", "json"])
def test_memory_does_not_grow_with_the_input(tmp_path: Path, form: str) -> None:
    """A limit on what a process may take that an input passes, and one ten times larger, which alone is more."""
    megabytes = 300 if form == "parquet" else 150
    limited = (
        f"import resource, sys; resource.setrlimit(resource.RLIMIT_DATA, ({megabytes}000000,) * 2); "
        "from ptdet.cli import main; sys.exit(main(sys.argv[1:]))"
    )
    for times in (1, 10):
        source = tmp_path / f"{times}.{form}"
        if form == "parquet":
            pytest.importorskip("pyarrow")
            write_one_row_group(source, 150 * times)
        else:
            entry = {"category_id": 1, "bbox": [1, 2, 30, 40], "note": "x" * 1000}
            lines = (json.dumps({"image_id": n // 10, "score": n % 97 / 97, **entry}) for n in range(17_000 * times))
            source.write_text("[" + ",\n".join(lines) + "]")
        assert times == 1 or source.stat().st_size > megabytes * 1e6
        command = [
            "run",
            source,
            "--workers",
            1,
            "--shard-size",
            50,
            "--format",
            "npz",
            "--out",
            tmp_path / f"out {times}",
        ]
        ran = subprocess.run(
            [sys.executable, "-c", limited, *map(str, command)], cwd=ROOT, capture_output=True, text=True, timeout=300
        )
        assert ran.returncode == 0, ran.stderr


def write_one_row_group(path: Path, pictures: int) -> None:
    """Ten thousand boxes a picture, a fifth of them candidates."""
    import pyarrow
    import pyarrow.parquet

    random, count = np.random.default_rng(0), 10_000
    corners = random.uniform(0, 600, (count, 2)).astype(np.float32)
    boxes = np.tile(np.concatenate([corners, corners + 30], 1), (pictures, 1))
    boxes[:, 0] += random.uniform(0, 0.1, len(boxes)).astype(np.float32)
    scores = np.tile(random.uniform(0, 1, count).astype(np.float32) ** 6, pictures)
    ends = pyarrow.array(np.arange(pictures + 1, dtype=np.int32) * count)
    four = pyarrow.FixedSizeListArray.from_arrays(pyarrow.array(boxes.reshape(-1)), 4)
    lists = {"boxes": four, "scores": pyarrow.array(scores)}
    columns = {name: pyarrow.ListArray.from_arrays(ends, each) for name, each in lists.items()}
    table = pyarrow.table({"image_id": np.arange(pictures), **columns})
    pyarrow.parquet.write_table(table, path, row_group_size=pictures, use_dictionary=False)
