"""A picture fitted into a network's input, and boxes brought back to it, for arrays."""

from __future__ import annotations

from typing import Any

import numpy as np

from .._shared.arrays import Array, computable
from .._shared.checks import check_flag
from .._shared.letterbox import Letterbox, begin_of_boxes, check_fill, is_letterbox


def letterbox(
    image: Array, size: int | tuple[int, int], *, center: bool = True, fill: float = 114
) -> tuple[Array, Letterbox]:
    """A picture scaled, with its sides in proportion, to fit into a network's input, and padded to its size.

    As `ptdet.letterbox`, for pictures as OpenCV and Pillow have them. OpenCV resamples (INTER_LINEAR) where it is
    installed, else Pillow, by the same bilinear rule: a uint8 pixel may differ by 1.

    Args:
        image: (height, width) or (height, width, C), uint8 or float32, any strides.
        size: (height, width) of the network's input in pixels, or one number for both.
        center: margins on both sides, or the picture in the upper left corner (`Letterbox.fit`).
        fill: value of the padding, in the unit of the image.

    Returns:
        The image (*size) or (*size, C) of the input's dtype, in new memory, and where the picture lies in it, for
        `unletterbox`.

    Raises:
        TypeError, ValueError: naming the argument, what was expected and what came.
        ImportError: if neither OpenCV nor Pillow is there, and the picture is not of the right size.

    >>> import numpy as np, ptdet.numpy
    >>> image, fitted = ptdet.numpy.letterbox(np.zeros((427, 640, 3), np.uint8), 640)
    >>> image.shape, fitted.top, fitted.ratio
    ((640, 640, 3), 106, 1.0)
    """
    if not isinstance(image, np.ndarray):
        raise TypeError(f"image: expected a numpy.ndarray, got {type(image).__name__}")
    if image.dtype not in (np.uint8, np.float32):
        raise TypeError(f"image: expected uint8 or float32, got {image.dtype}")
    if image.ndim not in (2, 3) or image.size == 0:
        raise ValueError(f"image: expected shape (height, width) or (height, width, C), got {image.shape}")
    check_fill(fill, image.dtype == np.uint8)
    fitted = Letterbox.fit((image.shape[0], image.shape[1]), size, center)
    canvas = np.full((*fitted.size, *image.shape[2:]), fill, np.dtype(image.dtype.type))
    high, wide = fitted.resized
    canvas[fitted.top : fitted.top + high, fitted.left : fitted.left + wide] = _resized(image, high, wide)
    return canvas, fitted


def _resized(image: Array, high: int, wide: int) -> Array:
    if image.shape[:2] == (high, wide):
        return image
    image = np.ascontiguousarray(image, image.dtype.type)
    try:
        import cv2
    except ImportError:
        planes = image.reshape(*image.shape[:2], -1)
        resized = np.stack([_by_pillow(planes[..., at], high, wide) for at in range(planes.shape[2])], -1)
    else:
        resized = cv2.resize(image, (wide, high), interpolation=cv2.INTER_LINEAR)
    return resized.reshape(high, wide, *image.shape[2:])


def _by_pillow(plane: Array, high: int, wide: int) -> Array:
    """Its resize would smooth as it shrinks, which OpenCV's does not; its transform samples at the same places."""
    try:
        from PIL import Image
    except ImportError as error:
        raise ImportError("letterbox needs OpenCV or Pillow: pip install opencv-python-headless, or pillow") from error
    down, across = plane.shape[0] / high, plane.shape[1] / wide
    picture: Any = Image.fromarray(np.ascontiguousarray(plane))
    affine, bilinear = Image.Transform.AFFINE, Image.Resampling.BILINEAR
    return np.asarray(picture.transform((wide, high), affine, (across, 0, 0, 0, down, 0), resample=bilinear))


def unletterbox(boxes: Array, letterbox: Letterbox, *, clip: bool = True, rotated: bool = False) -> Array:
    """Boxes in pixels of a network's input as boxes in pixels of the picture. As `ptdet.unletterbox`.

    Args:
        boxes: (..., 4 + extra) x1, y1, x2, y2 in network pixels; columns after them are carried along.
        letterbox: where the picture lies, as `letterbox` returned it.
        clip: cut what leaves the picture.
        rotated: `boxes` are centre x, centre y, width, height, angle; they are not cut.

    Returns:
        (..., 4 + extra) in new memory; float64 for float64 input, else float32.

    Raises:
        TypeError, ValueError: naming the argument, what was expected and what came.

    >>> import numpy as np, ptdet.numpy
    >>> fitted = ptdet.numpy.Letterbox.fit((427, 640), (320, 320))
    >>> ptdet.numpy.unletterbox(np.array([[160., 53., 320., 267.]]), fitted)
    array([[320.,   0., 640., 427.]])
    """
    wide = computable("boxes", boxes)
    if wide.ndim == 0 or wide.shape[-1] < 4 + (rotated is True):
        raise ValueError(f"boxes: expected shape (..., {4 + (rotated is True)} or more), got {wide.shape}")
    is_letterbox("letterbox", letterbox)
    check_flag("clip", clip)
    check_flag("rotated", rotated)
    back = wide.copy()
    number = wide.dtype.type
    with np.errstate(over="ignore", invalid="ignore"):
        begin = np.array(begin_of_boxes(letterbox, rotated), number)
        corners = (wide[..., :4] - begin) / number(letterbox.ratio)
    if clip and not rotated:
        height, width = letterbox.picture
        corners = np.minimum(np.maximum(corners, number(0)), np.array([width, height] * 2, number))
    back[..., :4] = corners
    return back
