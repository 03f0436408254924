"""Suppression that lowers scores instead of removing boxes."""

from __future__ import annotations

from torch import Tensor

from .._library.checks import settled_limit
from .._shared.checks import check_number
from ..compat import soft_profile
from ._results import as_given
from ._runners import decayed_runner

run_soft = decayed_runner("soft_nms")


def soft_nms(
    boxes: Tensor,
    scores: Tensor,
    iou_threshold: float = 0.3,
    idxs: Tensor | None = None,
    *,
    sigma: float = 0.5,
    min_score: float = 0.001,
    kind: str = "gaussian",
    reselect: bool = True,
    score_threshold: float | None = None,
    max_output: int | None = None,
    metric: str = "iou",
    inclusive: bool = False,
    return_owner: bool = False,
    compat: str | None = None,
) -> tuple[Tensor, ...]:
    """Soft-NMS: a selected box multiplies the scores of those after it by a decay in their overlap.

    gaussian: `exp(-overlap^2 / sigma)`; linear: `1 - overlap` if overlap > iou_threshold; hard: 0 if overlap >
    iou_threshold. Overlaps below 0 count as 0.

    Args:
        boxes: (N, 4) x1, y1, x2, y2 in any unit; float64, float32, float16 or bfloat16.
        scores: (N,) in any of these dtypes, not negative.
        iou_threshold: any number but NaN; gaussian does not use it.
        idxs: (N,) class of each box, if only boxes of one class meet.
        sigma: above 0.
        min_score: a box whose score comes to it or below is dropped.
        kind: gaussian, linear or hard.
        reselect: select the box of highest current score, as the paper; False selects in the order of the given scores.
        score_threshold, max_output, metric, inclusive: as in `nms`.
        return_owner: also say whose decay dropped each box.
        compat: do as this package does where packages differ silently (docs/switching.md): torchvision, yolov3, yolov5,
            mmcv, mmcv_offset_1, tensorflow, onnx or opencv. It settles `inclusive` and `reselect`, and `sigma` is on
            its scale; corners as in `nms`. What tensorflow removes besides, at overlap > iou_threshold, is not removed
            here.

    Returns:
        scores (K,): decayed, decreasing; they carry gradients to boxes and scores, the selection held fixed.
        keep (K,) int64: the boxes they belong to, ties to the lower index.
        owner (N,) int64, if asked for: the kept box whose decay dropped i, i itself if kept, else -1.

    Raises:
        TypeError, ValueError: naming the argument, what was expected and what came.

    Bodla et al., "Soft-NMS -- Improving Object Detection With One Line of Code", ICCV 2017.

    >>> import torch, ptdet
    >>> boxes = torch.tensor([[0., 0., 10., 10.], [2., 0., 12., 10.], [6., 0., 16., 10.]])
    >>> ptdet.soft_nms(boxes, torch.tensor([.9, .85, .8]))
    (tensor([0.9000, 0.7060, 0.2420]), tensor([0, 2, 1]))
    """
    if compat is not None:
        profile = soft_profile(compat, inclusive, reselect)
        check_number("sigma", sigma)
        check_number("min_score", min_score)
        boxes = as_given(boxes, profile)
        sigma, min_score = profile.sigma_factor * sigma, profile.least(min_score)
        inclusive, reselect = profile.soft_inclusive, profile.reselect
    max_output = settled_limit(max_output, inclusive, return_owner, reselect)
    options = (iou_threshold, sigma, min_score, kind, reselect, metric, inclusive, score_threshold, max_output)
    return run_soft(boxes, scores, idxs, *options, return_owner=return_owner)
