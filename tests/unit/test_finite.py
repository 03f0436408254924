"""Finite boxes and scores never give NaN or infinity, in a value or a gradient, and give the right one (SPEC 1)."""

from __future__ import annotations

import math
from collections.abc import Callable
from fractions import Fraction
from typing import Any

import pytest
import torch
from torch import Tensor

import ptdet
from ptdet import reference
from ptdet._shared.parameters import METRICS

BOXES = torch.tensor(
    [[0.0, 0, 10, 10], [0, 1, 10, 11], [1, 0, 11, 10], [30, 30, 40, 40], [30, 31, 40, 41], [2, 3, 5, 7]],
    dtype=torch.float64,
)
SCORES = torch.tensor([0.9, 0.8, 0.7, 0.6, 0.5, 0.4], dtype=torch.float64)
# Of the boxes: from sides that a type barely tells apart, over areas that underflow and overflow, to its largest.
SCALES = {
    torch.float64: (1e-300, 1e-161, 1e-160, 1e-100, 1.0, 1e100, 1e160, 1e300, 4e306),
    torch.float32: (1e-45, 1e-30, 1e-22, 1e-21, 1.0, 1e10, 1e19, 8e36),
    torch.float16: (1e-7, 1e-3, 1.0, 1590.0),
    torch.bfloat16: (1e-40, 1e-21, 1.0, 8e36),
}
SMALLEST = {torch.float64: 5e-324, torch.float32: 1e-45, torch.float16: 6e-8, torch.bfloat16: 1e-40}
SIGMAS = (5e-324, 1e-46, 1e39, 1.7e308)
WEIGHTS = ([1e-46, 1e-46], [1e300, 1e300], [5e-324, 1.0], [1e300, 1e-300], [2, 1])

Method = Callable[[Tensor, Tensor], Any]


def in_lists(boxes: Any, scores: Any) -> Any:
    return [boxes[::2], boxes[1::2]], [scores[::2], scores[1::2]], [scores[::2] > 9, scores[1::2] > 9]


def methods() -> dict[str, Method]:
    found: dict[str, Method] = {}

    def soft(**options: Any) -> None:
        found[f"soft {options}"] = lambda b, s: ptdet.soft_nms(b, s, min_score=0.0, **options)

    def matrix(**options: Any) -> None:
        found[f"matrix {options}"] = lambda b, s: ptdet.matrix_nms(b, s, min_score=0.0, **options)

    def merge(**options: Any) -> None:
        found[f"merge {options}"] = lambda b, s: ptdet.merge_nms(b, s, 0.3, **options)

    def wbf(**options: Any) -> None:
        found[f"wbf {options}"] = lambda b, s: ptdet.weighted_boxes_fusion(*in_lists(b, s), iou_thr=0.3, **options)

    def nmw(**options: Any) -> None:
        found[f"nmw {options}"] = lambda b, s: ptdet.non_maximum_weighted(*in_lists(b, s), iou_thr=0.3, **options)

    for metric in METRICS:
        soft(metric=metric)
        soft(metric=metric, kind="linear")
        matrix(metric=metric)
        matrix(metric=metric, kind="linear")
        merge(metric=metric, weights="score_overlap")
    for members in ("overlapping", "later", "best"):
        merge(members=members, weights="score_overlap")
    for sigma in SIGMAS:
        soft(sigma=sigma)
        matrix(sigma=sigma)
    soft(kind="hard")
    soft(reselect=False)
    merge()
    for weights in WEIGHTS:
        wbf(weights=weights)
        nmw(weights=weights)
    for conf_type in ("max", "box_and_model_avg", "absent_model_aware_avg"):
        wbf(weights=[5e-324, 1.0], conf_type=conf_type)
    found["weighted cluster"] = lambda b, s: ptdet.cluster_nms(b, s, 0.3, weighted=True)
    found["nmm"] = lambda b, s: ptdet.nmm(b, s, 0.3)
    found["greedy_nmm"] = lambda b, s: ptdet.greedy_nmm(b, s, 0.3)
    return found


METHODS = methods()


def cases(dtype: torch.dtype) -> list[tuple[Tensor, Tensor]]:
    found = [((BOXES * scale).to(dtype), SCORES.to(dtype)) for scale in SCALES[dtype]]
    for scale in (1.0, SCALES[dtype][-1]):
        for factor in (SMALLEST[dtype], 1e-3):
            scores = (SCORES * factor).clamp(min=SMALLEST[dtype]).to(dtype)
            found.append(((BOXES * scale).to(dtype), scores))
    for boxes, scores in found:
        assert torch.isfinite(boxes).all() and (boxes != 0).any() and (scores > 0).all()
    return found


