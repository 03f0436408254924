"""Fakes that follow from the names of an operator's results.

An operator that says in `num_kept` how many boxes it keeps has results of N rows; another has as many as the data says.
"""

from __future__ import annotations

from collections.abc import Callable
from typing import Any, NamedTuple

import torch
from torch import Tensor

from ..arguments import check_arguments
from ..checks import numbers_of_boxes
from ..signatures import Signature


class Result(NamedTuple):
    """What a result is like, by its name in RESULTS."""

    like: str  # boxes (a row each), sides (4 each), scores (a number each) or nothing (one number)
    dtype: str  # of the boxes, of the scores, or int64


RESULTS: dict[str, Result] = {
    "keep": Result("scores", "int64"),
    "owner": Result("scores", "int64"),
    "num_kept": Result("nothing", "int64"),
    "sides": Result("sides", "int64"),
    **dict.fromkeys(("merged", "grown", "fused"), Result("boxes", "boxes")),
    **dict.fromkeys(("decayed", "confidences"), Result("scores", "scores")),
}


def is_derived(signature: Signature) -> bool:
    return set(signature.results) <= set(RESULTS)


def derived(signature: Signature) -> Callable[..., Any]:
    """The fake of an operator on boxes and scores."""

    def fake(*arguments: Any, **keywords: Any) -> Any:
        check_arguments(signature.name, *arguments, **keywords)
        given = signature.named(*arguments, **keywords)
        boxes, scores = given["boxes"], given["scores"]
        is_fixed = "num_kept" in signature.results
        count = boxes.shape[0] if is_fixed else torch.library.get_ctx().new_dynamic_size(min=0)
        row = (count, numbers_of_boxes(signature.name))
        shapes: dict[str, tuple[Any, ...]] = {"boxes": row, "sides": (count, 4), "scores": (count,), "nothing": ()}
        dtypes = {"boxes": boxes.dtype, "scores": scores.dtype, "int64": torch.int64}

        def made(name: str) -> Tensor:
            result = RESULTS[name]
            return boxes.new_empty(shapes[result.like], dtype=dtypes[result.dtype])  # type: ignore[no-any-return]

        found = tuple(map(made, signature.results))
        return found if len(found) > 1 else found[0]

    return fake
