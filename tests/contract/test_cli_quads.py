"""Oriented boxes by their corners in shares of the picture, as text and as arrays: `ptdet run`, `eval`, `report`.

A rectangle of a picture that is wider than high is none in shares of it: its size, from pictures or truth, comes first.
"""

from __future__ import annotations

import json
import math
from pathlib import Path

import numpy as np
import pytest

from ptdet import cli
from ptdet.io import FileProblem, ReadOptions, Space, read_predictions

WIDE, HIGH = 400, 200
# centre x, y, width, height, angle in pixels; the second lies on the first, the third is of another class
BOXES = [[200.0, 100.0, 120.0, 40.0, 0.5], [204.0, 100.0, 120.0, 40.0, 0.5], [80.0, 60.0, 60.0, 30.0, 1.25]]
SCORES, LABELS = [0.875, 0.75, 0.5], [3, 3, 7]


def line(box: list[float], label: int, *more: float, pixels: bool = False) -> str:
    """As Results.save_txt writes it: the corners of the box by hand, six digits."""
    x, y, w, h, angle = box
    c, s = math.cos(angle), math.sin(angle)
    corners = [(x + u * c - v * s, y + u * s + v * c) for u, v in ((w, h), (w, -h), (-w, -h), (-w, h))]
    corners = [(x + (px - x) / 2, y + (py - y) / 2) for px, py in corners]
    wide, high = (1, 1) if pixels else (WIDE, HIGH)
    return " ".join(f"{each:g}" for each in (label, *(n for px, py in corners for n in (px / wide, py / high)), *more))


def text(path: Path, *lines: str) -> Path:
    path.parent.mkdir(exist_ok=True)
    path.write_text("".join(f"{each}\n" for each in lines))
    return path


def results(path: Path, *more: float) -> Path:
    rows = zip(BOXES, LABELS, SCORES, strict=True)
    return text(path, *(line(box, label, score, *more) for box, label, score in rows))


def picture(path: Path) -> Path:
    from PIL import Image

    path.parent.mkdir(exist_ok=True)
    Image.new("RGB", (WIDE, HIGH), (90, 90, 90)).save(path)
    return path


