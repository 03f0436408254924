"""Bad options of the other methods: the argument, what was expected, what came."""

from __future__ import annotations

import math
from typing import Any

import torch
from torch import Tensor

from .._shared.checks import check_flag, one_of
from .checks import FLOATS, _number, _tensor, check_suppression

KINDS = ("gaussian", "linear", "hard")
MEMBERS = ("cluster", "overlapping", "later", "best")
WEIGHTS = ("score", "score_overlap")
CONF_TYPES = ("avg", "max", "box_and_model_avg", "absent_model_aware_avg")


def positive(name: str, value: Any) -> None:
    _number(name, value)
    if not (value > 0 and value < math.inf):
        raise ValueError(f"{name}: expected a finite number > 0, got {value}")


def check_min_score(min_score: Any) -> None:
    _number("min_score", min_score)


def check_diou(
    boxes: Any,
    scores: Any,
    idxs: Any,
    iou_threshold: Any,
    beta: Any = 1.0,
    inclusive: Any = False,
    score_threshold: Any = None,
    max_output: Any = None,
) -> None:
    check_suppression(boxes, scores, idxs, iou_threshold, "diou", score_threshold, max_output, inclusive)
    positive("beta", beta)


def check_and(
    boxes: Any,
    scores: Any,
    idxs: Any,
    iou_threshold: Any,
    overlap_threshold: Any = 0.5,
    metric: Any = "iou",
    inclusive: Any = True,
    score_threshold: Any = None,
    max_output: Any = None,
) -> None:
    check_suppression(boxes, scores, idxs, iou_threshold, metric, score_threshold, max_output, inclusive)
    _number("overlap_threshold", overlap_threshold)


def check_merge(
    boxes: Any,
    scores: Any,
    idxs: Any,
    iou_threshold: Any,
    metric: Any = "iou",
    inclusive: Any = False,
    score_threshold: Any = None,
    max_output: Any = None,
    members: Any = "cluster",
    weights: Any = "score",
) -> None:
    check_suppression(boxes, scores, idxs, iou_threshold, metric, score_threshold, max_output, inclusive)
    one_of("members", members, MEMBERS)
    one_of("weights", weights, WEIGHTS)


def check_nmm(
    boxes: Any,
    scores: Any,
    idxs: Any,
    iou_threshold: Any,
    metric: Any = "ios",
    inclusive: Any = True,
    score_threshold: Any = None,
    max_output: Any = None,
    members_hand_on: bool = False,
) -> None:
    check_suppression(boxes, scores, idxs, iou_threshold, metric, score_threshold, max_output, inclusive)


def check_soft(
    boxes: Any,
    scores: Any,
    idxs: Any,
    iou_threshold: Any = 0.3,
    sigma: Any = 0.5,
    min_score: Any = 0.001,
    kind: Any = "gaussian",
    reselect: Any = True,
    metric: Any = "iou",
    inclusive: Any = False,
    score_threshold: Any = None,
    max_output: Any = None,
) -> None:
    check_suppression(boxes, scores, idxs, iou_threshold, metric, score_threshold, max_output, inclusive)
    positive("sigma", sigma)
    check_min_score(min_score)
    one_of("kind", kind, KINDS)
    check_flag("reselect", reselect)


def check_matrix_walk(
    boxes: Any,
    scores: Any,
    idxs: Any,
    sigma: Any = 2.0,
    min_score: Any = 0.001,
    kind: Any = "gaussian",
    metric: Any = "iou",
    score_threshold: Any = None,
    max_output: Any = None,
) -> None:
    check_suppression(boxes, scores, idxs, 0.0, metric, score_threshold, max_output)
    check_matrix(kind, sigma, min_score)


def check_matrix(kind: Any = "gaussian", sigma: Any = 2.0, min_score: Any = 0.001) -> None:
    one_of("kind", kind, ("gaussian", "linear"))
    positive("sigma", sigma)
    check_min_score(min_score)


# The options of each method of the forms that take a batch, but for `metric`.
OPTIONS = {
    "hard": ("inclusive",),
    "or": ("inclusive",),
    "diou": ("beta", "inclusive"),
    "and": ("overlap_threshold", "inclusive"),
    "merge": ("members", "weights", "inclusive"),
    "soft": ("sigma", "min_score", "kind", "reselect", "inclusive"),
    "fast": ("inclusive",),
    "matrix": ("kind", "sigma", "min_score"),
}


def check_options_of(method: str, options: dict[str, Any]) -> None:
    """What is no option of the method is refused, and what an operator would take without a word."""
    for name, value in options.items():
        if name not in OPTIONS[method]:
            raise TypeError(f"{name}: expected an option of method {method!r} ({', '.join(OPTIONS[method])})")
        if name in ("inclusive", "reselect"):
            check_flag(name, value)


def check_values_of(options: dict[str, Any]) -> None:
    """Where an operator has refused its arguments."""
    for name in ("sigma", "beta"):
        positive(name, options.get(name, 1.0))
    for name in ("min_score", "overlap_threshold"):
        _number(name, options.get(name, 0.0))
    for name, allowed in (("kind", KINDS), ("members", MEMBERS), ("weights", WEIGHTS)):
        one_of(name, options.get(name, allowed[0]), allowed)


def check_threshold_of(method: str, iou_threshold: Any) -> None:
    """Every method has one but matrix."""
    if (iou_threshold is None) != (method == "matrix"):
        expected = "None" if method == "matrix" else "a number"
        raise ValueError(f"iou_threshold: expected {expected} for method {method!r}, got {iou_threshold!r}")


SCORES_ARE_NEGATIVE = "scores: expected numbers >= 0, got one below"


def check_scores_are_not_negative(scores: Tensor) -> None:
    """On a GPU this waits. Under torch.compile the operator's own check remains."""
    if not torch.compiler.is_compiling() and bool((scores < 0).any()):
        raise ValueError(SCORES_ARE_NEGATIVE)


def check_wbf(
    boxes: Any,
    scores: Any,
    idxs: Any,
    models: Any,
    weights: Any,
    iou_threshold: Any = 0.55,
    conf_type: Any = "avg",
    allows_overflow: Any = False,
    metric: Any = "iou",
    inclusive: Any = False,
    score_threshold: Any = None,
    max_output: Any = None,
) -> None:
    check_suppression(boxes, scores, idxs, iou_threshold, metric, score_threshold, max_output, inclusive)
    one_of("conf_type", conf_type, CONF_TYPES)
    check_flag("allows_overflow", allows_overflow)
    if models is not None:
        _tensor("models", models)
        if models.dtype != torch.int64 or models.dim() != 1 or models.shape[0] != boxes.shape[0]:
            raise ValueError(f"models: expected int64 of shape ({boxes.shape[0]},), got {models.dtype}")
    if weights is not None:
        _tensor("weights", weights)
        if weights.dtype not in FLOATS or weights.dim() != 1 or weights.shape[0] == 0:
            raise ValueError(f"weights: expected floats of shape (M,), got {weights.dtype} of {tuple(weights.shape)}")
