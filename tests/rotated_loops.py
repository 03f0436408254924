"""Every suppression and fusion of rotated boxes as a plain loop over the oracle's overlaps, in 300 bits.

A loop is given one class: rows in the order in which they are selected. It is written from docs/SPEC.md and the papers,
not from the reference.
"""

from __future__ import annotations

import math
from collections.abc import Callable, Iterable, Sequence
from copy import copy
from functools import cmp_to_key
from itertools import pairwise
from typing import Any, NamedTuple

import mpmath
from mpmath import mpf

from .rotated_oracle import corners, overlap

Box = tuple[Any, ...]
TINY = mpf(2) ** -200  # from 0 or 1: what the rounding of 300 bits can leave
ROUNDING = 1e-12  # what docs/SPEC.md allows float64 to be off by: below it a difference is not told apart


class Judge:
    """Compares numbers; remembers whether it was asked for something that float64 need not tell apart.

    Equal are numbers that are so in 300 bits: then they were exact, or computed alike, which float64 does as well.
    """

    def __init__(self) -> None:
        self.undecided, self.ties = False, 0

    def sign(self, a: Any, b: Any) -> int:
        roughly = float(a) - float(b)
        if abs(roughly) > 1e-9:
            return 1 if roughly > 0 else -1
        difference = mpf(a) - mpf(b)
        if difference == 0:
            self.ties += 1
            return 0
        self.undecided |= bool(abs(difference) < ROUNDING)
        return 1 if difference > 0 else -1

    def meets(self, value: Any, threshold: Any, inclusive: bool = False) -> bool:
        return self.sign(value, threshold) >= (0 if inclusive else 1)

    def in_order(self, rows: Iterable[int], values: Sequence[Any] | dict[int, Any]) -> list[int]:
        """By decreasing value, ties to the lower row."""
        return sorted(rows, key=cmp_to_key(lambda i, j: -self.sign(values[i], values[j]) or i - j))

    def largest(self, rows: Iterable[int], values: Callable[[int], Any]) -> int:
        """The first of those with the largest value."""
        best, *rest = rows
        for row in rest:
            if self.sign(values(row), values(best)) > 0:
                best = row
        return best


class Set:
    """Boxes whose numbers are exact as given, their scores, and how much each overlaps each, computed once."""

    def __init__(self, boxes: list[list[float]], scores: list[float], judge: Judge) -> None:
        self.boxes: list[Box] = [tuple(map(mpf, box)) for box in boxes]
        self.scores = [mpf(score) for score in scores]
        self.judge = judge
        self._known: dict[tuple[str, int, int], Any] = {}

    def judged(self, judge: Judge, factors: list[float] | None = None) -> Set:
        """The same boxes, for another method; their scores times factors."""
        other = copy(self)
        other.judge = judge
        if factors is not None:
            other.scores = [score * mpf(each) for score, each in zip(self.scores, factors, strict=True)]
        return other

    def over(self, metric: str) -> Callable[[int, int], Any]:
        """Of candidate j with a selected i."""

        def value(j: int, i: int) -> Any:
            if (metric, j, i) not in self._known:
                found = of_pair(self.boxes[j], self.boxes[i], metric)
                self._known[metric, j, i] = found
                if metric != "iof":
                    self._known[metric, i, j] = found
            return self._known[metric, j, i]

        return value


def of_pair(a: Box, b: Box, metric: str) -> Any:
    """The oracle's, with 0 and 1 where only the rounding of 300 bits keeps it from them."""
    if metric in ("iou", "iof", "ios") and are_apart(a, b):
        return mpf(0)
    value = overlap(a, b, metric)
    nearest = mpmath.nint(value)
    return nearest if abs(value - nearest) < TINY else value


def are_apart(a: Box, b: Box) -> bool:
    """Surely: the circles around them lie apart, so no clipping is needed."""
    (ax, ay, aw, ah, _), (bx, by, bw, bh, _) = (map(float, box) for box in (a, b))
    return math.hypot(ax - bx, ay - by) > (math.hypot(aw, ah) + math.hypot(bw, bh)) * 0.5001


