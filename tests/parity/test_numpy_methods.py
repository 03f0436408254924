"""The other functions of ptdet.numpy answer as those for tensors."""

from __future__ import annotations

import inspect
import re
from collections.abc import Callable
from typing import Any

import numpy as np
import pytest
import torch

import ptdet
import ptdet.numpy
from ptdet._shared.methods import FUSIONS, METHODS
from ptdet._shared.parameters import METRICS
from ptdet.testing import clustered, scattered
from ptdet.testing.samples_methods import function_options, number_a_box

from ..oracles import one_thread

SUPPRESSING = [name for name in METHODS if name != "hard" and name not in FUSIONS]  # that one is in test_numpy.py
COMMON: list[dict[str, Any]] = [
    {"return_owner": True}, {"score_threshold": 0.3, "max_output": 20, "return_owner": True}, {"max_output": 0},
]  # fmt: skip


def equal(ours: Any, theirs: Any) -> None:
    """The same kernels: to the bit, and of the same dtype."""
    if isinstance(theirs, (tuple, list)):
        assert len(ours) == len(theirs)
        for one, other in zip(ours, theirs, strict=True):
            equal(one, other)
    elif theirs is None:
        assert ours is None
    else:
        assert ours.dtype == theirs.numpy().dtype
        np.testing.assert_array_equal(ours, theirs.numpy())


@pytest.mark.parametrize("dtype", [torch.float64, torch.float32, torch.float16])
@pytest.mark.parametrize("name", SUPPRESSING)
def test_methods(name: str, dtype: torch.dtype) -> None:
    row = METHODS[name]
    theirs, ours = getattr(ptdet, row.function), getattr(ptdet.numpy, row.function)
    threshold = (0.45,) if row.has_threshold else ()
    metrics = METRICS if "metric" in inspect.signature(theirs).parameters else (None,)
    options = [*function_options(name), *({"metric": metric} for metric in metrics if metric)]
    for scene, count in ((clustered, 0), (clustered, 1), (clustered, 300), (scattered, 300)):
        boxes, scores = (t.to(dtype) for t in scene(count))
        numbers = (number_a_box(scores),) * len(row.numbers)
        for chosen in options:
            for common in ({}, *COMMON):
                for ids in (None, torch.arange(count) % 3):
                    with one_thread():
                        expected = theirs(boxes, scores, *numbers, *threshold, ids, **chosen, **common)
                    tensors = (boxes, scores, *numbers)
                    given = (*(t.numpy() for t in tensors), *threshold, None if ids is None else ids.numpy())
                    equal(ours(*given, **chosen, **common), expected)


def test_threads_change_nothing() -> None:
    """Enough boxes that each thread has a part."""
    boxes, scores = clustered(5000)
    before = ptdet.numpy.get_num_threads()
    found = []
    for threads in (1, 3):
        ptdet.numpy.set_num_threads(threads)
        fast = ptdet.numpy.fast_nms(boxes.numpy(), scores.numpy(), 0.5, return_owner=True)
        found.append([*fast, *ptdet.numpy.matrix_nms(boxes.numpy(), scores.numpy(), return_owner=True)])
    ptdet.numpy.set_num_threads(before)
    for one, other in zip(*found, strict=True):
        np.testing.assert_array_equal(one, other)
    with one_thread():
        equal(found[0][:2], ptdet.fast_nms(boxes, scores, 0.5, return_owner=True))


STRANGE = torch.tensor(
    [[0, 0, 10, 10], [0, 0, float("inf"), 10], [5, 5, 5, 5], [10, 10, 0, 0], [float("nan"), 0, 9, 9], [1, 0, 11, 10],
     [-float("inf"), 0, float("inf"), 8], [0, 0, 10, 10], [1e30, 0, 2e30, 1e30]]
)  # fmt: skip


@pytest.mark.parametrize("threshold", [-0.5, 0.0, 0.5, 1.0])
@pytest.mark.parametrize("name", ["fast_nms", "greedy_nmm", "nmm"])
def test_strange_boxes(name: str, threshold: float) -> None:
    """What is not finite meets nothing, not even a threshold below 0; NaN scores come first."""
    scores = torch.tensor([0.5, 0.5, 0.7, float("nan"), 0.1, 0.9, float("inf"), 0.2, -1.0])
    for metric in METRICS:
        for inclusive in (False, True):
            options: dict[str, Any] = {"metric": metric, "inclusive": inclusive, "return_owner": True}
            theirs = getattr(ptdet, name)(STRANGE, scores, threshold, **options)
            equal(getattr(ptdet.numpy, name)(STRANGE.numpy(), scores.numpy(), threshold, **options), theirs)


