"""`ptdet run`: which inputs, which class names and which numbers it takes."""

from __future__ import annotations

import json
import re
import sys
from pathlib import Path
from typing import Any

import numpy
import pytest

from ptdet.cli.names import class_names

from .test_cli_run import IMAGES, YOLOX, refused, run

COCO = tuple(f"class number {number}" for number in range(80))


def detections(*rows: tuple[float, ...]) -> Any:
    return numpy.array(rows, numpy.float32)


def dog(path: Path) -> Path:
    """One box of class 1."""
    numpy.save(path, detections((1, 2, 30, 40, 0.9, 1)))
    return path


# class names


def test_eighty_names_on_the_command_line(tmp_path: Path) -> None:
    """Longer than a file name may be."""
    assert len(",".join(COCO)) > 255
    assert class_names(",".join(COCO)) == COCO
    assert run(dog(tmp_path / "x.npy"), "--classes", ",".join(COCO)) == 0


@pytest.mark.parametrize(
    "missing", ["coco.names", "data/coco", "names.txt", "a\\b", "data.yaml", "my,names.txt", "../x"]
)
def test_a_missing_file_is_no_class(missing: str, capsys: pytest.CaptureFixture[str]) -> None:
    with pytest.raises(SystemExit):
        run(YOLOX, "--classes", missing)
    assert f"{missing}: there is no such file" in capsys.readouterr().err


