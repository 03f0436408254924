"""The native kernels of the other methods answer as the reference does, index for index."""

from __future__ import annotations

from typing import Any

import pytest
import torch
from torch import Tensor

from ptdet import reference
from ptdet._library.arguments import SCORES
from ptdet._library.signatures import SIGNATURES
from ptdet._shared.parameters import METRICS
from ptdet.testing import NAMED, class_ids, clustered, dense, strange_case
from ptdet.testing.samples_methods import OPERATORS, options_of, tensors_of

from ..oracles import one_thread

pytestmark = pytest.mark.usefixtures("native")

SMALL = [name for name in NAMED if len(NAMED[name]()[1]) <= 300]


def drawn(seed: int, choices: list[Any]) -> Any:
    return choices[seed * 2654435761 % 2**32 % len(choices)]


METHODS = [name for name in OPERATORS if name.endswith("_walk")]


def agree(
    name: str, boxes: Tensor, scores: Tensor, idxs: Tensor | None, threshold: float, common: dict[str, Any], seed: int
) -> None:
    """Under the common keywords that it has, and options of its own that the seed draws."""
    signature = SIGNATURES[name]
    given = {"iou_threshold": threshold, **common}
    keywords = {key: value for key, value in given.items() if key in signature.arguments}
    keywords |= tensors_of(name, scores) | drawn(seed, options_of(name))
    arguments = boxes, scores.abs() if name in SCORES else scores, idxs
    with one_thread():
        expected = getattr(reference, name)(*arguments, **keywords)
    got = getattr(torch.ops.ptdet, name)(*arguments, **keywords)
    what = (name, tuple(boxes.shape), boxes.dtype, scores.dtype, keywords)
    for ours, theirs in zip(got, expected, strict=True):
        assert ours.dtype == theirs.dtype, what
        assert torch.equal(torch.nan_to_num(ours, nan=-7), torch.nan_to_num(theirs, nan=-7)), what


@pytest.mark.grid("method")
@pytest.mark.parametrize("method", METHODS)
@pytest.mark.parametrize("name", SMALL)
def test_named_sets(method: str, name: str) -> None:
    boxes, scores = NAMED[name]()
    for n, threshold in enumerate((-0.5, 0.0, 0.3, 0.6)):
        idxs = class_ids(len(scores), "few", 1) if n % 2 else None
        for place, metric in enumerate((*METRICS, "iou")):
            agree(method, boxes, scores, idxs, threshold, {"metric": metric, "inclusive": n % 3 == 0}, 7 * n + place)


@pytest.mark.parametrize("method", METHODS)
@pytest.mark.parametrize("first", [0, *(pytest.param(first, marks=pytest.mark.slow) for first in range(10, 60, 10))])
def test_strange_cases(method: str, first: int) -> None:
    """Other measures and dtypes, limits, NaN, inverted boxes, any strides."""
    for seed in range(first, first + 10):
        case = strange_case(seed)
        boxes, scores = case.boxes[:150], case.scores[:150]
        idxs = None if case.idxs is None else case.idxs[:150]
        keywords = {"metric": case.metric, "inclusive": case.inclusive, "score_threshold": case.score_threshold}
        keywords["max_output"] = case.max_output
        for draw in range(2):
            agree(method, boxes, scores, idxs, case.iou_threshold, keywords, 2 * seed + draw)


@pytest.mark.grid("method")
@pytest.mark.parametrize("method", METHODS)
def test_larger_sets(method: str, threads: int) -> None:
    """Several blocks and levels of the tree, several workers."""
    for boxes, scores in (clustered(700, 1), dense(500, 3)):
        for seed in range(3):
            agree(method, boxes, scores, None, 0.4, {}, seed)
            agree(method, boxes.double(), scores.double(), class_ids(len(scores), "many", 5), 0.4, {}, seed + 3)


@pytest.mark.grid("method")
@pytest.mark.parametrize("method", ["and_nms_walk", "merge_nms_walk", "soft_nms_walk"])
def test_many_boxes(method: str, threads: int) -> None:
    boxes, scores = clustered(5000, 7, image=3000)
    agree(method, boxes, scores, class_ids(5000, "few", 7), 0.4, {}, 0)


@pytest.mark.parametrize("name", ["and_nms", "merge_nms"])
def test_compact_forms_are_the_others_cut(name: str) -> None:
    boxes, scores = clustered(300, 5)
    for dtype in (torch.float32, torch.float64, torch.float16, torch.bfloat16):
        call = boxes.to(dtype), scores, class_ids(300, "few", 5), 0.4
        compact = getattr(torch.ops.ptdet, name)(*call)
        *rows, _, num_kept = getattr(torch.ops.ptdet, f"{name}_walk")(*call)
        for ours, whole in zip(compact if isinstance(compact, tuple) else [compact], rows, strict=True):
            assert torch.equal(ours, whole[: int(num_kept)])


def test_halves_are_rounded_to_nearest_even() -> None:
    """Every float between two halves, through a merge of one box."""
    values = torch.cat([torch.logspace(-9, 6, 4000), torch.tensor([65519.9, 65520.0, 2.0**-25, 2.0**-24 * 1.5])])
    for dtype in (torch.float16, torch.bfloat16):
        boxes = torch.zeros(2 * len(values), 4, dtype=dtype)
        boxes[:, 0] = values.repeat_interleave(2).to(dtype)
        boxes[1::2, 0] = torch.nextafter(boxes[1::2, 0], torch.tensor(torch.inf, dtype=dtype))
        boxes[:, 2:] = boxes[:, :2]
        pairs = torch.arange(len(values)).repeat_interleave(2)
        call = boxes, torch.ones(len(boxes)), pairs, 0.0, "iou", True
        assert torch.equal(torch.ops.ptdet.merge_nms(*call)[0], reference.merge_nms(*call)[0])


@pytest.mark.parametrize("kind", ["gaussian", "linear"])
@pytest.mark.parametrize("dtype", [torch.float32, torch.float64])
def test_infinite_scores_that_become_nan_are_selected_next(kind: str, dtype: torch.dtype) -> None:
    """Infinity times 0 is NaN, which comes before every number: also where its block had another best."""
    draw = torch.Generator().manual_seed(1)
    corner = (torch.rand(200, 2, generator=draw) * 30).round()
    boxes = torch.cat([corner, corner + (5 * torch.rand(200, 2, generator=draw) + 1).round()], 1).to(dtype)
    scores = torch.rand(200, generator=draw).to(dtype)
    scores[::3] = torch.inf
    given: Any = (boxes, scores, None, 0.0, 1e-3, 0.001, kind, True, "iof")
    found, expected = torch.ops.ptdet.soft_nms_walk(*given), reference.soft_nms_walk(*given)
    assert torch.isnan(expected[0]).any()
    for one, other in zip(found, expected, strict=True):
        assert torch.equal(one.nan_to_num(nan=-7), other.nan_to_num(nan=-7))
