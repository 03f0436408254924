"""Suppressions of rotated boxes beside plain loops over the 300-bit oracle's overlaps, index for index:

    python -m tests.rotated_campaign --sets 2000

Each set is answered by every method of METHODS that rotated boxes have. In two of three sets the threshold lies 1e-11
above or below the overlap of two of its boxes; in sets of whole numbers it is the overlap of some.
"""

from __future__ import annotations

import argparse
import math
import time
from collections import Counter
from dataclasses import dataclass, field
from typing import Any

import mpmath
import torch
from torch import Tensor

import ptdet
from ptdet._shared.methods import METHODS
from ptdet._shared.parameters import ROTATED_METRICS, choices_of, parameter_of

from .rotated_loops import LOOPS, Found, Judge, Set
from .rotated_scenes import Drawn

OF_AREAS = ("iou", "iof", "ios")
KINDS = ("dense", "nested", "crossing", "close", "far", "whole")
NEAR = 1e-11  # from a threshold to an overlap
WEIGHTS = [2.0, 1.0, 0.5]  # of models: products are exact


@dataclass(frozen=True)
class Scene:
    """Boxes to suppress, and by what."""

    name: str
    boxes: Tensor
    scores: Tensor  # float64
    ids: Tensor | None
    metric: str
    turn: int  # chooses options

    def threshold(self, exact: Set, metric: str) -> float:
        rows = range(len(self.boxes))
        if self.name.startswith("whole"):
            return (0.25, 0.5, 0.125, 0.75)[self.turn % 4]
        plain = (0.1, 0.3, 0.45, 0.6, 0.75)[self.turn % 5]
        if self.turn % 3 == 0:
            return plain
        values = [float(exact.over(metric)(j, i)) for i in rows for j in rows[:i]]
        near = min((x for x in values if 0.02 < x < 0.98), key=lambda x: abs(x - plain), default=plain)
        return near + (NEAR if self.turn % 3 == 1 else -NEAR)


def drawn(seed: int) -> Scene:
    """A set by its number."""
    kind, turn = KINDS[seed % len(KINDS)], seed // len(KINDS)
    count = 6 + seed % 11
    some = Drawn(count, 7000 + seed)
    boxes, scores = some.boxes(), some.within(0.01, 1)
    scale = torch.tensor([0.3, 0.3, 1, 1, 1], dtype=torch.float64)
    if kind == "dense":
        boxes = boxes * scale
    elif kind == "nested":
        size = some.within(4, 60)
        columns = some.within(49, 51), some.within(49, 51), size, size * some.within(0.3, 1), some.within(0, 0.3)
        boxes = torch.stack(columns, dim=-1)
    elif kind == "crossing":
        columns = some.within(0, 30), some.within(0, 30), some.within(30, 400), some.within(0.5, 2), some.within(-4, 4)
        boxes = torch.stack(columns, dim=-1)
    elif kind == "close":  # to one of three, moved by 1e-9 to 1 px, and as another writes the same rectangle
        of = boxes[torch.arange(count) % 3] * scale
        boxes = of + 10 ** some.within(-9, 0)[:, None] * some.noise() * torch.tensor([1, 1, 1, 1, 0.01])
        swapped = boxes[:, [0, 1, 3, 2, 4]] + torch.tensor([0, 0, 0, 0, math.pi / 2])
        boxes = torch.where((torch.arange(count) % 2 == 0)[:, None], boxes, swapped)
    elif kind == "far":  # in metres of a map
        boxes = boxes * scale + torch.tensor([5e5, 4e6, 0, 0, 0], dtype=torch.float64)
    else:  # whole numbers, not turned: many overlaps are the threshold, many scores are equal
        boxes = torch.stack([some.within(0, 4), some.within(0, 4), *(1 + 3 * some.within(0, 1) for _ in "wh")], dim=-1)
        boxes = torch.cat([boxes.round() * 2, torch.zeros(count, 1, dtype=torch.float64)], dim=1)
        scores = (scores * 8).ceil() / 8
    if turn % 4 == 3:
        boxes = boxes.float()
    ids = torch.arange(count) * 5 % 7 % 2 if turn % 5 == 4 else None
    metrics = (*OF_AREAS, "iou") if turn % 8 else tuple(name for name in ROTATED_METRICS if name not in OF_AREAS)
    return Scene(f"{kind} {seed}", boxes, scores, ids, metrics[seed % len(metrics)], turn)


