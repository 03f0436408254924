"""Suppression by the silent conventions of other packages: what happens at the threshold, pixels, sigma's scale.

docs/switching.md has them in one table. Boxes are x1, y1, x2, y2 in all of them.
"""

from __future__ import annotations

import math
from typing import Any, NamedTuple

import torch
from torch import Tensor

from . import batched_nms as _batched_nms
from . import nms as _nms
from . import soft_nms as _soft_nms


class Profile(NamedTuple):
    """What a package does where others do something else."""

    inclusive: bool = False  # hard: removes at overlap == threshold too
    soft_inclusive: bool = False  # linear and hard decay: at overlap == threshold too
    sigma_factor: float = 1.0  # gaussian: exp(-overlap^2 / (sigma_factor * sigma))
    reselect: bool = True  # soft: by current scores
    keeps_min_score: bool = False  # soft: a score equal to min_score stays
    by_class: bool = False  # kept boxes come class after class, by rising id


PROFILES: dict[str, Profile] = {
    "torchvision": Profile(),
    "yolov3": Profile(inclusive=True, soft_inclusive=True, reselect=False),
    "yolov5": Profile(),
    "mmcv": Profile(soft_inclusive=True, keeps_min_score=True),
    "tensorflow": Profile(sigma_factor=2.0),
    "onnx": Profile(by_class=True),
    "opencv": Profile(),
}


def nms(
    boxes: Tensor,
    scores: Tensor,
    iou_threshold: float,
    idxs: Tensor | None = None,
    *,
    compat: str,
    offset: int = 0,
    score_threshold: float | None = None,
    max_output: int | None = None,
) -> Tensor:
    """Hard suppression as the named package has it.

    Args:
        boxes: (N, 4) x1, y1, x2, y2; `ptdet.nms` says more, of the other arguments as well.
        idxs: (N,) class of each box, if only boxes of one class meet.
        compat: torchvision, yolov3, yolov5, mmcv, tensorflow, onnx or opencv.
        offset: 1 counts pixels, so that a box is x2 - x1 + 1 wide (old mmcv, detectron, py-faster-rcnn).

    Returns:
        keep (K,) int64, by decreasing score, ties to the lower index; for onnx class after class.

    Raises:
        TypeError, ValueError: naming the argument, what was expected and what came.

    >>> import torch, ptdet.compat
    >>> boxes = torch.tensor([[0., 0., 10., 10.], [0., 0., 10., 5.]])
    >>> [ptdet.compat.nms(boxes, torch.tensor([.9, .8]), .5, compat=name).tolist() for name in ("yolov3", "yolov5")]
    [[0], [0, 1]]
    """
    profile, moved = _profile(compat), _pixels(boxes, offset)
    options: dict[str, Any] = {
        "inclusive": profile.inclusive, "score_threshold": score_threshold, "max_output": max_output,
    }  # fmt: skip
    keep: Any = (
        _nms(moved, scores, iou_threshold, **options)
        if idxs is None
        else _batched_nms(moved, scores, idxs, iou_threshold, **options)
    )
    kept: Tensor = keep if idxs is None or not profile.by_class else keep[torch.sort(idxs[keep], stable=True).indices]
    return kept


def soft_nms(
    boxes: Tensor,
    scores: Tensor,
    iou_threshold: float = 0.3,
    idxs: Tensor | None = None,
    *,
    compat: str,
    offset: int = 0,
    sigma: float = 0.5,
    min_score: float = 0.001,
    kind: str = "gaussian",
    max_output: int | None = None,
) -> tuple[Tensor, Tensor]:
    """Soft-NMS as the named package has it: scores (K,) and keep (K,), as `ptdet.soft_nms`.

    Args:
        compat, offset: as `nms`; the others as `ptdet.soft_nms`, `sigma` on the package's own scale.

    tensorflow removes at overlap > iou_threshold while it decays; here nothing is removed, as with its iou_threshold 1.
    """
    profile = _profile(compat)
    least = math.nextafter(min_score, -math.inf) if profile.keeps_min_score else min_score
    found = _soft_nms(
        _pixels(boxes, offset), scores, iou_threshold, idxs, sigma=profile.sigma_factor * sigma, min_score=least,
        kind=kind, reselect=profile.reselect, inclusive=profile.soft_inclusive, max_output=max_output,
    )  # fmt: skip
    return found[0], found[1]


def _profile(compat: str) -> Profile:
    if compat not in PROFILES:
        raise ValueError(f"compat: expected one of {', '.join(PROFILES)}, got {compat!r}")
    return PROFILES[compat]


def _pixels(boxes: Tensor, offset: int) -> Tensor:
    if offset not in (0, 1):
        raise ValueError(f"offset: expected 0 or 1, got {offset!r}")
    return boxes if offset == 0 else boxes + boxes.new_tensor([0, 0, 1, 1])
