"""From what a head says of its grid or priors to boxes: YOLOX and SSD. Plain torch."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

import torch
from torch import Tensor

from .._library.checks import check_dense, check_floating
from .._shared.checks import check_flag
from .._shared.decode import positives, prior_levels, yolox_levels
from ..reference import exponential


def decode_yolox(prediction: Tensor, size: int | tuple[int, int], strides: Sequence[int] = (8, 16, 32)) -> Tensor:
    """Boxes of a YOLOX head that was exported without its decoding, as demo_postprocess of YOLOX has it.

    In a cell (row, column) of a map with a stride: centre = (value + (column, row)) * stride, sides = e^value * stride.
    What follows the box is passed on. The result is for `ptdet.yolo.postprocess(..., head="x")`.

    Args:
        prediction: (B, N, 5+C), the maps one after the other, each row by row. float64, float32, float16 or bfloat16,
            any strides.
        size: (height, width) of the network's input in pixels, or one number for both.
        strides: of the maps, in pixels; (8, 16, 32, 64) for the P6 models.

    Returns:
        (B, N, 5+C) in new memory, centre x, centre y, width, height in network pixels first; float64 for float64
        input, else float32.

    Raises:
        TypeError, ValueError: naming the argument, what was expected and what came.

    >>> import torch, ptdet
    >>> raw = torch.tensor([[[.5, .5, 0., 0., .9, .8], [.25, 0., 0., 0., .9, .8]]])
    >>> ptdet.decode_yolox(raw, (8, 16), [8])[0, :, :4]
    tensor([[ 4.,  4.,  8.,  8.],
            [10.,  0.,  8.,  8.]])
    """
    values = _floating("prediction", prediction)
    grids, steps = [], []
    for rows, columns, stride in yolox_levels(prediction.shape, size, strides):
        down, across = (torch.arange(each, dtype=values.dtype, device=values.device) for each in (rows, columns))
        y, x = torch.meshgrid(down, across, indexing="ij")
        grids.append(torch.stack([x, y], -1).reshape(-1, 2))
        steps.append(values.new_full((rows * columns, 1), stride))
    grid, step = torch.cat(grids), torch.cat(steps)
    centres, sides = (values[..., :2] + grid) * step, exponential(values[..., 2:4]) * step
    return torch.cat([centres, sides, values[..., 4:]], -1)


def prior_boxes(
    size: int | tuple[int, int],
    strides: Sequence[int],
    min_sizes: Sequence[Any],
    max_sizes: Sequence[Any] | None = None,
    aspect_ratios: Sequence[Any] | None = None,
    *,
    clip: bool = False,
) -> Tensor:
    """The priors (default boxes, anchors) of an SSD head, in the order of Caffe's PriorBox.

    The maps one after the other, each row by row; in a cell for each min size: a square of it, a square of
    sqrt(min * max), then for each ratio r width * sqrt(r), height / sqrt(r) and the same turned. A map has
    ceil(side / stride) cells a side, and priors lie at the centres of cells. UltraFace, FaceBoxes and RetinaFace have
    min sizes alone.

    Args:
        size: (height, width) of the network's input in pixels, or one number for both.
        strides: of the maps, in pixels.
        min_sizes: for each map the sides of its squares in pixels, one or a list.
        max_sizes: for each map as many, or None.
        aspect_ratios: for each map a list of ratios other than 1, or None.
        clip: cut centres and sides to 0..1, as UltraFace does.

    Returns:
        (N, 4) float32: centre x, centre y, width, height in shares of the input.

    Raises:
        TypeError, ValueError: naming the argument, what was expected and what came.

    >>> import ptdet
    >>> ptdet.prior_boxes((8, 16), [8], [[4, 8]])
    tensor([[0.2500, 0.5000, 0.2500, 0.5000],
            [0.2500, 0.5000, 0.5000, 1.0000],
            [0.7500, 0.5000, 0.2500, 0.5000],
            [0.7500, 0.5000, 0.5000, 1.0000]])
    """
    check_flag("clip", clip)
    found = []
    for level in prior_levels(size, strides, min_sizes, max_sizes, aspect_ratios):
        down, across = (
            (torch.arange(count, dtype=torch.float64, device="cpu") + 0.5) * step
            for count, step in zip((level.rows, level.columns), level.step, strict=True)
        )
        priors = torch.tensor(level.priors, dtype=torch.float64, device="cpu")
        y, x = torch.meshgrid(down, across, indexing="ij")
        centres = torch.stack([x, y], -1).reshape(-1, 1, 2)
        shape = (len(centres), len(priors), 2)
        found.append(torch.cat([centres.expand(shape), priors.expand(shape)], -1).reshape(-1, 4))
    boxes = torch.cat(found).float()
    return boxes.clamp(0, 1) if clip else boxes


def decode_ssd(locations: Tensor, priors: Tensor, variances: Sequence[float] = (0.1, 0.2)) -> Tensor:
    """Boxes of an SSD head from its offsets and priors.

    centre = prior centre + offset * variances[0] * prior side, side = prior side * e^(offset * variances[1]).

    Args:
        locations: (..., N, 4) offsets of centre x, centre y, width, height. float64, float32, float16 or bfloat16, any
            strides.
        priors: (N, 4) centre x, centre y, width, height, as of `prior_boxes`, in any unit; of the device of locations.
        variances: of centres and of sides.

    Returns:
        (..., N, 4) x1, y1, x2, y2 in the unit of the priors, in new memory; float64 if one is float64, else float32.

    Raises:
        TypeError, ValueError: naming the argument, what was expected and what came.

    >>> import torch, ptdet
    >>> ptdet.decode_ssd(torch.tensor([[5., 0., 0., 0.]]), torch.tensor([[.5, .5, .5, .25]]))
    tensor([[0.5000, 0.3750, 1.0000, 0.6250]])
    """
    values, own = _floating("locations", locations), _floating("priors", priors)
    of_centre, of_side = positives("variances", variances, 2)
    if priors.dim() != 2 or priors.shape[1] != 4:
        raise ValueError(f"priors: expected shape (N, 4), got {tuple(priors.shape)}")
    if locations.dim() < 2 or locations.shape[-2:] != priors.shape:
        raise ValueError(f"locations: expected shape (..., {len(priors)}, 4), got {tuple(locations.shape)}")
    if locations.device != priors.device:
        raise ValueError(f"priors: expected device {locations.device} as of locations, got {priors.device}")
    common = torch.promote_types(values.dtype, own.dtype)
    values, own = values.to(common), own.to(common)
    centres = values[..., :2] * of_centre * own[:, 2:] + own[:, :2]
    half = exponential(values[..., 2:] * of_side) * own[:, 2:] / 2
    return torch.cat([centres - half, centres + half], -1)


def _floating(name: str, tensor: Tensor) -> Tensor:
    """In float64 or float32."""
    check_dense(**{name: tensor})
    check_floating(name, tensor)
    return tensor if tensor.dtype == torch.float64 else tensor.float()
