"""One row an operation. A registered operator without a row fails the suite; a row buys an operation its tests."""

from collections.abc import Callable, Iterator
from dataclasses import dataclass
from typing import Any

import torch

from .. import reference
from . import heads, overlap_samples, samples, samples_batch, samples_methods, samples_norm
from .samples import Sample


@dataclass(frozen=True)
class Operation:
    """What tests and benchmarks need to know of an operator."""

    name: str  # of torch.ops.ptdet
    samples: Callable[[torch.device, torch.dtype], Iterator[Sample]]
    reference: Callable[..., Any]
    tolerance: float = 0.0  # relative, and times the largest number of the result; 0 asks for equality
    differentiable: bool = False


CATALOG: list[Operation] = [
    Operation("nms", samples.suppression, reference.nms),
    Operation("nms_walk", samples.suppression, reference.nms_walk),
    Operation("channel_norm", samples_norm.channel_norm, reference.channel_norm, 1e-6, differentiable=True),
    Operation(
        "channel_norm_backward", samples_norm.backward, reference.channel_norm_backward, 1e-6, differentiable=True
    ),
    Operation("pairwise_overlap", overlap_samples.pairwise, reference.pairwise_overlap, 1e-6, True),
    Operation(
        "pairwise_overlap_backward", overlap_samples.pairwise_backward, reference.pairwise_overlap_backward, 1e-6
    ),
    Operation("graded_box_loss", overlap_samples.graded, reference.graded_box_loss, 1e-6, True),
    Operation("graded_box_loss_backward", overlap_samples.graded_backward, reference.graded_box_loss_backward),
    Operation("yolo_filter", heads.yolo_filter, reference.yolo_filter, tolerance=1e-6),
    Operation("yolo_postprocess", heads.yolo_postprocess, reference.yolo_postprocess, tolerance=1e-6),
    Operation("yolo_pipeline", heads.yolo_pipeline, reference.yolo_pipeline, tolerance=1e-6),
    Operation("image_slots", heads.image_slots, reference.image_slots),
    Operation("ragged_groups", samples_batch.ragged_groups, reference.ragged_groups),
    Operation("image_order", samples_batch.image_order, reference.image_order),
    Operation("rows_at", samples_batch.rows_at, reference.rows_at),
    Operation("class_candidates", samples_batch.class_candidates, reference.class_candidates),
]
CATALOG += [
    Operation("diou_nms_walk", samples_methods.diou, reference.diou_nms_walk),
    Operation("and_nms", samples_methods.and_, reference.and_nms),
    Operation("and_nms_walk", samples_methods.and_, reference.and_nms_walk),
    Operation("merge_nms", samples_methods.merge, reference.merge_nms),
    Operation("merge_nms_walk", samples_methods.merge, reference.merge_nms_walk, differentiable=True),
    Operation("nmm_walk", samples_methods.nmm, reference.nmm_walk, differentiable=True),
    Operation("soft_nms_walk", samples_methods.soft, reference.soft_nms_walk, 1e-6, differentiable=True),
    Operation("fast_nms_walk", samples_methods.fast, reference.fast_nms_walk),
    Operation("matrix_nms_walk", samples_methods.matrix, reference.matrix_nms_walk, 1e-6),
    Operation("wbf_walk", samples_methods.wbf, reference.wbf_walk, differentiable=True),
]