def test_run(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    """Suppressed as they are in the picture: the second goes; and a picture without boxes does not stand in the way."""
    results(tmp_path / "labels/a.txt", 12)
    text(tmp_path / "labels/b.txt")
    for name in "ab":
        picture(tmp_path / f"pictures/{name}.jpg")
    out = tmp_path / "kept.npz"
    command = ["run", str(tmp_path / "labels"), "--image", str(tmp_path / "pictures"), "--iou", "0.7", "--out"]
    assert cli.main([*command, str(out)]) == 0
    assert capsys.readouterr().err == ""
    with np.load(out, allow_pickle=False) as kept:
        assert kept["boxes"] == pytest.approx(np.array([BOXES[0], BOXES[2]]), abs=2e-3)
        assert kept["scores"].tolist() == [0.875, 0.5] and kept["labels"].tolist() == [3, 7]
        assert kept["offsets"].tolist() == [0, 2, 2] and kept["extra_track"].tolist() == [12, 12]
    first, second = read_predictions(out)
    assert first.boxes.shape == (2, 5) and len(second.boxes) == 0
    assert cli.main([*command, str(tmp_path / "kept.json")]) == 0
    found = json.loads((tmp_path / "kept.json").read_text())
    assert [each["rbox"] for each in found] == pytest.approx(np.array([BOXES[0], BOXES[2]]), abs=2e-3)


def test_without_a_size(tmp_path: Path) -> None:
    """Rectangles around the corners in shares would be others, so the size is asked for; pixels need none."""
    path = results(tmp_path / "a.txt")
    with pytest.raises(FileProblem, match="has oriented boxes whose corners are normalised, .* size is needed: give"):
        read_predictions(path)
    (one,) = read_predictions(path, ReadOptions(size_of=lambda of: (WIDE, HIGH) if of.image_id == "a" else None))
    assert one.boxes == pytest.approx(np.array(BOXES), abs=2e-3) and one.picture_size == (WIDE, HIGH)
    rows = zip(BOXES, LABELS, SCORES, strict=True)
    path = text(tmp_path / "b.txt", *(line(box, label, score, pixels=True) for box, label, score in rows))
    (one,) = read_predictions(path, ReadOptions(space=Space()))
    assert one.boxes == pytest.approx(np.array(BOXES), abs=2e-3)
    with pytest.raises(FileProblem, match="no shares of its picture: if they are pixels, say --space picture"):
        read_predictions(path)


@pytest.mark.parametrize(("space", "wide", "high"), [("normalised", 1, 1), ("640x640", 640, 640)])
def test_arrays(tmp_path: Path, capsys: pytest.CaptureFixture[str], space: str, wide: int, high: int) -> None:
    """As `obb.xyxyxyxyn` has them; one of the four is no rectangle, which is said, and one only fills the array up."""
    lines = [line(box, 0).split()[1:] for box in [*BOXES, BOXES[0]]] + [["0"] * 8]
    quads = np.array(lines, np.float64) * np.tile([wide, high], 4)
    quads[3, :2] = quads[3, 2:4]
    scores, labels = np.array([*SCORES, 0.25, 0.0]), np.array([*LABELS, 9, -1])
    np.savez(tmp_path / "a.npz", xyxyxyxy=quads, scores=scores, labels=labels)
    image, out = picture(tmp_path / "a.png"), tmp_path / "kept.npz"
    command = ["run", str(tmp_path / "a.npz"), "--space", space, "--iou", "1", "--conf", "0.3"]
    assert cli.main([*command, "--image", str(image), "--out", str(out)]) == 0
    said = capsys.readouterr().err
    assert "of 5 quads 1 are no rectangles (the first is number 3)" in said and said.count("\n") == 1
    with np.load(out, allow_pickle=False) as kept:
        assert kept["boxes"] == pytest.approx(np.array(BOXES), abs=2e-3)
    assert cli.main(command) == 2
    assert "the picture's size is needed" in capsys.readouterr().err


def test_shares_that_nobody_named(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    """Boxes in shares become pixels by themselves, but for rotated ones, which were other rectangles."""
    quads = np.array([each.split()[1:] for each in (line(box, 0) for box in BOXES)], np.float64)
    np.savez(tmp_path / "a.npz", xyxyxyxy=quads, scores=np.array(SCORES), labels=np.array(LABELS))
    places = ["--image", str(picture(tmp_path / "a.png")), "--out", str(tmp_path / "kept.npz")]
    assert cli.main(["run", str(tmp_path / "a.npz"), *places]) == 0
    assert "taken as pixels of the picture: --space normalised would fit" in capsys.readouterr().err


def test_eval(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    """The truth has the same boxes as labels, and the sizes of the pictures: all are found."""
    picture(tmp_path / "images/a.png")
    truth = [line(BOXES[0], 3), line(BOXES[2], 7)]
    text(tmp_path / "labels/a.txt", *truth)
    found = results(tmp_path / "found/a.txt")
    out = tmp_path / "eval.json"
    assert cli.main(["eval", str(found), "--truth", str(tmp_path / "labels"), "--json", str(out)]) == 0
    assert "3 rotated boxes found in 1 pictures, which have 2 objects" in capsys.readouterr().out
    stats = json.loads(out.read_text())["stats"]
    assert (stats["AP"], stats["AR100"]) == pytest.approx((1, 1), abs=1e-12)


def test_report(tmp_path: Path) -> None:
    path = results(tmp_path / "a.txt")
    page = tmp_path / "page.html"
    picture(tmp_path / "pictures/a.png")
    assert cli.main(["report", str(path), "--out", str(page), "--images", str(tmp_path / "pictures")]) == 0
    assert page.stat().st_size > 0
