"""Losses of N pairs of boxes, forward and backward."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from functools import partial
from typing import Any

import torch
from torch import Tensor

import ptdet

from ..cases import LAST_PLACES, OURS, Call, Case, Contender, Group, Options, Series, largest_difference
from ..peers import find
from .pairwise import drawn

SIZES = (256, 10_000, 100_000, 1_000_000)
OF_TORCHVISION = ("generalized_box_iou_loss", "distance_box_iou_loss", "complete_box_iou_loss")
OUR_OWN = (
    "box_iou_loss", "efficient_iou_loss", "focal_efficient_iou_loss", "scylla_iou_loss", "alpha_iou_loss",
    "mpd_iou_loss", "inner_iou_loss", "normalized_wasserstein_loss",
)  # fmt: skip


def series(options: Options) -> Iterator[Series]:
    for device in options.devices:
        for name in OF_TORCHVISION:
            build = partial(_case, name, device, compiled=not options.quick)
            yield Series("losses", name, options.sizes_of(SIZES), build, device=device)
        for name in OUR_OWN:
            build = partial(_case, name, device, compiled=False)
            yield Series("losses", name, options.sizes or (10_000 if options.quick else 100_000,), build, device=device)


def _case(name: str, device: str, n: int, *, compiled: bool) -> Case:
    target = drawn(n, 1).to(device)
    moved = 4 * torch.rand(n, 4, generator=torch.Generator().manual_seed(3)).to(device)
    boxes = (target + moved).requires_grad_()
    read, written = boxes.detach(), torch.zeros_like(target)
    ours = partial(getattr(ptdet, name), **({"image_size": (1000, 1000)} if name == "mpd_iou_loss" else {}))
    contenders = [Contender(OURS, trained(ours, boxes, target), _gradient)]
    theirs = getattr(getattr(find("torchvision"), "ops", None), name, None)
    if theirs:
        contenders.append(Contender("torchvision", trained(theirs, boxes, target), _gradient))
    if theirs and compiled:
        fused = torch.compile(theirs)
        contenders.append(Contender("torchvision compiled", trained(fused, boxes, target), _gradient))
    return Case(contenders, lambda: torch.add(read, target, out=written))


def trained(loss: Callable[..., Tensor], boxes: Tensor, target: Tensor) -> Call:
    def call() -> Tensor:
        boxes.grad = None
        loss(boxes, target, reduction="sum").backward()
        assert boxes.grad is not None
        return boxes.grad

    return call


def _gradient(result: Any) -> Tensor:
    return torch.as_tensor(result).cpu()


GROUP = Group(
    "losses",
    "losses of N pairs of boxes, forward and backward, summed",
    "reading the boxes and writing the gradients",
    series,
    largest_difference,
    LAST_PLACES,
    tolerance=64,
    size_name="pairs",
)
