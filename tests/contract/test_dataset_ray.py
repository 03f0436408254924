"""`ptdet.ray` on a real Ray of two CPUs, and what is said where there is none."""

from __future__ import annotations

import importlib.util
import subprocess
import sys
from pathlib import Path

import pytest

from .. import dataset_inputs as inputs
from ..parity.test_numpy_process import hiding
from .test_dataset_kills import results, start
from .test_examples import run as example
from .test_import import ROOT, python

HAS_RAY = importlib.util.find_spec("ray") is not None and importlib.util.find_spec("pyarrow") is not None
needs_ray = pytest.mark.skipif(not HAS_RAY, reason="ray[data] is not installed: pip install 'ray[data]'")


def test_without_ray(tmp_path: Path) -> None:
    printed = python(
        hiding("ray") + "import ptdet.ray, sys; from ptdet.cli import main\n"
        "try: ptdet.ray.suppress(None)\n"
        "except ImportError as error: print(error)\n"
        "sys.stderr = sys.stdout\n"
        f"print(main(['run', {str(ROOT)!r}, '--engine', 'ray', '--format', 'npz', '--out', {str(tmp_path / 'out')!r}]))"
    )
    assert "ptdet.ray needs ray: pip install 'ptdet[ray]'" in printed
    assert "ptdet: error: --engine ray needs ray: pip install 'ptdet[ray]'\n2\n" in printed


@pytest.mark.slow
@needs_ray
def test_a_pipeline_of_ray_data(tmp_path: Path) -> None:
    """The same survivors as one picture at a time, also where an actor dies; and a pool that would hang is refused."""
    ran = subprocess.run(
        [sys.executable, "-m", "tests.dataset_on_ray", str(tmp_path)],
        cwd=ROOT,
        capture_output=True,
        text=True,
        timeout=300,
    )
    assert ran.stdout.endswith("all\n"), ran.stdout[-2000:] + ran.stderr[-4000:]


@pytest.mark.slow
@needs_ray
def test_the_engine_on_ray(tmp_path: Path) -> None:
    """The files of the local engine, byte for byte; also where a worker dies once, or where a shard kills each."""
    source = inputs.write_npz(tmp_path / "npz", 18)
    (tmp_path / "tuned.toml").write_text("iou = 0.45\n[classes.b]\niou = 0.2\nconf = 0.1\n")
    of_classes = ("--config", tmp_path / "tuned.toml", "--classes", "a,b,c,d,e,f,g,h")
    command = (source, "--shard-size", 3, "--format", "npz", *of_classes)
    on_ray = (*command, "--engine", "ray", "--workers", 2)
    assert start(tmp_path, *command, "--out", tmp_path / "local").returncode == 0
    (tmp_path / "ticket").touch()
    ran = start(tmp_path, *on_ray, "--out", tmp_path / "ray", "--log", tmp_path / "log", POISON="000000000013.npz",
                TICKET=tmp_path / "ticket")  # fmt: skip
    assert ran.returncode == 0, ran.stderr
    assert results(tmp_path / "ray") == results(tmp_path / "local")
    assert (tmp_path / "log").read_text().count('"worker died"') == 1
    ran = start(tmp_path, *on_ray, "--out", tmp_path / "poisoned", POISON="000000000013.npz")
    assert ran.returncode == 2 and "shard-000001.json" in ran.stderr and "3 times" in ran.stderr
    assert len(results(tmp_path / "poisoned")) == 5
    ran = start(tmp_path, *on_ray, "--out", tmp_path / "none", "--address", "127.0.0.1:1")
    assert ran.returncode == 2 and "no Ray at 127.0.0.1:1" in ran.stderr


@pytest.mark.slow
@needs_ray
def test_the_example() -> None:
    ran = example("examples/ray_data.py")
    assert ran.returncode == 0, ran.stderr
    said = ran.stdout.replace(",", "").splitlines()  # lists, or arrays, as Ray likes
    assert sorted(said)[-8:] == [f"{number} [0.9 0.7] [1 2]" for number in range(8)]
