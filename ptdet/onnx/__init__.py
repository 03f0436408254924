"""Exports models that call ptdet to ONNX, by torch.onnx's dynamo exporter: hard suppression becomes the standard
NonMaxSuppression, which onnxruntime, TensorRT and OpenVINO run; what goes box by box becomes a Loop; all else becomes
plain operators."""

from __future__ import annotations

import functools
import math
from collections.abc import Callable
from importlib import import_module
from typing import Any

import numpy as np
import torch
from torch import nn
from torch._decomp import decomposition_table

from .._library.load import OPERATORS
from .._library.recording import translated
from .._library.register import register
from ..ops._composite import COMPOSITES
from ._formulas import FORMULAS
from ._free_sizes import with_free_sizes
from ._greedy_pass import float32_below
from ._standard import STANDARD_NMS, is_standard

__all__ = ["export"]

LOWEST = float(np.finfo(np.float32).min)

_COMBINED = "call ptdet.combined_nms, which is exported"
_OF_A_BATCH = ("ragged_groups", "image_order", "rows_at", "class_candidates")


def _way_out(name: str) -> str:
    """What to do instead of exporting this operator."""
    if name in COMPOSITES and not name.startswith("rotated_"):
        return f"call ptdet.{name.removesuffix('_walk')}, which is exported"
    if name.startswith("yolo_"):
        return f"decode the head to boxes and scores and {_COMBINED}"
    if name in _OF_A_BATCH:
        return _COMBINED
    if name.startswith("rotated_"):
        return (
            "export the model up to its boxes and scores and call ptdet.numpy.rotated on what the runtime returns, or "
            "put OpenVINO's NMSRotated(clockwise=True) behind them, which takes the same boxes"
        )
    if name == "nmm_walk":
        return "call ptdet.numpy on what the runtime returns, or use ptdet.merge_nms"
    return "export the model up to its boxes and scores and call ptdet.numpy on what the runtime returns"


def export(model: Any, args: tuple[Any, ...] = (), f: Any = None, **options: Any) -> Any:
    """`torch.onnx.export(model, args, f, dynamo=True, **options)` of a model that calls ptdet, for any number of boxes.

    - `nms`, `batched_nms`, `or_nms` and `cluster_nms` of IoU become NonMaxSuppression, with every option.
    - The same with another metric, a threshold below 0 or `return_owner`, `diou_nms`, `and_nms`, `merge_nms`,
      `soft_nms`, the fusions and `combined_nms` become a Loop over selected boxes, of standard operators; memory
      grows with N, but for merge_nms under members "overlapping", "later" and "best", which holds N^2 overlaps.
    - The overlaps of all kinds, of rotated boxes too, the losses, `channel_norm`, `fast_nms` and `matrix_nms` become
      their formulas in plain operators; the last two hold N^2 overlaps.

    All but the last computes boxes and scores in float32; exp and pow become the runtime's own. In
    NonMaxSuppression NaN scores and inverted boxes are treated as the runtime does; in a Loop NaN equals infinity
    where scores are compared. What ptdet refuses for its values (negative scores in `soft_nms`, NaN ids) no graph
    can: it computes something.

    Args:
        model, args, f, options: as there, but for `dynamic_shapes`: where neither it nor `dynamic_axes` is given, the
            first size of each tensor among the arguments is free; and, of boxes (B, N, 4) and of tensors that begin
            with their (B, N), the second. A tensor in a list or a dict stays as in the example; so does, with a
            UserWarning, a number that the model is not right for in general, as one that a Python loop runs to.
            `dynamic_shapes=None` fixes all sizes, as torch's default does.

    Returns:
        The exporter's program.

    Raises:
        ImportError: without onnxscript, which torch's exporter needs as well.
        torch's errors of export; NotImplementedError is their cause where ONNX has no means, and says what to do.
    """
    formulas = {getattr(torch.ops.ptdet, name).default: formula for name, formula in FORMULAS.items()}
    table = {op: put for op, put in translation_table().items() if op not in formulas}
    table.update(options.pop("custom_translation_table", None) or {})
    run = functools.partial(torch.onnx.export, f=f, dynamo=True, custom_translation_table=table)
    says_sizes = "dynamic_shapes" in options or options.get("dynamic_axes") is not None
    try:
        # The exporter asks for no table of what operators consist of. These must not stay: inductor wants the kernels.
        decomposition_table.update(formulas)
        with translated():
            if says_sizes or not isinstance(model, nn.Module) or isinstance(model, torch.jit.ScriptModule):
                return run(model, args, **options)
            return with_free_sizes(run, model, args, options)
    finally:
        for op in formulas:
            del decomposition_table[op]


