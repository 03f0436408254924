"""What lies around a pass over many images, by hand; and the YOLO functions as CUDA composes them."""

from __future__ import annotations

import math
from typing import Any

import pytest
import torch

import ptdet
from ptdet.ops._yolo_on_cuda import pipeline_on_cuda, postprocess_on_cuda
from ptdet.testing import head_output, heads

OPS = torch.ops.ptdet
IMAGES, NAN = torch.tensor([1, 0, 1, 1]), float("nan")
BOXES, SCORES = torch.zeros(2, 3, 4), torch.zeros(2, 3, 5)


def test_groups_by_hand(backend: str) -> None:
    """Of the ids -7, 2 and 10 none, one and two are below."""
    assert OPS.ragged_groups(IMAGES, torch.tensor([10, -7, 2, 10]), 2).tolist() == [5, 0, 4, 5]
    assert OPS.ragged_groups(IMAGES, torch.tensor([10, -7, 2, 10]) * 10**17, 2).tolist() == [5, 0, 4, 5]
    assert OPS.ragged_groups(IMAGES, None, 2).tolist() == [1, 0, 1, 1]
    floats = torch.tensor([0.0, -0.0, -math.inf, 1e-45])
    assert OPS.ragged_groups(torch.zeros(4, dtype=torch.int8), floats, 1).tolist() == [1, 1, 0, 2]
    unsigned = torch.tensor([-1, 1, 2, -2]).to(torch.uint64)  # 2^64 - 1 is the largest of them
    assert OPS.ragged_groups(IMAGES, unsigned, 2).tolist() == [7, 0, 5, 6]


def test_order_by_hand(backend: str) -> None:
    keep = torch.tensor([2, -1, 1, 3, 0])
    places, chosen, num = OPS.image_order(keep, IMAGES, 3)
    assert (places.tolist(), chosen.tolist(), num.tolist()) == ([2, 0, 3, 4], [1, 2, 3, 0], [1, 3, 0])
    places, chosen, num = OPS.image_order(keep, IMAGES, 3, 2)
    assert (places.tolist(), chosen.tolist(), num.tolist()) == ([2, 0, 3], [1, 2, 3], [1, 2, 0])


def test_rows_by_hand(backend: str) -> None:
    assert OPS.rows_at(torch.tensor([5, 6, 7]), torch.tensor([[2, -1], [0, 0]]), -1).tolist() == [[7, -1], [5, 5]]
    boxes = torch.arange(8.0).view(2, 4)
    assert OPS.rows_at(boxes, torch.tensor([-1, 1])).tolist() == [[0, 0, 0, 0], [4, 5, 6, 7]]


def test_candidates_by_hand(backend: str) -> None:
    scores = torch.tensor([[[0.5, 0.1], [0.3, 0.9]]])
    boxes = torch.arange(8.0).view(1, 2, 4)
    found = OPS.class_candidates(boxes, scores, 0.25)
    assert [each.tolist() for each in found[2:]] == [[0, 0, 1], [0, 0, 0], [0, 0, 1], [0, 1, 1]]
    assert found[0][:, 0].tolist() == [0, 4, 4]
    assert torch.equal(found[1], scores[0][[0, 1, 1], [0, 0, 1]])
    above_a_tenth = float(torch.tensor(0.1)) > 0.1  # as a double: 0.100000001
    assert above_a_tenth and len(OPS.class_candidates(boxes, scores, 0.1)[1]) == 4


