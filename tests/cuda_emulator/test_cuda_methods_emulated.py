"""The CUDA kernels of the other methods, run on the CPU (tests/cuda_emulator), against the reference."""

from __future__ import annotations

import math
from typing import Any

import pytest
import torch
from torch import Tensor

from ptdet import reference
from ptdet._library.arguments import NUMBERS
from ptdet._shared.parameters import choices_of
from ptdet.ops._results import GROUP_IS_NAN, MODEL_IS_UNKNOWN, NUMBER_IS_NAN, SCORE_IS_NEGATIVE
from ptdet.testing.samples_methods import options_of
from tests.cuda_emulator import methods
from tests.cuda_emulator.harness import ASAN, FLAVOURS, PLAIN, TSAN, TYPES, Case, Flavour
from tests.cuda_emulator.methods import MethodCase

from .test_cuda_emulated import SEED, _needs_a_compiler, drawn, ids  # noqa: F401

EACH = [pytest.param(flavour, id=flavour.name) for flavour in FLAVOURS]
OPTIONS: list[tuple[str, dict[str, Any]]] = [(name, each) for name in methods.METHODS for each in options_of(name)]
# Where one set of options of a method is as good as another, `make test` runs the first.
FIRST_FAST = [pytest.param(*row, marks=() if row[1] == options_of(row[0])[0] else pytest.mark.slow) for row in OPTIONS]
METHODS_OF_ALL_PAIRS = ("fast_nms_walk", "matrix_nms_walk")


def check(flavour: Flavour, cases: list[MethodCase]) -> None:
    print(f"PTDET_EMULATION_SEED={SEED}")
    for each, got in zip(cases, methods.run(flavour, cases, SEED), strict=True):
        expected = getattr(reference, each.method)(each.case.boxes, each.case.scores, each.case.idxs, **each.keywords)
        for ours, theirs in zip(got, expected, strict=True):
            assert torch.equal(ours.nan_to_num(nan=-7), theirs.nan_to_num(nan=-7)), each


@pytest.mark.parametrize("flavour", EACH)
@pytest.mark.parametrize(("method", "options"), OPTIONS, ids=str)
def test_sizes_groups_and_limits(method: str, options: dict[str, Any], flavour: Flavour) -> None:
    cases = []
    for n in (0, 1, 33, 70, 300) if flavour is PLAIN else (1, 40, 75):
        boxes, scores = drawn(n, n, lattice=n % 2 == 0)
        for groups in (None, ids(n, 5)):
            for limit in (None, 0, 4):
                cases.append(MethodCase(method, Case(boxes, scores, groups, 0.3, max_output=limit), options))
            cases.append(MethodCase(method, Case(boxes, scores, groups, 0.3, "ios", True, 0.4), options))
    check(flavour, cases if flavour is not TSAN else cases[::2])


@pytest.mark.parametrize(
    ("method", "options"), [row for row in FIRST_FAST if row.values[1].get("kind") != "gaussian"], ids=str
)
def test_numbers_near_the_ends_of_a_type(method: str, options: dict[str, Any]) -> None:
    """Means of what overflows, underflows or loses digits on the way, after means of ordinary numbers; bit for bit."""
    boxes, scores = drawn(60, 5, spread=20, lattice=True, dtype=torch.float64)
    boxes = boxes / boxes.abs().max()
    cases = []
    for dtype, units in ((torch.float32, (2e-45, 1e-21, 3e18, 3e38)), (torch.float64, (1e-320, 1e-160, 1e154, 1e308))):
        for unit in units:
            cases.append(MethodCase(method, Case((boxes * unit).to(dtype), scores.to(dtype), ids(60, 2), 0.3), options))
        smallest = 1e-45 if dtype == torch.float32 else 5e-324
        some = (scores * torch.tensor([1.0, 1e-12, smallest] * 20, dtype=torch.float64)).clamp(min=smallest).to(dtype)
        for each in (some, torch.full_like(some, smallest), some * torch.finfo(dtype).max):
            cases.append(MethodCase(method, Case(boxes.to(dtype), each, ids(60, 2), 0.3), options))
    check(PLAIN, cases)


