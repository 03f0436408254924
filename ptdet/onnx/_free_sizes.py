"""Which sizes of the inputs an exported program leaves free, where the caller does not say."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any
from warnings import warn

import torch
from torch import Tensor, nn
from torch.export import Dim, ShapesCollection

LEVEL = 4  # of a warning: whoever called ptdet.onnx.export
SOME_NUMBER = 2**40  # beyond the size of any input: a bound above it is none

Sizes = list[tuple[Tensor, list[int]]]  # tensors, each with the dimensions that are free


def with_free_sizes(run: Callable[..., Any], model: nn.Module, args: Any, options: dict[str, Any]) -> Any:
    """`run(model, args, **options)`, with as many numbers of rows and images free as the model is right for."""
    positional, keywords = _arguments(args, options.get("kwargs"))
    options = {**options, "kwargs": keywords}
    free = _rows_and_images([each for each in (*positional, *keywords.values()) if isinstance(each, Tensor)])
    fixed: dict[str, int] = {}
    while free:
        try:
            program = run(model, positional, dynamic_shapes=_shapes(free, model, positional, keywords), **options)
        except Exception as error:
            if _has_no_counterpart(error):
                raise
            program = run(model, positional, **options)
            _warn(f"every size stays as in the example, for the export fails with a free one: {error}")
            return program
        demands = _demands(program.exported_program)
        if not demands:
            break
        fixed |= demands
        free = _without(free, set(fixed.values()))
    else:
        program = run(model, positional, **options)
    if fixed:
        told = ", ".join(f"{place} stays {size}" for place, size in fixed.items())
        _warn(f"{told}, as in the example: the model is not right for other numbers")
    return program


def _arguments(args: Any, kwargs: dict[str, Any] | None) -> tuple[tuple[Any, ...], dict[str, Any]]:
    """As torch.onnx.export takes them: one tensor for a tuple of one, and keywords at the end."""
    args = (args,) if isinstance(args, Tensor) else tuple(args)
    if not kwargs and args and isinstance(args[-1], dict):
        return args[:-1], args[-1]
    return args, kwargs or {}


def _rows_and_images(tensors: list[Tensor]) -> Sizes:
    """The first size of each tensor; of boxes (B, N, 4), and of what begins with their (B, N), the second too."""
    batches = {tensor.shape[:2] for tensor in tensors if tensor.dim() == 3 and tensor.shape[2] == 4}
    return [
        (tensor, [0, 1] if tensor.dim() > 1 and tensor.shape[:2] in batches else [0])
        for tensor in tensors
        if tensor.dim() > 0
    ]


def _without(free: Sizes, numbers: set[int]) -> Sizes:
    left = ((tensor, [each for each in dimensions if tensor.shape[each] not in numbers]) for tensor, dimensions in free)
    return [(tensor, dimensions) for tensor, dimensions in left if dimensions]


def _shapes(free: Sizes, model: nn.Module, args: tuple[Any, ...], kwargs: dict[str, Any]) -> Any:
    shapes = ShapesCollection()
    for tensor, dimensions in free:
        shapes[tensor] = dict.fromkeys(dimensions, Dim.AUTO)
    return shapes.dynamic_shapes(model, args, kwargs)


def _demands(program: Any) -> dict[str, int]:
    """Sizes that the program calls free and holds for in part only, with those of the example: ONNX does not ask."""
    inputs = set(program.graph_signature.user_inputs)
    found: dict[str, int] = {}
    for node in program.graph.find_nodes(op="placeholder"):
        value = node.meta.get("val")
        if node.name not in inputs or not isinstance(value, Tensor):
            continue
        for dimension, size in enumerate(value.shape):
            known = program.range_constraints.get(size.node.expr) if isinstance(size, torch.SymInt) else None
            if known is not None and (known.lower > 1 or known.upper < SOME_NUMBER):
                found[f"{node.name}.shape[{dimension}]"] = int(size.node.hint)
    return found


def _has_no_counterpart(error: BaseException | None) -> bool:
    while error is not None and not isinstance(error, NotImplementedError):
        error = error.__cause__
    return error is not None


def _warn(told: str) -> None:
    warn(f"ptdet.onnx.export: {told}", stacklevel=LEVEL)
