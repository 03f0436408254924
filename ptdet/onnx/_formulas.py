"""What operators consist of, for torch.onnx: one formula an operator, by its name."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

from torch import Tensor

from .. import reference
from ..reference.pairs import graded_value
from . import _box_fusion as fusion, _merge_nms as merge, _slots as slots, _standard as standard, _walks as walks


def box_loss(
    boxes1: Tensor,
    boxes2: Tensor,
    kind: str = "iou",
    eps: float = 1e-7,
    joint_eps: float = 1e-7,
    similarity: bool = False,
    slopes1: bool = False,
    slopes2: bool = False,
    power: float = 1.0,
    scale: float = 1.0,
    base: str = "iou",
) -> tuple[Tensor, Tensor]:
    """Without the slopes, which a forward pass does not read."""
    return graded_value(boxes1, boxes2, kind, eps, joint_eps, similarity, power, scale, base), boxes1.new_empty(0)


FORMULAS: dict[str, Callable[..., Any]] = {
    "pairwise_overlap": reference.pairwise_overlap,
    "graded_box_loss": box_loss,
    "channel_norm": reference.channel_norm,
    "nms": standard.nms,
    "nms_walk": walks.nms_walk,
    "diou_nms_walk": walks.diou_nms_walk,
    "and_nms": walks.and_nms,
    "and_nms_walk": walks.and_nms_walk,
    "merge_nms": merge.merge_nms,
    "merge_nms_walk": merge.merge_nms_walk,
    "soft_nms_walk": walks.soft_nms_walk,
    "wbf_walk": fusion.wbf_walk,
    "image_slots": slots.image_slots,
}
