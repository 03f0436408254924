"""Non-maximum merging, as for sliced images: a kept box grows to the hull of the boxes it absorbs."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

from torch import Tensor

from .._library.arguments import explain
from .._library.autograd.either_shape import grown_boxes
from .._library.checks import UNEXPLAINED, settled_limit
from .._library.register import operator, past_autograd, wants_gradient
from .._shared.checks import check_number
from .._shared.shapes import Rotated
from ._results import cut


def nmm_runner(name: str, grown_by: Callable[[Tensor, Tensor, Tensor], Tensor]) -> Callable[..., tuple[Tensor, ...]]:
    """NMM by the operator of a shape of box; grown_by(boxes, keep, sides) are its boxes once more."""
    walk = operator(name)

    def run(
        boxes: Tensor,
        scores: Tensor,
        idxs: Tensor | None,
        match_threshold: float,
        metric: str,
        inclusive: bool,
        score_threshold: float | None,
        max_output: int | None,
        members_propagate: bool,
        return_owner: bool,
    ) -> tuple[Tensor, ...]:
        max_output = settled_limit(max_output, inclusive, return_owner)
        options = (metric, inclusive, score_threshold, max_output, members_propagate)
        try:
            grown, sides, keep, owner, kept = past_autograd(
                walk, boxes.detach(), scores.detach(), idxs, match_threshold, *options
            )
            grown, sides, keep = cut(keep, kept, grown, sides)
        except UNEXPLAINED:  # the operator refuses what is wrong; this names it, as in `nms`
            check_number("match_threshold", match_threshold)
            explain(name, boxes, scores, idxs, match_threshold, *options)
            raise
        if wants_gradient(boxes, scores):  # the operator's own have a gradient as well, but not under torch.func
            grown = grown_by(boxes, keep, sides)
        return (grown, keep, owner) if return_owner else (grown, keep)

    return run


_run_aligned = nmm_runner("nmm_walk", lambda boxes, _, sides: boxes.gather(0, sides))
_run_rotated = nmm_runner("rotated_nmm_walk", grown_boxes)


def _run(boxes: Tensor | Rotated, *options: Any) -> tuple[Tensor, ...]:
    return _run_rotated(boxes.boxes, *options) if type(boxes) is Rotated else _run_aligned(boxes, *options)


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
    """Greedy non-maximum merging: `or_nms` whose kept boxes grow to the hull of those they remove.

    Members join by decreasing score, each if it overlaps the box as grown so far by more than `match_threshold`.

    Args:
        boxes: (N, 4) x1, y1, x2, y2 in any unit; float64, float32, float16 or bfloat16.
        scores: (N,) in any of these dtypes.
        match_threshold: any number but NaN.
        idxs: (N,) class of each box, if only boxes of one class meet.
        score_threshold, max_output, metric, inclusive, return_owner: as in `or_nms`.

    Returns:
        boxes (K, 4); scores stay: `scores[keep]`. Each side is that of one box, which its gradient goes to; of boxes
            that reach equally far the first to join.
        keep (K,) int64 by decreasing score, ties to the lower index; with `return_owner` also owner (N,).

    Raises:
        TypeError, ValueError: naming the argument, what was expected and what came.

    Akyon et al., "Slicing Aided Hyper Inference and Fine-Tuning for Small Object Detection", ICIP 2022.

    >>> import torch, ptdet
    >>> boxes = torch.tensor([[0., 0., 10., 10.], [5., 0., 13., 10.], [30., 0., 40., 10.]])
    >>> ptdet.greedy_nmm(boxes, torch.tensor([.9, .8, .7]))
    (tensor([[ 0.,  0., 13., 10.],
            [30.,  0., 40., 10.]]), tensor([0, 2]))
    """
    options = (match_threshold, metric, inclusive, score_threshold, max_output, False)
    return _run(boxes, scores, idxs, *options, return_owner)


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
    """Non-maximum merging: as `greedy_nmm`, but members absorb the boxes that they overlap, too.

    Boxes are asked by decreasing score; those that a box overlaps, if free, join the box it belongs to itself.

    Args, what is returned and what raises: as `greedy_nmm`.

    >>> import torch, ptdet
    >>> boxes = torch.tensor([[0., 0., 10., 10.], [4., 0., 14., 10.], [8., 0., 18., 10.]])
    >>> scores = torch.tensor([.9, .8, .7])
    >>> ptdet.nmm(boxes, scores)[1], ptdet.greedy_nmm(boxes, scores)[1]
    (tensor([0]), tensor([0, 2]))
    """
    options = (match_threshold, metric, inclusive, score_threshold, max_output, True)
    return _run(boxes, scores, idxs, *options, return_owner)
