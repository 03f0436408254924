"""ptdet.numpy answers as the operators for tensors do, for any array, and says what is wrong with what it is given."""

from __future__ import annotations

import re
import threading
from typing import Any

import numpy as np
import pytest
import torch

import ptdet
import ptdet.numpy
from ptdet._shared.parameters import METRICS
from ptdet.numpy import _native
from ptdet.testing import Case, clustered, fuzz_case, scattered, strange_case

BOXES = np.array([[0.0, 0, 5, 5], [1, 1, 6, 6], [20, 20, 25, 25]])
SCORES = np.array([0.9, 0.8, 0.7])
IDS = np.array([0, 0, 1])
NAN = float("nan")


def arrays(*tensors: torch.Tensor | None) -> list[Any]:
    """NumPy has no bfloat16 of its own: such tensors are tested as float32, which holds the same numbers."""
    return [None if t is None else (t.float() if t.dtype == torch.bfloat16 else t).numpy() for t in tensors]


def both(case: Case) -> tuple[Any, Any]:
    boxes, scores, idxs = arrays(case.boxes, case.scores, case.idxs)
    keywords = {
        "metric": case.metric, "inclusive": case.inclusive, "score_threshold": case.score_threshold,
        "max_output": case.max_output, "return_owner": True,
    }  # fmt: skip
    if case.idxs is None:
        ours = ptdet.numpy.nms(boxes, scores, case.iou_threshold, **keywords)
        return ours, ptdet.nms(case.boxes, case.scores, case.iou_threshold, **keywords)
    ours = ptdet.numpy.batched_nms(boxes, scores, idxs, case.iou_threshold, **keywords)
    return ours, ptdet.batched_nms(case.boxes, case.scores, case.idxs, case.iou_threshold, **keywords)


@pytest.mark.parametrize("first", range(0, 200, 20))
@pytest.mark.parametrize("make", [fuzz_case, strange_case], ids=["plain", "strange"])
def test_as_for_tensors(make: Any, first: int) -> None:
    for seed in range(first, first + 20):
        ours, theirs = both(make(seed))
        for got, expected in zip(ours, theirs, strict=True):
            assert got.dtype == np.int64
            np.testing.assert_array_equal(got, expected.numpy(), err_msg=f"{make.__name__}({seed})")


def few(count: int, dtype: str = "float64") -> tuple[Any, Any, Any]:
    boxes, scores = clustered(count, count, image=100)
    return boxes.numpy().astype(dtype), scores.numpy().astype(dtype), np.arange(count) % 3


@pytest.mark.parametrize("count", [0, 1, 10, 127, 128, 129, 300])
def test_the_short_way_finds_the_same(count: int) -> None:
    """Owners are asked for the other way only."""
    for dtype in ("float64", "float32", "float16", ">f4"):
        boxes, scores, idxs = few(count, dtype)
        apart = np.repeat(np.asfortranarray(boxes), 2, axis=0)[::2], np.repeat(scores, 2)[::2]
        for metric in ("iou", "giou", "iof"):
            for options in ({}, {"inclusive": True, "score_threshold": 0.25, "max_output": 7}, {"max_output": 10**30}):
                keywords: dict[str, Any] = {"metric": metric, **options}
                expected = ptdet.numpy.nms(boxes, scores, 0.4, return_owner=True, **keywords)[0]
                for given in ((boxes, scores), apart):
                    np.testing.assert_array_equal(ptdet.numpy.nms(*given, 0.4, **keywords), expected)
                expected = ptdet.numpy.batched_nms(boxes, scores, idxs, 0.4, return_owner=True, **keywords)[0]
                for ids in (idxs, idxs.astype(np.int32), idxs.astype(np.uint8), idxs.astype(np.float32)):
                    np.testing.assert_array_equal(
                        ptdet.numpy.batched_nms(boxes, scores, ids, 0.4, **keywords), expected
                    )


@pytest.mark.parametrize(
    ("change", "raises", "says"),
    [
        ({"boxes": np.zeros((3, 5))}, ValueError, "boxes: expected shape (N, 4), got (3, 5)"),
        ({"boxes": np.zeros((3, 4), np.int64)}, TypeError, "boxes: expected float64, float32, float16 or bfloat16"),
        ({"boxes": [[0.0] * 4] * 3}, TypeError, "boxes: expected a numpy.ndarray, got list"),
        ({"scores": SCORES[:2]}, ValueError, "scores: expected shape (3,), got (2,)"),
        ({"iou_threshold": NAN}, ValueError, "iou_threshold: expected a number, got nan"),
        ({"iou_threshold": "0.5"}, TypeError, "iou_threshold: expected a number, got str"),
        ({"metric": "ious"}, ValueError, f"metric: expected one of {', '.join(METRICS)}, got 'ious'"),
        ({"metric": "\ud800"}, ValueError, "metric: expected one of"),
        ({"inclusive": 1}, TypeError, "inclusive: expected True or False, got int"),
        ({"score_threshold": NAN}, ValueError, "score_threshold: expected a number, got nan"),
        ({"max_output": -1}, ValueError, "max_output: expected None or a number >= 0, got -1"),
        ({"max_output": 1.0}, TypeError, "max_output: expected an integer or None, got float"),
    ],
)
def test_the_short_way_refuses_the_same(change: Any, raises: type[Exception], says: str) -> None:
    given = {"boxes": BOXES, "scores": SCORES, "iou_threshold": 0.5, **change}
    with pytest.raises(raises, match=re.escape(says)):
        ptdet.numpy.nms(**given)


