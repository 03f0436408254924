"""`ptdet.non_max_suppression` (docs/SPEC.md, section 4) against its oracle, and by hand."""

from __future__ import annotations

import math
from typing import Any

import pytest
import torch
from torch import Tensor

import ptdet
from ptdet import reference, yolo
from ptdet.testing import head_output

from ..oracles import one_thread

METHODS = pytest.mark.parametrize("method", yolo.METHODS)


def same(got: list[Tensor | None], expected: list[Tensor | None]) -> None:
    for ours, theirs in zip(got, expected, strict=True):
        assert (ours is None) == (theirs is None)
        if ours is not None and theirs is not None:
            assert ours.dtype == theirs.dtype and torch.equal(ours, theirs)


def pipeline(*arguments: Any, **keywords: Any) -> list[Tensor | None]:
    with one_thread():
        return reference.non_max_suppression(*arguments, **keywords)


def logit(p: float) -> float:
    return math.log(p / (1 - p))


def row(x: float, y: float, w: float, h: float, objectness: float, *classes: float) -> list[float]:
    return [x, y, w, h, objectness, *map(logit, classes)]


@METHODS
@pytest.mark.parametrize("multi_cls", [True, False])
@pytest.mark.parametrize("batch", [1, 5])
def test_equals_the_oracle(method: str, multi_cls: bool, batch: int) -> None:
    for seed, (conf, nms) in enumerate(((0.5, 0.5), (0.2, 0.3), (0.005, 0.6), (0.3, 0.0), (0.3, 1.0), (0.999, 0.5))):
        prediction = head_output(batch, 120, 4, seed, logits=True, image=200)
        if batch > 2:
            prediction[2, :, 4] = 0  # nothing passes
            prediction[3, :, 5:] = -60  # rows pass, no class does
        for cap in (500, 3, None):
            got = ptdet.non_max_suppression(prediction, conf, nms, multi_cls, method, max_per_class=cap)
            same(got, pipeline(prediction, conf, nms, multi_cls, method, max_per_class=cap))


@METHODS
@pytest.mark.parametrize("dtype", [torch.float64, torch.float16, torch.bfloat16], ids=str)
def test_dtypes_and_strides(method: str, dtype: torch.dtype) -> None:
    prediction = head_output(2, 90, 3, 7, logits=True, image=150).to(dtype)
    expected = pipeline(prediction, 0.3, 0.5, True, method)
    kind = torch.float64 if dtype == torch.float64 else torch.float32
    assert all(one is None or one.dtype == kind for one in expected)
    for strided in (
        prediction,
        prediction.transpose(1, 2).contiguous().transpose(1, 2),
        prediction.repeat_interleave(2, 0)[::2],
    ):
        before = strided.clone()
        same(ptdet.non_max_suppression(strided, 0.3, 0.5, True, method), expected)
        assert torch.equal(strided, before)


@METHODS
def test_a_batch_is_its_images(method: str) -> None:
    prediction = head_output(64, 40, 3, 3, logits=True, image=120)
    whole = ptdet.non_max_suppression(prediction, 0.3, method=method)
    same(whole, [ptdet.non_max_suppression(prediction[i : i + 1], 0.3, method=method)[0] for i in range(64)])


def test_by_hand(backend: str) -> None:
    """A and B overlap by 9/11; C is far; D is too small, E too faint, F too wide."""
    prediction = torch.tensor([[
        row(50, 50, 20, 10, 0.9, 0.9, 0.1), row(52, 50, 20, 10, 0.8, 0.9, 0.1), row(150, 50, 20, 10, 0.9, 0.1, 0.9),
        row(250, 50, 2, 10, 0.9, 0.9, 0.9), row(250, 90, 20, 10, 0.5, 0.9, 0.9), row(0, 0, 4096, 9, 0.9, 0.9, 0.9),
    ]])  # fmt: skip
    (found,) = ptdet.non_max_suppression(prediction)
    expected = [[40, 45, 60, 55, 0.81, 0], [140, 45, 160, 55, 0.81, 1]]
    assert found is not None
    torch.testing.assert_close(found, torch.tensor(expected), rtol=1e-6, atol=0)
    (confirmed,) = ptdet.non_max_suppression(prediction, method="and")  # C is alone in its class
    torch.testing.assert_close(confirmed, torch.tensor(expected), rtol=1e-6, atol=0)
    (merged,) = ptdet.non_max_suppression(prediction, method="merge")
    assert merged is not None
    torch.testing.assert_close(merged[0, 0].item(), (0.81 * 40 + 0.72 * 42) / 1.53, rtol=1e-6, atol=0)
    (soft,) = ptdet.non_max_suppression(prediction, 0.1, method="soft")
    assert soft is not None and len(soft) == 5  # A, B, E of class 0; C, E of class 1
    faint = 0.72 * math.exp(-((9 / 11) ** 2) / 0.5)
    assert any(abs(score - faint) < 1e-6 for score in soft[:, 4].tolist())


