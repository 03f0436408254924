"""Losses of rotated boxes: by their papers' formulas, stable at a perfect match, finite on degenerate boxes."""

from __future__ import annotations

import math
from collections.abc import Callable
from functools import partial

import pytest
import torch
from torch import Tensor
from torch.autograd import gradcheck, gradgradcheck

import ptdet
from ptdet import nn, rotated

from ..rotated_scenes import Drawn, changed, scenes

Loss = Callable[..., Tensor]
LOSSES: dict[str, Loss] = {
    "iou": rotated.box_iou_loss,
    "iou log": partial(rotated.box_iou_loss, mode="log"),
    "giou": rotated.generalized_box_iou_loss,
    "giou smallest": partial(rotated.generalized_box_iou_loss, enclosing="smallest"),
    "diou": rotated.distance_box_iou_loss,
    "diou aligned": partial(rotated.distance_box_iou_loss, enclosing="aligned"),
    "probiou": rotated.probiou_loss,
    "probiou l2": partial(rotated.probiou_loss, mode="l2"),
    "kfiou": rotated.kfiou_loss,
    "kfiou ln": partial(rotated.kfiou_loss, fun="ln"),
    "kfiou exp": partial(rotated.kfiou_loss, fun="exp"),
    "gwd": rotated.gwd_loss,
    "gwd itself": partial(rotated.gwd_loss, fun="none", tau=0.0, normalize=False),
    "kld": rotated.kld_loss,
    "kld sqrt": partial(rotated.kld_loss, fun="sqrt", tau=0.0),
}
KINDS = pytest.mark.parametrize("kind", LOSSES)


@pytest.mark.parametrize("mode", ["linear", "log", "square"])
def test_losses(mode: str) -> None:
    drawn = Drawn(12, 8)
    a, b = drawn.boxes(), drawn.boxes()
    b[:, :2] = a[:, :2] + 1
    iou = ptdet.rotated.overlap(a, b)
    expected = {"linear": 1 - iou, "log": -iou.log(), "square": 1 - iou**2}[mode]
    torch.testing.assert_close(ptdet.rotated.box_iou_loss(a, b, mode=mode), expected)
    assert ptdet.rotated.box_iou_loss(a, b, "mean", mode=mode).item() == pytest.approx(expected.mean().item())
    assert gradcheck(lambda a: ptdet.rotated.box_iou_loss(a, b, "sum", mode=mode), a.clone().requires_grad_())
    apart = (a + torch.tensor([1e4, 0, 0, 0, 0])).requires_grad_()
    loss = ptdet.rotated.box_iou_loss(apart, b, "sum", mode=mode)
    loss.backward()
    assert math.isfinite(loss.item()) and apart.grad is not None and bool((apart.grad == 0).all())
    same = a.clone().requires_grad_()
    loss = ptdet.rotated.box_iou_loss(same, a, "sum", mode=mode)
    loss.backward()
    assert loss.item() == 0 and same.grad is not None and same.grad.abs().max() <= 1e-14


def covariance(boxes: Tensor) -> Tensor:
    c, s = boxes[:, 4].cos(), boxes[:, 4].sin()
    turn = torch.stack([torch.stack([c, -s], -1), torch.stack([s, c], -1)], -2)
    return turn @ torch.diag_embed(boxes[:, 2:4] ** 2 / 4) @ turn.mT


def trace(matrices: Tensor) -> Tensor:
    return matrices.diagonal(dim1=-2, dim2=-1).sum(-1)


def wasserstein(a: Tensor, b: Tensor, alpha: float, normalize: bool) -> Tensor:
    """By the matrices of the paper."""
    first, second = covariance(a), covariance(b)
    areas = (first.det() * second.det()).sqrt()
    shape = trace(first) + trace(second) - 2 * (trace(first @ second) + 2 * areas).sqrt()
    distance = ((a - b)[:, :2].square().sum(-1) + alpha**2 * shape).sqrt()
    return distance / (2 * areas.sqrt().sqrt()) if normalize else distance


def divergence(a: Tensor, b: Tensor, alpha: float, sqrt: bool) -> Tensor:
    first, second = covariance(a), covariance(b)
    way = (a - b)[:, :2, None]
    apart = 0.5 * (way.mT @ first.inverse() @ way)[:, 0, 0] / alpha**2
    found = apart + 0.5 * trace(first.inverse() @ second) + 0.5 * (first.det().log() - second.det().log()) - 1
    return found.sqrt() if sqrt else found


