"""The other suppressions of rotated boxes: the functions of axis-aligned ones, which take their operators."""

from __future__ import annotations

from .._shared.shapes import of_rotated
from . import matrix_nms as _matrix, nms_variants as _variants, soft_nms as _soft

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
