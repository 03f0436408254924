"""mmcv.ops' suppressions and overlaps for tensors, without mmcv."""

from __future__ import annotations

import functools
import math
import warnings
from collections.abc import Callable, Mapping
from numbers import Integral
from typing import Any, ParamSpec, TypeVar

import torch
from torch import Tensor

from .._library.checks import check_dense
from .._shared.checks import check_flag, check_number, one_of
from ..ops import rotated_nms, rotated_overlap
from ..ops.nms import batched_nms as _batched_nms, nms as _nms
from ..ops.overlap import overlap, pairwise_overlap
from ..ops.soft_nms import soft_nms as _soft_nms

__all__ = ["batched_nms", "bbox_overlaps", "box_iou_rotated", "nms", "nms_match", "nms_rotated", "soft_nms"]

METHODS = {"naive": "hard", "linear": "linear", "gaussian": "gaussian"}
NMS_OPTIONS = {"iou_threshold", "offset", "score_threshold", "max_num"}
NMS_ROTATED_OPTIONS = {"iou_threshold", "clockwise"}
SOFT_NMS_OPTIONS = {"iou_threshold", "offset", "sigma", "min_score", "method", "max_num"}
OPTIONS = {"nms": NMS_OPTIONS, "soft_nms": SOFT_NMS_OPTIONS, "nms_rotated": NMS_ROTATED_OPTIONS}

P = ParamSpec("P")
T = TypeVar("T")


def _takes_old_name(function: Callable[P, T]) -> Callable[P, T]:
    """`iou_thr` is `iou_threshold`, with a DeprecationWarning, as mmcv has it."""

    @functools.wraps(function)
    def call(*arguments: P.args, **keywords: P.kwargs) -> T:
        _rename(keywords)
        return function(*arguments, **keywords)

    return call


def _rename(options: dict[str, Any], where: str = "") -> None:
    if "iou_thr" in options:
        if "iou_threshold" in options:
            raise TypeError(f"{where}iou_thr: expected it or iou_threshold, got both")
        warnings.warn(f"{where}iou_thr is called iou_threshold now", DeprecationWarning, stacklevel=3)
        options["iou_threshold"] = options.pop("iou_thr")


@_takes_old_name
def nms(
    boxes: Tensor,
    scores: Tensor,
    iou_threshold: float,
    offset: int = 0,
    score_threshold: float = 0,
    max_num: int = -1,
) -> tuple[Tensor, Tensor]:
    """mmcv.ops.nms: hard suppression at overlap > iou_threshold, which may be called iou_thr.

    Args:
        offset: 1 counts pixels, so that a box is x2 - x1 + 1 wide; 0 does not.
        score_threshold: above 0: only scores above it take part.
        max_num: above 0: at most so many are kept.

    Returns:
        dets (K, 5), boxes with their scores, and keep (K,) int64, by decreasing score.

    Raises:
        TypeError, ValueError: naming the argument, what was expected and what came.
    """
    return _hard(boxes, scores, None, iou_threshold, offset, score_threshold, max_num)


@_takes_old_name
def soft_nms(
    boxes: Tensor,
    scores: Tensor,
    iou_threshold: float = 0.3,
    sigma: float = 0.5,
    min_score: float = 1e-3,
    method: str = "linear",
    offset: int = 0,
) -> tuple[Tensor, Tensor]:
    """mmcv.ops.soft_nms: it decays at overlap >= iou_threshold and drops scores < min_score.

    Args:
        method: naive (hard), linear or gaussian.
        offset: as in `nms`, and `iou_thr` too.

    Returns:
        dets (K, 5), boxes with their decayed scores, and keep (K,) int64, by decreasing decayed score.
    """
    return _soft(boxes, scores, None, iou_threshold, sigma, min_score, method, offset)


