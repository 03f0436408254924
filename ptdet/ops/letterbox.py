"""A picture fitted into a network's input, and boxes brought back to it. Plain torch."""

from __future__ import annotations

import torch
from torch import Tensor

from .._library.checks import FLOATS, check_dense, check_floating, refuse_trace
from .._shared.checks import check_flag
from .._shared.letterbox import Letterbox, begin_of_boxes, check_fill, is_letterbox

__all__ = ["Letterbox", "letterbox", "unletterbox"]


def letterbox(
    image: Tensor, size: int | tuple[int, int], *, center: bool = True, fill: float = 114
) -> tuple[Tensor, Letterbox]:
    """A picture scaled, with its sides in proportion, to fit into a network's input, and padded to its size.

    As ultralytics' LetterBox (centred) and YOLOX's preproc (`center=False`: upper left corner), mmdetection's Resize
    with keep_ratio and Pad. Resampling is bilinear without antialiasing, as OpenCV's INTER_LINEAR, from which a uint8
    pixel may differ by 1.

    Args:
        image: (..., height, width), such as (C, H, W) or (B, C, H, W); uint8 or floating, any strides.
        size: (height, width) of the network's input in pixels, or one number for both.
        center: margins on both sides, or the picture in the upper left corner (`Letterbox.fit`).
        fill: value of the padding, in the unit of the image.

    Returns:
        The image (..., *size) of the input's dtype, in new memory, and where the picture lies in it, for
        `unletterbox`.

    Raises:
        TypeError, ValueError: naming the argument, what was expected and what came.

    >>> import torch, ptdet
    >>> image, fitted = ptdet.letterbox(torch.zeros(3, 427, 640, dtype=torch.uint8), 416)
    >>> image.shape, fitted.resized, fitted.top
    (torch.Size([3, 416, 416]), (278, 416), 69)
    """
    refuse_trace("letterbox places the picture by its size")
    check_dense(image=image)
    if image.dtype != torch.uint8 and image.dtype not in FLOATS:
        raise TypeError(f"image: expected uint8 or a floating dtype, got {image.dtype}")
    if image.dim() < 2 or 0 in image.shape:
        raise ValueError(f"image: expected shape (..., height, width), got {tuple(image.shape)}")
    check_fill(fill, image.dtype == torch.uint8)
    height, width = image.shape[-2:]
    fitted = Letterbox.fit((height, width), size, center)
    canvas = image.new_full((*image.shape[:-2], *fitted.size), fill)
    high, wide = fitted.resized
    canvas[..., fitted.top : fitted.top + high, fitted.left : fitted.left + wide] = _resized(image, high, wide)
    return canvas, fitted


def _resized(image: Tensor, high: int, wide: int) -> Tensor:
    if image.shape[-2:] == (high, wide):
        return image
    planes = image.reshape(1, -1, *image.shape[-2:])
    values = planes if planes.dtype in (torch.float32, torch.float64) else planes.float()
    resized = torch.nn.functional.interpolate(values, (high, wide), mode="bilinear", align_corners=False)
    whole = resized if image.is_floating_point() else resized.round()
    return whole.to(image.dtype).reshape(*image.shape[:-2], high, wide)


def unletterbox(boxes: Tensor, letterbox: Letterbox, *, clip: bool = True, rotated: bool = False) -> Tensor:
    """Boxes in pixels of a network's input as boxes in pixels of the picture, as ultralytics' scale_boxes.

    Args:
        boxes: (..., 4 + extra) x1, y1, x2, y2 in network pixels; columns after them, such as confidence and class, are
            carried along. float64, float32, float16 or bfloat16, any strides.
        letterbox: where the picture lies, as `letterbox` returned it; `Letterbox.fit` for a picture that other code
            has fitted.
        clip: cut what leaves the picture.
        rotated: `boxes` are centre x, centre y, width, height, angle, as `ptdet.yolo.postprocess(rotated=True)` has
            them; they are not cut.

    Returns:
        (..., 4 + extra) in new memory; float64 for float64 input, else float32.

    Raises:
        TypeError, ValueError: naming the argument, what was expected and what came.

    >>> import torch, ptdet
    >>> fitted = ptdet.Letterbox.fit((427, 640), (320, 320))
    >>> ptdet.unletterbox(torch.tensor([[160., 53., 320., 267., .9, 0.]]), fitted)
    tensor([[320.0000,   0.0000, 640.0000, 427.0000,   0.9000,   0.0000]])
    """
    check_dense(boxes=boxes)
    check_floating("boxes", boxes)
    if boxes.dim() == 0 or boxes.shape[-1] < 4 + (rotated is True):
        raise ValueError(f"boxes: expected shape (..., {4 + (rotated is True)} or more), got {tuple(boxes.shape)}")
    is_letterbox("letterbox", letterbox)
    check_flag("clip", clip)
    check_flag("rotated", rotated)
    wide = boxes if boxes.dtype == torch.float64 else boxes.float()
    corners, rest = wide[..., :4], wide[..., 4:]
    # by tensors: CUDA divides by a number as it multiplies by its inverse
    begin = corners.new_tensor(begin_of_boxes(letterbox, rotated))
    back = (corners - begin) / corners.new_tensor([letterbox.ratio] * 4)
    if clip and not rotated:
        height, width = letterbox.picture
        back = torch.minimum(back.clamp(min=0), back.new_tensor([width, height] * 2))
    return torch.cat([back, rest], -1)
