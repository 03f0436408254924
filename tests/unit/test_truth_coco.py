"""The truth as COCO has it: what is read, what pycocotools reads of it, what is named where it is broken."""

from __future__ import annotations

import contextlib
import io
import json
from pathlib import Path
from typing import Any

import numpy as np
import pytest

from ptdet.io import FileProblem, TruthOptions, read_truth
from ptdet.io.masks import box_of_mask

COCO_MAP = Path(__file__).parents[1] / "data/coco_map/gt_coco_val64.json"
IMAGES = [
    {"id": 9, "file_name": "b/nine.jpg", "width": 40, "height": 30},
    {"id": 2, "file_name": "two.jpg"},
    {"id": 5, "file_name": "empty.jpg", "width": 8, "height": 8},
]
CATEGORIES = [{"id": 7, "name": "dog"}, {"id": 3, "name": "cat"}]
BOX = {"id": 1, "image_id": 9, "category_id": 3, "bbox": [1.5, 2.25, 4.0, 2.0], "area": 6.5, "iscrowd": 0}


def stored(path: Path, *annotations: dict[str, Any], **others: Any) -> Path:
    content = {"annotations": list(annotations), "images": IMAGES, "categories": CATEGORIES, **others}
    path.write_text(json.dumps({key: value for key, value in content.items() if value is not None}))
    return path


def test_by_hand(tmp_path: Path) -> None:
    """Pictures and classes by their ids; boxes as the file has them, to the last digit."""
    crowd = {**BOX, "id": "x", "image_id": 2, "category_id": 7, "iscrowd": 1, "bbox": [0.1, 0.2, 0.3, 0.7], "area": 1}
    ignored = {"image_id": 9, "category_id": 7, "bbox": [0, 0, 0, 5], "ignore": 1}
    truth = read_truth(stored(tmp_path / "gt.json", BOX, crowd, ignored))
    assert truth.image_ids == (2, 5, 9) and truth.image_names == ("two.jpg", "empty.jpg", "b/nine.jpg")
    assert truth.image_sizes == (None, (8, 8), (40, 30))
    assert truth.class_names == ("cat", "dog") and truth.category_ids == (3, 7)
    assert truth.fmt == "xywh" and truth.boxes.tolist() == [[1.5, 2.25, 4, 2], [0.1, 0.2, 0.3, 0.7], [0, 0, 0, 5]]
    assert truth.labels.tolist() == [0, 1, 1] and truth.images.tolist() == [2, 0, 2]
    assert truth.crowd is not None and truth.crowd.tolist() == [False, True, False]
    assert truth.ignore is not None and truth.ignore.tolist() == [False, False, True]
    assert truth.area is not None and truth.area.tolist() == [6.5, 1, 0]
    assert truth.notes == (
        "1 annotations have no area: theirs is that of the box",
        "1 annotations say ignore: neither found nor missed (pycocotools asks iscrowd alone)",
    )


def test_what_is_not_there(tmp_path: Path) -> None:
    """Neither lists of images and categories, nor areas, nor boxes at all."""
    bare = {"image_id": "a", "category_id": 4, "bbox": [0, 0, 1, 1]}
    truth = read_truth(stored(tmp_path / "bare.json", bare, images=None, categories=None))
    assert truth.image_ids == ("a",) and truth.class_names == ("4",) and truth.area is None
    assert [note.split(":")[0] for note in truth.notes] == [
        "names no images", "names no categories", "1 annotations have no area",
    ]  # fmt: skip
    empty = read_truth(stored(tmp_path / "empty.json"))
    assert len(empty.image_ids) == 3 and empty.boxes.shape == (0, 4) and empty.area is None


