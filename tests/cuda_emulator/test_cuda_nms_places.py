"""The pass by place: one group, large for the flavour's tile, of boxes that lie in every way the grid must bear."""

from __future__ import annotations

import math

import pytest
import torch
from torch import Tensor

from ptdet.testing import scenes
from tests.cuda_emulator import harness
from tests.cuda_emulator.harness import ASAN, PLAIN, TSAN, Case, Flavour
from tests.cuda_emulator.test_cuda_emulated import EACH, SEED, check, oracle

SCENES = ("clustered", "scattered", "crossing", "dense", "row", "beneath_one", "grid")
ON_ONE_SPOT = ("identical", "overlapping", "nested", "duplicated")
SMALL = [pytest.param(f, id=f.name) for f in (ASAN, TSAN)]


def enough(flavour: Flavour) -> int:
    """From so many boxes on one group goes by place."""
    return 16 * flavour.tile


def scene(name: str, n: int) -> Case:
    return Case(*getattr(scenes, name)(n))


@pytest.mark.parametrize("flavour", EACH)
@pytest.mark.parametrize("name", SCENES)
def test_scenes(flavour: Flavour, name: str) -> None:
    """Under the sanitizers two chunks."""
    check(flavour, [scene(name, (1 if flavour is PLAIN else 2) * enough(flavour) + 5)])


@pytest.mark.parametrize("flavour", SMALL)
@pytest.mark.parametrize("name", ON_ONE_SPOT)
def test_all_boxes_in_a_few_cells(flavour: Flavour, name: str) -> None:
    check(flavour, [scene(name, enough(flavour) + 5)])


@pytest.mark.slow
def test_three_chunks() -> None:
    check(ASAN, [scene("clustered", 9 * enough(ASAN))])


@pytest.mark.slow
def test_two_chunks_of_boxes_that_several_suppress() -> None:
    dense = scene("dense", 5 * enough(ASAN))
    check(ASAN, [Case(dense.boxes, dense.scores, None, 0.25)])  # the best of the kept boxes owns it


SLOW = [pytest.param(metric, marks=pytest.mark.slow) for metric in ("diou", "ciou")]


@pytest.mark.parametrize("metric", ["iou", *SLOW])
def test_thresholds(metric: str) -> None:
    """On an integer grid IoU meets 1/4, 1/2 and 1 exactly, and those boxes are as far apart as any that count."""
    n = enough(ASAN) + 3
    cases = []
    for number, t in enumerate((0.25, 0.25, 1 / 3, 0.5, 0.5, 0.75, 1.0, 1.0, math.inf)):
        dtype = (torch.float32, torch.float64, torch.float16)[number % 3]
        boxes, scores = scenes.grid(n, number)
        cases.append(Case(boxes.to(dtype), scores, None, t, metric, inclusive=number % 2 == 0))
    check(ASAN, cases)


@pytest.mark.parametrize("ratio", [1.0, 0.999, 0.75, 0.5, pytest.param(0.26, marks=pytest.mark.slow)])
def test_pairs_that_barely_meet(ratio: float) -> None:
    """Each box and one that just overlaps it by the threshold: beside it, within it or bent, at any place and scale."""
    n = enough(ASAN) // 2
    random = torch.Generator().manual_seed(int(1000 * ratio))
    scale = 2.0 ** (40 * torch.rand(n, 1, generator=random, dtype=torch.float64) - 20)
    side = 1 + torch.rand(n, 2, generator=random, dtype=torch.float64)
    corner = 300 * torch.rand(n, 2, generator=random, dtype=torch.float64) - 150
    first = torch.cat([corner, corner + side], 1) * scale
    t = ratio * (1 - 1e-4)
    width, height = (first[:, 2] - first[:, 0]), (first[:, 3] - first[:, 1])
    beside, within, bent = first.clone(), first.clone(), first.clone()
    beside[:, [0, 2]] += (width * (1 - ratio) / (1 + ratio))[:, None]
    within[:, 2] -= width * (1 - ratio)
    part = math.sqrt(ratio)
    bent[:, 2] -= width * (1 - part)
    bent[:, 3] -= height * (1 - part)
    cases = []
    for second in (beside, within, bent):
        for dtype in (torch.float32, torch.float64):
            pairs = torch.cat([first, second]).to(dtype)
            scores = torch.rand(2 * n, generator=random)
            cases.append(Case(pairs, scores, None, t))
    check(ASAN, cases)
    for case in cases:
        assert int(oracle(**vars(case))[2]) <= n


