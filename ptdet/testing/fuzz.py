"""Seeded cases of plain suppression. A case is a function of its seed alone, so a failing seed is a bug report."""

from collections.abc import Callable
from dataclasses import dataclass, replace

import torch
from torch import Tensor

from .._shared.parameters import METRICS
from . import scenes
from .named import NAMED


@dataclass(frozen=True)
class Case:
    """The arguments of one call of nms or batched_nms."""

    seed: int
    kind: str
    boxes: Tensor
    scores: Tensor
    idxs: Tensor | None
    iou_threshold: float
    metric: str = "iou"
    inclusive: bool = False
    score_threshold: float | None = None
    max_output: int | None = None

    @property
    def arguments(self) -> tuple[Tensor, Tensor, Tensor | None, float, str, bool, float | None, int | None]:
        """In the order of the operator's schema."""
        return (
            self.boxes,
            self.scores,
            self.idxs,
            self.iou_threshold,
            self.metric,
            self.inclusive,
            self.score_threshold,
            self.max_output,
        )


def _degenerate(n: int, seed: int) -> tuple[Tensor, Tensor]:
    """Ordinary boxes among points, lines, slivers, huge and tiny ones; finite, none inverted."""
    random = scenes.generator(seed)
    boxes, scores = scenes.clustered(n, seed, image=300)
    corner, size = boxes[:, :2], boxes[:, 2:] - boxes[:, :2]
    scale = torch.tensor([1.0, 1.0, 1.0, 0.0, 1e-3, 1e-30, 1e3, 1e18])
    size = size * scale[torch.randint(len(scale), (n, 2), generator=random)]
    corner = torch.where(torch.rand(n, 1, generator=random) < 0.3, corner.round(), corner)
    corner = torch.where(torch.rand(n, 1, generator=random) < 0.1, torch.zeros(1), corner)
    return torch.cat([corner, corner + size], dim=1), scores


KINDS: dict[str, Callable[[int, int], tuple[Tensor, Tensor]]] = {
    "dense": scenes.dense,
    "scattered": scenes.scattered,
    "crossing": scenes.crossing,
    "clustered": scenes.clustered,
    "duplicated": scenes.duplicated,
    "degenerate": _degenerate,
    "ties": scenes.grid,
}
THRESHOLDS = tuple(tenth / 10 for tenth in range(11))


def fuzz_case(seed: int) -> Case:
    """A case on which torchvision is right: finite boxes, x2 >= x1, y2 >= y1, float32 or float64.

    Seeds run through kinds, then thresholds; of every five rounds two have N from 4100 to 5000, above every
    internal switch, the others below.
    A third of the cases has class ids.
    """
    kind = tuple(KINDS)[seed % len(KINDS)]
    round_, place = divmod(seed, len(KINDS) * len(THRESHOLDS))
    random = scenes.generator(seed * 2 + 1)

    def draw(below: int) -> int:
        return int(torch.randint(below, (), generator=random))

    n = 4100 + draw(901) if round_ % 5 < 2 else (draw(20), draw(200), draw(1500))[draw(3)]
    boxes, scores = KINDS[kind](n, seed)
    if draw(4) == 0:
        boxes, scores = boxes.double(), scores.double()
        if kind in ("dense", "clustered"):  # digits that float32 does not have
            boxes[:, 2:] += torch.rand(n, 2, generator=random, dtype=torch.float64) / 3
    idxs = scenes.class_ids(n, scenes.CLASS_KINDS[draw(len(scenes.CLASS_KINDS))], seed) if draw(3) == 0 else None
    return Case(seed, kind, boxes, scores, idxs, THRESHOLDS[place // len(KINDS)])


DTYPES = (torch.float32, torch.float64, torch.float16, torch.bfloat16)


def strange_case(seed: int) -> Case:
    """A case that only the reference can judge: other measures and dtypes, limits, NaN, inverted boxes, any strides."""
    case = fuzz_case(seed)
    random = scenes.generator(seed * 2)

    def draw(below: int) -> int:
        return int(torch.randint(below, (), generator=random))

    boxes, scores = case.boxes[:2500], case.scores[:2500]
    idxs = None if case.idxs is None else case.idxs[:2500]
    names = ("nan", "inf", "inverted", "huge", "tiny", "strange_scores", "zero_area")
    if draw(2):
        other_boxes, other_scores = NAMED[names[draw(len(names))]]()
        count = min(len(boxes), len(other_boxes))
        places = torch.randperm(len(boxes), generator=random)[:count]
        boxes, scores = boxes.clone(), scores.clone()
        boxes[places], scores[places] = other_boxes[:count].to(boxes.dtype), other_scores[:count].to(scores.dtype)
    boxes, scores = boxes.to(DTYPES[draw(4)]), scores.to(DTYPES[draw(4)])
    if draw(3) == 0:
        boxes = boxes.t().contiguous().t()
        scores = torch.stack([scores, scores], dim=1)[:, 1]
    return replace(
        case,
        boxes=boxes,
        scores=scores,
        idxs=idxs,
        iou_threshold=(case.iou_threshold, case.iou_threshold, -case.iou_threshold, 0.6)[draw(4)],
        metric=METRICS[draw(len(METRICS))],
        inclusive=draw(2) == 1,
        score_threshold=(None, None, 0.5, -1.0, 0.3)[draw(5)],
        max_output=(None, None, 0, 1, 10, 300)[draw(6)],
    )
