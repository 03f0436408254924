"""What operators consist of, for torch.onnx: one formula an operator, by its name."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

from torch import Tensor

from .. import reference
from .._library.load import OPERATORS
from ..reference.pairs import graded_value
from . import (
    _box_fusion as fusion,
    _merge_nms as merge,
    _nms_variants as variants,
    _slots as slots,
    _standard as standard,
)


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
    "rotated_pairwise_overlap": reference.rotated_pairwise_overlap,
    "rotated_overlap": reference.rotated_overlap,
    "channel_norm": reference.channel_norm,
    **{
        name: getattr(module, name)
        for module in (standard, variants, merge, fusion, slots)
        for name in OPERATORS
        if hasattr(module, name)
    },
}
