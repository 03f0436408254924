"""The losses with the keywords that tests and gradients are asked for, and the boxes they are tried on."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any, NamedTuple

import torch
from torch import Tensor

import ptdet
from ptdet._shared.parameters import LOSS_BASES
from tests.detections import plain_nms_cases


class Kind(NamedTuple):
    """A public function with its keywords, and the same loss for the reference's box_loss."""

    function: Callable[..., Tensor]
    keywords: dict[str, Any]
    kind: str
    parameters: dict[str, Any]


def kinds() -> dict[str, Kind]:
    mean = torch.tensor(0.6)
    found = {
        "iou": Kind(ptdet.box_iou_loss, {}, "iou", {}),
        "giou": Kind(ptdet.generalized_box_iou_loss, {}, "giou", {}),
        "diou": Kind(ptdet.distance_box_iou_loss, {}, "diou", {}),
        "ciou": Kind(ptdet.complete_box_iou_loss, {}, "ciou", {}),
        "eiou": Kind(ptdet.efficient_iou_loss, {}, "eiou", {}),
        "focal_eiou": Kind(ptdet.focal_efficient_iou_loss, {}, "focal_eiou", {"power": 0.5}),
        "siou": Kind(ptdet.scylla_iou_loss, {}, "siou", {"power": 4.0}),
        "mpdiou": Kind(ptdet.mpd_iou_loss, {"image_size": (3, 4)}, "mpdiou", {"scale": 25.0}),
        "nwd": Kind(ptdet.normalized_wasserstein_loss, {}, "nwd", {"scale": 12.8}),
        "wiou_v1": Kind(ptdet.wise_iou_loss, {"version": 1}, "wiou_v1", {}),
        "wiou_v2": Kind(ptdet.wise_iou_loss, {"version": 2, "mean": mean}, "wiou_v2", {"power": 0.5, "mean": mean}),
        "wiou_v3": Kind(
            ptdet.wise_iou_loss, {"version": 3, "mean": mean}, "wiou_v3", {"power": 1.9, "scale": 3.0, "mean": mean}
        ),
    }
    for base in LOSS_BASES["alpha_iou"]:
        found[f"alpha_{base}"] = Kind(ptdet.alpha_iou_loss, {"base": base}, "alpha_iou", {"power": 3.0, "base": base})
    for base in LOSS_BASES["inner_iou"]:
        parameters = {"power": 4.0, "scale": 0.75, "base": base}
        found[f"inner_{base}"] = Kind(ptdet.inner_iou_loss, {"base": base}, "inner_iou", parameters)
    return found


KINDS = kinds()


def random_pairs(pairs: int, dtype: torch.dtype, side: float = 1.0, seed: int = 0) -> tuple[Tensor, Tensor]:
    """Half of the pairs near each other, half anywhere in a square; every box has an inside."""
    random = torch.Generator().manual_seed(seed)

    def scattered() -> Tensor:
        corner = torch.rand(pairs, 2, generator=random, dtype=torch.float64)
        return torch.cat([corner, corner + 0.02 + 0.6 * torch.rand(pairs, 2, generator=random).double()], dim=1) * side

    first, second = scattered(), scattered()
    near = first + 0.01 * side * (torch.rand(pairs, 4, generator=random).double() - 0.5)
    second[::2] = near[::2]
    return first.to(dtype), second.to(dtype)


def real_pairs(dtype: torch.dtype) -> tuple[Tensor, Tensor]:
    """Boxes of a detector beside the one before and the one a hundred before, which meet or do not."""
    boxes = torch.cat([torch.from_numpy(case.boxes) for case in plain_nms_cases()[:12]])
    boxes = boxes[(boxes[:, 2] > boxes[:, 0]) & (boxes[:, 3] > boxes[:, 1])]
    assert len(boxes) > 1000
    boxes = boxes[:4000]
    return torch.cat([boxes, boxes]).to(dtype), torch.cat([boxes.roll(1, 0), boxes.roll(100, 0)]).to(dtype)


# points, lines along both axes, boxes that meet, touch, hold each other, are equal, are inverted in one axis or both
PLAIN = (
    (0, 0, 0, 0), (1, 1, 1, 1), (0, 0, 2, 0), (0, 0, 0, 2), (0, 0, 2, 2), (1, 1, 3, 3), (2, 0, 4, 2), (2, 2, 4, 4),
    (0.5, 0.5, 1, 1), (-1, -1, 5, 5), (8, 8, 9, 9), (2, 2, 0, 0), (3, 1, 0, 4), (0, 3, 4, 1),
)  # fmt: skip


def degenerate_pairs(dtype: torch.dtype) -> tuple[Tensor, Tensor]:
    """Every box beside every box, at scales from the smallest to the largest that the type can hold."""
    exponents = [0, -10, -19, -30, 10, 19, 30, *([37] if dtype == torch.float32 else [-160, -310, 160, 307])]
    boxes = torch.tensor([[x * 10.0**e for x in box] for e in exponents for box in PLAIN], dtype=dtype)
    first, second = torch.broadcast_tensors(boxes[:, None], boxes[None])
    return first.reshape(-1, 4).clone(), second.reshape(-1, 4).clone()


def gradients(
    function: Callable[[Tensor, Tensor], Tensor], first: Tensor, second: Tensor
) -> tuple[Tensor, Tensor, Tensor]:
    """A loss a pair, and its gradients with respect to both boxes."""
    first, second = first.clone().requires_grad_(), second.clone().requires_grad_()
    loss = function(first, second)
    return loss.detach(), *torch.autograd.grad(loss, (first, second), torch.ones_like(loss))
