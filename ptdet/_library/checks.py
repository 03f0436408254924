"""Bad input, said clearly: the argument, what was expected, what came."""

from __future__ import annotations

from typing import Any

import torch
from torch import Tensor

from .._shared.checks import check_count, check_flag, check_limit, check_number
from .pieces import any_is, is_traced
from .recording import is_exported

FLOATS = (torch.float32, torch.float16, torch.bfloat16, torch.float64)
INTEGERS = (torch.uint8, torch.int8, torch.int16, torch.int32, torch.int64)
ID_TYPES = (*FLOATS, *INTEGERS, torch.bool, torch.uint16, torch.uint32, torch.uint64)

# What Python or an operator raises at an argument that it cannot take, before a check says which and why.
UNEXPLAINED = (AttributeError, IndexError, OverflowError, RuntimeError, TypeError, ValueError)


class WrongShape(ValueError, RuntimeError):
    """torchvision's NMS raises RuntimeError here, and what is written for it may catch that."""


def check_tensor(name: str, value: Any) -> None:
    if not isinstance(value, Tensor):
        raise TypeError(f"{name}: expected a torch.Tensor, got {type(value).__name__}")


def check_dense(**tensors: Any) -> None:
    """Tensors that have strides. Others answer no question for their shape, or all of them as if they had."""
    for name, value in tensors.items():
        check_tensor(name, value)
        if value.layout is not torch.strided or value.is_nested:
            came = "a nested tensor" if value.is_nested else f"layout {value.layout}"
            raise TypeError(f"{name}: expected a dense tensor, got {came}")


def check_floating(name: str, tensor: Tensor) -> None:
    if tensor.dtype not in FLOATS:
        raise TypeError(f"{name}: expected float64, float32, float16 or bfloat16, got {tensor.dtype}")


def check_device(name: str, tensor: Tensor, other: Tensor, of: str = "boxes") -> None:
    if tensor.device != other.device:
        raise ValueError(f"{name}: expected device {other.device} as of {of}, got {tensor.device}")


def check_has_data(name: str, tensor: Tensor) -> None:
    """Where an error is to be explained, of what is as long as the data says."""
    if tensor.device.type == "meta":
        raise ValueError(f"{name}: expected a tensor with data, got one on device meta")


def numbers_of_boxes(operator: str) -> int:
    """How many numbers an operator of torch.ops.ptdet asks of a box."""
    return 5 if operator.startswith("rotated_") else 4


def check_candidates(boxes: Any, scores: Any, numbers: int = 4) -> None:
    """What every suppression asks of its boxes (N, numbers) and scores (N,)."""
    check_dense(boxes=boxes, scores=scores)
    if boxes.dim() != 2 or boxes.shape[1] != numbers:
        raise WrongShape(f"boxes: expected shape (N, {numbers}), got {tuple(boxes.shape)}{_advice(boxes, numbers)}")
    check_floating("boxes", boxes)
    if scores.dim() != 1 or scores.shape[0] != boxes.shape[0]:
        raise WrongShape(f"scores: expected shape ({boxes.shape[0]},), got {tuple(scores.shape)}")
    check_floating("scores", scores)
    check_device("scores", scores, boxes)


def _advice(boxes: Tensor, numbers: int) -> str:
    if boxes.dim() != 2 or boxes.shape[1] != 9 - numbers:
        return ""
    if numbers == 5:
        return ": (cx, cy, w, h, angle) is asked for, and ptdet takes x1, y1, x2, y2"
    return ": ptdet.rotated takes (cx, cy, w, h, angle); if the fifth is a score, pass it as scores"


def check_ids(name: str, ids: Any, boxes: Tensor) -> None:
    """(N,) of any dtype whose numbers can be told apart."""
    _check_rows(name, ids, boxes)
    if ids.dtype not in ID_TYPES:
        raise TypeError(f"{name}: expected integers, bools or floats, got {ids.dtype}")
    check_device(name, ids, boxes)


def check_image_ids(images: Any, boxes: Tensor, num_images: Any) -> None:
    """(N,) integers, and how many images there are; `check_range_of_ids` looks at the values."""
    _check_rows("images", images, boxes)
    if images.dtype not in INTEGERS:
        raise TypeError(f"images: expected int64, int32, int16, int8 or uint8, got {images.dtype}")
    check_device("images", images, boxes)
    if not isinstance(num_images, torch.SymInt):
        check_count("num_images", num_images)


