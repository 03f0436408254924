"""Cases of the norm over channels for the emulated kernels. Free of pytest."""

from __future__ import annotations

import struct
from dataclasses import dataclass

import torch
from torch import Tensor

from . import harness

DIMS = 32


@dataclass(frozen=True)
class Case:
    """Arguments of one call; with a gradient it is the backward pass."""

    input: Tensor
    degree: float = 2.0
    grad: Tensor | None = None
    norm: Tensor | None = None
    misalignment: int = 0


def _pixel_dims(tensor: Tensor) -> list[int]:
    return [d for d in range(tensor.dim()) if d != 1]


def _array(tensor: Tensor, content: bytes) -> bytes:
    strides = [tensor.stride(d) for d in _pixel_dims(tensor)]
    return struct.pack(f"<{DIMS + 2}q", len(content), tensor.stride(1), *strides, *[0] * (DIMS - len(strides)))


def run(flavour: harness.Flavour, cases: list[Case], seed: int) -> list[Tensor]:
    """The norm or the slope of each case, all from one process; a slope has the strides of torch.empty_like(input)."""
    given, results = b"", []
    for case in cases:
        x = case.input
        blank = torch.full((x.shape[0], 1, *x.shape[2:]), 77.0, dtype=x.dtype)
        norm = blank if case.norm is None else case.norm
        grad = blank if case.grad is None else case.grad
        slope = torch.empty_like(x).fill_(77)
        size = [x.shape[d] for d in _pixel_dims(x)]
        header = struct.pack(
            f"<{DIMS + 5}qd",
            *(harness.TYPES.index(x.dtype), x.shape[1], len(size), *size, *[0] * (DIMS - len(size))),
            *(case.misalignment, case.grad is not None, case.degree),
        )
        contents = [harness.memory_of(tensor) for tensor in (x, norm, grad, slope)]
        given += header + b"".join(_array(t, c) for t, c in zip((x, norm, grad, slope), contents, strict=True))
        given += b"".join(contents)
        results.append(blank if case.grad is None else slope)
    done = harness.execute(harness.build(flavour) / "norm_driver", [], seed, given)
    if done.returncode != 0:
        raise AssertionError(f"{flavour.name}: exit {done.returncode}\n{done.stderr.decode()[-6000:]}")
    at, answers = 0, []
    for result in results:
        length = len(harness.memory_of(result))
        span = torch.frombuffer(bytearray(done.stdout[at : at + length]), dtype=result.dtype) if length else result
        answers.append(span.as_strided(result.shape, result.stride()) if length else result)
        at += length
    assert at == len(done.stdout)
    return answers


def far_numbers_wrong(flavour: harness.Flavour, seed: int) -> int:
    """How many numbers come out wrong where strides and indices exceed 2^31."""
    done = harness.execute(harness.build(flavour) / "norm_driver", ["far"], seed, b"")
    if done.returncode != 0:
        raise AssertionError(f"{flavour.name}: exit {done.returncode}\n{done.stderr.decode()[-6000:]}")
    return int(done.stdout)
