"""COCO results JSON: a list of {"image_id", "category_id", "bbox": [x, y, w, h], "score"}.

Of rotated boxes there are "rbox": [cx, cy, w, h, angle] and "poly", the four corners, as ultralytics writes them; and
"bbox" is the upright box around. Where each result has an "rbox", that is its box.
"""

from __future__ import annotations

import math
from array import array
from collections.abc import Callable, Iterable, Iterator, Sequence
from dataclasses import replace
from itertools import chain
from pathlib import Path
from typing import Any, BinaryIO, Protocol

import numpy as np

from .._shared.arrays import Array, silent
from .._shared.rotated_boxes import corners_of
from .corners import BOX_FORMS, no_box
from .json_pieces import JsonText, kind
from .predictions import Candidates, FileProblem, Predictions, ReadOptions, Records
from .scored import beyond_probability
from .space import Space

# The ids of COCO's 80 classes: ten numbers of the original 90 are not used.
CATEGORY_IDS = tuple(i for i in range(1, 91) if i not in (12, 26, 29, 30, 45, 66, 68, 69, 71, 83))
KEYS = ("image_id", "category_id", "bbox", "score")
EXPECTED = (
    'expected COCO results, a list of {"image_id", "category_id", "bbox": [x, y, w, h], "score"}, or such a list as '
    '"annotations" of an object'
)
BOUND = 2**63  # ids are stored as int64
MOST_CLASSES = 100_000  # names are a list by category_id


def read_json(path: Path, options: ReadOptions) -> list[Predictions]:
    """One entry for each image of the file, in the order in which they first appear."""
    with path.open("rb") as file:
        return json_in(file, path.stem, options)


def json_in(file: BinaryIO, name: str, options: ReadOptions) -> list[Predictions]:
    """As `read_json`, of an open file that can be searched. Its own ids say what is of which picture, and no `name`."""
    columns = _Columns()
    walk_json(file, columns, options.progress)
    return columns.images(options)


class Taker(Protocol):
    """Who is given the entries of a file, some at a time, each with the text that says it."""

    def add(self, entries: list[Any], texts: list[str]) -> None: ...
    def add_images(self, entries: list[Any], texts: list[str]) -> None: ...
    def add_categories(self, entries: list[Any], texts: list[str]) -> None: ...


def walk_json(file: BinaryIO, taker: Taker, progress: Callable[[int], None] | None = None) -> None:
    """Gives all results of a file and what it says of pictures and classes to `taker`.

    Raises:
        FileProblem: it is no JSON, or holds something else.
    """
    try:
        text = JsonText(file, progress)
        _walk_top(text, taker)
        text.end()
    except (ValueError, RecursionError) as error:
        raise FileProblem(f"is no JSON: {str(error).splitlines()[0]}") from error


def pictures_of(entries: list[Any], first: int, problems: list[str]) -> list[int | str | None]:
    """The image_id of each entry, the first of which is number `first` of the file; None for one that is no result, of
    which `problems` are told."""
    plain = _plain_columns(entries)
    if plain is not None:
        return [*plain[0]]
    ids: list[int | str | None] = []
    for place, entry in enumerate(entries, first):
        try:
            ids.append(_checked(place, entry)["image_id"])
        except FileProblem as problem:
            problems.append(str(problem))
            ids.append(None)
    return ids


def picture_said(entry: Any) -> int | str | None:
    """The id in an entry of "images", if it has one."""
    image_id = entry.get("id") if isinstance(entry, dict) else None
    return image_id if isinstance(image_id, str) else whole(image_id)


def records_in(stored: Any) -> list[Any] | None:
    """The COCO results in what a .pt file holds: a list of them, or detectron2's list of pictures with `instances`."""
    if not isinstance(stored, list) or not stored or not all(isinstance(each, dict) for each in stored):
        return None
    if all(isinstance(each.get("instances"), list) for each in stored):
        return [record for each in stored for record in each["instances"]]
    return stored if all({"category_id", "bbox", "score"} <= set(each) for each in stored) else None


