"""The CUDA kernels of rotated boxes, run on the CPU (tests/cuda_emulator), against the CPU's kernels bit for bit. Those
are held to the reference by tests/parity, and the operators of both by test_cuda_torch_room.py.
"""

from __future__ import annotations

import math
from collections.abc import Callable, Iterator
from typing import Any

import pytest
import torch
from torch import Tensor

import ptdet
from ptdet._shared.parameters import ROTATED_METRICS
from tests.cuda_emulator import harness, pairs
from tests.cuda_emulator.harness import FLAVOURS, PLAIN, TSAN, Case, Flavour

from ..parity.test_rotated_nms import KINDS, drawn
from ..rotated_scenes import scenes
from .test_cuda_emulated import SEED, _needs_a_compiler as _needs_a_compiler, ids

EACH = [pytest.param(f, id=f.name, marks=[] if f is PLAIN else pytest.mark.slow) for f in FLAVOURS]
OPERATORS = torch.ops.ptdet  # without kernels the reference
ODD = (math.nan, math.inf, -math.inf, 0.0, -1.0, 1e300, 1e-300, 1e17)


def of_all_scenes(each: int) -> tuple[Tensor, Tensor]:
    """So many pairs of each scene, and pairs with an odd number in one place."""
    firsts, seconds = zip(*((a, b) for _, a, b in scenes(each)), strict=True)
    a, b = torch.cat(firsts), torch.cat(seconds)
    odd = a[: 5 * len(ODD)].clone()
    for k, value in enumerate(ODD):
        odd[5 * k : 5 * k + 5].diagonal()[:] = value
    return torch.cat([a, odd, odd]), torch.cat([b, a[: len(odd)], odd])


def equal(ours: Tensor, theirs: Tensor) -> bool:
    return torch.equal(ours, theirs)


def close(ours: Tensor, theirs: Tensor) -> bool:
    """As ptdet.testing.CATALOG has it of slopes."""
    return torch.allclose(ours, theirs, rtol=1e-6, atol=1e-6 * float(theirs.abs().max()))


def check(flavour: Flavour, cases: list[tuple[str, Any, Any]], same: Callable[[Tensor, Tensor], bool] = equal) -> None:
    print(f"PTDET_EMULATION_SEED={SEED}")
    found = pairs.run(flavour, [given for _, given, _ in cases], SEED)
    for (name, _, expected), got in zip(cases, found, strict=True):
        wanted = [expected] if isinstance(expected, Tensor) else expected
        assert all(same(ours, theirs) for ours, theirs in zip(got, wanted, strict=True) if theirs.numel()), name


@pytest.mark.parametrize("flavour", EACH)
def test_all_pairs(flavour: Flavour) -> None:
    """Rows and columns of several tiles, in batches that share boxes, and of every type."""
    a, b = of_all_scenes(9 if flavour is PLAIN else 3)
    assert len(a) > 128
    cases = []
    for kind in ROTATED_METRICS if flavour is PLAIN else ("ios",):
        given = a, b, kind
        cases.append((kind, pairs.rotated_pairwise(*given), OPERATORS.rotated_pairwise_overlap(*given)))
    for dtype in (torch.float32, torch.float16, torch.bfloat16, torch.int32):
        lower, upper = a[:9].to(dtype), b[:5].to(dtype)
        expected = OPERATORS.rotated_pairwise_overlap(lower, upper)
        cases.append((f"{dtype}", pairs.rotated_pairwise(lower, upper), expected))
    near = torch.tensor([[50.0, 50, 60, 30, 0.5]]) + torch.arange(7 * 40 * 5).view(-1, 5) % 11 / 4
    batched = near.view(7, 40, 5), near[:37].expand(7, 37, 5), "iof"  # all of these meet
    cases.append(("batch", pairs.rotated_pairwise(*batched), OPERATORS.rotated_pairwise_overlap(*batched)))
    spaced = torch.zeros(60, 11)
    spaced[:, 1::2] = near[:60]
    expected = OPERATORS.rotated_pairwise_overlap(near[:60:2], near)
    cases.append(("spaced", pairs.rotated_pairwise(spaced[::2, 1::2], near), expected))
    check(flavour, cases)


@pytest.mark.parametrize("flavour", EACH)
def test_box_by_box_and_slopes(flavour: Flavour) -> None:
    a, b = of_all_scenes(20 if flavour is PLAIN else 3)
    random = torch.Generator().manual_seed(2)
    cases, slopes = [], []
    for kind in ROTATED_METRICS:
        for dtype in (torch.float64, torch.float32, torch.bfloat16):
            boxes = a.to(dtype), b.to(dtype)
            name = f"{kind}, {dtype}"
            cases.append((name, pairs.rotated(*boxes, kind), OPERATORS.rotated_overlap(*boxes, kind)))
            stored = torch.float64 if dtype == torch.float64 else torch.float32
            grad = torch.randn(len(a), generator=random, dtype=torch.float64).to(stored)
            for each in (grad, grad[:1].expand(len(a))):
                for wanted in ((True, True), (False, True)):
                    given = each, *boxes, kind, *wanted
                    expected = OPERATORS.rotated_overlap_backward(*given)
                    slopes.append((name, pairs.rotated_backward(*given), expected))
    check(flavour, cases)
    # the reference has the same slopes but for rounding
    check(flavour, slopes, equal if ptdet.build_info()["cpu"] else close)


def suppressions(flavour: Flavour) -> Iterator[Case]:
    t = flavour.tile
    # a segment over several tiles, which publishes what it keeps; segments that begin and end within one
    for kind in KINDS:
        for n in (2 * t + 37, t, 33):
            seed = n % 5
            boxes, scores = drawn(kind, n, seed)
            yield Case(boxes, scores, None, 0.3)
            yield Case(boxes.float(), scores, ids(n, (2, 7, 90)[seed % 3], n), 0.1, "ios", score_threshold=0.2)
    n = t + 60
    boxes, scores = drawn("dense", n, 3)
    boxes[:, :2] *= 6
    for call in range(12):
        metric = ROTATED_METRICS[call % len(ROTATED_METRICS)]
        threshold = (0.0, -0.1, 0.3, 1.0)[call % 4]
        limit = (None, 0, 5, n - 40, t)[call % 5]
        groups = (None, ids(n, 3))[call % 2]
        yield Case(boxes, scores.half(), groups, threshold, metric, call % 3 != 1, (None, 0.5)[call // 6], limit)
    rows = torch.zeros(2 * n, 8)
    rows[::2, 1:6] = boxes
    yield Case(rows[::2, 1:6], scores, None, 0.2)


@pytest.mark.parametrize("flavour", EACH)
@pytest.mark.parametrize("what", ["rotated", "rotated_fast"])
def test_suppression(what: str, flavour: Flavour) -> None:
    cases = [case for number, case in enumerate(suppressions(flavour)) if flavour is not TSAN or number % 2 == 0]
    print(f"PTDET_EMULATION_SEED={SEED}")
    for case, (kept, keep, owner) in zip(cases, harness.run(flavour, cases, SEED, what=what), strict=True):
        operator = OPERATORS.rotated_nms_walk if what == "rotated" else OPERATORS.rotated_fast_nms_walk
        expected_keep, expected_owner, expected_kept = operator(**vars(case))
        assert kept == int(expected_kept), case
        assert torch.equal(keep, expected_keep), case
        assert torch.equal(owner, expected_owner), case
