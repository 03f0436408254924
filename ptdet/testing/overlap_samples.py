"""The calls that the overlaps' rows of the CATALOG are tested with."""

from collections.abc import Iterator

import torch
from torch import Tensor

from .._shared.parameters import LOSSES, METRICS
from . import scenes
from .samples import Sample

SHAPED = (
    ("eiou", 1.0, 1.0, "iou"),
    ("focal_eiou", 0.5, 1.0, "iou"),
    ("siou", 4.0, 1.0, "iou"),
    ("alpha_iou", 3.0, 1.0, "ciou"),
    ("alpha_iou", 2.5, 1.0, "giou"),
    ("mpdiou", 1.0, 640.0**2, "iou"),
    ("inner_iou", 1.0, 0.75, "ciou"),
    ("inner_iou", 4.0, 1.2, "siou"),
    ("nwd", 1.0, 12.8, "iou"),
    ("wiou_v1", 1.0, 1.0, "iou"),
)


def _boxes(n: int, seed: int, device: torch.device, dtype: torch.dtype) -> Tensor:
    return scenes.clustered(n, seed)[0].to(device, dtype)


def _computed(dtype: torch.dtype) -> torch.dtype:
    return torch.float64 if dtype == torch.float64 else torch.float32


def _drawn(shape: tuple[int, ...], device: torch.device, dtype: torch.dtype) -> Tensor:
    return torch.randn(shape, generator=scenes.generator(5)).to(device, _computed(dtype))


def pairwise(device: torch.device, dtype: torch.dtype) -> Iterator[Sample]:
    for n, m in ((0, 0), (0, 3), (3, 0), (1, 1), (7, 33), (70, 1030)):
        yield Sample(f"{n} x {m}", (_boxes(n, n, device, dtype), _boxes(m, n, device, dtype)))
    a, b = _boxes(20, 1, device, dtype), _boxes(25, 1, device, dtype)
    for kind in METRICS:
        yield Sample(kind, (a, b, kind), {"eps": 1e-7, "joint_eps": 1e-5})
    yield Sample("batch", (a.view(2, 1, 10, 4), b.view(1, 5, 5, 4).expand(2, 1, 5, 5, 4)[:, :, 0], "giou"))
    yield Sample("strided", (a.t().contiguous().t()[::2], b[::3], "diou"))


def pairwise_backward(device: torch.device, dtype: torch.dtype) -> Iterator[Sample]:
    for n, m in ((0, 3), (3, 0), (1, 1), (7, 33), (70, 1030)):
        boxes = _boxes(n, n, device, dtype), _boxes(m, n, device, dtype)
        yield Sample(f"{n} x {m}", (_drawn((n, m), device, dtype), *boxes))
    a, b = _boxes(20, 1, device, dtype), _boxes(25, 1, device, dtype)
    grad = _drawn((20, 25), device, dtype)
    for kind in METRICS:
        yield Sample(kind, (grad, a, b, kind, 1e-7))
    yield Sample("of a sum", (grad[:1, :1].expand(20, 25), a, b, "giou"))
    yield Sample("transposed", (_drawn((25, 20), device, dtype).t(), a, b))
    yield Sample("of one side", (grad, a, b, "iou", 0.0, 0.0, False, True))


def graded(device: torch.device, dtype: torch.dtype) -> Iterator[Sample]:
    for n in (0, 1, 31, 600):
        yield Sample(f"{n} pairs", (_boxes(n, 1, device, dtype), _boxes(n, 2, device, dtype), "giou"))
    a, b = _boxes(60, 1, device, dtype), _boxes(60, 1, device, dtype).roll(1, 0)
    for kind in METRICS:
        if kind in LOSSES:
            yield Sample(kind, (a, b, kind), {"slopes1": True, "slopes2": True})
        yield Sample(f"{kind} itself", (a, b, kind, 0.0, 1e-3, True), {"slopes2": True})
    for kind, power, scale, base in SHAPED:
        shape = {"power": power, "scale": scale, "base": base}
        yield Sample(f"{kind} of {base}", (a, b, kind), {"slopes1": True, "slopes2": True, **shape})
    yield Sample("strided", (a.view(3, 20, 4).transpose(0, 1), b.view(3, 20, 4).transpose(0, 1)), {"slopes1": True})
    yield Sample("one against many", (a[:1].expand(60, 4), b, "diou"), {"slopes1": True})
    yield Sample("one pair", (a[0], b[0], "ciou"), {"slopes1": True})


def graded_backward(device: torch.device, dtype: torch.dtype) -> Iterator[Sample]:
    for shape in ((), (0,), (1,), (37,), (4, 9)):
        grad = _drawn(shape, device, dtype)
        yield Sample(f"{shape}", (grad, _drawn((*shape, 4), device, dtype)))
    yield Sample("of a mean", (_drawn((1,), device, dtype).expand(90), _drawn((2, 90, 4), device, dtype)))
    yield Sample("strided", (_drawn((90,), device, dtype)[::2], _drawn((45, 4), device, dtype)))


def graded_gradient(device: torch.device, dtype: torch.dtype) -> Iterator[Sample]:
    """The calls of `graded` that ask for slopes, with gradients in each layout that autograd makes."""
    for place, sample in enumerate(graded(device, dtype)):
        boxes1, boxes2, *rest = sample.arguments
        given = dict(sample.keywords)
        wanted = {f"wanted{side}": given.pop(f"slopes{side}", False) for side in (1, 2)}
        grad = _drawn(tuple(boxes1.shape[:-1]), device, dtype)
        if place % 3 == 1:  # of a sum
            grad = grad.flatten()[:1].sum().expand(grad.shape)
        elif place % 3 == 2 and grad.dim() == 1:
            grad = torch.stack([grad, grad], 1)[:, 0]
        yield Sample(sample.name, (grad, boxes1, boxes2, *rest), {**given, **wanted})
