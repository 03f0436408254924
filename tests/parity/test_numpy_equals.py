"""Every function of ptdet.numpy beside the one of its name for tensors: the same result, or the same refusal."""

from __future__ import annotations

import inspect
import re
from collections.abc import Callable, Iterator
from typing import Any

import numpy as np
import pytest
import torch
from torch import Tensor

import ptdet
import ptdet.numpy
from ptdet._shared.parameters import METRICS, choices_of
from ptdet.testing import clustered
from ptdet.testing.samples_methods import number_a_box

from ..public_calls import HEAD, NUMBERS, PUBLIC, V8
from ..unit.test_bad_arguments import SCALARS

ARRAYS = {name: "yolo.postprocess" if name == "postprocess" else name for name in ptdet.numpy.__all__}
# Of arrays alone; and pictures, whose channels arrays have last: tests/unit/test_letterbox.py.
NO_TENSORS = {"get_num_threads", "set_num_threads", "Letterbox", "letterbox"}
NAMES = [name for name in ARRAYS if name not in NO_TENSORS]

# What to try of each option; all else at its good value.
VALUES: dict[str, list[Any]] = {
    "metric": [*METRICS], "inclusive": [False, True, np.True_],
    "return_owner": [False, True], "score_threshold": [None, 0.3, -1.0, float("inf"), np.float32(0.3)],
    "max_output": [None, 0, 3, np.int32(3), 2**63, 10**400], "iou_threshold": [0.0, 0.3, 1, -0.5, 2.0, float("inf")],
    "match_threshold": [0.0, 0.5, 1], "overlap_threshold": [-1.0, 0.5, 0.7], "sigma": [0.1, 1, 5.0],
    "beta": [1, 1.0, 0.6, 2.0], "min_score": [0.0, 0.3, -1],
    "kind": [*choices_of("kind"), *METRICS], "reselect": [False, True],
    "members": [*choices_of("members")],
    "weights": [*choices_of("weights"), None, [1, 3.0], np.array([0.5, 2.0])], "weighted": [False, True],
    "compat": [None, "torchvision", "yolov3", "yolov5", "mmcv", "mmcv_offset_1", "tensorflow", "onnx", "opencv"],
    "iou_thr": [0.0, 0.5, 1.5], "skip_box_thr": [0.0, 0.4, 2.0], "allows_overflow": [False, True],
    "conf_type": [*choices_of("conf_type")], "eps": [0, 0.0, 1e-7, 0.5],
    "conf_thres": [0.0, 0.005, 0.3, 2.0], "iou_thres": [0.1, 0.9], "nms_thres": [0.1, 0.9],
    "multi_cls": [False, True], "multi_label": [False, True], "agnostic": [False, True], "logits": [False, True],
    "method": ["vision", "vision_batch", "or", "and", "merge", "diounms", "soft"], "max_per_class": [None, 0, 1, 2**63],
    "max_det": [None, 0, 1, 2**63], "num_classes": [None, 0, 1], "head": ["v5", "v8"],
    "size": [8, (8, 24), [16, 12], (64, 64)], "strides": [[8], [4, 8], (8,), [6, 12]], "clip": [False, True],
    "min_sizes": [[4, 8], [[3, 5, 7], [2]]], "max_sizes": [None, [8, None]], "variances": [(0.1, 0.2), [1, 3.5]],
    "aspect_ratios": [None, [[2, 3], [1.5]]], "pre_topk": [None, 0, 1, 2, 7, 2**63],
    "classes": [None, [], [0], np.array([0]), [np.uint8(0)], 0, np.int64(0), np.array(0), 1, np.array([True]), True],
}  # fmt: skip
# Together with others these say more.
COMBINED = [
    {"weighted": True, "beta": 1.0}, {"weighted": True, "metric": "diou", "beta": 1.0, "return_owner": True},
    {"weighted": True, "beta": 0.6}, {"metric": "iou", "beta": 0.6}, {"metric": "iou", "beta": 1.0},
    {"max_output": 2, "score_threshold": 0.3}, {"compat": "onnx", "return_owner": True},
    {"multi_cls": False, "method": "soft"}, {"multi_cls": False, "method": "and"},
    {"compat": "yolov3", "inclusive": True},
    {"compat": "mmcv", "inclusive": True}, {"compat": "yolov3", "reselect": False},
    {"num_classes": None, "classes": None}, {"pre_topk": 3, "agnostic": True, "metric": "ciou", "iou_thres": 0.2},
    {"pre_topk": 3, "max_det": 1, "inclusive": True, "metric": "nonsense"},
    {"weights": [1.0, 2.0], "conf_type": "absent_model_aware_avg", "allows_overflow": True},
]  # fmt: skip


