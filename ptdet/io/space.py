"""The unit in which a file's boxes are, and the way from there to pixels of the picture."""

from __future__ import annotations

import re
from dataclasses import dataclass

import numpy as np

from .._shared.arrays import Array, silent
from .._shared.letterbox import Letterbox
from .._shared.rotated_boxes import corners_of, min_area_rect

SPACES = "picture, normalised, WxH, letterbox:WxH, letterbox:WxH:topleft or ratio:R"


@dataclass(frozen=True)
class Space:
    """`picture`: nothing to do; `normalised`: 0..1 of the picture; `stretched`: pixels of a network input of `size` the
    picture was stretched to; `letterbox`: of one it was fitted into; `ratio`: picture pixels times `ratio`."""

    kind: str = "picture"
    size: tuple[int, int] = (1, 1)  # width, height of the network's input
    ratio: float = 1.0
    center: bool = True  # of a letterbox: margins on both sides, or the picture in the upper left corner

    @property
    def name(self) -> str:
        """As `parse_space` reads it."""
        if self.kind == "ratio":
            return f"ratio:{self.ratio:.12g}"
        size = f"{self.size[0]}x{self.size[1]}"
        corner = "" if self.center else ":topleft"
        return {"stretched": size, "letterbox": f"letterbox:{size}{corner}"}.get(self.kind, self.kind)

    @property
    def needs_size(self) -> bool:
        """Whether the way to picture pixels needs the picture's size."""
        return self.kind in ("normalised", "stretched", "letterbox")

    @silent()
    def to_picture(self, boxes: Array, picture_size: tuple[int, int] | None) -> Array:
        """`boxes` in pixels of a picture of width and height `picture_size`; unchanged if that is not known.

        They are (N, 4) or (N, 5) as in `Candidates`. A rotated box that is stretched more on one axis than on the other
        is no rectangle any more: it becomes the smallest one around it.
        """
        if boxes.shape[1] == 5:
            return self._of_rotated(boxes, picture_size)
        if self.kind == "ratio":
            return boxes / self.ratio
        if not self.needs_size or picture_size is None:
            return boxes
        (width, height), (wide, high) = picture_size, self.size
        if self.kind != "letterbox":
            scaled: Array = boxes * np.array([width / wide, height / high] * 2, boxes.dtype)
            return scaled
        fitted = Letterbox.fit((height, width), (high, wide), self.center)
        moved: Array = boxes - np.array([fitted.left, fitted.top] * 2, boxes.dtype)
        return moved / fitted.ratio

    def _of_rotated(self, boxes: Array, picture_size: tuple[int, int] | None) -> Array:
        if self.kind != "ratio" and (not self.needs_size or picture_size is None):
            return boxes
        ratio, left, top = self.ratio, 0, 0
        if picture_size is not None and self.needs_size:
            (width, height), (wide, high) = picture_size, self.size
            if self.kind == "letterbox":
                fitted = Letterbox.fit((height, width), (high, wide), self.center)
                ratio, left, top = fitted.ratio, fitted.left, fitted.top
            elif wide * height == width * high:
                ratio = wide / width
            else:
                stretched = corners_of(boxes) * np.array([width / wide, height / high])
                return min_area_rect(stretched).astype(boxes.dtype)
        moved = boxes.copy()
        moved[:, :4] = (boxes[:, :4] - np.array([left, top, 0, 0], boxes.dtype)) / ratio
        return moved


def parse_space(text: str) -> Space:
    """Reads `picture`, `normalised`, `640x640`, `letterbox:640x640` (width first), `letterbox:640x640:topleft` or
    `ratio:0.65`.

    Raises:
        ValueError: for anything else.
    """
    if text in ("picture", "normalised", "normalized"):
        return Space(text.replace("z", "s"))
    sized = re.fullmatch(r"(letterbox:)?([1-9]\d{0,5})x([1-9]\d{0,5})(:topleft)?", text)
    if sized and (sized[1] or not sized[4]):
        size = int(sized[2]), int(sized[3])
        return Space("letterbox" if sized[1] else "stretched", size, center=not sized[4])
    ratio = re.fullmatch(r"ratio:(\d+\.?\d*|\.\d+)", text)
    if ratio and float(ratio[1]) > 0:
        return Space("ratio", ratio=float(ratio[1]))
    raise ValueError(f"expected {SPACES}, got {text!r}")
