"""Bad input to the other methods: what is raised, and that it names the argument, what was expected and what came."""

from __future__ import annotations

from typing import Any

import pytest
import torch

import ptdet
import ptdet.nn
from ptdet._shared.methods import METHODS
from ptdet.testing.samples_methods import OPERATORS, number_a_box

from .test_nms_errors import BAD, BAD_IDS, BOXES, IDS, NAN, SCORES, check

# Of the methods whose threshold has the name `iou_threshold`, if they have one.
FUNCTIONS = {
    row.function: getattr(ptdet, row.function)
    for name, row in METHODS.items()
    if name != "hard" and not name.endswith("nmm") and not row.of_models
}
ALONE = [name for name in OPERATORS if name != "wbf_walk"]  # that one is tried further down

NUMBERS = {
    **{row.function: row.numbers for row in METHODS.values()},
    **{row.operator: row.numbers for row in METHODS.values()},
}
# keywords that differ from a good call, the exception, and fragments of its message
OWN: dict[str, list[tuple[dict[str, Any], type[Exception], tuple[str, ...]]]] = {
    "diou_nms": [({"beta": b}, ValueError, ("beta", "> 0", str(b))) for b in (0.0, -1.0, float("inf"))]
    + [({"beta": NAN}, ValueError, ("beta", "nan")), ({"beta": "1"}, TypeError, ("beta", "str"))],
    "and_nms": [
        ({"overlap_threshold": NAN}, ValueError, ("overlap_threshold", "nan")),
        ({"overlap_threshold": None}, TypeError, ("overlap_threshold", "None")),
    ],
    "merge_nms": [
        ({"members": "all"}, ValueError, ("members", "cluster", "all")),
        ({"weights": "area"}, ValueError, ("weights", "score_overlap", "area")),
    ],
    "cluster_nms": [({"beta": 0.6}, ValueError, ("beta", "diou", "0.6"))],
    "soft_nms": [
        ({"sigma": 0.0}, ValueError, ("sigma", "> 0", "0.0")),
        ({"sigma": -1.0}, ValueError, ("sigma", "-1.0")),
        ({"sigma": NAN}, ValueError, ("sigma", "nan")),
        ({"min_score": NAN}, ValueError, ("min_score", "nan")),
        ({"min_score": "0"}, TypeError, ("min_score", "str")),
        ({"kind": "cubic"}, ValueError, ("kind", "gaussian", "cubic")),
        ({"scores": torch.tensor([0.9, -0.1, 0.7])}, ValueError, ("scores", ">= 0")),
    ],
    "matrix_nms": [
        ({"kind": "hard"}, ValueError, ("kind", "gaussian", "hard")),
        ({"sigma": 0.0}, ValueError, ("sigma", "> 0")),
        ({"min_score": NAN}, ValueError, ("min_score", "nan")),
    ],
    **{
        row.function: [
            ({name: SCORES * NAN}, ValueError, (name, "numbers", "NaN")),
            ({name: SCORES[:2]}, ValueError, (name, "(3,)", "(2,)")),
            ({name: IDS}, TypeError, (name, "float64", "int64")),
        ]
        for row in METHODS.values()
        for name in row.numbers
    },
}


def good(name: str) -> dict[str, Any]:
    call = {"boxes": BOXES, "scores": SCORES, "idxs": IDS, "iou_threshold": 0.5}
    call |= dict.fromkeys(NUMBERS.get(name, ()), number_a_box(SCORES))
    return {key: value for key, value in call.items() if not (name.startswith("matrix") and key == "iou_threshold")}


@pytest.mark.parametrize("name", FUNCTIONS)
def test_what_every_suppression_refuses(name: str, backend: str) -> None:
    FUNCTIONS[name](**good(name))
    for change, raises, fragments in (BAD | BAD_IDS).values():
        if name == "diou_nms" and "metric" in change or name == "matrix_nms" and "iou_threshold" in change:
            continue
        check(lambda change=change: FUNCTIONS[name](**{**good(name), **change}), raises, fragments)


@pytest.mark.parametrize("name", OWN)
def test_what_a_method_refuses(name: str, backend: str) -> None:
    for change, raises, fragments in OWN[name]:
        check(lambda change=change: FUNCTIONS[name](**{**good(name), **change}), raises, fragments)


@pytest.mark.parametrize("operator", ALONE)
def test_operators_called_directly(operator: str, backend: str) -> None:
    """They must not crash, read out of bounds or answer."""
    call = getattr(torch.ops.ptdet, operator)
    own = OWN.get(operator.removesuffix("_walk"), [])
    changes = [change for change, _, _ in [*(BAD | BAD_IDS).values(), *own]]
    for change in changes:
        if operator == "diou_nms_walk" and "metric" in change or "matrix" in operator and "iou_threshold" in change:
            continue
        if any(value is None for value in change.values()):
            continue  # the dispatcher's own check of types
        with pytest.raises((RuntimeError, ValueError, TypeError, NotImplementedError)):
            call(**{**good(operator), **change})


