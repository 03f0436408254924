"""Makes every operator whole: the reference where no kernel is, the fakes, and what autograd does (nothing)."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from contextlib import contextmanager
from typing import Any

import torch
from torch import Tensor
from torch.utils._python_dispatch import TorchDispatchMode

from . import reference
from ._backend import OPERATORS, SCHEMAS, WHY_NOT_CPU
from ._checks import check_suppression

_library = torch.library.Library("ptdet", "FRAGMENT")
if WHY_NOT_CPU:
    for _schema in SCHEMAS:
        _library.define(_schema)


def _fake_nms(
    boxes: Tensor,
    scores: Tensor,
    idxs: Tensor | None,
    iou_threshold: float,
    metric: str = "iou",
    inclusive: bool = False,
    score_threshold: float | None = None,
    max_output: int | None = None,
) -> Tensor:
    check_suppression(boxes, scores, idxs, iou_threshold, metric, score_threshold, max_output)
    return boxes.new_empty(torch.library.get_ctx().new_dynamic_size(min=0), dtype=torch.int64)


def _fake_nms_walk(
    boxes: Tensor,
    scores: Tensor,
    idxs: Tensor | None,
    iou_threshold: float,
    metric: str = "iou",
    inclusive: bool = False,
    score_threshold: float | None = None,
    max_output: int | None = None,
) -> tuple[Tensor, Tensor, Tensor]:
    check_suppression(boxes, scores, idxs, iou_threshold, metric, score_threshold, max_output)
    count = boxes.shape[0]
    return tuple(boxes.new_empty(shape, dtype=torch.int64) for shape in ((count,), (count,), ()))  # type: ignore


_FAKES: dict[str, Callable[..., Any]] = {"nms": _fake_nms, "nms_walk": _fake_nms_walk}

for _name in OPERATORS:
    _library.impl(_name, getattr(reference, _name), "CompositeExplicitAutograd")
    _library.impl(_name, torch.library.fallthrough_kernel, "Autograd")  # indices have no gradient
    torch.library.register_fake(f"ptdet::{_name}", _FAKES[_name], lib=_library)

NMS = torch.ops.ptdet.nms.default
NMS_WALK = torch.ops.ptdet.nms_walk.default


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
    """Registers torch.ops.ptdet.*; importing this module has done so, and calling it again does no harm."""