def _check_rows(name: str, ids: Any, boxes: Tensor) -> None:
    check_dense(**{name: ids})
    if ids.shape != boxes.shape[:1]:
        raise ValueError(f"{name}: expected shape ({boxes.shape[0]},), got {tuple(ids.shape)}")


IDS_ARE_NAN = "expected ids that equal themselves, got NaN"


def check_ids_are_numbers(idxs: Tensor | None, name: str = "idxs") -> None:
    """Only floating ids can be NaN; on a GPU this waits. Under torch.compile the operator's own check remains."""
    if idxs is None or not idxs.is_floating_point() or torch.compiler.is_compiling():
        return
    if idxs.device.type != "meta" and any_is(torch.isnan, idxs):
        raise ValueError(f"{name}: {IDS_ARE_NAN}")


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
    check_tensor("input", input)
    check_floating("input", input)
    if input.dim() < 2:
        raise ValueError(f"input: expected at least 2 dimensions (B, C, ...), got shape {tuple(input.shape)}")
    check_number("norm_deg", norm_deg)
    if norm_deg <= 0:
        raise ValueError(f"norm_deg: expected a number above 0, got {norm_deg}")
    # [docs: end]


def check_boxes_of_batch(boxes: Any, scores: Any, numbers: int = 4) -> None:
    """Boxes (B, N, numbers) or (B, N, C, numbers) with scores (B, N) or (B, N, C)."""
    check_dense(boxes=boxes, scores=scores)
    if boxes.dim() not in (3, 4) or boxes.shape[-1] != numbers:
        expected = f"(B, N, {numbers}) or (B, N, C, {numbers})"
        raise ValueError(f"boxes: expected shape {expected}, got {tuple(boxes.shape)}")
    if scores.dim() not in (2, 3) or scores.shape[:2] != boxes.shape[:2]:
        batch, count = boxes.shape[:2]
        raise ValueError(
            f"scores: expected shape ({batch}, {count}) or ({batch}, {count}, C), got {tuple(scores.shape)}"
        )
    if boxes.dim() == 4 and boxes.shape[2] != (scores.shape[2] if scores.dim() == 3 else 1):
        classes = scores.shape[2] if scores.dim() == 3 else 1
        raise ValueError(f"boxes: expected {classes} classes as of scores, got shape {tuple(boxes.shape)}")
    check_floating("boxes", boxes)
    check_floating("scores", scores)
    check_device("scores", scores, boxes)


NUMBERS_ARE_NAN = "expected numbers, got NaN"


def check_number_a_box(name: str, numbers: Any, boxes: Tensor) -> None:
    """(N,) floats; `check_are_numbers` looks at the values."""
    _check_rows(name, numbers, boxes)
    check_floating(name, numbers)
    check_device(name, numbers, boxes)


def check_are_numbers(name: str, numbers: Tensor) -> None:
    """On a GPU this waits. Under torch.compile the operator's own check remains."""
    if not torch.compiler.is_compiling() and any_is(torch.isnan, numbers):
        raise ValueError(f"{name}: {NUMBERS_ARE_NAN}")


SCORES_ARE_NEGATIVE = "expected numbers >= 0, got one below"


def check_not_negative(scores: Tensor) -> None:
    """On a GPU this waits. Under torch.compile the operator's own check remains."""
    if not torch.compiler.is_compiling() and bool((scores < 0).any()):
        raise ValueError(f"scores: {SCORES_ARE_NEGATIVE}")


def check_range_of_ids(name: str, ids: Tensor, most: int) -> None:
    """In [0, most). On a GPU this waits; under torch.compile nothing is looked at."""
    if len(ids) and not torch.compiler.is_compiling() and not 0 <= int(ids.min()) <= int(ids.max()) < most:
        raise ValueError(f"{name}: expected ids in [0, {most}), got {int(ids.min())} to {int(ids.max())}")


def refuse_export(why: str, instead: str) -> None:
    """torch.export and torch.jit.trace would record the counts of one example."""
    if is_exported():
        raise NotImplementedError(
            f"{why}, which torch.export and torch.jit.trace cannot record: export the model up to its boxes and scores "
            f"and call ptdet or ptdet.numpy on what it returns, or use {instead}"
        )


def refuse_trace(why: str) -> None:
    if is_traced():
        raise NotImplementedError(f"{why}, which torch.jit.trace takes for constants: use torch.export")
