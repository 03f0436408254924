"""How a picture lies in a network's input: numbers alone, for tensors and arrays alike. docs/SPEC.md, section 4."""

from __future__ import annotations

from numbers import Integral
from typing import Any, NamedTuple

from .checks import check_flag, check_number

LONGEST_SIDE = 10**6


class Letterbox(NamedTuple):
    """A picture fitted into a network's input with its sides in proportion. Sizes are (height, width) in pixels.

    >>> from ptdet import Letterbox
    >>> Letterbox.fit((427, 640), (640, 640))
    Letterbox(picture=(427, 640), size=(640, 640), resized=(427, 640), ratio=1.0, top=106, left=0)
    """

    picture: tuple[int, int]
    size: tuple[int, int]  # of the network's input
    resized: tuple[int, int]  # of the picture in it
    ratio: float  # network pixels a picture pixel
    top: int  # where the picture begins
    left: int

    @classmethod
    def fit(cls, picture: tuple[int, int], size: int | tuple[int, int], center: bool = True) -> Letterbox:
        """Where a picture of this size comes to lie.

        Args:
            picture: (height, width) of the picture.
            size: (height, width) of the network's input, or one number for both.
            center: with margins on both sides, as ultralytics' LetterBox (a pixel too many goes to the right or below);
                else in the upper left corner, sides cut to whole pixels where those of ultralytics are rounded, as
                YOLOX's preproc.

        Raises:
            TypeError, ValueError: naming the argument, what was expected and what came.
        """
        (height, width), (high, wide) = sides("picture", picture), sides("size", size)
        check_flag("center", center)
        ratio = min(high / height, wide / width)
        if not center:
            return cls(
                (height, width), (high, wide), (max(int(height * ratio), 1), max(int(width * ratio), 1)), ratio, 0, 0
            )
        resized = max(round(height * ratio), 1), max(round(width * ratio), 1)
        return cls((height, width), (high, wide), resized, ratio, (high - resized[0]) // 2, (wide - resized[1]) // 2)


def begin_of_boxes(letterbox: Letterbox, rotated: bool) -> list[int]:
    """What leaves the first four numbers of a box: of corners all, of a centre and sides the centre alone."""
    begin = [letterbox.left, letterbox.top]
    return begin + ([0, 0] if rotated else begin)


def sides(name: str, value: Any) -> tuple[int, int]:
    """(height, width), or one number for both."""
    both: Any = (value, value) if isinstance(value, Integral) else value
    if not isinstance(both, (tuple, list)) or len(both) != 2 or not all(isinstance(side, Integral) for side in both):
        raise TypeError(f"{name}: expected (height, width) in whole pixels, got {value!r}")
    if isinstance(both[0], bool) or isinstance(both[1], bool):
        raise TypeError(f"{name}: expected (height, width) in whole pixels, got {value!r}")
    if not all(1 <= side <= LONGEST_SIDE for side in both):
        raise ValueError(f"{name}: expected sides from 1 to {LONGEST_SIDE}, got {value!r:.60}")
    return int(both[0]), int(both[1])


def check_fill(fill: Any, of_bytes: bool) -> None:
    """A number that the image's dtype can hold."""
    check_number("fill", fill)
    if of_bytes and not (0 <= fill <= 255 and fill == int(fill)):
        raise ValueError(f"fill: expected a whole number from 0 to 255 for a uint8 image, got {fill}")


def is_letterbox(name: str, value: Any) -> None:
    """Refuses what is no record of `letterbox`."""
    if not isinstance(value, Letterbox):
        raise TypeError(f"{name}: expected a Letterbox, as letterbox returns it, got {type(value).__name__}")
