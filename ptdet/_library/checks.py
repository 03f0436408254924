"""Bad input, said clearly: the argument, what was expected, what came."""

from __future__ import annotations

from numbers import Integral, Real
from typing import Any

import torch
from torch import Tensor

from .._shared import checks as plain
from .._shared.checks import METRICS as METRICS, check_flag, one_of
from .pieces import any_is, is_traced

FLOATS = (torch.float32, torch.float16, torch.bfloat16, torch.float64)
INTEGERS = (torch.uint8, torch.int8, torch.int16, torch.int32, torch.int64)
ID_TYPES = (*FLOATS, *INTEGERS, torch.bool, torch.uint16, torch.uint32, torch.uint64)

# What Python or an operator raises at an argument that it cannot take, before a check says which and why.
UNEXPLAINED = (AttributeError, IndexError, OverflowError, RuntimeError, TypeError, ValueError)


class WrongShape(ValueError, RuntimeError):
    """torchvision's NMS raises RuntimeError here, and what is written for it may catch that."""


def _tensor(name: str, value: Any) -> None:
    if not isinstance(value, Tensor):
        raise TypeError(f"{name}: expected a torch.Tensor, got {type(value).__name__}")


def _dense(name: str, value: Any) -> None:
    """A tensor that has strides. Others answer no question for their shape, or all of them as if they had."""
    _tensor(name, value)
    if value.layout is not torch.strided or value.is_nested:
        came = "a nested tensor" if value.is_nested else f"layout {value.layout}"
        raise TypeError(f"{name}: expected a dense tensor, got {came}")


def check_dense(**tensors: Any) -> None:
    """Where an error is to be explained, of which other layouts are the cause."""
    for name, value in tensors.items():
        _dense(name, value)


def check_has_data(name: str, tensor: Tensor) -> None:
    """Where an error is to be explained, of what is as long as the data says."""
    if tensor.device.type == "meta":
        raise ValueError(f"{name}: expected a tensor with data, got one on device meta")


def _number(name: str, value: Any) -> None:
    plain.check_number(name, value, (Real, torch.SymFloat, torch.SymInt))


def check_suppression(
    boxes: Any,
    scores: Any,
    idxs: Any,
    iou_threshold: Any,
    metric: Any,
    score_threshold: Any,
    max_output: Any,
    inclusive: Any = False,
    return_owner: Any = False,
) -> None:
    """What every suppression asks of its arguments."""
    _dense("boxes", boxes)
    _dense("scores", scores)
    if boxes.dim() != 2 or boxes.shape[1] != 4:
        raise WrongShape(f"boxes: expected shape (N, 4), got {tuple(boxes.shape)}")
    if boxes.dtype not in FLOATS:
        raise TypeError(f"boxes: expected float64, float32, float16 or bfloat16, got {boxes.dtype}")
    if scores.dim() != 1 or scores.shape[0] != boxes.shape[0]:
        raise WrongShape(f"scores: expected shape ({boxes.shape[0]},), got {tuple(scores.shape)}")
    if scores.dtype not in FLOATS:
        raise TypeError(f"scores: expected float64, float32, float16 or bfloat16, got {scores.dtype}")
    if scores.device != boxes.device:
        raise ValueError(f"scores: expected device {boxes.device} as of boxes, got {scores.device}")
    if idxs is not None:
        _dense("idxs", idxs)
        if idxs.dim() != 1 or idxs.shape[0] != boxes.shape[0]:
            raise ValueError(f"idxs: expected shape ({boxes.shape[0]},), got {tuple(idxs.shape)}")
        if idxs.dtype not in ID_TYPES:
            raise TypeError(f"idxs: expected integers, bools or floats, got {idxs.dtype}")
        if idxs.device != boxes.device:
            raise ValueError(f"idxs: expected device {boxes.device} as of boxes, got {idxs.device}")
    _number("iou_threshold", iou_threshold)
    one_of("metric", metric, METRICS)
    if score_threshold is not None:
        _number("score_threshold", score_threshold)
    check_limit("max_output", max_output)
    check_flag("inclusive", inclusive)
    check_flag("return_owner", return_owner)


IDS_ARE_NAN = "expected ids that equal themselves, got NaN"


def check_ids_are_numbers(idxs: Tensor | None, name: str = "idxs") -> None:
    """Only floating ids can be NaN; on a GPU this waits. Under torch.compile the operator's own check remains."""
    if idxs is None or not idxs.is_floating_point() or torch.compiler.is_compiling():
        return
    if idxs.device.type != "meta" and any_is(torch.isnan, idxs):
        raise ValueError(f"{name}: {IDS_ARE_NAN}")


