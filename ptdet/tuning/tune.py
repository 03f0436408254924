"""The whole of a tuning: search, choice, what it is worth, and how long it takes."""

from __future__ import annotations

from collections import Counter
from collections.abc import Hashable, Sequence
from dataclasses import replace
from typing import Any

import numpy as np

from .._shared.arrays import Array, Indices
from .._shared.checks import check_count, check_flag, one_of
from .._shared.config import Config, Setting, config_of, stored_of
from .._shared.dataset import Detections, Truth
from .choice import Place
from .folds import drawn_weights, fold_weights, folds_of, groups_of
from .grid import CONFS, LOWEST, RANKED_CONFS, commutes, grid_of
from .input_warnings import input_warnings
from .latency import Latency, latencies
from .objective import RANKS, Goal, Judge, Scored
from .records import Fold, Row, Tuning
from .search import PER_CLASS, Progress, Search, search
from .suppression import Candidates, joined, taken

INTERVAL = (0.025, 0.975)
ROUNDING = 1e-12  # of two scores


def tune(
    detections: Detections,
    truth: Truth,
    *,
    objective: str = "ap",
    cost_fp: float = 1.0,
    cost_fn: float = 1.0,
    min_precision: float | None = None,
    min_recall: float | None = None,
    methods: Sequence[str] | None = None,
    iou: Sequence[float] | None = None,
    sigma: Sequence[float] | None = None,
    beta: Sequence[float] | None = None,
    metric: Sequence[str] | None = None,
    conf: Sequence[float] | None = None,
    per_class: str = "none",
    agnostic: bool = False,
    default: Config | Setting | None = None,
    folds: int = 5,
    groups: Sequence[Hashable] | None = None,
    draws: int = 300,
    seed: int = 0,
    max_det: int = 100,
    latency: bool = True,
    progress: Progress | None = None,
) -> Tuning:
    """Tries every setting of suppression on detections with a truth, and says which to use and whether it matters.

    Args:
        detections: raw candidates of a data set, before any suppression, in pixels of their pictures.
        truth: what is in the pictures.
        objective: ap, ap50, ar (COCO's, all areas), f1 (mean of the classes' F1) or cost (a picture); f1 and cost, as
            precision and recall, count at an overlap of 0.5 with the truth.
        cost_fp, cost_fn: of a detection that finds nothing, and of an object that is not found.
        min_precision, min_recall: settings with less are left out; with `per_class`, in each class that has its own.
        methods: names of suppressions; None: all that the boxes have.
        iou, sigma, beta, metric, conf: the values to try; None: those of docs/tuning.md.
        per_class: none, conf, iou or both: what classes with 25 objects or more may have of their own.
        agnostic: boxes of different classes meet too.
        default: what a gain is counted from; None: hard, iou 0.5, at the lowest confidence (ap, ap50, ar) or 0.25.
        folds: of how many parts each is judged by what the others choose.
        groups: one for each picture of the truth: pictures of one group, as frames of a film, stay in one fold.
        draws: of pictures (or groups), for the interval of the gain.
        seed: of folds and draws. The same input and seed give the same answer, but for latencies.
        max_det: the best so many of a class and picture count.
        latency: whether times are measured.
        progress: told how many suppressions of how many are done, after each.

    Returns:
        `Tuning`: `.best`, `.verdict`, `.gain`, `.interval`, `.table`, `.front`, `.folds`, `.to_toml()`, `.save(path)`;
        `ptdet.tuning.html_report` makes a page of it.

    Raises:
        TypeError, ValueError: naming the argument, what was expected and what came; no setting meets the demands.

    >>> import numpy as np, ptdet
    >>> truth = ptdet.evaluation.Truth(
    ...     np.array([[0., 0., 40., 40.], [8., 0., 48., 40.]] * 6), np.zeros(12, int), np.repeat(np.arange(6), 2),
    ...     tuple(range(6)), ("cat",))
    >>> found = ptdet.evaluation.Detections(truth.boxes, np.array([.9, .8] * 6), truth.labels, truth.images)
    >>> print(ptdet.tune(found, truth, objective="f1", methods=["hard"], latency=False).verdict)
    use hard iou 0.7, conf 0.4: a gain of +0.3333 (+0.3333 to +0.3333) over hard iou 0.5, conf 0.25
    """
    goal = Goal(objective, cost_fp, cost_fn, min_precision, min_recall, max_det)
    goal.check()
    _check(detections, truth, per_class, agnostic, folds, draws, seed)
    usual = (LOWEST,) if goal.ranks and not goal.demands else RANKED_CONFS if goal.ranks else CONFS
    grid = grid_of(methods, iou, sigma, beta, metric, conf, detections.boxes.shape[1] == 5, usual)
    if per_class == "conf" and len(grid.confs) == 1:
        raise ValueError("per_class: conf has nothing to choose from: give conf, a demand, or objective f1 or cost")
    compared = _compared(default, goal, grid.confs, agnostic)
    names = truth.class_names
    unknown = sorted({*compared.classes} - {*names})
    if unknown:
        raise ValueError(f"default: expected thresholds of classes of the truth, got those of {unknown[0]!r}")

    pictures = len(truth.image_ids)
    parts = groups_of(pictures, groups)
    fold_of = folds_of(parts, folds, seed)
    weights = fold_weights(fold_of, folds)
    candidates = Candidates(detections, len(truth.class_names), agnostic)
    judge = Judge(truth, goal, np.array(grid.confs), weights)
    found = search(candidates, judge, grid, per_class != "none", progress)

    singles = np.arange(folds) + 1 + folds
    place = found.tried.chosen(0, singles)
    if place is None:
        raise ValueError(_unmet(goal, found))
    chosen = found.config(place, agnostic, per_class, names, 0)
    warnings, of_folds = input_warnings(candidates, truth), []
    for fold in range(folds):
        there = found.tried.chosen(1 + fold, np.delete(singles, fold))
        own = compared if there is None else found.config(there, agnostic, per_class, names, 1 + fold)
        of_folds.append(Fold(int((fold_of == fold).sum()), own))
        if there is None:
            warnings.append(f"fold {fold + 1}: nothing can be chosen from the others, so its pictures get the default")
    everything = np.ones((1, pictures), np.int64)
    final = Judge(truth, goal, np.array([-np.inf]), everything)
    once = np.concatenate([everything, drawn_weights(parts, draws, seed)])
    of_default = final.scored(candidates.by_config(compared, names).detections, once)
    by_default, is_allowed = of_default.scores[0], bool(of_default.allowed[0, 0])
    pooled = _pooled(candidates, of_folds, fold_of, names)
    of_pooled = final.scored(pooled, once)
    out_of_fold = of_pooled.scores[0]
    gains = out_of_fold - by_default
    drawn = gains[1:][np.isfinite(gains[1:])]
    low, high = (float(one) for one in np.quantile(drawn, INTERVAL)) if len(drawn) else (0.0, 0.0)
    gain = float(gains[0])
    if gain < low - ROUNDING or gain > high + ROUNDING:
        warnings.append(
            "the gain lies outside its draws, as where these or the objects of a class are few: "
            "the interval is widened to hold it"
        )
    low, high = min(low, gain), max(high, gain)
    chosen_score = float(final.scored(candidates.by_config(chosen, names).detections).scores[0, 0])
    first = None if compared.classes or not is_allowed else _row(compared.setting, of_default)
    rows = _table(found, first, candidates, pictures, latency)
    keeps = is_allowed and not low > 0
    demands = {"min_precision": min_precision, "min_recall": min_recall}
    scores = chosen_score, float(by_default[0]), float(out_of_fold[0])
    return Tuning(
        best=compared if keeps else chosen,
        chosen=chosen,
        default=compared,
        score=scores[1] if keeps else scores[0],
        chosen_score=scores[0],
        default_score=scores[1],
        out_of_fold=scores[2],
        gain=gain,
        default_is_allowed=is_allowed,
        interval=(low, high),
        objective=objective,
        table=rows,
        front=tuple(sorted((row for row in rows if row.on_front), key=_milliseconds)),
        folds=tuple(of_folds),
        curve=_curve(found, place),
        warnings=tuple(warnings),
        complete=found.complete,
        facts={
            "objective": objective,
            **({"cost_fp": cost_fp, "cost_fn": cost_fn} if objective == "cost" else {}),
            **{name: value for name, value in demands.items() if value is not None},
            "precision_out_of_fold": float(of_pooled.precision[0, 0]),
            "recall_out_of_fold": float(of_pooled.recall[0, 0]),
            "f1_of_all_boxes_out_of_fold": float(of_pooled.f1_of_all[0, 0]),
            "per_class": per_class,
            "max_det": max_det,
            "suppressions": len(found.settings),
            "complete": found.complete,
            "pictures": pictures,
            "objects": int(found.objects[0].sum()),
            "candidates": len(candidates.given.scores),
            "folds": folds,
            "groups": int(parts.max()) + 1,
            "draws": draws,
            "seed": seed,
        },
    )