class Found(NamedTuple):
    """What a loop says of one class."""

    keep: list[int]
    owner: dict[int, int]
    boxes: dict[int, Box] = {}  # of the kept ones, where they move
    scores: dict[int, Any] = {}  # of the kept ones, where they change


Loop = Callable[..., Found]


def greedy(given: Set, order: list[int], t: float, metric: str = "iou", inclusive: bool = False) -> Found:
    over, judge = given.over(metric), given.judge
    return removing(order, lambda j, i: judge.meets(over(j, i), t, inclusive))


def removing(order: list[int], removes: Callable[[int, int], bool]) -> Found:
    left, keep, owner = list(order), [], {}
    while left:
        first, *rest = left
        keep.append(first)
        gone = [j for j in rest if removes(j, first)]
        owner |= dict.fromkeys([first, *gone], first)
        left = [j for j in rest if j not in gone]
    return Found(keep, owner)


def inclusive_greedy(given: Set, order: list[int], t: float, metric: str = "iou", inclusive: bool = True) -> Found:
    return greedy(given, order, t, metric, inclusive)


def by_centres(given: Set, order: list[int], t: float, beta: float = 1.0) -> Found:
    iou, diou, judge = given.over("iou"), given.over("diou"), given.judge
    return removing(order, lambda j, i: judge.meets(iou(j, i) - abs(iou(j, i) - diou(j, i)) ** mpf(beta), t))


def confirmed(
    given: Set, order: list[int], t: float, metric: str = "iou", overlap_threshold: float = 0.5, inclusive: bool = True
) -> Found:
    over, judge = given.over(metric), given.judge
    left, keep, owner = list(order), [], {}
    while left:
        first, *rest = left
        if any([judge.meets(over(j, first), overlap_threshold) for j in rest]):
            keep.append(first)
        gone = [j for j in rest if judge.meets(over(j, first), t, inclusive)]
        owner |= dict.fromkeys([first, *gone], first)
        left = [j for j in rest if j not in gone]
    return Found(keep, owner)


def adaptive(given: Set, order: list[int], t: float, densities: list[float], metric: str = "iou") -> Found:
    over, judge = given.over(metric), given.judge
    return removing(order, lambda j, i: judge.meets(over(j, i), max(t, densities[i])))


def fast(given: Set, order: list[int], t: float, metric: str = "iou", inclusive: bool = False) -> Found:
    over, judge, owner = given.over(metric), given.judge, {}
    for place, j in enumerate(order):
        owner[j] = next((i for i in order[:place] if judge.meets(over(j, i), t, inclusive)), j)
    return Found([j for j in order if owner[j] == j], owner)


def cluster(given: Set, order: list[int], t: float, metric: str = "iou", weighted: bool = False) -> Found:
    """The matrix form of its paper: it is repeated until nothing changes."""
    over, judge = given.over(metric), given.judge
    met = {j: [i for i in order[:place] if judge.meets(over(j, i), t)] for place, j in enumerate(order)}
    stays, before = set(order), None
    while stays != before:
        before, stays = stays, {j for j in order if not any(i in stays for i in met[j])}
    keep = [j for j in order if j in stays]
    owner = {j: next((i for i in met[j] if i in stays), j) for j in order}
    boxes = {i: given.boxes[i] for i in keep}
    if weighted:
        members = {i: [j for j in order if j == i or i in met[j]] for i in keep}
        boxes = {i: mean(given, i, members[i], over_of_kept(over, i)) for i in keep}
    return Found(keep, owner, boxes)


def over_of_kept(over: Callable[[int, int], Any], i: int) -> Callable[[int], Any]:
    return lambda j: mpf(1) if j == i else over(j, i)


def mean(given: Set, i: int, members: list[int], times: Callable[[int], Any] | None = None) -> Box:
    weights = [given.scores[j] * (1 if times is None else times(j)) for j in members]
    return mean_about(given.boxes[i], [given.boxes[j] for j in members], weights, given.judge)


