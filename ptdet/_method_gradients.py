"""Gradients of soft-NMS, merge-NMS, merging and box fusion: the selection held fixed, the values differentiated.

The values are written once more, from what was selected, in torch operations on padded shapes (so that a compiler can
trace them), and autograd does the rest: a gradient is exact away from ties and can be differentiated again.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator
from typing import Any

import torch
from torch import Tensor

from . import reference

_PAIRS = 1 << 22  # overlaps held at once

Values = Callable[[Tensor, Tensor], Tensor]


def pull_back(values: Values, boxes: Tensor, scores: Tensor, grad: Tensor) -> tuple[Tensor, Tensor]:
    """Gradients of sum(grad * values(boxes, scores))."""
    again = torch.is_grad_enabled()
    with torch.enable_grad():
        if not (again and boxes.requires_grad):
            boxes = boxes.detach().requires_grad_()
        if not (again and scores.requires_grad):
            scores = scores.detach().requires_grad_()
        found = torch.autograd.grad(
            values(boxes, scores), (boxes, scores), grad, create_graph=again, materialize_grads=True
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


def overlap(a: Tensor, b: Tensor, metric: str) -> Tensor:
    """The measure, 0 where it is not finite. There, and where it is 0, no gradient flows: 0/0 and inf/inf would."""
    a, b = torch.broadcast_tensors(a, b)
    with torch.no_grad():
        value = reference.raw_overlap(a, b, metric)
        flows = (torch.isfinite(value) & (value != 0))[..., None]
    unit = torch.tensor([0.0, 0.0, 1.0, 1.0], dtype=a.dtype, device=a.device)
    value = reference.raw_overlap(torch.where(flows, a, unit), torch.where(flows, b, unit), metric)
    return torch.where(flows[..., 0], value, 0.0)


def ranks(scores: Tensor) -> Tensor:
    """The place of each row in visiting order."""
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
    visited = keep
    if max_output is not None and not reselect:  # boxes that are cut off decayed the others too
        visited = torch.ops.ptdet.soft_nms_walk(
            boxes.detach(), scores.detach(), idxs, iou_threshold, sigma, min_score, kind, reselect, metric, inclusive,
            score_threshold,
        )[1]  # fmt: skip
    rows, others = keep.clamp(min=0), visited.clamp(min=0)
    rank = places(keep) if reselect else ranks(scores)
    of_boxes, of_scores = torch.zeros_like(boxes), torch.zeros_like(scores)
    for part in chunks(rows.shape[0], others.shape[0]):
        mine = rows[part]
        decays = (rank[others][None] < rank[mine][:, None]) & (visited >= 0)[None]
        if idxs is not None:
            decays = decays & (idxs[others][None] == idxs[mine][:, None])

        def values(
            boxes: Tensor, scores: Tensor, mine: Tensor = mine, part: slice = part, decays: Tensor = decays
        ) -> Tensor:
            overlaps = overlap(boxes[mine][:, None], boxes[others][None], metric)
            share = overlaps.clamp(min=0)
            factor = reference.exponential(-(share * share) / sigma)
            if kind != "gaussian":
                decays = decays & reference.exceeds(overlaps, iou_threshold, inclusive)
                factor = 1 - share if kind == "linear" else torch.zeros_like(share)
            decayed = scores[mine] * torch.where(decays, factor, 1.0).prod(dim=1)
            return torch.where(keep[part] >= 0, decayed, 0.0).to(scores.dtype)

        more = pull_back(values, boxes, scores, grad[part])
        of_boxes, of_scores = of_boxes + more[0], of_scores + more[1]
    return of_boxes, of_scores, *[None] * 10


def weighted_means(boxes: Tensor, keep: Tensor, weight: Tensor, cluster: Tensor, member: Tensor) -> Tensor:
    """The means of the clusters that `member` rows belong to, in the order of keep; 0 beyond its end."""
    computed = reference.computed(boxes)
    weight = torch.where(member, weight, 0.0).to(computed.dtype)
    sums = torch.zeros_like(computed).index_add(
        0, cluster, torch.where(member[:, None], weight[:, None] * computed, 0.0)
    )
    return sound_means(boxes, keep, sums, torch.zeros_like(weight).index_add(0, cluster, weight))


def sound_means(boxes: Tensor, keep: Tensor, sums: Tensor, total: Tensor) -> Tensor:
    sound = ((total != 0) & torch.isfinite(sums / total[:, None]).all(dim=1)).detach()[:, None]
    mean = torch.where(sound, sums, 0.0) / torch.where(sound, total[:, None], 1.0)
    mean = torch.where(sound, mean, reference.computed(boxes)[keep.clamp(min=0)])
    return torch.where((keep >= 0)[:, None], mean, 0.0).to(boxes.dtype)


def merge_setup(ctx: Any, inputs: tuple[Any, ...], output: tuple[Tensor, ...]) -> None:
    boxes, scores, idxs, *ctx.options = inputs
    ctx.save_for_backward(boxes, scores, idxs, *output[1:3])


def merge_backward(ctx: Any, grad: Tensor, *_: Any) -> tuple[Any, ...]:
    boxes, scores, idxs, keep, owner = ctx.saved_tensors
    _, metric, _, _, _, members, weights = ctx.options
    if members in ("overlapping", "later"):
        return *_overlapping_backward(ctx, boxes, scores, idxs, keep, grad), *[None] * 8
    by = owner.clamp(min=0)
    itself = owner == torch.arange(owner.shape[0], device=owner.device)

    def values(boxes: Tensor, scores: Tensor) -> Tensor:
        weight = scores
        if weights == "score_overlap":
            weight = weight * torch.where(itself, 1.0, overlap(boxes, boxes[by], metric))
        return weighted_means(boxes, keep, weight, places(keep)[by], owner >= 0)

    return *pull_back(values, boxes, scores, grad), *[None] * 8


def _overlapping_backward(
    ctx: Any, boxes: Tensor, scores: Tensor, idxs: Tensor | None, keep: Tensor, grad: Tensor
) -> tuple[Tensor, Tensor]:
    iou_threshold, metric, inclusive, score_threshold, _, members, weights = ctx.options
    rows, rank = keep.clamp(min=0), ranks(scores)
    everybody = torch.arange(boxes.shape[0], device=boxes.device)
    candidate = torch.ones_like(scores, dtype=torch.bool)
    if score_threshold is not None:
        candidate = reference.above(reference.computed(scores.detach()), score_threshold)
    of_boxes, of_scores = torch.zeros_like(boxes), torch.zeros_like(scores)
    for part in chunks(rows.shape[0], rows.shape[0]):
        mine = rows[part]
        itself = everybody[None] == mine[:, None]
        overlaps = reference.raw_overlap(boxes.detach()[None], boxes.detach()[mine][:, None], metric)
        met = reference.exceeds(overlaps, iou_threshold, inclusive) & candidate[None]
        if members == "later":
            met = met & (rank[None] > rank[mine][:, None])
        if idxs is not None:
            met = met & (idxs[None] == idxs[mine][:, None])

        def values(
            boxes: Tensor,
            scores: Tensor,
            mine: Tensor = mine,
            part: slice = part,
            itself: Tensor = itself,
            met: Tensor = met,
        ) -> Tensor:
            weight = scores[None].to(reference.computed(boxes).dtype)
            if weights == "score_overlap":
                overlaps = overlap(boxes[None], boxes[mine][:, None], metric)
                weight = weight * torch.where(met & ~itself, overlaps, 1.0)
            weight = torch.where(met | itself, weight, 0.0)
            return sound_means(boxes, keep[part], weight @ reference.computed(boxes), weight.sum(dim=1))

        more = pull_back(values, boxes, scores, grad[part])
        of_boxes, of_scores = of_boxes + more[0], of_scores + more[1]
    return of_boxes, of_scores


def nmm_setup(ctx: Any, inputs: tuple[Any, ...], output: tuple[Tensor, ...]) -> None:
    ctx.save_for_backward(output[1])


def nmm_backward(ctx: Any, grad: Tensor, *_: Any) -> tuple[Any, ...]:
    """Each number of a grown box is that of one box, and no two are of the same."""
    (sides,) = ctx.saved_tensors
    count = sides.shape[0]
    of_boxes = grad.new_zeros(count + 1, 4).scatter(0, torch.where(sides >= 0, sides, count), grad)
    return of_boxes[:count], *[None] * 8


def wbf_setup(ctx: Any, inputs: tuple[Any, ...], output: tuple[Tensor, ...]) -> None:
    boxes, scores, _, models, weights, _, ctx.conf_type, ctx.allows_overflow, *_ = inputs
    ctx.save_for_backward(boxes, scores, models, weights, output[2], output[3])


def wbf_backward(ctx: Any, grad_fused: Tensor, grad_confidences: Tensor, *_: Any) -> tuple[Any, ...]:
    boxes, scores, models, weights, keep, owner = ctx.saved_tensors
    dtype = reference.computed(boxes).dtype
    models = torch.zeros_like(keep) if models is None else models
    weights = torch.ones(1, dtype=dtype, device=boxes.device) if weights is None else weights.to(dtype)
    member, cluster = owner >= 0, places(keep)[owner.clamp(min=0)]
    factor = torch.zeros_like(scores, dtype=dtype)
    if ctx.conf_type != "max":
        factor = confidence_factor(ctx, models, weights, cluster, member)

    def fused(boxes: Tensor, scores: Tensor) -> Tensor:
        return weighted_means(boxes, keep, scores.to(dtype) * weights[models], cluster, member)

    def confidences(boxes: Tensor, scores: Tensor) -> Tensor:
        weighted = scores.to(dtype) * weights[models]
        if ctx.conf_type == "max":  # the founder has it
            found = weighted[keep.clamp(min=0)] / weights.max()
        else:
            found = torch.zeros_like(weighted).index_add(0, cluster, torch.where(member, weighted, 0.0)) * factor
        return torch.where(keep >= 0, found, 0.0).to(scores.dtype)

    grads = pull_back(fused, boxes, scores, grad_fused), pull_back(confidences, boxes, scores, grad_confidences)
    return grads[0][0] + grads[1][0], grads[0][1] + grads[1][1], *[None] * 10


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
