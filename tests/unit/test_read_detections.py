"""Detections beside their truth: pictures by id or file name, classes by name or id; what is left out is told."""

from __future__ import annotations

import json
import math
from pathlib import Path
from typing import Any

import numpy as np
import pytest

from ptdet._shared.dataset import Truth
from ptdet.io import (
    DetectionOptions,
    FileProblem,
    ReadOptions,
    TruthOptions,
    parse_space,
    read_detections,
    read_predictions,
    read_truth,
)


def truth_of(**fields: Any) -> Truth:
    """Three pictures of COCO, three classes with ids that are no places."""
    default: dict[str, Any] = {
        "boxes": np.array([[0.0, 0, 10, 10]]),
        "labels": np.array([1]),
        "images": np.array([0]),
        "image_ids": (7, 9, 885),
        "class_names": ("cat", "dog", "cow"),
        "category_ids": (3, 5, 8),
        "fmt": "xywh",
        "image_names": ("a.jpg", "x/b.jpg", "000000000885.jpg"),
        "image_sizes": ((100, 50), None, (640, 480)),
    }
    return Truth(**{**default, **fields})


def truth_of_files(*stems: str, **fields: Any) -> Truth:
    """Pictures by name, as YOLO, VOC and DOTA have them, and no ids of classes."""
    none: dict[str, Any] = {"category_ids": (), "image_names": (), "image_sizes": (), "fmt": "xyxy"}
    return truth_of(image_ids=stems, **{**none, **fields})


def result(image_id: int | str, category: int, x: float, score: float = 0.5) -> dict[str, Any]:
    return {"image_id": image_id, "category_id": category, "bbox": [x, 0.2, 0.3, 0.7], "score": score}


def coco(path: Path, *results: dict[str, Any], **others: Any) -> Path:
    path.write_text(json.dumps({"annotations": results, **others} if others else results))
    return path


def arrays(path: Path, labels: Any = (0, 1), **others: Any) -> Path:
    count = len(labels)
    boxes = np.arange(count)[:, None] + np.array([[0.0, 0.0, 10.0, 10.0]])
    np.savez(path, boxes=boxes, scores=np.linspace(0.9, 0.1, count), labels=np.array(labels, np.int64), **others)
    return path


def test_coco_results(tmp_path: Path) -> None:
    """In the order of the truth's pictures, of each in the file's; boxes to the last digit."""
    path = coco(tmp_path / "r.json", result(885, 8, 0.1), result(7, 3, 0.2, 0.25), result(885, 5, 0.3, 0.75))
    found = read_detections([path], truth_of())
    assert found.fmt == "xywh" and found.boxes.tolist() == [[x, 0.2, 0.3, 0.7] for x in (0.2, 0.1, 0.3)]
    assert found.scores.tolist() == [0.25, 0.5, 0.75] and found.labels.tolist() == [0, 2, 1]
    assert found.images.tolist() == [0, 2, 2]
    assert found.notes == ("1 of 3 pictures of the truth have no detections",)


def test_what_the_truth_lacks_is_told(tmp_path: Path) -> None:
    path = coco(
        tmp_path / "r.json", result(7, 3, 0), result(7, 4, 0), result(11, 3, 0), result(12, 3, 0), result(9, 4, 0)
    )
    found = read_detections([path], truth_of())
    assert found.scores.tolist() == [0.5]
    assert found.notes == (
        "2 of 5 detections are left out: the truth has no picture 11, 12",
        "1 of 3 pictures of the truth have no detections",
        "2 of 3 detections are left out: the truth has no class 4 (--match index, if they are places from 0)",
    )
    with pytest.raises(FileProblem, match=r"none of the detections' 1 pictures \(11, ..\) is in the truth \(7, 9, 885"):
        read_detections([coco(tmp_path / "r.json", result(11, 3, 0))], truth_of())
    with pytest.raises(FileProblem, match=r"none of the classes of the detections \(4\) is in the truth \(3, 5, 8\)"):
        read_detections([coco(tmp_path / "r.json", result(7, 4, 0))], truth_of())


