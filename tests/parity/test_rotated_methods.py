"""The other suppressions of rotated boxes: kernels beside the reference; see tests/rotated_campaign.py, too."""

from __future__ import annotations

import doctest
import inspect
import math
from typing import Any

import numpy as np
import pytest
import torch
from torch import Tensor

import ptdet
from ptdet import reference
from ptdet._library.arguments import SCORES
from ptdet._library.signatures import SIGNATURES
from ptdet._shared.methods import METHODS, ROTATED_METHODS
from ptdet._shared.parameters import ROTATED_METRICS
from ptdet.testing.samples_methods import ROTATED_OPERATORS, function_options, number_a_box, options_of, tensors_of

from .test_rotated_nms import KINDS, drawn

pytestmark = pytest.mark.usefixtures("native")
# What merges, and cluster_nms, which is made of two others, are in test_rotated_merging.py.
NAMES = [
    METHODS[name].function
    for name in ROTATED_METHODS
    if METHODS[name].stem not in ("nms", "merge_nms", "nmm", "box_fusion")
]


def call(home: Any, name: str, boxes: Any, scores: Any, threshold: float, **options: Any) -> Any:
    rest = [number_a_box(torch.as_tensor(scores)).to(torch.as_tensor(scores).dtype)] if name == "adaptive_nms" else []
    if isinstance(boxes, np.ndarray):
        rest = [each.numpy() for each in rest]
    return getattr(home, name)(boxes, scores, *rest, *([] if name == "matrix_nms" else [threshold]), **options)


def same(ours: Tensor, theirs: Tensor) -> bool:
    return ours.dtype == theirs.dtype and torch.equal(torch.nan_to_num(ours, nan=-7), torch.nan_to_num(theirs, nan=-7))


