"""Exports models that call ptdet to ONNX, by torch.onnx's dynamo exporter: hard suppression becomes the standard
NonMaxSuppression, which onnxruntime, TensorRT and OpenVINO run; overlaps, losses, the norm, Fast and Matrix NMS become
plain operators."""

from __future__ import annotations

import math
from collections.abc import Callable
from importlib import import_module
from typing import Any

import numpy as np
import torch
from torch import Tensor
from torch._decomp import decomposition_table

from . import reference
from ._backend import OPERATORS
from ._operators import register
from .reference.pairs import graded_value

LOWEST = float(np.finfo(np.float32).min)


def export(model: Any, args: tuple[Any, ...] = (), f: Any = None, **options: Any) -> Any:
    """`torch.onnx.export(model, args, f, dynamo=True, **options)` of a model that calls ptdet.

    `nms`, `batched_nms`, `or_nms` and `cluster_nms` of IoU are translated, with every option but `metric`. Boxes and
    scores are computed in float32; NaN scores and inverted boxes are treated as the runtime does. The overlaps of all
    kinds, the losses and `channel_norm` are exported as their formulas in plain operators; `fast_nms` and `matrix_nms`,
    with N^2 overlaps in memory, are such formulas themselves.

    Returns:
        The exporter's program.

    Raises:
        ImportError: without onnxscript, which torch's exporter needs as well.
        torch's errors of export; NotImplementedError is their cause where ONNX has no means, and says what to do.
    """
    formulas = _formulas()
    table = {op: put for op, put in translation_table().items() if op not in formulas}
    table.update(options.pop("custom_translation_table", None) or {})
    try:
        # The exporter asks for no table of what operators consist of. These must not stay: inductor wants the kernels.
        decomposition_table.update(formulas)
        return torch.onnx.export(model, args, f, dynamo=True, custom_translation_table=table, **options)
    finally:
        for op in formulas:
            del decomposition_table[op]


def translation_table() -> dict[Callable[..., Any], Callable[..., Any]]:
    """What `export` puts in the place of the suppressions, for `torch.onnx.export(custom_translation_table=...)`.

    The other operators raise NotImplementedError there, and say what to do instead.

    Raises:
        ImportError: without onnxscript.
    """
    register()
    _opset()
    table: dict[Callable[..., Any], Callable[..., Any]] = {
        getattr(torch.ops.ptdet, name).default: _refusal(name) for name in OPERATORS
    }
    table[torch.ops.ptdet.nms.default] = _nms
    table[torch.ops.aten.sort.stable] = _stable_sort  # of fast_nms and matrix_nms; the exporter itself has none
    return table


def _box_loss(
    boxes1: Tensor,
    boxes2: Tensor,
    kind: str = "iou",
    eps: float = 1e-7,
    joint_eps: float = 1e-7,
    similarity: bool = False,
    slopes1: bool = False,
    slopes2: bool = False,
    power: float = 1.0,
    scale: float = 1.0,
    base: str = "iou",
) -> tuple[Tensor, Tensor]:
    """Without the slopes, which a forward pass does not read."""
    return graded_value(boxes1, boxes2, kind, eps, joint_eps, similarity, power, scale, base), boxes1.new_empty(0)


def _formulas() -> dict[Any, Callable[..., Any]]:
    return {
        torch.ops.ptdet.pairwise_overlap.default: reference.pairwise_overlap,
        torch.ops.ptdet.graded_box_loss.default: _box_loss,
        torch.ops.ptdet.channel_norm.default: reference.channel_norm,
    }


def _opset() -> Any:
    try:
        return import_module("onnxscript").opset18
    except ImportError as error:
        raise ImportError("ptdet.onnx needs onnxscript: pip install onnxscript") from error


def _refusal(name: str) -> Callable[..., Any]:
    def refuse(*arguments: Any, **keywords: Any) -> Any:
        if getattr(torch.ops.ptdet, name).default in _formulas():
            raise NotImplementedError(f"ptdet.{name} is exported by ptdet.onnx.export, not by its table alone")
        raise NotImplementedError(
            f"ptdet.{name} has no counterpart in ONNX: export the model up to its boxes and scores and call "
            "ptdet.numpy on what the runtime returns, or use ptdet.nms or ptdet.batched_nms"
        )

    return refuse


def _float32_below(threshold: float, inclusive: bool) -> float:
    """The float32 t for which `overlap > t` in float32 is the comparison asked for (docs/SPEC.md, section 1)."""
    bound = np.float32(threshold)
    if float(bound) > threshold or (inclusive and float(bound) == threshold):
        bound = np.nextafter(bound, np.float32(-math.inf))
    return float(bound)


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
    if metric != "iou":
        raise NotImplementedError(
            f"ptdet.nms with metric={metric!r} has no counterpart in ONNX: use metric='iou', or export the model up to "
            "its boxes and scores and call ptdet.numpy on what the runtime returns"
        )
    if _float32_below(iou_threshold, inclusive) < 0:
        raise NotImplementedError(f"iou_threshold: ONNX has none below 0, got {iou_threshold}")
    op = _opset()
    limit = op.Constant(value_ints=[2**31 - 1 if max_output is None else max_output])
    threshold = op.Constant(value_floats=[_float32_below(iou_threshold, inclusive)])
    of_boxes = op.Unsqueeze(op.Cast(boxes, to=1), op.Constant(value_ints=[0]))
    values = op.Cast(scores, to=1)
    row = op.Unsqueeze(values, op.Constant(value_ints=[0, 1]))  # (1, 1, N)
    least = LOWEST if score_threshold is None else _float32_below(score_threshold, inclusive=False)
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
    _, _, inverse, _ = op.Unique(op.Cast(idxs, to=7))
    classes = op.Unsqueeze(op.Unique(inverse)[0], op.Constant(value_ints=[1]))
    belongs = op.Equal(classes, op.Unsqueeze(inverse, op.Constant(value_ints=[0])))
    return op.Where(op.Unsqueeze(belongs, op.Constant(value_ints=[0])), row, op.Constant(value_float=-math.inf))


def _by_score(op: Any, keep: Any, values: Any, limit: Any) -> Any:
    """`keep` by decreasing score, ties to the lower index, and no more than the limit."""
    count = op.Shape(keep)
    ascending, _ = op.TopK(keep, count, largest=0)
    _, order = op.TopK(op.Gather(values, ascending), count)
    return op.Slice(op.Gather(ascending, order), [0], limit, [0])
