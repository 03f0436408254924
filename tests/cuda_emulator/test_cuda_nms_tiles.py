"""The pass over tiles: segments that end, begin and run on at every place of a tile, many boxes, large indices."""

from __future__ import annotations

import subprocess
from pathlib import Path

import pytest
import torch
from torch import Tensor

from ptdet.testing import clustered, scattered
from tests.cuda_emulator import harness
from tests.cuda_emulator.harness import ASAN, PLAIN, TSAN, Case, Flavour
from tests.cuda_emulator.test_cuda_emulated import EACH, SEED, check, drawn, oracle


def segments(*lengths: int) -> Tensor:
    """Ids by which boxes of falling scores lie in segments of these lengths, one after the other."""
    return torch.arange(len(lengths)).repeat_interleave(torch.tensor(lengths))


def falling(n: int, seed: int, spread: float) -> tuple[Tensor, Tensor]:
    boxes, scores = drawn(n, seed, spread)
    return boxes, scores.sort(descending=True).values


@pytest.mark.parametrize("flavour", EACH)
def test_segments_at_every_place_of_a_tile(flavour: Flavour) -> None:
    t = 32 if flavour is TSAN else 64
    layouts = [
        (t, t, t), (t - 1, t + 1, 1), (t + 1, t - 1), (1, 2 * t, 1), (2 * t, t), (t // 2, 2 * t + t // 2, 3),
        (1,) * (t + 3), (3,) * t, (t - 1, 2, t - 1, 2), (5, 3 * t - 5), (3 * t + 1,),
    ]  # fmt: skip
    cases = []
    for number, lengths in enumerate(layouts):
        boxes, scores = falling(sum(lengths), number, spread=90)
        cases.append(Case(boxes, scores, segments(*lengths), 0.4))
    check(flavour, cases if flavour is not TSAN else cases[::2])


@pytest.mark.parametrize("flavour", EACH)
def test_segments_of_any_length(flavour: Flavour) -> None:
    t = flavour.tile
    draw = torch.Generator().manual_seed(5)
    cases = []
    for number in range(4 if flavour is PLAIN else 2):
        lengths = (torch.rand(6, generator=draw) ** 3 * 2.5 * t).long() + 1
        boxes, scores = drawn(int(lengths.sum()), number, spread=150, lattice=number % 2 == 1)
        ids = segments(*lengths.tolist())
        cases += [Case(boxes, scores, ids), Case(boxes, scores, ids, score_threshold=0.45, max_output=t)]
    check(flavour, cases)


@pytest.mark.parametrize("flavour", EACH)
def test_a_segment_that_nothing_removes_and_one_that_loses_all(flavour: Flavour) -> None:
    n = 3 * flavour.tile + 7
    apart = torch.arange(n, dtype=torch.float32)[:, None] * torch.tensor([20.0, 0, 20, 0]) + torch.tensor([0, 0, 9, 9])
    alike = torch.tensor([[0.0, 0, 9, 9]]).repeat(n, 1)
    scores = torch.linspace(1, 0, n)
    limits = (None, 1, flavour.tile, flavour.tile + 1)
    check(flavour, [Case(boxes, scores, max_output=m) for boxes in (apart, alike) for m in limits])


@pytest.mark.parametrize("flavour", EACH)
def test_a_tile_that_is_empty_long_before_its_segment_stops_growing(flavour: Flavour) -> None:
    t = flavour.tile
    n = 7 * t
    boxes = torch.arange(n, dtype=torch.float32)[:, None] * torch.tensor([20.0, 0, 20, 0]) + torch.tensor([0, 0, 9, 9])
    boxes[5 * t : 6 * t] = boxes[0]
    check(flavour, [Case(boxes, torch.linspace(1, 0, n))] * 3)


@pytest.mark.parametrize("flavour", [pytest.param(f, id=f.name) for f in (PLAIN, ASAN)])
def test_limits_reached_at_a_tiles_end_in_one_of_many_segments(flavour: Flavour) -> None:
    t = flavour.tile
    boxes, scores = drawn(4 * t, 9, spread=4000)
    ids = torch.where(torch.arange(4 * t) % 3 > 0, 0, 1 + torch.arange(4 * t) % 7)
    for want_owner in (True, False):
        cases = [Case(boxes, scores, ids, max_output=m) for m in (t - 1, t, t + 1, 2 * t, 3 * t)]
        for case, answer in zip(cases, harness.run(flavour, cases, SEED, want_owner), strict=True):
            expected_keep, expected_owner, kept = oracle(**vars(case))
            assert answer[0] == int(kept)
            assert torch.equal(answer[1], expected_keep)
            assert not want_owner or torch.equal(answer[2], expected_owner)


@pytest.mark.slow
def test_many_boxes() -> None:
    cases = [Case(*clustered(20_000)), Case(*scattered(3_000))]
    boxes, scores = clustered(20_000, 1)
    cases.append(Case(boxes, scores, torch.randint(0, 80, (20_000,), generator=torch.Generator().manual_seed(1))))
    check(PLAIN, cases)


@pytest.mark.slow
def test_indices_beyond_32_bits(tmp_path: Path) -> None:
    flags = [*harness.COMMON, "-O1", "-fsanitize=undefined", "-fno-sanitize-recover=all", "-x", "c++"]
    sources = [harness.HERE / "planted" / "indices.cu", harness.HERE / "cuda_on_cpu.cpp"]
    program = tmp_path / "indices"
    subprocess.run([str(harness.compiler()), *flags, *map(str, sources), "-o", str(program)], check=True)
    done = subprocess.run([str(program)], capture_output=True, text=True, check=False)
    assert done.returncode == 0, done.stderr
    if done.stdout == "no room\n":
        pytest.skip("the system gives no 64 GiB of addresses")
    assert done.stdout == "right\n"
