"""Files of DOTA: labels, results of task 1 there and back, quads that are no rectangles, names of tiles."""

from __future__ import annotations

import math
from pathlib import Path

import numpy as np
import pytest

from ptdet import cli
from ptdet.io import FileProblem, ReadOptions, parse_tile_name, read_dota_labels, read_predictions

LABELS = """imagesource:GoogleEarth
gsd:0.146343
2753 2408 2861 2385 2888 2468 2805 2502 plane 0
3445 3391 3484 3409 3478 3422 3437 3402 large-vehicle 1
0.0 0.0 4.0 0.0 4.0 2.0 0.0 2.0 plane
0 0 4 2 4 0 0 2 ship 0
"""
PLANES = """P0706 0.95 10.5 10 50.5 10 50.5 20 10.5 20
P0706 0.80 11.5 10 51.5 10 51.5 20 11.5 20
P0131 0.75 0 0 30 30 25 35 -5 5
P0706 0.1 100 100 110 100 110 110 100 110
"""
SHIPS = "P0131 0.5 0 0 30 30 25 35 -5 5\n"


def task1(folder: Path, **files: str) -> Path:
    folder.mkdir()
    for name, text in files.items():
        (folder / f"Task1_{name}.txt").write_text(text)
    return folder


def test_labels(tmp_path: Path) -> None:
    path = tmp_path / "P0706.txt"
    path.write_text(LABELS)
    found = read_dota_labels(path)
    assert (found.imagesource, found.gsd) == ("GoogleEarth", 0.146343)
    assert found.classes == ("plane", "large-vehicle", "plane", "ship") and found.difficult.tolist() == [0, 1, 0, 0]
    assert found.quads[0].tolist() == [[2753, 2408], [2861, 2385], [2888, 2468], [2805, 2502]]
    assert found.boxes[2:].tolist() == [[2, 1, 4, 2, 0]] * 2  # the last crosses itself: the same four corners
    (note,) = found.notes
    assert note == (
        "of 4 quads 1 cross themselves (the first is number 3) and 2 are no rectangles (the first is number 0): each "
        "stands for the smallest rectangle around its corners"
    )
    path.write_text("imagesource:\ngsd:null\n")
    assert read_dota_labels(path).gsd is None and read_dota_labels(path).boxes.shape == (0, 5)
    for line in ("1 2 3 4 5 6 7 8", "1 2 3 4 5 6 7 nan plane 0", "1 2 3 4 5 6 7 8 plane x", "1 2 3 4 5 6 7 8 a b 0",
                 f"1 2 3 4 5 6 7 8 plane {'9' * 5000}"):  # fmt: skip
        path.write_text(f"gsd:1\n{line}\n")
        with pytest.raises(FileProblem, match="line 2: expected x1 y1 .* class difficult, got"):
            read_dota_labels(path)


def test_results(tmp_path: Path) -> None:
    """Pictures in the order in which they come; classes numbered by the names of the files beside."""
    folder = task1(tmp_path / "results", plane=PLANES, ship=SHIPS, harbor="")
    first, second = read_predictions(folder)
    assert (first.name, second.name, first.classes) == ("P0706", "P0131", ("harbor", "plane", "ship"))
    assert first.boxes.tolist() == [[30.5, 15, 40, 10, 0], [31.5, 15, 40, 10, 0], [105, 105, 10, 10, 0]]
    assert first.labels is not None and first.labels.tolist() == [1, 1, 1] and first.scores.tolist() == [0.95, 0.8, 0.1]
    assert second.labels is not None and second.labels.tolist() == [1, 2]
    np.testing.assert_allclose(second.boxes[0], [12.5, 17.5, 30 * math.sqrt(2), 5 * math.sqrt(2), math.pi / 4])
    (one,) = read_predictions(folder / "Task1_ship.txt")
    assert one.labels is not None and one.labels.tolist() == [2] and one.classes == first.classes
    assert read_predictions(folder / "Task1_harbor.txt") == []
    named, _ = read_predictions(folder, ReadOptions(classes=("ship", "plane", "harbor")))
    assert named.labels is not None and named.labels.tolist() == [1, 1, 1]
    with pytest.raises(FileProblem, match="Task1_harbor.txt is of none of the classes ship, plane"):
        read_predictions(folder, ReadOptions(classes=("ship", "plane")))
    for line in ("P1 0.5 1 2 3 4 5 6 7", "P1 0.5 1 2 3 4 5 6 7 inf", "P1 high 1 2 3 4 5 6 7 8"):
        (folder / "Task1_ship.txt").write_text(SHIPS + line)
        with pytest.raises(FileProblem, match="Task1_ship.txt, line 2: expected image score x1"):
            read_predictions(folder)