@pytest.mark.parametrize("flavour", SMALL)
def test_values_that_the_grid_bears_and_refuses(flavour: Flavour) -> None:
    n = enough(flavour) + 9
    cases = []
    for dtype in (torch.float32, torch.float64):
        boxes, scores = scenes.clustered(n, 5)
        boxes = boxes.to(dtype)
        for k, value in enumerate((math.nan, math.inf, -math.inf, -0.0)):
            boxes[11 + k :: 97, k] = value
        boxes[50:60, 2:] = boxes[50:60, :2]  # points
        boxes[60:64, 2:] = boxes[60:64, :2] - 3  # inverted
        scores[::9] = math.nan
        cases += [Case(boxes, scores, None, 0.4), Case(boxes, scores, None, 0.4, score_threshold=0.5)]
        for far in (torch.tensor([0, 0, 1e-19, 1e-19]), torch.tensor([-3e18, -3e18, 3e18, 3e18])):
            odd = boxes.clone()
            odd[n // 2 :: n // 3] = far.to(dtype)
            cases.append(Case(odd, scores, None, 0.4))
    narrow = scenes.clustered(n, 6)[0].double()
    narrow[::5] += 1e10
    narrow[::5, 2:] = narrow[::5, :2] + 3.8e-6
    cases.append(Case(narrow, scores, None, 0.4))
    check(flavour, cases[:: 1 if flavour is not TSAN else 4])


def ways(case: Case) -> set[str]:
    """Which passes did work: by place, where it was launched; the one over tiles, if its blocks met at a barrier. Both
    where the first refused."""
    launched = {name: barriers for name, _, barriers in harness.launches(ASAN, case, SEED)}
    did_work = {"place": "drop_kernel" in launched, "tiles": launched["pass_kernel"] > 0}
    return {way for way, is_done in did_work.items() if is_done}


def test_what_goes_by_place_and_what_by_tiles() -> None:
    n = enough(ASAN)
    boxes, scores = scenes.clustered(n, 5)
    odd = boxes.clone()
    for k, value in enumerate((math.nan, math.inf, -math.inf, -0.0)):
        odd[11 + k :: 97, k] = value
    odd[50:60, 2:] = odd[50:60, :2]  # points

    def with_one(box: list[float], dtype: torch.dtype = torch.float32) -> Tensor:
        given = boxes.to(dtype, copy=True)
        given[n // 2] = torch.tensor(box, dtype=dtype)
        return given

    side = 2.0**-60
    expected = {
        "place": {
            "plain": Case(boxes, scores),
            "the least threshold": Case(boxes, scores, iou_threshold=0.25),
            "DIoU": Case(boxes, scores, metric="diou"),
            "CIoU": Case(boxes, scores, metric="ciou"),
            "no numbers, infinities, points": Case(odd, scores),
            "the shortest side": Case(with_one([0, 0, side, side]), scores),
            "the longest side": Case(with_one([0, 0, 1 / side, 1 / side]), scores),
            "as many as there are may be kept": Case(boxes, scores, max_output=n),
        },
        "tiles": {
            "too few": Case(boxes[1:], scores[1:]),
            "groups": Case(boxes, scores, torch.zeros(n, dtype=torch.int64)),
            "a lower threshold": Case(boxes, scores, iou_threshold=0.249),
            "GIoU": Case(boxes, scores, metric="giou"),
            "over one area": Case(boxes, scores, metric="iof"),
            "few may be kept": Case(boxes, scores, max_output=n - 1),
        },
        "place, tiles": {
            "a side too short": Case(with_one([0, 0, side / 2, 1]), scores),
            "a side too long": Case(with_one([0, 0, 1, 1.001 / side]), scores),
            "short for its place": Case(with_one([1e10, 0, 1e10 + 3.8e-6, 1], torch.float64), scores),
        },
    }
    found = {way: [name for name, case in cases.items() if ways(case) != set(way.split(", "))]
             for way, cases in expected.items()}  # fmt: skip
    assert found == {"place": [], "tiles": [], "place, tiles": []}


@pytest.mark.slow
def test_limits_and_no_owner() -> None:
    n = enough(ASAN)
    boxes, scores = scenes.scattered(2 * n)
    for want_owner in (True, False):
        limits = (n - 1, n, n + 1, 2 * n - 1, None)
        cases = [Case(boxes, scores, max_output=limit) for limit in limits]
        cases.append(Case(*scenes.clustered(2 * n, 8)))
        for case, answer in zip(cases, harness.run(ASAN, cases, SEED, want_owner), strict=True):
            expected_keep, expected_owner, kept = oracle(**vars(case))
            assert answer[0] == int(kept)
            assert torch.equal(answer[1], expected_keep)
            assert not want_owner or torch.equal(answer[2], expected_owner)


@pytest.mark.parametrize("flavour", SMALL)
def test_a_chain_in_score_order_and_in_the_opposite(flavour: Flavour) -> None:
    """Each box waits for the one before: the longest wait there is."""
    n = enough(flavour) + 100
    boxes, _ = scenes.row(n)
    falling = torch.linspace(1, 0, n)
    check(flavour, [Case(boxes, falling, None, 0.25), Case(boxes.flip(0), falling, None, 0.25)])