def batched_nms(
    boxes: Tensor, scores: Tensor, idxs: Tensor, nms_cfg: dict[str, Any] | None, class_agnostic: bool = False
) -> tuple[Tensor, Tensor]:
    """mmcv.ops.batched_nms, exact at any coordinates: no boxes are moved apart and no `split_thr` is needed.

    Args:
        nms_cfg: None suppresses nothing; else type ("nms", "soft_nms" or "nms_rotated"), the arguments of that
            function, `max_num` (not of nms_rotated), and class_agnostic, which overrides the argument. split_thr
            changes nothing.

    Returns:
        dets (K, 5) and keep (K,) int64, by decreasing score.

    Raises:
        TypeError, ValueError: naming the argument or the entry of nms_cfg, what was expected and what came.
    """
    if nms_cfg is None:
        order = torch.sort(scores, descending=True, stable=True).indices
        return _with_scores(boxes[order], scores[order]), order
    if not isinstance(nms_cfg, Mapping):
        raise TypeError(f"nms_cfg: expected a dict or None, got {type(nms_cfg).__name__}")
    options = dict(nms_cfg)
    kind = options.pop("type", "nms")
    if not isinstance(kind, str) or kind not in OPTIONS:
        raise ValueError(f"nms_cfg: expected type nms, soft_nms or nms_rotated, got {kind!r}")
    groups = None if options.pop("class_agnostic", class_agnostic) else idxs
    options.pop("split_thr", None)
    _rename(options, "nms_cfg: ")
    if unknown := options.keys() - OPTIONS[kind]:
        raise ValueError(f"nms_cfg: {', '.join(sorted(map(str, unknown)))} is not known here")
    if kind == "soft_nms":
        return _soft(boxes, scores, groups, **options)
    if "iou_threshold" not in options:
        raise ValueError(f"nms_cfg: expected iou_threshold, got {', '.join(map(str, nms_cfg)) or 'nothing'}")
    return (_hard_rotated if kind == "nms_rotated" else _hard)(boxes, scores, groups, **options)


def _hard(
    boxes: Tensor,
    scores: Tensor,
    groups: Tensor | None,
    iou_threshold: float,
    offset: int = 0,
    score_threshold: float = 0,
    max_num: int = -1,
) -> tuple[Tensor, Tensor]:
    check_number("score_threshold", score_threshold)
    least, most = score_threshold if score_threshold > 0 else None, _limit(max_num)
    moved = _pixels(boxes, offset)
    keep = (
        _nms(moved, scores, iou_threshold, score_threshold=least, max_output=most) if groups is None
        else _batched_nms(moved, scores, groups, iou_threshold, score_threshold=least, max_output=most)
    )  # fmt: skip
    return _with_scores(boxes[keep], scores[keep]), keep


def _soft(
    boxes: Tensor,
    scores: Tensor,
    groups: Tensor | None,
    iou_threshold: float = 0.3,
    sigma: float = 0.5,
    min_score: float = 1e-3,
    method: str = "linear",
    offset: int = 0,
    max_num: int = -1,
) -> tuple[Tensor, Tensor]:
    one_of("method", method, tuple(METHODS))
    check_number("min_score", min_score)
    least = math.nextafter(min_score, -math.inf)  # ours drops scores <= the limit
    decayed, keep = _soft_nms(
        _pixels(boxes, offset), scores, iou_threshold, groups, sigma=sigma, min_score=least, kind=METHODS[method],
        inclusive=True, max_output=_limit(max_num),
    )  # fmt: skip
    return _with_scores(boxes[keep], decayed), keep


def _limit(max_num: int) -> int | None:
    """All, unless it is above 0."""
    if isinstance(max_num, bool) or not isinstance(max_num, Integral):
        raise TypeError(f"max_num: expected an integer, got {type(max_num).__name__}")
    return max_num if max_num > 0 else None


def nms_match(dets: Tensor, iou_threshold: float) -> list[Tensor]:
    """mmcv.ops.nms_match: for each kept box its index, then those that it removed at overlap >= iou_threshold.

    Args:
        dets: (N, 5) boxes with their scores.

    Returns:
        Groups of indices (int64), each by decreasing score, the best kept box first.
    """
    check_dense(dets=dets)
    if dets.dim() != 2 or dets.shape[1] != 5:
        raise ValueError(f"dets: expected shape (N, 5), got {tuple(dets.shape)}")
    scores = dets[:, 4]
    keep, owner = _nms(dets[:, :4], scores, iou_threshold, inclusive=True, return_owner=True)
    place = torch.empty_like(owner)
    place[keep] = torch.arange(len(keep), device=keep.device)
    order = torch.sort(scores, descending=True, stable=True).indices
    order = order[torch.sort(place[owner[order]], stable=True).indices]
    return list(order.split(torch.bincount(place[owner], minlength=len(keep)).tolist())) if len(keep) else []


