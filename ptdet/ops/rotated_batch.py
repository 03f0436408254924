"""Suppression of the rotated boxes of many images and classes in one call: padded to a fixed shape, or ragged."""

from __future__ import annotations

from typing import Any

from torch import Tensor

from .batch import ROTATED, Detections, combined, ragged


def combined_nms(
    boxes: Tensor,
    scores: Tensor,
    iou_threshold: float | None,
    *,
    method: str = "hard",
    score_threshold: float | None = None,
    max_per_class: int | None = None,
    max_per_image: int | None = None,
    agnostic: bool = False,
    background: int | None = None,
    metric: str = "iou",
    **options: Any,
) -> Detections:
    """`ptdet.combined_nms` of rotated boxes.

    Args:
        boxes: (B, N, 5), shared by the classes, or (B, N, C, 5): cx, cy, w, h, angle in radians from +x to +y.
        method: of those that `ptdet.rotated` has a function of: hard, or, merge and so on; not diou.
        metric: iou, iof or ios.

    The other arguments, what is returned, with boxes (B, K, 5), and what raises are those of `ptdet.combined_nms`. On
    a GPU it waits, for the reference does the suppression.

    >>> import torch, ptdet
    >>> boxes = torch.tensor([[[5., 5., 8., 2., 0.], [5., 5., 2., 8., 1.57], [5., 5., 2., 8., 0.]]])
    >>> found = ptdet.rotated.combined_nms(boxes, torch.tensor([[.8, .9, .7]]), 0.5)
    >>> found.num, found.indices
    (tensor([2]), tensor([[ 1,  2, -1]]))
    """
    limits = (score_threshold, max_per_class, max_per_image, agnostic, background)
    return combined(ROTATED, boxes, scores, iou_threshold, method, metric, *limits, options)


def ragged_nms(
    boxes: Tensor,
    scores: Tensor,
    images: Tensor,
    iou_threshold: float | None,
    idxs: Tensor | None = None,
    *,
    num_images: int,
    method: str = "hard",
    score_threshold: float | None = None,
    max_per_image: int | None = None,
    metric: str = "iou",
    **options: Any,
) -> tuple[Tensor, ...]:
    """`ptdet.ragged_nms` of rotated boxes (N, 5); methods and metrics as in `combined_nms`.

    The arguments, what is returned, boxes (K, 5) for merge, and what raises are those of `ptdet.ragged_nms`.

    >>> import torch, ptdet
    >>> boxes = torch.tensor([[5., 5., 8., 2., 0.], [5., 5., 8., 2., 3.14], [5., 5., 8., 2., 0.]])
    >>> images = torch.tensor([0, 0, 1])
    >>> ptdet.rotated.ragged_nms(boxes, torch.tensor([.8, .9, .7]), images, 0.5, num_images=2)
    (tensor([1, 2]), tensor([1, 1]))
    """
    limits = (score_threshold, max_per_image)
    return ragged(ROTATED, boxes, scores, images, iou_threshold, idxs, num_images, method, metric, *limits, options)