@pytest.mark.parametrize("fun", ["log1p", "sqrt", "none"])
def test_distances_by_the_matrices_of_their_papers(fun: str) -> None:
    """And by mmrotate's f, tau and alpha."""
    drawn = Drawn(50, 3)
    a, b = drawn.boxes(), drawn.boxes()
    for tau in (0.0, 1.0, 2.0):
        for alpha in (1.0, 0.5):
            for flag in (True, False):
                gwd = rotated.gwd_loss(a, b, fun=fun, tau=tau, alpha=alpha, normalize=flag)
                kld = rotated.kld_loss(a, b, fun=fun, tau=tau, alpha=alpha, sqrt=flag)
                for found, d in ((gwd, wasserstein(a, b, alpha, flag)), (kld, divergence(a, b, alpha, flag))):
                    d = {"log1p": d.log1p(), "sqrt": d.sqrt(), "none": d}[fun]
                    torch.testing.assert_close(found, 1 - 1 / (tau + d) if tau >= 1 else d, rtol=1e-11, atol=1e-12)


def test_values_by_hand() -> None:
    """Squares of side 2 that are 3 apart: GIoU -0.2, d = 3 / 2 of GWD, KL = 9 / 2."""
    a = torch.tensor([[5.0, 5, 2, 2, 0.7]], dtype=torch.float64)
    b = changed(a, cx=a[:, 0] + 3 * math.cos(0.7), cy=a[:, 1] + 3 * math.sin(0.7))
    for kind, expected in (
        ("giou", 1.2),
        ("giou smallest", 1.2),
        ("diou", 1 + 9 / (25 + 4)),
        ("probiou l2", 12 / 4 / 8 * 9),
        ("gwd itself", 3.0),
        ("gwd", 1 - 1 / (1 + math.log1p(1.5))),
        ("kld", 1 - 1 / (1 + math.log1p(math.sqrt(4.5)))),
    ):
        assert LOSSES[kind](a, b).item() == pytest.approx(expected, abs=1e-14), kind


def all_scenes() -> tuple[Tensor, Tensor]:
    pairs = [(a, b) for _, a, b in scenes(5)]
    return torch.cat([a for a, _ in pairs]), torch.cat([b for _, b in pairs])


@KINDS
def test_a_perfect_match_has_no_loss(kind: str) -> None:
    a, _ = all_scenes()
    a = a[(a[:, 2:4] > 0).all(1)]
    same = a.clone().requires_grad_()
    loss = LOSSES[kind](same, a)
    loss.sum().backward()
    assert bool(((loss >= 0) & (loss <= 1e-15)).all())
    assert same.grad is not None and bool(torch.isfinite(same.grad).all())


@KINDS
def test_finite_with_finite_gradients(kind: str) -> None:
    a, b = all_scenes()
    thin = changed(a, w=a[:, 2] * 1e-30)
    for factor in (1.0, 1e30, 1e-30):
        scale = torch.tensor([factor] * 4 + [1], dtype=torch.float64)
        for pair in ((a, b), (a, a), (changed(a, w=0.0), b), (thin, b), (b, thin), (a + 1e4, b)):
            for dtype in (torch.float32, torch.float64):
                first, second = ((boxes * scale).to(dtype).requires_grad_() for boxes in pair)
                loss = LOSSES[kind](first, second)
                loss.sum().backward()
                for found in (loss, first.grad, second.grad):
                    assert found is not None and bool(torch.isfinite(found).all()), factor


@pytest.mark.parametrize("kind", ["gwd", "gwd itself", "kld", "kld sqrt"])
def test_distances_at_any_unit(kind: str) -> None:
    """They depend on no unit, but for the distance itself, which is a length: a power of 2 changes no digit."""
    a, b = all_scenes()
    pairs = [(a, b), (changed(a, w=a[:, 2] * 1e-9), b), (a, changed(b, h=b[:, 3] * 1e-9))]
    a, b = (torch.cat(boxes).double() for boxes in zip(*pairs, strict=True))
    filled = ((a[:, 2:4] > 0) & (b[:, 2:4] > 0)).all(dim=1)
    expected = LOSSES[kind](a, b)
    assert filled.any() and bool(torch.isfinite(expected).all())
    for power in (-400, -130, 130, 400):
        scale = torch.tensor([2.0**power] * 4 + [1], dtype=torch.float64)
        found = LOSSES[kind](a * scale, b * scale)
        if kind == "gwd itself":
            found = torch.where(filled, found * 2.0**-power, found)
        assert torch.equal(found, expected), power