def check_content(boxes: Tensor, idxs: Tensor | None) -> None:
    """What is looked at where an operator has refused arguments of the right types and shapes."""
    check_ids_are_numbers(idxs)
    check_has_data("boxes", boxes)


def settled_limit(max_output: Any, inclusive: Any, return_owner: Any, reselect: Any = True) -> int | None:
    """`max_output` as an operator can take it, and what an operator would take without a word is refused."""
    if not (type(inclusive) is type(return_owner) is type(reselect) is bool):
        for name, flag in (("inclusive", inclusive), ("return_owner", return_owner), ("reselect", reselect)):
            check_flag(name, flag)
    limit: int | None = None if max_output is None else check_limit("max_output", max_output)
    return limit


# [docs: checks]
def check_channel_norm(input: Any, norm_deg: Any) -> None:
    """What the norm over channels asks of its arguments."""
    _tensor("input", input)
    if input.dtype not in FLOATS:
        raise TypeError(f"input: expected float64, float32, float16 or bfloat16, got {input.dtype}")
    if input.dim() < 2:
        raise ValueError(f"input: expected at least 2 dimensions (B, C, ...), got shape {tuple(input.shape)}")
    _number("norm_deg", norm_deg)
    if norm_deg <= 0:
        raise ValueError(f"norm_deg: expected a number above 0, got {norm_deg}")
    # [docs: end]


def check_tensor(name: str, value: Any) -> None:
    _dense(name, value)


def check_number(name: str, value: Any) -> None:
    """A number that is not NaN."""
    _number(name, value)


def check_limit(name: str, value: Any) -> Any:
    """None, or an integer >= 0; None for more than there can be."""
    return plain.check_limit(name, value, (Integral, torch.SymInt))


def check_boxes_of_batch(boxes: Any, scores: Any) -> None:
    """Boxes (B, N, 4) or (B, N, C, 4) with scores (B, N) or (B, N, C)."""
    _dense("boxes", boxes)
    _dense("scores", scores)
    if boxes.dim() not in (3, 4) or boxes.shape[-1] != 4:
        raise ValueError(f"boxes: expected shape (B, N, 4) or (B, N, C, 4), got {tuple(boxes.shape)}")
    if scores.dim() not in (2, 3) or scores.shape[:2] != boxes.shape[:2]:
        batch, count = boxes.shape[:2]
        raise ValueError(
            f"scores: expected shape ({batch}, {count}) or ({batch}, {count}, C), got {tuple(scores.shape)}"
        )
    if boxes.dim() == 4 and boxes.shape[2] != (scores.shape[2] if scores.dim() == 3 else 1):
        classes = scores.shape[2] if scores.dim() == 3 else 1
        raise ValueError(f"boxes: expected {classes} classes as of scores, got shape {tuple(boxes.shape)}")
    for name, tensor in (("boxes", boxes), ("scores", scores)):
        if tensor.dtype not in FLOATS:
            raise TypeError(f"{name}: expected float64, float32, float16 or bfloat16, got {tensor.dtype}")
    if scores.device != boxes.device:
        raise ValueError(f"scores: expected device {boxes.device} as of boxes, got {scores.device}")


def check_ids(name: str, ids: Any, boxes: Tensor, most: Any) -> None:
    """(N,) integers; their values are another question."""
    _dense(name, ids)
    if ids.shape != boxes.shape[:1]:
        raise ValueError(f"{name}: expected shape ({boxes.shape[0]},), got {tuple(ids.shape)}")
    if ids.dtype not in INTEGERS:
        raise TypeError(f"{name}: expected int64, int32, int16, int8 or uint8, got {ids.dtype}")
    if ids.device != boxes.device:
        raise ValueError(f"{name}: expected device {boxes.device} as of boxes, got {ids.device}")
    if not isinstance(most, torch.SymInt):
        plain.check_count(f"num_{name}", most)


def check_range_of_ids(name: str, ids: Tensor, most: int) -> None:
    """In [0, most). On a GPU this waits; under torch.compile nothing is looked at."""
    if len(ids) and not torch.compiler.is_compiling() and not 0 <= int(ids.min()) <= int(ids.max()) < most:
        raise ValueError(f"{name}: expected ids in [0, {most}), got {int(ids.min())} to {int(ids.max())}")


def refuse_export(why: str, instead: str) -> None:
    """torch.export and torch.jit.trace would record the counts of one example."""
    if torch.compiler.is_exporting() or is_traced():
        raise NotImplementedError(
            f"{why}, which torch.export and torch.jit.trace cannot record: export the model up to its boxes and scores "
            f"and call ptdet or ptdet.numpy on what it returns, or use {instead}"
        )


def refuse_trace(why: str) -> None:
    if is_traced():
        raise NotImplementedError(f"{why}, which torch.jit.trace takes for constants: use torch.export")
