"""Bad input: what is raised, and that the message names the argument, what was expected and what came."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import numpy as np
import pytest
import torch

import ptdet

BOXES = torch.tensor([[0.0, 0, 5, 5], [1, 1, 6, 6], [20, 20, 25, 25]])
SCORES = torch.tensor([0.9, 0.8, 0.7])
IDS = torch.tensor([0, 0, 1])
NAN = float("nan")

# keywords that differ from a good call, the exception, and fragments of its message
BAD: dict[str, tuple[dict[str, Any], type[Exception], tuple[str, ...]]] = {
    "boxes of rank 1": ({"boxes": BOXES[0]}, ValueError, ("boxes", "(N, 4)", "(4,)")),
    "boxes of rank 3": ({"boxes": BOXES[None]}, ValueError, ("boxes", "(N, 4)", "(1, 3, 4)")),
    "boxes of five": ({"boxes": torch.zeros(3, 5)}, ValueError, ("boxes", "(N, 4)", "(3, 5)")),
    "boxes of none": ({"boxes": torch.zeros(3, 0)}, ValueError, ("boxes", "(N, 4)", "(3, 0)")),
    "complex boxes": ({"boxes": BOXES.to(torch.complex64)}, TypeError, ("boxes", "complex64")),
    "integer boxes": ({"boxes": BOXES.long()}, TypeError, ("boxes", "int64")),
    "boxes in a list": ({"boxes": BOXES.tolist()}, TypeError, ("boxes", "Tensor", "list")),
    "boxes in numpy": ({"boxes": BOXES.numpy()}, TypeError, ("boxes", "Tensor", "ndarray")),
    "no boxes": ({"boxes": None}, TypeError, ("boxes", "Tensor", "None")),
    "scores of rank 2": ({"scores": SCORES[:, None]}, ValueError, ("scores", "(3,)", "(3, 1)")),
    "scores of rank 0": ({"scores": SCORES[0]}, ValueError, ("scores", "(3,)", "()")),
    "fewer scores": ({"scores": SCORES[:2]}, ValueError, ("scores", "(3,)", "(2,)")),
    "integer scores": ({"scores": torch.tensor([9, 8, 7])}, TypeError, ("scores", "int64")),
    "bool scores": ({"scores": torch.ones(3, dtype=torch.bool)}, TypeError, ("scores", "bool")),
    "complex scores": ({"scores": SCORES.to(torch.complex64)}, TypeError, ("scores", "complex64")),
    "scores in a list": ({"scores": SCORES.tolist()}, TypeError, ("scores", "Tensor", "list")),
    "scores elsewhere": ({"scores": SCORES.to("meta")}, ValueError, ("scores", "cpu", "meta")),
    "threshold nan": ({"iou_threshold": NAN}, ValueError, ("iou_threshold", "nan")),
    "threshold text": ({"iou_threshold": "0.5"}, TypeError, ("iou_threshold", "str")),
    "threshold none": ({"iou_threshold": None}, TypeError, ("iou_threshold", "None")),
    "score_threshold nan": ({"score_threshold": NAN}, ValueError, ("score_threshold", "nan")),
    "score_threshold text": ({"score_threshold": "a"}, TypeError, ("score_threshold", "str")),
    "negative max_output": ({"max_output": -1}, ValueError, ("max_output", "-1")),
    "fraction max_output": ({"max_output": 2.5}, TypeError, ("max_output", "float")),
    "unknown metric": ({"metric": "mahalanobis"}, ValueError, ("metric", "iou", "mahalanobis")),
    "empty metric": ({"metric": ""}, ValueError, ("metric", "iou")),
    "metric no text": ({"metric": 3}, (TypeError, ValueError), ("metric", "3")),  # type: ignore[dict-item]
}
BAD_IDS: dict[str, tuple[dict[str, Any], type[Exception], tuple[str, ...]]] = {
    "ids of rank 2": ({"idxs": IDS[None]}, ValueError, ("idxs", "(3,)", "(1, 3)")),
    "more ids": ({"idxs": torch.arange(4)}, ValueError, ("idxs", "(3,)", "(4,)")),
    "complex ids": ({"idxs": IDS.to(torch.complex64)}, TypeError, ("idxs", "complex64")),
    "nan ids": ({"idxs": torch.tensor([0.0, NAN, 1.0])}, ValueError, ("idxs", "NaN")),
    "nan double ids": ({"idxs": torch.tensor([0.0, NAN, 1.0]).double()}, ValueError, ("idxs", "NaN")),
    "nan half ids": ({"idxs": torch.tensor([0.0, NAN, 1.0]).half()}, ValueError, ("idxs", "NaN")),
    "nan id of a box that is no candidate": (
        {"idxs": torch.tensor([0.0, 1.0, NAN]), "score_threshold": 0.75}, ValueError, ("idxs", "NaN")),
    "ids in a list": ({"idxs": [0, 0, 1]}, TypeError, ("idxs", "Tensor", "list")),
    "ids elsewhere": ({"idxs": IDS.to("meta")}, ValueError, ("idxs", "cpu", "meta")),
}  # fmt: skip


def check(call: Callable[[], object], raises: Any, fragments: tuple[str, ...]) -> None:
    with pytest.raises(raises) as caught:
        call()
    message = str(caught.value)
    for fragment in fragments:
        assert fragment.lower() in message.lower(), f"{fragment!r} is not in {message!r}"


@pytest.mark.parametrize("name", BAD)
def test_nms(name: str, backend: str) -> None:
    change, raises, fragments = BAD[name]
    call = {"boxes": BOXES, "scores": SCORES, "iou_threshold": 0.5, **change}
    check(lambda: ptdet.nms(**call), raises, fragments)


@pytest.mark.parametrize("name", [name for name in [*BAD, *BAD_IDS] if name != "boxes of none"])
def test_batched_nms(name: str, backend: str) -> None:
    change, raises, fragments = (BAD | BAD_IDS)[name]
    call = {"boxes": BOXES, "scores": SCORES, "idxs": IDS, "iou_threshold": 0.5, **change}
    check(lambda: ptdet.batched_nms(**call), raises, fragments)


EMPTY = [torch.tensor([]), torch.zeros(3, 0), torch.zeros(0, 5), torch.zeros(2, 0, 4), torch.zeros(0, 4).long()]


@pytest.mark.parametrize("boxes", [*EMPTY, EMPTY[0].half(), EMPTY[0] > 0, EMPTY[0].to(torch.complex64)])
def test_batched_nms_of_a_tensor_without_elements(boxes: torch.Tensor, backend: str) -> None:
    """torchvision's habit: of any shape and dtype, and the other arguments are not looked at."""
    for others in ((None, None, None), (SCORES, IDS, NAN), (boxes, boxes.long(), 0.5)):
        keep = ptdet.batched_nms(boxes, *others)  # type: ignore[arg-type]
        assert keep.shape == (0,) and keep.dtype == torch.int64
    keep, owner = ptdet.batched_nms(boxes, None, None, None, return_owner=True)  # type: ignore[call-overload]
    assert keep.shape == owner.shape == (0,) and owner.dtype == torch.int64