def test_fusion_operator_called_directly(backend: str) -> None:
    call = torch.ops.ptdet.wbf_walk
    models, weights = torch.tensor([0, 1, 1]), torch.tensor([1.0, 2.0])
    call(BOXES, SCORES, IDS, models, weights)
    bad = [
        (BOXES, SCORES, IDS, torch.tensor([0, 1, 2]), weights),
        (BOXES, SCORES, IDS, torch.tensor([0, -1, 1]), weights),
        (BOXES, SCORES, IDS, models[:2], weights),
        (BOXES, SCORES, IDS, models.int(), weights),
        (BOXES, SCORES, IDS, models, weights[None]),
        (BOXES, SCORES, IDS, models, weights[:0]),
        (BOXES, SCORES, IDS, models, torch.tensor([1, 2])),
        (BOXES, SCORES, IDS, models, weights, 0.5, "median"),
        (BOXES, SCORES, IDS.float() * NAN, models, weights),
    ]
    for arguments in bad:
        with pytest.raises((RuntimeError, ValueError, TypeError)):
            call(*arguments)


@pytest.mark.parametrize("function", [ptdet.greedy_nmm, ptdet.nmm])
def test_nmm(function: Any, backend: str) -> None:
    def named(name: str) -> str:
        return name.replace("iou_threshold", "match_threshold")

    call = {named(name): value for name, value in good("nmm").items()}
    function(**call)
    for change, raises, fragments in (BAD | BAD_IDS).values():
        wrong = {**call, **{named(name): value for name, value in change.items()}}
        check(lambda wrong=wrong: function(**wrong), raises, tuple(map(named, fragments)))


@pytest.mark.parametrize("function", [ptdet.weighted_boxes_fusion, ptdet.non_maximum_weighted])
def test_fusions(function: Any, backend: str) -> None:
    lists = [BOXES], [SCORES], [IDS]
    function(*lists)
    bad: list[tuple[tuple[Any, ...], dict[str, Any], type[Exception], tuple[str, ...]]] = [
        ((BOXES, SCORES, IDS), {}, TypeError, ("boxes_list", "list of tensors")),
        (([], [], []), {}, ValueError, ("boxes_list", "got 0")),
        (([BOXES], [SCORES, SCORES], [IDS]), {}, ValueError, ("scores_list", "got 2")),
        (([BOXES], [SCORES[:2]], [IDS]), {}, ValueError, ("scores_list[0]", "(3,)", "(2,)")),
        (([BOXES], [SCORES], [IDS[None]]), {}, ValueError, ("labels_list[0]", "(3,)")),
        (([BOXES[0]], [SCORES], [IDS]), {}, ValueError, ("boxes_list[0]", "(N, 4)", "(4,)")),
        (([BOXES], [torch.tensor([1, 2, 3])], [IDS]), {}, TypeError, ("scores_list", "int64")),
        (([BOXES.long()], [SCORES], [IDS]), {}, TypeError, ("boxes_list[0]", "float64", "int64")),
        (([BOXES], [SCORES.numpy()], [IDS]), {}, TypeError, ("scores_list[0]", "Tensor", "ndarray")),
        (lists, {"weights": [1.0, 2.0]}, ValueError, ("weights", "1 models", "2")),
        (lists, {"weights": [0.0]}, ValueError, ("weights", "> 0")),
        (lists, {"weights": [NAN]}, ValueError, ("weights", "nan")),
    ]
    for arguments, keywords, raises, fragments in bad:
        check(lambda a=arguments, k=keywords: function(*a, **k), raises, fragments)
    with pytest.raises(ValueError, match="conf_type"):
        ptdet.weighted_boxes_fusion(*lists, conf_type="median")


def test_modules() -> None:
    check(lambda: ptdet.nn.NMS(0.5, "mean"), ValueError, ("method", "hard", "mean"))
    check(lambda: ptdet.nn.NMS(0.5, "matrix"), ValueError, ("iou_threshold", "matrix"))
    check(lambda: ptdet.nn.NMS(None), ValueError, ("iou_threshold", "hard"))
    check(lambda: ptdet.nn.BoxFusion("mean"), ValueError, ("method", "wbf", "mean"))
    assert len(ptdet.nn.NMS(None, "matrix", kind="linear")(BOXES, SCORES, IDS)) == 2


@pytest.mark.parametrize("dtype", [torch.float64, torch.float32, torch.float16, torch.bfloat16])
def test_nothing_comes_of_nothing(dtype: torch.dtype, backend: str) -> None:
    boxes, scores, idxs = torch.zeros(0, 4, dtype=dtype), torch.zeros(0, dtype=dtype), torch.zeros(0, dtype=torch.int64)
    for name, function in FUNCTIONS.items():
        options = dict.fromkeys(NUMBERS[name], scores) | ({} if name == "matrix_nms" else {"iou_threshold": 0.5})
        *rows, keep, owner = function(boxes, scores, idxs=idxs, **options, return_owner=True)
        assert keep.shape == owner.shape == (0,) and keep.dtype == owner.dtype == torch.int64
        assert all(len(each) == 0 and each.dtype == dtype for each in rows)
    for fusion in (ptdet.weighted_boxes_fusion, ptdet.non_maximum_weighted):
        found = fusion([boxes, boxes], [scores, scores], [idxs, idxs])
        assert [each.dtype for each in found] == [dtype, dtype, torch.int64] and found[0].shape == (0, 4)
    for function in (ptdet.greedy_nmm, ptdet.nmm):
        assert function(boxes, scores)[0].shape == (0, 4)
