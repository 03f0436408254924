"""Quads, the four corners of a box: as the rectangles that they stand for, and what is to be told of them."""

from __future__ import annotations

from dataclasses import replace

import numpy as np

from .._shared.arrays import Array
from .corners import BOX_FORMS
from .predictions import FileProblem, Predictions, ReadOptions
from .space import Space

NO_RECTANGLE = 0.05  # the share of its rectangle that a quad leaves free, beyond what rounded corners do


def with_quads(one: Predictions, quads: Array, options: ReadOptions) -> tuple[Predictions, Array]:
    """`one` with the rectangles around quads (N, 8) as boxes, and the quads in the unit of these.

    A rectangle of a picture is none where the axes are stretched unequally: such quads are turned to pixels of the
    picture first, for which `options.size_of` tells the size, if the file does not.

    Raises:
        FileProblem: the size of the picture is not known, or the quads are no shares of it.
    """
    if one.space.kind in ("normalised", "stretched"):
        usable = quads[np.isfinite(quads).all(1) & (True if one.left_out is None else ~one.left_out)]
        if one.space.kind == "normalised" and len(usable) and (usable.max() > 2 or usable.min() < -1):
            raise FileProblem(
                f"has corners from {usable.min():.5g} to {usable.max():.5g}, which are no shares of its picture: if "
                "they are pixels, say --space picture"
            )
        size = one.picture_size or (options.size_of(one) if options.size_of else None)
        if size is None:
            raise FileProblem(
                f"has oriented boxes whose corners are {one.space.kind}, so the picture's size is needed: give the "
                "pictures, or --space picture if these are pixels"
            )
        scale = np.array(size) / np.array(one.space.size)
        quads, one = quads * np.tile(scale, 4).astype(quads.dtype), replace(one, space=Space(), picture_size=size)
    return replace(one, boxes=BOX_FORMS["xyxyxyxy"](quads)), quads


def on_quads(quads: Array, boxes: Array) -> tuple[str, ...]:
    """A line on the quads that are no rectangles."""
    if not len(quads):
        return ()
    x, y = np.moveaxis(quads - quads[:, :1], -1, 0)
    area = np.abs((x * np.roll(y, -1, 1) - y * np.roll(x, -1, 1)).sum(1)) / 2
    rectangle = boxes[:, 2] * boxes[:, 3]
    crossing = _cross(quads, 0, 1, 2, 3) | _cross(quads, 1, 2, 3, 0)
    free = (rectangle - area > NO_RECTANGLE * rectangle) & ~crossing
    kinds = {"cross themselves": crossing, "are no rectangles": free}
    if not (crossing | free).any():
        return ()
    told = " and ".join(
        f"{int(which.sum())} {what} (the first is number {int(which.argmax())})" for what, which in kinds.items()
        if which.any()
    )  # fmt: skip
    return (f"of {len(quads)} quads {told}: each stands for the smallest rectangle around its corners",)


def _cross(quads: Array, a: int, b: int, c: int, d: int) -> Array:
    """Whether the sides a-b and c-d cross, touching aside."""

    def side(p: int, q: int, r: int) -> Array:
        u, v = quads[:, q] - quads[:, p], quads[:, r] - quads[:, p]
        sign: Array = np.sign(u[:, 0] * v[:, 1] - u[:, 1] * v[:, 0])
        return sign

    crossed: Array = (side(a, b, c) * side(a, b, d) < 0) & (side(c, d, a) * side(c, d, b) < 0)
    return crossed
