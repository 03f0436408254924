"""Where the results of `ptdet run` go: which file or picture for which input."""

from __future__ import annotations

from collections import Counter
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from pathlib import Path

from ..io import (
    Candidates,
    FileProblem,
    Predictions,
    check_writable,
    is_task1,
    one_name as one_name,
    write_survivors,
    write_task1,
)
from ..io.pictures import PICTURES, picture_size
from .draw import MAX_PIXELS, draw_before_after
from .inputs import some_of
from .outcome import Outcome
from .pictures import Pictures
from .run import Line, Settings


@dataclass(frozen=True)
class Places:
    """What was asked for: `out` a .json, .npz or picture file, or a folder; `image` a picture or a folder of them."""

    out: Path | None
    image: Path | None
    max_pixels: int = MAX_PIXELS  # of a picture to draw on
    as_dota: bool = False  # `out` is a folder for Task1_CLASS.txt of all inputs

    @property
    def out_is_folder(self) -> bool:
        return self.out is not None and (self.out.is_dir() or self.out.suffix == "")

    @property
    def out_is_picture(self) -> bool:
        return self.out is not None and not self.out_is_folder and self.out.suffix.lower() in PICTURES

    def results_of(self, file: Path) -> Path | None:
        """Where the survivors of one input go, if they have a file of their own."""
        if self.out is None or not self.out_is_folder or self.as_dota:
            return None
        return self.out / f"{file.stem}.json"

    @property
    def has_one_result(self) -> bool:
        """Whether all inputs together are written once they are done."""
        return self.out is not None and not self.out_is_picture and (not self.out_is_folder or self.as_dota)

    def check(self, files: Sequence[Path]) -> None:
        """Refuses what could not end well before any work is done.

        Raises:
            FileProblem: naming the place.
        """
        out, image = self.out, self.image
        if self.as_dota and not self.out_is_folder:
            raise FileProblem(f"--format dota writes files Task1_CLASS.txt: give a folder as --out, not {out}")
        if out is not None and not self.out_is_folder and out.suffix.lower() not in (".json", ".npz", *PICTURES):
            raise FileProblem(f"--out {out}: expected a folder, .json, .npz or one of {' '.join(PICTURES)}")
        if self.out_is_picture and image is None:
            raise FileProblem(f"--out {out} is a picture: give the --image to draw on")
        if image is not None and not image.exists():
            raise FileProblem(f"--image {image}: there is no such file")
        if image is not None and not image.is_dir() and len(files) > 1:
            raise FileProblem(
                f"--image {image} is one picture for {len(files)} files: give the folder of their pictures"
            )
        if out is not None:
            self._check_overwriting(out, files)
            try:
                check_writable(out, self.out_is_folder)
            except FileProblem as problem:
                raise FileProblem(f"--out {out} {problem}") from problem

    def _check_overwriting(self, out: Path, files: Sequence[Path]) -> None:
        inputs = {place_key(file) for file in [*files, *([self.image] if self.image else [])]}
        folders = {place_key(file if file.is_dir() else file.parent) for file in files if is_task1(file)}
        if self.as_dota and place_key(out) in folders:
            raise FileProblem(f"--out {out} holds an input: it would be overwritten")
        if not self.out_is_folder and place_key(out) in inputs:
            raise FileProblem(f"--out {out} is an input: it would be overwritten")
        taken = set()
        for file in files:
            place = self.results_of(file)
            if place is None:
                return
            key = place_key(place)
            if key in inputs:
                raise FileProblem(f"--out {out}: the results of {file} would overwrite the input {place}")
            if key in taken:
                raise FileProblem(f"{file}: another input is called {file.stem} too, and {out} can hold only one")
            taken.add(key)