def test_places_are_not_taken_for_ids(tmp_path: Path) -> None:
    """A category_id 0 that the truth lacks: its writer counts from 0."""
    path = coco(tmp_path / "r.json", result(7, 0, 0), result(7, 3, 0), result(7, 2, 0))
    with pytest.raises(FileProblem, match="have a category_id 0, and the truth has none: .*--match index"):
        read_detections([path], truth_of())
    path = coco(tmp_path / "r.json", result(7, 0, 0), result(7, 2, 0))
    assert read_detections([path], truth_of(), DetectionOptions(match="index")).labels.tolist() == [0, 2]


# what the detections are called -> the pictures they are
NAMES: list[tuple[Truth, dict[str, int]]] = [
    (truth_of(), {"a": 0, "b": 1, "raw_b": 1, "COCO_val2014_000000000885": 2, "0885": 2, "9": 1}),
    (truth_of_files("a", "b", "000000000885"), {"a": 0, "raw_a": 0, "b": 1, "000000000885": 2, "885": 2}),
    (truth_of_files("x/a", "y/a", "007"), {"007": 2}),
]


@pytest.mark.parametrize(("truth", "names"), NAMES)
def test_pictures_by_name(tmp_path: Path, truth: Truth, names: dict[str, int]) -> None:
    for name, image in names.items():
        found = read_detections([arrays(tmp_path / f"{name}.npz")], truth)
        assert found.images.tolist() == [image, image] and found.fmt == "xyxy", name


def test_pictures_by_the_names_in_a_file(tmp_path: Path) -> None:
    """ultralytics' ids are numbers or stems; an object says the file names of its ids."""
    stems = truth_of_files("x/a", "y/a", "007")
    assert read_detections([coco(tmp_path / "r.json", result(7, 1, 0))], stems).images.tolist() == [2]
    assert read_detections([coco(tmp_path / "r.json", result("y\\a.png", 1, 0))], stems).images.tolist() == [1]
    named = {"images": [{"id": 1, "file_name": "set/x/a.jpg"}, {"id": 2, "file_name": "b.jpg"}]}
    path = coco(tmp_path / "r.json", result(1, 3, 0), result(2, 3, 0), **named)
    assert read_detections([path], truth_of()).images.tolist() == [0, 1]
    with pytest.raises(FileProblem, match="r.json a may be the picture x/a and y/a of the truth"):
        read_detections([coco(tmp_path / "r.json", result("a", 3, 0))], stems)
    moved = {"images": [{"id": 7, "file_name": "b.jpg"}]}
    with pytest.raises(
        FileProblem, match="image_id 7 is b.jpg in the detections and a.jpg in the truth, which has b.jpg"
    ):
        read_detections([coco(tmp_path / "r.json", result(7, 3, 0), **moved)], truth_of())


def test_ids_and_numbers_of_files(tmp_path: Path) -> None:
    """ultralytics' image_id is the number of the file; a truth of one's own often counts from 1."""
    counted = truth_of(image_ids=(1, 2, 3), image_names=("000003.jpg", "000012.jpg", "000000000002.jpg"))
    path = tmp_path / "r.json"
    ids = read_detections([coco(path, result(1, 3, 0), result(2, 3, 0), result(3, 3, 0))], counted)
    assert ids.images.tolist() == [0, 1, 2] and ids.notes == ()
    files = read_detections([coco(path, result(12, 3, 0), result(2, 3, 0), result(3, 3, 0))], counted)
    assert files.images.tolist() == [0, 1, 2] and files.boxes.shape == (3, 4)
    assert files.notes == ("r.json: image_ids are the numbers of file names: not all are ids of the truth",)
    unclear = read_detections([coco(path, result(2, 3, 0), result(3, 3, 0))], counted)
    assert unclear.images.tolist() == [1, 2]
    said = "image_ids are ids of pictures, and numbers of the file names of others"
    assert f"r.json: 2 {said} (2: 000012.jpg, 000000000002.jpg): taken as ids" in unclear.notes
    # a name of twelve digits is a name before it is an id
    assert read_detections([arrays(tmp_path / "000000000002.npz")], counted).images.tolist() == [2, 2]


def test_one_picture_in_several_files(tmp_path: Path) -> None:
    first, second = arrays(tmp_path / "a.npz"), coco(tmp_path / "r.json", result(7, 3, 4.0))
    found = read_detections([first, second], truth_of())
    assert found.boxes.tolist() == [[0, 0, 10, 10], [1, 1, 11, 11], [4, 0.2, 4.3, 0.2 + 0.7]] and found.fmt == "xyxy"
    assert "1 pictures are in several files, whose detections are taken together: 7, .." in found.notes


