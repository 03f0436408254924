"""Which picture of `--image` belongs to which predictions."""

from __future__ import annotations

from collections.abc import Iterable
from pathlib import Path, PurePath, PureWindowsPath

from ..io import FileProblem, Predictions
from ..io.pictures import PICTURES


class Pictures:
    """One picture, or the pictures of a folder by their names."""

    def __init__(self, where: Path) -> None:
        self.several = where.is_dir()
        self._where = where
        found = [file for file in where.iterdir() if file.suffix.lower() in PICTURES] if self.several else []
        self._named: dict[str, Path] = {}  # by file name, and by stem: there a.png is before a.jpg, as in PICTURES
        for file in sorted(found, key=lambda file: (PICTURES.index(file.suffix.lower()), file)):
            for name in (file.name, file.stem):
                self._named.setdefault(name, file)
        self._of_paths: dict[Path, str] = {}  # which id or file_name, of those that are paths, has taken a picture

    def of(self, predictions: Predictions) -> Path | None:
        """The one picture; in a folder that called like the predictions, without a leading raw_, or by COCO's id.

        Raises:
            FileProblem: two pictures of different folders would be the same here.
        """
        if not self.several:
            return self._where
        image_id = predictions.image_id
        names = [*_names(predictions.name), str(image_id)]
        if isinstance(image_id, int):
            names.append(f"{image_id:012d}")
        for name in names:
            found = self._called(name)
            if found is not None:
                return found
        return self._at_a_path(predictions.name) or self._at_a_path(str(image_id))

    def called_like(self, names: Iterable[str]) -> list[Path]:
        """The pictures of predictions of these names."""
        if not self.several:
            return [self._where]
        return [found for name in names for own in _names(name) if (found := self._called(own)) is not None]

    def _called(self, name: str) -> Path | None:
        """With its suffix or without, or with that which the picture had before it was converted."""
        suffix = PurePath(name).suffix
        stem = name.removesuffix(suffix) if suffix.lower() in PICTURES else name
        return self._named.get(name) or self._named.get(stem)

    def _at_a_path(self, name: str) -> Path | None:
        """An id or a file_name that is a path: below the folder, else by its last part alone."""
        path = PureWindowsPath(name)  # takes both kinds of strokes
        if len(path.parts) < 2:
            return None
        if not path.anchor and ".." not in path.parts:
            below = self._where.joinpath(*path.parts)
            for file in (below, *(below.with_name(below.name + suffix) for suffix in PICTURES)):
                if file.suffix.lower() in PICTURES and _is_file(file):
                    return file
        found = self._called(path.name)
        if found is not None and self._of_paths.setdefault(found, name) != name:
            raise FileProblem(f"{found} would be the picture of {name} and of {self._of_paths[found]}")
        return found


def _names(name: str) -> tuple[str, str]:
    return name, name.removeprefix("raw_")


def _is_file(path: Path) -> bool:
    try:
        return path.is_file()
    except (OSError, ValueError):  # an id may be anything
        return False
