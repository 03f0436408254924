"""Cases for pairs_driver.cpp, and their answers as the operators give them. Free of pytest."""

from __future__ import annotations

import struct
from typing import Any

import torch
from torch import Tensor

from .harness import EVERY_METRIC, METRICS, TYPES, Flavour, build, execute, memory_of

PENALTIES = {"iou": 0, "giou": 1, "diou": 2, "ciou": 6, "eiou": 10, "siou": 48, "mpdiou": 64}
NO_NUMBERS = (0.0, 0.0, 1.0, 1.0)
LOSSES = {"focal_eiou": 3, "alpha_iou": 4, "inner_iou": 5, "nwd": 6, "wiou_v1": 7}


def wide(*tensors: Tensor) -> bool:
    return any(tensor.dtype == torch.float64 for tensor in tensors)


def boxes(tensor: Tensor) -> tuple[int, ...]:
    batch_stride = tensor.stride(0) if tensor.dim() == 3 else 0
    return (
        len(memory_of(tensor)),
        TYPES.index(tensor.dtype),
        tensor.stride(-2),
        tensor.stride(-1),
        batch_stride,
    )


def encode(
    work: int,
    a: Tensor,
    b: Tensor,
    sizes: tuple[int, int, int],
    choices: tuple[int, ...],
    numbers: tuple[float, float, float, float],
    gradient: Tensor | None = None,
    strides: tuple[int, int] = (0, 0),
) -> bytes:
    given = b"" if gradient is None else memory_of(gradient)
    one_a_row, gradient_stride = strides
    header = struct.pack(
        "<23q4d", work, *sizes, *boxes(a), *boxes(b), len(given), one_a_row, *choices, gradient_stride, *numbers
    )
    return header + memory_of(a) + memory_of(b) + given


def pairwise(a: Tensor, b: Tensor, kind: str = "iou", eps: float = 0.0, joint_eps: float = 0.0) -> tuple[bytes, Any]:
    batch = a.shape[0] if a.dim() == 3 else 1
    sizes = (batch, a.shape[-2], b.shape[-2])
    choices = (METRICS.index(kind), 1, 0, 0, 0, wide(a, b))
    shape = (*a.shape[:-1], b.shape[-2])
    return encode(0, a, b, sizes, choices, (eps, joint_eps, 1.0, 1.0)), [(shape, wide(a, b))]


def pairwise_backward(
    grad: Tensor,
    a: Tensor,
    b: Tensor,
    kind: str = "iou",
    eps: float = 0.0,
    joint_eps: float = 0.0,
    wanted1: bool = True,
    wanted2: bool = True,
) -> tuple[bytes, Any]:
    grad, stride = ready(grad)
    sizes = (a.shape[0] if a.dim() == 3 else 1, a.shape[-2], b.shape[-2])
    choices = (METRICS.index(kind), 1, 0, wanted1, wanted2, wide(a, b))
    given = encode(1, a, b, sizes, choices, (eps, joint_eps, 1.0, 1.0), grad, (stride == 0, 0))
    none = ((0,), wide(a, b))
    return given, [(a.shape, wide(a, b)) if wanted1 else none, (b.shape, wide(a, b)) if wanted2 else none]


def rotated_pairwise(a: Tensor, b: Tensor, kind: str = "iou") -> tuple[bytes, Any]:
    sizes = (a.shape[0] if a.dim() == 3 else 1, a.shape[-2], b.shape[-2])
    choices = (EVERY_METRIC.index(kind), 0, 0, 0, 0, wide(a, b))
    return encode(5, a, b, sizes, choices, NO_NUMBERS), [((*a.shape[:-1], b.shape[-2]), wide(a, b))]


def rotated(a: Tensor, b: Tensor, kind: str = "iou") -> tuple[bytes, Any]:
    choices = (EVERY_METRIC.index(kind), 0, 0, 0, 0, wide(a, b))
    return encode(6, a, b, (1, len(a), 0), choices, NO_NUMBERS), [((len(a),), wide(a, b))]


def rotated_backward(
    grad: Tensor, a: Tensor, b: Tensor, kind: str = "iou", wanted1: bool = True, wanted2: bool = True
) -> tuple[bytes, Any]:
    grad, stride = ready(grad)
    choices = (EVERY_METRIC.index(kind), 0, 0, wanted1, wanted2, wide(a, b))
    given = encode(7, a, b, (1, len(a), 0), choices, NO_NUMBERS, grad, (0, stride))
    return given, [(each.shape if wanted else (0,), wide(a, b)) for each, wanted in ((a, wanted1), (b, wanted2))]


