"""The gradients of the operators that have one, by the operator's name; the others are transparent to autograd."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any, NamedTuple


class Gradient(NamedTuple):
    """What torch.library.register_autograd takes."""

    setup_context: Callable[..., None]
    backward: Callable[..., Any]


GRADIENTS: dict[str, Gradient] = {}