# names of the detections, how to match -> labels of the truth of detections 0 and 1, or the error
COW_CAT = {"meta_json": json.dumps({"classes": ["cow", "cat"]})}
CLASSES: dict[str, tuple[dict[str, Any], str, list[int] | str]] = {
    "names, not places": (COW_CAT, "auto", [2, 0]),
    "names over all": ({"meta_json": COW_CAT["meta_json"], "category_ids": [8, 3]}, "auto", [2, 0]),
    "names and ids that differ": (
        {"meta_json": COW_CAT["meta_json"], "category_ids": [5, 3]},
        "auto",
        "class 0 is 'cow' by its name and 'dog' by its id: say --match name or id",
    ),
    "names all the same": ({"meta_json": COW_CAT["meta_json"], "category_ids": [5, 3]}, "name", [2, 0]),
    "ids all the same": ({"meta_json": COW_CAT["meta_json"], "category_ids": [5, 3]}, "id", [1, 0]),
    "ids alone": ({"category_ids": [8, 5]}, "auto", [2, 1]),
    "nothing": ({}, "auto", [0, 1]),
    "places of names": (COW_CAT, "index", [0, 1]),
}


@pytest.mark.parametrize("name", CLASSES)
def test_classes(tmp_path: Path, name: str) -> None:
    said, rule, expected = CLASSES[name]
    path, options = arrays(tmp_path / "a.npz", **said), DetectionOptions(match=rule)
    if isinstance(expected, str):
        with pytest.raises(FileProblem, match=expected):
            read_detections([path], truth_of(), options)
        return
    found = read_detections([path], truth_of(), options)
    assert found.labels.tolist() == expected
    told = "labels without names are taken as places in the truth's list: 0 cat, 1 dog, 2 cow, .. (--match)"
    assert (told in found.notes) == (name == "nothing")


def test_names_that_differ(tmp_path: Path) -> None:
    """By the id, and said; without ids they are left out, never taken by place."""
    meta = json.dumps({"classes": ["kitten", "dog"]})
    with_ids = read_detections([arrays(tmp_path / "a.npz", meta_json=meta, category_ids=[3, 5])], truth_of())
    assert with_ids.labels.tolist() == [0, 1] and "class 'kitten' is taken by its id for 'cat'" in with_ids.notes
    without = read_detections([arrays(tmp_path / "a.npz", meta_json=meta)], truth_of())
    assert without.labels.tolist() == [1]
    assert "1 of 2 detections are left out: the truth has no class kitten" in without.notes
    named = {"categories": [{"id": 0, "name": "dog"}, {"id": 1, "name": "cow"}]}
    path = coco(tmp_path / "r.json", result(7, 0, 0), result(7, 1, 0), **named)
    assert read_detections([path], truth_of()).labels.tolist() == [1, 2]


def test_places_from_1(tmp_path: Path) -> None:
    """ultralytics' predictions.json of other data than COCO's; YOLO's truth counts from 0."""
    stems = truth_of_files("a", "b", "c")
    path = coco(tmp_path / "r.json", result("a", 1, 0), result("a", 3, 0))
    said = "no detection is of class 0, 'cat': if they count from 1, say --match index1"
    with pytest.raises(FileProblem, match=f"{said}, as the class 3 of 3 suggests; else --match index"):
        read_detections([path], stems)
    assert read_detections([path], stems, DetectionOptions(match="index1")).labels.tolist() == [0, 2]
    assert said in read_detections([coco(tmp_path / "r.json", result("a", 1, 0))], stems).notes
    assert said not in read_detections([coco(tmp_path / "r.json", result("a", 0, 0))], stems).notes


def test_ids_that_are_places(tmp_path: Path) -> None:
    """COCO's truth with ids from 0, and detections from 1: --match index would change nothing."""
    truth = truth_of(category_ids=(0, 1, 2))
    found = read_detections([coco(tmp_path / "r.json", result(7, 1, 0), result(7, 3, 0))], truth)
    said = "1 of 2 detections are left out: the truth has no class 3 (--match index1, if they are places from 1)"
    assert said in found.notes


def test_one_note_of_many_files(tmp_path: Path) -> None:
    paths = [coco(tmp_path / f"{n}.json", {**result(n, 3, 0), "score": math.nan}) for n in (7, 9, 885)]
    notes = read_detections(paths, truth_of()).notes
    assert [note for note in notes if "not finite" in note] == [
        "7.json and 2 more: 1 of 1 results are left out: a bbox or score that is not finite in 1; the first is number 0"
    ]