def test_the_short_way_takes_numbers_of_all_kinds() -> None:
    for threshold in (np.float32(0.25), np.float64(0.25), np.array(0.25)):
        assert ptdet.numpy.nms(BOXES, SCORES, threshold).tolist() == [0, 2]
    assert ptdet.numpy.nms(BOXES, SCORES, 1, max_output=np.int8(2), inclusive=np.bool_(False)).tolist() == [0, 1]
    with pytest.raises(TypeError, match="expected 10 arguments"):
        _native.native.nms(BOXES)


@pytest.mark.parametrize("threads", [1, 2, 7])
def test_large_inputs_at_any_number_of_threads(threads: int) -> None:
    before = ptdet.numpy.get_num_threads()
    ptdet.numpy.set_num_threads(threads)
    try:
        for scene in (clustered, scattered):
            boxes, scores = scene(50_000)
            keep = ptdet.numpy.nms(boxes.numpy(), scores.numpy(), 0.5)
            np.testing.assert_array_equal(keep, ptdet.nms(boxes, scores, 0.5).numpy())
    finally:
        ptdet.numpy.set_num_threads(before)


@pytest.mark.parametrize("dtype", [np.float16, np.float32, np.float64])
def test_any_strides_and_byte_order(dtype: type) -> None:
    boxes, scores = (t.numpy().astype(dtype) for t in clustered(500))
    expected = ptdet.numpy.nms(boxes, scores, 0.5)
    wide = np.zeros((1000, 9), dtype)
    wide[::2, 1::2] = boxes
    packed = np.zeros(500, [("flag", "u1"), ("box", dtype, 4), ("score", dtype)])  # unaligned, strides in odd bytes
    packed["box"], packed["score"] = boxes, scores
    unwritable = boxes.copy()
    unwritable.flags.writeable = False
    given = {
        "sliced": (wide[::2, 1::2], np.repeat(scores, 3)[::3]),
        "reversed": (boxes[::-1].copy()[::-1], scores[::-1].copy()[::-1]),
        "columns first": (np.asfortranarray(boxes), scores),
        "packed": (packed["box"], packed["score"]),
        "other byte order": (boxes.astype(boxes.dtype.newbyteorder()), scores.astype(scores.dtype.newbyteorder())),
        "unwritable": (unwritable, scores),
        "memory map": (boxes.view(np.memmap), scores),
    }
    for name, (b, s) in given.items():
        np.testing.assert_array_equal(ptdet.numpy.nms(b, s, 0.5), expected, err_msg=name)


def test_bfloat16_of_ml_dtypes() -> None:
    ml_dtypes = pytest.importorskip("ml_dtypes")
    boxes, scores = (t.bfloat16() for t in clustered(500))
    given = (t.float().numpy().astype(ml_dtypes.bfloat16) for t in (boxes, scores))
    np.testing.assert_array_equal(ptdet.numpy.nms(*given, 0.5), ptdet.nms(boxes, scores, 0.5).numpy())


@pytest.mark.parametrize("dtype", ["?", "i1", "u1", "i2", "u2", "i4", "u4", "i8", "u8", "f2", "f4", "f8"])
def test_ids_of_every_dtype(dtype: str) -> None:
    assert ptdet.numpy.batched_nms(BOXES, SCORES, np.array([0, 1, 1], dtype), 0.1).tolist() == [0, 1, 2]
    assert ptdet.numpy.batched_nms(BOXES, SCORES, np.array([1, 1, 0], dtype), 0.1).tolist() == [0, 2]


def test_nothing() -> None:
    keep, owner = ptdet.numpy.nms(np.zeros((0, 4)), np.zeros(0), 0.5, return_owner=True)
    assert keep.shape == owner.shape == (0,) and keep.dtype == np.int64


