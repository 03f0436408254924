"""Boxes that are points, lines, inverted, huge or tiny; integers, half types, strides; one answer at any width."""

from __future__ import annotations

import itertools
import json
import math
import os
import subprocess
import sys

import pytest
import torch
from torch import Tensor

import ptdet
from ptdet import reference
from ptdet._shared.parameters import METRICS
from ptdet.testing import clustered

DTYPES = pytest.mark.parametrize("dtype", [torch.float32, torch.float64], ids=str)

SHAPES = [
    (0, 0, 0, 0),  # a point
    (1, 1, 1, 1),
    (0, 0, 4, 0),  # lines
    (0, 0, 0, 4),
    (1, 0, 3, 0),
    (4, 4, 0, 0),  # inverted
    (4, 0, 0, 4),
    (0, 0, 4, 4),
    (1, 1, 3, 3),  # nested
    (4, 0, 8, 4),  # touching
    (4, 4, 8, 8),
    (-4, -4, -2, -3),
    (9, 9, 10, 10),
]
SIDES = [1.0, 1e-30, 1e-20, 1e-10, 1e10, 1e18, 1e20, 1e30]


def grid(dtype: torch.dtype) -> tuple[Tensor, Tensor]:
    """All pairs of shapes of all scales."""
    shapes = torch.tensor(SHAPES, dtype=dtype)
    every = torch.cat([shapes * side for side in SIDES])
    wide = torch.tensor([[-3e38, -3e38, 3e38, 3e38], [0, 0, 1e30, 1e-30], [0, 0, 1e-30, 1e30]], dtype=dtype)
    every = torch.cat([every, wide])
    first, second = zip(*itertools.product(range(len(every)), repeat=2), strict=True)
    return every[list(first)], every[list(second)]


@DTYPES
@pytest.mark.parametrize("kind", METRICS)
def test_finite_boxes_give_finite_numbers(kind: str, dtype: torch.dtype, backend: str) -> None:
    a, b = (tensor.requires_grad_() for tensor in grid(dtype))
    for eps in (0.0, 1e-7):
        value = ptdet.overlap(a, b, kind, eps=eps)
        by_a, by_b = torch.autograd.grad(value.sum(), (a, b))
        assert all(bool(tensor.isfinite().all()) for tensor in (value, by_a, by_b))
    every = a.detach()[:: math.isqrt(len(a))].clone().requires_grad_()
    matrix = ptdet.pairwise_overlap(every, every.detach(), kind)
    (by_every,) = torch.autograd.grad(matrix.sum(), every)
    assert bool(matrix.isfinite().all()) and bool(by_every.isfinite().all())


@DTYPES
@pytest.mark.parametrize("kind", METRICS)
def test_values_are_the_reference_s_on_every_shape(kind: str, dtype: torch.dtype) -> None:
    a, b = grid(dtype)
    got, expected = ptdet.overlap(a, b, kind), reference.overlap(a, b, kind)
    assert torch.equal(got, expected)


# Two squares of side s, the second moved by s/2 along x and y: IoU 1/7, GIoU 1/7 - (9/4 - 7/4) / (9/4), DIoU 1/7 - 1/9.
EXPECTED = {
    "iou": 1 / 7,
    "giou": 1 / 7 - 2 / 9,
    "diou": 1 / 7 - 1 / 9,
    "ciou": 1 / 7 - 1 / 9,
    "iof": 0.25,
    "ios": 0.25,
    "tiou": 4 / 9,
}
# By kind: in float32, 1e-30 squared is 0 and 1e30 squared infinite: an area is one or the other, and so is a diagonal.
AT_SCALE: dict[tuple[torch.dtype, float], dict[str, float]] = {
    (torch.float64, 1e-30): EXPECTED,
    (torch.float64, 1e30): EXPECTED,
    (torch.float32, 1e-30): dict.fromkeys(METRICS, 0.0),  # 0/0
    (torch.float32, 1e30): dict.fromkeys(METRICS, 0.0),  # inf/inf
}


