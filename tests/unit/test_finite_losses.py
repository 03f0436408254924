"""Losses with options that no number of their type is near, and sums of losses and of gradients beyond it (SPEC 1)."""

from __future__ import annotations

import math
from typing import Any

import pytest
import torch

import ptdet
from tests.unit.test_finite import BOXES, SCALES

OPTIONS: list[tuple[str, dict[str, Any]]] = [
    *[("mpd_iou_loss", {"image_size": (side, side)}) for side in (1e-300, 1e-46, 1.0, 1e39, 1e300)],
    *[("normalized_wasserstein_loss", {"constant": c}) for c in (5e-324, 1e-46, 1e39, 1e300)],
    *[("inner_iou_loss", {"ratio": r, "base": "eiou"}) for r in (1e-300, 1e-46, 1e39, 1e300)],
    *[("alpha_iou_loss", {"alpha": a, "base": "ciou"}) for a in (1e-300, 1e-46, 1e39, 1e300)],
    *[("scylla_iou_loss", {"theta": t}) for t in (1e-300, 1e-46, 1e39, 1e300)],
    *[("focal_efficient_iou_loss", {"gamma": g}) for g in (0.0, 1e-300, 1e39, 1e300)],
    *[("wise_iou_loss", {"version": 2, "mean": m, "gamma": g}) for m in (1e-300, 1e300) for g in (0.5, 1.0, 1e300)],
    *[("wise_iou_loss", {"version": 3, "mean": m, "alpha": a}) for m in (1e-300, 1.0) for a in (1e-300, 1e300)],
    *[("generalized_box_iou_loss", {"eps": e}) for e in (0.0, 5e-324, 1e-46, 1e39, 1e300)],
    *[("complete_box_iou_loss", {"eps": e}) for e in (0.0, 5e-324, 1e-46, 1e39, 1e300)],
]


@pytest.mark.grid()
@pytest.mark.parametrize("dtype", SCALES, ids=str)
@pytest.mark.parametrize(("name", "options"), OPTIONS, ids=str)
def test_losses_with_options_beyond_the_type(
    name: str, options: dict[str, Any], dtype: torch.dtype, backend: str
) -> None:
    for scale in SCALES[dtype]:
        boxes = (BOXES * scale).to(dtype)
        for reduction in ("none", "mean", "sum"):
            pred, target = boxes.clone().requires_grad_(), boxes.roll(1, 0).requires_grad_()
            loss = getattr(ptdet, name)(pred, target, reduction, **options)
            assert torch.isfinite(loss).all(), (scale, reduction, loss)
            for gradient in torch.autograd.grad(loss.sum(), (pred, target)):
                assert torch.isfinite(gradient).all(), (scale, reduction)


def test_an_image_beyond_every_number() -> None:
    """1 - IoU + (d1^2 + d2^2) / diagonal^2: of a huge image the last term is 0, of IoU 1/7 the loss 6/7."""
    pred, target = torch.tensor([0.0, 0, 2, 2]), torch.tensor([1.0, 1, 3, 3])
    for dtype in (torch.float32, torch.float64):
        for size in ((1e300, 1e300), (1e39, 1e39), (10**300, 10**308)):
            loss = ptdet.mpd_iou_loss(pred.to(dtype), target.to(dtype), image_size=size, eps=0.0)
            torch.testing.assert_close(loss, torch.tensor(6 / 7, dtype=dtype))


def test_equal_boxes_have_no_distance_at_any_unit() -> None:
    """1 - exp(-0 / constant) is 0, even where float32 has no such constant."""
    box = torch.tensor([0.0, 0, 2, 2])
    for constant in (1e-46, 5e-324):
        assert ptdet.normalized_wasserstein_loss(box, box, eps=0.0, constant=constant).item() == 0


@pytest.mark.parametrize("dtype", [torch.float32, torch.float64], ids=str)
def test_means_of_losses_near_the_largest_number(dtype: torch.dtype) -> None:
    """Each loss is 3/4 of the largest number, and so is their mean; their sum is none, and becomes the largest."""
    largest = torch.finfo(dtype).max
    side = math.sqrt(largest) / 2
    pred = torch.tensor([[0.0, 0, 1, 1]], dtype=dtype).expand(3, 4)
    target = torch.tensor([[0, 0, 1 + side * 3**0.5, 1]], dtype=dtype).expand(3, 4)
    each, mean, total = (
        ptdet.mpd_iou_loss(pred, target, reduction, image_size=(0.6, 0.8)) for reduction in ("none", "mean", "sum")
    )
    torch.testing.assert_close(each, torch.full_like(each, largest * 0.75), rtol=1e-6, atol=0)
    torch.testing.assert_close(mean, each[0], rtol=1e-6, atol=0)
    assert total.item() == largest


def test_gradients_of_a_box_that_many_share(backend: str) -> None:
    """Each pair has a slope of 200; their sum over 1,000 pairs is beyond float16, and becomes its largest number."""
    shared = torch.tensor([[0.0, 0, 5e-3, 5e-3]], dtype=torch.float16, requires_grad=True)
    others = torch.tensor([[0.0, 0, 4e-3, 5e-3]], dtype=torch.float16).expand(1000, 4)
    (gradient,) = torch.autograd.grad(ptdet.box_iou_loss(shared, others, "sum", eps=0.0), shared)
    assert torch.isfinite(gradient).all() and gradient.abs().max() == torch.finfo(torch.float16).max
