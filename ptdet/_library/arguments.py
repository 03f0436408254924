"""What the arguments of the methods' operators may be: checks by the names in the schema.

An operator refuses what is wrong by itself; where it has, `explain` says which argument it was, what was expected and
what came. So a call that is right pays for no check in Python.
"""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import torch
from torch import Tensor

from .._shared.methods import METHODS
from .._shared.parameters import parameter_of
from .checks import (
    FLOATS,
    check_are_numbers,
    check_candidates,
    check_has_data,
    check_ids,
    check_ids_are_numbers,
    check_not_negative,
    check_number_a_box,
    check_tensor,
    numbers_of_boxes,
)
from .signatures import SIGNATURES


def _check_models(name: str, models: Any, boxes: Tensor) -> None:
    check_tensor(name, models)
    if models.dtype != torch.int64 or models.dim() != 1 or models.shape[0] != boxes.shape[0]:
        raise ValueError(f"{name}: expected int64 of shape ({boxes.shape[0]},), got {models.dtype}")


def _check_weights(name: str, weights: Any, boxes: Tensor) -> None:
    check_tensor(name, weights)
    if weights.dtype not in FLOATS or weights.dim() != 1 or weights.shape[0] == 0:
        raise ValueError(f"{name}: expected floats of shape (M,), got {weights.dtype} of {tuple(weights.shape)}")


# By operator.
NUMBERS = {
    operator: row.numbers
    for row in METHODS.values()
    for operator in (row.operator, f"rotated_{row.operator}")
    if row.numbers and operator in SIGNATURES
}
# Tensors beside boxes and scores, where they are not None.
TENSORS: dict[str, Callable[[str, Any, Tensor], None]] = {
    "idxs": check_ids,
    "models": _check_models,
    "weights": _check_weights,
    **{name: check_number_a_box for names in NUMBERS.values() for name in names},
}
# What an operator asks of the values of its scores.
SCORES: dict[str, Callable[[Tensor], None]] = dict.fromkeys(
    ("soft_nms_walk", "rotated_soft_nms_walk"), check_not_negative
)


def check_arguments(operator: str, *arguments: Any, **keywords: Any) -> None:
    """Types, shapes and plain values, of a call of torch.ops.ptdet.<operator>."""
    signature = SIGNATURES[operator]
    given = signature.named(*arguments, **keywords)
    boxes = given.pop("boxes")
    check_candidates(boxes, given.pop("scores"), numbers_of_boxes(operator))
    for name, value in given.items():
        if name not in signature.tensors:
            parameter_of(operator, name).check(name, value)
        elif value is not None or name not in signature.optional:
            TENSORS[name](name, value, boxes)


def explain(operator: str, boxes: Any, scores: Any, idxs: Any, *rest: Any) -> None:
    """Raises what is wrong with the arguments of a call that failed, the values of its tensors included."""
    check_arguments(operator, boxes, scores, idxs, *rest)
    check_ids_are_numbers(idxs)
    check_has_data("boxes", boxes)
    if operator in SCORES:
        SCORES[operator](scores)
    for name, numbers in zip(NUMBERS.get(operator, ()), rest, strict=False):
        check_are_numbers(name, numbers)


def explain_options(operator: str, scores: Tensor, options: dict[str, Any]) -> None:
    """The same of a call whose boxes, scores and groups are known to be right."""
    for name, value in options.items():
        parameter_of(operator, name).check(name, value)
    if operator in SCORES:
        SCORES[operator](scores)


def check_options_of(method: str, options: dict[str, Any]) -> None:
    """What is no option of the method is refused, and what an operator would take without a word."""
    row = METHODS[method]
    for name, value in options.items():
        if name not in row.options:
            allowed = ", ".join(row.options)
            raise TypeError(f"{name}: expected an option of method {method!r} ({allowed}), got {name}")
        if name in ("inclusive", "reselect"):
            parameter_of(row.operator, name).check(name, value)


def check_threshold_of(method: str, iou_threshold: Any) -> None:
    """Every method but matrix has one."""
    if (iou_threshold is None) == METHODS[method].has_threshold:
        expected = "a number" if METHODS[method].has_threshold else "None"
        raise ValueError(f"iou_threshold: expected {expected} for method {method!r}, got {iou_threshold!r}")