@pytest.mark.parametrize("kind", ["probiou", "kfiou", "gwd", "gwd itself", "kld", "kld sqrt"])
def test_boxes_that_differ_by_all_that_a_double_holds(kind: str) -> None:
    for away in (0.0, 1e10, 1e300):
        for side in (1e-160, 1e-100, 1.0, 1e150):
            for other in (1e-160, 1.0, 1e150):
                a, b = torch.tensor(
                    [[0.0, 0, side, side * 1e-9, 0], [away, away / 3, other * 1e-100, other, 1]], dtype=torch.float64
                ).requires_grad_()
                loss = LOSSES[kind](a, b)
                gradients = torch.autograd.grad(loss, (a, b))
                assert all(bool(torch.isfinite(found).all()) for found in (loss, *gradients)), (away, side, other)


@pytest.mark.parametrize("second", [False, pytest.param(True, marks=pytest.mark.slow)])
@KINDS
def test_gradients(kind: str, second: bool) -> None:
    drawn = Drawn(1, 8)
    a = drawn.boxes().requires_grad_()
    b = (a.detach() + drawn.noise() * torch.tensor([3, 3, 3, 3, 0.3])).requires_grad_()
    assert (gradgradcheck if second else gradcheck)(LOSSES[kind], (a, b))


def test_an_empty_box_has_loss_1_and_no_gradient() -> None:
    box = torch.tensor([[5.0, 5, 4, 2, 0.3]], requires_grad=True)
    for kind in ("probiou", "probiou l2", "kfiou", "gwd", "gwd itself", "kld"):
        loss = LOSSES[kind](box, torch.tensor([[5.0, 5, 0, 2, 0.3]]))
        assert loss.item() == 1 and torch.autograd.grad(loss.sum(), box)[0].abs().max() == 0, kind


MODULES: dict[type[torch.nn.Module], tuple[Loss, dict[str, object]]] = {
    nn.RotatedIoULoss: (rotated.box_iou_loss, {"mode": "square"}),
    nn.RotatedGIoULoss: (rotated.generalized_box_iou_loss, {"enclosing": "aligned"}),
    nn.RotatedDIoULoss: (rotated.distance_box_iou_loss, {"enclosing": "smallest"}),
    nn.ProbIoULoss: (rotated.probiou_loss, {"mode": "l2"}),
    nn.KFIoULoss: (rotated.kfiou_loss, {"fun": "exp"}),
    nn.GWDLoss: (rotated.gwd_loss, {"fun": "sqrt", "tau": 2.0, "alpha": 0.5, "normalize": False}),
    nn.KLDLoss: (rotated.kld_loss, {"fun": "none", "tau": 0.0, "alpha": 2.0, "sqrt": False}),
}


@pytest.mark.parametrize("module", MODULES, ids=lambda module: module.__name__)
def test_a_module_is_its_function(module: type[torch.nn.Module]) -> None:
    function, keywords = MODULES[module]
    drawn = Drawn(20, 8)
    a, b = drawn.boxes(), drawn.boxes()
    for reduction in ("none", "mean", "sum"):
        loss = module(**keywords, reduction=reduction)
        assert torch.equal(loss(a, b), function(a, b, reduction, **keywords))
        assert all(f"{name}={value!r}" in repr(loss) for name, value in keywords.items())
    assert module()(a, b).shape == ()


def test_bad_arguments() -> None:
    boxes = torch.zeros(3, 5)
    for call, message in (
        (lambda: rotated.box_iou_loss(boxes, boxes, mode="cubic"), "mode: expected one of linear, log, square"),
        (lambda: rotated.probiou_loss(boxes, boxes, mode="l3"), "mode: expected one of l1, l2, got 'l3'"),
        (lambda: rotated.kfiou_loss(boxes, boxes, fun="log"), "fun: expected one of none, ln, exp, got 'log'"),
        (lambda: rotated.gwd_loss(boxes, boxes, fun="ln"), "fun: expected one of log1p, sqrt, none, got 'ln'"),
        (lambda: rotated.gwd_loss(boxes, boxes, "average"), "reduction: expected one of none, mean, sum"),
        (lambda: rotated.kld_loss(boxes, boxes, tau=-1), "tau: expected a finite number >= 0, got -1"),
        (lambda: nn.KLDLoss(alpha=0), "alpha: expected a finite number > 0, got 0"),
        (lambda: rotated.kld_loss(boxes, torch.zeros(3, 4)), r"boxes2: expected shape \(..., 5\), got \(3, 4\)"),
        (lambda: rotated.gwd_loss(boxes, torch.zeros(2, 5)), "boxes2: expected a shape that broadcasts"),
    ):
        with pytest.raises(ValueError, match=message):
            call()  # type: ignore[no-untyped-call]
    with pytest.raises(TypeError, match="normalize: expected True or False, got int"):
        rotated.gwd_loss(boxes, boxes, normalize=1)  # type: ignore[arg-type]
