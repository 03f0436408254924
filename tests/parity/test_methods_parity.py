"""The native kernels of the other methods answer as the reference does, index for index."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import pytest
import torch
from torch import Tensor

from ptdet import reference
from ptdet.testing import NAMED, class_ids, clustered, dense, strange_case

from ..oracles import one_thread

pytestmark = pytest.mark.usefixtures("native")

SMALL = [name for name in NAMED if len(NAMED[name]()[1]) <= 300]
WEIGHTS = torch.tensor([1.0, 2.0, 0.5])


def models(scores: Tensor) -> Tensor:
    return torch.arange(len(scores)) % 3


def drawn(seed: int, choices: list[Any]) -> Any:
    return choices[seed * 2654435761 % 2**32 % len(choices)]


# name -> how to call it on boxes, scores, ids, threshold, common keywords and a seed that draws options
METHODS: dict[str, Callable[..., tuple[str, tuple[Any, ...], dict[str, Any]]]] = {
    "diou": lambda b, s, i, t, k, n: (
        "diou_nms_walk",
        (b, s, i, t),
        {"beta": drawn(n, [1.0, 0.6, 2.0]), **{name: value for name, value in k.items() if name != "metric"}},
    ),
    "and": lambda b, s, i, t, k, n: ("and_nms_walk", (b, s, i, t, drawn(n, [-0.5, 0.0, 0.2, 0.5, 0.9])), k),
    "merge": lambda b, s, i, t, k, n: ("merge_nms_walk", (b, s, i, t), {**k, "weights": drawn(n, list(WEIGHT_NAMES))}),
    "overlapping": lambda b, s, i, t, k, n: ("merge_nms_walk", (b, s, i, t), {**k, "members": "overlapping"}),
    "later": lambda b, s, i, t, k, n: (
        "merge_nms_walk", (b, s, i, t), {**k, "members": "later", "weights": "score_overlap"}),
    "best": lambda b, s, i, t, k, n: (
        "merge_nms_walk", (b, s, i, t), {**k, "members": "best", "weights": "score_overlap"}),
    "greedy_nmm": lambda b, s, i, t, k, n: ("nmm_walk", (b, s, i, t), k),
    "nmm": lambda b, s, i, t, k, n: ("nmm_walk", (b, s, i, t), {**k, "members_hand_on": True}),
    "gaussian": lambda b, s, i, t, k, n: ("soft_nms_walk", (b, s.abs(), i, t), {**k, "reselect": n % 2 == 0}),
    "linear": lambda b, s, i, t, k, n: (
        "soft_nms_walk", (b, s.abs(), i, t), {**k, "kind": "linear", "reselect": n % 2 == 0, "min_score": 0.1}),
    "hard": lambda b, s, i, t, k, n: (
        "soft_nms_walk", (b, s.abs(), i, t), {**k, "kind": "hard", "reselect": n % 2 == 0, "min_score": -1.0}),
    "fast": lambda b, s, i, t, k, n: ("fast_nms_walk", (b, s, i, t), k),
    "matrix": lambda b, s, i, t, k, n: (
        "matrix_nms_walk", (b, s, i),
        {"kind": drawn(n, ["gaussian", "linear"]), "min_score": 0.1,
         **{name: value for name, value in k.items() if name != "inclusive"}}),
    "wbf": lambda b, s, i, t, k, n: (
        "wbf_walk", (b, s, i, models(s), WEIGHTS, t), {**k, "conf_type": drawn(n, list(CONF_TYPES))}),
}  # fmt: skip
WEIGHT_NAMES = ("score", "score_overlap")
CONF_TYPES = ("avg", "max", "box_and_model_avg", "absent_model_aware_avg")


def agree(method: str, *case: Any) -> None:
    name, arguments, keywords = METHODS[method](*case)
    with one_thread():
        expected = getattr(reference, name)(*arguments, **keywords)
    got = getattr(torch.ops.ptdet, name)(*arguments, **keywords)
    what = (method, tuple(case[0].shape), case[0].dtype, case[1].dtype, case[3:], keywords)
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
        for metric in ("iou", "giou", "ciou", "ios"):
            agree(method, boxes, scores, idxs, threshold, {"metric": metric, "inclusive": n % 3 == 0}, n)


@pytest.mark.parametrize("method", METHODS)
@pytest.mark.parametrize("first", [0, *(pytest.param(first, marks=pytest.mark.slow) for first in range(10, 60, 10))])
def test_strange_cases(method: str, first: int) -> None:
    """Other measures and dtypes, limits, NaN, inverted boxes, any strides."""
    for seed in range(first, first + 10):
        case = strange_case(seed)
        boxes, scores = case.boxes[:150], case.scores[:150]
        idxs = None if case.idxs is None else case.idxs[:150]
        keywords = {"metric": case.metric, "inclusive": case.inclusive, "score_threshold": case.score_threshold}
        agree(method, boxes, scores, idxs, case.iou_threshold, {**keywords, "max_output": case.max_output}, seed)


@pytest.mark.grid("method")
@pytest.mark.parametrize("method", METHODS)
def test_larger_sets(method: str, threads: int) -> None:
    """Several blocks and levels of the tree, several workers."""
    for boxes, scores in (clustered(700, 1), dense(500, 3)):
        agree(method, boxes, scores, None, 0.4, {}, 0)
        agree(method, boxes.double(), scores.double(), class_ids(len(scores), "many", 5), 0.4, {}, 1)


@pytest.mark.grid("method")
@pytest.mark.parametrize("method", ["and", "merge", "linear"])
def test_many_boxes(method: str, threads: int) -> None:
    boxes, scores = clustered(5000, 7, image=3000)
    agree(method, boxes, scores, class_ids(5000, "few", 7), 0.4, {}, 0)


@pytest.mark.parametrize("name", ["and_nms", "merge_nms"])
def test_compact_forms_are_the_walks_cut(name: str) -> None:
    boxes, scores = clustered(300, 5)
    for dtype in (torch.float32, torch.float64, torch.float16, torch.bfloat16):
        call = boxes.to(dtype), scores, class_ids(300, "few", 5), 0.4
        compact = getattr(torch.ops.ptdet, name)(*call)
        *rows, _, kept = getattr(torch.ops.ptdet, f"{name}_walk")(*call)
        for ours, walk in zip(compact if isinstance(compact, tuple) else [compact], rows, strict=True):
            assert torch.equal(ours, walk[: int(kept)])


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
def test_infinite_scores_that_become_nan_are_visited_next(kind: str, dtype: torch.dtype) -> None:
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