def test_masks(tmp_path: Path) -> None:
    """Polygons by hand; runs, plain and packed, as pycocotools."""
    assert box_of_mask([[1, 2, 5, 2, 5, 8], [0.5, 3, 1, 3, 1, 4]]) == [0.5, 2, 4.5, 6]
    # 3 high, 4 wide: column 1 from row 1, and column 2 to row 0
    assert box_of_mask({"size": [3, 4], "counts": [4, 3, 5]}) == [1, 0, 2, 3]
    alone = {key: value for key, value in BOX.items() if key != "bbox"}
    truth = read_truth(stored(tmp_path / "gt.json", {**alone, "segmentation": [[1, 2, 5, 2, 5, 8]]}))
    assert truth.boxes.tolist() == [[1, 2, 4, 6]]
    assert truth.notes == ("1 annotations have no bbox: theirs is the box around the segmentation",)
    mask = pytest.importorskip("pycocotools.mask")
    random = np.random.default_rng(0)
    for trial in range(200):
        height, width = random.integers(1, 9, 2)
        drawn = np.asfortranarray(random.random((height, width)) < random.choice([0.1, 0.5, 0.95]), np.uint8)
        if not drawn.any():
            drawn[-1, -1] = 1
        packed = mask.encode(drawn)
        rle = {"size": packed["size"], "counts": packed["counts"].decode()}
        rows, columns = np.nonzero(drawn)
        expected = [columns.min(), rows.min(), np.ptp(columns) + 1, np.ptp(rows) + 1]
        assert box_of_mask(rle) == expected == mask.toBbox(packed).tolist(), trial


def test_rotated(tmp_path: Path) -> None:
    turned = {**BOX, "bbox": None, "rbox": [5, 5, 4, 2, 0.5], "area": 8}
    truth = read_truth(stored(tmp_path / "gt.json", turned))
    assert truth.boxes.tolist() == [[5, 5, 4, 2, 0.5]] and truth.notes == ()
    with pytest.raises(FileProblem, match="has an rbox in 1 of 2 annotations"):
        read_truth(stored(tmp_path / "gt.json", turned, {**BOX, "id": 2}))


def test_as_pycocotools_loads_it() -> None:
    coco = pytest.importorskip("pycocotools.coco")
    with contextlib.redirect_stdout(io.StringIO()):
        theirs = coco.COCO(COCO_MAP)
    truth = read_truth(COCO_MAP)
    assert list(truth.image_ids) == sorted(theirs.getImgIds()) and list(truth.category_ids) == theirs.getCatIds()
    assert list(truth.class_names) == [each["name"] for each in theirs.loadCats(theirs.getCatIds())]
    assert truth.crowd is not None and truth.area is not None
    ours = zip(truth.images, truth.labels, truth.boxes.tolist(), truth.area, truth.crowd, strict=True)
    for annotation, (image, label, box, area, crowd) in zip(theirs.dataset["annotations"], ours, strict=True):
        assert truth.image_ids[image] == annotation["image_id"]
        assert truth.category_ids[label] == annotation["category_id"]
        assert box == annotation["bbox"] and area == annotation["area"] and crowd == annotation["iscrowd"]


PIECES = [{**BOX, "id": n, "segmentation": [[0.0] * 50]} for n in range(600)]  # some hundred kilobytes


def test_files_of_many_pieces(tmp_path: Path) -> None:
    read: list[int] = []
    path = stored(tmp_path / "gt.json", *PIECES)
    truth = read_truth(path, TruthOptions(progress=read.append))
    assert len(truth.boxes) == 600 and len(read) > 3 and sum(read) == path.stat().st_size


