"""What the caller says about the files of the truth because they do not say it themselves."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path

from .._shared.checks import one_of

SPLITS = ("train", "val", "test")


@dataclass(frozen=True)
class TruthOptions:
    """The fields that a format does not need are not asked."""

    format: str | None = None  # a name of truth.FORMATS; None: tell by content
    classes: tuple[str, ...] = ()  # all class names, where the files have numbers or name only those they show
    split: str = "val"  # the entry of a data.yaml: train, val or test
    images: Path | None = None  # the folder of the pictures, of which YOLO's labels need the sizes
    image_size: tuple[int, int] | None = None  # width and height, where all pictures have the same
    boxes: str | None = None  # of YOLO lines with four corners: "rotated", or "upright" for the box around
    progress: Callable[[int], None] | None = None  # told the number of bytes read, each time; by JSON alone

    def __post_init__(self) -> None:
        """Raises ValueError for a word that no reader knows: it would be taken for another."""
        one_of("split", self.split, SPLITS)
        if self.boxes is not None:
            one_of("boxes", self.boxes, ("upright", "rotated"))