def test_none_and_empty() -> None:
    nothing = head_output(1, 30, 2, 1, logits=True)
    nothing[..., 4] = 0.1
    rows_but_no_class = nothing.clone()
    rows_but_no_class[..., 4], rows_but_no_class[..., 5:] = 0.9, -20
    for method in yolo.METHODS:
        assert ptdet.non_max_suppression(nothing, method=method) == [None]
        (found,) = ptdet.non_max_suppression(rows_but_no_class, method=method)
        assert found is None if method != "vision_batch" else found is not None and found.shape == (0, 6)
    assert ptdet.non_max_suppression(torch.zeros(0, 5, 7)) == []
    assert ptdet.non_max_suppression(torch.zeros(2, 0, 7)) == [None, None]
    assert ptdet.non_max_suppression(torch.ones(1, 4, 5) * 3) == [None]  # no classes


def test_a_class_above_the_cap() -> None:
    n = 700
    x = torch.arange(n) * 30.0 % 4000
    prediction = torch.stack([x, torch.arange(n) // 100 * 30.0, x * 0 + 9, x * 0 + 9, torch.linspace(0.6, 0.9, n)], 1)
    prediction = torch.cat([prediction, torch.full((n, 1), 30.0)], 1)[None]
    for method in yolo.METHODS:
        (found,) = ptdet.non_max_suppression(prediction, method=method)
        if method == "and":  # nothing confirms anything
            assert found is None
        else:
            assert found is not None and len(found) == (n if method == "vision_batch" else 500)
    assert len(ptdet.non_max_suppression(prediction, max_per_class=None)[0]) == n


def test_best_class_has_no_second_threshold_and_soft_emits_the_first() -> None:
    """Objectness .6 passes .5; confidence .06 does not matter without multi_cls."""
    prediction = torch.tensor([[row(50, 50, 20, 10, 0.6, 0.1), row(50, 50, 20, 10, 0.6, 0.08)]])
    assert ptdet.non_max_suppression(prediction) == [None]
    for method, count in {"vision": 1, "vision_batch": 1, "soft": 1, "merge": 1}.items():
        (found,) = ptdet.non_max_suppression(prediction, multi_cls=False, method=method)
        assert found is not None and len(found) == count
        assert abs(found[0, 4].item() - 0.06) < 1e-6
    (low,) = ptdet.non_max_suppression(prediction, 0.005, multi_cls=False)  # below 0.01 every class counts again
    assert low is not None and len(low) == 1


def test_values_that_are_no_numbers_leave() -> None:
    prediction = head_output(1, 60, 3, 5, logits=True, image=200)
    odd = prediction.clone()
    for place, value in enumerate((math.nan, math.inf, -math.inf)):
        for column in range(8):
            odd[0, place + 3 * column, column] = value
    for multi_cls in (True, False):
        for method in yolo.METHODS:
            got = ptdet.non_max_suppression(odd, 0.2, 0.5, multi_cls, method)
            same(got, pipeline(odd, 0.2, 0.5, multi_cls, method))
            assert got[0] is None or bool(torch.isfinite(got[0]).all())


def test_runs_on_the_reference_too() -> None:
    prediction = head_output(2, 60, 3, 9, logits=True, image=150)
    for method in yolo.METHODS:
        native = ptdet.non_max_suppression(prediction, 0.2, method=method)
        with ptdet.backend("reference"):
            same(ptdet.non_max_suppression(prediction, 0.2, method=method), native)


GOOD: dict[str, Any] = {"prediction": torch.zeros(1, 3, 7)}
BAD: dict[str, tuple[dict[str, Any], type[Exception], str]] = {
    "no tensor": ({"prediction": [[1.0]]}, TypeError, "prediction"),
    "rank": ({"prediction": torch.zeros(3, 7)}, ValueError, "prediction"),
    "few columns": ({"prediction": torch.zeros(1, 3, 4)}, ValueError, "prediction"),
    "integers": ({"prediction": torch.zeros(1, 3, 7, dtype=torch.int64)}, TypeError, "prediction"),
    "conf nan": ({"conf_thres": math.nan}, ValueError, "conf_thres"),
    "nms text": ({"nms_thres": "0.5"}, TypeError, "nms_thres"),
    "method": ({"method": "vison"}, ValueError, "vison"),
    "flag": ({"multi_cls": 1}, TypeError, "multi_cls"),
    "cap": ({"max_per_class": -1}, ValueError, "max_per_class"),
    "cap text": ({"max_per_class": "500"}, TypeError, "max_per_class"),
}


@pytest.mark.parametrize("name", BAD)
def test_bad_input(name: str, backend: str) -> None:
    change, raises, fragment = BAD[name]
    with pytest.raises(raises, match=fragment):
        ptdet.non_max_suppression(**{**GOOD, **change})
