"""The truth as COCO has it: an object with `images`, `categories` and `annotations`, read in pieces."""

from __future__ import annotations

import math
from array import array
from collections.abc import Sequence
from pathlib import Path
from typing import Any

import numpy as np

from .._shared.arrays import Array
from .._shared.dataset import Truth
from .coco import BOUND, is_number, whole
from .json_pieces import JsonText, kind
from .masks import box_of_mask
from .predictions import FileProblem
from .truth_options import TruthOptions

EXPECTED = 'expected the truth of COCO, an object with "images", "categories" and "annotations"'


def read_coco_truth(path: Path, options: TruthOptions) -> Truth:
    """The pictures and the categories in the order of their ids, as pycocotools has them.

    Raises:
        FileProblem: naming the entry, what was expected and what came.
    """
    columns = _Columns()
    readers = {
        "annotations": columns.add_annotations,
        "images": columns.add_images,
        "categories": columns.add_categories,
    }
    try:
        with path.open("rb") as file:
            text = JsonText(file, options.progress)
            if text.peek() != "{":
                what = "a list, as results of a detector are" if text.peek() == "[" else kind(text.value())
                raise FileProblem(f"holds {what}; {EXPECTED}")
            found = text.lists(readers)
            text.end()
    except (ValueError, RecursionError) as error:
        raise FileProblem(f"is no JSON: {str(error).splitlines()[0]}") from error
    for key in readers:
        if found.get(key):
            raise FileProblem(f"{key}: expected one list, got {found[key]}")
    if "annotations" not in found and "images" not in found:
        said = f"the keys {', '.join(list(found)[:5])}" if found else "no keys"
        raise FileProblem(f"holds an object with {said}; {EXPECTED}")
    return columns.truth()


