"""Variants of the greedy pass: inclusive, under DIoU with a power, with confirmed boxes only, adaptive to density."""

from __future__ import annotations

from typing import Literal, overload

from torch import Tensor

from ._runners import owned_runner
from .nms import run_hard_of

__all__ = ["adaptive_nms", "and_nms", "diou_nms", "or_nms"]
_run_adaptive, _run_and, _run_diou = map(owned_runner, ("adaptive_nms", "and_nms", "diou_nms"))


@overload
def or_nms(
    boxes: Tensor,
    scores: Tensor,
    iou_threshold: float,
    idxs: Tensor | None = ...,
    *,
    score_threshold: float | None = ...,
    max_output: int | None = ...,
    metric: str = ...,
    inclusive: bool = ...,
    return_owner: Literal[False] = ...,
) -> Tensor: ...
@overload
def or_nms(
    boxes: Tensor,
    scores: Tensor,
    iou_threshold: float,
    idxs: Tensor | None = ...,
    *,
    score_threshold: float | None = ...,
    max_output: int | None = ...,
    metric: str = ...,
    inclusive: bool = ...,
    return_owner: Literal[True],
) -> tuple[Tensor, Tensor]: ...
def or_nms(
    boxes: Tensor,
    scores: Tensor,
    iou_threshold: float,
    idxs: Tensor | None = None,
    *,
    score_threshold: float | None = None,
    max_output: int | None = None,
    metric: str = "iou",
    inclusive: bool = True,
    return_owner: bool = False,
) -> Tensor | tuple[Tensor, Tensor]:
    """Hard suppression in its YOLOv3 form: a box is removed if its overlap with a kept one is `>= iou_threshold`.

    Args:
        boxes: (N, 4) x1, y1, x2, y2 in any unit; float64, float32, float16 or bfloat16.
        scores: (N,) in any of these dtypes.
        iou_threshold: any number but NaN.
        idxs: (N,) class of each box, if only boxes of one class meet.
        score_threshold, max_output, metric, return_owner: as in `nms`.
        inclusive: False makes it `nms`.

    Returns:
        keep (K,) int64 by decreasing score, ties to the lower index; with `return_owner` also owner (N,).

    Raises:
        TypeError, ValueError: naming the argument, what was expected and what came.

    >>> import torch, ptdet
    >>> boxes = torch.tensor([[0., 0., 10., 10.], [0., 0., 10., 5.]])  # IoU is 0.5
    >>> ptdet.or_nms(boxes, torch.tensor([.9, .8]), 0.5), ptdet.nms(boxes, torch.tensor([.9, .8]), 0.5)
    (tensor([0]), tensor([0, 1]))
    """
    return run_hard_of(boxes, scores, idxs, iou_threshold, metric, inclusive, score_threshold, max_output, return_owner)


@overload
def diou_nms(
    boxes: Tensor,
    scores: Tensor,
    iou_threshold: float,
    idxs: Tensor | None = ...,
    *,
    beta: float = ...,
    score_threshold: float | None = ...,
    max_output: int | None = ...,
    inclusive: bool = ...,
    return_owner: Literal[False] = ...,
) -> Tensor: ...
@overload
def diou_nms(
    boxes: Tensor,
    scores: Tensor,
    iou_threshold: float,
    idxs: Tensor | None = ...,
    *,
    beta: float = ...,
    score_threshold: float | None = ...,
    max_output: int | None = ...,
    inclusive: bool = ...,
    return_owner: Literal[True],
) -> tuple[Tensor, Tensor]: ...
def diou_nms(
    boxes: Tensor,
    scores: Tensor,
    iou_threshold: float,
    idxs: Tensor | None = None,
    *,
    beta: float = 1.0,
    score_threshold: float | None = None,
    max_output: int | None = None,
    inclusive: bool = False,
    return_owner: bool = False,
) -> Tensor | tuple[Tensor, Tensor]:
    """DIoU-NMS: a box is removed if `IoU - (rho2 / c2)^beta > iou_threshold` with a kept one.

    rho2 is the squared distance of the centres, c2 the squared diagonal of the box around both: boxes that overlap but
    stand apart are taken for two objects.

    Args:
        boxes, scores, idxs, score_threshold, max_output, return_owner: as in `or_nms`.
        iou_threshold: any number but NaN.
        beta: above 0; darknet takes 0.6, which forgives more distance.
        inclusive: remove at overlap == iou_threshold too, as the YOLOv3 pipeline does.

    Returns:
        keep (K,) int64 by decreasing score, ties to the lower index; with `return_owner` also owner (N,).

    Raises:
        TypeError, ValueError: naming the argument, what was expected and what came.

    Zheng et al., "Distance-IoU Loss: Faster and Better Learning for Bounding Box Regression", AAAI 2020.

    >>> import torch, ptdet
    >>> boxes = torch.tensor([[0., 0., 10., 10.], [0., 3., 10., 13.]])  # IoU 7/13, centres 3 apart
    >>> ptdet.diou_nms(boxes, torch.tensor([.9, .8]), 0.5), ptdet.diou_nms(boxes, torch.tensor([.9, .8]), 0.5, beta=0.6)
    (tensor([0]), tensor([0, 1]))
    """
    if type(beta) is float and beta == 1:
        return run_hard_of(
            boxes, scores, idxs, iou_threshold, "diou", inclusive, score_threshold, max_output, return_owner
        )
    return _run_diou(
        boxes, scores, idxs, iou_threshold, beta,
        inclusive=inclusive, score_threshold=score_threshold, max_output=max_output, return_owner=return_owner,
    )  # fmt: skip


