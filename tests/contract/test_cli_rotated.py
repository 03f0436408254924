"""`ptdet run` on rotated boxes: what is kept, written, read again and drawn."""

from __future__ import annotations

import json
import math
from pathlib import Path

import numpy as np
import pytest

import ptdet.numpy
from ptdet import cli
from ptdet.cli import methods
from ptdet.io import FileProblem, Space, read_predictions

# Two thin boxes that cross, whose upright boxes are nearly one, the first once more half a turn on, and one apart.
CROSS = np.array([
    [50, 50, 40, 4, math.pi / 4], [50, 50, 40, 4, -math.pi / 4], [50, 50, 40, 4, math.pi * 5 / 4], [20, 20, 6, 4, 0.25],
])  # fmt: skip
SCORES = np.array([0.9, 0.8, 0.7, 0.6])


def cross(folder: Path) -> Path:
    path = folder / "cross.npz"
    np.savez(path, boxes=CROSS, scores=SCORES, labels=np.array([1, 1, 1, 0]))
    return path


def test_what_is_kept(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    """As arrays, as COCO results, and from these once more."""
    run = ["run", str(cross(tmp_path)), "--boxes", "cxcywhr"]
    assert cli.main([*run, "--out", str(tmp_path / "kept.npz")]) == 0
    with np.load(tmp_path / "kept.npz", allow_pickle=False) as kept:
        assert kept["boxes"].tolist() == CROSS[[0, 1, 3]].tolist() and kept["rows"].tolist() == [0, 1, 3]
    (again,) = read_predictions(tmp_path / "kept.npz")
    assert again.candidates(0.0).rotated
    assert cli.main([*run, "--out", str(tmp_path / "kept.json")]) == 0
    records = json.loads((tmp_path / "kept.json").read_text())
    assert [record["rbox"] for record in records] == CROSS[[0, 1, 3]].tolist()
    half = 22 * math.sqrt(0.5)
    assert records[0]["bbox"] == pytest.approx([50 - half, 50 - half, 2 * half, 2 * half], abs=1e-12)
    assert len(records[0]["poly"]) == 8 and min(records[0]["poly"]) == pytest.approx(50 - half, abs=1e-12)
    assert cli.main(["run", str(tmp_path / "kept.json"), "--out", str(tmp_path / "again.json")]) == 0
    assert json.loads((tmp_path / "again.json").read_text()) == records
    with pytest.raises(FileProblem, match="rbox in 2 of 3 results"):
        del records[1]["rbox"]
        (tmp_path / "mixed.json").write_text(json.dumps(records))
        read_predictions(tmp_path / "mixed.json")
    only = [{key: value for key, value in records[0].items() if key != "bbox"}]  # as ultralytics writes them
    (tmp_path / "theirs.json").write_text(json.dumps(only))
    assert read_predictions(tmp_path / "theirs.json")[0].boxes.tolist() == CROSS[:1].tolist()
    assert capsys.readouterr().err == ""


def test_every_method_runs_or_says_that_it_is_not_there(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    path = cross(tmp_path)
    for name in methods.METHODS:
        if name not in methods.NAMES:
            continue
        function = methods.METHODS[name].function
        there = hasattr(ptdet.numpy.rotated, function)
        code = cli.main(["run", str(path), "--boxes", "cxcywhr", "--method", name])
        said = capsys.readouterr().err
        assert code == (0 if there else 2) and ("has rotated boxes: " in said) != there, (name, said)


def test_torch_gives_the_same(monkeypatch: pytest.MonkeyPatch) -> None:
    labels = np.array([1, 1, 1, 0])
    for ids in (None, labels):
        ours, torchs = (run("hard", CROSS, SCORES, ids, 0.5) for run in (methods._kernels(), methods._by_torch))
        assert all(np.array_equal(one, other) for one, other in zip(ours, torchs, strict=True))
    with pytest.raises(NotImplementedError, match="weighted_boxes_fusion of rotated boxes"):
        methods._by_torch("wbf", CROSS, SCORES, labels, 0.5)


def test_units() -> None:
    """Scaled alike on both axes a box stays as it is turned; else it is the smallest rectangle around."""
    boxes = np.array([[0.5, 0.25, 0.2, 0.1, math.pi / 2], [0.5, 0.5, 0.2, 0.1, 0.0]])
    found = Space("normalised").to_picture(boxes, (200, 100))
    np.testing.assert_allclose(found[0], [100, 25, 20, 20, 0], atol=1e-12)  # 0.1 of 200 wide, 0.2 of 100 high
    np.testing.assert_allclose(found[1], [100, 50, 40, 10, 0], atol=1e-12)
    assert Space("normalised").to_picture(boxes, (64, 64)).tolist() == (boxes * [64, 64, 64, 64, 1]).tolist()
    letterboxed = np.array([[160.0, 53, 32, 20, 0.5]])  # 640x427 in 320x320: ratio 1/2, 53 rows above
    assert Space("letterbox", (320, 320)).to_picture(letterboxed, (640, 427)).tolist() == [[320, 0, 64, 40, 0.5]]
    assert Space("ratio", ratio=0.5).to_picture(letterboxed, None).tolist() == [[320, 106, 64, 40, 0.5]]


def test_they_are_drawn(tmp_path: Path) -> None:
    """The middle of a side is coloured, the corner of the upright box around is not."""
    image = pytest.importorskip("PIL.Image")
    image.new("RGB", (100, 100), (255, 255, 255)).save(tmp_path / "cross.png")
    out = tmp_path / "drawn.png"
    run = ["run", str(cross(tmp_path)), "--boxes", "cxcywhr", "--image", str(tmp_path / "cross.png")]
    assert cli.main([*run, "--out", str(out), "--conf", "0.85"]) == 0
    drawn = image.open(out)
    side = (drawn.width - 3 * 24) // 2  # two panels and three margins
    scale, left, top = side / 100, 24, 56 + 40

    def at(x: float, y: float) -> tuple[int, ...]:
        return tuple(drawn.getpixel((round(left + x * scale), round(top + y * scale))))

    across = 2 * math.sqrt(0.5)
    assert at(50 + across, 50 - across) != (255, 255, 255) and at(50 - across, 50 + across) != (255, 255, 255)
    assert at(50, 50) == (255, 255, 255) and at(64, 36) == (255, 255, 255)
