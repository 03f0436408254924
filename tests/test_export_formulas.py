"""What the ONNX export writes down is what the operators compute, before any exporter has seen it."""

from __future__ import annotations

from typing import Any

import pytest
import torch

import ptdet  # noqa: F401  registers the operators
from ptdet._onnx import FORMULAS
from ptdet.testing import CATALOG, NAMED, Operation

# nms leaves most to the translation table, and the loss leaves its slopes out
OPERATIONS = [each for each in CATALOG if each.name in FORMULAS and each.name not in ("nms", "graded_box_loss")]


def assert_same(name: str, arguments: tuple[Any, ...], options: dict[str, Any]) -> None:
    operator = getattr(torch.ops.ptdet, name)(*arguments, **options)
    torch.testing.assert_close(FORMULAS[name](*arguments, **options), operator, rtol=1e-6, atol=1e-6, equal_nan=True)


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
