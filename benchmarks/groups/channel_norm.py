"""ChannelNorm forward and backward under autograd."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from functools import partial
from typing import Any

import torch
from torch import Tensor

import ptdet

from ..cases import LAST_PLACES, OURS, Call, Case, Contender, Group, Options, Series, largest_difference

SHAPES = ((8, 64, 128, 128), (2, 3, 1024, 1024))
LAYOUTS = {"contiguous": torch.contiguous_format, "channels_last": torch.channels_last}
HALF = ("float16", "bfloat16")
DEGREES = (1.0, 3.0, float("inf"))  # besides 2


def series(options: Options) -> Iterator[Series]:
    for device in options.devices:
        for full in SHAPES:
            shape = (*full[:2], full[2] // 4, full[3] // 4) if options.quick else full
            for layout in LAYOUTS:
                cases = [("float32", 2.0)]
                if not options.quick and layout == "contiguous":
                    cases += [(dtype, 2.0) for dtype in HALF] + [("float32", degree) for degree in DEGREES]
                for dtype, degree in cases:
                    scene = f"{'x'.join(map(str, shape))}, {layout}" + (f", p = {degree:g}" if degree != 2 else "")
                    build = partial(_case, shape, layout, dtype, degree, device)
                    n = torch.Size(shape).numel()
                    yield Series("channel_norm", scene, (n,), build, dtype, device, fixed=True)


def _case(shape: tuple[int, ...], layout: str, dtype: str, degree: float, device: str, n: int) -> Case:
    random = torch.Generator().manual_seed(0)
    drawn = torch.randn(shape, generator=random).to(device, getattr(torch, dtype))
    x = drawn.to(memory_format=LAYOUTS[layout]).requires_grad_()
    data = x.detach()
    grad = torch.ones_like(data[:, :1])
    theirs = partial(torch.linalg.vector_norm, ord=degree, dim=1, keepdim=True)
    contenders = [
        Contender(OURS, _through(lambda y: ptdet.channel_norm(y, degree), x, grad), _gradient),
        Contender("vector_norm", _through(theirs, x, grad), _gradient),
    ]
    return Case(contenders, lambda: (data.sum(), data.clone()))


def _through(norm: Callable[[Tensor], Tensor], x: Tensor, grad: Tensor) -> Call:
    def call() -> Tensor:
        x.grad = None
        norm(x).backward(grad)
        assert x.grad is not None
        return x.grad

    return call


def _gradient(result: Any) -> Tensor:
    return torch.as_tensor(result).cpu()


GROUP = Group(
    "channel_norm",
    "ChannelNorm forward and backward, compared with torch.linalg.vector_norm under autograd",
    "moving the same bytes: x.sum() and x.clone()",
    series,
    largest_difference,
    LAST_PLACES,
    tolerance=64,
    size_name="elements",
)
