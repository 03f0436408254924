"""Where the results of `ptdet run` go: which file or picture for which input."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from pathlib import Path

from ..io import Candidates, FileProblem, Predictions, write_survivors
from .draw import PICTURES, draw_before_after, picture_size
from .run import Line, Outcome, Settings


@dataclass(frozen=True)
class Places:
    """What was asked for: `out` a .json, .npz or picture file, or a folder; `image` a picture or a folder of them."""

    out: Path | None
    image: Path | None

    @property
    def out_is_folder(self) -> bool:
        return self.out is not None and (self.out.is_dir() or self.out.suffix == "")

    def check(self, files: Sequence[Path]) -> None:
        """Refuses what could not end well before any work is done.

        Raises:
            FileProblem: naming the place.
        """
        out, image = self.out, self.image
        if out is not None and not self.out_is_folder and out.suffix.lower() not in (".json", ".npz", *PICTURES):
            raise FileProblem(f"--out {out}: expected a folder, .json, .npz or one of {' '.join(PICTURES)}")
        if out is not None and out.suffix.lower() in PICTURES and image is None and not self.out_is_folder:
            raise FileProblem(f"--out {out} is a picture: give the --image to draw on")
        if image is not None and not image.exists():
            raise FileProblem(f"--image {image}: there is no such file")
        if image is not None and not image.is_dir() and len(files) > 1:
            raise FileProblem(
                f"--image {image} is one picture for {len(files)} files: give the folder of their pictures"
            )
        if self.out_is_folder or out is None:
            twice = [file for place, file in enumerate(files) if file.stem in {other.stem for other in files[:place]}]
            if twice and out is not None:
                raise FileProblem(
                    f"{twice[0]}: another input is called {twice[0].stem} too, and {out} can hold only one"
                )
        elif out is not None and any(
            out.resolve() == other.resolve() for other in [*files, *([image] if image else [])]
        ):
            raise FileProblem(f"--out {out} is an input: it would be overwritten")


def write_outputs(lines: Sequence[Line], places: Places, settings: Settings) -> Iterator[Path]:
    """Writes survivors and pictures, and says what was written as it goes.

    Raises:
        FileProblem: with the place in it.
    """
    good = [line for line in lines if not line.problem]
    if places.out is not None and places.out_is_folder:
        for line in good:
            yield _write(places.out / f"{line.file.stem}.json", line.outcomes, places)
    elif good and places.out is not None and places.out.suffix.lower() not in PICTURES:
        if len(good) < len(lines):
            raise FileProblem(f"--out {places.out} was not written: not every input could be read")
        yield _write(places.out, [outcome for line in good for outcome in line.outcomes], places)
    if places.image is not None:
        yield from _write_pictures(good, places, places.image, settings)


def _write_pictures(good: Sequence[Line], places: Places, where: Path, settings: Settings) -> Iterator[Path]:
    outcomes = [(line, outcome) for line in good for outcome in line.outcomes]
    if len(outcomes) > 1 and not where.is_dir():
        raise FileProblem(f"--image {where} is one picture for {len(outcomes)}: give the folder of them")
    missing = []
    for line, outcome in outcomes:
        image = find_image(where, outcome.of)
        if image is None:
            missing.append(outcome.of.name)
        else:
            yield _draw(_picture_place(places, line, outcome, len(outcomes)), image, outcome, settings)
    if missing:
        more = f" and {len(missing) - 3} more" if len(missing) > 3 else ""
        raise FileProblem(f"--image {where} has no picture for {', '.join(missing[:3])}{more}")


def find_image(image: Path, of: Predictions) -> Path | None:
    """The picture itself; in a folder the one called like the predictions, without a leading raw_, or by COCO's id."""
    if not image.is_dir():
        return image
    names = [of.name, of.name.removeprefix("raw_"), str(of.image_id)]
    if isinstance(of.image_id, int):
        names.append(f"{of.image_id:012d}")
    for name in names:
        for suffix in PICTURES:
            if (image / f"{name}{suffix}").is_file():
                return image / f"{name}{suffix}"
    return None


def _write(path: Path, outcomes: Sequence[Outcome], places: Places) -> Path:
    found: list[tuple[Predictions, Candidates]] = []
    for one in outcomes:
        size = one.of.picture_size
        if size is None and one.of.space.needs_size:
            image = None if places.image is None else find_image(places.image, one.of)
            size = None if image is None else picture_size(image)
            if size is None:
                raise FileProblem(
                    f"{one.of.name}: its boxes are {one.of.space.kind}, so the picture's size is needed: "
                    "give --image, or --space picture to write them as they are"
                )
        found.append((one.of, one.of.in_picture(one.kept, size)))
    try:
        write_survivors(path, found)
    except FileProblem as problem:
        raise FileProblem(f"{path}: {problem}") from problem
    return path


def _picture_place(places: Places, line: Line, outcome: Outcome, pictures: int) -> Path:
    own = line.file.stem if len(line.outcomes) == 1 else outcome.of.name
    if places.out is None or places.out_is_folder:
        return (places.out or Path()) / f"{own}_before_after.png"
    out = places.out if places.out.suffix.lower() in PICTURES else places.out.with_suffix(".png")
    return out if pictures == 1 else out.with_name(f"{out.stem}_{own}{out.suffix}")


def _draw(path: Path, image: Path, outcome: Outcome, settings: Settings) -> Path:
    if path.resolve() == image.resolve():
        raise FileProblem(f"{path} is the picture itself: it would be overwritten")
    size = picture_size(image)
    of, known = outcome.of, outcome.of.picture_size
    if known is not None and known != size:
        raise FileProblem(
            f"{image} is {size[0]}x{size[1]}, but {of.name} was made from a {known[0]}x{known[1]} picture"
        )
    draw_before_after(
        image,
        path,
        before=of.in_picture(outcome.candidates, size),
        after=of.in_picture(outcome.kept, size),
        classes=of.classes,
        title="   ".join(filter(None, (image.name, of.detector.split(",")[0]))),
        captions=(
            f"before: {len(outcome.candidates)} boxes over {settings.confidence:g}",
            f"after {settings.method}, IoU {settings.iou_threshold:g}: {len(outcome.kept)} kept",
        ),
    )
    return path
