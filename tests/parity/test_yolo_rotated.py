"""`yolo.postprocess(rotated=True)`: by hand, beside a loop over images, tensors beside arrays, and refusals."""

from __future__ import annotations

import math
from typing import Any

import pytest
import torch
from torch import Tensor

import ptdet
import ptdet.numpy
from ptdet import yolo
from ptdet.ops import _yolo_rotated


def head(dtype: torch.dtype = torch.float32) -> Tensor:
    """(2, 4 + 3 + 2 + 1, 200): three classes, two extra columns, and an angle; crowded, a few rows not finite."""
    random = torch.Generator().manual_seed(5)
    rows = torch.rand(2, 10, 200, generator=random)
    rows[:, :2] = rows[:, :2] * 60 - 10
    rows[:, 2:4] = rows[:, 2:4] * 30 + 1
    rows[:, 9] = rows[:, 9] * 12 - 6
    rows[0, 9, 3], rows[0, 2, 4], rows[1, 9, 7] = math.nan, math.inf, -math.inf
    rows[0, 4:7, 3:5], rows[1, 4:7, 7] = 0.999, 0.999
    return rows.to(dtype)


def expected(prediction: Tensor, conf: float, iou: float, options: dict[str, Any]) -> list[Tensor]:
    """Image by image in plain torch; `ptdet.rotated.batched_nms` has tests of its own."""
    found = []
    for image in prediction.to(torch.float64 if prediction.dtype == torch.float64 else torch.float32):
        rows = image.T[torch.isfinite(image.T).all(1)]
        scores = rows[:, 4:7]
        if options.get("multi_label"):
            at, labels = torch.nonzero(scores > conf).unbind(1)
        else:
            at, labels = torch.arange(len(rows)), scores.argmax(1)
        best = scores[at, labels]
        taking = best > conf
        if "classes" in options:
            taking &= torch.isin(labels, torch.tensor(options["classes"]))
        at, labels, best = at[taking], labels[taking], best[taking]
        order = torch.sort(best, descending=True, stable=True).indices[: options.get("pre_topk")]
        at, labels, best = at[order], labels[order], best[order]
        boxes = torch.cat([rows[at, :4], rows[at, 9:]], 1)
        groups = labels * 0 if options.get("agnostic") else labels
        keep = ptdet.rotated.batched_nms(boxes, best, groups, iou)[: options.get("max_det", 300)]
        found.append(torch.cat([boxes, best[:, None], labels[:, None].to(boxes), rows[at, 7:9]], 1)[keep])
    return found


OPTIONS: list[dict[str, Any]] = [
    {}, {"agnostic": True}, {"multi_label": True, "max_det": 9}, {"classes": [0, 2]}, {"pre_topk": 20},
    {"multi_label": True, "pre_topk": 31, "max_det": None},
]  # fmt: skip


@pytest.mark.parametrize("options", OPTIONS, ids=str)
@pytest.mark.parametrize("dtype", [torch.float64, torch.float32, torch.float16, torch.bfloat16])
def test_is_a_loop_over_images(options: dict[str, Any], dtype: torch.dtype) -> None:
    prediction = head(dtype)
    found = yolo.postprocess(prediction, 0.3, 0.2, num_classes=3, rotated=True, **options)
    for one, other in zip(found, expected(prediction, 0.3, 0.2, options), strict=True):
        assert len(one) > 5 and torch.equal(one, other) and one.dtype == other.dtype
    if dtype == torch.float32:
        with ptdet.backend("reference"):
            slow = yolo.postprocess(prediction, 0.3, 0.2, num_classes=3, rotated=True, **options)
        assert all(torch.equal(one, other) for one, other in zip(found, slow, strict=True))
    if dtype != torch.bfloat16:
        arrays = ptdet.numpy.postprocess(prediction.numpy(), 0.3, 0.2, num_classes=3, rotated=True, **options)
        assert all(torch.equal(one, torch.from_numpy(other)) for one, other in zip(found, arrays, strict=True))


def test_by_hand() -> None:
    """A cross of two thin boxes, whose upright boxes are nearly one, and the first once more half a turn on."""
    columns = [[50.0, 50, 40, 4, 0.9, 0.0], [50.0, 50, 40, 4, 0.8, math.pi / 2], [50.0, 50, 40, 4, 0.7, math.pi]]
    prediction = torch.tensor(columns, dtype=torch.float64).T[None]
    (found,) = yolo.postprocess(prediction, rotated=True)
    assert found.tolist() == [[50, 50, 40, 4, 0, 0.9, 0], [50, 50, 40, 4, math.pi / 2, 0.8, 0]]
    rows = prediction.swapaxes(1, 2)
    with_objectness = torch.cat([rows[..., :4], torch.ones(1, 3, 1, dtype=torch.float64), rows[..., 4:]], 2)
    assert torch.equal(yolo.postprocess(with_objectness, head="v5", rotated=True)[0], found)
    assert yolo.postprocess(prediction[:, :, :0], rotated=True)[0].shape == (0, 7)
    assert yolo.postprocess(prediction[:0], rotated=True) == []
    assert ptdet.numpy.postprocess(prediction[:, :, :0].numpy(), rotated=True)[0].shape == (0, 7)


@pytest.mark.parametrize("package", ["tensors", "arrays"])
def test_refusals(package: str) -> None:
    prediction: Any = head() if package == "tensors" else head().numpy()
    call: Any = yolo.postprocess if package == "tensors" else ptdet.numpy.postprocess
    with pytest.raises(ValueError, match="method: expected hard, .*rotated=True, got 'fast'"):
        call(prediction, method="fast")
    with pytest.raises(ValueError, match="method: expected one of hard.*, got 'soft'"):
        call(prediction, rotated=True, method="soft")
    with pytest.raises(ValueError, match="metric: expected one of iou, .*, got 'ciou'"):
        call(prediction, rotated=True, metric="ciou")
    with pytest.raises(TypeError, match="rotated: expected True or False"):
        call(prediction, rotated=1)
    with pytest.raises(ValueError, match="with 10 columns or more"):
        call(prediction[:, :9], num_classes=5, rotated=True)
    with pytest.raises(ValueError, match=r"got a confidence of \d"):
        call(prediction * 9, rotated=True, num_classes=3)


def test_another_method_is_an_entry(monkeypatch: pytest.MonkeyPatch) -> None:
    def all_of_them(boxes: Tensor, scores: Tensor, idxs: Tensor, iou_threshold: float, **options: Any) -> Tensor:
        assert options == {"metric": "iou", "inclusive": False}
        return torch.sort(scores, descending=True, stable=True).indices

    monkeypatch.setitem(_yolo_rotated.SUPPRESSIONS_OF_ROTATED, "fast", all_of_them)
    found = yolo.postprocess(head(), 0.3, 0.2, num_classes=3, rotated=True, method="fast", max_det=None)
    every = expected(head(), 0.3, 1.0, {"max_det": None})
    assert all(torch.equal(one, other) for one, other in zip(found, every, strict=True))
