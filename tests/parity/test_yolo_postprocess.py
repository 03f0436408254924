"""`ptdet.yolo.postprocess`: heads, options, and the rows that YOLOX's own code kept of real detections."""

from __future__ import annotations

import math
from typing import Any

import pytest
import torch
from torch import Tensor

import ptdet
from ptdet import yolo
from ptdet.testing import head_output

from ..detections import DATA, load

YOLOX = sorted((DATA / "yolox_nano_coco").glob("*.npz"))


@pytest.mark.parametrize("path", YOLOX, ids=lambda path: path.stem)
@pytest.mark.parametrize("name", ["eval", "demo", "aware"])
def test_what_yolox_kept(path: Any, name: str, backend: str) -> None:
    """Its rows are x1, y1, x2, y2, objectness, class probability, class, at >= conf; no score is at the threshold."""
    arrays, meta = load(path)
    facts = meta["expectations"][name]
    prediction = torch.from_numpy(arrays["pred"])[None]
    (found,) = yolo.postprocess(
        prediction, facts["conf_thre"], facts["nms_thre"], head="x", agnostic=facts["class_agnostic"], max_det=None
    )
    expected = torch.from_numpy(arrays[f"exp_{name}"])
    assert len(found) == facts["kept"]
    assert torch.equal(found[:, :4], expected[:, :4])
    assert torch.equal(found[:, 4], expected[:, 4] * expected[:, 5])
    assert torch.equal(found[:, 5], expected[:, 6])


@pytest.mark.parametrize("multi_label", [False, True])
@pytest.mark.parametrize("objectness", [False, True])
def test_one_image_after_the_other_by_plain_steps(objectness: bool, multi_label: bool) -> None:
    prediction = head_output(4, 200, 6, 11, objectness, extra=3)
    prediction[1, :, 4:10] = 0
    given = prediction if objectness else prediction.transpose(1, 2).contiguous()
    head = "v5" if objectness else "v8"
    wanted = [0, 2, 3]
    for agnostic in (False, True):
        found = yolo.postprocess(
            given,
            0.1,
            0.5,
            head=head,
            num_classes=6,
            classes=wanted,
            agnostic=agnostic,
            multi_label=multi_label,
            max_det=9,
        )
        for image, ours in zip(prediction, found, strict=True):
            assert torch.equal(ours, plainly(image, objectness, multi_label, agnostic, wanted))


def plainly(image: Tensor, objectness: bool, multi_label: bool, agnostic: bool, wanted: list[int]) -> Tensor:
    first = 5 if objectness else 4
    rows = []
    for row in image:
        values = row[first : first + 6] * (row[4] if objectness else 1)
        labels = range(6) if multi_label else [int(values.argmax())]
        x, y, w, h = row[:4]
        for label in labels:
            if values[label] > 0.1 and label in wanted:
                box = torch.stack([x - w / 2, y - h / 2, x + w / 2, y + h / 2, values[label]])
                rows.append(torch.cat([box, torch.tensor([float(label)]), row[first + 6 :]]))
    if not rows:
        return torch.zeros(0, 9)
    table = torch.stack(rows)
    ids = torch.zeros(len(table)) if agnostic else table[:, 5]
    return table[ptdet.batched_nms(table[:, :4], table[:, 4], ids, 0.5)[:9]]


def test_layouts_and_dtypes() -> None:
    prediction = head_output(3, 150, 5, 2, objectness=False).transpose(1, 2)
    expected = yolo.postprocess(prediction)
    assert sum(map(len, expected)) > 20
    for given in (prediction.contiguous(), prediction.repeat(1, 1, 2)[..., :150], torch.stack([prediction] * 2)[1]):
        before = given.clone()
        for ours, theirs in zip(yolo.postprocess(given), expected, strict=True):
            assert torch.equal(ours, theirs)
        assert torch.equal(given, before)
    rows = yolo.postprocess(prediction.transpose(1, 2), head=yolo.Head(objectness=False, columns_first=False))
    assert all(torch.equal(ours, theirs) for ours, theirs in zip(rows, expected, strict=True))
    for dtype in (torch.float64, torch.float16, torch.bfloat16):
        for ours, theirs in zip(
            yolo.postprocess(prediction.to(dtype)), yolo.postprocess(prediction.to(dtype).double()), strict=True
        ):
            assert ours.dtype == (torch.float64 if dtype == torch.float64 else torch.float32)
            torch.testing.assert_close(ours.double(), theirs, rtol=1e-6, atol=1e-4)


def test_options() -> None:
    prediction = head_output(2, 150, 5, 4)
    everything = yolo.postprocess(prediction, 0.05, head="v7", max_det=None)
    for name in ("v3", "v4", "v5", "v6", "v7", "x"):
        assert all(map(torch.equal, yolo.postprocess(prediction, 0.05, head=name, max_det=None), everything))
    few = yolo.postprocess(prediction, 0.05, head="v5", max_det=4)
    assert all(torch.equal(ours, theirs[:4]) for ours, theirs in zip(few, everything, strict=True))
    assert [len(one) for one in yolo.postprocess(prediction, 0.05, head="v5", max_det=0)] == [0, 0]
    assert [len(one) for one in yolo.postprocess(prediction, 0.05, head="v5", classes=[])] == [0, 0]
    assert [one.shape for one in yolo.postprocess(prediction, 2.0, head="v5")] == [(0, 6), (0, 6)]
    values = prediction.clone()
    values[..., 5:] = torch.logit(values[..., 5:].double()).float()
    for ours, theirs in zip(yolo.postprocess(values, 0.05, head="v5", logits=True), everything, strict=True):
        torch.testing.assert_close(ours, theirs[:300], rtol=1e-4, atol=1e-4)