@pytest.mark.parametrize("return_owner", [False, True])
@pytest.mark.parametrize("name", FUSIONS)
def test_fusion(name: str, return_owner: bool) -> None:
    models = [clustered(count, seed) for seed, count in enumerate((120, 80, 0))]
    boxes, scores = [list(each) for each in zip(*models, strict=True)]
    labels = [torch.arange(len(each)) % 2 for each in scores]
    arrays = [[t.numpy() for t in each] for each in (boxes, scores, labels)]
    of_models: list[dict[str, Any]] = [{}, {"weights": [2.0, 1.0, 0.5], "skip_box_thr": 0.2}, {"weights": [3, 1, 1]}]
    for chosen in ({**one, **other} for one in function_options(name) for other in of_models):
        function = METHODS[name].function
        theirs = getattr(ptdet, function)(boxes, scores, labels, **chosen, return_owner=return_owner)
        equal(getattr(ptdet.numpy, function)(*arrays, **chosen, return_owner=return_owner), theirs)


@pytest.mark.parametrize("dtype", [torch.float64, torch.float32, torch.float16, torch.int64, torch.uint8])
@pytest.mark.parametrize("kind", METRICS)
def test_overlaps(kind: str, dtype: torch.dtype) -> None:
    one, other = clustered(40)[0].clamp(0, 255).to(dtype), scattered(30)[0].clamp(0, 255).to(dtype)
    equal(ptdet.numpy.pairwise_overlap(one.numpy(), other.numpy(), kind), ptdet.pairwise_overlap(one, other, kind))
    strided = np.asfortranarray(one.numpy())[::-1]
    equal(ptdet.numpy.pairwise_overlap(strided, other.numpy(), kind), ptdet.pairwise_overlap(one.flip(0), other, kind))
    assert ptdet.numpy.pairwise_overlap(one.numpy()[:0], other.numpy(), kind).shape == (0, 30)


@pytest.mark.parametrize(
    "name", ["box_iou", "generalized_box_iou", "distance_box_iou", "complete_box_iou", "box_iof", "box_ios"]
)
def test_named_overlaps(name: str) -> None:
    one, other = clustered(20)[0], scattered(20)[0]
    equal(getattr(ptdet.numpy, name)(one.numpy(), other.numpy()), getattr(ptdet, name)(one, other))


def raw_head(columns: int, *, logits: bool, rows: int = 400, dtype: torch.dtype = torch.float32) -> torch.Tensor:
    """A batch of three, the last of which finds nothing."""
    random = torch.Generator().manual_seed(columns)
    head = torch.rand(3, rows, columns, generator=random, dtype=torch.float64)
    head[..., :2] *= 200
    head[..., 2:4] = head[..., 2:4] * 60 + 1
    if logits:
        head[..., 5:] = head[..., 5:] * 10 - 5
    head[2, :, 4:] = -9 if logits else 0
    return head.to(dtype)


@pytest.mark.parametrize("dtype", [torch.float64, torch.float32, torch.float16])
@pytest.mark.parametrize("method", ["vision", "vision_batch", "or", "and", "merge", "diounms", "soft"])
def test_the_pipeline(method: str, dtype: torch.dtype) -> None:
    head = raw_head(9, logits=True, dtype=dtype)
    for options in ({}, {"multi_cls": False}, {"conf_thres": 0.0}, {"max_per_class": 5}, {"nms_thres": 1.0}):
        given = {"conf_thres": 0.3, "nms_thres": 0.4, "method": method, **options}
        equal(ptdet.numpy.non_max_suppression(head.numpy(), **given), ptdet.non_max_suppression(head, **given))


@pytest.mark.parametrize("head", ["v5", "v8"])
def test_newer_heads(head: str) -> None:
    raw = raw_head(9 if head == "v5" else 8, logits=False)
    raw = raw if head == "v5" else raw.transpose(1, 2)
    chosen: list[dict[str, Any]] = [
        {}, {"classes": [0, 2], "max_det": 7}, {"agnostic": True}, {"multi_label": True}, {"num_classes": 2},
        {"logits": True, "metric": "diou", "inclusive": True}, {"max_det": None, "conf_thres": 0.0}, {"max_det": 0},
    ]  # fmt: skip
    for options in chosen:
        ours = ptdet.numpy.postprocess(raw.numpy(), head=head, **options)
        equal(ours, ptdet.yolo.postprocess(raw, head=head, **options))


