"""Soft-NMS in rounds: groups around the size of the front, boxes outside that overtake it, ties across its edge."""

from __future__ import annotations

import math
from typing import Any

import pytest
import torch
from torch import Tensor

from ptdet._shared.parameters import choices_of
from ptdet.testing import clustered
from tests.cuda_emulator import methods
from tests.cuda_emulator.harness import ASAN, PLAIN, TSAN, TYPES, Case, Flavour
from tests.cuda_emulator.methods import MethodCase

from .test_cuda_emulated import SEED, _needs_a_compiler, drawn, ids  # noqa: F401
from .test_cuda_methods_emulated import EACH, check
from .test_cuda_nms_tiles import segments

WAYS = [{"kind": kind, "reselect": reselect} for kind in choices_of("kind") for reselect in (True, False)]


def soft(
    boxes: Tensor, scores: Tensor, idxs: Tensor | None = None, limit: int | None = None, **options: Any
) -> MethodCase:
    case = Case(boxes, scores, idxs, 0.3, max_output=limit)
    return MethodCase("soft_nms_walk", case, {"kind": "gaussian", **options})


@pytest.mark.parametrize("flavour", EACH)
@pytest.mark.parametrize("way", WAYS, ids=str)
def test_groups_as_large_as_the_front_and_larger(flavour: Flavour, way: dict[str, Any]) -> None:
    t = flavour.tile
    cases = []
    for n in (t - 1, t, t + 1, 2 * t, 3 * t + 7):
        cases.append(soft(*drawn(n, n, spread=90.0, lattice=n % 2 == 0), min_score=0.02, **way))
    lengths = (t + 1, 1, 2 * t + 3, t - 1, 5)
    boxes, scores = drawn(sum(lengths), 3, spread=200.0)
    shuffled = torch.randperm(sum(lengths), generator=torch.Generator().manual_seed(3))
    cases.append(soft(boxes, scores, segments(*lengths)[shuffled], min_score=0.1, **way))
    check(flavour, cases if flavour is not TSAN else cases[2:])


def test_a_box_outside_overtakes_what_the_first_visit_lowers() -> None:
    """The first selection takes half of every other box of the front, so the one outside comes next: by hand."""
    t = PLAIN.tile
    boxes = torch.tensor([[0.0, 0, 10, 10]] + [[0.0, 0, 10, 5]] * (t - 1) + [[50.0, 50, 60, 60]])
    scores = torch.tensor([0.9] + [0.8] * (t - 1) + [0.5])
    decayed, keep, owner, kept = methods.run(PLAIN, [soft(boxes, scores, kind="linear", min_score=0.3)], SEED)[0]
    assert keep[:3].tolist() == [0, t, 1]
    torch.testing.assert_close(decayed[:3], torch.tensor([0.9, 0.5, 0.4]))
    assert kept == 3
    assert owner.tolist() == [0, 1] + [1] * (t - 2) + [t]  # the halves cover each other: the first takes all the rest


@pytest.mark.parametrize("flavour", EACH)
@pytest.mark.parametrize("way", WAYS, ids=str)
def test_ties_across_the_edge_of_the_front(flavour: Flavour, way: dict[str, Any]) -> None:
    n = 2 * flavour.tile + 9
    boxes, drawn_scores = drawn(n, 5, spread=150.0, lattice=True)
    nearly_one = boxes[:1] + torch.arange(n)[:, None] % 7 * 0.25
    level = torch.full((n,), 0.5)
    coarse = (drawn_scores * 3).ceil() / 4
    rising = torch.linspace(0.5, 0.500001, n)
    cases = [soft(boxes, level, **way), soft(boxes, coarse, **way), soft(boxes, 0 * level, min_score=-1.0, **way)]
    cases += [soft(nearly_one, rising, sigma=8.0, min_score=0.2, **way), soft(boxes, rising, ids(n, 2), **way)]
    check(flavour, cases if flavour is not TSAN else cases[1::2])


@pytest.mark.parametrize("flavour", EACH)
def test_decayed_boxes_that_tie_with_lower_rows(flavour: Flavour) -> None:
    """High scores fall to exactly the low ones, whose rows are lower: positions and rows run against each other."""
    t = flavour.tile
    n = t + 10
    apart = torch.arange(n, dtype=torch.float32)[:, None] * torch.tensor([20.0, 0, 20, 0])
    low, half, top = (apart + torch.tensor(box) for box in ([0.0, 50, 8, 58], [0.0, 0, 8, 4], [0.0, 0, 8, 8]))
    boxes = torch.cat([low, half, top])
    scores = torch.tensor([0.25, 0.5, 0.75]).repeat_interleave(n)
    case = soft(boxes, scores, kind="linear", min_score=0.1)
    check(flavour, [case])
    assert methods.run(flavour, [case], SEED)[0][1].tolist() == [*range(2 * n, 3 * n), *range(2 * n)]


@pytest.mark.parametrize("flavour", EACH)
@pytest.mark.parametrize("reselect", [True, False])
def test_limits_around_the_front(flavour: Flavour, reselect: bool) -> None:
    t = flavour.tile
    boxes, scores = drawn(2 * t + 20, 8, spread=500.0)
    limits = (0, t - 1, t, t + 1, 10**12)
    cases = [soft(boxes, scores, None, limit, reselect=reselect) for limit in limits]
    cases += [soft(boxes, scores, ids(len(boxes), 2), limit, reselect=reselect) for limit in limits]
    check(flavour, cases if flavour is not TSAN else cases[2::2])


@pytest.mark.parametrize("flavour", [pytest.param(f, id=f.name) for f in (PLAIN, ASAN)])
@pytest.mark.parametrize("way", WAYS, ids=str)
def test_every_type_and_scores_that_are_no_numbers(flavour: Flavour, way: dict[str, Any]) -> None:
    n = flavour.tile + 40
    boxes, scores = drawn(n, 7, spread=60.0, lattice=True, dtype=torch.float64)
    odd = boxes.float()
    for k, value in enumerate((math.nan, math.inf, -math.inf, -0.0, 1e30)):
        odd[k::17, k % 4] = value
    endless = torch.full((n,), math.inf)  # times 0 it is NaN, which is selected before all others
    endless[::3] = math.nan
    endless[1::3] = scores[1::3].float()
    pairs = [(a, b) for k, a in enumerate(TYPES[:4]) for b in (a, TYPES[(k + 1) % 4])]
    cases = [soft(boxes.to(a), scores.to(b), **way) for a, b in pairs]
    cases += [soft(odd, scores.float(), **way), soft(odd, endless, **way), soft(boxes, endless, **way)]
    check(flavour, cases)


def test_many_boxes_of_one_group_by_any_order_of_threads() -> None:
    case = soft(*clustered(3000))
    check(PLAIN, [case])
    first, *others = [methods.run(PLAIN, [case], seed)[0] for seed in (1, 2)]
    assert all(torch.equal(a, b) for other in others for a, b in zip(first, other, strict=True))
