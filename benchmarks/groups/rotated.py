"""Rotated boxes: overlaps of all pairs, NMS, and the loss forward and backward."""

from __future__ import annotations

import math
from collections.abc import Callable, Iterator
from functools import partial
from typing import Any, TypeAlias

import torch
from torch import Tensor

import ptdet
from ptdet.testing.samples_rotated import clustered

from ..cases import OURS, Case, Contender, Group, Options, Series
from ..peers import find, takes_arrays
from .losses import trained
from .pairwise import drawn

Scene: TypeAlias = Callable[[int], tuple[Tensor, Tensor]]
DEGREES = 180 / math.pi
THRESHOLD = 0.3
MOST_PAIRS = 20_000  # a matrix of 1.6 GB
NOTE = "corners found with an epsilon: wrong for boxes that are nearly alike"


def dense(n: int, seed: int) -> Tensor:
    """Boxes of 20 to 80 px in any direction on 200 px: most pairs are near each other."""
    random = torch.Generator().manual_seed(seed)
    place, side = 200 * torch.rand(n, 2, generator=random), 20 + 60 * torch.rand(n, 2, generator=random)
    return torch.cat([place, side, 2 * math.pi * torch.rand(n, 1, generator=random)], dim=1)


def series(options: Options) -> Iterator[Series]:
    for device in options.devices:
        sizes = tuple(n for n in options.sizes_of((100, 300, 1000, 3000)) if n <= MOST_PAIRS)
        yield Series("rotated", "box_iou, dense", sizes, partial(_pairs, device), device=device)
        suppressed = options.sizes_of((1000, 5000, 20_000, 100_000))
        for name, scene in (("clustered", clustered), ("clustered, area grows", spread)):
            yield Series("rotated", f"nms, {name}", suppressed, partial(_nms, device, scene), device=device)
        yield Series("rotated", "probiou, area grows", suppressed, partial(_probiou, device), device=device)
        trained_on = options.sizes_of((10_000, 100_000))
        yield Series("rotated", "box_iou_loss", trained_on, partial(_loss, device), device=device)


def spread(n: int) -> tuple[Tensor, Tensor]:
    """`clustered` on an area that grows with n. On one area a box meets the more others the larger n is."""
    return clustered(n, image=640 * math.sqrt(n / 1000))


def _pairs(device: str, n: int) -> Case:
    a, b = (dense(n, seed).to(device) for seed in (1, 2))
    contenders = [Contender(OURS, lambda: ptdet.rotated.box_iou(a, b), torch.Tensor.cpu)]
    if torchvision := find("torchvision"):
        turned = [_in_degrees(boxes, -1) for boxes in (a, b)]
        theirs = partial(torchvision.ops.box_iou, *turned, fmt="cxcywhr")
        contenders.append(Contender("torchvision", theirs, torch.Tensor.cpu, NOTE))
    if takes_arrays(a) and (powerboxes := find("powerboxes")):
        arrays = [_in_degrees(boxes, 1).double().numpy() for boxes in (a, b)]
        for name in ("rotated_iou_distance", "parallel_rotated_iou_distance"):
            library = "powerboxes parallel" if name.startswith("parallel") else "powerboxes"
            contenders.append(Contender(library, partial(getattr(powerboxes, name), *arrays), _complement, NOTE))
    if not a.is_cuda and (shapely := find("shapely")):
        corners = [ptdet.rotated.box_convert(boxes, "cxcywhr", "xyxyxyxy").view(n, 4, 2) for boxes in (a, b)]
        polygons = [shapely.polygons(each.double().numpy()) for each in corners]
        contenders.append(Contender("shapely", partial(_of_polygons, shapely, *polygons), torch.as_tensor))
    return Case(contenders, lambda: torch.empty(n, n, device=device).fill_(1.0))


def _of_polygons(shapely: Any, a: Any, b: Any) -> Any:
    shared = shapely.area(shapely.intersection(a[:, None], b[None]))
    return shared / (shapely.area(a)[:, None] + shapely.area(b) - shared)


def _nms(device: str, scene: Scene, n: int) -> Case:
    boxes, scores = (each.to(device) for each in scene(n))
    contenders = [Contender(OURS, lambda: ptdet.rotated.nms(boxes, scores, THRESHOLD))]
    if takes_arrays(boxes):
        rows, weights = _in_degrees(boxes, 1), scores.double().numpy()
        numbers = rows.double().numpy()
        if scene is clustered and (powerboxes := find("powerboxes")):  # it panics on some sets of the other scene
            theirs = partial(powerboxes.rtree_rotated_nms, numbers, weights, THRESHOLD, 0.0)
            contenders.append(Contender("powerboxes rtree", theirs, note=NOTE))
        if cv2 := find("opencv"):
            sides = [((x, y), (w, h), angle) for x, y, w, h, angle in numbers.tolist()]
            theirs = partial(cv2.dnn.NMSBoxesRotated, sides, weights.tolist(), 0.0, THRESHOLD)
            contenders.append(Contender("opencv", theirs, note=NOTE))
    return Case(contenders)


def _probiou(device: str, n: int) -> Case:
    """As the OBB heads of ultralytics are suppressed, and greedily."""
    boxes, scores = (each.to(device) for each in spread(n))
    fast = partial(ptdet.rotated.fast_nms, boxes, scores, 0.45, metric="probiou")
    greedy = partial(ptdet.rotated.nms, boxes, scores, 0.45, metric="probiou")
    note = "removed boxes remove none: another result"
    return Case([Contender(OURS, fast), Contender("ptdet, greedy", greedy, None, note)])


def _loss(device: str, n: int) -> Case:
    target = dense(n, 1)
    moved = torch.randn(n, 5, generator=torch.Generator().manual_seed(3)) * torch.tensor([3.0, 3.0, 3.0, 3.0, 0.1])
    boxes, target = (target + moved).to(device).requires_grad_(), target.to(device)
    corners = drawn(n, 1).to(device)
    shifted = (corners + 4 * torch.rand(n, 4, generator=torch.Generator().manual_seed(3)).to(device)).requires_grad_()
    straight = trained(ptdet.complete_box_iou_loss, shifted, corners)
    note = "boxes that are not rotated, float32 inside: what the loss of the others may cost"
    return Case(
        [
            Contender(OURS, trained(ptdet.rotated.box_iou_loss, boxes, target), None),
            Contender("ptdet, CIoU of straight boxes", straight, None, note),
        ]
    )


def _in_degrees(boxes: Tensor, sense: int) -> Tensor:
    return torch.cat([boxes[:, :4], sense * DEGREES * boxes[:, 4:]], dim=1)


def _complement(result: Any) -> Tensor:
    return 1 - torch.as_tensor(result)


def difference(ours: Tensor, theirs: Tensor) -> float:
    """The largest of overlaps, or how many indices differ."""
    if ours.is_floating_point():
        return float((ours.double() - theirs.double()).abs().max()) if ours.shape == theirs.shape else math.inf
    return float(len(set(ours.tolist()) ^ set(theirs.tolist())))


GROUP = Group(
    "rotated",
    "overlaps, NMS and losses of rotated boxes",
    "allocating and filling the output",
    series,
    difference,
    "overlap, or indices",
    tolerance=1e-5,
)
