"""Many pictures in one call of a kernel: a picture and a class together are the group in which boxes meet."""

from __future__ import annotations

import math
from collections.abc import Callable, Iterable, Iterator, Sequence
from dataclasses import dataclass, replace
from typing import Any, TypeAlias

import numpy as np

from .._shared.arrays import Array
from .._shared.by_class import ClassLimits, Kept
from .._shared.config import Config
from .._shared.methods import NAMES
from ..io import Candidates, FileProblem, Predictions, above
from .settings import Settings, limits_of, of_such_boxes, refuse_no_classes, refuse_per_cent

Choose: TypeAlias = Callable[[Any, float], Kept]  # what is left of some rows at an overlap threshold
Part = tuple[Predictions, Candidates, int]  # a picture without its boxes, its candidates, how many boxes it had
ENOUGH = 8192  # candidates; the kernels' rate falls where they leave the cache


@dataclass(frozen=True)
class Batch:
    """Pictures and what was found in them, one after the other."""

    of: Sequence[Predictions]  # without their boxes, unless they are written back as they were
    offsets: Array  # (P + 1,) int64: where each begins in `found`
    found: Candidates
    stored: int = 0  # how many boxes the input had for them

    @property
    def picture(self) -> Array:
        """(N,): the number of the picture of each box."""
        return np.repeat(np.arange(len(self.of)), np.diff(self.offsets))

    def pairs(self) -> Iterator[tuple[Predictions, Candidates]]:
        """One picture at a time."""
        found = self.found
        for of, start, end in zip(self.of, self.offsets[:-1].tolist(), self.offsets[1:].tolist(), strict=True):
            own = slice(start, end)
            yield of, found.take(own, found.boxes[own], found.scores[own])

    def apart(self, settings: Settings) -> Array | None:
        """(N,): the classes that do not meet; None: all boxes of a picture do.

        Raises:
            FileProblem: there are no classes where the method needs them.
        """
        labels = None if settings.agnostic else self.found.labels
        refuse_no_classes(settings.method, labels)
        return labels

    def groups(self, settings: Settings) -> Array:
        """(N,): equal for boxes that meet.

        Raises:
            FileProblem: as `apart`.
        """
        labels = self.apart(settings)
        return self.picture if labels is None else _groups(self.picture, labels, len(self.of))

    def chosen(self, choose: Choose, settings: Settings) -> Batch:
        """What `choose` leaves of each picture, in its own order: which, and what it made of their boxes and scores."""
        if settings.by_class is None:
            boxes, scores, keep = choose(slice(None), settings.iou_threshold)
            enough = above(scores, settings.least_score)  # soft and matrix lower them
        else:
            limits, of_class, _ = _limits(self, settings.by_class)
            boxes, scores, keep = limits.suppressed(choose, of_class, np.ones(len(of_class), np.bool_))
            enough = above(scores, -math.inf) & limits.left(scores, of_class[keep])
        picture, left = self.picture[keep], np.flatnonzero(enough)
        left = left[np.argsort(picture[left], kind="stable")]
        counts = np.bincount(picture[left], minlength=len(self.of))
        if settings.max_det is not None:
            rank = np.arange(len(left)) - np.repeat(np.cumsum(counts) - counts, counts)
            left, counts = left[rank < settings.max_det], np.minimum(counts, settings.max_det)
        found = self.found.take(keep[left], boxes[left], scores[left])
        return replace(self, offsets=np.concatenate([[0], np.cumsum(counts)]), found=found)

    def with_parts(self, parts: Sequence[Candidates]) -> Batch:
        """The same pictures with other boxes."""
        return joined(list(zip(self.of, parts, strict=True)), self.stored)

    def cut(self) -> Iterator[Batch]:
        """The same in parts of whole pictures that a kernel likes best."""
        first = 0
        while first < len(self.of):
            most = self.offsets[first] + ENOUGH
            end = max(first + 1, int(np.searchsorted(self.offsets, most, "right")) - 1)
            own = slice(int(self.offsets[first]), int(self.offsets[end]))
            found = self.found.take(own, self.found.boxes[own], self.found.scores[own])
            stored = self.stored if first == 0 else 0  # a sum: any part may have it
            yield Batch(self.of[first:end], self.offsets[first : end + 1] - self.offsets[first], found, stored)
            first = end


Chooser: TypeAlias = Callable[[Batch, Settings], Choose]


def batches_of(pictures: Iterable[Predictions], settings: Settings, problems: list[str]) -> Iterator[Batch]:
    """The candidates of pictures; `problems` are told of pictures without."""

    def candidates() -> Iterator[Part]:
        for one in pictures:
            try:
                refuse_per_cent(one, settings)
                found = one.candidates(settings.lowest, settings.multi_label, settings.background)
            except FileProblem as problem:
                problems.append(f"{one.name} {problem}")
                continue
            yield one.light(), found, len(one.boxes) - one.padding

    return grouped(candidates())


def grouped(parts: Iterable[Part]) -> Iterator[Batch]:
    """Pictures joined where their arrays are alike."""
    waiting: list[tuple[Predictions, Candidates]] = []
    stored = boxes = 0
    for of, found, count in parts:
        if waiting and (boxes >= ENOUGH or _kind(found) != _kind(waiting[0][1])):
            yield joined(waiting, stored)
            waiting, stored, boxes = [], 0, 0
        waiting.append((of, found))
        stored += count
        boxes += len(found)
    if waiting:
        yield joined(waiting, stored)


