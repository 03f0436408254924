"""A picture that a format or a reader cannot hold is named, and takes no other of its shard along."""

from __future__ import annotations

import io
import json
import tarfile
from pathlib import Path
from typing import Any

import numpy as np
import pytest

from ptdet.dataset.batch import batches_of
from ptdet.dataset.results import write
from ptdet.dataset.settings import Job, Settings
from ptdet.io import Predictions, read_predictions

from .test_dataset_sources import batches

BOX = np.array([[0.0, 0, 9, 9]], np.float32)


def one(image_id: int | str, label: int | None = 1, boxes: Any = BOX, **said: Any) -> Predictions:
    labels = None if label is None else np.full(len(boxes), label)
    given = {"picture_size": (10, 10), "classes": ("a", "b")}
    return Predictions(str(image_id), image_id, boxes, np.full(len(boxes), 0.9), labels, **{**given, **said})


def written(path: Path, pictures: list[Predictions], form: str) -> list[str]:
    problems: list[str] = []
    settings = Settings()
    write(path, batches_of(pictures, settings, problems), Job(settings, format=form), {}, problems)
    return problems


def ids_in(path: Path) -> list[int | str]:
    return [of.image_id for of in read_predictions(path)]


def test_arrays_hold_pictures_of_one_kind(tmp_path: Path) -> None:
    """A picture without boxes is of any kind."""
    masks = {"extra": {"masks": np.zeros((1, 2))}}
    rotated = np.array([[5.0, 5, 2, 2, 0.1]], np.float32)
    pictures = [
        one(0, None, BOX[:0]), one(1), one(2, None), one(3, boxes=BOX[:0]), one(4, **masks), one(5, boxes=rotated),
        one(6, extra={"masks": np.zeros((1, 3))}), one(7),
    ]  # fmt: skip
    problems = written(tmp_path / "x.npz", pictures, "npz")
    assert ids_in(tmp_path / "x.npz") == [0, 1, 3, 4, 7]
    assert [problem.partition(",")[0] for problem in problems] == [
        "2 has no classes",
        "5 has rotated boxes",
        "6 has masks",
    ]
    assert not written(tmp_path / "x.json", pictures, "coco")


def test_ids_and_names_of_classes_in_arrays(tmp_path: Path) -> None:
    """No id is cut, and no class is called what it is in another picture."""
    ids = ["a", "a\0", "\ud800", "x" * 5000]
    assert not written(tmp_path / "x.npz", [one(each) for each in ids], "npz")
    assert ids_in(tmp_path / "x.npz") == ids
    assert read_predictions(tmp_path / "x.npz")[0].classes == ("a", "b")
    given = [one("a", classes=("0", "b")), one("b", classes=("a", "1", "c")), one("c", classes=())]
    assert not written(tmp_path / "y.npz", given, "npz")
    assert read_predictions(tmp_path / "y.npz")[0].classes == ("a", "b", "c")
    for form in ("npz", "coco", "yolo"):
        (problem,) = written(tmp_path / f"z.{form.replace('coco', 'json')}", [*given, one("d", classes=("d",))], form)
        assert problem == "d: class 0 is 'd' here, and 'a' in pictures before: --classes says an order for all"
    assert read_predictions(tmp_path / "z.npz")[0].classes == ()


def test_what_the_columns_of_parquet_cannot_hold(tmp_path: Path) -> None:
    parquet = pytest.importorskip("pyarrow.parquet")
    rotated = np.array([[5.0, 5, 2, 2, 0.1]], np.float32)
    most = 2**31 - 1
    pictures = [
        one("a"),
        one("b", most + 1),
        one("\ud800"),
        one("c", most),
        one("d", -(2**31)),
        one("e", boxes=rotated),
    ]
    problems = written(tmp_path / "x.parquet", pictures, "parquet")
    table = parquet.read_table(tmp_path / "x.parquet")
    assert table["image_id"].to_pylist() == ["a", "c", "d"] and table["label"].to_pylist() == [1, most, -most - 1]
    assert problems == [
        "b has a class 2147483648, and Parquet's column has 32 bits",
        "\ud800 has an image_id that is no text: '\\ud800'",
        "e has rotated boxes, for which there are no columns: --format coco and npz have them",
    ]


