"""Bad input, said clearly: the argument, what was expected, what came."""

from __future__ import annotations

from numbers import Integral, Real
from typing import Any

import torch
from torch import Tensor

from ._pieces import any_is

FLOATS = (torch.float32, torch.float16, torch.bfloat16, torch.float64)
METRICS = ("iou", "giou", "diou", "ciou", "iof", "ios")


def _tensor(name: str, value: Any) -> None:
    if not isinstance(value, Tensor):
        raise TypeError(f"{name}: expected a torch.Tensor, got {type(value).__name__}")


def _number(name: str, value: Any) -> None:
    if type(value) is not float and not isinstance(value, (Real, torch.SymFloat)):
        raise TypeError(f"{name}: expected a number, got {type(value).__name__}")
    if value != value:  # math.isnan is more than torch.compile can trace
        raise ValueError(f"{name}: expected a number, got nan")


def check_suppression(
    boxes: Any,
    scores: Any,
    idxs: Any,
    iou_threshold: Any,
    metric: Any,
    score_threshold: Any,
    max_output: Any,
) -> None:
    """What every suppression asks of its arguments."""
    _tensor("boxes", boxes)
    _tensor("scores", scores)
    if boxes.dim() != 2 or boxes.shape[1] != 4:
        raise ValueError(f"boxes: expected shape (N, 4), got {tuple(boxes.shape)}")
    if boxes.dtype not in FLOATS:
        raise TypeError(f"boxes: expected float64, float32, float16 or bfloat16, got {boxes.dtype}")
    if scores.dim() != 1 or scores.shape[0] != boxes.shape[0]:
        raise ValueError(f"scores: expected shape ({boxes.shape[0]},), got {tuple(scores.shape)}")
    if scores.dtype not in FLOATS:
        raise TypeError(f"scores: expected float64, float32, float16 or bfloat16, got {scores.dtype}")
    if scores.device != boxes.device:
        raise ValueError(f"scores: expected device {boxes.device} as of boxes, got {scores.device}")
    if idxs is not None:
        _tensor("idxs", idxs)
        if idxs.dim() != 1 or idxs.shape[0] != boxes.shape[0]:
            raise ValueError(f"idxs: expected shape ({boxes.shape[0]},), got {tuple(idxs.shape)}")
        if idxs.is_complex():
            raise TypeError(f"idxs: expected integers, bools or floats, got {idxs.dtype}")
        if idxs.device != boxes.device:
            raise ValueError(f"idxs: expected device {boxes.device} as of boxes, got {idxs.device}")
    _number("iou_threshold", iou_threshold)
    if metric not in METRICS:
        raise ValueError(f"metric: expected one of {', '.join(METRICS)}, got {metric!r}")
    if score_threshold is not None:
        _number("score_threshold", score_threshold)
    if max_output is not None:
        if not isinstance(max_output, (Integral, torch.SymInt)):
            raise TypeError(f"max_output: expected an integer or None, got {type(max_output).__name__}")
        if max_output < 0:
            raise ValueError(f"max_output: expected None or a number >= 0, got {max_output}")


IDS_ARE_NAN = "idxs: expected ids that equal themselves, got NaN"


def check_ids_are_numbers(idxs: Tensor) -> None:
    """Only floating ids can be NaN; on a GPU this waits. Under torch.compile the operator's own check remains."""
    if idxs.is_floating_point() and not torch.compiler.is_compiling() and any_is(torch.isnan, idxs):
        raise ValueError(IDS_ARE_NAN)


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
    _tensor(name, value)


def check_number(name: str, value: Any) -> None:
    """A number that is not NaN."""
    _number(name, value)


def check_limit(name: str, value: Any) -> None:
    """None, or an integer >= 0."""
    if value is None:
        return
    if not isinstance(value, (Integral, torch.SymInt)):
        raise TypeError(f"{name}: expected an integer or None, got {type(value).__name__}")
    if value < 0:
        raise ValueError(f"{name}: expected None or a number >= 0, got {value}")


def check_flag(name: str, value: Any) -> None:
    if not isinstance(value, bool):
        raise TypeError(f"{name}: expected True or False, got {type(value).__name__}")


def check_boxes_of_batch(boxes: Any, scores: Any) -> None:
    """Boxes (B, N, 4) or (B, N, C, 4) with scores (B, N) or (B, N, C)."""
    _tensor("boxes", boxes)
    _tensor("scores", scores)
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
    _tensor(name, ids)
    if ids.shape != boxes.shape[:1]:
        raise ValueError(f"{name}: expected shape ({boxes.shape[0]},), got {tuple(ids.shape)}")
    if ids.is_floating_point() or ids.is_complex() or ids.dtype == torch.bool:
        raise TypeError(f"{name}: expected integers, got {ids.dtype}")
    if ids.device != boxes.device:
        raise ValueError(f"{name}: expected device {boxes.device} as of boxes, got {ids.device}")
    check_limit(f"num_{name}", most)
    if most is None:
        raise TypeError(f"num_{name}: expected an integer, got None")


def check_range_of_ids(name: str, ids: Tensor, most: int) -> None:
    """In [0, most). On a GPU this waits; under torch.compile nothing is looked at."""
    if len(ids) and not torch.compiler.is_compiling() and not 0 <= int(ids.min()) <= int(ids.max()) < most:
        raise ValueError(f"{name}: expected ids in [0, {most}), got {int(ids.min())} to {int(ids.max())}")


def refuse_export(why: str, instead: str) -> None:
    if torch.compiler.is_exporting():
        raise NotImplementedError(
            f"{why}, which torch.export cannot record: export the model up to its boxes and scores and call ptdet or "
            f"ptdet.numpy on what it returns, or use {instead}"
        )
