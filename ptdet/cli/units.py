"""Whether boxes can be in the unit that they are taken for: a note where not, and the unit that fits.

What a detector is sure of lies inside the picture: of some 2,000 boxes of five detectors with scores above 0.25 none
leaves it by more than 5 % of a side. Weak boxes do; they are not asked.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import replace
from math import isqrt

import numpy as np

from .._shared.arrays import Array
from ..io import Predictions, Space, parse_space
from .outcome import Outcome

Size = tuple[int, int]  # width, height
BEYOND = 0.05  # of a side
LARGEST_SHARE = 1.5  # a box in shares of a picture leaves it by no more than half of it
USUAL = (320, 416, 512, 640, 800, 1024, 1280)  # sides of networks


def settle_units(
    outcomes: list[Outcome], said: bool, size_of: Callable[[Predictions], Size | None]
) -> tuple[list[Outcome], list[str]]:
    """The pictures of a file, in the unit that fits where only one can and none was said; and what to tell of it.

    Args:
        said: the caller named the unit.
        size_of: the size of a picture, where it is known.
    """
    seen = [one for one in outcomes if len(one.candidates)]
    if not seen:
        return outcomes, []
    boxes = np.concatenate([one.candidates.upright for one in seen])
    sizes = [size_of(one.of) for one in seen]
    unsaid = not said and all(one.of.space == Space() for one in seen)
    network = _network(seen)
    if seen[0].of.space.kind == "picture" and _are_shares(boxes):
        what = f"all {len(boxes)} boxes lie within {boxes.min():.3g} to {boxes.max():.3g}"
        rotated = any(one.candidates.rotated for one in seen)  # shares of a picture would have turned them otherwise
        if not unsaid or rotated or None in sizes:
            return outcomes, [f"{what}, taken as pixels of the picture: --space normalised would fit"]
        in_shares = [replace(one, of=replace(one.of, space=Space("normalised"))) for one in outcomes]
        return in_shares, [f"{what}: taken as --space normalised"]
    # these may be boxes of the background, which can lie anywhere; another note says so
    note = "" if any(one.softmax for one in seen) else _on_boxes_outside(seen, sizes, network)
    if not note and seen[0].of.space.kind == "normalised" and not _are_shares(boxes):
        note = _on_pixels_as_shares(boxes)
    if not note and unsaid and network and any(size != (network, network) for size in sizes):
        note = _on_a_whole_head(seen[0].stored, network)
    return outcomes, [note] if note else []


def _on_boxes_outside(seen: Sequence[Outcome], sizes: Sequence[Size | None], network: int | None) -> str:
    strong, outside, fitting = 0, 0, set(_names(network))
    known = [(one, size) for one, size in zip(seen, sizes, strict=True) if size is not None and len(one.kept)]
    for one, size in known:
        sure = one.kept.upright[one.kept.scores >= one.kept.scores.max() / 2]
        strong += len(sure)
        outside += int(_outside(one.of.space.to_picture(sure, size), size).sum())
        fitting &= {"normalised"} if _are_shares(sure) else fitting
        fitting -= {name for name in fitting if _outside(parse_space(name).to_picture(sure, size), size).any()}
    if not outside:
        return ""
    if network is None:  # of the usual ones the smallest that holds all: the next would fit as well
        side = next((each for each in USUAL if f"{each}x{each}" in fitting), 0)
        fitting &= {"picture", *_names(side)}
    fits = [name for name in _names(None) + _names(network) if name in fitting]
    advice = f"--space {' or '.join(dict.fromkeys(fits))} would fit" if fits else "none of the usual --space fits"
    where = f"the {sizes[0][0]}x{sizes[0][1]} picture" if len(seen) == 1 and sizes[0] else "their pictures"
    return f"{outside} of the {strong} best boxes leave {where}, taken as --space {seen[0].of.space.name}: {advice}"


def _on_pixels_as_shares(boxes: Array) -> str:
    beyond = int((np.abs(boxes).max(1) > LARGEST_SHARE).sum())
    return (
        f"{beyond} of {len(boxes)} boxes reach beyond 0..1, up to {boxes.max():.5g}, taken as --space normalised: "
        "picture, or WxH or letterbox:WxH of the network's input, would fit"
    )


def _on_a_whole_head(rows: int, side: int) -> str:
    return (
        f"{rows} rows are the head of a {side}x{side} network, and its boxes are taken as pixels of the picture: if "
        f"they are the network's, say --space letterbox:{side}x{side} (ultralytics), "
        f"letterbox:{side}x{side}:topleft (YOLOX) or {side}x{side} (stretched), else --space picture"
    )


def _are_shares(boxes: Array) -> bool:
    return float(boxes.min()) > -LARGEST_SHARE / 3 and 0 < float(boxes.max()) <= LARGEST_SHARE


def _outside(boxes: Array, size: Size) -> Array:
    """Which leave a picture of this size by more than BEYOND."""
    sides = np.array(size, boxes.dtype)
    beyond: Array = np.any((boxes[:, :2] < -BEYOND * sides) | (boxes[:, 2:] > (1 + BEYOND) * sides), 1)
    return beyond


def _names(network: int | None) -> list[str]:
    """The units to try: those of a network of this side, or of all usual ones."""
    found = ["picture", "normalised"]
    for side in USUAL if network is None else (network,):
        found += [f"letterbox:{side}x{side}", f"letterbox:{side}x{side}:topleft", f"{side}x{side}"]
    return found


def _network(seen: Sequence[Outcome]) -> int | None:
    """The side of the square network whose whole head this is: strides 8 to 32 or 64, one or three boxes a cell."""
    (rows, *others) = {one.stored for one in seen}
    if others or not all(one.raw for one in seen):
        return None
    for cells, stride in ((21, 32), (63, 32), (85, 64), (255, 64)):
        side = isqrt(rows // cells)
        if side * side * cells == rows and side * stride >= 160:
            return side * stride
    return None