@overload
def and_nms(
    boxes: Tensor,
    scores: Tensor,
    iou_threshold: float,
    idxs: Tensor | None = ...,
    *,
    overlap_threshold: float = ...,
    score_threshold: float | None = ...,
    max_output: int | None = ...,
    metric: str = ...,
    inclusive: bool = ...,
    return_owner: Literal[False] = ...,
) -> Tensor: ...
@overload
def and_nms(
    boxes: Tensor,
    scores: Tensor,
    iou_threshold: float,
    idxs: Tensor | None = ...,
    *,
    overlap_threshold: float = ...,
    score_threshold: float | None = ...,
    max_output: int | None = ...,
    metric: str = ...,
    inclusive: bool = ...,
    return_owner: Literal[True],
) -> tuple[Tensor, Tensor]: ...
def and_nms(
    boxes: Tensor,
    scores: Tensor,
    iou_threshold: float,
    idxs: Tensor | None = None,
    *,
    overlap_threshold: float = 0.5,
    score_threshold: float | None = None,
    max_output: int | None = None,
    metric: str = "iou",
    inclusive: bool = True,
    return_owner: bool = False,
) -> Tensor | tuple[Tensor, Tensor]:
    """`or_nms`, of which only those boxes are kept that another box confirms.

    A selected box is kept if its largest overlap with a box still alive when it is selected is above
    `overlap_threshold`; one that is not kept removes its neighbours all the same. What nothing else confirms is taken
    for a false positive.

    Args:
        boxes, scores, iou_threshold, idxs, score_threshold, max_output, metric, inclusive: as in `or_nms`.
        overlap_threshold: any number but NaN.
        return_owner: also say which selected box removed each box; a selected box, kept or not, is its own.

    Returns:
        keep (K,) int64 by decreasing score, ties to the lower index; with `return_owner` also owner (N,).

    Raises:
        TypeError, ValueError: naming the argument, what was expected and what came.

    >>> import torch, ptdet
    >>> boxes = torch.tensor([[0., 0., 10., 10.], [0., 1., 10., 11.], [50., 50., 60., 60.]])
    >>> ptdet.and_nms(boxes, torch.tensor([.9, .8, .95]), 0.5)
    tensor([0])
    """
    return _run_and(
        boxes, scores, idxs, iou_threshold, overlap_threshold, metric,
        inclusive=inclusive, score_threshold=score_threshold, max_output=max_output, return_owner=return_owner,
    )  # fmt: skip


@overload
def adaptive_nms(
    boxes: Tensor,
    scores: Tensor,
    densities: Tensor,
    iou_threshold: float = ...,
    idxs: Tensor | None = ...,
    *,
    score_threshold: float | None = ...,
    max_output: int | None = ...,
    metric: str = ...,
    inclusive: bool = ...,
    return_owner: Literal[False] = ...,
) -> Tensor: ...
@overload
def adaptive_nms(
    boxes: Tensor,
    scores: Tensor,
    densities: Tensor,
    iou_threshold: float = ...,
    idxs: Tensor | None = ...,
    *,
    score_threshold: float | None = ...,
    max_output: int | None = ...,
    metric: str = ...,
    inclusive: bool = ...,
    return_owner: Literal[True],
) -> tuple[Tensor, Tensor]: ...
def adaptive_nms(
    boxes: Tensor,
    scores: Tensor,
    densities: Tensor,
    iou_threshold: float = 0.5,
    idxs: Tensor | None = None,
    *,
    score_threshold: float | None = None,
    max_output: int | None = None,
    metric: str = "iou",
    inclusive: bool = False,
    return_owner: bool = False,
) -> Tensor | tuple[Tensor, Tensor]:
    """Adaptive NMS: `nms` in which a kept box removes what overlaps it by more than max(iou_threshold, its density).

    Where a detector says that objects stand close, their boxes may overlap more.

    Args:
        boxes, scores, iou_threshold, idxs, score_threshold, max_output, metric, return_owner: as in `or_nms`.
        densities: (N,) floats without NaN; of an object, its largest overlap with another one, as a detector tells it.
        inclusive: remove at overlap == iou_threshold too, or at that of the density.

    Returns:
        keep (K,) int64 by decreasing score, ties to the lower index; with `return_owner` also owner (N,).

    Raises:
        TypeError, ValueError: naming the argument, what was expected and what came.

    Liu et al., "Adaptive NMS: Refining Pedestrian Detection in a Crowd", CVPR 2019.

    >>> import torch, ptdet
    >>> boxes = torch.tensor([[0., 0., 10., 10.], [0., 2., 10., 12.]])  # IoU is 2/3
    >>> scores, densities = torch.tensor([.9, .8]), torch.tensor([.7, 0.])
    >>> ptdet.adaptive_nms(boxes, scores, densities), ptdet.nms(boxes, scores, 0.5)
    (tensor([0, 1]), tensor([0]))
    """
    return _run_adaptive(
        boxes, scores, idxs, densities, iou_threshold, metric,
        inclusive=inclusive, score_threshold=score_threshold, max_output=max_output, return_owner=return_owner,
    )  # fmt: skip