def test_a_box_that_ends_nowhere(tmp_path: Path) -> None:
    """x and width are finite, their sum is not."""
    path = coco(tmp_path / "r.json", {**result(7, 3, 0), "bbox": [1e308, 0, 1e308, 1]}, result(7, 3, 0))
    found = read_detections([path], truth_of())
    assert len(found.boxes) == 1 and "r.json: 1 of 2 results are left out" in found.notes[0]
    path = coco(tmp_path / "r.json", {**result(7, 3, 0), "bbox": [0, 0, 1e307, 1]}, result(7, 3, 0))
    found = read_detections([path], truth_of(), DetectionOptions(ReadOptions(space=parse_space("normalised"))))
    assert len(found.boxes) == 1 and "r.json: boxes that are not finite in pixels of the pic" in found.notes[0]


def test_numbers_and_names_without_order(tmp_path: Path) -> None:
    """VOC and DOTA have names alone: their sorted list says nothing about the numbers of a detector."""
    path, sorted_names = arrays(tmp_path / "7.npz"), truth_of(numbered=False, category_ids=())
    with pytest.raises(FileProblem, match="7.npz has class numbers, and the truth has names that are in no order"):
        read_detections([path], sorted_names)
    named = DetectionOptions(read=ReadOptions(classes=("cow", "cat")))
    assert read_detections([path], sorted_names, named).labels.tolist() == [2, 0]
    assert read_detections([path], sorted_names, DetectionOptions(match="index")).labels.tolist() == [0, 1]
    # a number beyond the names of its own detector is no place either
    some = DetectionOptions(read=ReadOptions(classes=("cow",)))
    found = read_detections([path], truth_of(category_ids=()), some)
    assert found.labels.tolist() == [2] and "1 of 2 detections are left out: the truth has no class 1" in found.notes


def test_detections_without_classes(tmp_path: Path) -> None:
    np.savez(tmp_path / "a.npz", boxes=np.array([[0.0, 0, 1, 1]] * 2), scores=np.array([0.5, np.nan]))
    with pytest.raises(FileProblem, match="a.npz has no classes, and the truth has 3"):
        read_detections([tmp_path / "a.npz"], truth_of())
    one = truth_of(class_names=("face",), category_ids=(1,), labels=np.array([0]))
    assert read_detections([tmp_path / "a.npz"], one).labels.tolist() == [0]


def test_units(tmp_path: Path) -> None:
    """Shares of a picture need its size, which the truth may know."""
    np.savez(tmp_path / "a.npz", boxes=np.array([[0.1, 0.2, 0.5, 1]]), scores=np.array([0.5]), labels=np.array([0]))
    options = DetectionOptions(read=ReadOptions(space=parse_space("normalised")))
    assert read_detections([tmp_path / "a.npz"], truth_of(), options).boxes.tolist() == [[10, 10, 50, 50]]
    (tmp_path / "a.npz").rename(tmp_path / "b.npz")
    with pytest.raises(FileProblem, match="b is in another unit than pixels, and neither file says the picture's size"):
        read_detections([tmp_path / "b.npz"], truth_of(), options)


def test_heads_and_confidence(tmp_path: Path) -> None:
    """Of a head the scores above .001 count, of what is suppressed all; a cut is counted."""
    head = np.array([[[5.0, 5, 4, 4, 0.9, 0.3, 0], [5, 5, 2, 2, 0.001, 0, 0], [8, 8, 2, 2, 0, 0.1, 0.002]]])
    np.save(tmp_path / "a.npy", head)
    reading = ReadOptions(layout="yolov8-rows", num_classes=3)
    found = read_detections([tmp_path / "a.npy"], truth_of(), DetectionOptions(read=reading))
    assert found.scores.tolist() == [0.9, 0.1] and found.labels.tolist() == [0, 1]
    assert "a.npy: raw predictions, whose scores above 0.001 count: suppress them first (ptdet run)" in found.notes
    every = read_detections([tmp_path / "a.npy"], truth_of(), DetectionOptions(read=reading, multi_label=True))
    assert every.scores.tolist() == [0.9, 0.3, 0.1, 0.002]
    path = coco(tmp_path / "r.json", result(7, 3, 0, 0.0), result(7, 3, 0, -2.0), result(7, 3, 0, 0.5))
    assert read_detections([path], truth_of()).scores.tolist() == [0, -2, 0.5]
    cut = read_detections([path], truth_of(), DetectionOptions(confidence=0.0))
    assert cut.scores.tolist() == [0.5] and "2 detections with scores of 0 or below are left out" in cut.notes


