"""What the options of the operators may be, once, by name. Their defaults stand in schemas.txt. Needs no torch."""

from __future__ import annotations

from collections.abc import Callable
from functools import partial
from typing import Any, NamedTuple

from .checks import check_flag, check_limit, check_number, check_number_or_none, check_positive, one_of

METRICS = ("iou", "giou", "diou", "ciou", "iof", "ios", "tiou")
ROTATED_METRICS = ("iou", "giou", "diou", "iof", "ios", "tiou", "probiou")  # those of rotated boxes
ROTATED_OVERLAPS = (*ROTATED_METRICS, "kfiou")  # which does not see where boxes are: no suppression is by it
ANY_METRIC = tuple(dict.fromkeys((*METRICS, *ROTATED_METRICS)))
BELOW_ZERO = ("giou", "diou", "ciou")  # those that go down to -1
LOSSES = (
    *("iou", "giou", "diou", "ciou", "eiou", "focal_eiou", "siou", "alpha_iou", "mpdiou", "inner_iou", "nwd"),
    "wiou_v1",
)
# Of the losses that are built on another: on which.
LOSS_BASES = {
    "alpha_iou": ("iou", "giou", "diou", "ciou"),
    "inner_iou": ("iou", "giou", "diou", "ciou", "eiou", "siou"),
}


class Parameter(NamedTuple):
    """An option by its name in PARAMETERS."""

    check: Callable[[str, Any], object]  # raises TypeError or ValueError that names the argument
    says: str  # what docstrings say of it
    tries: tuple[Any, ...]  # values that tests and fuzz give to it


def choice(says: str, *names: str) -> Parameter:
    return Parameter(partial(one_of, allowed=names), says, names)


def flag(says: str) -> Parameter:
    return Parameter(check_flag, says, (False, True))


# "operator.name" where an operator has its own meaning of a name, "rotated.name" where all of rotated boxes have.
PARAMETERS: dict[str, Parameter] = {
    "iou_threshold": Parameter(check_number, "any number but NaN", (0.5, 0.3, 0.0, -0.2)),
    "score_threshold": Parameter(check_number_or_none, "only boxes with a score above it take part", (None, 0.3)),
    "max_output": Parameter(check_limit, "keep at most so many, the best", (None, 0, 7)),
    "metric": choice("the overlap", *METRICS),
    "rotated.metric": choice("the overlap", *ROTATED_METRICS),
    "inclusive": flag("remove at overlap == iou_threshold too"),
    "beta": Parameter(check_positive, "above 0", (1.0, 0.6, 1.7)),
    "overlap_threshold": Parameter(check_number, "any number but NaN", (0.5, 0.1, -0.2, 0.9)),
    "members": choice("of a kept box", "cluster", "overlapping", "later", "best"),
    "weights": choice('"score", or "score_overlap"', "score", "score_overlap"),
    "members_propagate": flag("members absorb too"),
    "sigma": Parameter(check_positive, "above 0", (0.5, 0.1, 2.0)),
    "min_score": Parameter(check_number, "a box whose score comes to it or below is dropped", (0.001, 0.3)),
    "kind": choice("gaussian, linear or hard", "gaussian", "linear", "hard"),
    "matrix_nms_walk.kind": choice("gaussian or linear", "gaussian", "linear"),
    "reselect": flag("select the box of highest current score"),
    "conf_type": choice("as above", "avg", "max", "box_and_model_avg", "absent_model_aware_avg"),
    "allows_overflow": flag("as above"),
    "weighted": flag("a kept box becomes the mean"),
}


def parameter_of(operator: str, name: str) -> Parameter:
    """Of an operator of torch.ops.ptdet; one of rotated boxes has the options of the other."""
    of_shape = operator.removeprefix("rotated_")
    if of_shape != operator and f"rotated.{name}" in PARAMETERS:
        return PARAMETERS[f"rotated.{name}"]
    return PARAMETERS.get(f"{of_shape}.{name}") or PARAMETERS[name]


def choices_of(name: str) -> tuple[str, ...]:
    """The names that a choice has."""
    return PARAMETERS[name].tries
