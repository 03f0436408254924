"""Rotated boxes under torch's transforms: vmap, autocast, compile, export, and ONNX."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest
import torch
from torch import Tensor, nn

import ptdet

SHARES = torch.rand(24, 5, generator=torch.Generator().manual_seed(0))
BOXES = SHARES * torch.tensor([60.0, 60, 30, 12, 6])
SCORES = torch.rand(24, generator=torch.Generator().manual_seed(1))
VALUES: dict[str, Callable[[Tensor], Tensor]] = {
    "box_iou": lambda boxes: ptdet.rotated.box_iou(boxes, boxes.flip(0)),
    "overlap": lambda boxes: ptdet.rotated.overlap(boxes, boxes.flip(0), "iof"),
    "box_iou_loss": lambda boxes: ptdet.rotated.box_iou_loss(boxes, boxes.flip(0), mode="log"),
    "box_iou in degrees": lambda boxes: ptdet.box_iou(boxes, boxes.flip(0), "cxcywhr"),
    "box_convert": lambda boxes: ptdet.rotated.box_convert(boxes, "cxcywhr", "xyxyxyxy"),
    "min_area_rect": lambda boxes: ptdet.rotated.min_area_rect(boxes[:, :4].unflatten(1, (2, 2))),
    "normalize_angle": lambda boxes: ptdet.rotated.normalize_angle(boxes, "le90"),
}


class Model(nn.Module):
    def __init__(self, function: Callable[..., Tensor]) -> None:
        super().__init__()
        self.function = function

    def forward(self, *arguments: Tensor) -> Tensor:
        return self.function(*arguments)


def hard(boxes: Tensor, scores: Tensor) -> Tensor:
    return ptdet.rotated.nms(boxes, scores, 0.3)


@pytest.mark.parametrize("name", VALUES)
def test_vmap_and_autocast(name: str) -> None:
    function = VALUES[name]
    expected = function(BOXES)
    both = torch.func.vmap(function)(torch.stack([BOXES, BOXES + 1]))
    assert torch.equal(both[0], expected) and torch.equal(both[1], function(BOXES + 1))
    with torch.autocast("cpu", dtype=torch.bfloat16):
        assert torch.equal(function(BOXES), expected) and torch.equal(hard(BOXES, SCORES), hard(BOXES, SCORES))


@pytest.mark.slow
@pytest.mark.parametrize("name", ["nms", "box_iou", "box_iou in degrees"])
def test_compile_and_export(name: str) -> None:
    function: Any = hard if name == "nms" else VALUES[name]
    given = (BOXES, SCORES) if name == "nms" else (BOXES,)
    expected = function(*given)
    assert torch.equal(torch.compile(function, fullgraph=True, backend="aot_eager")(*given), expected)
    assert torch.equal(torch.export.export(Model(function), given).module()(*given), expected)


@pytest.mark.slow
def test_onnx(tmp_path: Path) -> None:
    """Overlaps become plain operators, for any number of boxes; suppression says what to do."""
    pytest.importorskip("onnxscript")
    runtime = pytest.importorskip("onnxruntime")
    path = tmp_path / "overlap.onnx"
    function = VALUES["box_iou in degrees"]
    ptdet.onnx.export(Model(function).eval(), (BOXES,), str(path), verbose=False)
    session = runtime.InferenceSession(str(path))
    for boxes in (BOXES, BOXES[:7]):
        (found,) = session.run(None, {session.get_inputs()[0].name: boxes.numpy()})
        torch.testing.assert_close(torch.from_numpy(found), function(boxes), rtol=0, atol=1e-6)
    with pytest.raises(torch.onnx.errors.OnnxExporterError) as refused:
        ptdet.onnx.export(Model(hard).eval(), (BOXES, SCORES), str(path), verbose=False)
    causes = []
    error: BaseException | None = refused.value
    while error is not None:
        causes.append(error)
        error = error.__cause__
    assert any(isinstance(each, NotImplementedError) and "OpenVINO's NMSRotated" in str(each) for each in causes)
