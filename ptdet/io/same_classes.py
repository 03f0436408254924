"""Which class of the truth one of the detections is: by name where both have names, else by id, else by place."""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np

from .._shared.arrays import Array
from .._shared.dataset import Truth
from .predictions import Candidates, FileProblem, Predictions

RULES = ("auto", "name", "id", "index", "index1")  # the last two: by place, counted from 0 or from 1
SHOWN = 5


class SameClasses:
    """Labels of detections as labels of the truth. `notes` tells what was taken for what."""

    def __init__(self, truth: Truth, rule: str = "auto") -> None:
        if rule not in RULES:
            raise ValueError(f"match: expected one of {', '.join(RULES)}, got {rule!r}")
        self._truth, self._rule = truth, rule
        self._by_name = {name: n for n, name in enumerate(truth.class_names)}
        self._by_id = {number: n for n, number in enumerate(truth.category_ids)}
        self._twice = {name for n, name in enumerate(truth.class_names) if self._by_name[name] != n}
        self._named = any(not name.isdecimal() for name in truth.class_names)
        self.unknown: dict[str, int] = {}  # class -> how many boxes
        self.notes: dict[str, None] = {}
        self._places: set[int] = set()  # numbers that were taken as places, since nothing else was there

    def of(self, found: Predictions, kept: Candidates, is_ids: bool) -> Array:
        """(N,) int64, -1 where the truth has no such class.

        Args:
            kept: boxes of `found`; without labels the detector knows one class only.
            is_ids: their labels are category_ids.
        """
        labels = kept.labels
        if labels is None:
            if len(self._truth.class_names) != 1:
                raise FileProblem(f"has no classes, and the truth has {len(self._truth.class_names)}")
            return np.zeros(len(kept), np.int64)
        values, where, counts = np.unique(labels, return_inverse=True, return_counts=True)
        places = [self._place(found, int(value), is_ids) for value in values]
        for value, place, count in zip(values.tolist(), places, counts.tolist(), strict=True):
            if place < 0:
                name = self._shown(found, value, is_ids)
                self.unknown[name] = self.unknown.get(name, 0) + count
        mapped: Array = np.array(places, np.int64)[where]
        return mapped

    def _place(self, found: Predictions, label: int, is_ids: bool) -> int:
        name = found.classes[label] if 0 <= label < len(found.classes) else None
        has_name = name is not None and not name.isdecimal()
        number = self._id_of(found, label, is_ids)
        by_name = self._by_name.get(name, -1) if name is not None and name not in self._twice else -1
        by_id = -1 if number is None else self._by_id.get(number, -1)
        if self._rule.startswith("index"):
            return self._at(label - (self._rule == "index1"))
        if self._rule == "id":
            return by_id
        if self._rule == "name":
            return by_name
        if has_name and self._named:
            return self._agreed(label, str(name), by_name, by_id)
        if number is not None and self._by_id:
            return by_id
        if self._named and any(not name.isdecimal() for name in found.classes):
            return -1  # others of its classes have names, and so have the truth's
        self._say_numbers(is_ids)
        self._places.add(label)
        return self._at(label)

    def _at(self, place: int) -> int:
        return place if 0 <= place < len(self._truth.class_names) else -1

    def _id_of(self, found: Predictions, label: int, is_ids: bool) -> int | None:
        """The category_id, where the detections say it."""
        if is_ids:
            return label
        if found.category_ids:
            return found.category_ids[label] if 0 <= label < len(found.category_ids) else -1
        return label if self._rule == "id" else None

    def _agreed(self, label: int, name: str, by_name: int, by_id: int) -> int:
        """By the name; of one that the truth does not have the id may tell, and is said."""
        if by_name >= 0 and by_id >= 0 and by_name != by_id:
            theirs = self._truth.class_names[by_id]
            raise FileProblem(f"class {label} is {name!r} by its name and {theirs!r} by its id: say --match name or id")
        if by_name >= 0 or by_id < 0:
            return by_name
        self.notes[f"class {name!r} is taken by its id for {self._truth.class_names[by_id]!r}"] = None
        return by_id

    def _say_numbers(self, is_ids: bool) -> None:
        """Without names and ids.

        Raises:
            FileProblem: the classes of the truth are in no order that its files tell.
        """
        if self._named and not self._truth.numbered and len(self._truth.class_names) > 1:
            said = "has class numbers, and the truth has names that are in no order"
            raise FileProblem(f"{said}: say --classes with the names of 0, 1, .. (--match index takes them as sorted)")
        if self._named:
            first = ", ".join(f"{n} {name}" for n, name in enumerate(self._truth.class_names[:3]))
            what = "category_ids" if is_ids else "labels"
            self.notes[f"{what} without names are taken as places in the truth's list: {first}, .. (--match)"] = None

    def _shown(self, found: Predictions, label: int, is_ids: bool) -> str:
        number = self._id_of(found, label, is_ids)
        named = found.classes[label] if 0 <= label < len(found.classes) else ""
        return named if named and not named.isdecimal() else str(label if number is None else number)

    def told(self, of: int) -> list[str]:
        """A line on the classes that were not found, of so many boxes.

        Raises:
            FileProblem: none was, or the numbers are of another kind than the truth's.
        """
        many_names = len(self._truth.class_names)
        if self._places and 0 not in self._places and many_names > 1:
            said = (
                f"no detection is of class 0, {self._truth.class_names[0]!r}: if they count from 1, say --match index1"
            )
            if many_names in self._places:
                raise FileProblem(f"{said}, as the class {many_names} of {many_names} suggests; else --match index")
            self.notes[said] = None
        if not self.unknown:
            return []
        many, names = sum(self.unknown.values()), sorted(self.unknown)
        which = f"{', '.join(names[:SHOWN])}{f' and {len(names) - SHOWN} more' if len(names) > SHOWN else ''}"
        theirs = _some(self._truth.category_ids if names[0].lstrip("-").isdecimal() else self._truth.class_names)
        if "0" in self.unknown and self._rule == "auto" and self._by_id:
            said = "the detections have a category_id 0, and the truth has none: they look like places from 0"
            raise FileProblem(f"{said} (say --match index), not like its ids {theirs}")
        if many == of:
            raise FileProblem(f"none of the classes of the detections ({which}) is in the truth ({theirs})")
        first = "1" if self._truth.category_ids == tuple(range(many_names)) else "0"  # ids that are places from 0
        rule = "index1" if first == "1" else "index"
        advice = f" (--match {rule}, if they are places from {first})" if names[0].isdecimal() and self._by_id else ""
        return [f"{many} of {of} detections are left out: the truth has no class {which}{advice}"]


def _some(names: Sequence[object]) -> str:
    return ", ".join(map(str, names[:SHOWN])) + (", .." if len(names) > SHOWN else "")
