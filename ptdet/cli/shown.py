"""Files of predictions for the page of `ptdet explore` and `ptdet report`, read as `ptdet run` reads them."""

from __future__ import annotations

import argparse
from collections.abc import Callable
from pathlib import Path
from typing import Any

from .._shared.methods import NAMES
from ..explorer import Shown, There, as_shown
from ..io import Candidates, FileProblem, Predictions, ReadOptions, read_predictions
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
        self._options, self._settings = options, settings
        self._lowest = min(asked.lowest, settings.lowest)
        self._pictures = None if images is None else Pictures(images)
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
                    lowest=self._lowest,
                    counts=(len(outcome.candidates), len(outcome.kept)),
                    image=image,
                    notes=[*of.notes, *notes, *problem, *compared],
                    there=there,
                )
            )
        return shown

    def _there(
        self, file: Path, of: Predictions, outcome: Outcome, candidates: Candidates
    ) -> tuple[There | None, list[str]]:
        if self._truth is None:
            return None, []
        return self._truth.of(file, outcome, candidates, self._size_of(of))

    def _image(self, of: Predictions) -> tuple[Path | None, list[str]]:
        if self._pictures is None:
            return None, []
        try:
            image = self._pictures.of(of)
        except FileProblem as problem:
            return None, [str(problem)]
        return image, [] if image else ["--images has no picture of this name"]

    def _size_of(self, of: Predictions) -> tuple[int, int] | None:
        image, _ = self._image(of)
        if of.picture_size or image is None:
            return of.picture_size
        from ..io.pictures import picture_size

        try:
            return picture_size(image)
        except FileProblem:  # the page has its size once it has loaded it
            return None


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
        "truth": asked.truth is not None,
        "command": ["ptdet", "run", *map(str, asked.predictions), *_said(asked)],
    }


WORDS: dict[str, Callable[[Any], str]] = {
    "layout": str,
    "logits": str,
    "background": str,
    "num_classes": str,
    "boxes": str,
    "category_ids": str,
    "space": lambda space: space.name,
    "classes": lambda names: ",".join(names) + ("," if len(names) == 1 else ""),
}


def _said(asked: argparse.Namespace) -> list[str]:
    """The options that say how to read the files, as they were given."""
    words = ["--multi-label"] if asked.multi_label else []
    usual = {"logits": "none", "category_ids": "label"}
    for option, text in WORDS.items():
        value = getattr(asked, option)
        if value not in (None, (), usual.get(option)):
            words += [f"--{option.replace('_', '-')}", text(value)]
    return [*words, *(["--image", str(asked.images)] if asked.images else [])]
