"""Every suppression as a walk of fixed shape over candidates in groups, for the forms that take a whole batch."""

from __future__ import annotations

from typing import Any, NamedTuple

import torch
from torch import Tensor

from .._library.checks import UNEXPLAINED
from .._library.method_checks import check_scores_are_not_negative, check_values_of
from .._library.register import AND_NMS_WALK, DIOU_NMS_WALK, MERGE_NMS_WALK, NMS, NMS_WALK, SOFT_NMS_WALK
from ._composite import fast_nms_walk, matrix_nms_walk

WALKS = ("hard", "or", "diou", "and", "merge", "soft", "fast", "matrix")


class Walked(NamedTuple):
    """What a walk kept, and the boxes and scores that it changed."""

    keep: Tensor  # (M,) candidates by decreasing score, then -1
    boxes: Tensor | None = None  # (M, 4) in the order of keep; None: as given
    scores: Tensor | None = None  # (M,) in the order of keep; None: as given


def walk(
    method: str,
    boxes: Tensor,
    scores: Tensor,
    groups: Tensor,
    iou_threshold: float | None,
    score_threshold: float | None = None,
    longest: int | None = None,
    may_wait: bool = False,
    **options: Any,
) -> Walked:
    """`method` within each group. Nothing waits for a GPU, given a bound for the size of fast's and matrix's.

    If it may wait, `keep` can end with the last that is kept.
    """
    try:
        return _walk(method, boxes, scores, groups, iou_threshold, score_threshold, longest, may_wait, **options)
    except UNEXPLAINED:  # the operator refuses what is wrong; this names it, as in `ptdet.nms`
        check_values_of(options)
        if method == "soft":
            check_scores_are_not_negative(scores)
        raise


def _walk(
    method: str,
    boxes: Tensor,
    scores: Tensor,
    groups: Tensor,
    iou_threshold: float | None,
    score_threshold: float | None,
    longest: int | None,
    may_wait: bool,
    **options: Any,
) -> Walked:
    given = {"score_threshold": score_threshold, **options}
    if method in ("hard", "or"):
        given = {"inclusive": method == "or", **given}
        if may_wait:
            return Walked(NMS(boxes, scores, groups, iou_threshold, **given))
        return Walked(NMS_WALK(boxes, scores, groups, iou_threshold, **given)[0])
    if method == "diou":
        return Walked(DIOU_NMS_WALK(boxes, scores, groups, iou_threshold, **given)[0])
    if method == "and":
        return Walked(AND_NMS_WALK(boxes, scores, groups, iou_threshold, **given)[0])
    if method == "merge":
        merged, keep, *_ = MERGE_NMS_WALK(boxes, scores, groups, iou_threshold, **given)
        return Walked(keep, boxes=merged)
    if method == "soft":
        decayed, keep, *_ = SOFT_NMS_WALK(boxes, scores, groups, iou_threshold, **given)
        return Walked(keep, scores=decayed)
    if method == "fast":
        assert iou_threshold is not None
        return Walked(fast_nms_walk(boxes, scores, groups, iou_threshold, longest=longest, **given)[0])
    if method == "matrix":
        decayed, keep, *_ = matrix_nms_walk(boxes, scores, groups, longest=longest, **given)
        return Walked(keep, scores=decayed)
    raise ValueError(f"method: expected one of {', '.join(WALKS)}, got {method!r}")


def with_more(walked: Walked, boxes: Tensor, scores: Tensor, more: Tensor) -> Walked:
    """Candidates kept beside those of the walk, which has none of them; -1 is left out. Waits for a GPU."""
    places = torch.nonzero(walked.keep >= 0)[:, 0]
    of_walk = walked.keep[places]
    keep = torch.cat([of_walk, more])
    kept_boxes = boxes[of_walk] if walked.boxes is None else walked.boxes[places]
    kept_scores = scores[of_walk] if walked.scores is None else walked.scores[places]
    kept_boxes, kept_scores = torch.cat([kept_boxes, boxes[more]]), torch.cat([kept_scores, scores[more]])
    order = torch.argsort(keep)
    order = order[torch.sort(kept_scores[order] + 0.0, descending=True, stable=True).indices]
    return Walked(keep[order], kept_boxes[order], kept_scores[order])
