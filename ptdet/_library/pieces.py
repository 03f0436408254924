"""torch's own operations on large tensors, without its threads.

A call on OpenMP's threads waits until each of them has been on a core: where the cores are busy that takes longer than
the work (DESIGN, decision 9). Kernels have threads of their own; what lies around them runs on the caller's, which
torch does for fewer than 32,768 elements at a time.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable

import torch
from torch import Tensor

PIECE = 16_384  # elements


def is_traced() -> bool:
    """By torch.jit.trace, which takes down for constants what Python computes of shapes."""
    return not torch.compiler.is_compiling() and torch._C._is_tracing()


def is_recorded() -> bool:
    """Whether the call is taken down for other data, by a compiler or by torch.jit.trace."""
    return torch.compiler.is_compiling() or torch._C._is_tracing()


def _is_large(rows: Tensor) -> bool:
    return not is_recorded() and rows.numel() > PIECE and rows.device.type == "cpu"


def pieces(rows: Tensor) -> Iterable[Tensor]:
    """Runs of rows, of fewer elements than torch would share out."""
    if not _is_large(rows):
        return (rows,)
    split: tuple[Tensor, ...] = rows.split(max(PIECE * len(rows) // rows.numel(), 1))
    return split


def by_piece(f: Callable[..., Tensor], *rows: Tensor) -> Tensor:
    """f(*rows), where f works row by row. The first of `rows` has no fewer elements a row than the others."""
    if not _is_large(rows[0]):
        return f(*rows)
    step = max(PIECE * len(rows[0]) // rows[0].numel(), 1)
    return torch.cat([f(*parts) for parts in zip(*(each.split(step) for each in rows), strict=True)])


def joined(tensors: Iterable[Tensor]) -> Tensor:
    """One after the other."""
    return torch.cat([piece for each in tensors for piece in pieces(each)])


def any_is(f: Callable[[Tensor], Tensor], rows: Tensor) -> bool:
    """Is f, which works row by row, true anywhere?"""
    return any(bool(f(piece).any()) for piece in pieces(rows))


def places_where(f: Callable[[Tensor], Tensor], rows: Tensor) -> Tensor:
    """The rows (N,) for which f is true, ascending."""
    found, first = [], 0
    for piece in pieces(rows):
        found.append(torch.nonzero(f(piece))[:, 0] + first)
        first += piece.shape[0]  # len() would fix the length of an exported model
    return torch.cat(found)


def filled(like: Tensor, value: int) -> Tensor:
    """As many times the same as `like` (N,) has rows, int64."""
    if is_recorded():  # as a number, the count would be that of the example
        return torch.full_like(like, value, dtype=torch.int64)
    return joined((like.new_full((1,), value, dtype=torch.int64).expand(like.shape[0]),))
