"""Files of predictions for the page of `ptdet explore` and `ptdet report`, read as `ptdet run` reads them."""

from __future__ import annotations

import argparse
from collections.abc import Callable
from dataclasses import replace
from pathlib import Path
from typing import Any

from .._shared.methods import NAMES
from ..explorer import SHOWN_BY_BROWSERS, Shown, There, as_shown, file_within
from ..io import Candidates, FileProblem, Predictions, ReadOptions, Space, read_predictions
from .inputs import find_inputs
from .methods import load
from .outcome import Outcome
from .pictures import Pictures
from .run import Settings, suppress
from .units import settle_units


class Reader:
    """Reads a file for the page.

    Raises:
        FileProblem: there are no kernels, or not the pictures or the truth that were asked for.
    """

    def __init__(self, asked: argparse.Namespace, options: ReadOptions, settings: Settings) -> None:
        images: Path | None = asked.images
        if images is not None and not images.exists():
            raise FileProblem(f"--images {images}: there is no such folder")
        load(settings.method)
        files, self.notes, self.problems = find_inputs(asked.predictions)
        self.files = [file for file in files if file.exists()]
        self.problems += [f"{file} there is no such file" for file in files if not file.exists()]
        self._options, self._settings = replace(options, size_of=self._size_of), settings
        self._lowest = lowest_of(asked, settings)
        self._images, self._pictures = images, None if images is None else Pictures(images)
        self._truth = None
        if asked.truth is not None:
            from .page_truth import PageTruth

            self._truth = PageTruth(asked)
            self.notes += self._truth.notes

    def read(self, file: Path) -> list[Shown]:
        """The pictures of a file.

        Raises:
            FileProblem: it cannot be read.
        """
        found = read_predictions(file, self._options)
        outcomes = [suppress(one, self._settings) for one in found]
        settled, notes = settle_units(outcomes, self._options.space is not None, self._size_of)
        notes += [] if self._truth is None else self._truth.settle(found)
        shown = []
        for of, outcome in zip(found, settled, strict=True):
            image, problem = self._image(of)
            candidates = of.candidates(self._lowest, self._settings.multi_label, self._settings.background)
            there, compared = self._there(file, of, outcome, candidates)
            shown.append(
                as_shown(
                    of,
                    candidates,
                    space=outcome.of.space,
                    size=self._size_for_page(of, outcome.of.space, image),
                    lowest=self._lowest,
                    counts=(len(outcome.candidates), len(outcome.kept)),
                    image=image,
                    notes=[*of.notes, *notes, *problem, *compared],
                    there=there,
                )
            )
        return shown

    def left_over(self) -> list[str]:
        """What to tell once all files are read."""
        return [] if self._truth is None else self._truth.left_over()

    def _there(
        self, file: Path, of: Predictions, outcome: Outcome, candidates: Candidates
    ) -> tuple[There | None, list[str]]:
        if self._truth is None:
            return None, []
        return self._truth.of(file, outcome, candidates, self._size_of(of))

    def _image(self, of: Predictions) -> tuple[Path | None, list[str]]:
        if self._pictures is None or self._images is None:
            return None, []
        try:
            image = self._pictures.of(of)
            if image is None:
                raise FileProblem("--images has no picture of this name")
            return file_within(self._images, image), []
        except FileProblem as problem:
            return None, [str(problem)]

    def _size_for_page(self, of: Predictions, space: Space, image: Path | None) -> tuple[int, int] | None:
        """Of a picture that the page loads it knows it, but it may fail: then boxes in another unit need it."""
        if space.needs_size or (image is not None and image.suffix.lower() not in SHOWN_BY_BROWSERS):
            return self._size_of(of)
        return of.picture_size

    def _size_of(self, of: Predictions) -> tuple[int, int] | None:
        image, _ = self._image(of)
        if of.picture_size or image is None:
            return of.picture_size
        from ..io.pictures import picture_size

        try:
            return picture_size(image)
        except FileProblem:  # the page has its size once it has loaded it
            return None


def lowest_of(asked: argparse.Namespace, settings: Settings) -> float:
    """Boxes with a score at or below it are not on the page."""
    lowest: float = asked.lowest
    return min(lowest, settings.lowest)


def start_of(asked: argparse.Namespace, settings: Settings) -> dict[str, Any]:
    """What the page begins with: the settings, and what it needs to write the command for them."""
    return {
        "settings": {
            "method": NAMES[settings.method],
            "iou": settings.iou_threshold,
            "conf": settings.confidence,
            "agnostic": settings.agnostic,
            "minScore": settings.min_score,
            "metric": settings.options.get("metric"),
            "sigma": settings.options.get("sigma"),
            "maxDet": settings.max_det,
            **{name: settings.options.get(name) for name in ("beta", "kind", "members")},
            "weighted": settings.options.get("weighted") or None,
            "classes": {} if settings.by_class is None else settings.by_class.classes,
        },
        "lowest": lowest_of(asked, settings),
        "truth": asked.truth is not None,
        "command": ["ptdet", "run", *map(_path, asked.predictions), *_said(asked)],
    }


WORDS: dict[str, Callable[[Any], str]] = {
    "layout": str,
    "logits": str,
    "background": str,
    "num_classes": str,
    "boxes": str,
    "category_ids": str,
    "space": lambda space: space.name,
    "classes": lambda names: names.given,
}


def _said(asked: argparse.Namespace) -> list[str]:
    """The options that say how to read the files, as they were given."""
    words = ["--multi-label"] if asked.multi_label else []
    usual = {"logits": "none", "category_ids": "label"}
    for option, text in WORDS.items():
        value = getattr(asked, option)
        if value not in (None, (), usual.get(option)):
            name, said = f"--{option.replace('_', '-')}", text(value)
            words += [f"{name}={said}"] if said.startswith("-") else [name, said]
    return [*words, *(["--image", _path(asked.images)] if asked.images else [])]


def _path(path: Path) -> str:
    """As no command takes it for an option."""
    return f"./{path}" if str(path).startswith("-") else str(path)