def mean_about(about: Box, boxes: list[Box], weights: list[Any], judge: Judge) -> Box:
    written = [nearest_writing(box, about[4], judge) for box in boxes]
    total = mpmath.fsum(weights)
    return tuple(mpmath.fsum(w * box[k] for w, box in zip(weights, written, strict=True)) / total for k in range(5))


def nearest_writing(box: Box, angle: Any, judge: Judge) -> Box:
    """The rectangle as (w, h, a), (h, w, a + pi/2) or with more turns, whichever is the nearest in angle."""
    cx, cy, w, h, own = box
    turns = mpmath.nint((angle - own) / (mpmath.pi / 2))

    def written(k: Any) -> Box:
        return (cx, cy, *((h, w) if int(k) % 2 else (w, h)), own + k * mpmath.pi / 2)

    tried = [written(turns + k) for k in (0, -1, 1)]
    near = [abs(each[4] - angle) for each in tried]
    best = judge.largest(range(3), lambda k: -near[k])
    judge.undecided |= bool(abs(near[best] - mpmath.pi / 4) < ROUNDING)
    return tried[best]


def merge(
    given: Set, order: list[int], t: float, metric: str = "iou", members: str = "cluster", weights: str = "score"
) -> Found:
    over, judge = given.over(metric), given.judge
    keep, owner, *_ = greedy(given, order, t, metric)
    place = {j: k for k, j in enumerate(order)}
    if members == "best":
        for j in order:
            if owner[j] != j:
                owner[j] = judge.largest(
                    [i for i in keep if place[i] < place[j]],
                    lambda i, j=j: over(j, i),  # type: ignore[misc]
                )
    boxes = {}
    for i in keep:
        joined = [j for j in order if owner[j] == i]
        if members in ("overlapping", "later"):
            joined = [
                j for j in order
                if j == i or ((members == "overlapping" or place[j] > place[i]) and judge.meets(over(j, i), t))
            ]  # fmt: skip
        boxes[i] = mean(given, i, joined, over_of_kept(over, i) if weights == "score_overlap" else None)
    return Found(keep, owner, boxes)


def soft(
    given: Set,
    order: list[int],
    t: float,
    metric: str = "iou",
    kind: str = "gaussian",
    sigma: float = 0.5,
    min_score: float = 0.001,
) -> Found:
    over, judge = given.over(metric), given.judge
    now, keep, owner = {j: given.scores[j] for j in order}, [], dict.fromkeys(order, -1)
    left = [j for j in order if judge.meets(now[j], min_score)]
    while left:
        first = judge.in_order(left, now)[0]
        left.remove(first)
        keep.append(first)
        owner[first] = first
        for j in left:
            share = max(over(j, first), mpf(0))
            if kind == "gaussian":
                now[j] *= mpmath.exp(-(share**2) / mpf(sigma))
            elif judge.meets(over(j, first), t):
                now[j] *= 1 - share if kind == "linear" else 0
        owner |= {j: first for j in left if not judge.meets(now[j], min_score)}
        left = [j for j in left if owner[j] < 0]
    return Found(keep, owner, scores={j: now[j] for j in keep})


def matrix(
    given: Set,
    order: list[int],
    metric: str = "iou",
    kind: str = "gaussian",
    sigma: float = 2.0,
    min_score: float = 0.001,
) -> Found:
    over, judge = given.over(metric), given.judge

    def left(share: Any) -> Any:
        return mpmath.exp(-mpf(sigma) * share**2) if kind == "gaussian" else 1 - share

    now, owner, largest = {}, {}, {}
    for place, j in enumerate(order):
        shares = {i: max(over(j, i), mpf(0)) for i in order[:place]}
        largest[j] = max(shares.values(), default=mpf(0))
        ratios = {i: left(share) / left(largest[i]) for i, share in shares.items() if left(largest[i]) > 0}
        now[j], owner[j] = given.scores[j], -1
        if ratios:
            least = judge.largest(ratios, lambda i, r=ratios: -r[i])  # type: ignore[misc]
            if judge.sign(ratios[least], 1) < 0:
                now[j], owner[j] = now[j] * ratios[least], least
    keep = judge.in_order([j for j in order if judge.meets(now[j], min_score)], now)
    # equal by different divisions, which float64 rounds
    alike = [
        i for i, j in pairwise(keep) if now[i] == now[j] and (now[i], now[j]) != (given.scores[i], given.scores[j])
    ]
    judge.undecided |= bool(alike)
    return Found(keep, owner | {j: j for j in keep}, scores={j: now[j] for j in keep})


