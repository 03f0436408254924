"""From walks of fixed shape to results as long as what was found."""

from __future__ import annotations

import torch
from torch import Tensor

from ._checks import check_ids_are_numbers


def cut(keep: Tensor, kept: Tensor, *rows: Tensor) -> tuple[Tensor, ...]:
    """The first `kept` of each; waits for a GPU. A compiler counts them by its own means."""
    if torch.compiler.is_compiling():
        found = torch.nonzero(keep >= 0)[:, 0]
        return tuple(each[found] for each in (*rows, keep))
    count = int(kept)
    return tuple(each[:count] for each in (*rows, keep))


def check_ids(idxs: Tensor | None) -> None:
    if idxs is not None:
        check_ids_are_numbers(idxs)
