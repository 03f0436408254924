"""Suppression of rotated boxes whose kept boxes become means of others, or grow to hold them."""

from __future__ import annotations

from torch import Tensor

from .._library.autograd.rotated_merging import grown_boxes
from .merge_nms import merge_runner
from .nmm import nmm_runner

_merge = merge_runner("rotated_merge_nms")
_grow = nmm_runner("rotated_nmm_walk", grown_boxes)


def merge_nms(
    boxes: Tensor,
    scores: Tensor,
    iou_threshold: float,
    idxs: Tensor | None = None,
    *,
    members: str = "cluster",
    weights: str = "score",
    score_threshold: float | None = None,
    max_output: int | None = None,
    metric: str = "iou",
    inclusive: bool = False,
    return_owner: bool = False,
) -> tuple[Tensor, ...]:
    """`ptdet.merge_nms` of rotated boxes: kept boxes become weighted means of their members.

    A member is first written (w, h, angle) or (h, w, angle + pi/2), whichever angle is nearer to the kept box's
    modulo pi; so a mean does not depend on how boxes are written.

    Args:
        boxes: (N, 5) cx, cy, w, h, angle, the angle in radians from +x to +y; float64, float32, float16 or bfloat16.
        metric: iou, iof (share of the candidate that is covered) or ios (of the smaller box).

    The other arguments, what is returned, the boxes (K, 5), and what raises are those of `ptdet.merge_nms`.

    >>> import torch, ptdet
    >>> boxes = torch.tensor([[5., 5., 8., 2., 0.1], [7., 5., 8., 2., 0.1], [5., 25., 8., 2., 0.1]])
    >>> ptdet.rotated.merge_nms(boxes, torch.tensor([.75, .25, .5]), 0.4)
    (tensor([[ 5.5000,  5.0000,  8.0000,  2.0000,  0.1000],
            [ 5.0000, 25.0000,  8.0000,  2.0000,  0.1000]]), tensor([0, 2]))
    """
    options = (iou_threshold, metric, inclusive, score_threshold, max_output, members, weights)
    return _merge(boxes, scores, idxs, *options, return_owner)


def greedy_nmm(
    boxes: Tensor,
    scores: Tensor,
    match_threshold: float = 0.5,
    idxs: Tensor | None = None,
    *,
    score_threshold: float | None = None,
    max_output: int | None = None,
    metric: str = "ios",
    inclusive: bool = True,
    return_owner: bool = False,
) -> tuple[Tensor, ...]:
    """`ptdet.greedy_nmm` of rotated boxes: a kept box grows to the smallest with its direction that holds its members.

    Args, what is returned, the boxes (K, 5), and what raises: as `ptdet.greedy_nmm`, of boxes (N, 5) cx, cy, w, h,
    angle in radians from +x to +y, and the metrics iou, iof and ios.

    >>> import torch, ptdet
    >>> boxes = torch.tensor([[0., 0., 8., 2., 0.], [3., 0., 2., 8., 1.5708], [0., 20., 8., 2., 0.]])
    >>> ptdet.rotated.greedy_nmm(boxes, torch.tensor([.9, .8, .7]))
    (tensor([[ 1.5000,  0.0000, 11.0000,  2.0000,  0.0000],
            [ 0.0000, 20.0000,  8.0000,  2.0000,  0.0000]]), tensor([0, 2]))
    """
    options = (match_threshold, metric, inclusive, score_threshold, max_output, False)
    return _grow(boxes, scores, idxs, *options, return_owner)


def nmm(
    boxes: Tensor,
    scores: Tensor,
    match_threshold: float = 0.5,
    idxs: Tensor | None = None,
    *,
    score_threshold: float | None = None,
    max_output: int | None = None,
    metric: str = "ios",
    inclusive: bool = True,
    return_owner: bool = False,
) -> tuple[Tensor, ...]:
    """`ptdet.nmm` of rotated boxes: as `greedy_nmm`, but members absorb the boxes that they overlap, too.

    Args, what is returned and what raises: as `greedy_nmm`.

    >>> import torch, ptdet
    >>> boxes = torch.tensor([[0., 0., 8., 2., 0.], [4., 0., 8., 2., 0.], [8., 0., 8., 2., 0.]])
    >>> scores = torch.tensor([.9, .8, .7])
    >>> ptdet.rotated.nmm(boxes, scores)[1], ptdet.rotated.greedy_nmm(boxes, scores)[1]
    (tensor([0]), tensor([0, 2]))
    """
    options = (match_threshold, metric, inclusive, score_threshold, max_output, True)
    return _grow(boxes, scores, idxs, *options, return_owner)
