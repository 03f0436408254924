"""Large segments, whose leader is helped by other blocks; and clusters of more members than a warp has lanes."""

from __future__ import annotations

import pytest
import torch
from torch import Tensor

from ptdet._shared.parameters import choices_of
from ptdet.testing import clustered, scattered
from tests.cuda_emulator import methods
from tests.cuda_emulator.harness import PLAIN, TSAN, Case, Flavour
from tests.cuda_emulator.methods import MethodCase

from .test_cuda_emulated import SEED, _needs_a_compiler, drawn, ids  # noqa: F401
from .test_cuda_methods_emulated import EACH, check, models
from .test_cuda_nms_tiles import segments
from .test_cuda_soft_rounds import soft


def fusion(
    boxes: Tensor, scores: Tensor, groups: Tensor | None = None, threshold: float = 0.4, metric: str = "iou"
) -> MethodCase:
    n = len(boxes)
    case = Case(boxes, scores, groups, threshold, metric)
    return MethodCase("wbf_walk", case, {"conf_type": "avg"}, models(n, 3), torch.tensor([1.0, 0.5, 2.0]))


def large(flavour: Flavour) -> int:
    """Boxes of a large segment, at least (kLargeSegment)."""
    return 1024 if flavour is PLAIN else flavour.tile + 8


@pytest.mark.parametrize("flavour", EACH)
def test_segments_around_the_size_of_a_large_one(flavour: Flavour) -> None:
    """Alone, among small ones, and more large ones than blocks; few and many fused boxes to a box."""
    n = large(flavour)
    several = segments(n + 1, 1, n - 1, n, 7, n + 30)
    shuffled = several[torch.randperm(len(several), generator=torch.Generator().manual_seed(1))]
    cases = [fusion(*drawn(size, size, spread=200.0)) for size in (n - 1, n, n + 1)]
    cases += [fusion(*drawn(len(several), 2, spread=150.0, lattice=True), shuffled)]
    if flavour is not PLAIN:
        cases += [fusion(*drawn(6 * n, 4, spread=60.0), ids(6 * n, 4))]
    check(flavour, cases)


@pytest.mark.parametrize("flavour", EACH)
def test_how_boxes_of_a_large_segment_depend_on_each_other(flavour: Flavour) -> None:
    """Equal ones, each waits for the one before; a chain; ties between fused boxes; boxes that meet several fused
    ones, so that which is the closest is lost once it moves; a measure above 0 for boxes apart; a threshold that all
    meet."""
    n = large(flavour) + 20
    scores = drawn(n, 3)[1]
    left = torch.arange(n)[:, None] * torch.tensor([3.0, 0, 3, 0])
    chain = left + torch.tensor([0.0, 0, 10, 10])
    crowded = drawn(n, 5, spread=40.0)[0]
    cases = [
        fusion(torch.tensor([[0.0, 0, 10, 10]]).expand(n, 4), scores),
        fusion(chain, scores),
        fusion(drawn(n, 6, spread=60.0, lattice=True)[0], (scores * 8).round() / 8),
        fusion(crowded, scores, threshold=0.2),
        fusion(crowded, scores, threshold=0.7),
        fusion(crowded, scores, threshold=-0.4, metric="giou"),
        fusion(crowded, scores, threshold=-0.1),
    ]
    check(flavour, cases if flavour is not TSAN else cases[1::2])


def test_many_boxes_of_one_group_by_any_order_of_threads() -> None:
    cases = [fusion(*clustered(3000)), fusion(*scattered(2000))]
    check(PLAIN, cases)
    first, *others = [methods.run(PLAIN, cases, seed) for seed in (1, 2)]
    for other in others:
        for some, same in zip(first, other, strict=True):
            assert all(torch.equal(a, b) for a, b in zip(some, same, strict=True))


@pytest.mark.parametrize("flavour", EACH)
def test_clusters_of_more_members_than_a_warp_has_lanes(flavour: Flavour) -> None:
    """One of 100 boxes that grows with most of its members, one with few of them, single boxes; 0 after the kept."""
    n = 100 if flavour is PLAIN else 70
    shrinking = torch.arange(n)[:, None] * torch.tensor([-0.05, -0.03, 0.04, 0.02])
    grows = torch.tensor([0.0, 0, 40, 40]) + shrinking
    rarely = torch.tensor([100.0, 0, 140, 40]) + drawn(n, 2)[0] / 20
    boxes = torch.cat([grows, rarely, drawn(9, 3)[0] + 500])
    falling = 1 - torch.arange(len(boxes)) / len(boxes)
    cases = [
        MethodCase(method, Case(boxes, scores, None, 0.5, max_output=limit), options)
        for scores, limit in ((falling, None), (drawn(len(boxes), 4)[1], 5))
        for method, options in (
            *(("nmm_walk", {"members_propagate": each}) for each in (False, True)),
            *(("merge_nms_walk", {"members": each, "weights": "score_overlap"}) for each in ("cluster", "overlapping")),
            *(("merge_nms_walk", {"members": each, "weights": "score"}) for each in ("later", "best")),
        )
    ]
    check(flavour, cases)


@pytest.mark.parametrize("flavour", EACH)
@pytest.mark.parametrize("kind", choices_of("kind"))
def test_soft_selections_at_once(flavour: Flavour, kind: str) -> None:
    """Limits within what is selected at once; several that change one box; a large segment among small ones."""
    n = large(flavour) + 20
    boxes, scores = drawn(n, 8, spread=3000.0)
    crowded = drawn(n, 9, spread=120.0)[0]
    level = (scores * 6).ceil() / 8
    among = segments(n - 7, 3, 4)[torch.randperm(n, generator=torch.Generator().manual_seed(2))]
    cases = [soft(boxes, scores, limit=limit, kind=kind) for limit in (1, 7, n // 2)]
    cases += [soft(crowded, level, kind=kind), soft(crowded, level, among, kind=kind, min_score=0.1)]
    check(flavour, cases if flavour is not TSAN else cases[1::2])