def test_there_and_back(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    """What nobody moved is written as it was; a file for each class, without detections too; twice is the same."""
    folder = task1(tmp_path / "in", plane=PLANES, ship=SHIPS, harbor="")
    run = ["run", "--format", "dota", "--iou", "0.5", "--out"]
    assert cli.main([*run, str(tmp_path / "out"), str(folder)]) == 0
    assert "5 " in capsys.readouterr().out
    texts = {file.name: file.read_text() for file in (tmp_path / "out").iterdir()}
    assert texts["Task1_plane.txt"] == (
        "P0706 0.95 10.5 10.0 50.5 10.0 50.5 20.0 10.5 20.0\nP0131 0.75 0.0 0.0 30.0 30.0 25.0 35.0 -5.0 5.0\n"
    )
    assert texts["Task1_ship.txt"].startswith("P0131 0.5 ") and texts["Task1_harbor.txt"] == ""
    assert cli.main([*run, str(tmp_path / "again"), str(tmp_path / "out")]) == 0
    assert {file.name: file.read_text() for file in (tmp_path / "again").iterdir()} == texts
    assert cli.main([*run, str(tmp_path / "each"), *map(str, folder.glob("Task1_*.txt"))]) == 0
    assert {file.name: file.read_text() for file in (tmp_path / "each").iterdir()} == texts
    assert cli.main([*run, str(tmp_path / "one"), str(folder), "--agnostic"]) == 0
    assert (tmp_path / "one/Task1_ship.txt").read_text() == ""  # the same place as a better plane
    capsys.readouterr()
    assert cli.main([*run, str(folder), str(folder)]) == 2
    assert "holds an input: it would be overwritten" in capsys.readouterr().err
    assert cli.main([*run, str(tmp_path / "x.json"), str(folder)]) == 2
    assert "give a folder as --out" in capsys.readouterr().err


def test_other_boxes_are_written_as_quads(tmp_path: Path) -> None:
    """Turned by a quarter a box's upper left corner is its upper right one."""
    boxes, scores = np.array([[5, 5, 4, 2, math.pi / 2]]), np.array([0.5])
    np.savez(tmp_path / "P1.npz", boxes=boxes, scores=scores, labels=np.array([3]))
    np.savez(tmp_path / "P2.npz", boxes=np.array([[0, 1, 2, 3.5]]), scores=scores, labels=np.array([3]))
    out, named = tmp_path / "out", ["--format", "dota", "--classes", "a,b,c,d"]
    assert cli.main(["run", str(tmp_path / "P1.npz"), "--boxes", "cxcywhr", "--out", str(out), *named]) == 0
    image, score, *numbers = (out / "Task1_d.txt").read_text().split()
    assert (image, score) == ("P1", "0.5")
    np.testing.assert_allclose(np.array(numbers, float), [6, 3, 6, 7, 4, 7, 4, 3], atol=1e-15)
    assert cli.main(["run", str(tmp_path / "P2.npz"), "--out", str(out), *named]) == 0
    assert (out / "Task1_d.txt").read_text() == "P2 0.5 0.0 1.0 2.0 1.0 2.0 3.5 0.0 3.5\n"


def test_names_of_tiles() -> None:
    assert parse_tile_name("P0706__1__924___462") == ("P0706", 1.0, (924, 462))
    assert parse_tile_name("a__b__0.5__0___1848.png") == ("a__b", 0.5, (0, 1848))
    for name in ("P0706", "P0706__1__924__462", "P0706__0__1___1", "P0706__x__1___1", "P0706__1__1.5___1"):
        with pytest.raises(ValueError, match="name: expected a name like P0706__1__924___462"):
            parse_tile_name(name)
