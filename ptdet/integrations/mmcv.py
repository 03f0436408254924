"""mmcv.ops' suppressions and overlaps for tensors, without mmcv."""

from __future__ import annotations

import math
from typing import Any

import torch
from torch import Tensor

from .._library.checks import check_dense
from ..ops.nms import batched_nms as _batched_nms, nms as _nms
from ..ops.overlap import overlap, pairwise_overlap
from ..ops.soft_nms import soft_nms as _soft_nms

METHODS = {"naive": "hard", "linear": "linear", "gaussian": "gaussian"}


def nms(
    boxes: Tensor,
    scores: Tensor,
    iou_threshold: float,
    offset: int = 0,
    score_threshold: float = 0,
    max_num: int = -1,
) -> tuple[Tensor, Tensor]:
    """mmcv.ops.nms: hard suppression at overlap > iou_threshold.

    Args:
        offset: 1 counts pixels, so that a box is x2 - x1 + 1 wide; 0 does not.
        score_threshold: above 0: only scores above it take part.
        max_num: above 0: at most so many are kept.

    Returns:
        dets (K, 5), boxes with their scores, and keep (K,) int64, by decreasing score.

    Raises:
        TypeError, ValueError: naming the argument, what was expected and what came.
    """
    keep = _nms(
        _pixels(boxes, offset), scores, iou_threshold,
        score_threshold=score_threshold if score_threshold > 0 else None, max_output=max_num if max_num > 0 else None,
    )  # fmt: skip
    return _with_scores(boxes[keep], scores[keep]), keep


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
        offset: as in `nms`.

    Returns:
        dets (K, 5), boxes with their decayed scores, and keep (K,) int64, by decreasing decayed score.
    """
    if method not in METHODS:
        raise ValueError(f"method: expected one of {', '.join(METHODS)}, got {method!r}")
    least = math.nextafter(min_score, -math.inf)  # ours drops scores <= the limit
    decayed, keep = _soft_nms(
        _pixels(boxes, offset), scores, iou_threshold, sigma=sigma, min_score=least, kind=METHODS[method],
        inclusive=True,
    )  # fmt: skip
    return _with_scores(boxes[keep], decayed), keep


def batched_nms(
    boxes: Tensor, scores: Tensor, idxs: Tensor, nms_cfg: dict[str, Any] | None, class_agnostic: bool = False
) -> tuple[Tensor, Tensor]:
    """mmcv.ops.batched_nms, exact at any coordinates: no boxes are moved apart and no `split_thr` is needed.

    Args:
        nms_cfg: None suppresses nothing; else type ("nms" or "soft_nms"), the arguments of that function, `max_num`,
            and class_agnostic, which overrides the argument. split_thr changes nothing.

    Returns:
        dets (K, 5) and keep (K,) int64, by decreasing score.
    """
    if nms_cfg is None:
        order = torch.sort(scores, descending=True, stable=True).indices
        return _with_scores(boxes[order], scores[order]), order
    options = dict(nms_cfg)
    kind = options.pop("type", "nms")
    groups = None if options.pop("class_agnostic", class_agnostic) else idxs
    options.pop("split_thr", None)
    most = options.pop("max_num", -1)
    limit = most if most > 0 else None
    moved = _pixels(boxes, options.pop("offset", 0))
    if kind == "nms":
        least = options.pop("score_threshold", 0)
        chosen: dict[str, Any] = {"max_output": limit, "score_threshold": least if least > 0 else None}
        threshold = options.pop("iou_threshold")
        _refuse(options)
        keep: Any = (
            _nms(moved, scores, threshold, **chosen) if groups is None
            else _batched_nms(moved, scores, groups, threshold, **chosen)
        )  # fmt: skip
        return _with_scores(boxes[keep], scores[keep]), keep
    if kind == "soft_nms":
        method = options.pop("method", "linear")
        if method not in METHODS:
            raise ValueError(f"nms_cfg: expected a method of {', '.join(METHODS)}, got {method!r}")
        least = math.nextafter(options.pop("min_score", 1e-3), -math.inf)
        threshold, sigma = options.pop("iou_threshold", 0.3), options.pop("sigma", 0.5)
        _refuse(options)
        decayed, keep = _soft_nms(
            moved, scores, threshold, groups, sigma=sigma, min_score=least, kind=METHODS[method], inclusive=True,
            max_output=limit,
        )  # fmt: skip
        return _with_scores(boxes[keep], decayed), keep
    raise ValueError(f"nms_cfg: expected type nms or soft_nms, got {kind!r}")


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
    if mode not in ("iou", "iof"):
        raise ValueError(f"mode: expected iou or iof, got {mode!r}")
    first, second = _pixels(bboxes1, offset, "bboxes1"), _pixels(bboxes2, offset, "bboxes2")
    return overlap(first, second, mode) if aligned else pairwise_overlap(first, second, mode)


def _pixels(boxes: Tensor, offset: int, name: str = "boxes") -> Tensor:
    check_dense(**{name: boxes})
    if offset not in (0, 1):
        raise ValueError(f"offset: expected 0 or 1, got {offset!r}")
    return boxes if offset == 0 else boxes + boxes.new_tensor([0, 0, 1, 1])


def _with_scores(boxes: Tensor, scores: Tensor) -> Tensor:
    return torch.cat([boxes, scores[:, None].to(boxes.dtype)], dim=1)


def _refuse(rest: dict[str, Any]) -> None:
    if rest:
        raise ValueError(f"nms_cfg: {', '.join(rest)} is not known here")