def values_and_gradients(method: Method, boxes: Tensor, scores: Tensor) -> tuple[list[Tensor], tuple[Tensor, ...]]:
    boxes, scores = boxes.clone().requires_grad_(), scores.clone().requires_grad_()
    found = list(method(boxes, scores))
    graded = [each for each in found if each.requires_grad]
    total = sum((each.double() / each.numel()).sum() for each in graded)
    gradients = torch.autograd.grad(total, (boxes, scores), materialize_grads=True)  # type: ignore[arg-type]
    return [each.detach() for each in found], gradients


@pytest.mark.grid("name")
@pytest.mark.parametrize("dtype", SCALES, ids=str)
@pytest.mark.parametrize("name", METHODS)
def test_every_method_is_finite_and_has_one_answer(name: str, dtype: torch.dtype, native: None) -> None:
    for boxes, scores in cases(dtype):
        found = []
        for backend in ("native", "reference"):
            with ptdet.backend(backend):
                values, gradients = values_and_gradients(METHODS[name], boxes, scores)
            assert all(torch.isfinite(each).all() for each in (*values, *gradients)), (boxes, scores, backend)
            found.append(values)
        for ours, theirs in zip(*found, strict=True):
            if ours.is_floating_point() and ("gaussian" in name or "sigma" in name or "kind" not in name):
                least = torch.finfo(dtype).tiny
                torch.testing.assert_close(ours, theirs, rtol=max(2e-6, torch.finfo(dtype).eps), atol=least)
            else:
                assert torch.equal(ours, theirs)
            if "soft" not in name and "matrix" not in name:
                assert torch.equal(ours, theirs), (boxes, scores)


def exact_mean(rows: list[int], boxes: Tensor, weights: list[Fraction]) -> list[Fraction]:
    total = sum(weights)
    return [
        sum(w * Fraction(boxes[row, side].item()) for w, row in zip(weights, rows, strict=True)) / total
        for side in range(4)
    ]


def assert_near(found: Tensor, exact: list[Fraction], rounding: float) -> None:
    least = Fraction(torch.finfo(found.dtype).smallest_normal) * Fraction(torch.finfo(found.dtype).eps)
    for ours, right in zip(found.tolist(), exact, strict=True):
        assert abs(Fraction(ours) - right) <= right * Fraction(rounding) + least, (
            found,
            [float(each) for each in exact],
        )


@pytest.mark.parametrize("dtype", SCALES, ids=str)
@pytest.mark.parametrize("weights", ["score", "score_overlap"])
@pytest.mark.parametrize("members", ["cluster", "best"])
def test_means_are_right(members: str, weights: str, dtype: torch.dtype, backend: str) -> None:
    """Against fractions, of the overlaps as the type computes them; an error of ten roundings at most."""
    rounding = 10 * max(torch.finfo(torch.float32).eps if dtype != torch.float64 else 0, torch.finfo(dtype).eps)
    seen = 0
    for boxes, scores in cases(dtype):
        merged, keep, owner = ptdet.merge_nms(boxes, scores, 0.3, members=members, weights=weights, return_owner=True)
        for mean, of in zip(merged, keep.tolist(), strict=True):
            rows = [row for row in range(len(boxes)) if owner[row] == of]
            factors = [Fraction(scores[row].item()) for row in rows]
            if weights == "score_overlap":
                overlaps = [reference.raw_overlap(boxes[row], boxes[of]).item() for row in rows]
                factors = [
                    f * (1 if row == of else Fraction(o)) for f, o, row in zip(factors, overlaps, rows, strict=True)
                ]
            assert_near(mean, exact_mean(rows, boxes, factors), rounding)
            seen += len(rows) > 1
    assert seen > 0


