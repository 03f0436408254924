"""Which picture of the truth one of the detections is: by its id, else by the name of its file."""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import PurePosixPath

from .._shared.dataset import Truth
from .pictures import PICTURES
from .predictions import FileProblem, Predictions

LONGEST = 19  # digits that fit an int64


class SamePictures:
    """The pictures of the truth by id, by file name and by stem."""

    def __init__(self, truth: Truth) -> None:
        self._truth = truth
        self._ids = {image_id: n for n, image_id in enumerate(truth.image_ids)}
        self._paths: dict[str, list[int]] = {}
        self._stems: dict[str, list[int]] = {}
        self._are_numbers_of_files = False
        self._numbers: dict[int, list[int]] = {}  # of stems that are numbers: 885 of 000000000885
        names = truth.image_names or tuple(map(str, truth.image_ids))
        for n, (image_id, name) in enumerate(zip(truth.image_ids, names, strict=True)):
            for path in {_path(name), _path(str(image_id))} if isinstance(image_id, str) else {_path(name)}:
                self._paths.setdefault(path, []).append(n)
                stem = path.rpartition("/")[2]
                self._stems.setdefault(stem, []).append(n)
                if stem.isdecimal() and len(stem) < LONGEST:
                    self._numbers.setdefault(int(stem), []).append(n)

    def settle(self, found: Sequence[Predictions]) -> str:
        """Tells what the numbers of a file are that has no names: ids, or as ultralytics has them those of file names.

        They are ids if all are. A line where that is not plain, else empty.
        """
        numbers = {one.image_id for one in found if isinstance(one.image_id, int) and one.name == str(one.image_id)}
        of_files = [self._numbers.get(number, []) for number in numbers]
        self._are_numbers_of_files = False
        if not numbers or any(len(places) != 1 for places in of_files):
            return ""
        if not numbers <= set(self._ids):
            self._are_numbers_of_files = True
            has_numbers = any(isinstance(each, int) for each in self._ids)
            return "image_ids are the numbers of file names: not all are ids of the truth" if has_numbers else ""
        other = [number for number in numbers if self._numbers[number] != [self._ids[number]]]
        if not other:
            return ""
        by_id, by_file = (self._truth.image_names[n] for n in (self._ids[other[0]], self._numbers[other[0]][0]))
        said = f"{len(other)} image_ids are ids of pictures, and numbers of the file names of others"
        return f"{said} ({other[0]}: {by_id}, {by_file}): taken as ids"

    def of(self, found: Predictions) -> int | None:
        """The place of the picture in the truth; None if it is not there.

        Raises:
            FileProblem: the id and the file name tell of two pictures, or several pictures have the name.
        """
        image_id = found.image_id
        if isinstance(image_id, int) and found.name.endswith(f"{image_id:012d}"):  # the number was read from the name
            place = self._named(found.name, found)
            if place is not None:
                return place
        if self._are_numbers_of_files and found.name == str(image_id):
            return self._numbers[int(image_id)][0]
        by_id = self._ids.get(image_id)
        names = dict.fromkeys(name for name in (found.name, str(found.image_id)) if not name.isdecimal())
        by_name = [(name, n) for name in names if (n := self._named(name, found)) is not None]
        if by_id is not None:
            for name, n in by_name:
                if n != by_id and self._truth.image_names:
                    other = self._truth.image_names[by_id]
                    said = f"image_id {found.image_id!r} is {name} in the detections and {other} in the truth"
                    raise FileProblem(f"{said}, which has {name} too")
            return by_id
        return by_name[0][1] if by_name else self._numbered(found.image_id)

    def _named(self, name: str, found: Predictions) -> int | None:
        path = _path(name)
        for known, key in ((self._paths, path), (self._stems, path.rpartition("/")[2])):
            for each in dict.fromkeys((key, key.removeprefix("raw_"))):
                places = known.get(each, [])
                if len(places) > 1:
                    ids = " and ".join(str(self._truth.image_ids[n]) for n in places[:2])
                    raise FileProblem(f"{found.name} may be the picture {ids} of the truth")
                if places:
                    return places[0]
        return None

    def _numbered(self, image_id: int | str) -> int | None:
        """A number and its name: 885 and 000000000885."""
        if isinstance(image_id, str) and not (image_id.isdecimal() and len(image_id) < LONGEST):
            return None
        if int(image_id) in self._ids:
            return self._ids[int(image_id)]
        places = self._numbers.get(int(image_id), [])
        return places[0] if len(places) == 1 else None


def _path(name: str) -> str:
    """Without the suffix of a picture, with one kind of strokes."""
    path = PurePosixPath(name.replace("\\", "/"))
    return str(path.with_suffix("")) if path.suffix.lower() in PICTURES else str(path)
