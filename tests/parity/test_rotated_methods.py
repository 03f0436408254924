"""The other suppressions of rotated boxes: kernels beside the reference; see tests/rotated_campaign.py, too."""

from __future__ import annotations

import doctest
import inspect
import itertools
import math
from collections.abc import Callable
from typing import Any

import mpmath
import numpy as np
import pytest
import torch
from torch import Tensor

import ptdet
from ptdet import reference
from ptdet._library.arguments import SCORES
from ptdet._library.signatures import SIGNATURES
from ptdet._shared.methods import METHODS
from ptdet._shared.parameters import ROTATED_METRICS
from ptdet.testing.samples_methods import ROTATED_OPERATORS, function_options, number_a_box, options_of, tensors_of

from .. import rotated_oracle
from .test_rotated_nms import KINDS, drawn

pytestmark = pytest.mark.usefixtures("native")
# What merges, and cluster_nms, which is made of two others, are in test_rotated_merging.py.
ROWS = {row.function: row for row in METHODS.values() if row.stem not in ("nms", "merge_nms", "nmm", "box_fusion")}
NAMES = list(ROWS)
# diou_nms has its own measure.
BY_METRIC = [name for name in NAMES if name != "diou_nms"]
Matrix = list[list[float]]


def call(home: Any, name: str, boxes: Any, scores: Any, threshold: float, **options: Any) -> Any:
    row = ROWS[name]
    rest = [number_a_box(torch.as_tensor(scores)).to(torch.as_tensor(scores).dtype) for _ in row.numbers]
    if isinstance(boxes, np.ndarray):
        rest = [each.numpy() for each in rest]
    return getattr(home, name)(boxes, scores, *rest, *([threshold] if row.has_threshold else []), **options)


def greedy(scores: list[float], removes: Callable[[int, int], bool]) -> tuple[list[int], list[int]]:
    """What is kept, and the owners: removes(i, j) of a selected i and a later j."""
    owner = list(range(len(scores)))
    order = sorted(owner, key=lambda i: (-scores[i], i))
    for place, i in enumerate(order):
        if owner[i] == i:
            owner = [
                i if j in order[place + 1 :] and owner[j] == j and removes(i, j) else owner[j]
                for j in range(len(owner))
            ]
    return [i for i in order if owner[i] == i], owner


def exact_dious(boxes: Tensor, betas: tuple[float, ...]) -> dict[float, Matrix]:
    """IoU - (rho2 / c2)^beta of all pairs."""
    rows = boxes.tolist()
    found = {beta: [[0.0] * len(rows) for _ in rows] for beta in betas}
    for i, j in itertools.combinations_with_replacement(range(len(rows)), 2):
        iou, diou = (rotated_oracle.overlap(rows[i], rows[j], kind) for kind in ("iou", "diou"))
        with mpmath.workprec(300):
            for beta, matrix in found.items():
                matrix[i][j] = matrix[j][i] = float(iou - abs(iou - diou) ** mpmath.mpf(beta))
    return found


@pytest.mark.parametrize("sets", [1, pytest.param(12, marks=pytest.mark.slow)])
@pytest.mark.parametrize("kind", KINDS[:5])
def test_diou_with_a_power_over_the_oracle(kind: str, sets: int) -> None:
    decided = 0
    for seed in range(sets):
        boxes, scores = drawn(kind, 14, seed + 200)
        ids = torch.arange(14) % 5 // 3
        for beta, exact in exact_dious(boxes, (1.0, 0.6, 2.5)).items():
            for threshold, groups in ((0.1, ids), (0.45, None), (-0.2, None)):

                def removes(i: int, j: int, at: Matrix = exact, t: float = threshold, of: Any = groups) -> bool:
                    return at[j][i] > t and (of is None or bool(of[i] == of[j]))

                expected = greedy(scores.tolist(), removes)
                # a pair nearer to the threshold than both are right would be decided by rounding
                if min(abs(x - threshold) for row in exact for x in row) > 1e-12:
                    decided += 1
                    for home, of in ((ptdet.rotated, Tensor.clone), (ptdet.numpy.rotated, Tensor.numpy)):
                        given = of(boxes), of(scores), threshold, None if groups is None else of(groups)
                        keep, kept_by = home.diou_nms(*given, beta=beta, return_owner=True)
                        assert (keep.tolist(), kept_by.tolist()) == expected, (kind, seed, beta, threshold)
                        assert home.diou_nms(*given, beta=beta).tolist() == expected[0]
    assert decided > 7 * sets


