"""The modules: they are the functions, they keep their parameters, and WIoU keeps its mean."""

from __future__ import annotations

import copy
import io

import pytest
import torch

import ptdet
from ptdet import nn
from tests.loss_kinds import random_pairs

MODULES = {
    nn.IoULoss: (ptdet.box_iou_loss, {}),
    nn.GIoULoss: (ptdet.generalized_box_iou_loss, {}),
    nn.DIoULoss: (ptdet.distance_box_iou_loss, {}),
    nn.CIoULoss: (ptdet.complete_box_iou_loss, {}),
    nn.EIoULoss: (ptdet.efficient_iou_loss, {}),
    nn.FocalEIoULoss: (ptdet.focal_efficient_iou_loss, {"gamma": 0.8}),
    nn.SIoULoss: (ptdet.scylla_iou_loss, {"theta": 2.0}),
    nn.AlphaIoULoss: (ptdet.alpha_iou_loss, {"alpha": 2.0, "base": "ciou"}),
    nn.MPDIoULoss: (ptdet.mpd_iou_loss, {"image_size": (480, 640)}),
    nn.InnerIoULoss: (ptdet.inner_iou_loss, {"ratio": 1.2, "base": "siou"}),
    nn.NWDLoss: (ptdet.normalized_wasserstein_loss, {"constant": 5.0}),
}


def test_all_modules_are_tried() -> None:
    assert {module.__name__ for module in MODULES} | {"WIoULoss"} <= set(nn.__all__)


@pytest.mark.parametrize("module", MODULES, ids=lambda module: module.__name__)
def test_a_module_is_its_function(module: type[torch.nn.Module]) -> None:
    function, keywords = MODULES[module]
    boxes = random_pairs(20, torch.float32)
    for reduction in ("none", "mean", "sum"):
        loss = module(**keywords, reduction=reduction, eps=1e-3)
        assert torch.equal(loss(*boxes), function(*boxes, reduction, 1e-3, **keywords))
        assert all(f"{name}={value!r}" in repr(loss) for name, value in keywords.items())
        assert f"reduction='{reduction}'" in repr(loss) and "eps=0.001" in repr(loss)
        assert loss.state_dict() == {} and torch.equal(copy.deepcopy(loss)(*boxes), loss(*boxes))
    assert module(**keywords)(*boxes).shape == ()


def test_bad_parameters_raise_when_the_module_is_made() -> None:
    for make, message in (
        (lambda: nn.GIoULoss("average"), "reduction.*average"),
        (lambda: nn.GIoULoss(eps=-1), "eps"),
        (lambda: nn.SIoULoss(theta=0), "theta"),
        (lambda: nn.InnerIoULoss(base="l1"), "base.*l1"),
        (lambda: nn.WIoULoss(version=4), "version.*4"),
        (lambda: nn.WIoULoss(momentum=1.5), "momentum.*1.5"),
        (lambda: nn.WIoULoss(delta=0), "delta"),
    ):
        with pytest.raises(ValueError, match=message):
            make()


def test_wise_iou_moves_its_mean_while_training() -> None:
    first, second = random_pairs(20, torch.float32)
    loss = nn.WIoULoss(momentum=0.25)
    error = ptdet.box_iou_loss(first, second, "mean")
    assert loss.running_mean is not None and loss.running_mean.item() == 1
    value = loss(first, second)
    torch.testing.assert_close(loss.running_mean, 0.75 + 0.25 * error)
    torch.testing.assert_close(value, ptdet.wise_iou_loss(first, second, "mean", mean=loss.running_mean))
    loss.eval()
    before = loss.running_mean.clone()
    torch.testing.assert_close(loss(first, second), ptdet.wise_iou_loss(first, second, "mean", mean=before))
    assert torch.equal(loss.running_mean, before)


def test_wise_iou_keeps_its_mean_over_an_empty_batch() -> None:
    loss = nn.WIoULoss(momentum=0.5)
    assert loss(torch.zeros(0, 4), torch.zeros(0, 4)).item() == 0
    assert loss.running_mean is not None and loss.running_mean.item() == 1


def test_wise_iou_version_1_keeps_nothing() -> None:
    first, second = random_pairs(20, torch.float32)
    loss = nn.WIoULoss(version=1)
    assert loss.running_mean is None and loss.state_dict() == {}
    assert torch.equal(loss(first, second), ptdet.wise_iou_loss(first, second, "mean", version=1))


@pytest.mark.parametrize("version", [2, 3])
def test_wise_iou_goes_through_its_state(version: int) -> None:
    pairs = random_pairs(20, torch.float32)
    loss, other = nn.WIoULoss(version=version, momentum=0.3), nn.WIoULoss(version=version)
    loss(*pairs)
    stored = io.BytesIO()
    torch.save(loss.state_dict(), stored)
    stored.seek(0)
    other.load_state_dict(torch.load(stored, weights_only=True))
    assert torch.equal(loss.eval()(*pairs), other.eval()(*pairs))


def test_wise_iou_goes_backward_after_the_next_batch() -> None:
    """As when gradients are accumulated: the buffer has been written to since."""
    first, second = random_pairs(20, torch.float32)
    first.requires_grad_()
    loss = nn.WIoULoss(momentum=0.3)
    (loss(first, second) + loss(first, second)).backward()
    assert first.grad is not None and bool(torch.isfinite(first.grad).all())


@pytest.mark.parametrize("dtype", [torch.float16, torch.bfloat16], ids=str)
def test_wise_iou_keeps_its_mean_in_float32(dtype: torch.dtype) -> None:
    """In bfloat16 a step of 4e-4 from 1 is rounded away."""
    loss = nn.WIoULoss().to(dtype)
    assert loss.running_mean is not None and loss.running_mean.dtype == torch.float32
    loss(*random_pairs(20, dtype))
    assert loss.running_mean.item() < 1
    assert nn.WIoULoss().double().running_mean.dtype == torch.float64  # type: ignore[union-attr]


def test_wise_iou_shows_its_parameters() -> None:
    assert repr(nn.WIoULoss(momentum=0.01)) == (
        "WIoULoss(version=3, gamma=0.5, alpha=1.9, delta=3.0, reduction='mean', eps=1e-07, momentum=0.01)"
    )
