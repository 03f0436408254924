"""Suppression and fusion of rotated boxes: the functions of axis-aligned ones, on the operators of rotated ones."""

from __future__ import annotations

from .._shared.shapes import of_rotated
from . import (
    batch as _batch,
    box_fusion as _fusion,
    matrix_nms as _matrix,
    merge_nms as _merge,
    nmm as _nmm,
    nms_variants as _variants,
    soft_nms as _soft,
)

__all__ = [
    "adaptive_nms",
    "and_nms",
    "cluster_nms",
    "combined_nms",
    "diou_nms",
    "fast_nms",
    "greedy_nmm",
    "matrix_nms",
    "merge_nms",
    "nmm",
    "non_maximum_weighted",
    "or_nms",
    "ragged_nms",
    "soft_nms",
    "weighted_boxes_fusion",
]

_THREE = """\
>>> import torch, ptdet
>>> boxes = torch.tensor([[5., 5., 8., 2., 0.], [5., 5., 8., 2., 3.14], [5., 5., 8., 2., 1.57]])
>>> scores = torch.tensor([.9, .8, .7])
"""

or_nms = of_rotated(
    _variants.or_nms,
    "ptdet",
    __name__,
    _THREE + ">>> ptdet.rotated.or_nms(boxes, scores, 0.5)\ntensor([0, 2])",
)
diou_nms = of_rotated(
    _variants.diou_nms,
    "ptdet",
    __name__,
    """\
>>> import torch, ptdet
>>> boxes = torch.tensor([[5., 5., 8., 2., 0.], [6., 5., 8., 2., 0.]])  # IoU 7/9, centres 1 apart
>>> scores = torch.tensor([.9, .8])
>>> ptdet.rotated.diou_nms(boxes, scores, 0.75), ptdet.rotated.diou_nms(boxes, scores, 0.75, beta=0.6)
(tensor([0]), tensor([0, 1]))""",
    "c2 is the squared diameter of the convex hull of both boxes.",
)
and_nms = of_rotated(
    _variants.and_nms,
    "ptdet",
    __name__,
    _THREE + ">>> ptdet.rotated.and_nms(boxes, scores, 0.5)\ntensor([0])",
)
adaptive_nms = of_rotated(
    _variants.adaptive_nms,
    "ptdet",
    __name__,
    _THREE + ">>> ptdet.rotated.adaptive_nms(boxes, scores, torch.tensor([.1, .1, .1]), 0.05)\ntensor([0])",
)
soft_nms = of_rotated(
    _soft.soft_nms,
    "ptdet",
    __name__,
    _THREE + ">>> ptdet.rotated.soft_nms(boxes, scores, 0.5, kind='linear')[1]\ntensor([0, 2, 1])",
)
fast_nms = of_rotated(
    _matrix.fast_nms,
    "ptdet",
    __name__,
    _THREE + ">>> ptdet.rotated.fast_nms(boxes, scores, 0.5)\ntensor([0, 2])",
)
matrix_nms = of_rotated(
    _matrix.matrix_nms,
    "ptdet",
    __name__,
    _THREE + ">>> ptdet.rotated.matrix_nms(boxes, scores, kind='linear')[1]\ntensor([0, 2, 1])",
)
merge_nms = of_rotated(
    _merge.merge_nms,
    "ptdet",
    __name__,
    """\
>>> import torch, ptdet
>>> boxes = torch.tensor([[5., 5., 8., 2., 0.1], [7., 5., 8., 2., 0.1], [5., 25., 8., 2., 0.1]])
>>> ptdet.rotated.merge_nms(boxes, torch.tensor([.75, .25, .5]), 0.4)
(tensor([[ 5.5000,  5.0000,  8.0000,  2.0000,  0.1000],
        [ 5.0000, 25.0000,  8.0000,  2.0000,  0.1000]]), tensor([0, 2]))""",
    """\
A member is first written (w, h, angle) or (h, w, angle + pi/2), whichever angle is nearer to the kept box's modulo
pi; so a mean does not depend on how boxes are written.""",
)
cluster_nms = of_rotated(
    _merge.cluster_nms,
    "ptdet",
    __name__,
    _THREE + ">>> ptdet.rotated.cluster_nms(boxes, scores, 0.5)[1]\ntensor([0, 2])",
)
greedy_nmm = of_rotated(
    _nmm.greedy_nmm,
    "ptdet",
    __name__,
    """\
>>> import torch, ptdet
>>> boxes = torch.tensor([[0., 0., 8., 2., 0.], [3., 0., 2., 8., 1.5708], [0., 20., 8., 2., 0.]])
>>> ptdet.rotated.greedy_nmm(boxes, torch.tensor([.9, .8, .7]))
(tensor([[ 1.5000,  0.0000, 11.0000,  2.0000,  0.0000],
        [ 0.0000, 20.0000,  8.0000,  2.0000,  0.0000]]), tensor([0, 2]))""",
    "A kept box grows to the smallest with its direction that holds its members.",
)
nmm = of_rotated(
    _nmm.nmm,
    "ptdet",
    __name__,
    """\
>>> import torch, ptdet
>>> boxes = torch.tensor([[0., 0., 8., 2., 0.], [4., 0., 8., 2., 0.], [8., 0., 8., 2., 0.]])
>>> scores = torch.tensor([.9, .8, .7])
>>> ptdet.rotated.nmm(boxes, scores)[1], ptdet.rotated.greedy_nmm(boxes, scores)[1]
(tensor([0]), tensor([0, 2]))""",
    "Boxes grow as those of `greedy_nmm`.",
)
weighted_boxes_fusion = of_rotated(
    _fusion.weighted_boxes_fusion,
    "ptdet",
    __name__,
    """\
>>> import torch, ptdet
>>> boxes = [torch.tensor([[5., 5., 8., 2., 0.1]]), torch.tensor([[7., 5., 8., 2., 0.1]])]
>>> labels = [torch.tensor([1])] * 2
>>> ptdet.rotated.weighted_boxes_fusion(boxes, [torch.tensor([.75]), torch.tensor([.25])], labels, iou_thr=0.4)
(tensor([[5.5000, 5.0000, 8.0000, 2.0000, 0.1000]]), tensor([0.5000]), tensor([1]))""",
    "The mean is that of `merge_nms` about the box that founded it.",
    "for each model (N, 5)",
)
non_maximum_weighted = of_rotated(
    _fusion.non_maximum_weighted,
    "ptdet",
    __name__,
    """\
>>> import torch, ptdet
>>> boxes = [torch.tensor([[5., 5., 8., 2., 0.1]]), torch.tensor([[5., 5., 8., 1.6, 0.1]])]
>>> labels = [torch.tensor([1])] * 2
>>> ptdet.rotated.non_maximum_weighted(boxes, [torch.tensor([.8]), torch.tensor([.5])], labels)[0]
tensor([[5.0000, 5.0000, 8.0000, 1.8667, 0.1000]])""",
    "The mean is that of `merge_nms`.",
    "for each model (N, 5)",
)
combined_nms = of_rotated(
    _batch.combined_nms,
    "ptdet",
    __name__,
    """\
>>> import torch, ptdet
>>> boxes = torch.tensor([[[5., 5., 8., 2., 0.], [5., 5., 2., 8., 1.57], [5., 5., 2., 8., 0.]]])
>>> found = ptdet.rotated.combined_nms(boxes, torch.tensor([[.8, .9, .7]]), 0.5)
>>> found.num, found.indices
(tensor([2]), tensor([[ 1,  2, -1]]))""",
    "On a GPU it waits for methods other than hard, or, diou and fast, which run on the reference.",
    "(B, N, 5), shared by the classes, or (B, N, C, 5)",
)
ragged_nms = of_rotated(
    _batch.ragged_nms,
    "ptdet",
    __name__,
    """\
>>> import torch, ptdet
>>> boxes = torch.tensor([[5., 5., 8., 2., 0.], [5., 5., 8., 2., 3.14], [5., 5., 8., 2., 0.]])
>>> images = torch.tensor([0, 0, 1])
>>> ptdet.rotated.ragged_nms(boxes, torch.tensor([.8, .9, .7]), images, 0.5, num_images=2)
(tensor([1, 2]), tensor([1, 1]))""",
    "Methods are those of `combined_nms`.",
)