def bbox_overlaps(
    bboxes1: Tensor, bboxes2: Tensor, mode: str = "iou", aligned: bool = False, offset: int = 0
) -> Tensor:
    """mmcv.ops.bbox_overlaps: overlaps (N, M) of all pairs, or (N,) box by box if `aligned`.

    Args:
        mode: iou, or iof: the share of the first box that is covered.
        offset: as in `nms`.
    """
    one_of("mode", mode, ("iou", "iof"))
    first, second = _pixels(bboxes1, offset, "bboxes1"), _pixels(bboxes2, offset, "bboxes2")
    return overlap(first, second, mode) if aligned else pairwise_overlap(first, second, mode)


def box_iou_rotated(
    bboxes1: Tensor, bboxes2: Tensor, mode: str = "iou", aligned: bool = False, clockwise: bool = True
) -> Tensor:
    """mmcv.ops.box_iou_rotated: overlaps (N, M) of all pairs of rotated boxes, or (N,) box by box if `aligned`.

    Args:
        bboxes1: (N, 5) centre x, centre y, width, height, angle in radians.
        bboxes2: (M, 5).
        mode: iou, or iof: the share of the first box that is covered.
        clockwise: angles go from +x to +y, clockwise on a picture; else the other way.
    """
    one_of("mode", mode, ("iou", "iof"))
    first, second = _clockwise(bboxes1, clockwise, "bboxes1"), _clockwise(bboxes2, clockwise, "bboxes2")
    return (rotated_overlap.overlap if aligned else rotated_overlap.pairwise_overlap)(first, second, mode)


def nms_rotated(
    dets: Tensor, scores: Tensor, iou_threshold: float, labels: Tensor | None = None, clockwise: bool = True
) -> tuple[Tensor, Tensor]:
    """mmcv.ops.nms_rotated: hard suppression of rotated boxes at overlap > iou_threshold, as its CUDA kernel.

    mmcv's CPU kernel removes at == too.

    Args:
        dets: (N, 5) centre x, centre y, width, height, angle in radians.
        labels: (N,) classes; None: all boxes meet.
        clockwise: as in `box_iou_rotated`.

    Returns:
        dets (K, 6), boxes as given with their scores, and keep (K,) int64, by decreasing score; mmcv has None in the
        place of keep, and dets without scores, where there are no boxes.
    """
    return _hard_rotated(dets, scores, labels, iou_threshold, clockwise)


def _hard_rotated(
    boxes: Tensor, scores: Tensor, groups: Tensor | None, iou_threshold: float, clockwise: bool = True
) -> tuple[Tensor, Tensor]:
    turned = _clockwise(boxes, clockwise, "dets")
    keep = (
        rotated_nms.nms(turned, scores, iou_threshold) if groups is None
        else rotated_nms.batched_nms(turned, scores, groups, iou_threshold)
    )  # fmt: skip
    return _with_scores(boxes[keep], scores[keep]), keep


def _clockwise(boxes: Tensor, clockwise: bool, name: str) -> Tensor:
    check_dense(**{name: boxes})
    check_flag("clockwise", clockwise)
    if boxes.shape[-1:] != (5,):
        raise ValueError(f"{name}: expected shape (N, 5), got {tuple(boxes.shape)}")
    return boxes if clockwise else torch.cat([boxes[..., :4], -boxes[..., 4:]], -1)


def _pixels(boxes: Tensor, offset: int, name: str = "boxes") -> Tensor:
    check_dense(**{name: boxes})
    if offset not in (0, 1):
        raise ValueError(f"offset: expected 0 or 1, got {offset!r}")
    return boxes if offset == 0 else boxes + boxes.new_tensor([0, 0, 1, 1])


def _with_scores(boxes: Tensor, scores: Tensor) -> Tensor:
    return torch.cat([boxes, scores[:, None].to(boxes.dtype)], dim=1)
