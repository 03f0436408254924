"""The scripts of examples/ run, and do what they say."""

from __future__ import annotations

import os
import subprocess
import sys
from pathlib import Path

import pytest

ROOT = Path(__file__).parents[2]


def run(*arguments: str) -> subprocess.CompletedProcess[str]:
    path = os.pathsep.join(filter(None, [str(ROOT), os.environ.get("PYTHONPATH")]))
    environment = {**os.environ, "PYTHONPATH": path}
    return subprocess.run(
        [sys.executable, *arguments], cwd=ROOT, env=environment, capture_output=True, text=True, timeout=300
    )


@pytest.mark.slow
def test_dataset_results() -> None:
    for needed in ("pyarrow", "pandas", "duckdb", "polars", "pycocotools"):
        pytest.importorskip(needed)
    ran = run("examples/dataset_results.py")
    assert ran.returncode == 0, ran.stderr
    said = [" ".join(line.split()) for line in ran.stdout.splitlines()]
    counts = str([(str(number), 2) for number in range(8)])
    assert {"0 8 0.9", "1 8 0.7", counts, "['cat', 'dog'] 0.5"} < {*said}, ran.stdout
    assert said.count("8") == 2  # of polars and of pycocotools


def test_regress_boxes(tmp_path: Path) -> None:
    """Every loss brings the boxes nearer to their targets, and the picture is written."""
    pytest.importorskip("matplotlib")
    picture = tmp_path / "curves.png"
    ran = run("examples/regress_boxes.py", "--steps", "12", "--anchors", "40", "--out", str(picture))
    assert ran.returncode == 0, ran.stderr
    assert picture.read_bytes().startswith(b"\x89PNG")
    rows = [line.split() for line in ran.stdout.splitlines() if line.count("0.") == 3]
    assert len(rows) == 14
    for *name, start, _, end in rows:
        assert float(end) > float(start), name


def test_regress_boxes_without_matplotlib() -> None:
    """The table needs no matplotlib, and --out says what is missing."""
    code = (
        "import sys; sys.modules['matplotlib'] = None; sys.path.insert(0, 'examples'); import regress_boxes; "
        "regress_boxes.main(['--steps', '1', '--anchors', '2', *sys.argv[1:]])"
    )
    assert run("-c", code).returncode == 0
    missing = run("-c", code, "--out", "never.png")
    assert missing.returncode == 1 and "--out needs matplotlib" in missing.stderr


def test_regress_boxes_wants_a_step() -> None:
    assert "expected at least 1" in run("examples/regress_boxes.py", "--steps", "0").stderr
