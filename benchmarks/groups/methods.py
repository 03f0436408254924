"""Every method of suppression, compared with hard NMS and with its peers."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from dataclasses import dataclass
from functools import partial
from typing import Any

import torch
from torch import Tensor

import ptdet
from ptdet._shared.methods import METHODS, Method

from ..cases import LAST_PLACES, OURS, Case, Contender, Group, Options, Series, largest_difference
from ..peers import find, part, takes_arrays
from .nms import FLOOR
from .scenes import SCENES

SIZES = (100, 1000, 10_000)
QUADRATIC = ("fast", "matrix")  # in their papers, which compare all pairs
MOST_QUADRATIC = 1000
HARD = "ptdet.nms"  # what the variants of the greedy pass are compared with
THRESHOLD = 0.5
THRESHOLDS = {"soft": 0.3}  # as the peers have it
# of more than one form of a method: what the name adds, and the options
FORMS: dict[str, dict[str, dict[str, Any]]] = {
    "diou": {"": {}, "beta 0.6": {"beta": 0.6}},
    "cluster": {"": {}, "weighted": {"weighted": True}},
    "soft": {"": {}, "linear": {"kind": "linear"}, "given order": {"reselect": False}},
}


@dataclass(frozen=True)
class Timed:
    """A method of the table, with its options."""

    name: str  # in METHODS
    options: dict[str, Any]

    @property
    def method(self) -> Method:
        return METHODS[self.name]

    def __call__(self, boxes: Tensor, scores: Tensor) -> Any:
        function = getattr(ptdet, self.method.function)
        if self.method.of_models:
            return function([boxes], [scores], [scores.long()], **self.options)
        threshold = (THRESHOLDS.get(self.name, THRESHOLD),) if self.method.has_threshold else ()
        numbers = [scores] * len(self.method.numbers)
        return function(boxes, scores, *numbers, *threshold, **self.options)

    @property
    def scores_at(self) -> int | None:
        """Where the result has scores; None if the method leaves them as they are."""
        return 1 if self.method.of_models else 0 if self.method.scores else None


TIMED: dict[str, Timed] = {
    f"{method.function}, {form}" if form else method.function: Timed(name, options)
    for name, method in METHODS.items()
    if name != "hard"
    for form, options in FORMS.get(name, {"": {}}).items()
}


def series(options: Options) -> Iterator[Series]:
    for device in options.devices:
        for scene, timed in TIMED.items():
            most = MOST_QUADRATIC if timed.name in QUADRATIC else SIZES[-1]
            sizes = options.sizes_of(SIZES, most)
            yield Series("methods", scene, sizes, partial(_case, scene, device), device=device)


def _case(scene: str, device: str, n: int) -> Case:
    boxes, scores = (one.to(device) for one in SCENES["clustered"](n))
    timed = TIMED[scene]
    answer = None if timed.scores_at is None else partial(_scores, timed.scores_at)
    contenders = [
        Contender(OURS, lambda: timed(boxes, scores), answer),
        Contender(HARD, lambda: ptdet.nms(boxes, scores, THRESHOLD), None),
    ]
    if takes_arrays(boxes) and n:
        contenders += _peers(scene, boxes, scores)
    if timed.name in QUADRATIC:
        return Case(contenders, lambda: torch.empty(n, n, device=device).fill_(1.0))
    return Case(contenders, lambda: torch.sort(scores, descending=True))


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
            "merge_nms": (lambda: weigh(*lists), False, "its non_maximum_weighted, which has other weights"),
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
        yield Contender("sahi", merge, None, "only finds which boxes merge; the boxes do not grow")
    if (effdet := part("effdet", "soft_nms")) and name == "soft_nms":
        soft_effdet = lambda: effdet.soft_nms(boxes, scores, True, 0.5, 0.3, 0.001)  # noqa: E731
        yield Contender("effdet", soft_effdet, partial(_scores, 1))


def _scores(place: int, result: Any) -> Tensor:
    """In descending order, because libraries order equal scores differently."""
    return torch.as_tensor(result[place]).flatten().cpu().float().sort(descending=True).values


GROUP = Group(
    "methods",
    "suppression methods of clustered boxes, class-agnostic",
    f"{FLOOR}, or filling a matrix where a method compares all pairs",
    series,
    largest_difference,
    LAST_PLACES,
    tolerance=1000,  # of exp and of sums in another order
)