def of_records(stored: list[Any], options: ReadOptions) -> list[Predictions]:
    """One entry for each image of the records, in the order in which they first appear."""
    columns = _Columns()
    columns.add(stored)
    return columns.images(options)


def coco_results(found: Iterable[tuple[Predictions, Candidates]]) -> Iterator[dict[str, Any]]:
    """Survivors in picture pixels as COCO results. What a COCO file said besides (a segmentation, ...) comes along."""
    for of, kept in found:
        image_id = checked_image_id(of.image_id)
        labels = [0] * len(kept) if kept.labels is None else kept.labels.tolist()
        rows = kept.rows.tolist()
        rotated = _of_rotated(kept) if kept.rotated else [{}] * len(kept)
        columns = (rows, kept.upright.tolist(), _sizes(of, kept), kept.scores.tolist(), labels, rotated)
        for row, (x1, y1, _, _), (width, height), score, label, own in zip(*columns, strict=True):
            bbox = [x1, y1, width, height]
            entry = {"image_id": image_id, "category_id": _category(of, label), "bbox": bbox, "score": score}
            yield {**entry, **(of.records.more.get(row, {}) if of.records else {}), **own}


def _of_rotated(kept: Candidates) -> list[dict[str, Any]]:
    corners = corners_of(kept.boxes).reshape(-1, 8)
    return [{"rbox": box, "poly": poly} for box, poly in zip(kept.boxes.tolist(), corners.tolist(), strict=True)]


def checked_image_id(image_id: int | str) -> int | str:
    """The id of a picture, if every file can hold it."""
    if isinstance(image_id, int) and not -BOUND <= image_id < BOUND:
        raise FileProblem(f"image_id: expected a number below 2**63 or a name, got {str(image_id)[:60]}")
    return image_id


@silent()
def _sizes(of: Predictions, kept: Candidates) -> list[list[float]]:
    """Width and height. x + w - w need not be x: a box that nobody moved has those of the file, to the last digit."""
    sizes = kept.upright[:, 2:] - kept.upright[:, :2]
    if of.records and not kept.rotated:
        still = (kept.boxes == of.boxes[kept.rows]).all(1, keepdims=True)
        sizes = np.where(still, of.records.sizes[kept.rows], sizes)
    found: list[list[float]] = sizes.tolist()
    return found


def _category(of: Predictions, label: int) -> int:
    if not of.category_ids:
        return label
    if not 0 <= label < len(of.category_ids):
        raise FileProblem(f"{of.name}: class {label} has none of the {len(of.category_ids)} category_ids")
    return of.category_ids[label]


def _walk_top(text: JsonText, taker: Taker) -> None:
    """A list of results, or an object that has it as "annotations"."""
    if text.peek() == "[":
        for piece in text.pieces():
            taker.add(*piece)
        return
    if text.peek() != "{":
        raise FileProblem(f"holds {kind(text.value())}; {EXPECTED}")
    readers = {"annotations": taker.add, "images": taker.add_images, "categories": taker.add_categories}
    found = text.lists(readers)
    if found.get("annotations"):
        raise FileProblem(f"annotations: expected one list, got {found['annotations']}")
    if "annotations" not in found:
        said = f"the keys {', '.join(list(found)[:5])}" if found else "no keys"
        raise FileProblem(f"holds an object with {said}; {EXPECTED}")