@pytest.mark.parametrize(("dtype", "side"), AT_SCALE)
@pytest.mark.parametrize("kind", METRICS)
def test_values_and_gradients_at_extreme_sides(kind: str, dtype: torch.dtype, side: float, backend: str) -> None:
    a = (torch.tensor([0, 0, 1, 1], dtype=dtype) * side).requires_grad_()
    b = torch.tensor([0.5, 0.5, 1.5, 1.5], dtype=dtype) * side
    value = ptdet.overlap(a, b, kind)
    assert value.item() == pytest.approx(AT_SCALE[dtype, side][kind], rel=1e-12)
    (gradient,) = torch.autograd.grad(value, a)
    unit = torch.tensor([0, 0, 1, 1], dtype=torch.float64, requires_grad=True)
    (at_unit,) = torch.autograd.grad(ptdet.overlap(unit, b.double() / side, kind), unit)
    expected = at_unit / side if dtype == torch.float64 else torch.zeros(4, dtype=dtype)
    torch.testing.assert_close(gradient, expected.to(dtype), rtol=1e-12, atol=0)


def test_identical_points_lines_and_boxes(backend: str) -> None:
    for box, expected in (((1, 1, 1, 1), 0.0), ((0, 0, 4, 0), 0.0), ((0, 0, 4, 4), 1.0)):
        boxes = torch.tensor([box], dtype=torch.float32)
        for kind in METRICS:
            assert ptdet.pairwise_overlap(boxes, boxes, kind).item() == expected, (box, kind)


def test_ties_share_the_gradient(backend: str) -> None:
    """Equal boxes: min and max give half each, so the overlap pulls at each side by (h/2 (1 + 1) - h) / area = 0."""
    box = torch.tensor([0.0, 0, 2, 4], requires_grad=True)
    (gradient,) = torch.autograd.grad(ptdet.overlap(box, box.detach()), box)
    assert torch.equal(gradient, torch.zeros(4))


@pytest.mark.parametrize("dtype", [torch.uint8, torch.int8, torch.int16, torch.int32, torch.int64], ids=str)
def test_integers_are_exact(dtype: torch.dtype, backend: str) -> None:
    limit = min(torch.iinfo(dtype).max, 2**30)
    low = 0 if dtype == torch.uint8 else -limit
    boxes = torch.tensor([[low, low, limit, limit], [0, 0, limit, limit], [1, 2, 3, 5]], dtype=torch.int64)
    for kind in ("iou", "giou", "diou", "iof"):
        got = ptdet.pairwise_overlap(boxes.to(dtype), boxes.to(dtype), kind)
        assert got.dtype == torch.float32
        exact = ptdet.pairwise_overlap(boxes.double(), boxes.double(), kind)
        assert torch.equal(got, exact.float())
        assert torch.equal(
            ptdet.overlap(boxes.to(dtype), boxes.to(dtype).flip(0), kind), exact.flip(1).diagonal().float()
        )


@pytest.mark.parametrize("dtype", [torch.float16, torch.bfloat16], ids=str)
def test_half_types_are_computed_in_float32(dtype: torch.dtype, backend: str) -> None:
    a, b = clustered(40, 1)[0].to(dtype), clustered(30, 1)[0].to(dtype)
    for kind in METRICS:
        got = ptdet.pairwise_overlap(a.requires_grad_(), b, kind)
        assert got.dtype == torch.float32
        assert torch.equal(got, ptdet.pairwise_overlap(a.float(), b.float(), kind))
        (gradient,) = torch.autograd.grad(got.sum(), a)
        assert gradient.dtype == dtype and bool(gradient.isfinite().all())
    tiny = torch.tensor([[0, 0, 2**-20, 2**-20]], dtype=dtype).requires_grad_()
    other = torch.tensor([[0, 0, 2**-19, 2**-19]], dtype=dtype)
    (gradient,) = torch.autograd.grad(ptdet.box_iou(tiny, other).sum(), tiny)
    assert bool(gradient.isfinite().all())