def test_empties() -> None:
    assert yolo.postprocess(torch.zeros(0, 6, 9)) == []
    assert [one.shape for one in yolo.postprocess(torch.zeros(2, 6, 0))] == [(0, 6), (0, 6)]
    assert [one.shape for one in yolo.postprocess(torch.ones(1, 4, 8))] == [(0, 6)]  # no classes
    assert yolo.postprocess(torch.ones(1, 8, 3), num_classes=2)[0].shape == (1, 8)


@pytest.mark.usefixtures("native")
@pytest.mark.parametrize("classes", [1, 3, 7, 8, 9, 17, 33, 80])
@pytest.mark.parametrize("dtype", [torch.float16, torch.bfloat16, torch.float32, torch.float64], ids=str)
def test_class_values_of_any_bits(dtype: torch.dtype, classes: int) -> None:
    """NaN of both signs, infinities, zeros, subnormals: for halves every pattern; in all layouts as the reference."""
    bits = torch.randperm(2**16, generator=torch.Generator().manual_seed(classes))
    whole = {torch.float16: torch.int16, torch.bfloat16: torch.int16, torch.float32: torch.int32}
    shift = {torch.float32: 16, torch.float64: 48}.get(dtype, 0)
    values = (bits << shift).to(whole.get(dtype, torch.int64)).view(dtype)
    values = values[: len(values) // classes * classes].reshape(-1, classes)
    lead = torch.tensor([50.0, 50, 20, 10, 0.75], dtype=dtype).expand(len(values), 5)
    prediction = torch.cat([lead, values], 1)[None]
    layouts = (prediction, prediction.mT.contiguous().mT, torch.stack([prediction] * 2, 3)[..., 1])
    for multi_label, logits in ((False, False), (True, False), (False, True)):
        options = (classes, True, logits, multi_label, 0.25, 0.25, -math.inf, math.inf)
        expected = ptdet.reference.yolo_filter(prediction, *options)
        assert 0 < len(expected[0]) < values.numel()
        for given in layouts:
            found = torch.ops.ptdet.yolo_filter(given, *options)
            assert all(map(torch.equal, found, expected))


@pytest.mark.parametrize("change", [0, 1, 2], ids=["1 thread", "2 threads", "odd rows"])
def test_many_rows_and_threads(change: int) -> None:
    """More than a task's rows, so that several threads list candidates."""
    prediction = head_output(2, 5000 + change, 3, 6, objectness=False).transpose(1, 2).contiguous()
    before = torch.get_num_threads()
    torch.set_num_threads(1 + change % 2)
    found = yolo.postprocess(prediction, 0.3, max_det=None)
    torch.set_num_threads(before)
    with ptdet.backend("reference"):
        assert all(map(torch.equal, found, yolo.postprocess(prediction, 0.3, max_det=None)))


GOOD: dict[str, Any] = {"prediction": torch.zeros(1, 9, 3)}
BAD: dict[str, tuple[dict[str, Any], type[Exception], str]] = {
    "no tensor": ({"prediction": None}, TypeError, "prediction"),
    "rank": ({"prediction": torch.zeros(9, 3)}, ValueError, "prediction"),
    "few columns": ({"prediction": torch.zeros(1, 3, 9)}, ValueError, "prediction"),
    "integers": ({"prediction": torch.zeros(1, 9, 3).int()}, TypeError, "prediction"),
    "conf nan": ({"conf_thres": math.nan}, ValueError, "conf_thres"),
    "iou none": ({"iou_thres": None}, TypeError, "iou_thres"),
    "head": ({"head": "v99"}, ValueError, "v99"),
    "classes beyond": ({"classes": [5]}, ValueError, "classes"),
    "classes negative": ({"classes": [-1]}, ValueError, "classes"),
    "too many classes": ({"num_classes": 6}, ValueError, "prediction"),
    "negative classes": ({"num_classes": -1}, ValueError, "num_classes"),
    "max_det": ({"max_det": -1}, ValueError, "max_det"),
    "max_det fraction": ({"max_det": 1.5}, TypeError, "max_det"),
    "agnostic": ({"agnostic": None}, TypeError, "agnostic"),
    "metric": ({"metric": "mahalanobis"}, ValueError, "metric"),
}


@pytest.mark.parametrize("name", BAD)
def test_bad_input(name: str) -> None:
    change, raises, fragment = BAD[name]
    with pytest.raises(raises, match=fragment):
        yolo.postprocess(**{**GOOD, **change})


WRONG: dict[str, tuple[Any, ...]] = {
    "rank": (torch.zeros(3, 9), 4, True, False, False, 0.0, 0.1, 0.0, 9.0),
    "columns": (torch.zeros(1, 3, 8), 4, True, False, False, 0.0, 0.1, 0.0, 9.0),
    "integers": (torch.zeros(1, 3, 9).long(), 4, True, False, False, 0.0, 0.1, 0.0, 9.0),
    "negative": (torch.zeros(1, 3, 9), -1, True, False, False, 0.0, 0.1, 0.0, 9.0),
    "nan": (torch.zeros(1, 3, 9), 4, True, False, False, math.nan, 0.1, 0.0, 9.0),
    "wanted": (torch.zeros(1, 3, 9), 4, True, False, False, 0.0, 0.1, 0.0, 9.0, torch.ones(3, dtype=torch.bool)),
    "wanted numbers": (torch.zeros(1, 3, 9), 4, True, False, False, 0.0, 0.1, 0.0, 9.0, torch.ones(4)),
}


@pytest.mark.parametrize("name", WRONG)
def test_operator_called_directly(name: str, backend: str) -> None:
    with pytest.raises((RuntimeError, ValueError, TypeError)):
        torch.ops.ptdet.yolo_filter(*WRONG[name])