@pytest.mark.parametrize("conf_type", ["avg", "box_and_model_avg", "absent_model_aware_avg"])
@pytest.mark.parametrize("dtype", [torch.float32, torch.float64], ids=str)
@pytest.mark.parametrize("weights", [[1.0, 1.0], [1e-46, 1e-46], [1e300, 5e299], [5e-324, 5e-324]])
def test_fused_boxes_and_confidences_are_right(
    weights: list[float], dtype: torch.dtype, conf_type: str, backend: str
) -> None:
    rounding = 20 * torch.finfo(dtype).eps
    for boxes, scores in cases(dtype):
        if scores.min() < torch.finfo(dtype).tiny and weights[0] != weights[1]:
            continue  # a weighted score is a number of the type, and these are rounded to its smallest
        given = in_lists(boxes, scores)
        fused, confidences, _, owner = ptdet.weighted_boxes_fusion(
            *given, weights=weights, iou_thr=0.3, conf_type=conf_type, return_owner=True
        )
        order = [0, 2, 4, 1, 3, 5]
        boxes, scores, models = boxes[order], scores[order], [0, 0, 0, 1, 1, 1]
        clusters = sorted(
            ([row for row in range(6) if owner[row] == of] for of in set(owner.tolist())),
            key=lambda rows: min(abs(float(fused[k, 2] - boxes[rows[0], 2])) for k in range(len(fused))),
        )
        exact = []
        for rows in clusters:
            of_models = [Fraction(weights[models[row]]) for row in rows]
            weighted = [w * Fraction(scores[row].item()) for w, row in zip(of_models, rows, strict=True)]
            total, every = sum(weighted), sum(map(Fraction, weights))
            present = sum(Fraction(weights[m]) for m in {models[row] for row in rows})
            confidence = {
                "avg": total / len(rows) * min(len(rows), 2) / every,
                "box_and_model_avg": total / sum(of_models) * present / every,
                "absent_model_aware_avg": total / (sum(of_models) + every - present),
            }[conf_type]
            exact.append((confidence, exact_mean(rows, boxes, weighted)))
        assert len(exact) == len(fused)
        for box, confidence in zip(fused, confidences, strict=True):
            errors = [max(abs(Fraction(box[i].item()) - mean[i]) for i in range(4)) for _, mean in exact]
            right, mean = exact[errors.index(min(errors))]
            if min(errors) == max(errors) and len(exact) > 1:  # all boxes are one
                continue
            assert_near(box, mean, rounding)
            assert_near(confidence[None], [right], rounding)


def test_the_mean_of_boxes_near_the_largest_number(backend: str) -> None:
    """(3 + 2) / 2 and so on by hand: the sum of two is beyond float32."""
    boxes = torch.tensor([[0, 0, 3e38, 3e38], [0, 0, 3e38, 2e38]])
    merged, _ = ptdet.merge_nms(boxes, torch.tensor([1.0, 1.0]), -1.0, metric="iou")
    assert merged.tolist() == boxes.tolist()  # the areas are infinite, and an overlap of that satisfies nothing
    tiny = torch.tensor([1e-45, 1e-45])
    flat = torch.tensor([[0, 0, 3e38, 0.5], [0, 0, 2e38, 0.5]])
    for scores in (torch.ones(2), tiny, torch.full((2,), 3e38)):
        merged, keep = ptdet.merge_nms(flat, scores, 0.3)
        assert keep.tolist() == [0]
        torch.testing.assert_close(merged, torch.tensor([[0, 0, 2.5e38, 0.5]]), rtol=2e-7, atol=0)


@pytest.mark.parametrize("dtype", [torch.float32, torch.float64, torch.float16], ids=str)
def test_gradients_by_scores_are_right_or_the_largest_number(dtype: torch.dtype, backend: str) -> None:
    """(x - mean) / sum of weights, summed over the sides, by fractions."""
    rounding, limit = 20 * torch.finfo(dtype).eps, torch.finfo(dtype).max
    for boxes, scores in cases(dtype):
        graded = scores.clone().requires_grad_()
        merged, _, owner = ptdet.merge_nms(boxes, graded, 0.3, return_owner=True)
        (found,) = torch.autograd.grad((merged * torch.tensor([1.0, 2, 3, 4], dtype=dtype)).sum(), graded)
        for row in range(len(boxes)):
            rows = [other for other in range(len(boxes)) if owner[other] == owner[row]]
            weights = [Fraction(scores[other].item()) for other in rows]
            mean = exact_mean(rows, boxes, weights)
            slopes = [(side + 1) * (Fraction(boxes[row, side].item()) - mean[side]) for side in range(4)]
            exact = sum(slopes) / sum(weights)
            within = max(min(exact, Fraction(limit)), -Fraction(limit))
            error = Fraction(rounding) * max(abs(each) for each in slopes) / sum(weights) + Fraction(5e-324)
            least = Fraction(torch.finfo(dtype).smallest_normal) * Fraction(torch.finfo(dtype).eps)
            assert abs(Fraction(found[row].item()) - within) <= max(error, least), (boxes, scores, row)


SCALED = [name for name in METHODS if "sigma" not in name and "e-" not in name]  # their results are of ordinary size