A = "annotations, entry 1"
WRONG: dict[str, tuple[dict[str, Any], str]] = {
    "second id": ({"id": 1}, f"{A}: a second annotation has the id 1"),
    "unknown image": ({"image_id": 4}, f"{A}: image_id 4 is the id of none of the images"),
    "another kind of id": ({"image_id": "9"}, f"{A}: image_id '9' is the id of none of the images"),
    "unknown category": ({"category_id": 4}, f"{A}: category_id 4 is the id of none of the categories"),
    "no whole category": ({"category_id": 1.5}, f"{A}: category_id: expected a whole number"),
    "named category": ({"category_id": "cat"}, f"{A}: category_id: expected a whole number"),
    "three numbers": ({"bbox": [1, 2, 3]}, f"{A}: bbox: expected x, y, width and height from 0, got '.1, 2, 3.'"),
    "negative": ({"bbox": [1, 2, -3, 4]}, f"{A}: bbox: expected x, y, width and height from 0"),
    "not finite": ({"bbox": [1, 2, float("nan"), 4]}, f"{A}: bbox: expected x, y, width and height"),
    "words": ({"bbox": [1, 2, "3", 4]}, f"{A}: bbox: expected"),
    "area": ({"area": -1}, f"{A}: area: expected a number from 0, got '-1'"),
    "endless area": ({"area": float("inf")}, f"{A}: area: expected a number from 0"),
    "crowd": ({"iscrowd": 2}, f"{A}: iscrowd: expected 0 or 1, got '2'"),
    "ignore": ({"ignore": "yes"}, f"{A}: ignore: expected 0 or 1"),
    "no box": ({"bbox": None}, f"{A} has no bbox and no segmentation"),
    "polygon": ({"bbox": [], "segmentation": [[1, 2, 3]]}, f"{A}: segmentation expected polygons"),
    "runs": (
        {"bbox": None, "segmentation": {"size": [2, 2], "counts": [1, 9]}},
        f"{A}: segmentation has runs of 10 pixels",
    ),
    "no mask": ({"bbox": None, "segmentation": {"size": [2, 2], "counts": [4]}}, f"{A}: segmentation is an empty mask"),
    "packed": ({"bbox": None, "segmentation": {"size": [2, 2], "counts": "~"}}, "are no runs packed into a string"),
    "cut": ({"bbox": None, "segmentation": {"size": [2, 2], "counts": "P"}}, "end in the middle of a run"),
    "huge": ({"bbox": None, "segmentation": {"size": [2, 2], "counts": "o" * 9}}, "are no runs|in the middle"),
    "rbox": ({"rbox": [1, 2, 3, 4]}, f"{A}: rbox: expected"),
}


@pytest.mark.parametrize("name", WRONG)
def test_wrong_annotations(tmp_path: Path, name: str) -> None:
    """Each is named by its place; nothing is left out in silence."""
    change, expected = WRONG[name]
    with pytest.raises(FileProblem, match=expected):
        read_truth(stored(tmp_path / "gt.json", BOX, {**BOX, "id": 2, **change}))


BROKEN = {
    "list.json": ("[]", "holds a list, as results of a detector are; expected the truth of COCO"),
    "number.json": ("3", "holds a int; expected the truth"),
    "other.json": ('{"info": {}}', "holds an object with the keys info; expected the truth"),
    "cut.json": ('{"annotations": [{"id": 1', "is no JSON"),
    "behind.json": ('{"annotations": []} x', "is no JSON: extra data"),
    "twice.json": ('{"images": [], "annotations": [], "images": []}', "images: expected one list, got a second time"),
    "kind.json": ('{"annotations": {"a": 1}}', "annotations: expected one list, got an object with the keys a"),
    "entry.json": ('{"annotations": [7]}', "annotations, entry 0: expected an object, got a int"),
    "image.json": ('{"images": [{"id": null}]}', "images, entry 0: id: expected a whole number"),
    "images.json": ('{"images": [{"id": 1}, {"id": 1}]}', "images, entry 1: a second picture has the id 1"),
    "categories.json": (
        '{"images": [], "categories": [{"id": 1}, {"id": 1}]}',
        "categories, entry 1: a second category has the id 1",
    ),
    "category.json": ('{"images": [], "categories": [{"id": "a"}]}', "entry 0: id: expected a whole number"),
    "name.json": ('{"images": [], "categories": [{"id": 1, "name": 7}]}', "entry 0: name: expected a name"),
    "deep.json": ('{"annotations": ' + "[" * 100_000, "is no JSON"),
}


@pytest.mark.parametrize("name", BROKEN)
def test_broken_files(tmp_path: Path, name: str) -> None:
    text, expected = BROKEN[name]
    (tmp_path / name).write_text(text)
    with pytest.raises(FileProblem, match=expected) as problem:
        read_truth(tmp_path / name)
    assert "\n" not in str(problem.value)
