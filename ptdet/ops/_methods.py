"""Every method of METHODS by its name: its function, and its operator of fixed shape over candidates in groups."""

from __future__ import annotations

from collections.abc import Callable
from importlib import import_module
from typing import Any, NamedTuple

import torch
from torch import Tensor

from .._library.arguments import explain_options
from .._library.checks import UNEXPLAINED
from .._library.register import operator
from .._library.signatures import SIGNATURES
from .._shared.methods import BATCH_METHODS, METHODS, Method
from ._composite import COMPOSITES


def function_of(method: str) -> Callable[..., Any]:
    """The function of ptdet: it takes boxes, scores, the threshold if it has one, and idxs; a fusion takes lists."""
    row = METHODS[method]
    function: Callable[..., Any] = getattr(import_module(f"{__package__}.{row.stem}"), row.function)
    return function


class Selected(NamedTuple):
    """What a method kept, and the boxes and scores that it changed."""

    keep: Tensor  # (M,) candidates by decreasing score, then -1
    boxes: Tensor | None = None  # (M, 4) in the order of keep; None: as given
    scores: Tensor | None = None  # (M,) in the order of keep; None: as given


class _Call(NamedTuple):
    run: Callable[..., Any]
    short: Callable[..., Any] | None  # the operator that returns `keep` alone, as long as what was found
    settings: dict[str, Any]
    takes_longest: bool
    results: tuple[str, ...]


def _call_of(row: Method, walk: str) -> _Call:
    signature, short = SIGNATURES[walk], walk.removesuffix("_walk")
    absent = dict.fromkeys(signature.optional - {"idxs"})
    return _Call(
        COMPOSITES.get(walk) or operator(walk),
        operator(short) if not (row.boxes or row.scores) and short in SIGNATURES else None,
        {**absent, **row.settings},
        walk in COMPOSITES,
        signature.results,
    )


_CALLS = {name: _call_of(row, row.operator) for name, row in METHODS.items()}
_ROTATED = {
    name: _call_of(row, f"rotated_{row.operator}")
    for name, row in METHODS.items()
    if f"rotated_{row.operator}" in SIGNATURES
}
ROTATED_BATCH_METHODS = tuple(name for name in BATCH_METHODS if name in _ROTATED)


def select(
    method: str,
    boxes: Tensor,
    scores: Tensor,
    groups: Tensor | None,
    iou_threshold: float | None,
    score_threshold: float | None = None,
    longest: int | None = None,
    may_wait: bool = False,
    **options: Any,
) -> Selected:
    """`method` within each group, of boxes (N, 4) or rotated ones (N, 5).

    Nothing waits for a GPU, given a bound for the size of fast's and matrix's. If it may wait, `keep` can end with the
    last that is kept.
    """
    row, call = METHODS[method], (_ROTATED if boxes.shape[1] == 5 else _CALLS)[method]
    given = {**call.settings, "score_threshold": score_threshold, **options}
    if row.has_threshold:
        given["iou_threshold"] = iou_threshold
    if call.takes_longest:
        given["longest"] = longest
    try:
        if may_wait and call.short is not None:
            return Selected(call.short(boxes, scores, groups, **given))
        found = dict(zip(call.results, call.run(boxes, scores, groups, **given), strict=True))
    except UNEXPLAINED:  # the operator refuses what is wrong; this names it, as in `ptdet.nms`
        explain_options(row.operator, scores, options)
        raise
    return Selected(found["keep"], found.get(row.boxes), found.get(row.scores))


def with_more(selected: Selected, boxes: Tensor, scores: Tensor, more: Tensor) -> Selected:
    """Candidates kept beside those of a method, which has none of them; -1 is left out. Waits for a GPU."""
    places = torch.nonzero(selected.keep >= 0)[:, 0]
    of_method = selected.keep[places]
    keep = torch.cat([of_method, more])
    kept_boxes = boxes[of_method] if selected.boxes is None else selected.boxes[places]
    kept_scores = scores[of_method] if selected.scores is None else selected.scores[places]
    kept_boxes, kept_scores = torch.cat([kept_boxes, boxes[more]]), torch.cat([kept_scores, scores[more]])
    order = torch.argsort(keep)
    order = order[torch.sort(kept_scores[order] + 0.0, descending=True, stable=True).indices]
    return Selected(keep[order], kept_boxes[order], kept_scores[order])