@pytest.mark.parametrize("operator", ["nms", "nms_walk"])
@pytest.mark.parametrize("name", [*BAD, *BAD_IDS])
def test_operator_called_directly(name: str, operator: str, backend: str) -> None:
    """No Python check stands before an operator, and it must not crash, read out of bounds or answer."""
    change, _, _ = (BAD | BAD_IDS)[name]
    call = {"boxes": BOXES, "scores": SCORES, "idxs": IDS, "iou_threshold": 0.5, **change}
    if call["iou_threshold"] is None or call["boxes"] is None:
        pytest.skip("the dispatcher's own check of types")
    # TypeError is the reference's own word, and the dispatcher's for what no schema takes
    with pytest.raises((RuntimeError, ValueError, TypeError, NotImplementedError)):
        getattr(torch.ops.ptdet, operator)(**call)


@pytest.mark.parametrize("fraction", [np.float32(2.5), torch.tensor(2.5)])
def test_no_fraction_is_cut_off(fraction: Any) -> None:
    """The dispatcher would make 2 of these."""
    check(lambda: ptdet.nms(BOXES, SCORES, 0.5, max_output=fraction), TypeError, ("max_output", "integer"))


def test_no_positional_after_the_threshold() -> None:
    with pytest.raises(TypeError):
        ptdet.nms(BOXES, SCORES, 0.5, 0.1)  # type: ignore[misc]


def test_bad_calls_leave_a_good_one_alone() -> None:
    for _ in range(3):
        with pytest.raises(ValueError):
            ptdet.nms(BOXES, SCORES[:2], 0.5)
        assert ptdet.nms(BOXES, SCORES, 0.4).tolist() == [0, 2]
