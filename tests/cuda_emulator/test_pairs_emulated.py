"""The CUDA kernels over pairs of boxes, run on the CPU (tests/cuda_emulator), against the reference."""

from __future__ import annotations

from typing import Any

import pytest
import torch
from torch import Tensor

from ptdet import reference
from ptdet.testing import overlap_samples, scenes
from tests.cuda_emulator import pairs
from tests.cuda_emulator.harness import FLAVOURS, PLAIN, Flavour

from .. import conditioning
from .test_cuda_emulated import SEED, _needs_a_compiler as _needs_a_compiler

EACH = [pytest.param(flavour, id=flavour.name) for flavour in FLAVOURS]
DTYPES = (torch.float32, torch.float64, torch.float16, torch.bfloat16)
WORKS = [
    (pairs.pairwise, reference.pairwise_overlap, overlap_samples.pairwise),
    (pairs.pairwise_backward, reference.pairwise_overlap_backward, overlap_samples.pairwise_backward),
    (pairs.graded, reference.graded_box_loss, overlap_samples.graded),
    (pairs.graded_gradient, reference.graded_box_loss_gradient, overlap_samples.graded_gradient),
]


Allowed = list[tuple[Tensor, Tensor]]


def check(flavour: Flavour, cases: list[tuple[str, Any, Any]], allowed: Allowed | None = None) -> None:
    """Within `allowed`, or 1e-6 of the largest number: of one pair, nothing but a few roundings can differ."""
    print(f"PTDET_EMULATION_SEED={SEED}")
    found = pairs.run(flavour, [given for _, given, _ in cases], SEED)
    for at, ((name, _, expected), got) in enumerate(zip(cases, found, strict=True)):
        expected = [expected] if isinstance(expected, torch.Tensor) else expected
        for side, (ours, theirs) in enumerate(zip(got, expected, strict=True)):
            if theirs.numel() == 0:
                continue
            if allowed:
                assert ((ours - theirs).double().abs() <= allowed[at][side]).all(), name
                continue
            tolerance = 1e-6 if ours.dtype == torch.float32 else 1e-12
            largest = float(theirs.abs().max())
            torch.testing.assert_close(ours, theirs, rtol=tolerance, atol=tolerance * largest, msg=lambda m, n=name: n)


@pytest.mark.parametrize("flavour", EACH)
@pytest.mark.parametrize("work", range(4), ids=["pairwise", "pairwise_backward", "graded", "graded_gradient"])
def test_equals_the_reference(flavour: Flavour, work: int) -> None:
    encode, oracle, samples = WORKS[work]
    cases = []
    allowed: Allowed = []
    for dtype in DTYPES if flavour is PLAIN else DTYPES[:2]:
        for sample in samples(torch.device("cpu"), dtype):
            boxes = sample.arguments[1]
            if boxes.dim() > 3 or (work >= 2 and boxes.dim() != 2):
                continue  # the torch room makes runs of these
            if flavour is not PLAIN and boxes.shape[0] > 600:
                continue
            arguments = sample.arguments, sample.keywords
            expected = oracle(*arguments[0], **arguments[1])
            cases.append((sample.name, encode(*arguments[0], **arguments[1]), expected))
            if encode is pairs.pairwise_backward:
                allowed.append(conditioning.of_pair_sums(*sample.arguments))
    check(flavour, cases, allowed)


@pytest.mark.parametrize("flavour", EACH)
def test_scaled_slopes(flavour: Flavour) -> None:
    cases = []
    for dtype in DTYPES[:2]:
        for sample in overlap_samples.graded_backward(torch.device("cpu"), dtype):
            expected = reference.graded_box_loss_backward(*sample.arguments)
            for before in (0, 1):
                cases.append((sample.name, pairs.graded_backward(*sample.arguments, before), expected))
    check(flavour, cases)


@pytest.mark.parametrize("flavour", [FLAVOURS[0], FLAVOURS[1]], ids=lambda flavour: flavour.name)
def test_integers_batches_and_boxes_that_are_not_aligned(flavour: Flavour) -> None:
    cases = []
    for dtype in (torch.uint8, torch.int8, torch.int16, torch.int32, torch.int64):
        limit = min(torch.iinfo(dtype).max, 10**6)
        boxes = (
            torch.randint(0, limit, (31, 4), generator=scenes.generator(3)).sort(1).values[:, [0, 1, 2, 3]].to(dtype)
        )
        given = boxes, boxes.flip(0), "giou"
        cases.append((f"{dtype}", pairs.pairwise(*given), reference.pairwise_overlap(*given)))
        cases.append(
            (f"{dtype}", pairs.graded(*given, 0.0, 0.0, True), reference.graded_box_loss(*given, 0.0, 0.0, True))
        )
    wide = scenes.clustered(60, 3)[0]
    batched = wide[:60].view(3, 20, 4), wide[:20].expand(3, 20, 4), "diou"
    cases.append(("batch", pairs.pairwise(*batched), reference.pairwise_overlap(*batched)))
    spaced = torch.zeros(30, 9)
    spaced[:, 1:5] = wide[:30]
    cases.append(("spaced", pairs.pairwise(spaced[:, 1:5], wide), reference.pairwise_overlap(wide[:30], wide)))
    check(flavour, cases)