@pytest.mark.parametrize("name", SCALED)
@pytest.mark.parametrize(
    ("dtype", "power"),
    [(torch.float64, -500), (torch.float64, 400), (torch.float32, -60), (torch.float32, 50)],
    ids=str,
)
def test_gradients_follow_the_scale(name: str, dtype: torch.dtype, power: int, native: None) -> None:
    """No overlap depends on the unit: the slope of a score by a box is divided by it, that of a box by a box stays."""
    unit = 2.0**power
    values, (by_boxes, by_scores) = values_and_gradients(METHODS[name], BOXES.to(dtype), SCORES.to(dtype))
    scaled_values, (by_scaled, scaled_scores) = values_and_gradients(
        METHODS[name], (BOXES * unit).to(dtype), SCORES.to(dtype)
    )
    boxes_change = values[0].dim() == 2
    for before, after in zip(values, scaled_values, strict=True):
        right = before * unit if before.dim() == 2 else before
        torch.testing.assert_close(after, right, rtol=0, atol=0)
    if "wbf" in name or "nmw" in name:  # both boxes and scores have a gradient: of their sum no scale is known
        return
    rounding = 1e-5 if dtype == torch.float32 else 1e-12
    right = by_boxes if boxes_change else by_boxes / unit
    torch.testing.assert_close(by_scaled, right, rtol=rounding, atol=float(right.abs().max()) * rounding)
    right = by_scores * unit if boxes_change else by_scores
    torch.testing.assert_close(scaled_scores, right, rtol=rounding, atol=float(right.abs().max()) * rounding)


def test_areas_that_lose_digits_leave_the_gradient(native: None) -> None:
    """At 1e-21 an area is a subnormal number of float32, and its inverse no number; the slope is that at 1, times 1e21,
    as near as the overlap is."""
    for dtype, unit in ((torch.float32, 1e-21), (torch.float64, 1e-160)):
        boxes, scores = torch.tensor([[0.0, 0, 10, 10], [0, 1, 10, 11]], dtype=dtype), torch.tensor([0.9, 0.8])
        for name in ("soft {'metric': 'iou'}", "matrix {'metric': 'iou'}", "weighted cluster"):
            _, (right, _) = values_and_gradients(METHODS[name], boxes, scores.to(dtype))
            _, (found, _) = values_and_gradients(METHODS[name], boxes * unit, scores.to(dtype))
            right = right if "cluster" in name else right / unit
            assert (right != 0).any()
            torch.testing.assert_close(found, right, rtol=2e-3, atol=float(right.abs().max()) * 2e-3)


@pytest.mark.parametrize("dtype", [torch.float16, torch.float32, torch.float64], ids=str)
def test_second_derivatives_are_right_or_the_largest_number(dtype: torch.dtype, native: None) -> None:
    """Two boxes, 1 apart, of one score s: the mean's second derivative by a score is 1 / (4 s^2)."""
    boxes = torch.tensor([[0.0, 0, 8, 8], [1, 0, 9, 8]], dtype=dtype)
    info = torch.finfo(dtype)
    beyond = math.frexp(info.max)[1] * 9 // 16  # the first derivative, 1 / (4 s), is a number of the type
    for power, expected in ((6, 1024.0), (beyond, info.max)):
        scores = torch.full((2,), 2.0**-power, dtype=dtype).requires_grad_()
        merged, _ = ptdet.merge_nms(boxes, scores, 0.5)
        (slope,) = torch.autograd.grad(merged[0, 0], scores, create_graph=True)
        (found,) = torch.autograd.grad(slope[0], scores)
        assert found[0].item() == pytest.approx(expected, rel=4 * info.eps)


SECOND: dict[str, Method] = {
    "soft": lambda b, s: ptdet.soft_nms(b, s, min_score=0.0),
    **{name: METHODS[name] for name in ("soft {'metric': 'iou', 'kind': 'linear'}", "merge {}", "weighted cluster")},
    **{kind: lambda b, s, kind=kind: [ptdet.pairwise_overlap(b, BOXES.to(b), kind)] for kind in METRICS},
}


@pytest.mark.parametrize("dtype", SCALES, ids=str)
@pytest.mark.parametrize("name", SECOND)
def test_second_derivatives_are_finite(name: str, dtype: torch.dtype, native: None) -> None:
    for boxes, scores in cases(dtype):
        boxes, scores = boxes.clone().requires_grad_(), scores.clone().requires_grad_()
        for found in SECOND[name](boxes, scores):
            if found.requires_grad:
                slopes = torch.autograd.grad(found[0].sum(), boxes, create_graph=True)[0]
                second = torch.autograd.grad(slopes[0, 0], (boxes, scores), materialize_grads=True)
                assert all(torch.isfinite(each).all() for each in second), (boxes, scores)
