"""Every suppression method beside hard NMS, and beside its peers."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from functools import partial
from typing import Any

import torch
from torch import Tensor

import ptdet

from ..cases import LAST_PLACES, OURS, Bout, Contender, Group, Options, Series, largest_difference
from ..peers import find, part, takes_arrays
from .nms import FLOOR
from .scenes import SCENES

SIZES = (100, 1000, 10_000)
QUADRATIC = ("fast_nms", "matrix_nms")  # in their papers, which look at all pairs
MOST_QUADRATIC = 1000
HARD = "ptdet.nms"  # the yardstick of the methods that are readings of its walk
METHODS: dict[str, Callable[[Tensor, Tensor], Any]] = {
    "or_nms": lambda boxes, scores: ptdet.or_nms(boxes, scores, 0.5),
    "diou_nms": lambda boxes, scores: ptdet.diou_nms(boxes, scores, 0.5),
    "diou_nms, beta 0.6": lambda boxes, scores: ptdet.diou_nms(boxes, scores, 0.5, beta=0.6),
    "and_nms": lambda boxes, scores: ptdet.and_nms(boxes, scores, 0.5),
    "merge_nms": lambda boxes, scores: ptdet.merge_nms(boxes, scores, 0.5),
    "cluster_nms, weighted": lambda boxes, scores: ptdet.cluster_nms(boxes, scores, 0.5, weighted=True),
    "soft_nms": lambda boxes, scores: ptdet.soft_nms(boxes, scores),
    "soft_nms, linear": lambda boxes, scores: ptdet.soft_nms(boxes, scores, kind="linear"),
    "soft_nms, given order": lambda boxes, scores: ptdet.soft_nms(boxes, scores, reselect=False),
    "weighted_boxes_fusion": lambda boxes, scores: ptdet.weighted_boxes_fusion([boxes], [scores], [scores.long()]),
    "non_maximum_weighted": lambda boxes, scores: ptdet.non_maximum_weighted([boxes], [scores], [scores.long()]),
    "greedy_nmm": lambda boxes, scores: ptdet.greedy_nmm(boxes, scores, 0.5),
    "nmm": lambda boxes, scores: ptdet.nmm(boxes, scores, 0.5),
    "fast_nms": lambda boxes, scores: ptdet.fast_nms(boxes, scores, 0.5),
    "matrix_nms": lambda boxes, scores: ptdet.matrix_nms(boxes, scores),
}
# where a result has its scores
SCORES = {"soft_nms": 0, "soft_nms, linear": 0, "weighted_boxes_fusion": 1, "non_maximum_weighted": 1}


def series(options: Options) -> Iterator[Series]:
    for device in options.devices:
        for name in METHODS:
            most = MOST_QUADRATIC if name in QUADRATIC else SIZES[-1]
            sizes = options.sizes_of(SIZES, most)
            yield Series("methods", name, sizes, partial(_bout, name, device), device=device)


def _bout(name: str, device: str, n: int) -> Bout:
    boxes, scores = (one.to(device) for one in SCENES["clustered"](n))
    method = METHODS[name]
    answer = partial(_scores, SCORES[name]) if name in SCORES else None
    contenders = [
        Contender(OURS, lambda: method(boxes, scores), answer),
        Contender(HARD, lambda: ptdet.nms(boxes, scores, 0.5), None),
    ]
    if takes_arrays(boxes) and n:
        contenders += _peers(name, boxes, scores)
    if name in QUADRATIC:
        return Bout(contenders, lambda: torch.empty(n, n, device=device).fill_(1.0))
    return Bout(contenders, lambda: torch.sort(scores, descending=True))


def _peers(name: str, boxes: Tensor, scores: Tensor) -> Iterator[Contender]:
    low, high = boxes.min(), boxes.max()
    unit, values = ((boxes - low) / (high - low)).numpy(), scores.numpy()
    lists = [unit], [values], [values * 0]
    note = "boxes scaled to 0..1"
    wrong = "boxes scaled to 0..1; its boxes come back with the scores of others"
    if ensemble := find("ensemble-boxes"):
        fuse, weigh = ensemble.weighted_boxes_fusion, ensemble.non_maximum_weighted
        soft = partial(ensemble.soft_nms, iou_thr=0.3, sigma=0.5, thresh=0.001)
        calls: dict[str, tuple[Callable[[], Any], bool, str]] = {
            "soft_nms": (lambda: soft(*lists, method=2), True, wrong),
            "soft_nms, linear": (lambda: soft(*lists, method=1), True, wrong),
            "weighted_boxes_fusion": (lambda: fuse(*lists), True, note),
            "non_maximum_weighted": (lambda: weigh(*lists), True, note),
            "merge_nms": (lambda: weigh(*lists), False, "its non_maximum_weighted, which weighs otherwise"),
        }
        if name in calls:
            call, compared, said = calls[name]
            yield Contender("ensemble-boxes", call, partial(_scores, 1) if compared else None, said)
    if (cv2 := find("opencv")) and name == "soft_nms":
        sides = torch.cat([boxes[:, :2], boxes[:, 2:] - boxes[:, :2]], 1).int().tolist()
        points = scores.tolist()
        method = cv2.dnn.SoftNMSMethod_SOFTNMS_GAUSSIAN
        soft_cv = lambda: cv2.dnn.softNMSBoxes(sides, points, 0.001, 0.3, 0, 0.5, method)  # noqa: E731
        yield Contender("opencv", soft_cv, partial(_scores, 0), "boxes in whole pixels")
    if (sahi := part("sahi", "postprocess.combine")) and name in ("greedy_nmm", "nmm"):
        rows = torch.cat([boxes, scores[:, None], scores[:, None] * 0], 1)
        merge = partial(getattr(sahi, name), rows, "IOS", 0.5)
        yield Contender("sahi", merge, None, "lists who merges with whom; the boxes do not grow yet")
    if (effdet := part("effdet", "soft_nms")) and name == "soft_nms":
        soft_effdet = lambda: effdet.soft_nms(boxes, scores, True, 0.5, 0.3, 0.001)  # noqa: E731
        yield Contender("effdet", soft_effdet, partial(_scores, 1))


def _scores(place: int, result: Any) -> Tensor:
    """In falling order; libraries list equal ones in other orders."""
    return torch.as_tensor(result[place]).flatten().cpu().float().sort(descending=True).values


GROUP = Group(
    "methods",
    "suppression methods of clustered boxes, class-agnostic",
    f"{FLOOR}, or filling a matrix where a method looks at all pairs",
    series,
    largest_difference,
    LAST_PLACES,
    tolerance=1000,  # of exp and of sums in another order
)
