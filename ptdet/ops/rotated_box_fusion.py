"""Fusion of the rotated boxes that several models found."""

from __future__ import annotations

from collections.abc import Sequence

from torch import Tensor

from .box_fusion import weighted_boxes, weighted_maximum

SHAPE = "rotated_"


def weighted_boxes_fusion(
    boxes_list: Sequence[Tensor],
    scores_list: Sequence[Tensor],
    labels_list: Sequence[Tensor],
    weights: Sequence[float] | None = None,
    iou_thr: float = 0.55,
    skip_box_thr: float = 0.0,
    conf_type: str = "avg",
    allows_overflow: bool = False,
    *,
    return_owner: bool = False,
) -> tuple[Tensor, ...]:
    """`ptdet.weighted_boxes_fusion` of rotated boxes; the mean is that of `merge_nms` about the box that founded it.

    Args:
        boxes_list: for each model (N_m, 5) cx, cy, w, h, angle in radians from +x to +y.

    The other arguments, what is returned, the boxes (K, 5), and what raises are those of
    `ptdet.weighted_boxes_fusion`.

    >>> import torch, ptdet
    >>> boxes = [torch.tensor([[5., 5., 8., 2., 0.1]]), torch.tensor([[7., 5., 8., 2., 0.1]])]
    >>> labels = [torch.tensor([1])] * 2
    >>> found = ptdet.rotated.weighted_boxes_fusion(
    ...     boxes, [torch.tensor([.75]), torch.tensor([.25])], labels, iou_thr=0.4)
    >>> found
    (tensor([[5.5000, 5.0000, 8.0000, 2.0000, 0.1000]]), tensor([0.5000]), tensor([1]))
    """
    lists = (boxes_list, scores_list, labels_list, weights)
    return weighted_boxes(SHAPE, lists, iou_thr, skip_box_thr, conf_type, allows_overflow, return_owner)


def non_maximum_weighted(
    boxes_list: Sequence[Tensor],
    scores_list: Sequence[Tensor],
    labels_list: Sequence[Tensor],
    weights: Sequence[float] | None = None,
    iou_thr: float = 0.55,
    skip_box_thr: float = 0.0,
    *,
    return_owner: bool = False,
) -> tuple[Tensor, ...]:
    """`ptdet.non_maximum_weighted` of rotated boxes; the mean is that of `merge_nms`.

    Args and what is returned and raised: as `weighted_boxes_fusion`.

    >>> import torch, ptdet
    >>> boxes = [torch.tensor([[5., 5., 8., 2., 0.]]), torch.tensor([[5., 5., 8., 1.5, 0.]])]
    >>> scores, labels = [torch.tensor([.75]), torch.tensor([1 / 3])], [torch.tensor([1])] * 2
    >>> ptdet.rotated.non_maximum_weighted(boxes, scores, labels)[0]
    tensor([[5.0000, 5.0000, 8.0000, 1.8750, 0.0000]])
    """
    return weighted_maximum(SHAPE, (boxes_list, scores_list, labels_list, weights), iou_thr, skip_box_thr, return_owner)
