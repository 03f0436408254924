"""One row an operation. A registered operator without a row fails the suite; a row buys an operation its tests."""

from collections.abc import Callable, Iterator
from dataclasses import dataclass
from typing import Any

import torch

from .. import reference
from .._library.autograd import GRADIENTS
from . import heads, overlap_samples, samples, samples_batch, samples_methods, samples_norm, samples_rotated
from .samples import Sample


@dataclass(frozen=True)
class Operation:
    """What tests and benchmarks need to know of an operator."""

    name: str  # of torch.ops.ptdet
    samples: Callable[[torch.device, torch.dtype], Iterator[Sample]]
    reference: Callable[..., Any]
    # Relative, and times the largest number of the result; 0 asks for equality. Not 0 where the reference sums in
    # another order: the norm over channels, and what autograd gives.
    tolerance: float = 0.0
    differentiable: bool = False


CATALOG: list[Operation] = [
    Operation("nms", samples.suppression, reference.nms),
    Operation("nms_walk", samples.suppression, reference.nms_walk),
    # the order of a sum of up to 37 powers: 37 roundings of 1.2e-7, and those of pow and of the root
    Operation("channel_norm", samples_norm.channel_norm, reference.channel_norm, 6e-6, differentiable=True),
    Operation(
        "channel_norm_backward", samples_norm.backward, reference.channel_norm_backward, 1e-6, differentiable=True
    ),
    Operation("pairwise_overlap", overlap_samples.pairwise, reference.pairwise_overlap, differentiable=True),
    Operation(
        "pairwise_overlap_backward", overlap_samples.pairwise_backward, reference.pairwise_overlap_backward, 1e-6
    ),
    Operation("graded_box_loss", overlap_samples.graded, reference.graded_box_loss, 1e-6, True),
    Operation("graded_box_loss_backward", overlap_samples.graded_backward, reference.graded_box_loss_backward),
    Operation("graded_box_loss_gradient", overlap_samples.graded_gradient, reference.graded_box_loss_gradient, 1e-6),
    Operation(
        *("rotated_pairwise_overlap", samples_rotated.pairwise, reference.rotated_pairwise_overlap),
        differentiable=True,
    ),
    Operation("rotated_overlap", samples_rotated.one_by_one, reference.rotated_overlap, differentiable=True),
    Operation(
        *("rotated_overlap_backward", samples_rotated.backward, reference.rotated_overlap_backward),
        tolerance=1e-6,
    ),
    Operation("rotated_nms", samples_rotated.suppression, reference.rotated_nms),
    Operation("rotated_nms_walk", samples_rotated.suppression, reference.rotated_nms_walk),
    Operation("rotated_merge_nms_walk", samples_rotated.merge, reference.rotated_merge_nms_walk, differentiable=True),
    Operation("rotated_nmm_walk", samples_rotated.nmm, reference.rotated_nmm_walk, differentiable=True),
    Operation("rotated_wbf_walk", samples_rotated.fusion, reference.rotated_wbf_walk, differentiable=True),
    Operation("yolo_filter", heads.yolo_filter, reference.yolo_filter),
    Operation("yolo_postprocess", heads.yolo_postprocess, reference.yolo_postprocess),
    Operation("yolo_pipeline", heads.yolo_pipeline, reference.yolo_pipeline),
    Operation("image_slots", heads.image_slots, reference.image_slots),
    Operation("ragged_groups", samples_batch.ragged_groups, reference.ragged_groups),
    Operation("image_order", samples_batch.image_order, reference.image_order),
    Operation("rows_at", samples_batch.rows_at, reference.rows_at),
    Operation("class_candidates", samples_batch.class_candidates, reference.class_candidates),
]
CATALOG += [
    Operation(name, samples_methods.samples_of(name), getattr(reference, name), differentiable=name in GRADIENTS)
    for name in (*samples_methods.OPERATORS, *samples_methods.ROTATED_OPERATORS)
]
