"""Tries every setting of a grid on all pictures at once."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass, replace

import numpy as np

from .._shared.arrays import Array, Indices
from .._shared.config import Config, Limits, Setting
from ..numpy import get_num_threads
from .choice import Place, Tried, first_of_best
from .grid import Grid, commutes
from .objective import Judge, Scored
from .suppression import Candidates, Kept

MOST_AT_ONCE, WORTH_THREADS = 2, 100_000  # suppressions, candidates
FEW_OBJECTS = 25  # a class with fewer has no settings of its own: they would be those of chance
PER_CLASS = ("none", "conf", "iou", "both")
Progress = Callable[[int, int], None]  # how many suppressions of how many are done


@dataclass(frozen=True)
class Outcome:
    """What is remembered of a suppression. Of many classes the counts of each would fill the memory."""

    scores: Array  # (C, W)
    allowed: Array  # (C, W)
    precision: Array  # (C,) of all pictures, as recall and shown
    recall: Array
    shown: Array
    objects: Array  # (W, K)
    per_class: Array | None  # (C, W, K), as allowed_of_class, where classes may have their own
    allowed_of_class: Array | None

    @classmethod
    def of(cls, one: Scored, per_class: bool) -> Outcome:
        return cls(
            one.scores,
            one.allowed,
            one.precision[:, 0],
            one.recall[:, 0],
            one.shown[:, 0].sum(-1),
            one.objects,
            one.per_class if per_class else None,
            one.allowed_of_class if per_class else None,
        )


@dataclass(frozen=True)
class Search:
    """What came of every suppression that was tried, at every cut after it."""

    settings: tuple[Setting, ...]  # (S,)
    cuts: tuple[float, ...]  # (C,)
    tried: Tried
    precision: Array  # (S, C) of all pictures
    recall: Array
    shown: Array  # (S, C) detections
    objects: Array  # (W, K)
    per_class: Array | None  # (S, C, W, K), where classes may have their own
    allowed_of_class: Array | None
    complete: bool  # nobody interrupted it

    def setting(self, place: Place) -> Setting:
        """With its cut."""
        suppression, cut = place
        setting, conf = self.settings[suppression], self.cuts[cut]
        if commutes(setting):  # the survivors above a confidence are those of the candidates above it
            return replace(setting, conf=conf)
        return replace(setting, min_score=conf if conf > setting.conf else None)

    def config(self, place: Place, agnostic: bool, per_class: str, names: Sequence[str], row: int) -> Config:
        """The setting of all classes and, where wanted, those of single ones, by a row of weights."""
        own = {} if per_class == "none" else self._own_limits(place, per_class, names, row)
        return Config(self.setting(place), agnostic, own)

    def _own_limits(self, place: Place, per_class: str, names: Sequence[str], row: int) -> Mapping[str, Limits]:
        assert self.per_class is not None and self.allowed_of_class is not None
        kin = self._kin(place[0]) if per_class in ("iou", "both") else np.full(1, place[0])
        cuts = np.arange(len(self.cuts)) if per_class in ("conf", "both") else np.array([place[1]])
        some = np.ix_(kin, cuts, np.full(1, row))
        scores = np.where(self.allowed_of_class[some], self.per_class[some], -np.inf)[:, :, 0]
        own = {}
        for label in np.flatnonzero(self.objects[row] >= FEW_OBJECTS).tolist():
            of_class = np.where(np.isnan(scores[:, :, label]), -np.inf, scores[:, :, label])
            here = of_class[int((kin == place[0]).argmax()), int((cuts == place[1]).argmax())]
            best = first_of_best(of_class)
            if best is None or of_class[best] == here:
                continue
            suppression, cut = best
            own[names[label]] = self._limits(place, (int(kin[suppression]), int(cuts[cut])))
        return own

    def _kin(self, suppression: int) -> Indices:
        """The suppressions that differ from it in the overlap threshold alone."""
        alike = [replace(setting, iou=None) for setting in self.settings]
        return np.array([place for place, one in enumerate(alike) if one == alike[suppression]])

    def _limits(self, place: Place, other: Place) -> Limits:
        """What another place has instead."""
        here, there = self.setting(place), self.setting(other)
        limits = {"iou": there.iou, "conf": there.conf, "min_score": there.min_score}
        if here.min_score is not None and there.min_score is None:
            limits["min_score"] = there.conf
        said = {name: value for name, value in limits.items() if value is not None and value != getattr(here, name)}
        return dict(said)


def search(candidates: Candidates, judge: Judge, grid: Grid, per_class: bool, progress: Progress | None) -> Search:
    """All of the grid, the simplest first. An interrupt (Ctrl-C) ends it with what is done.

    Raises:
        KeyboardInterrupt: before anything was done.
    """
    settings = grid.settings()
    scored: list[Outcome] = []
    known: dict[bytes, Outcome] = {}

    def tried(setting: Setting) -> Outcome:
        kept = candidates.suppressed(setting)
        same = _digest(kept)  # methods may agree on everything
        if same not in known:
            known[same] = Outcome.of(judge.scored(kept.detections), per_class)
        return known[same]

    # a few at a time where that is worth it: the kernels run beside each other, the arrays have to fit in memory
    workers = min(MOST_AT_ONCE, get_num_threads()) if len(candidates.groups) > WORTH_THREADS else 1
    pool = ThreadPoolExecutor(workers)
    try:
        for number, one in enumerate(pool.map(tried, settings), 1):
            scored.append(one)
            if progress is not None:
                progress(number, len(settings))
    except KeyboardInterrupt:
        if not scored:
            raise
    finally:
        pool.shutdown(cancel_futures=True)
    complete = len(scored) == len(settings)
    settings = settings[: len(scored)]
    # a cut below the one before suppression is no other setting
    possible = np.array([[cut >= setting.conf for cut in grid.confs] for setting in settings])[:, :, None]
    allowed = np.stack([one.allowed for one in scored]) & possible
    scores = np.stack([one.scores for one in scored])
    forms = [replace(one, iou=None, sigma=None, beta=None, metric=None, conf=0.0) for one in settings]
    numbers = {form: number for number, form in enumerate(dict.fromkeys(forms))}
    return Search(
        settings=tuple(settings),
        cuts=grid.confs,
        tried=Tried(np.where(possible, scores, -np.inf), allowed, np.array([numbers[form] for form in forms])),
        precision=np.stack([one.precision for one in scored]),
        recall=np.stack([one.recall for one in scored]),
        shown=np.stack([one.shown for one in scored]),
        objects=scored[0].objects,
        per_class=_stacked([one.per_class for one in scored]) if per_class else None,
        allowed_of_class=(
            _stacked([one.allowed_of_class for one in scored]) & possible[..., None] if per_class else None
        ),
        complete=complete,
    )


def _stacked(parts: Sequence[Array | None]) -> Array:
    return np.stack([part for part in parts if part is not None])


def _digest(kept: Kept) -> bytes:
    from hashlib import sha256

    digest = sha256(kept.rows.tobytes())
    digest.update(np.ascontiguousarray(kept.detections.scores).tobytes())
    digest.update(np.ascontiguousarray(kept.detections.boxes).tobytes())
    return digest.digest()