WRONG: dict[str, tuple[Any, tuple[Any, ...]]] = {
    "image beyond": (OPS.ragged_groups, (IMAGES, None, 1)),
    "image negative": (OPS.ragged_groups, (-IMAGES, None, 2)),
    "images of floats": (OPS.ragged_groups, (IMAGES.float(), None, 2)),
    "fewer ids": (OPS.ragged_groups, (IMAGES, IMAGES[:2], 2)),
    "id is NaN": (OPS.ragged_groups, (IMAGES, torch.tensor([1, NAN, 2, 3]), 2)),
    "keep beyond": (OPS.image_order, (torch.tensor([4]), IMAGES, 2)),
    "keep of int32": (OPS.image_order, (IMAGES.int(), IMAGES, 2)),
    "image of a kept one": (OPS.image_order, (torch.tensor([0]), IMAGES, 1)),
    "negative limit": (OPS.image_order, (torch.tensor([0]), IMAGES, 2, -1)),
    "negative images": (OPS.image_order, (torch.tensor([0]), IMAGES, -1)),
    "place beyond": (OPS.rows_at, (IMAGES, torch.tensor([4]))),
    "place before": (OPS.rows_at, (IMAGES, torch.tensor([-2]))),
    "three dimensions": (OPS.rows_at, (torch.zeros(2, 2, 2), torch.tensor([0]))),
    "padded floats": (OPS.rows_at, (torch.zeros(2), torch.tensor([0]), -1)),
    "threshold is NaN": (OPS.class_candidates, (BOXES, SCORES, NAN)),
    "other boxes": (OPS.class_candidates, (BOXES[:, :2], SCORES)),
    "boxes of other classes": (OPS.class_candidates, (torch.zeros(2, 3, 4, 4), SCORES)),
    "scores of two dimensions": (OPS.class_candidates, (BOXES, SCORES[0])),
    "too few columns": (OPS.yolo_postprocess, (torch.zeros(1, 2, 6), 3, False, False, False, 0.1, 0.5)),
    "iou is NaN": (OPS.yolo_postprocess, (torch.zeros(1, 2, 6), 2, False, False, False, 0.1, NAN)),
    "no method": (OPS.yolo_pipeline, (torch.zeros(1, 2, 6), 0.1, 0.5, True, "x")),
    "four columns": (OPS.yolo_pipeline, (torch.zeros(1, 2, 4), 0.1, 0.5)),
}


@pytest.mark.parametrize("name", WRONG)
def test_called_directly(name: str, backend: str) -> None:
    operator, arguments = WRONG[name]
    with pytest.raises((RuntimeError, ValueError, TypeError)):
        operator(*arguments)


def test_ids_that_are_nan_are_named() -> None:
    ids = torch.tensor([1, NAN, 2, 3])
    with pytest.raises(ValueError, match="idxs: expected ids that equal themselves, got NaN"):
        ptdet.ragged_nms(torch.zeros(4, 4), torch.zeros(4), IMAGES, 0.5, ids, num_images=2)


def test_as_cuda_composes_postprocess() -> None:
    for sample in heads.yolo_postprocess(torch.device("cpu"), torch.float32):
        options = {"metric": "iou", "inclusive": False, "agnostic": False, "max_det": None, "wanted": None}
        composed = postprocess_on_cuda(*sample.arguments, **{**options, **sample.keywords})
        for ours, theirs in zip(OPS.yolo_postprocess(*sample.arguments, **sample.keywords), composed, strict=True):
            assert torch.equal(ours, theirs), sample.name


@pytest.mark.parametrize("method", ptdet.yolo.METHODS)
def test_as_cuda_composes_the_pipeline(method: str) -> None:
    for classes, cap in ((1, None), (4, None), (4, 5), (4, 0)):
        head = head_output(3, 200, classes, classes, logits=True, image=90)
        for multi_label in (False, True):
            arguments = (head, 0.2, 0.5, multi_label, method, cap)
            composed = pipeline_on_cuda(*arguments)
            for ours, theirs in zip(OPS.yolo_pipeline(*arguments), composed, strict=True):
                assert torch.equal(ours, theirs), arguments[1:]


def test_equal_scores_come_by_row_above_the_cap_too() -> None:
    """Four boxes far apart, so that nothing decays; the worst is beyond the cap of three."""
    rows = [[100.0 * i, 50, 20, 20, 0.5, 3.0 if i < 3 else -1.0] for i in (0, 1, 2, 3)]
    (found,) = ptdet.non_max_suppression(torch.tensor([rows]), 0.1, 0.5, method="soft", max_per_class=3)
    assert found is not None and found[:, 0].tolist() == [-10, 90, 190]


def test_negative_objectness_is_refused_by_soft() -> None:
    rows = torch.tensor([[[50.0, 50, 20, 20, -0.5, 3.0], [50, 52, 20, 20, -0.25, 3.0]]])
    with pytest.raises(ValueError, match="prediction: expected objectness >= 0"):
        ptdet.non_max_suppression(rows, -1.0, 0.5, method="soft")
