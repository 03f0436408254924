"""The public functions on CUDA tensors that hold nothing (torch's fake tensors): no GPU is needed to see where a tensor
of another device would meet them, or where something waits for the device that promises not to.
"""

from __future__ import annotations

from collections.abc import Callable
from functools import partial
from typing import Any

import pytest
import torch
from torch import Tensor
from torch._subclasses.fake_tensor import FakeTensorMode
from torch.fx.experimental.symbolic_shapes import ShapeEnv
from torch.utils import _pytree as pytree

import ptdet
from ptdet._shared.methods import BATCH_METHODS, METHODS

pytestmark = pytest.mark.skipif(torch.version.cuda is None, reason="this torch has no CUDA")


def tensor(*shape: int, dtype: torch.dtype = torch.float32) -> Tensor:
    return torch.empty(shape, dtype=dtype, device="cuda")


def batch(**options: Any) -> Any:
    given = {"score_threshold": 0.2, "max_per_class": 9, "max_per_image": 20, **options}
    threshold = 0.5 if METHODS[options.get("method", "hard")].has_threshold else None
    return ptdet.combined_nms(tensor(2, 30, 4), tensor(2, 30, 3), threshold, **given)


def inputs() -> tuple[Tensor, Tensor, Tensor]:
    return tensor(50, 4), tensor(50), tensor(50, dtype=torch.int64)


WAITS_FOR_NOTHING: dict[str, Callable[[], Any]] = {
    **{f"combined_nms, {method}": partial(batch, method=method) for method in BATCH_METHODS},
    "combined_nms, agnostic": lambda: batch(agnostic=True),
    "nmm_walk": lambda: torch.ops.ptdet.nmm_walk(*inputs(), 0.5),
    "box_iou": lambda: ptdet.box_iou(tensor(5, 4), tensor(6, 4)),
    "complete_box_iou": lambda: ptdet.complete_box_iou(tensor(5, 4), tensor(6, 4)),
    "pairwise_overlap": lambda: ptdet.pairwise_overlap(tensor(2, 5, 4), tensor(2, 6, 4), "giou"),
    "overlap": lambda: ptdet.overlap(tensor(5, 4), tensor(5, 4), "ciou"),
    "complete_box_iou_loss": lambda: ptdet.complete_box_iou_loss(tensor(5, 4), tensor(5, 4), reduction="mean"),
    "scylla_iou_loss": lambda: ptdet.scylla_iou_loss(tensor(5, 4), tensor(5, 4)),
    "focal_efficient_iou_loss": lambda: ptdet.focal_efficient_iou_loss(tensor(5, 4), tensor(5, 4)),
    "mpd_iou_loss": lambda: ptdet.mpd_iou_loss(tensor(5, 4), tensor(5, 4), image_size=(3, 4)),
    "wise_iou_loss": lambda: ptdet.wise_iou_loss(tensor(5, 4), tensor(5, 4), version=1),
    "channel_norm": lambda: ptdet.channel_norm(tensor(2, 3, 4, 5)),
    "box_convert": lambda: ptdet.box_convert(tensor(5, 4), "xyxy", "cxcywh"),
    "box_area": lambda: ptdet.box_area(tensor(5, 4)),
    "clip_boxes_to_image": lambda: ptdet.clip_boxes_to_image(tensor(5, 4), (10, 20)),
}
AS_LONG_AS_WHAT_IS_FOUND: dict[str, Callable[[Tensor, Tensor, Tensor], Any]] = {
    "nms": lambda b, s, i: ptdet.nms(b, s, 0.5, return_owner=True),
    "batched_nms": lambda b, s, i: ptdet.batched_nms(b, s, i, 0.5),
    "or_nms": lambda b, s, i: ptdet.or_nms(b, s, 0.5, idxs=i),
    "diou_nms": lambda b, s, i: ptdet.diou_nms(b, s, 0.5, idxs=i),
    "and_nms": lambda b, s, i: ptdet.and_nms(b, s, 0.5, idxs=i),
    "merge_nms": lambda b, s, i: ptdet.merge_nms(b, s, 0.5, i),
    "cluster_nms": lambda b, s, i: ptdet.cluster_nms(b, s, 0.5, i),
    "remove_small_boxes": lambda b, s, i: ptdet.remove_small_boxes(b, 1.0),
}


def check_devices(result: Any) -> None:
    found = [leaf for leaf in pytree.tree_leaves(result) if isinstance(leaf, Tensor)]
    assert found and {leaf.device.type for leaf in found} == {"cuda"}


@pytest.mark.parametrize("name", WAITS_FOR_NOTHING)
def test_no_device_is_mixed_and_nothing_waits(name: str) -> None:
    ptdet.build_info()
    with FakeTensorMode(shape_env=ShapeEnv(), static_shapes=True):  # a number read or a shape found raises here
        check_devices(WAITS_FOR_NOTHING[name]())


@pytest.mark.parametrize("name", AS_LONG_AS_WHAT_IS_FOUND)
def test_no_device_is_mixed(name: str) -> None:
    ptdet.build_info()
    shapes = ShapeEnv(allow_scalar_outputs=True, allow_dynamic_output_shape_ops=True)
    with FakeTensorMode(shape_env=shapes, static_shapes=True):
        check_devices(AS_LONG_AS_WHAT_IS_FOUND[name](*inputs()))


def test_fake_tensors_tell_of_a_wait_and_of_a_mix() -> None:
    with FakeTensorMode(shape_env=ShapeEnv(allow_scalar_outputs=False), static_shapes=True):
        with pytest.raises(Exception, match="aten._local_scalar_dense"):
            tensor(3).sum().item()
        with pytest.raises(RuntimeError, match="devices"):
            _ = tensor(3) + torch.empty(3)