def test_classes_that_have_no_category(tmp_path: Path) -> None:
    pictures = [one(1, category_ids=(7, 8)), one(2, 2, category_ids=(7, 8)), one(3, 0, category_ids=(7, 8))]
    problems = written(tmp_path / "x.json", pictures, "coco")
    assert problems == ["2 has a class that is none of the 2 of --category-ids"]
    stored = json.loads((tmp_path / "x.json").read_text())
    assert [(entry["image_id"], entry["category_id"]) for entry in stored] == [(1, 8), (3, 7)]


@pytest.mark.parametrize(
    "image_id",
    ["../x", "/tmp/x", "a\0b", "..", "", "x" * 300, "\u00e9" * 200, "a\nb", "\ud800", "C:\\x", "-rf", "a/b/c.jpg"],
)
def test_labels_lie_in_their_folder(tmp_path: Path, image_id: str) -> None:
    out = tmp_path / "deep" / "out"
    out.parent.mkdir()
    assert not written(out, [one(image_id)], "yolo")
    (file,) = (path for path in tmp_path.rglob("*") if path.is_file())
    assert file.parent == out and file.suffix == ".txt" and file.stat().st_size


def test_samples_that_are_none(tmp_path: Path) -> None:
    """Those of one tar, beside links, whose content lies elsewhere, and whole numbers for scores."""
    stream = io.BytesIO()
    np.savez(stream, boxes=BOX, scores=np.ones(1))
    members: list[tuple[str, bytes]] = [
        ("a.npz", stream.getvalue()),
        ("b.json", b"[" * 100_000),
        ("c.json", b'{"boxes": [[0, 0, 9, 9], [0, 0, 1, 1]], "scores": [1, 0]}'),
        ("d.json", b'{"boxes": [], "scores": []}'),
        ("e.npz", b"PK"),
    ]
    path = tmp_path / "x.tar"
    with tarfile.open(path, "w") as archive:
        for name, data in members:
            member = tarfile.TarInfo(name)
            member.size = len(data)
            archive.addfile(member, io.BytesIO(data))
        for kind, name in ((tarfile.LNKTYPE, "f.npz"), (tarfile.SYMTYPE, "g.npz")):
            member = tarfile.TarInfo(name)
            member.type, member.linkname = kind, "a.npz"
            archive.addfile(member)
    for size in (1, 100):
        found, problems = batches(path, tmp_path, size)
        assert [(of.image_id, len(kept)) for batch in found for of, kept in batch.pairs()] == [
            ("a", 1),
            ("c", 1),
            ("d", 0),
        ]
        assert [problem[len(str(path)) : len(str(path)) + 12] for problem in problems] == [
            ": b is no JS", ": e cannot b", ": f is a lin", ": g is a lin"
        ]  # fmt: skip
    with tarfile.open(path, "w:gz") as archive:
        archive.add(__file__, "a.json")
    found, (problem,) = batches(path, tmp_path)
    assert not found and problem == f"{path} is packed by gzip, so that nothing in it can be read alone: unpack it"


def test_rotated_boxes_in_some_results(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """The file is refused, as when it is read alone; a broken one is named like any other result."""
    monkeypatch.setattr("ptdet.dataset.coco_source.SMALL", 0)
    entry = {"category_id": 1, "bbox": [0, 0, 9, 9], "score": 0.9}
    rbox = {**entry, "rbox": [5, 5, 9, 9, 0.1]}
    path = tmp_path / "x.json"
    path.write_text(json.dumps([{"image_id": 1, **rbox}, {"image_id": 2, **entry}]))
    for size in (1, 10):
        found, problems = batches(path, tmp_path, size)
        assert not found and problems == [f"{path} has an rbox in 1 of 2 results: expected it in all or in none"]
    path.write_text(json.dumps([{"image_id": 1, **rbox}, {"image_id": 1, **rbox, "rbox": [1, 2]}, *[{}] * 150]))
    (batch,), problems = batches(path, tmp_path)
    assert len(batch.found) == 1 and batch.found.rotated
    assert problems[0] == f"{path} entry 1: rbox: expected five numbers, got '[1, 2]'"
    assert len(problems) == 101 and problems[-1] == f"{path} has 51 more entries that are no results"