def as_array(value: Any) -> Any:
    """Tensors as arrays, bfloat16 as ml_dtypes'."""
    if isinstance(value, (list, tuple)) and not isinstance(value, ptdet.Letterbox):
        return [as_array(each) for each in value]
    if not isinstance(value, Tensor):
        return value
    if value.dtype == torch.bfloat16:
        return value.float().numpy().astype(pytest.importorskip("ml_dtypes").bfloat16)
    return value.numpy()


def outcome(call: Callable[..., Any], given: dict[str, Any]) -> Any:
    """The result as arrays; or the kind of error, and the argument that it names."""
    try:
        return as_array(call(**given))
    except (TypeError, ValueError) as error:
        named = re.match(r"\w+", str(error))
        return (TypeError if isinstance(error, TypeError) else ValueError), named and named.group()


def same(ours: Any, theirs: Any) -> bool:
    if isinstance(theirs, (list, tuple)):
        return isinstance(ours, (list, tuple)) and len(ours) == len(theirs) and all(map(same, ours, theirs))
    if isinstance(theirs, np.ndarray) != isinstance(ours, np.ndarray):
        return False
    if isinstance(theirs, np.ndarray):
        return ours.dtype == theirs.dtype and ours.shape == theirs.shape and ours.tobytes() == theirs.tobytes()
    return bool(ours is theirs or ours == theirs)


def good_call(name: str) -> dict[str, Any]:
    """The good call with enough boxes to tell methods apart."""
    good = dict(PUBLIC[ARRAYS[name]].good)
    boxes, scores = clustered(60)
    sets = {"boxes": boxes, "scores": scores, "idxs": torch.arange(60) % 3, "boxes1": boxes, "boxes2": boxes[:7] + 1}
    sets |= dict.fromkeys(NUMBERS, number_a_box(scores))
    sets |= {"boxes_list": [boxes, boxes + 1], "scores_list": [scores, scores.flip(0)]}
    sets |= {"labels_list": [torch.arange(60) % 2] * 2}
    sets |= {"prediction": torch.cat([V8, V8 * 0.9]) if name == "postprocess" else torch.cat([HEAD, HEAD * 0.7])}
    accepted = inspect.signature(getattr(ptdet.numpy, name)).parameters
    return {key: sets.get(key, value) for key, value in good.items() if key in accepted}


def compare(name: str, given: dict[str, Any], arrays: dict[str, Any] | None = None) -> str:
    """Empty if both answer alike."""
    tensors = PUBLIC[ARRAYS[name]].call
    theirs = outcome(tensors, given)
    ours = outcome(getattr(ptdet.numpy, name), arrays or {key: as_array(value) for key, value in given.items()})
    return "" if same(ours, theirs) else f"{ours!r:.300} instead of {theirs!r:.300}"


def told(found: Iterator[tuple[Any, str]]) -> None:
    problems = [f"{what}: {difference}" for what, difference in found if difference]
    assert not problems, "\n".join(problems)