def _check(detections: Any, truth: Any, per_class: str, agnostic: Any, folds: Any, draws: Any, seed: Any) -> None:
    for name, value, kind in (("detections", detections, Detections), ("truth", truth, Truth)):
        if not isinstance(value, kind):
            raise TypeError(f"{name}: expected ptdet.evaluation.{kind.__name__}, got {type(value).__name__}")
    one_of("per_class", per_class, PER_CLASS)
    check_flag("agnostic", agnostic)
    if agnostic and per_class != "none":
        raise ValueError("per_class: expected none with agnostic, where boxes of all classes meet")
    twice = [name for name, count in Counter(truth.class_names).items() if count > 1]
    if twice and per_class != "none":  # thresholds are found by name
        raise ValueError(f"per_class: expected none where several classes have one name, as here {twice[0]!r}")
    for name, value, least in (("folds", folds, 2), ("draws", draws, 1), ("seed", seed, 0)):
        check_count(name, value, 2**32 - 1)
        if value < least:
            raise ValueError(f"{name}: expected a number of at least {least}, got {value}")


def _compared(default: Any, goal: Goal, cuts: Sequence[float], agnostic: bool) -> Config:
    if default is None:
        return Config(Setting(conf=cuts[0] if goal.name in RANKS else 0.25), agnostic)
    if isinstance(default, Setting):
        default = Config(default, agnostic)
    if not isinstance(default, Config):
        raise TypeError(f"default: expected a Config, a Setting or None, got {type(default).__name__}")
    if default.agnostic != agnostic:
        raise ValueError(f"default: expected agnostic {agnostic}, as all that is tried, got {default.agnostic}")
    config_of(stored_of(default), "default")  # it may be made by hand
    return replace(default, provenance={})


