"""What the YOLO functions refuse because it is another head's output, and what looks so and is not. Tensors, arrays."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import numpy as np
import pytest
import torch
from torch import Tensor

import ptdet
import ptdet.numpy
from ptdet import yolo
from ptdet.integrations import ultralytics

Call = Callable[..., list[Any]]


@pytest.fixture(params=["tensors", "arrays"])
def kind(request: pytest.FixtureRequest) -> str:
    return str(request.param)


def called(kind: str, prediction: Tensor, **options: Any) -> list[Any]:
    if kind == "tensors":
        return yolo.postprocess(prediction, **options)
    return [torch.from_numpy(each) for each in ptdet.numpy.postprocess(prediction.numpy(), **options)]


def head(rows: int, classes: int, *, objectness: bool, pixels: float = 640.0, batch: int = 1) -> Tensor:
    """(B, rows, columns) as a network of `pixels` says it: centres, sides, probabilities."""
    random = torch.Generator().manual_seed(rows)
    values = torch.rand(batch, rows, 4 + objectness + classes, generator=random)
    values[..., :4] *= pixels
    return values


# The prediction, the options, what the error says of the shape or of the value.
WRONG: dict[str, tuple[Tensor, dict[str, Any], str]] = {
    "v5 as v8": (head(25200, 80, objectness=True), {}, "85 boxes with 25196 classes.*head='v5' if it has objectness"),
    "v5 as v8 of 80 classes": (
        head(25200, 80, objectness=True), {"num_classes": 80}, "85 boxes with 25116 columns after the classes"
    ),
    "v8 transposed": (head(8400, 80, objectness=False), {}, r"84 boxes.*prediction.swapaxes\(1, 2\)"),
    "v8 transposed of 80 classes": (head(8400, 80, objectness=False), {"num_classes": 80}, "84 boxes.*swapaxes"),
    "v8 transposed, normalised": (head(8400, 80, objectness=False, pixels=1.0), {}, "84 boxes"),
    "v8 as v5": (head(8400, 80, objectness=False).mT, {"head": "v5"}, "head='v8' if it has no objectness"),
    "v5 transposed": (head(25200, 80, objectness=True).mT, {"head": "v5"}, "85 boxes.*swapaxes"),
    "masks transposed": (head(8400, 112, objectness=False), {"num_classes": 80}, "116 boxes"),
    "a batch": (head(8400, 80, objectness=False, batch=3), {}, "84 boxes"),
    "few rows, by value": (head(100, 80, objectness=False), {}, r"confidence of 6[0-9.]+ from shape \(1, 100, 84\)"),
    "few rows of 80 classes": (head(300, 80, objectness=True), {"num_classes": 80}, "confidence of 6.*head='v5'"),
    "a custom head": (
        head(8400, 80, objectness=False), {"head": yolo.Head(False, True)}, r"Head\(objectness=False, columns_first"
    ),
    "class logits": (head(500, 3, objectness=False, pixels=9).mT * 9, {}, "logits=True"),
    "objectness in pixels": (head(90, 80, objectness=True).mT, {"head": "v5", "logits": True}, "confidence of"),
}  # fmt: skip


@pytest.mark.parametrize("name", WRONG)
def test_wrong_heads_are_refused(kind: str, name: str) -> None:
    prediction, options, says = WRONG[name]
    with pytest.raises(ValueError, match=f"^prediction: expected .*{says}"):
        called(kind, prediction, **options)


def test_tensors_and_arrays_say_the_same() -> None:
    for prediction, options, _ in WRONG.values():
        said = []
        for kind in ("tensors", "arrays"):
            with pytest.raises(ValueError) as error:
                called(kind, prediction, **options)
            said.append(str(error.value))
        assert said[0] == said[1]


def test_the_yolov3_pipeline_refuses_too() -> None:
    for prediction in (head(8400, 80, objectness=False).mT, head(300, 80, objectness=True).mT):
        for call, given in (
            (ptdet.non_max_suppression, prediction), (ptdet.numpy.non_max_suppression, prediction.numpy())
        ):  # fmt: skip
            with pytest.raises(ValueError, match="^prediction: .*YOLOv3 pipeline.*head='v8'.*swapaxes"):
                call(given)


# Fewer rows than columns, and values at the edge, that are what they say.
RIGHT: dict[str, tuple[Tensor, dict[str, Any]]] = {
    "one row of 80 classes": (head(1, 80, objectness=False).mT, {}),
    "no row": (head(0, 9000, objectness=False).mT, {}),
    "84 rows of 1203 classes": (head(84, 1203, objectness=False).mT, {}),
    "five rows with a face mesh": (head(5, 1 + 1404, objectness=False).mT, {"num_classes": 1}),
    "50 rows of 21841 classes, said": (head(50, 21841, objectness=False).mT, {"num_classes": 21841}),
    "three rows of 9418 classes": (head(3, 9418, objectness=True), {"head": "v5"}),
    "no rows at all": (torch.zeros(0, 84, 8400), {}),
}


@pytest.mark.parametrize("name", RIGHT)
def test_small_inputs_are_taken(kind: str, name: str) -> None:
    prediction, options = RIGHT[name]
    assert len(called(kind, prediction, **options)) == len(prediction)


@pytest.mark.parametrize("dtype", [torch.float16, torch.float32, torch.float64], ids=str)
def test_rounding_is_no_error(kind: str, dtype: torch.dtype) -> None:
    """int8 exports of scale 1/128 say 1.0078 for what is certain; 1.02 is none of that."""
    prediction = head(4, 2, objectness=False).mT.contiguous().to(dtype)
    prediction[:, 4:] = 1 + 2**-7
    assert float(called(kind, prediction)[0][0, 4]) == 1 + 2**-7
    prediction[:, 4:] = 1.02
    with pytest.raises(ValueError, match="confidence of 1.0"):
        called(kind, prediction)


def test_one_class_is_given_as_in_ultralytics(kind: str) -> None:
    prediction = head(300, 9, objectness=False).mT
    several = called(kind, prediction, classes=[5])[0]
    assert len(several) and bool((several[:, 5] == 5).all())
    for one in (5, np.int64(5), np.array(5), torch.tensor(5), (5,), iter([5])):
        assert torch.equal(called(kind, prediction, classes=one)[0], several)
    end_to_end = torch.tensor([[[0.0, 0, 5, 5, 0.9, 5], [0, 0, 5, 5, 0.9, 3]]])
    for one in ([5], 5, np.int64(5), np.array(5), torch.tensor(5)):
        assert torch.equal(ultralytics.non_max_suppression(end_to_end, classes=one)[0], end_to_end[0, :1])
    for wrong, raises in ((True, TypeError), (9, ValueError), (-1, ValueError), (5.0, TypeError), ("5", TypeError)):
        with pytest.raises(raises, match="classes"):
            called(kind, prediction, classes=wrong)


def test_the_best_take_part_alone(kind: str) -> None:
    """The second is suppressed by the first; the third is alone, and cut where only two take part."""
    columns = [[50.0, 51, 90], [50, 50, 20], [20, 20, 8], [10, 10, 8], [0.9, 0.8, 0.7]]
    prediction = torch.tensor([columns, columns])
    prediction[1, 4] = torch.tensor([0.7, 0.8, 0.9])
    found = {most: called(kind, prediction, pre_topk=most) for most in (None, 0, 1, 2, 3, 10**30)}
    scores = {most: [each[:, 4].tolist() for each in one] for most, one in found.items()}
    best, second, third = (float(torch.tensor(each)) for each in (0.9, 0.8, 0.7))
    assert scores[0] == [[], []] and scores[1] == [[best], [best]]
    assert scores[2] == [[best], [best, second]]
    for most in (None, 3, 10**30):
        assert scores[most] == [[best, third], [best, second]]
    for most in (3, 10**30):
        assert all(map(torch.equal, found[most], found[None]))


@pytest.mark.parametrize("agnostic", [False, True])
@pytest.mark.parametrize("multi_label", [False, True])
def test_a_cut_beyond_the_candidates_changes_nothing(kind: str, agnostic: bool, multi_label: bool) -> None:
    prediction = head(200, 5 + 3, objectness=True, pixels=100, batch=3)
    options: dict[str, Any] = dict(head="v5", num_classes=5, agnostic=agnostic, multi_label=multi_label, max_det=20)
    whole = called(kind, prediction, **options)
    assert all(map(torch.equal, called(kind, prediction, pre_topk=1000, **options), whole))
    fewer = called(kind, prediction, pre_topk=15, **options)
    assert all(0 < len(one) <= 15 and one.shape[1] == 9 for one in fewer)
    assert all(torch.equal(one[0], other[0]) for one, other in zip(fewer, whole, strict=True))