def test_every_function_is_here() -> None:
    for name in NAMES:
        theirs = inspect.signature(PUBLIC[ARRAYS[name]].call).parameters
        ours = inspect.signature(getattr(ptdet.numpy, name)).parameters
        assert [*ours] == [each for each in theirs if each in ours], name
        assert {*theirs} - {*ours} <= {"fmt"}, name  # formats of boxes are box_convert's, which arrays do not have
        assert all(ours[each].default == theirs[each].default for each in ours), name
        assert all(ours[each].kind == theirs[each].kind for each in ours), name


@pytest.mark.parametrize("name", NAMES)
def test_every_option(name: str) -> None:
    good = good_call(name)
    changes = [{key: value} for key in good for value in VALUES.get(key, [])]
    changes += [change for change in COMBINED if {*change} <= {*good}]
    told((change, compare(name, {**good, **change})) for change in changes)


def tensors_of(good: dict[str, Any]) -> list[str]:
    return [key for key, value in good.items() if isinstance(value, Tensor) or "list" in key]


def with_all(good: dict[str, Any], change: Callable[[Tensor], Any], which: str = "") -> dict[str, Any]:
    """The call with its floating tensors changed, or with those whose name begins so."""

    def changed(key: str, value: Any) -> Any:
        if isinstance(value, list):
            return [changed(key, each) for each in value]
        wanted = key.startswith(which) if which else value.is_floating_point()
        return change(value) if wanted else value

    return {key: changed(key, value) if key in tensors_of(good) else value for key, value in good.items()}


@pytest.mark.parametrize("name", NAMES)
def test_every_dtype(name: str) -> None:
    good = good_call(name)
    dtypes = [torch.float64, torch.float32, torch.float16, torch.bfloat16, torch.int64, torch.uint8, torch.bool]
    told((dtype, compare(name, with_all(good, lambda t, to=dtype: t.to(to)))) for dtype in dtypes)
    half = with_all(good, lambda t: t.half(), "scores")
    told(iter([("half scores", compare(name, half))]))


@pytest.mark.parametrize("name", [name for name in NAMES if {"idxs", "labels_list"} & {*good_call(name)}])
def test_ids_of_every_dtype(name: str) -> None:
    good = good_call(name)
    which = "idxs" if "idxs" in good else "labels"
    whole = [torch.int8, torch.int16, torch.int32, torch.int64, torch.uint8, torch.uint16, torch.uint32, torch.uint64]
    dtypes = [*whole, torch.bool, torch.float64, torch.float32, torch.float16, torch.bfloat16, torch.complex64]
    told((dtype, compare(name, with_all(good, lambda t, to=dtype: t.to(to), which))) for dtype in dtypes)
    far = with_all(good, lambda t: t * (2**62) - 2**63, which)
    nan = with_all(good, lambda t: torch.where(t == 1, float("nan"), t.float()), which)
    told(iter([("far apart", compare(name, far)), ("nan", compare(name, nan)), ("-0.0", compare(name, with_all(
        good, lambda t: torch.where(t == 1, -0.0, t.double() - (t == 2) * 2), which)))]))  # fmt: skip


@pytest.mark.parametrize("name", NAMES)
def test_nothing_comes_of_nothing(name: str) -> None:
    good = good_call(name)
    told((count, compare(name, with_all(with_all(good, lambda t, n=count: t[:n]), lambda t, n=count: t[:n], "idxs")))
         for count in (0, 1) if "labels_list" not in good)  # fmt: skip
    if "labels_list" in good:
        none = {key: [each[:0] for each in value] if key in tensors_of(good) else value for key, value in good.items()}
        told(iter([("no boxes", compare(name, none))]))
    if "prediction" in good:
        empties = [good["prediction"][:, :0], good["prediction"][:, :, :0], good["prediction"][:0, :0]]
        told((tuple(each.shape), compare(name, {**good, "prediction": each})) for each in empties)
        methods = VALUES["method"] if "method" in good else []
        told((each, compare(name, {**good, "prediction": good["prediction"][:0], "method": each})) for each in methods)


