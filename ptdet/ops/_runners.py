"""How a suppression calls its operators: those of axis-aligned boxes, or those of rotated ones."""

from __future__ import annotations

from collections.abc import Callable
from functools import partial
from typing import Any, NamedTuple

from torch import Tensor

from .._library.arguments import explain
from .._library.checks import UNEXPLAINED, settled_limit
from .._library.register import operator, past_autograd
from .._library.signatures import SIGNATURES
from .._shared.shapes import Rotated
from ._composite import COMPOSITES
from ._results import cut, cut_owned


class _Form(NamedTuple):
    """The operators for a shape of box."""

    walk: Callable[..., Any]  # of fixed shape
    short: Callable[..., Any] | None  # returns keep alone
    name: str  # of the first


def _forms(name: str) -> tuple[_Form, _Form]:
    """For axis-aligned and for rotated boxes."""

    def form(short: str) -> _Form:
        walk = f"{short}_walk"
        run = partial(past_autograd, operator(walk)) if name == "soft_nms" else COMPOSITES.get(walk) or operator(walk)
        return _Form(run, operator(short) if short in SIGNATURES else None, walk)

    return form(name), form(f"rotated_{name}")


def owned_runner(name: str) -> Callable[..., Tensor | tuple[Tensor, Tensor]]:
    """Suppression that returns keep or keep and owner: `name` of METHODS' operators without "_walk"."""
    aligned, rotated = _forms(name)

    def run(
        boxes: Tensor | Rotated,
        scores: Tensor,
        idxs: Tensor | None,
        *options: Any,
        inclusive: bool,
        score_threshold: float | None,
        max_output: int | None,
        return_owner: bool,
    ) -> Tensor | tuple[Tensor, Tensor]:
        given, form = (boxes.boxes, rotated) if type(boxes) is Rotated else (boxes, aligned)
        max_output = settled_limit(max_output, inclusive, return_owner)
        arguments = (given, scores, idxs, *options, inclusive, score_threshold, max_output)
        try:
            if form.short is not None and not return_owner:
                kept: Tensor = form.short(*arguments)
                return kept
            keep, owner = cut_owned(form.walk(*arguments))
        except UNEXPLAINED:  # the operator refuses what is wrong; this names it, as in `nms`
            explain(form.name, *arguments)
            raise
        return (keep, owner) if return_owner else keep

    return run


def decayed_runner(name: str) -> Callable[..., tuple[Tensor, ...]]:
    """Suppression that returns scores, keep and, if asked for, owner."""
    aligned, rotated = _forms(name)

    def run(
        boxes: Tensor | Rotated, scores: Tensor, idxs: Tensor | None, *options: Any, return_owner: bool
    ) -> tuple[Tensor, ...]:
        given, form = (boxes.boxes, rotated) if type(boxes) is Rotated else (boxes, aligned)
        try:
            decayed, keep, owner, kept = form.walk(given, scores, idxs, *options)
            found = cut(keep, kept, decayed)
        except UNEXPLAINED:  # the operator refuses what is wrong; this names it, as in `nms`
            explain(form.name, given, scores, idxs, *options)
            raise
        return (*found, owner) if return_owner else found

    return run