BAD: dict[str, tuple[dict[str, Any], type[Exception], tuple[str, ...]]] = {
    "boxes of rank 1": ({"boxes": BOXES[0]}, ValueError, ("boxes", "(N, 4)", "(4,)")),
    "boxes of rank 3": ({"boxes": BOXES[None]}, ValueError, ("boxes", "(N, 4)", "(1, 3, 4)")),
    "boxes of five": ({"boxes": np.zeros((3, 5))}, ValueError, ("boxes", "(N, 4)", "(3, 5)")),
    "integer boxes": ({"boxes": BOXES.astype(int)}, TypeError, ("boxes", "int64")),
    "complex boxes": ({"boxes": BOXES.astype(complex)}, TypeError, ("boxes", "complex128")),
    "long double": ({"boxes": BOXES.astype(np.longdouble)}, TypeError, ("boxes", "float", "longdouble|float128")),
    "boxes of text": ({"boxes": BOXES.astype(str)}, TypeError, ("boxes", "<U")),
    "boxes of objects": ({"boxes": BOXES.astype(object)}, TypeError, ("boxes", "object")),
    "boxes in a list": ({"boxes": BOXES.tolist()}, TypeError, ("boxes", "numpy.ndarray", "list")),
    "boxes in torch": ({"boxes": torch.tensor(BOXES)}, TypeError, ("boxes", "numpy.ndarray", "Tensor")),
    "no boxes": ({"boxes": None}, TypeError, ("boxes", "NoneType")),
    "fewer scores": ({"scores": SCORES[:2]}, ValueError, ("scores", "(3,)", "(2,)")),
    "scores of rank 2": ({"scores": SCORES[:, None]}, ValueError, ("scores", "(3,)", "(3, 1)")),
    "integer scores": ({"scores": SCORES.astype(int)}, TypeError, ("scores", "int64")),
    "dates": ({"scores": np.zeros(3, "M8[s]")}, TypeError, ("scores", "datetime64")),
    "threshold nan": ({"iou_threshold": NAN}, ValueError, ("iou_threshold", "nan")),
    "threshold text": ({"iou_threshold": "0.5"}, TypeError, ("iou_threshold", "str")),
    "threshold none": ({"iou_threshold": None}, TypeError, ("iou_threshold", "None")),
    "score_threshold nan": ({"score_threshold": NAN}, ValueError, ("score_threshold", "nan")),
    "negative max_output": ({"max_output": -1}, ValueError, ("max_output", "-1")),
    "huge negative max_output": ({"max_output": -(10**30)}, ValueError, ("max_output", "-1")),
    "fraction max_output": ({"max_output": 2.5}, TypeError, ("max_output", "float")),
    "unknown metric": ({"metric": "mahalanobis"}, ValueError, ("metric", "iou", "mahalanobis")),
    "metric with a nul": ({"metric": "iou\0"}, ValueError, ("metric", "iou")),
    "metric no text": ({"metric": 3}, ValueError, ("metric", "3")),
    "flag of text": ({"inclusive": "no"}, TypeError, ("inclusive", "str")),
    "no ids": ({"idxs": None}, TypeError, ("idxs", "None")),
    "ids of rank 2": ({"idxs": IDS[None]}, ValueError, ("idxs", "(3,)", "(1, 3)")),
    "more ids": ({"idxs": np.arange(4)}, ValueError, ("idxs", "(3,)", "(4,)")),
    "complex ids": ({"idxs": IDS.astype(complex)}, TypeError, ("idxs", "complex128")),
    "nan ids": ({"idxs": np.array([0.0, NAN, 1.0])}, ValueError, ("idxs", "NaN")),
}


@pytest.mark.parametrize("name", BAD)
def test_bad_input(name: str) -> None:
    change, raises, fragments = BAD[name]
    call = {"boxes": BOXES, "scores": SCORES, "idxs": IDS, "iou_threshold": 0.5, **change}
    with pytest.raises(raises) as caught:
        ptdet.numpy.batched_nms(**call)
    for fragment in fragments:
        assert any(one.lower() in str(caught.value).lower() for one in fragment.split("|")), str(caught.value)


def test_a_limit_beyond_all_numbers() -> None:
    assert ptdet.numpy.nms(BOXES, SCORES, 0.1, max_output=10**30).tolist() == [0, 2]


@pytest.mark.parametrize("count, raises", [(0, ValueError), (-1, ValueError), (2.0, TypeError), (None, TypeError)])
def test_bad_thread_counts(count: Any, raises: type[Exception]) -> None:
    with pytest.raises(raises, match="count"):
        ptdet.numpy.set_num_threads(count)


def test_many_callers_at_once() -> None:
    boxes, scores = (t.numpy() for t in clustered(30_000))
    expected = ptdet.numpy.nms(boxes, scores, 0.5)
    wrong: list[int] = []

    def call(number: int) -> None:
        for _ in range(5):
            if not np.array_equal(ptdet.numpy.nms(boxes, scores, 0.5), expected):
                wrong.append(number)

    callers = [threading.Thread(target=call, args=(number,)) for number in range(6)]
    for caller in callers:
        caller.start()
    for caller in callers:
        caller.join()
    assert not wrong
