"""Which files of `--images` are given away: pictures, and none that a link leads to from the folder."""

from __future__ import annotations

import os
from pathlib import Path

from ..io import FileProblem

SHOWN_BY_BROWSERS = {
    ".png": "image/png",
    ".jpg": "image/jpeg",
    ".jpeg": "image/jpeg",
    ".webp": "image/webp",
    ".bmp": "image/bmp",
}


def file_within(images: Path, image: Path) -> Path:
    """Where the picture really is.

    Args:
        images: the folder, or the one picture, that was asked for.

    Raises:
        FileProblem: outside of it, or no file: who reads from a pipe waits for ever.
    """
    folder, there = (Path(os.path.realpath(path)) for path in (images, image))
    if not there.is_relative_to(folder):
        raise FileProblem("its picture is a link that leads out of --images")
    if not os.path.isfile(there):
        raise FileProblem("its picture is no file")
    return there