def test_diou_by_hand() -> None:
    """IoU 1/2 about one centre, whatever the power; and IoU 7/9, centres 1 apart in a hull of diagonal sqrt 85."""
    boxes = torch.tensor([[0, 0, 4, 2, 0], [0, 0, 2, 2, 0], [0, 0, 4, 2, 0]], dtype=torch.float64)
    scores = torch.tensor([0.8, 0.9, 0.8])
    for beta in (1.0, 0.6, 1e-300, 1e300):
        assert ptdet.rotated.diou_nms(boxes, scores, 0.5, beta=beta).tolist() == [1, 0]  # of equal scores the first
        assert ptdet.rotated.diou_nms(boxes, scores, 0.5, beta=beta, inclusive=True).tolist() == [1]
    for beta, penalty in ((1.0, 1 / 85), (0.6, 85**-0.6), (3.0, 85**-3), (1e-300, 1.0), (1e300, 0.0)):
        for x, y, angle in ((0.0, 0.0, 0.0), (3.0, 5.0, 0.3)):
            ends = (x, y), (x + math.cos(angle), y + math.sin(angle))
            both = torch.tensor([[*end, 8, 2, angle] for end in ends], dtype=torch.float64)
            at = 7 / 9 - penalty
            assert ptdet.rotated.diou_nms(both, scores[:2], at - 1e-12, beta=beta).tolist() == [1]
            assert ptdet.rotated.diou_nms(both, scores[:2], at + 1e-12, beta=beta).tolist() == [1, 0]
    for home, of in ((ptdet.rotated, Tensor.clone), (ptdet.numpy.rotated, Tensor.numpy)):
        for beta in (0.0, -1.0, math.nan, math.inf, "1", None):
            with pytest.raises((TypeError, ValueError), match="beta"):
                home.diou_nms(of(boxes), of(scores), 0.5, beta=beta)
        with pytest.raises(TypeError, match="metric"):
            home.diou_nms(of(boxes), of(scores), 0.5, metric="iou")


def test_diou_of_a_batch() -> None:
    boxes, scores = drawn("dense", 90, 5)
    keep = [ptdet.rotated.diou_nms(boxes[i : i + 45], scores[i : i + 45], 0.2, beta=0.6) for i in (0, 45)]
    asked = {"method": "diou", "beta": 0.6}
    found = ptdet.rotated.combined_nms(boxes.view(2, 45, 5), scores.view(2, 45), 0.2, **asked)
    assert [row[: len(kept)].tolist() for row, kept in zip(found.indices, keep, strict=True)] == [
        kept.tolist() for kept in keep
    ]
    assert found.num.tolist() == [len(kept) for kept in keep]
    ragged, num = ptdet.rotated.ragged_nms(boxes, scores, torch.arange(90) // 45, 0.2, num_images=2, **asked)
    assert torch.equal(ragged, torch.cat([keep[0], keep[1] + 45])) and num.tolist() == found.num.tolist()


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
                    "metric": ROTATED_METRICS[(seed + turn) % len(ROTATED_METRICS)],
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


@pytest.mark.parametrize("name", BY_METRIC)
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
        if ROWS[name].numbers:  # drawn by the row
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
        if name in BY_METRIC:
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


NAMES_TO_METHODS = {METHODS[name].function: name for name in METHODS}