def layouts(array: Any) -> dict[str, Any]:
    """The same numbers in other strides, byte orders and kinds of memory."""
    padded = np.zeros([2 * side for side in array.shape], array.dtype)
    sliced = padded[tuple(slice(None, None, 2) for _ in array.shape)]
    sliced[...] = array
    packed = np.zeros(array.shape[:1], [("flag", "u1"), ("value", array.dtype, array.shape[1:])])
    packed["value"] = array
    frozen = array.copy()
    frozen.flags.writeable = False
    return {
        "sliced": sliced, "reversed": array[::-1].copy()[::-1], "columns first": np.asfortranarray(array),
        "unaligned": packed["value"], "other byte order": array.astype(array.dtype.newbyteorder()),
        "frozen": frozen, "memory map": array.view(np.memmap), "matrix": array.view(type("Own", (np.ndarray,), {})),
    }  # fmt: skip


@pytest.mark.parametrize("dtype", [torch.float64, torch.float32, torch.float16], ids=str)
@pytest.mark.parametrize("name", NAMES)
def test_every_layout(name: str, dtype: torch.dtype) -> None:
    good = with_all(good_call(name), lambda t: t.to(dtype))
    arrays = {key: as_array(value) for key, value in good.items()}

    def in_layout(layout: str) -> dict[str, Any]:
        def changed(value: Any) -> Any:
            return [layouts(each)[layout] for each in value] if isinstance(value, list) else layouts(value)[layout]

        return {key: changed(value) if key in tensors_of(good) else value for key, value in arrays.items()}

    before = {key: np.array(arrays[key]) for key in tensors_of(good)}
    told((layout, compare(name, good, in_layout(layout))) for layout in layouts(np.zeros((1, 1))))
    assert all(np.array_equal(np.array(arrays[key]), before[key]) for key in before)


def wrong_arrays(good: Tensor) -> Iterator[tuple[str, Any, Any]]:
    """What is wrong, as a tensor and as an array."""
    changed = {
        "a dimension less": good[0], "a dimension more": good[None], "shorter": good[:-1], "int64": good.long(),
        "uint64": good.to(torch.uint64), "bool": good > 0, "complex": good.to(torch.complex64),
    }  # fmt: skip
    for label, value in changed.items():
        yield label, value, value.numpy()
    yield "list", good.tolist(), good.tolist()
    yield "the other's", good.numpy(), good


@pytest.mark.parametrize("name", NAMES)
def test_wrong_values_are_refused_alike(name: str) -> None:
    good = good_call(name)

    def differences() -> Iterator[tuple[str, str]]:
        for key in good:
            for label, value in SCALARS.items():
                if not (key in tensors_of(good) and isinstance(value, (np.ndarray, Tensor))):  # are of one kind only
                    yield f"{key} = {label}", compare(name, {**good, key: value})
            if key not in tensors_of(good):
                continue
            value = good[key]
            for label, tensor, array in wrong_arrays(value[0] if isinstance(value, list) else value):
                if key in ("boxes1", "boxes2") and label == "a dimension more":
                    continue  # of arrays two dimensions alone, as docs say
                given = {**good, key: [tensor, *value[1:]] if isinstance(value, list) else tensor}
                arrays = {each: as_array(other) for each, other in good.items()}
                arrays[key] = [array, *arrays[key][1:]] if isinstance(value, list) else array
                yield f"{key} is {label}", compare(name, given, arrays)

    told(differences())


@pytest.mark.parametrize("dtype", [np.longdouble, "U8", object, "M8[s]", "V4"])
def test_dtypes_of_arrays_alone(dtype: Any) -> None:
    for name in NAMES:
        good = {key: as_array(value) for key, value in good_call(name).items()}
        for key in tensors_of(good_call(name)):
            one = good[key][0] if isinstance(good[key], list) else good[key]
            odd = np.zeros(one.shape, dtype)
            given = {**good, key: [odd, *good[key][1:]] if isinstance(good[key], list) else odd}
            assert outcome(getattr(ptdet.numpy, name), given) == (TypeError, key), (name, key)