def test_strides_batches_and_broadcasting(backend: str) -> None:
    a, b = clustered(24, 1)[0], clustered(36, 1)[0]
    expected = ptdet.box_iou(a, b)
    for view in (a.t().contiguous().t(), torch.stack([a, a * 0], 1)[:, 0], a.flip(0).flip(0), a.double().float()):
        assert torch.equal(ptdet.box_iou(view, b), expected)
    batch = ptdet.box_iou(a.view(2, 3, 4, 4), b.view(3, 12, 4))
    assert batch.shape == (2, 3, 4, 12)
    assert torch.equal(batch[1, 2], ptdet.box_iou(a.view(2, 3, 4, 4)[1, 2], b.view(3, 12, 4)[2]))
    one_by_one = ptdet.overlap(a[:, None], b, "giou")
    torch.testing.assert_close(one_by_one, ptdet.generalized_box_iou(a, b), rtol=1e-6, atol=1e-7)
    transposed = a.view(4, 6, 4).transpose(0, 1)
    assert torch.equal(ptdet.overlap(transposed, transposed + 1), ptdet.overlap(a, a + 1).view(4, 6).t())
    assert ptdet.overlap(a[0], b[0]).shape == ()
    for n, m in ((0, 5), (5, 0), (0, 0)):
        empty = ptdet.box_iou(a[:n].requires_grad_(), b[:m])
        assert empty.shape == (n, m)


def test_gradient_of_what_was_broadcast(backend: str) -> None:
    a, b = clustered(3, 1)[0].double().requires_grad_(), clustered(5, 1)[0].double()
    (got,) = torch.autograd.grad(ptdet.overlap(a[:, None], b).sum(), a)
    (expected,) = torch.autograd.grad(ptdet.box_iou(a, b).sum(), a)
    torch.testing.assert_close(got, expected, rtol=1e-12, atol=1e-14)


def test_nan_and_infinity_count_as_no_overlap(backend: str) -> None:
    good = torch.tensor([[0.0, 0, 2, 2]])
    for position, value in itertools.product(range(4), (math.nan, math.inf, -math.inf)):
        bad = good.clone()
        bad[0, position] = value
        for kind in METRICS:
            for got in (ptdet.pairwise_overlap(good, bad, kind), ptdet.pairwise_overlap(bad, good, kind)):
                assert bool(got.isfinite().all())
                assert got.item() == 0 or not math.isnan(value)


PROGRAM = """
import hashlib, json, torch, ptdet
from ptdet._shared.parameters import METRICS
from ptdet.testing import clustered
torch.set_num_threads(int(__import__("sys").argv[1]))
digest = hashlib.sha256()
for dtype in (torch.float32, torch.float64):
    a, b = clustered(301, 1)[0].to(dtype), clustered(1100, 1)[0].to(dtype)
    for kind in METRICS:
        digest.update(ptdet.pairwise_overlap(a, b, kind, eps=1e-7).numpy().tobytes())
    for kind in ("giou", "ciou", "siou", "eiou", "nwd"):
        for part in torch.ops.ptdet.graded_box_loss(a, b[:301], kind, 1e-7, slopes1=True, scale=9.0):
            digest.update(part.numpy().tobytes())
print(json.dumps([ptdet.build_info()["instruction_set"], digest.hexdigest()]))
"""


@pytest.mark.slow
@pytest.mark.usefixtures("native")
def test_one_answer_at_every_width_and_on_every_number_of_threads() -> None:
    found = {}
    for width, threads in (("baseline", 1), ("avx2", 1), ("avx512", 1), ("avx512", 2)):
        environment = {**os.environ, "PTDET_CPU": width}
        command = [sys.executable, "-W", "ignore", "-c", PROGRAM, str(threads)]
        done = subprocess.run(command, capture_output=True, text=True, env=environment, check=True)
        found[width, threads] = json.loads(done.stdout)[1]
    assert len(set(found.values())) == 1, found