class _Columns:
    """What was read so far: 56 bytes a result, where a dict of Python takes a thousand."""

    def __init__(self) -> None:
        self.numbers: dict[int | str, int] = {}  # image_id -> its number, in the order in which they came
        self.image, self.category = array("q"), array("q")
        self.bbox, self.score = array("d"), array("d")
        self.more: dict[int, dict[str, Any]] = {}  # place -> what a result has besides KEYS
        self.files: dict[int | str, str] = {}  # image_id -> file_name, where the file says it
        self.picture_sizes: dict[int | str, tuple[int, int]] = {}
        self.names: dict[int, str] = {}  # category_id -> name

    def add(self, entries: list[Any], texts: Sequence[str] = ()) -> None:
        first = len(self.image)
        plain = _plain_columns(entries)
        if plain is None:  # something is odd: it is understood, or named
            entries = [_checked(place, entry) for place, entry in enumerate(entries, first)]
            plain = _plain_columns(entries)
            assert plain is not None
        images, category, bbox, score = plain
        numbers = self.numbers
        self.image.extend([numbers.setdefault(image_id, len(numbers)) for image_id in images])
        self.category.extend(category)
        self.bbox.extend(bbox)
        self.score.extend(score)
        if max(map(len, entries)) > len(KEYS):
            for place, entry in enumerate(entries, first):
                self.more[place] = {key: value for key, value in entry.items() if key not in KEYS}

    def add_images(self, entries: list[Any], texts: Sequence[str] = ()) -> None:
        """What "images" says of them, as far as it is said."""
        for entry in entries:
            image_id = picture_said(entry)
            if image_id is None:
                continue
            if isinstance(entry.get("file_name"), str):
                self.files[image_id] = entry["file_name"]
            width, height = whole(entry.get("width")), whole(entry.get("height"))
            if width and height and min(width, height) > 0:
                self.picture_sizes[image_id] = width, height

    def add_categories(self, entries: list[Any], texts: Sequence[str] = ()) -> None:
        """What "categories" says of them, as far as it is said."""
        for entry in entries:
            number = whole(entry.get("id")) if isinstance(entry, dict) else None
            if number is not None and isinstance(entry.get("name"), str):
                self.names[number] = entry["name"]

    def classes(self) -> tuple[str, ...]:
        """By category_id; those that have no name are their numbers."""
        count = max(self.names, default=-1) + 1
        if min(self.names, default=0) < 0 or count > MOST_CLASSES:
            return ()
        return tuple(self.names.get(number, str(number)) for number in range(count))

    def images(self, options: ReadOptions) -> list[Predictions]:
        if not self.image:
            return []
        image = np.frombuffer(self.image, np.int64)
        order = image.argsort(kind="stable")
        ends = np.bincount(image).cumsum().tolist()
        bbox = np.frombuffer(self.bbox).reshape(-1, 4)
        score = np.frombuffer(self.score)
        unusable, note = _unusable(bbox, score)
        bbox, score, unusable = bbox[order], score[order], unusable[order]
        boxes, labels = BOX_FORMS["xywh"](bbox), np.frombuffer(self.category, np.int64)[order]
        boxes = boxes if (rotated := self._rotated()) is None else rotated[order]
        classes = options.classes or self.classes()
        images = [
            Predictions(
                name=self.files.get(image_id, str(image_id)),
                image_id=image_id,
                boxes=boxes[own],
                scores=score[own],
                labels=labels[own],
                classes=classes,
                space=options.space or Space(),
                picture_size=self.picture_sizes.get(image_id),
                records=Records(bbox[own, 2:], self._more_of(order[own])),
                left_out=unusable[own] if note else None,
            )
            for image_id, own in zip(self.numbers, map(slice, [0, *ends], ends), strict=False)
        ]
        images[0] = replace(images[0], notes=tuple(filter(None, (note, _on_scores(score[~unusable])))))
        return images

    def _rotated(self) -> Array | None:
        """(N, 5), where each result has a rotated box."""
        has = [place for place, more in self.more.items() if "rbox" in more]
        if not has:
            return None
        if len(has) < len(self.image):
            raise FileProblem(f"has an rbox in {len(has)} of {len(self.image)} results: expected it in all or in none")
        for place in has:
            rbox = self.more[place]["rbox"]
            if not isinstance(rbox, list) or len(rbox) != 5 or not all(map(is_number, rbox)):
                raise FileProblem(f"entry {place}: rbox: expected five numbers, got {str(rbox)[:60]!r}")
        return np.array([self.more[place]["rbox"] for place in range(len(self.image))], np.float64)

    def _more_of(self, places: Array) -> dict[int, dict[str, Any]]:
        """Of the results of one picture, by its own rows."""
        rows = enumerate(places.tolist()) if self.more else ()
        return {row: self.more[place] for row, place in rows if place in self.more}