def test_rotated(tmp_path: Path) -> None:
    turned = truth_of(boxes=np.array([[5.0, 5, 4, 2, 0.5]]))
    path = coco(tmp_path / "r.json", {**result(7, 3, 0), "rbox": [1, 2, 3, 4, 0.5]})
    assert read_detections([path], turned).boxes.tolist() == [[1, 2, 3, 4, 0.5]]
    with pytest.raises(FileProblem, match="the truth has upright boxes and the detections rotated ones"):
        read_detections([path], truth_of())
    with pytest.raises(FileProblem, match="the truth has rotated boxes and the detections upright ones: .*rbox"):
        read_detections([coco(tmp_path / "r.json", result(7, 3, 0))], turned)


def test_yolo_results(tmp_path: Path) -> None:
    """As ultralytics saves them; the truth knows the size of the picture."""
    (tmp_path / "a.txt").write_text("1 0.5 0.5 0.5 0.25 0.75\n\n0 0.25 0.5 0.5 1 0.5\n")
    found = read_detections([tmp_path / "a.txt"], truth_of())
    assert found.boxes.tolist() == [[25, 18.75, 75, 31.25], [0, 0, 50, 50]]
    assert found.scores.tolist() == [0.75, 0.5] and found.labels.tolist() == [1, 0]
    (tmp_path / "a.txt").write_text("1 0.5 0.5 0.5 0.25 0.75 12\n0 0.25 0.5 0.5 1 0.5\n")
    (tracked,) = read_predictions(tmp_path / "a.txt")
    assert tracked.scores.tolist() == [0.75, 0.5] and tracked.extra["track"].tolist() == [12, -1]
    (tmp_path / "b.txt").write_text("")
    assert len(read_detections([tmp_path / "b.txt"], truth_of()).boxes) == 0


def test_dota_results(tmp_path: Path) -> None:
    (tmp_path / "Task1_dog.txt").write_text("P1 0.5 0 0 4 0 4 2 0 2\n")
    (tmp_path / "Task1_cow.txt").write_text("")
    turned = truth_of_files("P1", boxes=np.array([[5.0, 5, 4, 2, 0.5]]))
    found = read_detections([tmp_path], turned)
    assert found.boxes.tolist() == [[2, 1, 4, 2, 0]] and found.labels.tolist() == [1]


def test_arguments_of_another_kind(tmp_path: Path) -> None:
    """A path may be text; the rest is refused by name."""
    path, truth = coco(tmp_path / "r.json", result(7, 3, 0)), truth_of()
    assert len(read_detections([str(path)], truth).boxes) == 1
    other: Any = read_detections  # what mypy would refuse
    wrong: list[tuple[str, Any]] = [
        ("paths: expected a list of files, got str", lambda: other(str(path), truth)),
        (r"paths\[0\]: expected a path, got int", lambda: other([1], truth)),
        ("truth: expected Truth, .* got str", lambda: other([path], "gt.json")),
        ("options: expected DetectionOptions, got ReadOptions", lambda: other([path], truth, ReadOptions())),
        ("path: expected a path, got list", lambda: read_truth([path])),  # type: ignore[arg-type]
        ("options: expected TruthOptions, got dict", lambda: read_truth(path, {})),  # type: ignore[arg-type]
        ("match: expected one of auto", lambda: other([path], truth, DetectionOptions(match="names"))),
        ("split: expected one of train, val, test, got 'x'", lambda: TruthOptions(split="x")),
        ("boxes: expected one of upright, rotated, got 'obb'", lambda: TruthOptions(boxes="obb")),
    ]
    for told, call in wrong:
        with pytest.raises((TypeError, ValueError), match=f"^{told}"):
            call()


def test_nothing(tmp_path: Path) -> None:
    found = read_detections([coco(tmp_path / "r.json")], truth_of())
    assert found.boxes.shape == (0, 4) and found.notes == ("3 of 3 pictures of the truth have no detections",)