@pytest.mark.parametrize("sets", [1, pytest.param(3, marks=pytest.mark.slow)])
@pytest.mark.parametrize("operator", [name for name in ROTATED_OPERATORS if name.endswith("_walk")])
def test_kernels_beside_the_reference(operator: str, sets: int) -> None:
    tried = options_of(operator)
    for seed in range(sets):
        for place, kind in enumerate(KINDS):
            boxes, scores = drawn(kind, (40, 7, 90)[seed % 3], seed)
            ids = torch.randint(-1, 3, (len(boxes),), generator=torch.Generator().manual_seed(seed))
            for turn in range(6):
                common = {
                    "iou_threshold": (0.3, 0.0, -0.1, 0.7, 1.0, 0.5)[(seed + turn) % 6],
                    "metric": ROTATED_METRICS[turn % 6],
                    "inclusive": turn % 2 == 0,
                    "score_threshold": (None, 0.4)[turn // 4],
                    "max_output": (None, None, 3, 0)[(turn + seed) % 4],
                }
                keywords = {name: value for name, value in common.items() if name in SIGNATURES[operator].arguments}
                keywords |= tried[(7 * seed + 3 * place + turn) % len(tried)] | tensors_of(operator, scores)
                groups = ids if turn % 2 else None
                dtype = (torch.float64, torch.float32, torch.float16)[turn % 3]
                given = (
                    boxes.to(dtype).t().contiguous().t(),
                    scores.to((torch.float32, torch.float64)[turn // 3]),
                    groups,
                )
                found = getattr(torch.ops.ptdet, operator)(*given, **keywords)
                expected = getattr(reference, operator)(*given, **keywords)
                assert all(map(same, found, expected)), (kind, seed, dtype, keywords)


@pytest.mark.parametrize("name", NAMES)
def test_boxes_that_are_not_rotated_are_answered_as_by_ptdet(name: str) -> None:
    """To the bit: areas of such numbers are exact. What encloses two boxes is another thing there."""
    boxes, scores = drawn("ties", 200, 1)
    boxes[:, 4] = 0
    boxes[:, 2:4] += 1
    corners = ptdet.rotated.box_convert(boxes, "cxcywhr", "xyxy")
    method = next(key for key, row in METHODS.items() if row.function == name)
    for metric in ("iou", "iof", "ios"):
        for options in function_options(method):
            given = {"metric": metric, "return_owner": True, **options}
            found = call(ptdet.rotated, name, boxes, scores, 0.25, **given)
            assert all(map(same, found, call(ptdet, name, corners, scores, 0.25, **given)))
            arrays = call(ptdet.numpy.rotated, name, boxes.numpy(), scores.numpy(), 0.25, **given)
            assert all(same(torch.from_numpy(ours), theirs) for ours, theirs in zip(arrays, found, strict=True))


def test_a_large_set_is_answered_alike_on_any_number_of_threads() -> None:
    """And by boxes of several classes as by each class alone."""
    boxes, scores = drawn("apart", 3000, 5)
    ids = torch.arange(3000) % 3
    threads = torch.get_num_threads()
    for name in NAMES:
        found = call(ptdet.rotated, name, boxes, scores, 0.1, idxs=ids, return_owner=True)
        torch.set_num_threads(1)
        assert all(map(same, call(ptdet.rotated, name, boxes, scores, 0.1, idxs=ids, return_owner=True), found))
        torch.set_num_threads(threads)
        if name == "adaptive_nms":  # its densities go by the row
            continue
        for each in range(3):
            rows = torch.nonzero(ids == each)[:, 0]
            keep, owner = call(ptdet.rotated, name, boxes[rows], scores[rows], 0.1, return_owner=True)[-2:]
            assert torch.equal(rows[keep], found[-2][ids[found[-2]] == each])
            assert torch.equal(torch.where(owner < 0, -1, rows[owner.clamp(min=0)]), found[-1][rows])


@pytest.mark.parametrize("name", ["soft_nms", "matrix_nms"])
def test_decayed_scores_have_gradients(name: str) -> None:
    boxes, scores = drawn("dense", 7, 3)
    boxes.requires_grad_()
    scores.requires_grad_()
    keep = call(ptdet.rotated, name, boxes.detach(), scores.detach(), 0.3, kind="linear")[1]

    def decayed(boxes: Tensor, scores: Tensor) -> Tensor:
        found = call(ptdet.rotated, name, boxes, scores, 0.3, kind="linear")
        assert torch.equal(found[1], keep)  # held fixed
        return found[0]

    assert same(decayed(boxes, scores).detach(), decayed(boxes.detach(), scores.detach()))
    assert torch.autograd.gradcheck(decayed, (boxes, scores), eps=1e-7, atol=1e-5)
    assert not same(torch.autograd.grad(decayed(boxes, scores).sum(), boxes)[0], torch.zeros(7, 5, dtype=torch.float64))


@pytest.mark.parametrize("name", NAMES)
def test_signatures_and_examples(name: str) -> None:
    for home, of_rotated in ((ptdet, ptdet.rotated), (ptdet.numpy, ptdet.numpy.rotated)):
        function = getattr(of_rotated, name)
        assert name in of_rotated.__all__ and function.__name__ == name
        assert inspect.signature(function) == inspect.signature(getattr(home, name))
        assert f"`{home.__name__}.{name}` of rotated boxes" in function.__doc__
        told = doctest.DocTestParser().get_doctest(function.__doc__, {}, name, None, None)
        assert len(told.examples) == (4 if home is ptdet else 0)
        assert doctest.DocTestRunner().run(told).failed == 0


@pytest.mark.parametrize("name", NAMES)
def test_what_is_wrong_is_named(name: str) -> None:
    boxes, scores = drawn("dense", 6, 1)
    for home, of in ((ptdet.rotated, lambda given: given), (ptdet.numpy.rotated, lambda given: given.numpy())):
        with pytest.raises(ValueError, match=r"boxes: expected shape \(N, 5\)"):
            call(home, name, of(boxes[:, :4]), of(scores), 0.3)
        with pytest.raises(ValueError, match="metric: expected one of iou"):
            call(home, name, of(boxes), of(scores), 0.3, metric="ciou")
        with pytest.raises(ValueError, match="idxs"):
            call(home, name, of(boxes), of(scores), 0.3, idxs=of(torch.full((6,), math.nan)))
        with pytest.raises(ValueError, match="max_output"):
            call(home, name, of(boxes), of(scores), 0.3, max_output=-1)
    with pytest.raises(ValueError, match="ptdet.rotated takes"):
        call(ptdet, name, boxes, scores, 0.3)
    if f"rotated_{METHODS[NAMES_TO_METHODS[name]].operator}" in SCORES:
        with pytest.raises(ValueError, match="scores: expected numbers >= 0"):
            call(ptdet.rotated, name, boxes, -scores, 0.3)
        with pytest.raises(ValueError, match="compat"):
            call(ptdet.rotated, name, boxes, scores, 0.3, compat="onnx")


NAMES_TO_METHODS = {METHODS[name].function: name for name in ROTATED_METHODS}
