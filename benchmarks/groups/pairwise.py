"""All pairs of two sets of boxes: IoU, GIoU, DIoU, CIoU, forward."""

from __future__ import annotations

from collections.abc import Iterator
from functools import partial
from typing import Any

import torch
from torch import Tensor

import ptdet

from ..cases import LAST_PLACES, OURS, Case, Contender, Group, Options, Series, largest_difference
from ..peers import find, part, takes_arrays

SIZES = (100, 300, 1000, 3000, 5000)
# function of ptdet and torchvision: those of fastbbox and powerboxes
FUNCTIONS = {
    "box_iou": ("bbox_overlaps", "iou_distance"),
    "generalized_box_iou": ("generalized_iou", "giou_distance"),
    "distance_box_iou": ("distance_iou", "diou_distance"),
    "complete_box_iou": ("complete_iou", "ciou_distance"),
}
ANCHORS = ", 8400 x 100"  # anchors and the objects of an image


def drawn(n: int, seed: int) -> Tensor:
    """Boxes of 10 to 100 px on 1000 px."""
    random = torch.Generator().manual_seed(seed)
    corner = torch.rand(n, 2, generator=random) * 1000
    return torch.cat([corner, corner + 10 + 90 * torch.rand(n, 2, generator=random)], dim=1)


def series(options: Options) -> Iterator[Series]:
    for device in options.devices:
        for name in FUNCTIONS:
            sizes = options.sizes or (SIZES[:3] if options.quick else SIZES)
            sizes = tuple(n for n in sizes if n <= 20_000)  # a matrix of 1.6 GB
            square = partial(_case, name, "float32", device, None)
            yield Series("pairwise", name, sizes, square, device=device)
            if not options.sizes:
                anchors = partial(_case, name, "float32", device, 100)
                yield Series("pairwise", name + ANCHORS, (8400,), anchors, device=device)
        half = partial(_case, "box_iou", "float16", device, None)
        yield Series("pairwise", "box_iou", options.sizes_of((1000, 5000)), half, "float16", device)


def _case(name: str, dtype: str, device: str, others: int | None, n: int) -> Case:
    m = others or n
    a, b = (drawn(count, seed).to(device, getattr(torch, dtype)) for count, seed in ((n, 1), (m, 2)))
    ours = getattr(ptdet, name)
    contenders = [Contender(OURS, lambda: ours(a, b), _values), *_peers(name, a, b)]
    return Case(contenders, lambda: torch.empty(n, m, device=device).fill_(1.0))


def _peers(name: str, a: Tensor, b: Tensor) -> Iterator[Contender]:
    if torchvision := find("torchvision"):
        theirs = getattr(torchvision.ops, name)
        yield Contender("torchvision", lambda: theirs(a, b), _values)
    if ultralytics := part("ultralytics", "utils.metrics") if name == "box_iou" else None:
        yield Contender("ultralytics", lambda: ultralytics.box_iou(a, b), _values)
    if not takes_arrays(a):
        return
    of_fastbbox, of_powerboxes = FUNCTIONS[name]
    first, second = a.numpy(), b.numpy()
    if fastbbox := getattr(find("fastbbox"), of_fastbbox, None):
        text = "its CIoU has another aspect term" if name == "complete_box_iou" else ""
        yield Contender("fastbbox", lambda: fastbbox(first, second), _values, text)
    note = "float64 distances; its DIoU and CIoU are 0 where boxes do not overlap"
    wide = a.double().numpy(), b.double().numpy()
    if powerboxes := getattr(find("powerboxes"), of_powerboxes, None):
        yield Contender("powerboxes", lambda: powerboxes(*wide), _complement, note)
    if parallel := getattr(find("powerboxes"), f"parallel_{of_powerboxes}", None):
        yield Contender("powerboxes parallel", lambda: parallel(*wide), _complement, note)


def _values(result: Any) -> Tensor:
    return torch.as_tensor(result).cpu()


def _complement(result: Any) -> Tensor:
    return 1 - torch.as_tensor(result)


GROUP = Group(
    "pairwise",
    "overlaps of N boxes with N others",
    "allocating and filling the output",
    series,
    largest_difference,
    LAST_PLACES,
    tolerance=64,
    memory={"box_iou": (5000,)},
)
