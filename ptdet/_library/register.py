"""Makes every operator whole: the reference where no kernel is, the fakes, the gradients."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager
from typing import Any

import torch
from torch import Tensor
from torch.autograd import forward_ad
from torch.utils._python_dispatch import TorchDispatchMode

from .. import reference
from .autograd import GRADIENTS
from .fakes import FAKES
from .load import OPERATORS, SCHEMAS, WHY_NOT_CPU
from .vmap import VMAPS

_library = torch.library.Library("ptdet", "FRAGMENT")
if WHY_NOT_CPU:
    for _schema in SCHEMAS:
        _library.define(_schema)


for _name in OPERATORS:
    _library.impl(_name, getattr(reference, _name), "CompositeExplicitAutograd")
    torch.library.register_fake(f"ptdet::{_name}", FAKES[_name], lib=_library)
    if _name in GRADIENTS:
        _setup, _backward = GRADIENTS[_name]
        torch.library.register_autograd(f"ptdet::{_name}", _backward, setup_context=_setup, lib=_library)
    else:
        _library.impl(_name, torch.library.fallthrough_kernel, "Autograd")  # indices have no gradient
    if _name in VMAPS:
        torch.library.register_vmap(f"ptdet::{_name}", VMAPS[_name], lib=_library)


def operator(name: str) -> Any:
    """torch.ops.ptdet.<name>, without the search for an overload that each call of it makes."""
    return getattr(torch.ops.ptdet, name).default


def wants_gradient(boxes: Tensor, scores: Tensor) -> bool:
    return torch.is_grad_enabled() and (boxes.requires_grad or scores.requires_grad) or _has_tangent(boxes, scores)


def _has_tangent(*inputs: Tensor) -> bool:
    """Whether one is differentiated forward, by `forward_ad` or `torch.func.jvp`."""
    if torch.compiler.is_compiling() or forward_ad._current_level < 0:
        return False
    return any(forward_ad.unpack_dual(each).tangent is not None for each in inputs)


def past_autograd(operator: Any, boxes: Tensor, scores: Tensor, *rest: Any) -> Any:
    """The call without what autograd adds in Python, 5 us, where nobody wants a gradient."""
    if _has_tangent(boxes, scores):  # it would be lost without a word
        raise NotImplementedError(f"{operator}: its gradients run backward only, boxes or scores have a tangent")
    if torch.compiler.is_compiling() or wants_gradient(boxes, scores):
        return operator(boxes, scores, *rest)
    with torch._C._AutoDispatchBelowAutograd():
        return operator(boxes, scores, *rest)


class _OnReference(TorchDispatchMode):
    def __torch_dispatch__(
        self, func: Any, types: Any, args: tuple[Any, ...] = (), kwargs: dict[str, Any] | None = None
    ) -> Any:
        if func.namespace == "ptdet" and (name := func._opname) in OPERATORS:
            return getattr(reference, name)(*args, **(kwargs or {}))
        return func(*args, **(kwargs or {}))


@contextmanager
def backend(name: str) -> Iterator[None]:
    """Within it, operators run on the pure-torch reference ("reference") or as they are ("native").

    Raises:
        ValueError: for another name.
        RuntimeError: "native" where the native kernels are not loaded; the message says why.

    >>> import torch, ptdet
    >>> with ptdet.backend("reference"):
    ...     ptdet.nms(torch.tensor([[0., 0., 10., 10.]]), torch.tensor([.5]), 0.5)
    tensor([0])
    """
    if name == "reference":
        with _OnReference():  # type: ignore[no-untyped-call]
            yield
    elif name == "native":
        if WHY_NOT_CPU:
            raise RuntimeError(f"no native kernels: {WHY_NOT_CPU}")
        yield
    else:
        raise ValueError(f"name: expected 'native' or 'reference', got {name!r}")


def register() -> None:
    """Registers torch.ops.ptdet.*, which the first use of another public name does too. Once more does no harm.

    >>> import torch, ptdet
    >>> ptdet.register()
    >>> torch.ops.ptdet.nms(torch.zeros(1, 4), torch.ones(1), None, 0.5)
    tensor([0])
    """