def test_one_class(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.chdir(tmp_path)
    for said, expected in {
        "face": "face",
        "st. bernard": "st. bernard",
        "car/truck,": "car/truck",
        " a b ": "a b",
    }.items():
        assert class_names(said) == (expected,)
    (tmp_path / "face").write_text("cat\ndog\n")
    assert class_names("face") == ("cat", "dog")


@pytest.mark.parametrize("end", ["", "\n", "\r\n\r\n", "\n \n"])
@pytest.mark.parametrize("mark", ["", "\ufeff"])
def test_a_file_of_names(tmp_path: Path, mark: str, end: str) -> None:
    path = tmp_path / "x.names"
    path.write_bytes(f"{mark}cat\nbig dog \ncaf\u00e9{end}".encode())
    assert class_names(str(path)) == ("cat", "big dog", "caf\u00e9")


@pytest.mark.parametrize(
    ("text", "expected"),
    [
        ("names: [cat, dog]", ("cat", "dog")),
        ("path: ../x\nnc: 3\nnames:\n  0: cat\n  1: no\n  2: 7\n", ("cat", "no", "7")),  # a class "no" is not False
        ("names:\n  1: dog\n  0: cat\n", ("cat", "dog")),
        ("names:\n - 'on'\n - \"a: b\"\n", ("on", "a: b")),
    ],
)
def test_data_yaml(tmp_path: Path, text: str, expected: tuple[str, ...]) -> None:
    pytest.importorskip("yaml")
    path = tmp_path / "data.yaml"
    path.write_text(text)
    assert class_names(str(path)) == expected


WRONG_NAMES = {
    "gap.yaml": ("names: {0: cat, 2: dog}", r"names: expected the numbers 0\.\.1, got 0, 2"),
    "none.yaml": ("nc: 3", "expected names, a list or a dict"),
    "count.yaml": ("nc: 2\nnames: [cat, dog, cow]", "has nc: 2, and 3 names"),
    "list.json": ('["cat", "dog"]', "is a .json: expected a text with one name a line, or a data.yaml"),
    "nested.yaml": ("names: [[cat]]", "expected names, a list or a dict"),
    "list.yaml": ("- cat", "expected names, a list or a dict"),
    "broken.yaml": ("names: [cat", "is no YAML"),
    "empty.yaml": ("names: []", "has no names"),
    "blank.yaml": ("names: [cat, '']", "name 2 is empty"),
    "line.txt": ("cat\n\ndog\n", "line 2 is empty"),
    "empty.txt": ("\n\n", "has no names"),
}


@pytest.mark.parametrize("name", WRONG_NAMES)
def test_wrong_names(tmp_path: Path, name: str) -> None:
    """A name that is left out would move all that follow."""
    text, expected = WRONG_NAMES[name]
    if name.endswith(".yaml"):
        pytest.importorskip("yaml")
    (tmp_path / name).write_text(text)
    with pytest.raises(ValueError, match=expected) as problem:
        class_names(str(tmp_path / name))
    assert "\n" not in str(problem.value) and name in str(problem.value)


def test_names_that_cannot_be_read(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    with pytest.raises(ValueError, match="name 2 is empty"):
        class_names("cat,,dog")
    with pytest.raises(ValueError, match="cannot be read: Is a directory"):
        class_names(str(tmp_path))
    (tmp_path / "x.txt").write_bytes(b"caf\xe9")
    with pytest.raises(ValueError, match="is no UTF-8"):
        class_names(str(tmp_path / "x.txt"))
    monkeypatch.setitem(sys.modules, "yaml", None)
    (tmp_path / "data.yaml").write_text("names: [cat]")
    with pytest.raises(ValueError, match="needs PyYAML: pip install pyyaml"):
        class_names(str(tmp_path / "data.yaml"))


# inputs


def test_folders_and_patterns(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    """What no reader takes is left out; a file whose name looks like a pattern is that file."""
    (tmp_path / "in/deep").mkdir(parents=True)
    for name in ("b.npy", "a.NPY", "deep/c.npy", "[d].npy", ".hidden.npy"):
        with (tmp_path / "in" / name).open("wb") as file:
            numpy.save(file, detections((1, 2, 30, 40, 0.9, 1)))
    (tmp_path / "in/notes.txt").write_text("no predictions")

    def read(*asked: str) -> list[str]:
        assert run(*(tmp_path / one for one in asked)) == 0
        rows = [line.split()[0] for line in capsys.readouterr().out.splitlines()[1:]]
        return rows[:-1] if len(rows) > 1 else rows

    assert read("in") == ["[d].npy", "a.NPY", "b.npy"]
    assert read("in/*.npy") == ["[d].npy", "b.npy"]
    assert read("in/[ab].*") == ["a.NPY", "b.npy"]
    assert read("**/c.npy") == ["c.npy"]
    assert read("in/[d].npy") == ["[d].npy"]
    assert read("in/b.npy", "in/deep") == ["b.npy", "c.npy"]


def test_nothing_to_read(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    (tmp_path / "in").mkdir()
    assert "in is a folder without .npz, .npy, .pt" in refused(capsys, tmp_path / "in")
    assert "*.npz fits no .npz, .npy" in refused(capsys, tmp_path / "in/*.npz")
    dog(tmp_path / "x.npy")
    assert run(tmp_path / "x.npy", tmp_path / "in", "--out", tmp_path / "y.json") == 2
    said = capsys.readouterr()
    assert "x.npy" in said.out and "is a folder without" in said.err and "not every input" in said.err


def test_what_is_named_twice_is_done_once(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    path = dog(tmp_path / "x.npy")
    assert run(path, tmp_path, path.parent / "../" / tmp_path.name / "x.npy", "--out", tmp_path / "y.json") == 0
    said = capsys.readouterr()
    assert said.err == f"ptdet: note: named more than once, done once: {path}\n"
    assert said.out.splitlines()[1].split()[:3] == ["x.npy", "1", "1"]
    assert len(json.loads((tmp_path / "y.json").read_text())) == 1


# numbers


@pytest.mark.parametrize(
    "wrong", [("--iou", 1.5), ("--iou", 50), ("--iou", -0.1), ("--iou", "inf"), ("--method", "diou", "--iou", -1.5)]
)
def test_overlaps_that_none_has(wrong: tuple[object, ...], capsys: pytest.CaptureFixture[str]) -> None:
    with pytest.raises(SystemExit):
        run(YOLOX, *wrong)
    assert f"--iou {wrong[-1]}: expected a number from {-1 if 'diou' in wrong else 0} to 1" in capsys.readouterr().err


@pytest.mark.parametrize(
    "asked", [("--iou", 0), ("--iou", 1), ("--method", "diou", "--iou", -0.5), ("--metric", "giou", "--iou", -0.5)]
)
def test_the_ends_of_what_overlaps_may_be(asked: tuple[object, ...]) -> None:
    assert run(YOLOX, *asked) == 0


def test_per_cent(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    """--conf 25 keeps nothing of scores up to 1, which is a slip; where scores are per cent it is right."""
    said = refused(capsys, YOLOX, "--conf", 25)
    assert re.search(r"scores up to 0\.89\d?, and --conf 25 is above all: 25 per cent is 0\.25", said)
    entry = {"image_id": 1, "category_id": 1, "bbox": [5, 0, 20, 20]}
    results = [{**entry, "score": 97}, {**entry, "score": 12}]
    (tmp_path / "x.json").write_text(json.dumps(results))
    assert run(tmp_path / "x.json", "--conf", 25, "--out", tmp_path / "y.json") == 0
    assert [one["score"] for one in json.loads((tmp_path / "y.json").read_text())] == [97]
    assert run(tmp_path / "x.json", "--conf", 98) == 0  # nothing, and no slip
    assert "2 of 2 scores lie outside 0..1, from 12 to 97" in capsys.readouterr().err
    assert "--conf inf" in refused(capsys, YOLOX, "--conf", "inf")
    assert "--min-score 30 is above all" in refused(capsys, YOLOX, "--min-score", 30)


@pytest.mark.parametrize("method", ["soft", "soft_nms", "matrix"])
def test_lowered_scores_are_cut_again(tmp_path: Path, method: str, capsys: pytest.CaptureFixture[str]) -> None:
    """Two equal boxes of one class: the second's 0.8 is 0.8 * exp(-1 / 0.5) after soft, 0.8 * exp(-2) after matrix."""
    numpy.save(tmp_path / "x.npy", detections((0, 0, 10, 10, 0.9, 0), (0, 0, 10, 10, 0.8, 0), (50, 0, 60, 9, 0.3, 0)))

    def scores(*asked: object) -> list[float]:
        assert run(tmp_path / "x.npy", "--method", method, "--out", tmp_path / "y.json", *asked) == 0
        return [one["score"] for one in json.loads((tmp_path / "y.json").read_text())]

    lowered = 0.8 * numpy.exp(-2)  # 0.108
    assert scores() == pytest.approx([0.9, 0.3])
    said = f"{method} lowers scores: 1 boxes that came to 0.25 or below are cut (--min-score)"
    assert said in capsys.readouterr().out
    assert scores("--min-score", 0.1) == pytest.approx([0.9, 0.3, lowered])
    assert "lowers" not in capsys.readouterr().out
    assert scores("--min-score", 0.5) == pytest.approx([0.9])
    assert scores("--conf", 0.05) == pytest.approx([0.9, 0.3, lowered])


# pictures of a folder


@pytest.mark.parametrize(
    ("image_id", "file"),
    [
        ("a", "a.JPG"), ("a.jpg", "a.jpg"), ("a.jpg", "a.JPG"), ("a.jpg", "a.png"), ("a", "a.tif"), ("a.b", "a.b.Jpeg"),
        (7, "000000000007.PNG"), ("sub/a", "sub/a.jpg"), ("sub/a.jpg", "sub/a.jpg"), ("sub/a.jpg", "a.jpg"),
        ("../pics/a", "a.bmp"), ("/data/val/a.jpg", "a.jpg"), ("C:\\pics\\a.jpg", "a.TIFF"), ("a.npz", "a.npz.png"),
    ],
)  # fmt: skip
def test_the_picture_is_found(tmp_path: Path, image_id: int | str, file: str) -> None:
    image = pytest.importorskip("PIL.Image")
    (tmp_path / "pics" / file).parent.mkdir(parents=True)
    image.new("RGB", (100, 50)).save(tmp_path / "pics" / file)
    entry = {"image_id": image_id, "category_id": 1, "bbox": [0, 0, 0.5, 0.5], "score": 0.5}
    (tmp_path / "x.json").write_text(json.dumps([entry, {**entry, "image_id": 12}]))
    asked = ("--image", tmp_path / "pics", "--space", "normalised", "--out", tmp_path / "out.npz")
    assert run(tmp_path / "x.json", *asked) == 2  # 12 has no picture
    (tmp_path / "x.json").write_text(json.dumps([entry]))
    assert run(tmp_path / "x.json", *asked) == 0
    with numpy.load(tmp_path / "out.npz", allow_pickle=False) as kept:
        assert kept["boxes"].tolist() == [[0, 0, 50, 25]]


def test_one_picture_is_not_that_of_two(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    (tmp_path / "pics").mkdir()
    (tmp_path / "pics/a.jpg").write_bytes((IMAGES / "000000000885.jpg").read_bytes())
    entry = {"category_id": 1, "bbox": [1, 2, 30, 40], "score": 0.5}
    (tmp_path / "x.json").write_text(json.dumps([{"image_id": f"{place}/a.jpg", **entry} for place in "pq"]))
    said = refused(capsys, tmp_path / "x.json", "--image", tmp_path / "pics", "--out", tmp_path / "out.json")
    assert "a.jpg would be the picture of q/a.jpg and of p/a.jpg" in said