def options(method: str, scene: Scene) -> dict[str, Any]:
    """Those that change what a method does, in turn."""
    is_close = scene.name.startswith("close")
    turn, chosen = scene.turn, {}
    if method == "merge":
        members, weights = choices_of("members"), choices_of("weights")
        chosen = {"members": members[turn % len(members)], "weights": weights[turn // 2 % 2]}
    elif method == "cluster":
        chosen = {"weighted": turn % 2 == 1}
    elif method in ("soft", "matrix"):
        kinds = parameter_of(METHODS[method].operator, "kind").tries
        chosen = {"kind": kinds[turn % len(kinds)], "min_score": (0.001, 0.2)[turn // 2 % 2]}
        if is_close and method == "matrix":  # 1 - overlap is a difference of nearly equal numbers
            chosen["kind"] = "gaussian"
    elif method == "and":
        chosen = {"overlap_threshold": (0.5, 0.25)[turn % 2]}
    elif method == "diou":
        chosen = {"beta": (1.0, 0.6)[turn % 2]}
    elif method == "wbf":
        chosen = {"conf_type": choices_of("conf_type")[turn % 4]}
    if method not in ("diou", "wbf", "nmw"):
        moves = METHODS[method].boxes or chosen.get("weighted")
        # the mean by an overlap below 0 is no mean
        chosen["metric"] = "iou" if moves and scene.metric in ("giou", "diou") else scene.metric
    return chosen


def answer(
    method: str, scene: Scene, threshold: float, chosen: dict[str, Any]
) -> tuple[list[int] | None, list[int], Tensor | None, Tensor | None]:
    """ptdet's: keep, owner, boxes and scores, where it has them."""
    row, given = METHODS[method], (scene.boxes, scene.scores)
    function = getattr(ptdet.rotated, row.function)
    if row.of_models:
        labels = torch.zeros(len(scene.boxes)) if scene.ids is None else scene.ids
        lists = [each.chunk(len(WEIGHTS)) for each in (*given, labels)]
        boxes, scores, _, owner = function(*lists, WEIGHTS, threshold, return_owner=True, **chosen)
        return None, owner.tolist(), boxes, scores
    numbers = [torch.tensor(densities(scene), dtype=torch.float64)] if row.numbers else []
    rest = [threshold] if row.has_threshold else []
    if row.function != "nms":
        chosen = {**chosen, "idxs": scene.ids}
    elif scene.ids is not None:
        function, numbers = ptdet.rotated.batched_nms, [scene.ids]
    *first, keep, owner = function(*given, *numbers, *rest, return_owner=True, **chosen)
    return (
        keep.tolist(),
        owner.tolist(),
        None if row.scores or not first else first[0],
        first[0] if row.scores else None,
    )


def densities(scene: Scene) -> list[float]:
    return [k * 7 % 10 / 10 for k in range(len(scene.boxes))]


def models_of(scene: Scene) -> list[int]:
    parts = torch.arange(len(scene.boxes)).chunk(len(WEIGHTS))
    return [model for model, part in enumerate(parts) for _ in part]


def expected(method: str, scene: Scene, exact: Set, threshold: float, chosen: dict[str, Any]) -> Found:
    """The oracle's: the loop class by class."""
    rest: list[Any] = [threshold] if METHODS[method].has_threshold else []
    rest += [densities(scene)] if METHODS[method].numbers else []
    rest += [models_of(scene), WEIGHTS] if method == "wbf" else []
    ids = [0] * len(scene.boxes) if scene.ids is None else scene.ids.tolist()
    parts = []
    for group in set(ids):
        order = exact.judge.in_order([j for j, each in enumerate(ids) if each == group], exact.scores)
        parts.append(LOOPS[method](exact, order, *rest, **chosen))
    owner = {j: i for part in parts for j, i in part.owner.items()}
    boxes = {i: box for part in parts for i, box in part.boxes.items()}
    scores = {i: score for part in parts for i, score in part.scores.items()}
    kept = [i for part in parts for i in part.keep]
    return Found(exact.judge.in_order(kept, scores or exact.scores), owner, boxes, scores)


def difference(method: str, scene: Scene, exact: Set, tally: Tally) -> str:
    """What ptdet answers otherwise; nothing, also where float64 cannot know."""
    chosen, judge = options(method, scene), Judge()
    threshold = scene.threshold(exact, chosen.get("metric", "diou" if method == "diou" else "iou"))
    factors = {"wbf": WEIGHTS, "nmw": [weight / max(WEIGHTS) for weight in WEIGHTS]}.get(method)
    judged = exact.judged(judge, factors and [factors[model] for model in models_of(scene)])
    wanted = expected(method, scene, judged, threshold, chosen)
    tally.ties += judge.ties
    if judge.undecided:
        tally.undecided[method] += 1
        return ""
    tally.compared[method] += 1
    keep, owner, boxes, scores = answer(method, scene, threshold, chosen)
    said = f"{scene.name}: {method} at {threshold!r} {chosen}: "
    if keep is not None and keep != wanted.keep:
        return f"{said}keeps {keep}, expected {wanted.keep}"
    if owner != [wanted.owner[j] for j in range(len(owner))]:
        return f"{said}owners {owner}, expected {wanted.owner}"
    if boxes is not None and not alike(boxes, [wanted.boxes[i] for i in wanted.keep]):
        return f"{said}boxes {boxes.tolist()}, expected {[[*map(float, wanted.boxes[i])] for i in wanted.keep]}"
    of_kept = [wanted.scores.get(i, judged.scores[i]) for i in wanted.keep]
    if scores is not None and not alike(scores[:, None], [(each,) for each in of_kept]):
        return f"{said}scores {scores.tolist()}, expected {[*map(float, of_kept)]}"
    return ""


def alike(found: Tensor, exact: list[tuple[Any, ...]]) -> bool:
    """To 1e-9 of a pixel and what the type rounds."""
    eps = 8 * torch.finfo(found.dtype).eps
    return len(found) == len(exact) and all(
        abs(mpmath.mpf(x) - y) <= 1e-9 + eps * abs(y)
        for row, wanted in zip(found.tolist(), exact, strict=True)
        for x, y in zip(row, wanted, strict=True)
    )


@dataclass
class Tally:
    sets: int = 0
    compared: Counter[str] = field(default_factory=Counter)
    undecided: Counter[str] = field(default_factory=Counter)
    ties: int = 0
    wrong: list[str] = field(default_factory=list)

    def add(self, scene: Scene) -> None:
        """All methods on it."""
        self.sets += 1
        with mpmath.workprec(300):
            exact = Set(scene.boxes.tolist(), scene.scores.tolist(), Judge())
            self.wrong += [said for method in METHODS if (said := difference(method, scene, exact, self))]

    def report(self) -> str:
        rows = [f"{name}: {self.compared[name]}, undecided {self.undecided[name]}" for name in METHODS]
        return "\n".join([f"{self.sets} sets, {self.ties} ties, {len(self.wrong)} answers differ", *rows, *self.wrong])


def run(seeds: range) -> Tally:
    torch.set_num_threads(1)
    tally = Tally()
    for seed in seeds:
        tally.add(drawn(seed))
    return tally


def main() -> int:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--sets", type=int, default=2000)
    parser.add_argument("--first", type=int, default=0, help="the first set's number")
    asked = parser.parse_args()
    start = time.monotonic()
    tally = run(range(asked.first, asked.first + asked.sets))
    print(f"{tally.report()}\n{time.monotonic() - start:.0f} s")
    return 1 if tally.wrong else 0


if __name__ == "__main__":
    raise SystemExit(main())
