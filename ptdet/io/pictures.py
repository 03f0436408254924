"""Pictures: the names of their files, and their sizes. Needs Pillow, as only this file and that which draws do."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any

from .predictions import FileProblem

PICTURES = (".png", ".jpg", ".jpeg", ".webp", ".bmp", ".tif", ".tiff")
ORIENTATION = 0x0112  # the EXIF tag


def picture_size(image: Path) -> tuple[int, int]:
    """Width and height of the picture as people see it, upright.

    Raises:
        FileProblem: if Pillow is absent or cannot read it.
    """
    with opened_picture(image) as opened:
        width, height = opened.size
        # TIFF is the one format whose size Pillow has turned already
        turned = opened.format != "TIFF" and opened.getexif().get(ORIENTATION, 1) in (5, 6, 7, 8)
    return (height, width) if turned else (width, height)


@contextmanager
def opened_picture(image: Path) -> Iterator[Any]:
    """The file, of which only the size is read yet. Pillow's limit is off: it would be one of the whole process."""
    pillow, _, _ = pillow_modules()
    limit, pillow.MAX_IMAGE_PIXELS = pillow.MAX_IMAGE_PIXELS, None
    try:
        with pillow.open(image) as opened:
            yield opened
    except (OSError, ValueError, SyntaxError) as error:
        raise FileProblem(f"{image} cannot be read as a picture: {error}") from error
    finally:
        pillow.MAX_IMAGE_PIXELS = limit


def pillow_modules() -> tuple[Any, Any, Any]:
    """Image, ImageDraw and ImageFont.

    Raises:
        FileProblem: Pillow is absent.
    """
    try:
        from PIL import Image, ImageDraw, ImageFont
    except ImportError as error:
        raise FileProblem("pictures need Pillow: pip install pillow (10.1 or later)") from error
    return Image, ImageDraw, ImageFont
