"""The calls that the operators of METHODS are tested with: those of plain suppression, and each operator's options."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from dataclasses import replace
from itertools import product
from typing import Any

import torch
from torch import Tensor

from .._library.arguments import NUMBERS
from .._library.signatures import SIGNATURES
from .._shared.methods import METHODS
from .._shared.parameters import parameter_of
from . import samples_rotated, scenes
from .samples import Sample, suppression

OF_ALL = ("iou_threshold", "metric", "inclusive", "score_threshold", "max_output")
LIMITS = {"max_output": 6, "score_threshold": 0.2}
# Each operator of METHODS once, and its form that returns less, but for plain suppression.
OPERATORS = tuple(
    name
    for walk in dict.fromkeys(row.operator for row in METHODS.values() if row.operator != "nms_walk")
    for name in dict.fromkeys((walk.removesuffix("_walk"), walk))
    if name in SIGNATURES
)
# The same of rotated boxes.
ROTATED_OPERATORS = tuple(name for each in OPERATORS if (name := f"rotated_{each}") in SIGNATURES)


def number_a_box(scores: Tensor) -> Tensor:
    """From 0 to 0.9, in no order."""
    return (torch.arange(len(scores), device=scores.device) * 7 % 10 / 10).to(scores.dtype)


# The tensors that some operators take beside boxes, scores and ids, made of the scores.
TENSORS: dict[str, Callable[[Tensor], Tensor]] = {
    "models": lambda scores: torch.arange(len(scores), device=scores.device) % 3,
    "weights": lambda scores: torch.tensor([2.0, 1.0, 0.5], device=scores.device, dtype=scores.dtype),
    **{name: number_a_box for names in NUMBERS.values() for name in names},
}


def tensors_of(operator: str, scores: Tensor, are_given: bool = True) -> dict[str, Tensor | None]:
    """Those of an operator; None in the place of the optional ones unless they are given."""
    signature = SIGNATURES[operator]
    return {
        name: TENSORS[name](scores) if are_given or name not in signature.optional else None
        for name in signature.arguments[3:]
        if name in signature.tensors
    }


def own_options(operator: str) -> tuple[str, ...]:
    """The plain parameters that not all methods have."""
    signature = SIGNATURES[operator]
    return tuple(name for name in signature.arguments if name not in signature.tensors and name not in OF_ALL)


def options_of(operator: str) -> list[dict[str, Any]]:
    """All combinations of names and flags, in turn with each value of a number."""
    tries = {name: parameter_of(operator, name).tries for name in own_options(operator)}
    numbers = {name: values for name, values in tries.items() if isinstance(values[0], float)}
    others = [name for name in tries if name not in numbers]
    combined = [dict(zip(others, values, strict=True)) for values in product(*(tries[name] for name in others))]
    return [
        combined[i % len(combined)] | {name: of[(i + i // len(of)) % len(of)] for name, of in numbers.items()}
        for i in range(max([len(combined), *map(len, numbers.values())]))
    ]


def function_options(method: str) -> list[dict[str, Any]]:
    """Of a method's function: none, and each option alone at each of its values."""
    row = METHODS[method]
    return [{}] + [{name: value} for name in row.options for value in parameter_of(row.operator, name).tries]


def samples_of(operator: str) -> Callable[[torch.device, torch.dtype], Iterator[Sample]]:
    return lambda device, dtype: _samples(operator, device, dtype)


def _samples(operator: str, device: torch.device, dtype: torch.dtype) -> Iterator[Sample]:
    names = SIGNATURES[operator].arguments
    is_rotated = operator in ROTATED_OPERATORS
    most, some = (60, 25) if is_rotated else (120, 60)  # the reference goes box by box, slower by rotated ones
    for sample in (samples_rotated.suppression if is_rotated else suppression)(device, dtype):
        if len(sample.arguments[0]) <= most and set(sample.keywords) <= set(names):
            yield _fitting(operator, sample)
    for n in (1, some):
        boxes, scores, idxs = _scene(n, device, dtype, is_rotated)
        for keywords in (each | limits for each in options_of(operator) for limits in ({}, LIMITS)):
            for groups in (None, idxs):
                name = f"{n} boxes{'' if groups is None else ' of classes'} {keywords}"
                yield _fitting(operator, Sample(name, (boxes, scores, groups, 0.4), keywords))


def _fitting(operator: str, sample: Sample) -> Sample:
    """Without the threshold where there is none; with the operator's other tensors, the optional ones with classes."""
    boxes, scores, idxs, threshold = sample.arguments
    rest = [*tensors_of(operator, scores, idxs is not None).values()]
    if "iou_threshold" in SIGNATURES[operator].arguments:
        rest.append(threshold)
    return replace(sample, arguments=(boxes, scores, idxs, *rest))


def _scene(n: int, device: torch.device, dtype: torch.dtype, is_rotated: bool) -> tuple[Tensor, Tensor, Tensor]:
    boxes, scores = samples_rotated.clustered(n, n, image=300) if is_rotated else scenes.clustered(n, n, image=300)
    return boxes.to(device, dtype), scores.to(device, dtype), scenes.class_ids(n, "few", n).to(device)