def _unusable(bbox: Array, score: Array) -> tuple[Array, str]:
    """Which results are no boxes, and one line on them; empty if there are none."""
    corner = bbox[:, :2] + bbox[:, 2:]  # of numbers near the largest one it is infinite
    endless = ~(np.isfinite(bbox).all(1) & np.isfinite(corner).all(1) & np.isfinite(score))
    why, negative = no_box(bbox, "xywh")
    inverted = negative & ~endless
    unusable = endless | inverted
    if not unusable.any():
        return unusable, ""
    kinds = {"a bbox or score that is not finite": endless, why: inverted}
    told = ", ".join(f"{why} in {int(which.sum())}" for why, which in kinds.items() if which.any())
    count = f"{int(unusable.sum())} of {len(score)} results are left out"
    return unusable, f"{count}: {told}; the first is number {int(unusable.argmax())}"


def _on_scores(score: Array) -> str:
    """A line on those that are no probabilities, which a threshold does not fit; empty if there are none."""
    beyond = beyond_probability(score)
    if not beyond.any():
        return ""
    count = f"{int(beyond.sum())} of {len(score)} scores lie outside 0..1"
    return f"{count}, from {score.min():.5g} to {score.max():.5g}: they are taken as they are"


def _plain_columns(entries: list[Any]) -> tuple[list[int | str], array[int], array[float], array[float]] | None:
    """image_id, category_id, bbox (flat) and score of results that are all as COCO writes them; else None.

    A column at a time: a check of each entry by itself would take longer than to parse it.
    """
    try:
        images, categories, boxes, scores = ([entry[key] for entry in entries] for key in KEYS)
        if not set(map(type, images)) <= {int, str} or set(map(type, categories)) != {int}:
            return None
        if set(map(type, boxes)) != {list} or set(map(len, boxes)) != {4}:
            return None
        sides = list(chain.from_iterable(boxes))
        if not set(map(type, chain(sides, scores))) <= {int, float}:
            return None
        array("q", [image_id for image_id in set(images) if type(image_id) is int])  # raises where one is too large
        return images, array("q", categories), array("d", sides), array("d", scores)
    except (TypeError, KeyError, OverflowError):
        return None


def _checked(place: int, entry: Any) -> dict[str, Any]:
    """The entry with ids that are whole numbers, or names."""
    if not isinstance(entry, dict):
        raise FileProblem(f"entry {place} is {kind(entry)}; {EXPECTED}")
    if "rbox" in entry and "bbox" not in entry:  # ultralytics' own has none
        entry = {**entry, "bbox": [0, 0, 0, 0]}
    for key in KEYS:
        if key not in entry:
            raise FileProblem(f"entry {place} has no {key!r}; {EXPECTED}")

    def wrong(key: str, expected: str) -> FileProblem:
        return FileProblem(f"entry {place}: {key}: expected {expected}, got {str(entry[key])[:60]!r}")

    bbox, image_id, category = entry["bbox"], entry["image_id"], whole(entry["category_id"])
    if not isinstance(bbox, list) or len(bbox) != 4 or not all(map(is_number, bbox)):
        raise wrong("bbox", "four numbers")
    if not is_number(entry["score"]):
        raise wrong("score", "a number")
    if category is None:
        raise wrong("category_id", "a whole number below 2**63")
    image_id = image_id if isinstance(image_id, str) else whole(image_id)
    if image_id is None:
        raise wrong("image_id", "a whole number below 2**63, or a name")
    return {**entry, "image_id": image_id, "category_id": category}


def is_number(value: Any) -> bool:
    if isinstance(value, int) and not isinstance(value, bool):
        return abs(value) < 10**308  # a double can hold it
    return isinstance(value, float)


def whole(value: Any) -> int | None:
    """`value` as an int64, where it is a whole number: some writers make 7.0 of 7."""
    if isinstance(value, float) and math.isfinite(value) and value == int(value):
        value = int(value)
    fits = isinstance(value, int) and not isinstance(value, bool) and -BOUND <= value < BOUND
    return value if fits else None