NAN = float("nan")
B, S = np.zeros((2, 4)), np.zeros(2)
BAD: dict[str, tuple[Callable[[], Any], type[Exception], str]] = {
    "beta": (lambda: ptdet.numpy.diou_nms(B, S, 0.5, beta=0.0), ValueError, "beta: expected a finite number > 0"),
    "overlap": (lambda: ptdet.numpy.and_nms(B, S, 0.5, overlap_threshold=NAN), ValueError, "overlap_threshold"),
    "members": (
        lambda: ptdet.numpy.merge_nms(B, S, 0.5, members="all"),
        ValueError,
        "members: expected one of cluster",
    ),
    "weights": (lambda: ptdet.numpy.merge_nms(B, S, 0.5, weights="all"), ValueError, "weights: expected one of score"),
    "sigma": (lambda: ptdet.numpy.soft_nms(B, S, sigma=-1), ValueError, "sigma"),
    "kind": (lambda: ptdet.numpy.soft_nms(B, S, kind="cubic"), ValueError, "kind: expected one of gaussian"),
    "negative": (lambda: ptdet.numpy.soft_nms(B, S - 1), ValueError, "scores: expected numbers >= 0"),
    "reselect": (lambda: ptdet.numpy.soft_nms(B, S, reselect="yes"), TypeError, "reselect"),
    "matrix kind": (lambda: ptdet.numpy.matrix_nms(B, S, kind="hard"), ValueError, "kind: expected one of gaussian, l"),
    "matrix sigma": (lambda: ptdet.numpy.matrix_nms(B, S, sigma=0), ValueError, "sigma"),
    "fast ids": (lambda: ptdet.numpy.fast_nms(B, S, 0.5, S * NAN), ValueError, "idxs: expected ids that equal"),
    "nmm ids": (lambda: ptdet.numpy.nmm(B, S, 0.5, S * NAN), ValueError, "idxs: expected ids that equal"),
    "matrix ids": (lambda: ptdet.numpy.matrix_nms(B, S, S * NAN), ValueError, "idxs: expected ids that equal"),
    "lists": (lambda: ptdet.numpy.weighted_boxes_fusion([B], [S, S], [S]), ValueError, "scores_list"),
    "no list": (lambda: ptdet.numpy.weighted_boxes_fusion(B, S, S), TypeError, "boxes_list"),
    "model weights": (lambda: ptdet.numpy.weighted_boxes_fusion([B], [S], [S], [0]), ValueError, "weights"),
    "conf_type": (lambda: ptdet.numpy.weighted_boxes_fusion([B], [S], [S], conf_type="x"), ValueError, "conf_type"),
    "pairs": (lambda: ptdet.numpy.box_iou(B, S), ValueError, "boxes2: expected shape"),
    "bool boxes": (lambda: ptdet.numpy.box_iou(B > 0, B), TypeError, "boxes1: expected floats or integers"),
    "kind of overlap": (lambda: ptdet.numpy.pairwise_overlap(B, B, "l2"), ValueError, "kind"),
    "eps": (lambda: ptdet.numpy.pairwise_overlap(B, B, eps=-1), ValueError, "eps"),
    "rank": (lambda: ptdet.numpy.non_max_suppression(B), ValueError, "prediction: expected three dimensions"),
    "columns": (lambda: ptdet.numpy.non_max_suppression(np.zeros((1, 2, 4))), ValueError, "prediction"),
    "integers": (lambda: ptdet.numpy.non_max_suppression(np.zeros((1, 2, 6), int)), TypeError, "prediction"),
    "method": (lambda: ptdet.numpy.non_max_suppression(np.zeros((1, 2, 6)), method="fast"), ValueError, "method"),
    "conf": (lambda: ptdet.numpy.non_max_suppression(np.zeros((1, 2, 6)), NAN), ValueError, "conf_thres"),
    "head": (lambda: ptdet.numpy.postprocess(np.zeros((1, 6, 2)), head="v99"), ValueError, "head"),
    "classes": (lambda: ptdet.numpy.postprocess(np.zeros((1, 6, 2)), classes=[2]), ValueError, "classes"),
    "max_det": (lambda: ptdet.numpy.postprocess(np.zeros((1, 6, 2)), max_det=-1), ValueError, "max_det"),
    "agnostic": (lambda: ptdet.numpy.postprocess(np.zeros((1, 6, 2)), agnostic="no"), TypeError, "agnostic"),
}


@pytest.mark.parametrize("name", BAD)
def test_bad_input(name: str) -> None:
    call, raises, said = BAD[name]
    with pytest.raises(raises, match=said.replace("(", r"\(")):
        call()


def test_every_function_has_its_twin() -> None:
    ours = set(ptdet.numpy.__all__) - {"get_num_threads", "set_num_threads", "postprocess"}
    assert ours <= set(ptdet.__all__)
    assert {name for name in ptdet.__all__ if re.search("_nms$|^nms$|nmm$|fusion$", name)} - ours == {
        "combined_nms", "ragged_nms",
    }  # fmt: skip