def limited(batch: Batch, settings: Settings, problems: list[str]) -> Batch:
    """The same without the boxes that the thresholds of single classes leave out.

    `problems` are told of pictures whose classes have no names: they are left out.
    """
    if settings.by_class is None:
        return batch
    limits, of_class, known = _limits(batch, settings.by_class)
    if not known.all():
        pairs = []
        for (of, found), is_known in zip(batch.pairs(), known.tolist(), strict=True):
            if is_known:
                pairs.append((of, found))
                continue
            try:
                limits_of(of, found.labels, settings.by_class)
            except FileProblem as problem:
                problems.append(f"{of.name} {problem}")
        if not pairs:
            none = batch.found.take(slice(0, 0), batch.found.boxes[:0], batch.found.scores[:0])
            return Batch([], batch.offsets[:1], none)
        return limited(joined(pairs, batch.stored), settings, problems)
    over = np.flatnonzero(limits.above(batch.found.scores, of_class))
    found = batch.found.take(over, batch.found.boxes[over], batch.found.scores[over])
    return replace(batch, offsets=np.searchsorted(over, batch.offsets), found=found)


def on_arrays(batch: Batch, settings: Settings) -> Choose:
    """A method on the kernels of ptdet.numpy."""
    from ..numpy._methods import select  # not to be loaded before a worker has said how many threads there are

    found, groups = batch.found, batch.groups(settings)

    def choose(rows: Any, iou_threshold: float) -> Kept:
        given = found.boxes[rows], found.scores[rows], groups[rows]
        return select(NAMES[settings.method], *given, iou_threshold, **settings.options)

    return choose


def suppress(batch: Batch, settings: Settings, chooser: Chooser = on_arrays) -> Batch:
    """The survivors of each picture, in the order in which the method itself would return them for it alone.

    Args:
        chooser: on what the method runs.

    Raises:
        FileProblem: there are no classes where the method needs them, or no such measure of these boxes.
    """
    batch = best(batch, settings.pre_topk)
    with of_such_boxes(settings.options, batch.found.rotated):
        return batch.chosen(chooser(batch, settings), settings)


def best(batch: Batch, most: int | None) -> Batch:
    """The same, of each picture no more than the `most` best boxes."""
    if most is None or not (np.diff(batch.offsets) > most).any():
        return batch
    return joined([(of, found.best(most)) for of, found in batch.pairs()], batch.stored)


def _limits(batch: Batch, config: Config) -> tuple[ClassLimits, Array, Array]:
    """Thresholds of all classes of a batch, (N,) which are those of each box, (P,) whether a picture's are named.

    Pictures may have other names for the same numbers, so each list of names has a part of its own.
    """
    parts: dict[tuple[str, ...], int] = {}  # names -> where their thresholds begin
    tables, size = [ClassLimits(*np.zeros((3, 0)))], 0
    for of in batch.of:
        if of.classes not in parts:
            parts[of.classes] = size
            tables.append(config.limits(of.classes))
            size += len(of.classes)
    every = ClassLimits(*(np.concatenate(each) for each in zip(*tables, strict=True)))
    counts = np.array([len(of.classes) for of in batch.of], np.int64)
    labels, picture = batch.found.labels, batch.picture
    if labels is None:
        return every, np.zeros(len(batch.found), np.int64), np.zeros(len(counts), np.bool_)
    known = counts > 0
    known[picture[(labels < 0) | (labels >= counts[picture])]] = False
    starts = np.array([parts[of.classes] for of in batch.of], np.int64)
    return every, starts[picture] + labels, known


def _groups(picture: Array, labels: Array, pictures: int) -> Array:
    """A number for each picture and class; the classes of a picture in their own order."""
    if not len(labels):
        return picture
    lowest, highest = int(labels.min()), int(labels.max())
    if (highest - lowest + 1) * pictures >= 2**63:  # ids may be any number of 64 bits
        labels = np.unique(labels, return_inverse=True)[1].reshape(-1)
        lowest, highest = 0, int(labels.max())
    groups: Array = picture * (highest - lowest + 1) + (labels - lowest)
    return groups


def _kind(found: Candidates) -> tuple[Any, ...]:
    """Equal for candidates whose arrays can be one."""
    extra = tuple((name, value.dtype, value.shape[1:]) for name, value in sorted(found.extra.items()))
    return found.boxes.shape[1], found.boxes.dtype, found.scores.dtype, found.labels is None, extra


def joined(found: Sequence[tuple[Predictions, Candidates]], stored: int) -> Batch:
    """Pictures whose arrays are alike as one batch."""
    every = [one for _, one in found]
    first = every[0]
    labels = None if first.labels is None else np.concatenate([one.labels for one in every if one.labels is not None])
    together = Candidates(
        np.concatenate([one.boxes for one in every]),
        np.concatenate([one.scores for one in every]),
        labels,
        np.concatenate([one.rows for one in every]),
        {name: np.concatenate([one.extra[name] for one in every]) for name in first.extra},
    )
    return Batch([of for of, _ in found], np.cumsum([0, *map(len, every)]), together, stored)