class _Columns:
    """What was read so far, checked entry by entry."""

    def __init__(self) -> None:
        self.files: dict[int | str, str] = {}  # image id -> file_name, or the id
        self.sizes: dict[int | str, tuple[int, int] | None] = {}
        self.names: dict[int, str] = {}  # category id -> name
        self.numbers: dict[int | str, int] = {}  # image id -> its number, in the order in which annotations name them
        self.image, self.category = array("q"), array("q")
        self.bbox, self.area, self.rbox = array("d"), array("d"), array("d")
        self.crowd, self.ignore = array("b"), array("b")
        self.ids: set[int | str] = set()
        self.masked = 0  # annotations with a mask alone

    def add_images(self, entries: list[Any], texts: Sequence[str] = ()) -> None:
        for entry in entries:
            place = f"images, entry {len(self.files)}"
            image_id = _id(entry, "id", place)
            if image_id in self.files:
                raise FileProblem(f"{place}: a second picture has the id {image_id!r}")
            name = entry.get("file_name")
            self.files[image_id] = name if isinstance(name, str) else str(image_id)
            width, height = whole(entry.get("width")), whole(entry.get("height"))
            self.sizes[image_id] = (width, height) if width and height and min(width, height) > 0 else None

    def add_categories(self, entries: list[Any], texts: Sequence[str] = ()) -> None:
        for entry in entries:
            place = f"categories, entry {len(self.names)}"
            number = _id(entry, "id", place)
            if not isinstance(number, int):
                raise FileProblem(f"{place}: id: expected a whole number below 2**63, got {number!r}")
            if number in self.names:
                raise FileProblem(f"{place}: a second category has the id {number}")
            name = entry.get("name", str(number))
            if not isinstance(name, str):
                raise FileProblem(f"{place}: name: expected a name, got {str(name)[:60]!r}")
            self.names[number] = name

    def add_annotations(self, entries: list[Any], texts: Sequence[str] = ()) -> None:
        for entry in entries:
            place = f"annotations, entry {len(self.image)}"
            image_id, category = _id(entry, "image_id", place), _id(entry, "category_id", place)
            if not isinstance(category, int):
                raise _wrong(place, "category_id", "a whole number below 2**63", category)
            if "id" in entry:
                own = _id(entry, "id", place)
                if own in self.ids:
                    raise FileProblem(f"{place}: a second annotation has the id {own!r}")
                self.ids.add(own)
            box = self._box_of(entry, place)
            area = entry.get("area", math.nan)
            if "area" in entry and not (is_number(area) and 0 <= area < math.inf):
                raise _wrong(place, "area", "a number from 0", area)
            self.bbox.extend(box)
            self.area.append(area)
            self.crowd.append(_flag(entry, "iscrowd", place))
            self.ignore.append(_flag(entry, "ignore", place))
            self.image.append(self.numbers.setdefault(image_id, len(self.numbers)))
            self.category.append(category)

    def _box_of(self, entry: dict[str, Any], place: str) -> list[float]:
        """The bbox; where there is none that of the rotated box or of the mask."""
        rbox = entry.get("rbox")
        if rbox is not None:
            if not isinstance(rbox, list) or len(rbox) != 5 or not _finite(rbox) or min(rbox[2:4]) < 0:
                raise _wrong(place, "rbox", "centre x, centre y, width and height from 0, angle", rbox)
            self.rbox.extend(rbox)
        box = entry.get("bbox")
        if box is None and rbox is not None:
            return [0.0] * 4
        if box is None or box == []:
            if not entry.get("segmentation"):
                raise FileProblem(f"{place} has no bbox and no segmentation")
            try:
                box = box_of_mask(entry["segmentation"])
            except FileProblem as problem:
                raise FileProblem(f"{place}: segmentation {problem}") from problem
            self.masked += 1
        if not isinstance(box, list) or len(box) != 4 or not _finite(box) or box[2] < 0 or box[3] < 0:
            raise _wrong(place, "bbox", "x, y, width and height from 0", box)
        return box

    def truth(self) -> Truth:
        notes = []
        if not self.files:
            self.files = {image_id: str(image_id) for image_id in self.numbers}
            notes.append("names no images: those of its annotations are all")
        if not self.names:
            self.names = {number: str(number) for number in set(self.category)}
            notes.append("names no categories: they are called by their ids")
        categories = sorted(self.names)
        image_ids = list(self.files)
        if len(set(map(type, image_ids))) == 1:
            image_ids.sort()
        images, labels = self._places(image_ids), self._labels(categories)
        bbox = np.frombuffer(self.bbox).reshape(-1, 4)
        boxes = bbox if not self.rbox else np.frombuffer(self.rbox).reshape(-1, 5)
        if len(boxes) != len(bbox):
            raise FileProblem(f"has an rbox in {len(boxes)} of {len(bbox)} annotations: expected it in all or in none")
        sides = boxes[:, 2] * boxes[:, 3]
        area = np.frombuffer(self.area)
        unknown = np.isnan(area)
        crowd, ignore = (np.frombuffer(flags, np.int8).astype(np.bool_) for flags in (self.crowd, self.ignore))
        if self.masked:
            notes.append(f"{self.masked} annotations have no bbox: theirs is the box around the segmentation")
        if unknown.any():
            notes.append(f"{int(unknown.sum())} annotations have no area: theirs is that of the box")
        if ignore.any():
            many = int(ignore.sum())
            notes.append(f"{many} annotations say ignore: neither found nor missed (pycocotools asks iscrowd alone)")
        return Truth(
            boxes=boxes,
            labels=labels,
            images=images,
            image_ids=tuple(image_ids),
            class_names=tuple(self.names[number] for number in categories),
            crowd=crowd if crowd.any() else None,
            ignore=ignore if ignore.any() else None,
            area=None if unknown.all() else np.where(unknown, sides, area),
            fmt="xywh",
            category_ids=tuple(categories),
            image_names=tuple(self.files[image_id] for image_id in image_ids),
            image_sizes=tuple(self.sizes.get(image_id) for image_id in image_ids),
            notes=tuple(notes),
        )

    def _places(self, image_ids: list[int | str]) -> Array:
        """Of the annotations, among the pictures."""
        place = {image_id: n for n, image_id in enumerate(image_ids)}
        for image_id, number in self.numbers.items():
            if image_id not in place:
                first = self.image.index(number)
                raise FileProblem(f"annotations, entry {first}: image_id {image_id!r} is the id of none of the images")
        renumbered = np.array([place[image_id] for image_id in self.numbers], np.int64)
        return renumbered[np.frombuffer(self.image, np.int64)]

    def _labels(self, categories: list[int]) -> Array:
        known, found = np.array(categories, np.int64), np.frombuffer(self.category, np.int64)
        labels = np.searchsorted(known, found)
        wrong = known[np.minimum(labels, len(known) - 1)] != found if len(known) else found == found
        if wrong.any():
            first = int(wrong.argmax())
            said = f"category_id {int(found[first])} is the id of none of the categories"
            raise FileProblem(f"annotations, entry {first}: {said}")
        return labels.astype(np.int64, copy=False)


def _id(entry: Any, key: str, place: str) -> int | str:
    if not isinstance(entry, dict):
        raise FileProblem(f"{place}: expected an object, got {kind(entry)}")
    value = entry.get(key)
    if type(value) is int and -BOUND <= value < BOUND:
        return value
    if isinstance(value, str):
        return value
    number = whole(value)
    if number is None:
        raise _wrong(place, key, "a whole number below 2**63, or a name", value)
    return number


def _flag(entry: dict[str, Any], key: str, place: str) -> bool:
    value = entry.get(key, 0)
    if value not in (0, 1):  # True and False are such
        raise _wrong(place, key, "0 or 1", value)
    return bool(value)


def _finite(numbers: list[Any]) -> bool:
    return all(map(is_number, numbers)) and all(map(math.isfinite, numbers))


def _wrong(place: str, key: str, expected: str, got: Any) -> FileProblem:
    return FileProblem(f"{place}: {key}: expected {expected}, got {str(got)[:60]!r}")
