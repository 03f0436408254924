"""The gradients of the operators that have one, by the operator's name; the others are transparent to autograd."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any, NamedTuple

from . import channel_norm as _norm_gradients, methods, overlap, rotated_overlap


class Gradient(NamedTuple):
    """What torch.library.register_autograd takes."""

    setup_context: Callable[..., None]
    backward: Callable[..., Any]


GRADIENTS: dict[str, Gradient] = {
    "channel_norm": Gradient(_norm_gradients.setup_context, _norm_gradients.backward),
    "channel_norm_backward": Gradient(_norm_gradients.setup_context_of_backward, _norm_gradients.backward_of_backward),
    "pairwise_overlap": Gradient(overlap.set_up_pairwise, overlap.pairwise_backward),
    "rotated_pairwise_overlap": Gradient(rotated_overlap.set_up, rotated_overlap.pairwise_backward),
    "rotated_overlap": Gradient(rotated_overlap.set_up, rotated_overlap.backward),
    "graded_box_loss": Gradient(overlap.set_up_box_loss, overlap.box_loss_backward),
}
GRADIENTS.update(
    soft_nms_walk=Gradient(methods.soft_setup, methods.soft_backward),
    rotated_soft_nms_walk=Gradient(methods.soft_setup, methods.soft_backward),
    merge_nms_walk=Gradient(methods.merge_setup, methods.merge_backward),
    nmm_walk=Gradient(methods.nmm_setup, methods.nmm_backward),
    wbf_walk=Gradient(methods.wbf_setup, methods.wbf_backward),
    rotated_merge_nms_walk=Gradient(methods.merge_setup, methods.merge_backward),
    rotated_nmm_walk=Gradient(methods.rotated_nmm_setup, methods.rotated_nmm_backward),
    rotated_wbf_walk=Gradient(methods.wbf_setup, methods.wbf_backward),
)
