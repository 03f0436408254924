"""Gradients of soft-NMS, merge-NMS, NMM and the fusions: the selection held fixed; by finite differences."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import pytest
import torch
from torch import Tensor
from torch.autograd import gradcheck, gradgradcheck

import ptdet
from ptdet.testing import class_ids, clustered

CLASSES = class_ids(16, "bool", 1)


COMPOSED = (
    lambda b, s: ptdet.fast_nms(b, s, 0.5, class_ids(200, "few", 1), score_threshold=0.3, return_owner=True),
    lambda b, s: ptdet.matrix_nms(b, s, class_ids(200, "few", 1), min_score=0.3, return_owner=True),
)


def scene() -> tuple[Tensor, Tensor]:
    """No two overlaps, and no overlap and threshold, lie as close as the differences reach."""
    boxes, scores = clustered(16, 3, image=60)
    return boxes.double().requires_grad_(), (scores.double() + 0.1).requires_grad_()


@pytest.mark.grid("kind", "reselect")
@pytest.mark.parametrize("idxs", [None, CLASSES], ids=["one class", "classes"])
@pytest.mark.parametrize("kind", ["gaussian", "linear", "hard"])
@pytest.mark.parametrize("reselect", [True, False])
def test_soft(idxs: Tensor | None, kind: str, reselect: bool, backend: str) -> None:
    def decayed(boxes: Tensor, scores: Tensor, limit: int | None = None) -> Tensor:
        return ptdet.soft_nms(boxes, scores, 0.3, idxs, kind=kind, reselect=reselect, min_score=0.05, max_output=limit)[
            0
        ]

    assert gradcheck(decayed, scene())
    assert gradcheck(lambda *call: decayed(*call, 5), scene())  # what is cut off decayed the others too
    if backend == "native" and kind == "gaussian":
        assert gradgradcheck(decayed, scene())


@pytest.mark.grid("members", "backend")
@pytest.mark.parametrize("idxs", [None, CLASSES], ids=["one class", "classes"])
@pytest.mark.parametrize("members", ["cluster", "overlapping", "later", "best"])
@pytest.mark.parametrize("weights", ["score", "score_overlap"])
def test_merge(idxs: Tensor | None, members: str, weights: str, backend: str) -> None:
    def merged(boxes: Tensor, scores: Tensor) -> Tensor:
        return ptdet.merge_nms(boxes, scores, 0.3, idxs, members=members, weights=weights)[0]

    assert gradcheck(merged, scene())
    if backend == "native":
        assert gradgradcheck(merged, scene())


@pytest.mark.parametrize("conf_type", ["avg", "max", "box_and_model_avg", "absent_model_aware_avg"])
def test_fusion(conf_type: str, backend: str) -> None:
    def fused(boxes: Tensor, scores: Tensor) -> Any:
        lists = [x.split(8) for x in (boxes, scores, CLASSES)]
        return ptdet.weighted_boxes_fusion(*lists, weights=[2, 1], iou_thr=0.4, conf_type=conf_type)[:2]

    def weighted(boxes: Tensor, scores: Tensor) -> Any:
        lists = [x.split(8) for x in (boxes, scores, CLASSES)]
        return ptdet.non_maximum_weighted(*lists, weights=[2, 1], iou_thr=0.4)[:2]

    assert gradcheck(fused, scene())
    assert gradcheck(weighted, scene())


@pytest.mark.parametrize("idxs", [None, CLASSES], ids=["one class", "classes"])
@pytest.mark.parametrize("members_propagate", [False, True])
def test_nmm(idxs: Tensor | None, members_propagate: bool, backend: str) -> None:
    function = ptdet.nmm if members_propagate else ptdet.greedy_nmm

    def of_operator(boxes: Tensor, scores: Tensor) -> Tensor:
        return torch.ops.ptdet.nmm_walk(boxes, scores, idxs, 0.3, max_output=4, members_propagate=members_propagate)[0]

    def of_function(boxes: Tensor, scores: Tensor) -> Tensor:
        return function(boxes, scores, 0.3, idxs, max_output=4)[0]

    for grown in (of_operator, of_function):
        assert gradcheck(grown, scene())
        if backend == "native":
            assert gradgradcheck(lambda *call, grown=grown: grown(*call) ** 2, scene())
    boxes, scores = scene()
    by_func = torch.func.grad(lambda b: (of_function(b, scores) ** 2).sum())(boxes.detach())
    assert torch.equal(by_func, torch.autograd.grad((of_function(boxes, scores) ** 2).sum(), boxes)[0])


def test_a_side_is_that_of_the_first_that_joined(backend: str) -> None:
    """The second meets the first by exactly the threshold, 20 of 40: it is removed and does not join. The others do, by
    more, and reach as far as it does."""
    boxes = torch.tensor([[0.0, 0, 10, 10], [-2, 0, 2, 10], [-2, 0, 8, 11], [-2, 0, 8, 11]], requires_grad=True)
    scores = torch.tensor([0.9, 0.8, 0.7, 0.6])
    grown, sides, *_ = torch.ops.ptdet.nmm_walk(boxes, scores, None, 0.5)
    assert grown.tolist()[0] == [-2, 0, 10, 11] and sides.tolist() == [[2, 0, 0, 2], *[[-1] * 4] * 3]
    for result in (grown, ptdet.greedy_nmm(boxes, scores)[0]):
        (gradient,) = torch.autograd.grad((result * torch.tensor([1.0, 2, 3, 4])).sum(), boxes)
        assert gradient.tolist() == [[0, 2, 3, 0], [0] * 4, [1, 0, 0, 4], [0] * 4]


def test_composed_methods() -> None:
    for kind in ("gaussian", "linear"):
        assert gradcheck(lambda b, s, kind=kind: ptdet.matrix_nms(b, s, CLASSES, kind=kind, min_score=0.05)[0], scene())


def test_matrix_passes_no_nan_back() -> None:
    boxes = torch.tensor([[5.0, 5, 5, 5], [5, 5, 5, 5], [0, 0, 9, 9], [0, 0, 1e30, 1e30], [30, 30, 40, 40]])
    boxes.requires_grad_()
    ptdet.matrix_nms(boxes, torch.tensor([0.9, 0.8, 0.7, 0.6, 0.5]))[0].sum().backward()
    assert boxes.grad is not None and torch.isfinite(boxes.grad).all()


def test_many_rows_at_once_and_in_parts(monkeypatch: pytest.MonkeyPatch) -> None:
    from ptdet._library.autograd import methods as _method_gradients

    def found() -> list[Tensor]:
        boxes, scores = scene()
        decayed = ptdet.soft_nms(boxes, scores, idxs=CLASSES)[0]
        merged = ptdet.merge_nms(boxes, scores, 0.3, CLASSES, members="overlapping")[0]
        return list(torch.autograd.grad((decayed**2).sum() + (merged**2).sum(), (boxes, scores)))

    whole = found()
    composed = [f(b, s) for f in COMPOSED for b, s in [clustered(200, 1, image=300)]]
    monkeypatch.setattr(_method_gradients, "_PAIRS", 40)
    for f, expected in zip(COMPOSED, composed, strict=True):
        assert all(map(torch.equal, f(*clustered(200, 1, image=300)), expected))
    for part, expected in zip(found(), whole, strict=True):
        torch.testing.assert_close(part, expected)


@pytest.mark.parametrize("dtype", [torch.float16, torch.bfloat16, torch.float32])
def test_dtypes_of_gradients(dtype: torch.dtype) -> None:
    boxes, scores = (x.detach().to(dtype).requires_grad_() for x in scene())
    total = ptdet.soft_nms(boxes, scores)[0].sum() + ptdet.merge_nms(boxes, scores, 0.3)[0].sum()
    total = total + ptdet.nmm(boxes, scores)[0].sum() + torch.ops.ptdet.nmm_walk(boxes, scores, None, 0.5)[0].sum()
    for gradient in torch.autograd.grad(total, (boxes, scores)):
        assert gradient.dtype == dtype and torch.isfinite(gradient).all()


def test_huge_boxes_give_finite_gradients() -> None:
    boxes = torch.tensor([[0.0, 0, 1e30, 1e30], [0, 0, 1e30, 9e29], [5, 5, 5, 5], [5, 5, 5, 5]], requires_grad=True)
    scores = torch.tensor([0.9, 0.8, 0.7, 0.6], requires_grad=True)
    total = ptdet.soft_nms(boxes, scores)[0].sum() + ptdet.merge_nms(boxes, scores, 0.3)[0].sum()
    for gradient in torch.autograd.grad(total, (boxes, scores)):
        assert torch.isfinite(gradient).all()


def test_compile_and_export() -> None:
    torch._dynamo.reset()

    def both(boxes: Tensor, scores: Tensor, idxs: Tensor) -> tuple[Tensor, ...]:
        merged = *ptdet.merge_nms(boxes, scores, 0.3, idxs), *ptdet.nmm(boxes, scores, 0.3, idxs)
        return *ptdet.soft_nms(boxes, scores, 0.3, idxs), *merged

    compiled = torch.compile(both, fullgraph=True, dynamic=True, backend="aot_eager")
    for n in (30, 31, 90):
        boxes, scores = (x.requires_grad_() for x in clustered(n, n))
        call = boxes, scores, torch.arange(n) % 3
        expected, got = both(*call), compiled(*call)
        for ours, eager in zip(got, expected, strict=True):
            assert torch.equal(ours, eager)
        gradients = [
            torch.autograd.grad((r[0] ** 2).sum() + r[2].sum() + (r[4] ** 2).sum(), call[:2]) for r in (expected, got)
        ]
        for ours, eager in zip(*gradients, strict=True):
            torch.testing.assert_close(ours, eager)

    class Head(torch.nn.Module):
        def forward(self, boxes: Tensor, scores: Tensor, idxs: Tensor) -> tuple[Tensor, ...]:
            return *both(boxes, scores, idxs), ptdet.and_nms(boxes, scores, 0.5, idxs)

    n = torch.export.Dim("n", min=2, max=100_000)
    call = (*clustered(40, 1), torch.arange(40) % 3)
    program = torch.export.export(Head(), call, dynamic_shapes=({0: n}, {0: n}, {0: n}))
    call = (*clustered(70, 2), torch.arange(70) % 3)
    for ours, eager in zip(program.module()(*call), Head()(*call), strict=True):
        assert torch.equal(ours, eager)


@pytest.mark.parametrize(
    "method",
    [
        lambda b, s: ptdet.soft_nms(b, s)[0],
        lambda b, s: ptdet.merge_nms(b, s, 0.5)[0],
        lambda b, s: ptdet.nmm(b, s)[0],
        lambda b, s: ptdet.matrix_nms(b, s)[0],
        lambda b, s: ptdet.weighted_boxes_fusion([b], [s], [s.long()])[0],
    ],
)
@pytest.mark.filterwarnings("ignore:.torch.jit.script. is deprecated:FutureWarning")  # torch.func of itself
def test_tangents_are_carried_or_refused(method: Callable[[Tensor, Tensor], Tensor]) -> None:
    boxes, scores = (each.detach() for each in scene())
    direction = torch.ones_like(boxes)
    try:
        _, tangent = torch.func.jvp(lambda b: method(b, scores), (boxes,), (direction,))
    except NotImplementedError as error:
        assert "backward only" in str(error)
    else:
        boxes.requires_grad_()
        values = method(boxes, scores)
        for place in range(len(values)):
            backward = torch.autograd.grad(values[place].sum(), boxes, retain_graph=True)[0]
            torch.testing.assert_close(tangent[place].sum(), (backward * direction).sum())
