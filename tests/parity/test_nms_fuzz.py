"""300 fixed cases against torchvision, every fourth of them and 150 strange ones against the reference."""

from __future__ import annotations

from typing import Any

import pytest
import torch

import ptdet
from ptdet.testing import Case, fuzz_case, method_call, strange_case
from ptdet.testing.fuzz_methods import FUZZED

from .. import fuzz
from ..oracles import assert_same_walk, one_thread, reference_walk, torchvision_keep

pytestmark = pytest.mark.usefixtures("native")


def tens(fast: int, most: int) -> list[Any]:
    """The first of every ten cases; those beyond `fast` are slow."""
    return [pytest.param(n, marks=pytest.mark.slow if n >= fast else ()) for n in range(0, most, 10)]


def public(case: Case) -> torch.Tensor:
    if case.idxs is None:
        return ptdet.nms(case.boxes, case.scores, case.iou_threshold)
    return ptdet.batched_nms(case.boxes, case.scores, case.idxs, case.iou_threshold)


@pytest.mark.parametrize("first", tens(fast=60, most=300))
def test_plain_cases(first: int) -> None:
    for seed in range(first, first + 10):
        case = fuzz_case(seed)
        what = f"fuzz_case({seed}): {case.kind}, {len(case.scores)} boxes, {case.boxes.dtype}, {case.iou_threshold}"
        keep = public(case)
        assert torch.equal(keep, torchvision_keep(case)), f"torchvision differs: {what}"
        walk = torch.ops.ptdet.nms_walk(*case.arguments)
        assert torch.equal(walk[0][: len(keep)], keep), what
        if seed % 4 == 0:
            assert_same_walk(walk, reference_walk(*case.arguments), what)


@pytest.mark.parametrize("first", tens(fast=10, most=150))
def test_strange_cases(first: int) -> None:
    for seed in range(first, first + 10):
        case = strange_case(seed)
        walk = torch.ops.ptdet.nms_walk(*case.arguments)
        assert_same_walk(walk, reference_walk(*case.arguments), f"strange_case({seed}): {case}")


@pytest.mark.parametrize("first", range(0, 60, 10))
def test_calls_of_the_other_methods(first: int) -> None:
    for seed in range(first, first + 10):
        call = method_call(seed, most=150)
        assert call.equals_the_reference(), f"method_call({seed}, most=150): {call}"


def test_the_campaign_calls_every_method() -> None:
    with one_thread():
        counts, failures = fuzz.run((0, 5 * len(FUZZED), 5))
    called = " ".join(name for name in counts if name.startswith("method "))
    assert not failures and all(name in called for name in FUZZED), called


def test_the_cases_are_what_they_claim() -> None:
    cases = [fuzz_case(seed) for seed in range(300)]
    assert sum(4100 <= len(case.scores) <= 5000 for case in cases) >= 100
    assert {case.iou_threshold for case in cases} == {tenth / 10 for tenth in range(11)}
    assert len({case.kind for case in cases}) == 7
    assert 60 < sum(case.idxs is not None for case in cases) < 140
    again = fuzz_case(7)
    assert torch.equal(again.boxes, cases[7].boxes) and torch.equal(again.scores, cases[7].scores)