def _unmet(goal: Goal, found: Search) -> str:
    demands = (("min_precision", goal.min_precision, found.precision), ("min_recall", goal.min_recall, found.recall))
    most = {name: f"{name} {least:g} (the most alone is {seen.max():.3f})" for name, least, seen in demands if least}
    if not most:
        return "truth: no class has objects, so nothing can be scored"
    return f"{' and '.join(most.values())}: no setting that was tried meets it"


def _pooled(candidates: Candidates, folds: Sequence[Fold], fold_of: Indices, names: tuple[str, ...]) -> Detections:
    """The detections of each fold's pictures by what the others chose."""
    parts = []
    for number, fold in enumerate(folds):
        kept = candidates.by_config(fold.config, names).detections
        parts.append(taken(kept, np.flatnonzero(fold_of[kept.images] == number)))
    # a method that moves boxes makes floats of integers
    return joined(parts)


def _row(setting: Setting, scored: Scored) -> Row:
    """Of all pictures, before it is timed."""
    precision, recall = float(scored.precision[0, 0]), float(scored.recall[0, 0])
    return Row(setting, float(scored.scores[0, 0]), precision, recall, int(scored.shown[0, 0].sum()), None, False)


def _table(found: Search, default: Row | None, candidates: Candidates, pictures: int, latency: bool) -> tuple[Row, ...]:
    """Every suppression at the cut that is best for it, and the default at its own."""
    rows = []
    for number in range(len(found.settings)):
        own = slice(number, number + 1)
        tried = replace(found.tried, scores=found.tried.scores[own], allowed=found.tried.allowed[own])
        best = tried.best(0)
        if best is not None:
            place = (number, best[1])
            counts = float(found.precision[place]), float(found.recall[place]), int(found.shown[place])
            rows.append(Row(found.setting(place), float(found.tried.scores[(*place, 0)]), *counts, None, False))
    if default is not None and default.setting not in [row.setting for row in rows]:
        rows.insert(0, default)
    if not latency:
        return tuple(rows)
    times = latencies(candidates, [row.setting for row in rows], pictures)
    front = _front([row.score for row in rows], times)
    return tuple(
        replace(row, latency=time, on_front=number in front)
        for number, (row, time) in enumerate(zip(rows, times, strict=True))
    )


def _front(scores: Sequence[float], times: Sequence[Latency]) -> set[int]:
    """Which nothing faster equals."""
    front, best = set(), -np.inf
    order = sorted(range(len(scores)), key=lambda number: (times[number].milliseconds, -scores[number]))
    for number in order:
        if scores[number] > best:
            best = scores[number]
            front.add(number)
    return front


def _milliseconds(row: Row) -> float:
    return row.latency.milliseconds if row.latency is not None else 0.0


def _curve(found: Search, place: Place) -> dict[str, tuple[float, ...]]:
    """Score, precision and recall of a suppression over the cut after it."""
    suppression = place[0]
    lowest = -np.inf if commutes(found.settings[suppression]) else found.settings[suppression].conf
    shown_there = found.shown[suppression] > 0  # where nothing is, there is no precision
    some = [number for number, cut in enumerate(found.cuts) if cut >= lowest and shown_there[number]]

    def shown(values: Array) -> tuple[float, ...]:
        return tuple(float(values[suppression, number]) for number in some)

    scores = found.tried.scores[:, :, 0]
    cuts = tuple(found.cuts[number] for number in some)
    return {"conf": cuts, "score": shown(scores), "precision": shown(found.precision), "recall": shown(found.recall)}