class Outputs:
    """Writes survivors and pictures as they come. `wrote`, `notes` and `problems` say how it went."""

    def __init__(self, files: Sequence[Path], places: Places, settings: Settings) -> None:
        self.wrote: list[Path] = []
        self.problems: list[str] = []
        self.notes: list[str] = []
        self._places, self._settings = places, settings
        self._alone = len(files) == 1
        self._pictures = None if places.image is None else Pictures(places.image)
        self._taken = {place_key(file) for file in files}  # no file that this call has read or written is written over
        if self._pictures is not None:  # nor one that it is going to read
            self._taken.update(map(place_key, self._pictures.called_like(file.stem for file in files)))
        self._waiting: list[Outcome] = []  # for the one file that holds all
        self._without_picture: list[str] = []

    def size_of(self, of: Predictions) -> tuple[int, int] | None:
        """Width and height of a picture, from the predictions or the picture itself, where they can be known."""
        try:
            return of.picture_size or self._size_of_image(of)
        except FileProblem:  # whoever needs the picture says why
            return None

    def _size_of_image(self, of: Predictions) -> tuple[int, int] | None:
        image = None if self._pictures is None else self._pictures.of(of)
        return None if image is None else picture_size(image)

    def add(self, line: Line) -> None:
        """The results of a file, to its own file if it has one, and its pictures."""
        place = self._places.results_of(line.file)
        if place is not None:
            self._try(self._write, place, line.outcomes)
        elif self._places.has_one_result:
            self._waiting += line.outcomes
        if self._pictures is None:
            return
        if len(line.outcomes) > 1 and not self._pictures.several:
            said = f"one picture for {len(line.outcomes)}: give the folder of them"
            self.problems.append(f"--image {self._places.image} is {said}")
            return
        for outcome in line.outcomes:
            self._try(self._draw, line, outcome)

    def finish(self, complete: bool) -> None:
        """What needs all inputs: the file that holds all results, if they are `complete`."""
        out = self._places.out
        if out is not None and self._places.has_one_result:
            if complete:
                self._try(self._write, out, self._waiting)
            elif self._waiting:
                self.problems.append(f"--out {out} was not written: not every input could be read")
        if self._without_picture:
            named = some_of(self._without_picture, 3)
            self.problems.append(f"--image {self._places.image} has no picture for {named}")

    def _try(self, work: Callable[..., None], *arguments: object) -> None:
        """A picture or a file that fails does not stop the others."""
        try:
            work(*arguments)
        except FileProblem as problem:
            self.problems.append(str(problem))

    def _write(self, path: Path, outcomes: Sequence[Outcome]) -> None:
        found: list[tuple[Predictions, Candidates]] = []
        for one in outcomes:
            size = one.of.picture_size
            if size is None and one.of.space.needs_size:
                size = self._size_of_image(one.of)
                if size is None:
                    raise FileProblem(
                        f"{one.of.name}: its boxes are {one.of.space.kind}, so the picture's size is needed: "
                        "give --image, or --space picture to write them as they are"
                    )
            found.append((one.of, one.of.in_picture(one.kept, size)))
        try:
            if self._places.as_dota:
                self.wrote += write_task1(path, found)
            else:
                write_survivors(path, found)
                self.wrote.append(path)
        except FileProblem as problem:
            raise FileProblem(f"{path}: {problem}") from problem
        shared = [image_id for image_id, times in Counter(of.image_id for of, _ in found).items() if times > 1]
        if shared:
            named = some_of([repr(image_id) for image_id in shared], 2)
            self.notes.append(f"{path}: several pictures have the image_id {named}: who reads it takes them for one")

    def _draw(self, line: Line, outcome: Outcome) -> None:
        assert self._pictures is not None
        of, settings = outcome.of, self._settings
        image = self._pictures.of(of)
        if image is None:
            self._without_picture.append(of.name)
            return
        size, known = picture_size(image), of.picture_size
        if known is not None and known != size:
            raise FileProblem(
                f"{image} is {size[0]}x{size[1]}, but {of.name} was made from a {known[0]}x{known[1]} picture"
            )
        self._taken.add(place_key(image))
        path = self._picture_place(line, outcome)
        if path == self._places.out and place_key(path) in self._taken:
            raise FileProblem(f"{path} is the picture itself: it would be overwritten")
        path = self._free(path)
        at = f", IoU {settings.iou_threshold:g}" if settings.has_threshold else ""
        draw_before_after(
            image,
            path,
            before=of.in_picture(outcome.candidates, size),
            after=of.in_picture(outcome.kept, size),
            classes=of.classes,
            title="   ".join(filter(None, (image.name, of.detector.split(",")[0]))),
            captions=(
                f"before: {len(outcome.candidates)} boxes over {settings.confidence:g}",
                f"after {settings.method}{at}: {len(outcome.kept)} kept",
            ),
            max_pixels=self._places.max_pixels,
        )
        self.wrote.append(path)

    def _picture_place(self, line: Line, outcome: Outcome) -> Path:
        out = self._places.out
        own = one_name(line.file.stem if len(line.outcomes) == 1 else outcome.of.name)
        if out is None or self._places.out_is_folder:
            return (out or Path()) / f"{own}_before_after.png"
        place = out if self._places.out_is_picture else out.with_suffix(".png")
        alone = self._alone and len(line.outcomes) == 1
        return place if alone else place.with_name(f"{one_name(place.stem)}_{own}{place.suffix}")

    def _free(self, path: Path) -> Path:
        """`path`, or with a number behind it where this call has read or written a file of that name."""
        number, own = 1, path
        while place_key(own) in self._taken:
            number += 1
            own = path.with_name(f"{path.stem}_{number}{path.suffix}")
        self._taken.add(place_key(own))
        return own


def place_key(path: Path) -> str:
    """Equal for two paths that may be one file: some file systems do not tell A from a."""
    return str(path.resolve()).casefold()
