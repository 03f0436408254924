"""What the ONNX export writes down is what the operators compute, before any exporter has seen it."""

from __future__ import annotations

from typing import Any

import pytest
import torch
from torch import Tensor

import ptdet  # noqa: F401  registers the operators
from ptdet import reference
from ptdet.onnx._formulas import FORMULAS
from ptdet.reference.nms import candidates_in_order
from ptdet.reference.thresholds import exceeds
from ptdet.testing import CATALOG, NAMED, Operation

from .. import conditioning

# nms leaves most to the translation table, and the loss leaves its slopes out
OPERATIONS = [each for each in CATALOG if each.name in FORMULAS and each.name not in ("nms", "graded_box_loss")]


def members_of(found: Tensor, arguments: tuple[Any, ...], options: dict[str, Any]) -> Tensor:
    """Under "overlapping" and "later": which rows each found box is the mean of."""
    boxes, scores, ids, threshold = arguments
    order = candidates_in_order(scores, options.get("score_threshold"))
    place = torch.full((len(scores),), -1).scatter(0, order, torch.arange(len(order)))
    overlaps = reference.raw_overlap(boxes, boxes[found, None], options.get("metric", "iou"))
    met = exceeds(overlaps, threshold, options.get("inclusive", False)) & (place >= 0)
    if ids is not None:
        met &= ids == ids[found, None]
    if options["members"] == "later":
        met &= place > place[found, None]
    return met | (found[:, None] == torch.arange(len(scores)))


def between_means(arguments: tuple[Any, ...], options: dict[str, Any], keep: Tensor) -> Tensor:
    """The formula adds a cluster's boxes by a product of matrices, in an order of its own."""
    boxes, scores = arguments[:2]
    found = keep[keep >= 0]
    allowed = torch.zeros(len(keep), 4, dtype=torch.float64)
    for at, (row, members) in enumerate(zip(found, members_of(found, arguments, options), strict=True)):
        weights = scores[members]
        if options.get("weights") == "score_overlap":
            overlaps = reference.raw_overlap(boxes[members], boxes[row], options.get("metric", "iou"))
            weights = weights * torch.where(torch.nonzero(members)[:, 0] == row, 1.0, overlaps)
        allowed[at] = conditioning.of_mean(weights, boxes[members])
    return allowed.nan_to_num(nan=torch.inf)  # no number is expected where there is none


def beyond_its_range(arguments: tuple[Any, ...], options: dict[str, Any], keep: Tensor) -> Tensor:
    """Infinite where a mean's weights or terms may leave the normal numbers of float32, which a graph sums as they
    come, where the operator does not depend on the ends of the type."""
    boxes, scores, _, threshold = arguments
    limits = torch.finfo(torch.float32)
    far = torch.zeros(len(keep), 4, dtype=torch.float64)
    for at, row in enumerate(keep[keep >= 0]):
        overlaps = reference.raw_overlap(boxes, boxes[row], options.get("metric", "iou"))
        near = exceeds(overlaps, threshold, options.get("inclusive", False))
        near[row] = True
        weights = scores[near].double()
        if options.get("weights") == "score_overlap":
            weights = weights * torch.where(torch.nonzero(near)[:, 0] == row, 1.0, overlaps[near].double())
        terms = torch.cat([weights[:, None], weights[:, None] * boxes[near].double()], 1).abs()
        if (((terms > 0) & (terms < limits.tiny)) | (terms > limits.max / len(terms))).any():
            far[at] = torch.inf
    return far


def allowed(name: str, arguments: tuple[Any, ...], options: dict[str, Any], expected: Tensor, keep: Tensor) -> Tensor:
    """How far each number of the formula may lie from the operator's: not at all, where the steps are the same."""
    if name.startswith("merge_nms"):
        summed_otherwise = options.get("members") in ("overlapping", "later")
        bound = between_means(arguments, options, keep) if summed_otherwise else torch.zeros(len(keep), 4).double()
        return bound + beyond_its_range(arguments, options, keep)
    size = expected.double().abs()
    if name == "soft_nms_walk" and options.get("kind", "gaussian") == "gaussian":  # exp, once for each box it meets
        meets = (reference.raw_overlap(arguments[0][:, None], arguments[0], "iou") > 0).sum(1)
        return size * conditioning.of_product(max(meets.tolist(), default=0))
    if name == "channel_norm":  # pow, and the order of a sum of numbers above 0
        x, degree = arguments
        return size * conditioning.of_norm(x.shape[1], degree, conditioning.EPS)
    if name == "pairwise_overlap" and "ciou" in arguments:  # atan
        return torch.full_like(size, 16 * conditioning.EPS)
    return torch.zeros_like(size)


def assert_same(name: str, arguments: tuple[Any, ...], options: dict[str, Any]) -> None:
    formula = FORMULAS[name](*arguments, **options)
    operator = getattr(torch.ops.ptdet, name)(*arguments, **options)
    formula, operator = (list(each) if isinstance(each, tuple) else [each] for each in (formula, operator))
    for ours, expected in zip(formula, operator, strict=True):
        assert ours.dtype == expected.dtype and ours.shape == expected.shape, name
        if not expected.is_floating_point():
            assert torch.equal(ours, expected), (name, options)
            continue
        same = (ours == expected) | (ours.isnan() & expected.isnan())
        keep = operator[1] if name.startswith("merge_nms") else expected
        apart = (ours.double() - expected.double()).abs()
        wrong = ~(same | (apart <= allowed(name, arguments, options, expected, keep)))
        assert not wrong.any(), (name, options, ours[wrong], expected[wrong])


@pytest.mark.parametrize("operation", OPERATIONS, ids=lambda each: each.name)
def test_on_the_samples_of_the_catalog(operation: Operation) -> None:
    for sample in operation.samples(torch.device("cpu"), torch.float32):
        if len(sample.arguments[0]) <= 200:
            assert_same(operation.name, sample.arguments, sample.keywords)


@pytest.mark.parametrize("name", [name for name in NAMED if len(NAMED[name]()[1]) <= 300])
def test_on_the_named_boxes(name: str) -> None:
    boxes, scores = (each.float() for each in NAMED[name]())
    scores = torch.where(torch.isposinf(scores), 2.0, scores)  # to a formula NaN is no more than infinity
    positive = torch.where(torch.isinf(scores), 3.0, scores.abs())
    ids = torch.arange(len(scores)) % 3
    for operator, rows, options in (
        ("nms_walk", scores, {"metric": "giou"}),
        ("diou_nms_walk", scores, {"beta": 2.0, "max_output": 9}),
        ("and_nms_walk", scores, {"overlap_threshold": 0.2}),
        ("merge_nms_walk", scores, {"weights": "score_overlap"}),
        ("merge_nms_walk", scores, {"members": "overlapping"}),
        ("merge_nms_walk", scores, {"members": "best"}),
        ("soft_nms_walk", positive, {"kind": "linear", "min_score": 0.1}),
        ("soft_nms_walk", positive, {"kind": "hard", "min_score": -1.0, "reselect": False}),
    ):
        assert_same(operator, (boxes, rows, ids, 0.4), options)
