"""Fast NMS and Matrix NMS as operators of fixed shape, and as what they are composed of in torch.

The composed ones, a block of rows at a time, serve gradients, ONNX and devices that have no kernel: a group of n has
n^2 / 2 overlaps.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator
from functools import partial
from typing import Any

import torch
from torch import Tensor

from .._library.arguments import check_arguments
from .._library.autograd.graded_overlap import overlap, widest, with_slopes
from .._library.autograd.methods import chunks
from .._library.load import has_kernels
from .._library.register import operator, wants_gradient
from .._shared.parameters import parameter_of
from ..reference import (
    ALIGNED,
    ROTATED,
    Shape,
    above,
    computed,
    decreasing,
    exceeds,
    exponential,
    finite_or_zero,
    parameter,
)
from ..reference.loss_terms import guarded

FAST_NMS_WALK = operator("fast_nms_walk")
ROTATED_MATRIX_NMS_WALK = operator("rotated_matrix_nms_walk")
MATRIX_NMS_WALK = operator("matrix_nms_walk")


def _is_native(boxes: Tensor) -> bool:
    """What is exported is composed: ONNX has operators of its own alone."""
    return has_kernels(boxes.device) and not torch.compiler.is_exporting()


def fast_nms_walk(
    boxes: Tensor,
    scores: Tensor,
    idxs: Tensor | None,
    iou_threshold: float,
    metric: str = "iou",
    inclusive: bool = False,
    score_threshold: float | None = None,
    max_output: int | None = None,
    longest: int | None = None,
) -> tuple[Tensor, Tensor, Tensor]:
    """The operator, or `composed_fast` where that is not native."""
    call = (boxes, scores, idxs, iou_threshold, metric, inclusive, score_threshold, max_output)
    return FAST_NMS_WALK(*call) if _is_native(boxes) else composed_fast(*call, longest)


def matrix_nms_walk(
    boxes: Tensor,
    scores: Tensor,
    idxs: Tensor | None,
    sigma: float = 2.0,
    min_score: float = 0.001,
    kind: str = "gaussian",
    metric: str = "iou",
    score_threshold: float | None = None,
    max_output: int | None = None,
    longest: int | None = None,
) -> tuple[Tensor, Tensor, Tensor, Tensor]:
    """The operator, or `composed_matrix` where that is not native or a gradient is asked for."""
    for name, value in (("kind", kind), ("sigma", sigma), ("min_score", min_score)):
        parameter_of("matrix_nms_walk", name).check(name, value)
    call = (boxes, scores, idxs, sigma, min_score, kind, metric, score_threshold, max_output)
    if _is_native(boxes) and not wants_gradient(boxes, scores):
        return MATRIX_NMS_WALK(*call)  # type: ignore[no-any-return]
    return composed_matrix(*call, longest)


def rotated_matrix_nms_walk(
    boxes: Tensor, scores: Tensor, *rest: Any, longest: int | None = None, **options: Any
) -> tuple[Tensor, Tensor, Tensor, Tensor]:
    """The operator; `composed_matrix` where a gradient is asked for, of arguments that the operator would take."""
    run: Callable[..., tuple[Tensor, Tensor, Tensor, Tensor]] = ROTATED_MATRIX_NMS_WALK
    if wants_gradient(boxes, scores):
        check_arguments("rotated_matrix_nms_walk", boxes, scores, *rest, **options)
        run = partial(composed_matrix, longest=longest, shape=ROTATED)
    return run(boxes, scores, *rest, **options)


# In the place of an operator: these choose between it and what it is composed of.
COMPOSITES: dict[str, Callable[..., Any]] = {
    "fast_nms_walk": fast_nms_walk,
    "matrix_nms_walk": matrix_nms_walk,
    "rotated_matrix_nms_walk": rotated_matrix_nms_walk,
}


def composed_fast(
    boxes: Tensor,
    scores: Tensor,
    idxs: Tensor | None,
    iou_threshold: float,
    metric: str = "iou",
    inclusive: bool = False,
    score_threshold: float | None = None,
    max_output: int | None = None,
    longest: int | None = None,
) -> tuple[Tensor, Tensor, Tensor]:
    """What the operator fast_nms_walk returns.

    With `longest`, which no group has more boxes than, nothing waits for a GPU; without it, the groups are counted.
    """
    ranked = _Ranked(ALIGNED.rows(boxes), scores, idxs, score_threshold, longest)
    by = []
    for rows, own, before, better in ranked.blocks():
        overlaps = ALIGNED.overlap(ranked.boxes[rows][:, None], ranked.boxes[before], metric)
        met = exceeds(overlaps, iou_threshold, inclusive)
        met = met & better
        first = torch.argmax(met.to(torch.uint8), dim=1, keepdim=True)  # the best
        by.append(torch.where(met.any(dim=1), before.gather(1, first)[:, 0], own))
    owner = ranked.by_row(torch.where(ranked.candidate, ranked.order[torch.cat(by)], -1), -1)
    is_kept = owner == torch.arange(owner.shape[0], device=owner.device)
    keep, total = _decreasing(scores, is_kept), is_kept.sum()
    if max_output is not None:
        order = decreasing(computed(scores.detach()))
        before = torch.cumsum(is_kept[order], 0) - is_kept[order].to(torch.int64)
        is_cut = (total > max_output) & (torch.zeros_like(before).scatter(0, order, before) >= max_output)
        owner = torch.where((owner >= 0) & is_cut[owner.clamp(min=0)], -1, owner)
        keep, total = _limited(keep, max_output), total.clamp(max=max_output)
    return keep, owner, total


def composed_matrix(
    boxes: Tensor,
    scores: Tensor,
    idxs: Tensor | None,
    sigma: float = 2.0,
    min_score: float = 0.001,
    kind: str = "gaussian",
    metric: str = "iou",
    score_threshold: float | None = None,
    max_output: int | None = None,
    longest: int | None = None,
    shape: Shape = ALIGNED,
) -> tuple[Tensor, Tensor, Tensor, Tensor]:
    """What the operator matrix_nms_walk returns, with gradients; `longest` as above."""
    ranked = _Ranked(shape.rows(boxes), scores, idxs, score_threshold, longest)
    sigma = parameter(sigma, ranked.boxes.dtype)

    def f(share: Tensor) -> Tensor:
        return exponential(-sigma * (share * share)) if kind == "gaussian" else 1 - share

    def shares(rows: slice, before: Tensor, better: Tensor) -> Tensor:
        met = finite_or_zero(shape.overlap(ranked.boxes[rows][:, None], ranked.boxes[before], metric))
        return torch.where(better, met.clamp(min=0), 0.0)

    relief = f(torch.cat([shares(rows, before, better).amax(dim=1) for rows, _, before, better in ranked.blocks()]))
    factors, by = [], []
    for rows, own, before, better in ranked.blocks():
        ratio = f(shares(rows, before, better)) / torch.where(relief > 0, relief, 1.0)[before]
        least = torch.where(better & (relief > 0)[before], ratio, 1.0).min(dim=1, keepdim=True)
        factors.append(least.values[:, 0].clamp(max=1))
        by.append(torch.where(least.values[:, 0] < 1, before.gather(1, least.indices)[:, 0], own))
    heaviest, factor = torch.cat(by), torch.cat(factors)
    values = computed(scores.detach())[ranked.order]
    decayed = values * factor.to(values.dtype)
    if wants_gradient(boxes, scores):
        slopes = _matrix_slopes(ranked, boxes, scores, heaviest, factor, sigma, kind, metric)
        decayed = with_slopes(decayed, slopes)
    alive = ranked.candidate & (above(decayed.detach(), min_score) | torch.isnan(decayed.detach()))
    places = torch.arange(heaviest.shape[0], device=heaviest.device)
    by_whom = torch.where(ranked.candidate & ~alive & (heaviest != places), ranked.order[heaviest], -1)
    decayed = ranked.by_row(decayed, 0)
    keep = _decreasing(decayed, ranked.by_row(alive, False))
    keep = keep if max_output is None else _limited(keep, max_output)
    kept_scores = torch.where(keep >= 0, decayed[keep.clamp(min=0)], 0.0).to(scores.dtype)
    return kept_scores, keep, _with_kept(ranked.by_row(by_whom, -1), keep), (keep >= 0).sum()


def _matrix_slopes(
    ranked: _Ranked,
    boxes: Tensor,
    scores: Tensor,
    heaviest: Tensor,
    factor: Tensor,
    sigma: float,
    kind: str,
    metric: str,
) -> Tensor:
    """The decayed scores, widened, for their gradient: who weighs most on a box is held fixed."""
    dtype = widest(boxes.device)
    wide_boxes, wide_scores = guarded(boxes, dtype)[ranked.order], guarded(scores, dtype)[ranked.order]

    def largest(rows: slice, before: Tensor, better: Tensor) -> Tensor:
        met = overlap(wide_boxes[rows][:, None], wide_boxes[before], metric, ranked.boxes.dtype).graded
        return torch.where(better, met.clamp(min=0), 0.0).amax(dim=1)

    most = torch.cat([largest(rows, before, better) for rows, _, before, better in ranked.blocks()])
    own, by = overlap(wide_boxes, wide_boxes[heaviest], metric, ranked.boxes.dtype).graded.clamp(min=0), most[heaviest]
    if kind == "gaussian":
        exponent = sigma * (by * by - own * own)
        ratio = factor.detach() * torch.exp(exponent - exponent.detach())
    else:
        ratio = (1 - own) / torch.where(by < 1, 1 - by, 1.0)
    weighed_on = heaviest != torch.arange(heaviest.shape[0], device=heaviest.device)
    return wide_scores * torch.where(weighed_on, ratio, 1.0)


class _Ranked:
    """Rows by group, in each by decreasing score: what is better than a row and of its group lies just before it."""

    def __init__(
        self, boxes: Tensor, scores: Tensor, idxs: Tensor | None, score_threshold: float | None, longest: int | None
    ) -> None:
        may_wait = not torch.compiler.is_compiling() and (longest is None or scores.device.type == "cpu")
        values = computed(scores.detach())
        order = decreasing(values)
        candidate = torch.ones_like(order, dtype=torch.bool)
        if score_threshold is not None:
            candidate = above(values, score_threshold)
            order = order[candidate[order]] if may_wait else order
        self.ids = None
        sizes = None
        if idxs is not None:
            ids = (idxs + 0.0 if idxs.is_floating_point() else idxs.to(torch.int64))[order]  # -0.0 is 0.0
            self.ids, by_group = torch.sort(ids, stable=True)
            order = order[by_group]
            if may_wait and len(order):
                _, group, counts = torch.unique_consecutive(self.ids, return_inverse=True, return_counts=True)
                sizes, by_size = torch.sort(counts[group], descending=True, stable=True)
                self.ids, order = self.ids[by_size], order[by_size]
        self.order, self.candidate, self.boxes = order, candidate[order], boxes[order]
        self._count = scores.shape[0]
        self._parts = _parts(order.shape[0], order.shape[0] if longest is None else longest, sizes)

    def blocks(self) -> Iterator[tuple[slice, Tensor, Tensor, Tensor]]:
        """Some rows, their numbers (R,), the W before each (R, W), best first, and which of those are better."""
        places = torch.arange(self.order.shape[0], device=self.order.device)
        for rows, width in self._parts:
            own = places[rows]
            near = own[:, None] + torch.arange(-width, 0, device=own.device)
            before = near.clamp(min=0)
            better = (near >= 0) & self.candidate[before]
            if self.ids is not None:
                better = better & (self.ids[rows][:, None] == self.ids[before])
            yield rows, own, before, better

    def by_row(self, values: Tensor, other: float) -> Tensor:
        """From the order of rank to that of the input; `other` where a row is no candidate."""
        return values.new_full((self._count,), other).scatter(0, self.order, values)


def _parts(count: int, longest: int, sizes: Tensor | None) -> list[tuple[slice, int]]:
    """Blocks of rows, and how far before a row its group can reach; `sizes` of the rows' groups, if known, decrease."""
    if sizes is None:
        blocks = chunks(max(count, 1), longest)
        return [(rows, max(longest if rows.stop is None else min(longest, rows.stop), 1)) for rows in blocks]
    parts, first = [], 0
    while first < count:
        width = int(sizes[first])
        alike = int((2 * sizes > width).sum())  # their groups are at least half as large
        for rows in chunks(alike - first, width):
            parts.append((slice(first + rows.start, min(first + rows.stop, alike)), min(width, rows.stop)))
        first = alike
    return parts


def _decreasing(scores: Tensor, chosen: Tensor) -> Tensor:
    """The chosen rows by decreasing score, ties to the lower row, then -1."""
    order = decreasing(computed(scores.detach()))
    left_out, places = torch.sort((~chosen[order]).to(torch.uint8), stable=True)
    return torch.where(left_out == 0, order[places], -1)


def _limited(keep: Tensor, max_output: int) -> Tensor:
    return torch.where(torch.arange(keep.shape[0], device=keep.device) < max_output, keep, -1)


def _with_kept(owner: Tensor, keep: Tensor) -> Tensor:
    """Who is kept owns itself."""
    count = owner.shape[0]
    kept = owner.new_zeros(count + 1).scatter(0, torch.where(keep >= 0, keep, count), 1)[:count]
    return torch.where(kept > 0, torch.arange(count, device=owner.device), owner)
