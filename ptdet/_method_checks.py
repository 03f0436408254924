"""Bad options of the other methods: the argument, what was expected, what came."""

from __future__ import annotations

import math
from typing import Any

import torch
from torch import Tensor

from ._checks import FLOATS, _number, _tensor, check_suppression

KINDS = ("gaussian", "linear", "hard")
MEMBERS = ("cluster", "overlapping", "later", "best")
WEIGHTS = ("score", "score_overlap")
CONF_TYPES = ("avg", "max", "box_and_model_avg", "absent_model_aware_avg")


def one_of(name: str, value: Any, allowed: tuple[str, ...]) -> None:
    if value not in allowed:
        raise ValueError(f"{name}: expected one of {', '.join(allowed)}, got {value!r}")


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
    inclusive: bool = False,
    score_threshold: Any = None,
    max_output: Any = None,
) -> None:
    check_suppression(boxes, scores, idxs, iou_threshold, "diou", score_threshold, max_output)
    positive("beta", beta)


def check_and(
    boxes: Any,
    scores: Any,
    idxs: Any,
    iou_threshold: Any,
    overlap_threshold: Any = 0.5,
    metric: Any = "iou",
    inclusive: bool = True,
    score_threshold: Any = None,
    max_output: Any = None,
) -> None:
    check_suppression(boxes, scores, idxs, iou_threshold, metric, score_threshold, max_output)
    _number("overlap_threshold", overlap_threshold)


def check_merge(
    boxes: Any,
    scores: Any,
    idxs: Any,
    iou_threshold: Any,
    metric: Any = "iou",
    inclusive: bool = False,
    score_threshold: Any = None,
    max_output: Any = None,
    members: Any = "cluster",
    weights: Any = "score",
) -> None:
    check_suppression(boxes, scores, idxs, iou_threshold, metric, score_threshold, max_output)
    one_of("members", members, MEMBERS)
    one_of("weights", weights, WEIGHTS)


def check_nmm(
    boxes: Any,
    scores: Any,
    idxs: Any,
    iou_threshold: Any,
    metric: Any = "ios",
    inclusive: bool = True,
    score_threshold: Any = None,
    max_output: Any = None,
    members_hand_on: bool = False,
) -> None:
    check_suppression(boxes, scores, idxs, iou_threshold, metric, score_threshold, max_output)


def check_soft(
    boxes: Any,
    scores: Any,
    idxs: Any,
    iou_threshold: Any = 0.3,
    sigma: Any = 0.5,
    min_score: Any = 0.001,
    kind: Any = "gaussian",
    reselect: bool = True,
    metric: Any = "iou",
    inclusive: bool = False,
    score_threshold: Any = None,
    max_output: Any = None,
) -> None:
    check_suppression(boxes, scores, idxs, iou_threshold, metric, score_threshold, max_output)
    positive("sigma", sigma)
    check_min_score(min_score)
    one_of("kind", kind, KINDS)


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
    allows_overflow: bool = False,
    metric: Any = "iou",
    inclusive: bool = False,
    score_threshold: Any = None,
    max_output: Any = None,
) -> None:
    check_suppression(boxes, scores, idxs, iou_threshold, metric, score_threshold, max_output)
    one_of("conf_type", conf_type, CONF_TYPES)
    if models is not None:
        _tensor("models", models)
        if models.dtype != torch.int64 or models.dim() != 1 or models.shape[0] != boxes.shape[0]:
            raise ValueError(f"models: expected int64 of shape ({boxes.shape[0]},), got {models.dtype}")
    if weights is not None:
        _tensor("weights", weights)
        if weights.dtype not in FLOATS or weights.dim() != 1 or weights.shape[0] == 0:
            raise ValueError(f"weights: expected floats of shape (M,), got {weights.dtype} of {tuple(weights.shape)}")
