"""From what a head says of its grid or priors to boxes, for arrays."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

import numpy as np

from .._shared.arrays import Array, computable
from .._shared.checks import check_flag
from .._shared.decode import positives, prior_levels, yolox_levels
from .._shared.elementary import exponential


def decode_yolox(prediction: Array, size: int | tuple[int, int], strides: Sequence[int] = (8, 16, 32)) -> Array:
    """Boxes of a YOLOX head that was exported without its decoding. As `ptdet.decode_yolox`.

    Args:
        prediction: (B, N, 5+C), the maps one after the other, each row by row.
        size: (height, width) of the network's input in pixels, or one number for both.
        strides: of the maps, in pixels.

    Returns:
        (B, N, 5+C) in new memory, centre x, centre y, width, height in network pixels first; float64 for float64
        input, else float32. For `postprocess(..., head="x")`.

    Raises:
        TypeError, ValueError: naming the argument, what was expected and what came.

    >>> import numpy as np, ptdet.numpy
    >>> raw = np.array([[[.5, .5, 0., 0., .9, .8], [.25, 0., 0., 0., .9, .8]]])
    >>> ptdet.numpy.decode_yolox(raw, (8, 16), [8])[0, :, :4]
    array([[ 4.,  4.,  8.,  8.],
           [10.,  0.,  8.,  8.]])
    """
    decoded = computable("prediction", prediction).copy()
    begin = 0
    for rows, columns, stride in yolox_levels(decoded.shape, size, strides):
        level = decoded[:, begin : begin + rows * columns]
        y, x = np.mgrid[:rows, :columns].reshape(2, -1).astype(decoded.dtype)
        with np.errstate(over="ignore", invalid="ignore"):
            level[..., :2] = (level[..., :2] + np.stack([x, y], -1)) * decoded.dtype.type(stride)
            level[..., 2:4] = exponential(level[..., 2:4]) * decoded.dtype.type(stride)
        begin += rows * columns
    return decoded


def prior_boxes(
    size: int | tuple[int, int],
    strides: Sequence[int],
    min_sizes: Sequence[Any],
    max_sizes: Sequence[Any] | None = None,
    aspect_ratios: Sequence[Any] | None = None,
    *,
    clip: bool = False,
) -> Array:
    """The priors (default boxes, anchors) of an SSD head, in the order of Caffe's PriorBox. As `ptdet.prior_boxes`.

    Args:
        size: (height, width) of the network's input in pixels, or one number for both.
        strides, min_sizes, max_sizes, aspect_ratios, clip: as there.

    Returns:
        (N, 4) float32: centre x, centre y, width, height in shares of the input.

    Raises:
        TypeError, ValueError: naming the argument, what was expected and what came.

    >>> import numpy as np, ptdet.numpy
    >>> ptdet.numpy.prior_boxes((8, 16), [8], [[4, 8]])
    array([[0.25, 0.5 , 0.25, 0.5 ],
           [0.25, 0.5 , 0.5 , 1.  ],
           [0.75, 0.5 , 0.25, 0.5 ],
           [0.75, 0.5 , 0.5 , 1.  ]], dtype=float32)
    """
    check_flag("clip", clip)
    found = []
    for level in prior_levels(size, strides, min_sizes, max_sizes, aspect_ratios):
        counts = zip((level.rows, level.columns), level.step, strict=True)
        y, x = np.meshgrid(*((np.arange(count) + 0.5) * step for count, step in counts), indexing="ij")
        boxes = np.empty((x.size, len(level.priors), 4))
        boxes[..., 0], boxes[..., 1], boxes[..., 2:] = x.reshape(-1, 1), y.reshape(-1, 1), level.priors
        found.append(boxes.reshape(-1, 4))
    priors = np.concatenate(found).astype(np.float32)
    return priors.clip(0, 1) if clip else priors


def decode_ssd(locations: Array, priors: Array, variances: Sequence[float] = (0.1, 0.2)) -> Array:
    """Boxes of an SSD head from its offsets and priors. As `ptdet.decode_ssd`.

    Args:
        locations: (..., N, 4) offsets of centre x, centre y, width, height.
        priors: (N, 4) centre x, centre y, width, height, as of `prior_boxes`, in any unit.
        variances: of centres and of sides.

    Returns:
        (..., N, 4) x1, y1, x2, y2 in the unit of the priors, in new memory; float64 if one is float64, else float32.

    Raises:
        TypeError, ValueError: naming the argument, what was expected and what came.

    >>> import numpy as np, ptdet.numpy
    >>> ptdet.numpy.decode_ssd(np.array([[5., 0., 0., 0.]]), np.array([[.5, .5, .5, .25]]))
    array([[0.5  , 0.375, 1.   , 0.625]])
    """
    values, own = computable("locations", locations), computable("priors", priors)
    of_centre, of_side = positives("variances", variances, 2)
    if own.ndim != 2 or own.shape[1] != 4:
        raise ValueError(f"priors: expected shape (N, 4), got {own.shape}")
    if values.ndim < 2 or values.shape[-2:] != own.shape:
        raise ValueError(f"locations: expected shape (..., {len(own)}, 4), got {values.shape}")
    number = np.result_type(values, own).type
    values, own = values.astype(number, copy=False), own.astype(number, copy=False)
    with np.errstate(over="ignore", invalid="ignore"):
        centres = values[..., :2] * number(of_centre) * own[:, 2:] + own[:, :2]
        half = exponential(values[..., 2:] * number(of_side)) * own[:, 2:] / number(2)
        return np.concatenate([centres - half, centres + half], -1)
