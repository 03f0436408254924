"""Gradients of soft-NMS, merge-NMS, NMM and box fusion: the selection held fixed, the values differentiated.

The values are written once more, from what was selected, in torch operations on padded shapes (so that a compiler can
trace them), and autograd does the rest: a gradient is exact away from ties and can be differentiated again.

They are written in float64, whose exponents hold every product and quotient of numbers of a smaller type. Boxes and
scores that are float64 themselves are brought near 1 by powers of 2. What a gradient comes to is kept within the range
of the type it is given in, and is 0 where it does not exist.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator
from typing import Any, NamedTuple

import torch
from torch import Tensor

from ... import reference
from .either_shape import computed_type, graded_overlap, grown_boxes, in_form_of, raw_overlap
from .graded_overlap import overlap, towards_one, widest

_PAIRS = 1 << 21  # overlaps held at once

Values = Callable[[Tensor, Tensor], Tensor]


def widened(boxes: Tensor, scores: Tensor) -> tuple[Tensor, Tensor]:
    dtype = widest(boxes.device)
    return boxes.to(dtype), scores.to(dtype)


def as_gradient_of(given: Tensor, gradient: Tensor) -> Tensor:
    limit = torch.finfo(given.dtype).max
    return torch.nan_to_num(gradient, nan=0.0, posinf=limit, neginf=-limit).clamp(-limit, limit).to(given.dtype)


def pull_back(values: Values, boxes: Tensor, scores: Tensor, grad: Tensor) -> tuple[Tensor, Tensor]:
    """Gradients of sum(grad * values(boxes, scores))."""
    again = torch.is_grad_enabled()
    with torch.enable_grad():
        if not (again and boxes.requires_grad):
            boxes = boxes.detach().requires_grad_()
        if not (again and scores.requires_grad):
            scores = scores.detach().requires_grad_()
        found = torch.autograd.grad(
            values(boxes, scores), (boxes, scores), grad.to(boxes.dtype), create_graph=again, materialize_grads=True
        )
    return found[0], found[1]


def chunks(count: int, width: int) -> Iterator[slice]:
    """Rows of a count x width table, few enough for memory; under a compiler all of them."""
    if torch.compiler.is_compiling() or isinstance(count, torch.SymInt):
        yield slice(None)
        return
    step = max(_PAIRS // max(width, 1), 1)
    for first in range(0, count, step):
        yield slice(first, first + step)


def ranks(scores: Tensor) -> Tensor:
    """The place of each row in the order of selection."""
    order = reference.decreasing(reference.computed(scores.detach()))
    return torch.argsort(order)


def places(keep: Tensor) -> Tensor:
    """The place of each kept row in `keep`; 0 for the others."""
    count = keep.shape[0]
    found = keep.new_zeros(count + 1)
    found = found.scatter(0, torch.where(keep >= 0, keep, count), torch.arange(count, device=keep.device))
    return found[:count]


def soft_setup(ctx: Any, inputs: tuple[Any, ...], output: tuple[Tensor, ...]) -> None:
    boxes, scores, idxs, *ctx.options = inputs
    ctx.save_for_backward(boxes, scores, idxs, output[1])


def soft_backward(ctx: Any, grad: Tensor, *_: Any) -> tuple[Any, ...]:
    boxes, scores, idxs, keep = ctx.saved_tensors
    iou_threshold, sigma, min_score, kind, reselect, metric, inclusive, score_threshold, max_output = ctx.options
    selected = keep
    if max_output is not None and not reselect:  # boxes that are cut off decayed the others too
        walk = torch.ops.ptdet.soft_nms_walk if boxes.shape[1] == 4 else torch.ops.ptdet.rotated_soft_nms_walk
        selected = walk(
            boxes.detach(), scores.detach(), idxs, iou_threshold, sigma, min_score, kind, reselect, metric, inclusive,
            score_threshold,
        )[1]  # fmt: skip
    rows, others = keep.clamp(min=0), selected.clamp(min=0)
    rank = places(keep) if reselect else ranks(scores)
    sigma = reference.parameter(sigma, reference.computed(scores).dtype)
    wide_boxes, wide_scores = widened(boxes, scores)
    of_boxes, of_scores = torch.zeros_like(wide_boxes), torch.zeros_like(wide_scores)
    for part in chunks(rows.shape[0], others.shape[0]):
        mine = rows[part]
        decays = (rank[others][None] < rank[mine][:, None]) & (selected >= 0)[None]
        if idxs is not None:
            decays = decays & (idxs[others][None] == idxs[mine][:, None])

        def values(
            wide_boxes: Tensor, wide_scores: Tensor, mine: Tensor = mine, part: slice = part, decays: Tensor = decays
        ) -> Tensor:
            pairs = wide_boxes[mine][:, None], wide_boxes[others][None]
            raw, overlaps = overlap(*pairs, metric, reference.computed(boxes).dtype)
            share = overlaps.clamp(min=0)
            factor = reference.exponential(-(share * (share / sigma)))
            if kind != "gaussian":
                decays = decays & reference.exceeds(raw, iou_threshold, inclusive)
                factor = 1 - share if kind == "linear" else torch.zeros_like(share)
            decayed = wide_scores[mine] * torch.where(decays, factor, 1.0).prod(dim=1)
            return torch.where(keep[part] >= 0, decayed, 0.0)

        more = pull_back(values, wide_boxes, wide_scores, grad[part])
        of_boxes, of_scores = of_boxes + more[0], of_scores + more[1]
    return as_gradient_of(boxes, of_boxes), as_gradient_of(scores, of_scores), *[None] * 10


class Clusters(NamedTuple):
    """Who is a member of which cluster: a row of one, or a cell of a table with a row for each cluster."""

    member: Tensor  # (N,) or (K, N)
    cluster: Tensor | None  # (N,) of each row, (K, N) has no need of it
    total: int  # how many clusters

    def summed(self, values: Tensor) -> Tensor:
        if self.cluster is None:
            return values.sum(dim=1)
        return values.new_zeros(self.total, *values.shape[1:]).index_add(0, self.cluster, values)

    def largest(self, values: Tensor) -> Tensor:
        """Of numbers that are not negative."""
        values = torch.where(self.member, values, 0.0)
        if self.cluster is None:
            return values.amax(dim=1)
        return values.new_zeros(self.total).scatter_reduce(0, self.cluster, values, "amax")

    def spread(self, of_cluster: Tensor) -> Tensor:
        return of_cluster[:, None] if self.cluster is None else of_cluster[self.cluster]


def weighted_means(
    boxes: Tensor, own: Tensor, scores: Tensor, times: Tensor, keep: Tensor, clusters: Clusters, dtype: torch.dtype
) -> Tensor:
    """Means weighted by scores * times of widened boxes, which are numbers of `dtype`; 0 where keep is -1.

    `own` are the boxes in the order of keep.

    They are written as the kept box and what is added to it: the slope by a weight is a difference of boxes, which is
    exactly 0 where there is one box alone.
    """
    unit = boxes.new_ones(clusters.total)
    if dtype == torch.float64:
        unit = towards_one(clusters.largest(boxes.detach().abs().amax(dim=-1)))
        scores = scores * clusters.spread(towards_one(clusters.largest(scores.detach().abs())))
    start = own.detach() * unit[:, None]
    weight = torch.where(clusters.member, scores * times, 0.0)
    total = clusters.summed(weight)
    some = (total != 0).detach()
    share = weight / clusters.spread(torch.where(some, total, 1.0))
    steps = torch.where(
        clusters.member[..., None], boxes * clusters.spread(unit)[..., None] - clusters.spread(start), 0.0
    )
    mean = (start + clusters.summed(share[..., None] * steps)) / unit[:, None]
    sound = some & torch.isfinite(mean.detach().to(dtype)).all(dim=1)
    mean = torch.where(sound[:, None], mean, own)
    return torch.where((keep >= 0)[:, None], mean, 0.0)


def merge_setup(ctx: Any, inputs: tuple[Any, ...], output: tuple[Tensor, ...]) -> None:
    boxes, scores, idxs, *ctx.options = inputs
    ctx.save_for_backward(boxes, scores, idxs, *output[1:3])


def merge_backward(ctx: Any, grad: Tensor, *_: Any) -> tuple[Any, ...]:
    boxes, scores, idxs, keep, owner = ctx.saved_tensors
    _, metric, _, _, _, members, weights = ctx.options
    if members in ("overlapping", "later"):
        return *_overlapping_backward(ctx, boxes, scores, idxs, keep, grad), *[None] * 8
    dtype = computed_type(boxes)
    by = owner.clamp(min=0)
    itself = owner == torch.arange(owner.shape[0], device=owner.device)
    clusters = Clusters(owner >= 0, places(keep)[by], keep.shape[0])

    def values(wide_boxes: Tensor, wide_scores: Tensor) -> Tensor:
        times = torch.ones_like(wide_scores)
        if weights == "score_overlap":
            overlaps = graded_overlap(wide_boxes, wide_boxes[by], metric, dtype)
            times = torch.where(itself, 1.0, overlaps)
        brought, own = in_form_of(wide_boxes, wide_boxes[by]), wide_boxes[keep.clamp(min=0)]
        return weighted_means(brought, own, wide_scores, times, keep, clusters, dtype)

    of_boxes, of_scores = pull_back(values, *widened(boxes, scores), grad)
    return as_gradient_of(boxes, of_boxes), as_gradient_of(scores, of_scores), *[None] * 8


def _overlapping_backward(
    ctx: Any, boxes: Tensor, scores: Tensor, idxs: Tensor | None, keep: Tensor, grad: Tensor
) -> tuple[Tensor, Tensor]:
    iou_threshold, metric, inclusive, score_threshold, _, members, weights = ctx.options
    dtype = computed_type(boxes)
    rows, rank = keep.clamp(min=0), ranks(scores)
    everybody = torch.arange(boxes.shape[0], device=boxes.device)
    candidate = torch.ones_like(scores, dtype=torch.bool)
    if score_threshold is not None:
        candidate = reference.above(reference.computed(scores.detach()), score_threshold)
    wide_boxes, wide_scores = widened(boxes, scores)
    of_boxes, of_scores = torch.zeros_like(wide_boxes), torch.zeros_like(wide_scores)
    for part in chunks(rows.shape[0], 4 * rows.shape[0]):
        mine = rows[part]
        itself = everybody[None] == mine[:, None]
        overlaps = raw_overlap(boxes.detach()[None], boxes.detach()[mine][:, None], metric)
        met = reference.exceeds(overlaps, iou_threshold, inclusive) & candidate[None]
        if members == "later":
            met = met & (rank[None] > rank[mine][:, None])
        if idxs is not None:
            met = met & (idxs[None] == idxs[mine][:, None])
        clusters = Clusters(met | itself, None, mine.shape[0])

        def values(
            wide_boxes: Tensor,
            wide_scores: Tensor,
            mine: Tensor = mine,
            part: slice = part,
            itself: Tensor = itself,
            clusters: Clusters = clusters,
        ) -> Tensor:
            times, own = torch.ones_like(wide_scores)[None], wide_boxes[mine]
            if weights == "score_overlap":
                overlaps = graded_overlap(wide_boxes[None], own[:, None], metric, dtype)
                times = torch.where(itself, 1.0, overlaps)
            brought = in_form_of(wide_boxes[None], own[:, None])
            return weighted_means(brought, own, wide_scores[None], times, keep[part], clusters, dtype)

        more = pull_back(values, wide_boxes, wide_scores, grad[part])
        of_boxes, of_scores = of_boxes + more[0], of_scores + more[1]
    return as_gradient_of(boxes, of_boxes), as_gradient_of(scores, of_scores)


def nmm_setup(ctx: Any, inputs: tuple[Any, ...], output: tuple[Tensor, ...]) -> None:
    ctx.save_for_backward(output[1])


def nmm_backward(ctx: Any, grad: Tensor, *_: Any) -> tuple[Any, ...]:
    """Each number of a grown box is that of one box, and no two are of the same."""
    (sides,) = ctx.saved_tensors
    count = sides.shape[0]
    of_boxes = grad.new_zeros(count + 1, 4).scatter(0, torch.where(sides >= 0, sides, count), grad)
    return of_boxes[:count], *[None] * 8


def rotated_nmm_setup(ctx: Any, inputs: tuple[Any, ...], output: tuple[Tensor, ...]) -> None:
    ctx.save_for_backward(*inputs[:2], *output[1:3])


def rotated_nmm_backward(ctx: Any, grad: Tensor, *_: Any) -> tuple[Any, ...]:
    """A grown box is made of the sides of several, in the frame of the kept one."""
    boxes, scores, sides, keep = ctx.saved_tensors
    by = pull_back(lambda boxes, _: grown_boxes(boxes, keep, sides), *widened(boxes, scores), grad)
    return as_gradient_of(boxes, by[0]), *[None] * 8


def wbf_setup(ctx: Any, inputs: tuple[Any, ...], output: tuple[Tensor, ...]) -> None:
    boxes, scores, _, models, weights, _, ctx.conf_type, ctx.allows_overflow, *_ = inputs
    ctx.save_for_backward(boxes, scores, models, weights, output[2], output[3])


def wbf_backward(ctx: Any, grad_fused: Tensor, grad_confidences: Tensor, *_: Any) -> tuple[Any, ...]:
    boxes, scores, models, weights, keep, owner = ctx.saved_tensors
    wide_boxes, wide_scores = widened(boxes, scores)
    models = torch.zeros_like(keep) if models is None else models
    weights = torch.ones_like(wide_scores[:1]) if weights is None else weights.to(wide_scores.dtype)
    clusters = Clusters(owner >= 0, places(keep)[owner.clamp(min=0)], keep.shape[0])
    factor = torch.zeros_like(wide_scores)
    if ctx.conf_type != "max":
        factor = confidence_factor(ctx, models, weights, places(keep)[owner.clamp(min=0)], owner >= 0)

    def fused(wide_boxes: Tensor, wide_scores: Tensor) -> Tensor:
        brought, own = in_form_of(wide_boxes, wide_boxes[owner.clamp(min=0)]), wide_boxes[keep.clamp(min=0)]
        return weighted_means(brought, own, wide_scores, weights[models], keep, clusters, computed_type(boxes))

    def confidences(wide_boxes: Tensor, wide_scores: Tensor) -> Tensor:
        weighted = wide_scores * weights[models]
        if ctx.conf_type == "max":  # the founder has it
            found = weighted[keep.clamp(min=0)] / weights.max()
        else:
            found = clusters.summed(torch.where(clusters.member, weighted, 0.0)) * factor
        return torch.where(keep >= 0, found, 0.0)

    by_fused = pull_back(fused, wide_boxes, wide_scores, grad_fused)
    by_confidences = pull_back(confidences, wide_boxes, wide_scores, grad_confidences)
    of_boxes, of_scores = (a + b for a, b in zip(by_fused, by_confidences, strict=True))
    return as_gradient_of(boxes, of_boxes), as_gradient_of(scores, of_scores), *[None] * 10


def confidence_factor(ctx: Any, models: Tensor, weights: Tensor, cluster: Tensor, member: Tensor) -> Tensor:
    """The confidence of each cluster over the sum of its members' weighted scores."""
    count, ones = member.shape[0], member.to(weights.dtype)
    sizes = torch.zeros_like(ones).index_add(0, cluster, ones).clamp(min=1)
    if ctx.conf_type == "avg":
        return (sizes if ctx.allows_overflow else sizes.clamp(max=weights.shape[0])) / sizes / weights.sum()
    of_members = torch.zeros_like(ones).index_add(0, cluster, ones * weights[models])
    of_members = torch.where(of_members == 0, 1.0, of_members)
    pairs = torch.zeros(count * weights.shape[0], dtype=weights.dtype, device=weights.device)
    present = pairs.index_add(0, cluster * weights.shape[0] + models, ones).view(count, weights.shape[0]) > 0
    if ctx.conf_type == "box_and_model_avg":
        return torch.where(present, weights, 0.0).sum(dim=1) / of_members / weights.sum()
    return 1 / (of_members + torch.where(present, 0.0, weights).sum(dim=1))