def graded(
    a: Tensor,
    b: Tensor,
    kind: str = "iou",
    eps: float = 1e-7,
    joint_eps: float = 1e-7,
    similarity: bool = False,
    slopes1: bool = False,
    slopes2: bool = False,
    power: float = 1.0,
    scale: float = 1.0,
    base: str = "iou",
) -> tuple[bytes, Any]:
    choices = choices_of_loss(kind, similarity, base, slopes1, slopes2, wide(a, b))
    given = encode(2, a, b, (1, a.shape[-2], 0), choices, (eps, joint_eps if similarity else eps, power, scale))
    return given, [(a.shape[:-1], wide(a, b)), (shape_of_slopes(a, slopes1, slopes2), wide(a, b))]


def choices_of_loss(kind: str, similarity: bool, base: str, *rest: int) -> tuple[int, ...]:
    measured = similarity or kind in METRICS
    metric = METRICS.index(kind) if measured else 0
    loss = 0 if similarity else 1 if measured else LOSSES.get(kind, 2)
    penalties = 0 if measured else PENALTIES["eiou" if kind == "focal_eiou" else kind if loss == 2 else base]
    return metric, loss, penalties, *rest


def shape_of_slopes(boxes: Tensor, of_first: bool, of_second: bool) -> tuple[int, ...]:
    return (2, *boxes.shape) if of_first and of_second else tuple(boxes.shape) if of_first or of_second else (0,)


def graded_gradient(
    grad: Tensor,
    a: Tensor,
    b: Tensor,
    kind: str = "iou",
    eps: float = 1e-7,
    joint_eps: float = 1e-7,
    similarity: bool = False,
    wanted1: bool = True,
    wanted2: bool = True,
    power: float = 1.0,
    scale: float = 1.0,
    base: str = "iou",
) -> tuple[bytes, Any]:
    grad, stride = ready(grad)
    choices = choices_of_loss(kind, similarity, base, wanted1, wanted2, wide(a, b))
    numbers = (eps, joint_eps if similarity else eps, power, scale)
    given = encode(4, a, b, (1, a.shape[-2], 0), choices, numbers, grad, (0, stride))
    return given, [(shape_of_slopes(a, wanted1, wanted2), wide(a, b))]


def ready(grad: Tensor) -> tuple[Tensor, int]:
    """A gradient as the torch room hands it on, and its stride: 0 where one number serves all."""
    if all(stride == 0 or size == 1 for size, stride in zip(grad.shape, grad.stride(), strict=True)):
        return grad, 0
    return grad.contiguous(), 1


def graded_backward(grad: Tensor, slopes: Tensor, before: int = 0) -> tuple[bytes, Any]:
    """`before`: numbers in memory before the slopes, which makes them unaligned."""
    grad, stride = ready(grad)
    rows = torch.cat([slopes.new_zeros(before), slopes.reshape(-1)]).view(1, -1)
    sizes = (slopes.dim() - grad.dim(), grad.numel(), before)
    choices = (0, 0, 0, 0, 0, wide(slopes))
    given = encode(3, rows, rows[:0], sizes, choices, NO_NUMBERS, grad, (0, stride))
    return given, [(slopes.shape, wide(slopes))]


def run(flavour: Flavour, cases: list[tuple[bytes, Any]], seed: int) -> list[list[Tensor]]:
    done = execute(build(flavour) / "pairs_driver", [], seed, b"".join(given for given, _ in cases))
    if done.returncode != 0:
        raise AssertionError(f"{flavour.name}: exit {done.returncode}\n{done.stderr.decode()[-6000:]}")
    answers, at = [], 0
    for _, results in cases:
        found = []
        for shape, is_wide in results:
            dtype = torch.float64 if is_wide else torch.float32
            size = torch.Size(shape).numel() * dtype.itemsize
            piece = bytearray(done.stdout[at : at + size])
            found.append(torch.frombuffer(piece, dtype=dtype).view(shape) if size else torch.empty(shape, dtype=dtype))
            at += size
        answers.append(found)
    assert at == len(done.stdout)
    return answers
