"""The pass that every sequential method is: a loop over selected boxes, which becomes ONNX's Loop.

In float32; memory grows with N.
"""

from __future__ import annotations

import math
from collections.abc import Callable

import numpy as np
import torch
from torch import Tensor
from torch._higher_order_ops.while_loop import while_loop_op

from ._rows import decreasing, numbered, picked


def float32_below(threshold: float, inclusive: bool = False) -> float:
    """The float32 t for which `value > t` in float32 is the comparison asked for (docs/SPEC.md, section 1)."""
    with np.errstate(over="ignore"):
        bound = np.float32(threshold)
    if float(bound) > threshold or (inclusive and float(bound) == threshold):
        bound = np.nextafter(bound, np.float32(-math.inf))
    return float(bound)


def exceeds(overlaps: Tensor, threshold: float, inclusive: bool) -> Tensor:
    return (overlaps > float32_below(threshold, inclusive)) & torch.isfinite(overlaps)


class Ranked:
    """Rows in the order of a pass: by decreasing score, ties to the lower row, if no other order is given."""

    def __init__(
        self,
        boxes: Tensor,
        scores: Tensor,
        idxs: Tensor | None,
        score_threshold: float | None,
        order: Tensor | None = None,
    ) -> None:
        self.rows = numbered(scores)
        self.order = decreasing(scores.float()) if order is None else order
        self.boxes, self.scores = boxes.float()[self.order], scores.float()[self.order]
        if idxs is None:
            self.ids = torch.zeros_like(self.rows)
        else:
            self.ids = (idxs.double() if idxs.is_floating_point() else idxs.to(torch.int64))[self.order]
        self.candidate = (
            torch.ones_like(self.rows, dtype=torch.bool)
            if score_threshold is None
            else self.scores > float32_below(score_threshold)
        )

    def by_row(self, places: Tensor) -> Tensor:
        """Places in this order as rows, in the order of the rows; -1 stays."""
        return torch.full_like(self.rows, -1).scatter(0, self.order, picked(self.order, places, -1))


def greedy_pass(
    ranked: Ranked,
    pending: Tensor,
    chosen: Callable[..., Tensor],
    step: Callable[..., tuple[Tensor, ...]],
    state: tuple[Tensor, ...] = (),
    limit: int | None = None,
) -> tuple[Tensor, ...]:
    """Selects what is pending, at most `limit`, and gives owner (N,), the place whose step ended each, and the state.

    `chosen(pending, *state)` is largest where the next to be selected is; `step(boxes, box, others, own, *state)` says
    which of the others leave and how the state goes on.
    """

    def going(pending: Tensor, owner: Tensor, *rest: Tensor) -> Tensor:
        left = pending.sum() > 0
        return left if limit is None else left & ((owner == rest[-1]).sum() < limit)

    def turn(pending: Tensor, owner: Tensor, *rest: Tensor) -> tuple[Tensor, ...]:
        *state, boxes, ids, places = rest
        at = torch.argmax(chosen(pending, *state), dim=0, keepdim=True)
        own = places == at
        others = pending & ~own & (ids == ids[at])
        removed, *state = step(boxes, boxes[at], others, own, *state)
        return pending & ~own & ~removed, torch.where(own | removed, at, owner), *state

    carried = (pending, torch.full_like(ranked.rows, -1), *state)
    return looped(going, turn, carried, (ranked.boxes, ranked.ids, ranked.rows))[1:]


def looped(
    going: Callable[..., Tensor],
    turn: Callable[..., tuple[Tensor, ...]],
    carried: tuple[Tensor, ...],
    given: tuple[Tensor, ...],
) -> tuple[Tensor, ...]:
    """`carried = turn(*carried, *given)` while `going(*carried, *given)`; the two see no other tensors."""
    loop: Callable[..., tuple[Tensor, ...]] = while_loop_op
    return loop(going, turn, carried, given)


def first(pending: Tensor, *_: Tensor) -> Tensor:
    return pending.to(torch.int64)