def translation_table() -> dict[Callable[..., Any], Callable[..., Any]]:
    """What `export` puts in the place of `nms`, for `torch.onnx.export(custom_translation_table=...)`.

    The other operators raise NotImplementedError there, and say what to do instead.

    Raises:
        ImportError: without onnxscript.
    """
    register()
    _opset()
    table: dict[Callable[..., Any], Callable[..., Any]] = {
        getattr(torch.ops.ptdet, name).default: _refusal(name) for name in OPERATORS
    }
    table[torch.ops.ptdet.nms.default] = table[STANDARD_NMS] = _nms
    table[torch.ops.aten.sort.stable] = _stable_sort  # of the formulas; the exporter itself has none
    return table


def _opset() -> Any:
    try:
        return import_module("onnxscript").opset18
    except ImportError as error:
        raise ImportError("ptdet.onnx needs onnxscript: pip install onnxscript") from error


def _refusal(name: str) -> Callable[..., Any]:
    def refuse(*arguments: Any, **keywords: Any) -> Any:
        if name in FORMULAS:
            raise NotImplementedError(f"ptdet.{name} is exported by ptdet.onnx.export, not by its table alone")
        raise NotImplementedError(f"ptdet.{name} has no counterpart in ONNX: {_way_out(name)}")

    return refuse


def _nms(
    boxes: Any,
    scores: Any,
    idxs: Any,
    iou_threshold: float,
    metric: str = "iou",
    inclusive: bool = False,
    score_threshold: float | None = None,
    max_output: int | None = None,
) -> Any:
    if not is_standard(metric, iou_threshold, inclusive):
        raise NotImplementedError(
            f"ptdet.nms with metric={metric!r}, iou_threshold={iou_threshold} is more than NonMaxSuppression can say: "
            "it is exported by ptdet.onnx.export, not by its table alone"
        )
    op = _opset()
    limit = op.Constant(value_ints=[2**31 - 1 if max_output is None else max_output])
    threshold = op.Constant(value_floats=[float32_below(iou_threshold, inclusive)])
    of_boxes = op.Unsqueeze(op.Cast(boxes, to=1), op.Constant(value_ints=[0]))
    values = op.Cast(scores, to=1)
    row = op.Unsqueeze(values, op.Constant(value_ints=[0, 1]))  # (1, 1, N)
    least = LOWEST if score_threshold is None else float32_below(score_threshold)
    if idxs is not None:
        row = _one_row_a_class(op, row, idxs)
    every = limit if idxs is None else op.Constant(value_ints=[2**31 - 1])
    found = op.NonMaxSuppression(of_boxes, row, every, threshold, op.Constant(value_floats=[least]))
    keep = op.Squeeze(op.Slice(found, [2], [3], [1]), op.Constant(value_ints=[1]))
    return keep if idxs is None else _by_score(op, keep, values, limit)


def _stable_sort(values: Any, stable: bool = True, dim: int = -1, descending: bool = False) -> Any:
    """TopK puts the lower index first where values are equal."""
    op = _opset()
    count = op.Gather(op.Shape(values), op.Constant(value_ints=[dim]))
    return op.TopK(values, count, axis=dim, largest=int(descending))


def _one_row_a_class(op: Any, row: Any, idxs: Any) -> Any:
    """(1, C, N): the scores of each class, and -inf where a box is of another."""
    _, _, inverse, _ = op.Unique(op.Cast(idxs, to=11 if idxs.dtype.is_floating_point() else 7))
    classes = op.Unsqueeze(op.Unique(inverse)[0], op.Constant(value_ints=[1]))
    belongs = op.Equal(classes, op.Unsqueeze(inverse, op.Constant(value_ints=[0])))
    return op.Where(op.Unsqueeze(belongs, op.Constant(value_ints=[0])), row, op.Constant(value_float=-math.inf))


def _by_score(op: Any, keep: Any, values: Any, limit: Any) -> Any:
    """`keep` by decreasing score, ties to the lower index, and no more than the limit."""
    count = op.Shape(keep)
    ascending, _ = op.TopK(keep, count, largest=0)
    _, order = op.TopK(op.Gather(values, ascending), count)
    return op.Slice(op.Gather(ascending, order), [0], limit, [0])