@pytest.mark.parametrize("conf_type", choices_of("conf_type"))
def test_weights_near_the_ends_of_a_type(conf_type: str) -> None:
    boxes, scores = drawn(60, 6, spread=20, lattice=True)
    models, cases = torch.arange(60) % 3, []
    for weights in ([1e-38, 1.0, 1.9], [1.2e-38] * 3, [1e19, 1e-19, 1e-30]):
        for factor in (1.0, 1e-30, 1e-43):
            case = Case(boxes, scores * factor, ids(60, 2), 0.3)
            cases.append(MethodCase("wbf_walk", case, {"conf_type": conf_type}, models, torch.tensor(weights)))
    check(PLAIN, cases)


@pytest.mark.parametrize("flavour", [pytest.param(f, id=f.name) for f in (PLAIN, ASAN)])
@pytest.mark.parametrize(("method", "options"), FIRST_FAST, ids=str)
def test_types_and_values_that_are_no_boxes(flavour: Flavour, method: str, options: dict[str, Any]) -> None:
    boxes, scores = drawn(80, 7, spread=30, lattice=True, dtype=torch.float64)
    cases = [
        MethodCase(method, Case(boxes.to(a), scores.to(b), ids(80, 3), 0.4), options)
        for a in TYPES[:4]
        for b in TYPES[:4]
    ]
    odd = [math.nan, math.inf, -math.inf, -0.0, 1e30, -1e30]
    strange = boxes.float()
    for k, value in enumerate(odd):
        strange[k::17, k % 4] = value
    strange[50:60, 2:] = strange[50:60, :2]
    strange[60:64, 2:] = strange[60:64, :2] - 3
    scores[::9] = math.nan
    scores[1::9] = 0.0
    for t in (-0.1, 0.0, 0.5):
        cases.append(MethodCase(method, Case(strange, scores.float(), None, t, "giou"), options))
    check(flavour, cases)


