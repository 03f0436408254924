"""The CUDA kernels, compiled as C++ and run on the CPU (tests/cuda_emulator), against the reference.

They run plain and under AddressSanitizer, UndefinedBehaviorSanitizer and ThreadSanitizer, in an order of blocks and
threads that PTDET_EMULATION_SEED draws.
"""

from __future__ import annotations

import math
import os
import random

import pytest
import torch
from torch import Tensor

from ptdet.reference import nms_walk as oracle
from tests.cuda_emulator import harness
from tests.cuda_emulator.harness import ASAN, FLAVOURS, PLAIN, TSAN, Case, Flavour

SEED = int(os.environ.get("PTDET_EMULATION_SEED", "0")) or random.SystemRandom().randrange(1, 2**32)
EACH = [pytest.param(flavour, id=flavour.name) for flavour in FLAVOURS]


@pytest.fixture(autouse=True, scope="module")
def _needs_a_compiler() -> None:
    if harness.compiler() is None:
        if os.environ.get("CI") or os.environ.get("PTDET_REQUIRE_NATIVE") == "1":
            pytest.fail("no C++ compiler")
        pytest.skip("no C++ compiler: set CXX")


def drawn(
    n: int, seed: int, spread: float = 100.0, lattice: bool = False, dtype: torch.dtype = torch.float32
) -> tuple[Tensor, Tensor]:
    """Boxes and scores. On a lattice overlaps tie with thresholds, boxes repeat and scores tie."""
    g = torch.Generator().manual_seed(seed)
    corner = torch.rand(n, 2, generator=g, dtype=torch.float64) * spread
    size = torch.rand(n, 2, generator=g, dtype=torch.float64) * 30 + 1
    scores = torch.rand(n, generator=g, dtype=torch.float64)
    if lattice:
        corner, size, scores = (corner / 8).round() * 4, (size / 10).round() * 4, (scores * 16).round() / 16
    return torch.cat([corner, corner + size], 1).to(dtype), scores.to(dtype)


def ids(n: int, groups: int, seed: int = 0, dtype: torch.dtype = torch.int64) -> Tensor:
    return torch.randint(0, groups, (n,), generator=torch.Generator().manual_seed(seed)).to(dtype)


def check(flavour: Flavour, cases: list[Case]) -> None:
    print(f"PTDET_EMULATION_SEED={SEED}")
    for case, (kept, keep, owner) in zip(cases, harness.run(flavour, cases, SEED), strict=True):
        expected_keep, expected_owner, expected_kept = oracle(**vars(case))
        assert kept == int(expected_kept), case
        assert torch.equal(keep, expected_keep), case
        assert torch.equal(owner, expected_owner), case


@pytest.mark.parametrize("flavour", EACH)
def test_sizes(flavour: Flavour) -> None:
    t = flavour.tile
    sizes = {0, 1, 2, 31, 32, 33, 63, 64, 65, t - 1, t, t + 1, 2 * t, 3 * t + 5}
    check(flavour, [Case(*drawn(n, n, 60 + n)) for n in sorted(sizes)])