def grown(given: Set, order: list[int], t: float, metric: str = "ios", hands_on: bool = False) -> Found:
    """Kept boxes become the smallest rectangle in their direction that has them and those that join."""
    over, judge = given.over(metric), given.judge
    found = greedy(given, order, t, metric, inclusive=True)
    if hands_on:
        owner: dict[int, int] = {}
        for place, i in enumerate(order):
            owner.setdefault(i, i)
            for j in order[place + 1 :]:
                if j not in owner and judge.meets(over(j, i), t, True):
                    owner[j] = owner[i]
        found = Found([i for i in order if owner[i] == i], owner)
    boxes = {}
    for i in found.keep:
        boxes[i] = given.boxes[i]
        for j in order:
            if found.owner[j] == i and j != i and judge.meets(of_pair(given.boxes[j], boxes[i], metric), t):
                boxes[i] = around_both(boxes[i], given.boxes[j])
    return Found(found.keep, found.owner, boxes)


def around_both(box: Box, other: Box) -> Box:
    """In the direction of the first."""
    c, s = mpmath.cos(box[4]), mpmath.sin(box[4])
    points = corners(box) + corners(other)
    along, across = [c * x + s * y for x, y in points], [c * y - s * x for x, y in points]
    u, v = (min(along) + max(along)) / 2, (min(across) + max(across)) / 2
    return (c * u - s * v, s * u + c * v, max(along) - min(along), max(across) - min(across), box[4])


def members_propagate(given: Set, order: list[int], t: float, metric: str = "ios") -> Found:
    return grown(given, order, t, metric, hands_on=True)


def fused(
    given: Set, order: list[int], t: float, models: list[int], weights: list[float], conf_type: str = "avg"
) -> Found:
    """`given` has the scores times the weights of their models."""
    judge, groups, boxes = given.judge, {}, {}
    for j in order:
        shares = {i: of_pair(given.boxes[j], box, "iou") for i, box in boxes.items()}
        met = [i for i in boxes if judge.meets(shares[i], t)]
        i = judge.largest(met, shares.__getitem__) if met else j
        groups.setdefault(i, []).append(j)
        boxes[i] = mean(given, i, groups[i])
    scores = {i: confidence(given, rows, models, [mpf(w) for w in weights], conf_type) for i, rows in groups.items()}
    owner = {j: i for i, rows in groups.items() for j in rows}
    return Found(judge.in_order(groups, scores), owner, boxes, scores)


def confidence(given: Set, rows: list[int], models: list[int], weights: list[Any], conf_type: str) -> Any:
    total, count = mpmath.fsum(given.scores[j] for j in rows), len(rows)
    of_members = mpmath.fsum(weights[models[j]] for j in rows)
    present = {models[j] for j in rows}
    of_present = mpmath.fsum(weights[m] for m in present)
    if conf_type == "max":
        return max(given.scores[j] for j in rows) / max(weights)
    if conf_type == "box_and_model_avg":
        return total / of_members * of_present / mpmath.fsum(weights)
    if conf_type == "absent_model_aware_avg":
        return total / (of_members + mpmath.fsum(weights) - of_present)
    return total / count * min(count, len(weights)) / mpmath.fsum(weights)


def weighted_maximum(given: Set, order: list[int], t: float) -> Found:
    return merge(given, order, t, members="best", weights="score_overlap")


# By the names of METHODS.
LOOPS: dict[str, Loop] = {
    "hard": greedy,
    "or": inclusive_greedy,
    "diou": by_centres,
    "and": confirmed,
    "adaptive": adaptive,
    "merge": merge,
    "cluster": cluster,
    "soft": soft,
    "fast": fast,
    "matrix": matrix,
    "greedy_nmm": grown,
    "nmm": members_propagate,
    "wbf": fused,
    "nmw": weighted_maximum,
}
