"""Which sizes are free in what ptdet.onnx.export writes, where nobody says: numbers of boxes and of images."""

from __future__ import annotations

import warnings
from collections.abc import Callable
from typing import Any

import numpy as np
import pytest
import torch
from torch import Tensor, nn

import ptdet
from ptdet.testing import clustered

onnxruntime = pytest.importorskip("onnxruntime")
pytest.importorskip("onnxscript")

pytestmark = pytest.mark.filterwarnings("ignore")  # of the exporter itself


class Calls(nn.Module):
    def __init__(self, function: Callable[..., Any], *parts: nn.Module) -> None:
        super().__init__()
        self.function, self.parts = function, nn.ModuleList(parts)

    def forward(self, boxes: Tensor, scores: Any = None, idxs: Any = None) -> Any:
        return self.function(*(each for each in (*self.parts, boxes, scores, idxs) if each is not None))


def exported(model: nn.Module, *args: Any, **options: Any) -> tuple[Any, list[str]]:
    """A session, and what ptdet said."""
    import ptdet.onnx

    with warnings.catch_warnings(record=True) as caught:
        warnings.simplefilter("always")
        program = ptdet.onnx.export(model, args, verbose=False, **options)
    ours = [each for each in caught if "ptdet" in str(each.message)]
    assert all(each.filename == __file__ for each in ours)
    return onnxruntime.InferenceSession(program.model_proto.SerializeToString()), [str(each.message) for each in ours]


def shapes(session: Any) -> list[list[bool | int]]:
    """True where a size is free."""
    return [[True if isinstance(size, str) else size for size in each.shape] for each in session.get_inputs()]


def assert_right(session: Any, model: nn.Module, *inputs: Tensor) -> None:
    given = zip(session.get_inputs(), inputs, strict=True)
    results = session.run(None, {each.name: value.numpy() for each, value in given})
    expected = torch.utils._pytree.tree_leaves(model(*inputs))
    for result, wanted in zip(results, expected, strict=True):
        assert result.shape == wanted.shape
        np.testing.assert_allclose(result, wanted.detach().numpy(), rtol=1e-5, atol=1e-6)


def rows(count: int) -> tuple[Tensor, Tensor, Tensor]:
    boxes, scores = clustered(count, seed=count)
    return boxes, scores, torch.arange(count) % 5


@pytest.mark.parametrize("example", [60, 1])
@pytest.mark.parametrize(
    "function", [lambda b, s, i: ptdet.batched_nms(b, s, i, 0.5), lambda b, s, i: ptdet.soft_nms(b, s, 0.5, i)]
)
def test_any_number_of_boxes(function: Callable[..., Any], example: int) -> None:
    model = Calls(function)
    session, said = exported(model, *rows(example))
    assert shapes(session) == [[True, 4], [True], [True]] and not said
    for count in (0, 1, 2, 60, 700):
        assert_right(session, model, *rows(count))


def test_any_number_of_images_with_any_number_of_boxes() -> None:
    model = Calls(lambda b, s: tuple(ptdet.combined_nms(b, s, 0.5, max_per_image=9))[:4])

    def batch(images: int, count: int) -> tuple[Tensor, Tensor]:
        boxes, scores, _ = rows(count)
        return boxes.repeat(images, 1, 1), torch.stack([scores, scores.flip(0), scores * 0.5], 1).repeat(images, 1, 1)

    session, said = exported(model, *batch(1, 50))
    assert shapes(session) == [[True, True, 4], [True, True, 3]] and not said
    for images, count in ((1, 50), (3, 7), (2, 1), (0, 5), (2, 0)):
        assert_right(session, model, *batch(images, count))


def test_pictures_are_free_in_their_number_alone() -> None:
    def head(convolution: nn.Module, pictures: Tensor) -> Any:
        rows = convolution(pictures).flatten(2).transpose(1, 2)
        boxes = torch.cat([rows[..., :2], rows[..., :2] + rows[..., 2:4].abs()], 2)
        return tuple(ptdet.combined_nms(boxes, rows[..., 4:].sigmoid(), 0.5, max_per_image=9))[:3]

    torch.manual_seed(0)
    model = Calls(head, nn.Conv2d(3, 7, 8, stride=8))
    session, said = exported(model, torch.rand(1, 3, 64, 96))
    assert shapes(session) == [[True, 3, 64, 96]] and not said
    for pictures in (1, 4):
        assert_right(session, model, torch.rand(pictures, 3, 64, 96))


@pytest.mark.slow
def test_keywords_and_what_is_in_a_list() -> None:
    model = Calls(lambda b, s, i: ptdet.nms(b, s[0] + s[1], 0.5) + i[0])
    boxes, scores, idxs = rows(20)
    session, _ = exported(model, boxes, kwargs={"idxs": idxs[:7], "scores": [scores, scores]})
    assert sorted(shapes(session), key=str) == [[20, 4], [20], [20], [True]]
    model = Calls(lambda b, s: ptdet.nms(b, s, 0.5))
    for args, options in (((boxes, {"scores": scores}), {}), ((), {"kwargs": {"scores": scores, "boxes": boxes}})):
        session, said = exported(model, *args, **options)
        assert sorted(shapes(session), key=len) == [[True], [True, 4]] and not said


def test_the_caller_says() -> None:
    model = Calls(lambda b, s, i: ptdet.batched_nms(b, s, i, 0.5))
    assert shapes(exported(model, *rows(20), dynamic_shapes=None)[0]) == [[20, 4], [20], [20]]
    count = torch.export.Dim("count")
    session, _ = exported(model, *rows(20), dynamic_shapes=({0: count}, {0: count}, {0: count}))
    assert shapes(session) == [[True, 4], [True], [True]] and session.get_inputs()[0].shape[0] == "count"


NOT_FOR_ALL: dict[str, tuple[Callable[[Tensor], Any], list[bool | int]]] = {
    "a loop over images": (lambda b: torch.stack([ptdet.box_iou(each, each) for each in b]), [2, True, 4]),
    "a number taken out": (lambda b: ptdet.box_iou(b, b) * int(b.shape[0]), [2, True, 4]),
    "a case for many": (lambda b: ptdet.box_iou(b, b) * (2 if b.shape[1] > 10 else 3), [True, 60, 4]),
}


@pytest.mark.parametrize("name", NOT_FOR_ALL)
def test_a_number_that_the_model_asks_for_stays(name: str) -> None:
    """Free it would be wrong for others without a word: ONNX has nothing that asks."""
    function, expected = NOT_FOR_ALL[name]
    model, boxes = Calls(function), rows(60)[0].repeat(2, 1, 1)
    session, (said,) = exported(model, boxes)
    assert shapes(session) == [expected]
    place = [free is True for free in expected].index(False)
    assert said.startswith(f"ptdet.onnx.export: boxes.shape[{place}] stays {expected[place]}, as in the example")
    assert_right(session, model, boxes)


@pytest.mark.slow
def test_what_exports_with_fixed_sizes_alone_still_does() -> None:
    model = Calls(lambda b: torch.cat([ptdet.box_iou(each, each) for each in b.chunk(3)]))
    boxes = rows(60)[0]
    session, (said,) = exported(model, boxes)
    assert shapes(session) == [[60, 4]] and "every size stays as in the example" in said
    assert_right(session, model, boxes)