@pytest.mark.parametrize("flavour", EACH)
@pytest.mark.parametrize("groups", [1, 2, 7, 90, 10**9])
def test_groups(flavour: Flavour, groups: int) -> None:
    n = 1300 if flavour is PLAIN else 150
    boxes, scores = drawn(n, groups % 97, lattice=True)
    check(flavour, [Case(boxes, scores, ids(n, groups)), Case(boxes, scores, -ids(n, groups), max_output=n // 9)])


@pytest.mark.parametrize("flavour", EACH)
def test_one_long_segment_among_short(flavour: Flavour) -> None:
    n = 3 * flavour.tile + 60
    boxes, scores = drawn(n, 3, spread=400)
    long = torch.where(torch.arange(n) % (n // 50) == 0, ids(n, 40) + 1, 0)
    check(flavour, [Case(boxes, scores, long), Case(boxes, scores, long, score_threshold=0.4, max_output=n // 4)])


@pytest.mark.parametrize("flavour", [pytest.param(f, id=f.name) for f in (PLAIN, ASAN)])
@pytest.mark.parametrize("metric", harness.METRICS)
def test_metrics_and_thresholds(flavour: Flavour, metric: str) -> None:
    n = 170 if flavour is not PLAIN else 560
    cases = []
    for dtype in (torch.float32, torch.float64):
        boxes, scores = drawn(n, 11, lattice=True, dtype=dtype)
        for inclusive in (False, True):
            for t in (0.0, 0.5, 1.0, -0.1, 1 / 3, math.inf):
                cases.append(Case(boxes, scores, ids(n, 3), t, metric, inclusive))
    check(flavour, cases)


@pytest.mark.parametrize("flavour", EACH)
def test_limits(flavour: Flavour) -> None:
    n = (1 if flavour is PLAIN else 2) * flavour.tile + 60
    boxes, scores = drawn(n, 5, spread=80)
    t = flavour.tile
    for groups in (None, ids(n, 4)):
        limits = (0, 1, 5, t - 1, t, t + 1, n, 10**12)
        cases = [Case(boxes, scores, groups, 0.5, max_output=limit) for limit in limits]
        cases += [Case(boxes, scores, groups, 0.9, max_output=limit) for limit in limits[3:7]]
        cases += [Case(boxes, scores, groups, score_threshold=s) for s in (-1.0, 0.0, 0.3, 0.999999, 1.0, math.inf)]
        check(flavour, cases if flavour is not TSAN else cases[::3])


@pytest.mark.parametrize("flavour", EACH)
def test_values_that_are_no_boxes(flavour: Flavour) -> None:
    n = 90
    cases = []
    for dtype in (torch.float32, torch.float64):
        boxes, scores = drawn(n, 7, spread=30, lattice=True, dtype=dtype)
        odd = [math.nan, math.inf, -math.inf, -0.0, 1e30, -1e30, torch.finfo(dtype).tiny, torch.finfo(dtype).max]
        for k, value in enumerate(odd):
            boxes[k :: 3 * len(odd), k % 4] = value
        boxes[50:60, 2:] = boxes[50:60, :2]  # points
        boxes[60:64, 2:] = boxes[60:64, :2] - 3  # inverted
        boxes[70:80] = boxes[70]
        scores[::9] = torch.tensor(odd + [0.0, math.nan], dtype=dtype)
        for metric in harness.METRICS:
            for t in (0.0, -0.1, 0.5):
                cases.append(Case(boxes, scores, None, t, metric))
        cases.append(Case(boxes, scores, None, 0.0, "iou", True))
        cases.append(Case(boxes, scores, ids(n, 2), score_threshold=-1.0))
    check(flavour, cases if flavour is not TSAN else cases[::5])


@pytest.mark.parametrize("flavour", [pytest.param(f, id=f.name) for f in (PLAIN, ASAN)])
def test_types_and_strides(flavour: Flavour) -> None:
    n = 140
    wide, wide_scores = drawn(n, 13, lattice=True, dtype=torch.float64)
    cases = [
        Case(wide.clamp(0, 120).to(box_type), wide_scores.to(score_type))
        for box_type in harness.TYPES[:4]
        for score_type in harness.TYPES[:4]
    ]
    cases += [Case(wide.float(), wide_scores.float(), ids(n, 5, dtype=t).to(t)) for t in harness.TYPES]
    negative_zero = torch.where(ids(n, 2) == 0, -0.0, 0.0)
    cases += [Case(wide.float(), wide_scores.float(), negative_zero)]
    every_half = torch.arange(-(2**15), 2**15, dtype=torch.int32).to(torch.int16)
    for half in (torch.float16, torch.bfloat16):
        bits = every_half[torch.randperm(2**16, generator=torch.Generator().manual_seed(1))][: 16 * n].view(half)
        cases += [Case(bits.view(-1, 4), bits[: 4 * n].clone(), ids(4 * n, 40), 0.1)]
        subnormal = torch.arange(900, 1024, dtype=torch.int16).view(half)
        just_below = subnormal[-1].item() * (1 - 1e-6)
        cases += [Case(wide[:124].float(), subnormal, torch.arange(124), score_threshold=just_below)]
    rows, columns = torch.zeros(2 * n, 7), torch.zeros(4, n)
    rows[::2, :4], columns[:] = wide, wide.T
    spaced = torch.zeros(n, 3)
    spaced[:, 0] = wide_scores
    spaced_ids = ids(2 * n, 3)[::2]
    cases += [Case(rows[::2, :4], spaced[:, 0], spaced_ids), Case(columns.T, spaced[:, 0])]
    cases += [Case(wide[:1].float().expand(n, 4), wide_scores[:1].float().expand(n))]
    check(flavour, cases)


def test_longest_chain_of_decisions() -> None:
    """Each box meets the next alone, in order: every second one stays, and a sweep decides one box."""
    n = 1100
    x = torch.arange(n, dtype=torch.float64) * 6
    boxes = torch.stack([x, x * 0, x + 10, x * 0 + 10], 1)
    check(PLAIN, [Case(boxes, torch.ones(n), None, 0.2), Case(boxes.flip(0), torch.ones(n), None, 0.2)])


def test_boxes_that_touch() -> None:
    """Their union, rounded, may exceed the hull: then GIoU is above 0 though nothing is shared."""
    n = 400
    g = torch.Generator().manual_seed(4)
    x = torch.rand(n, 3, generator=g).sort(1).values
    y = torch.rand(n, 2, generator=g).sort(1).values
    left = torch.stack([x[:, 0], y[:, 0], x[:, 1], y[:, 1]], 1)
    right = torch.stack([x[:, 1], y[:, 0], x[:, 2], y[:, 1]], 1)
    pairs = torch.arange(n).repeat(2)
    cases = [Case(torch.cat([left, right]), torch.ones(2 * n), pairs, 0.0, m) for m in harness.METRICS]
    check(PLAIN, cases)
    assert int(oracle(**vars(cases[1]))[2]) < 2 * n


@pytest.mark.parametrize("flavour", [pytest.param(f, id=f.name) for f in (PLAIN, ASAN)])
def test_group_that_is_nan(flavour: Flavour) -> None:
    boxes, scores = drawn(70, 1)
    idxs = torch.zeros(70)
    idxs[33] = math.nan
    assert harness.run(flavour, [Case(boxes, scores, idxs)], SEED)[0][0] == -1


def test_without_owner() -> None:
    n = 1200
    boxes, scores = drawn(n, 2)
    cases = [Case(boxes, scores, g, max_output=m) for g in (None, ids(n, 3)) for m in (None, 5, 100)]
    without = harness.run(PLAIN, cases, SEED, want_owner=False)
    for (kept, keep, _), (kept_too, keep_too, _) in zip(without, harness.run(PLAIN, cases, SEED), strict=True):
        assert kept == kept_too
        assert torch.equal(keep, keep_too)


def test_any_order_of_threads_gives_the_same() -> None:
    n = 1100
    boxes, scores = drawn(n, 21, lattice=True)
    case = Case(boxes, scores, ids(n, 2))
    first, *others = [harness.run(PLAIN, [case], seed)[0] for seed in range(1, 6)]
    for other in others:
        assert all(torch.equal(torch.as_tensor(a), torch.as_tensor(b)) for a, b in zip(first, other, strict=True))