@pytest.mark.parametrize("flavour", EACH)
@pytest.mark.parametrize(("method", "options"), [row for row in OPTIONS if row[0] in METHODS_OF_ALL_PAIRS], ids=str)
def test_rows_and_tiles_of_all_pairs(flavour: Flavour, method: str, options: dict[str, Any]) -> None:
    """As many boxes as a row of 32, a tile, or several have, one fewer and more; a row that is of several groups, and a
    group of several tiles among small ones; few candidates; all of a row removed in the first tile, or none."""
    tile = 256 if flavour is PLAIN else 32 if flavour is TSAN else 64
    sizes = (31, 32, 33, tile - 1, tile, tile + 1, 2 * tile + 33)
    cases = []
    for n in sizes:
        for spread in (12.0, 60.0, 3000.0):
            boxes, scores = drawn(n, n, spread=spread, lattice=n % 2 == 0)
            cases.append(MethodCase(method, Case(boxes, scores, None, 0.3), options))
        boxes, scores = drawn(n, n, spread=60.0)
        one_is_large = torch.where(torch.arange(n) % 5 == 0, ids(n, 20), 3)
        cases.append(MethodCase(method, Case(boxes, scores, one_is_large, 0.3, max_output=n // 3), options))
        cases.append(MethodCase(method, Case(boxes, scores, ids(n, 4), 0.3, score_threshold=0.7), options))
    check(flavour, cases)


@pytest.mark.parametrize("flavour", EACH)
def test_members_propagate_along_a_chain(flavour: Flavour) -> None:
    """Each box meets the next alone, by 5 of 10; in order, and as it comes."""
    n = 300 if flavour is PLAIN else 75
    left = torch.arange(n) * 5.0
    boxes = torch.stack([left, left * 0, left + 10, left * 0 + 10], dim=1)
    falling, any_order = 1 - torch.arange(n) / n, drawn(n, 4)[1]
    cases = [
        MethodCase(
            "nmm_walk", Case(boxes, scores, groups, t, "ios", t == 0.5, max_output=limit), {"members_propagate": True}
        )
        for scores in (falling, any_order)
        for groups in (None, ids(n, 2))
        for t, limit in ((0.5, None), (0.4, 5))
    ]
    check(flavour, cases)


def models(n: int, count: int) -> Tensor:
    return ids(n, count, seed=n + count)


def weights(count: int, dtype: torch.dtype) -> Tensor:
    return (torch.arange(count) * 7 % 5 + 0.3).to(dtype)


@pytest.mark.parametrize("flavour", EACH)
@pytest.mark.parametrize("conf_type", choices_of("conf_type"))
def test_fusion_of_weighted_models(flavour: Flavour, conf_type: str) -> None:
    """Fused boxes as many as a block has threads, one fewer and more; classes more than blocks; ties; few or no members
    of some model."""
    block = 256 if flavour is PLAIN else 32
    wide, many = drawn(block + 1, 1, spread=9000.0), drawn(2 * block + 5, 2, spread=150.0, lattice=True)
    cases = []
    for boxes, scores in (*((wide[0][:n], wide[1][:n]) for n in (block - 1, block, block + 1)), many):
        n = len(boxes)
        for count, overflow in ((1, False), (3, False), (3, True), (70, False)):
            options = {"conf_type": conf_type, "allows_overflow": overflow}
            case = Case(boxes, scores, ids(n, 7) if count == 3 else None, 0.4, max_output=n // 2 if overflow else None)
            cases.append(MethodCase("wbf_walk", case, options, models(n, count), weights(count, torch.float32)))
    check(flavour, cases)


@pytest.mark.parametrize("flavour", [pytest.param(f, id=f.name) for f in (PLAIN, ASAN)])
@pytest.mark.parametrize(
    "conf_type",
    [
        pytest.param(name, marks=pytest.mark.slow if number else ())
        for number, name in enumerate(choices_of("conf_type"))
    ],
)
def test_fusion_in_every_type_and_of_degenerate_boxes(flavour: Flavour, conf_type: str) -> None:
    boxes, scores = drawn(90, 5, spread=40, lattice=True, dtype=torch.float64)
    boxes[20:30, 2:] = boxes[20:30, :2]
    boxes[30:34, 2:] = boxes[30:34, :2] - 3
    boxes[34:38, 0] = torch.tensor([math.nan, math.inf, -math.inf, 1e300])
    scores[5:12] = torch.tensor([math.nan, math.inf, -math.inf, 0.0, -0.0, -0.5, 1e300])
    cases = [
        MethodCase(
            "wbf_walk",
            Case(boxes.to(a), scores.to(b), ids(90, 4), t, score_threshold=0.1 if t == 0.5 else None),
            {"conf_type": conf_type},
            models(90, 4),
            weights(4, c) * sign,
        )
        for a in TYPES[:4]
        for b, c in ((torch.float64, torch.float32), (torch.float32, torch.float64), (torch.float16, torch.bfloat16))
        for t, sign in ((0.5, 1), (0.0, 0), (-0.1, 1), (0.3, -1))
    ]
    check(flavour, cases)


@pytest.mark.parametrize("flavour", [pytest.param(f, id=f.name) for f in (PLAIN, ASAN)])
@pytest.mark.parametrize("method", methods.METHODS)
def test_errors_are_told_in_num_kept(flavour: Flavour, method: str) -> None:
    boxes, scores = drawn(70, 1)
    bad = torch.zeros(70)
    bad[33] = math.nan
    assert methods.run(flavour, [MethodCase(method, Case(boxes, scores, bad), {})], SEED)[0][-1] == GROUP_IS_NAN
    if method in NUMBERS:
        case = MethodCase(method, Case(boxes, scores, max_output=3), {}, numbers=bad)
        assert methods.run(flavour, [case], SEED)[0][-1] == NUMBER_IS_NAN
    if method == "soft_nms_walk":
        scores[3] = -0.5
        assert methods.run(flavour, [MethodCase(method, Case(boxes, scores), {})], SEED)[0][-1] == SCORE_IS_NEGATIVE
    if method == "wbf_walk":
        for wrong in (-1, 2):
            of = models(70, 2)
            of[40] = wrong
            case = MethodCase(method, Case(boxes, scores, bad), {"conf_type": "avg"}, of, weights(2, torch.float32))
            assert methods.run(flavour, [case], SEED)[0][-1] == MODEL_IS_UNKNOWN


@pytest.mark.parametrize("method", methods.METHODS)
def test_any_order_of_threads_gives_the_same(method: str) -> None:
    boxes, scores = drawn(400, 21, lattice=True)
    case = MethodCase(method, Case(boxes, scores, ids(400, 2)), {})
    first, *others = [methods.run(PLAIN, [case], seed)[0] for seed in range(1, 5)]
    for other in others:
        assert all(torch.equal(a, b) for a, b in zip(first, other, strict=True))
