"""Detectors of torchvision and ultralytics under ptdet.patch, exported, saved, loaded, undone: equal results."""

from __future__ import annotations

import io
from pathlib import Path
from typing import Any

import numpy as np
import pytest
import torch
from torch import Tensor, nn

import ptdet
import ptdet.onnx

torchvision = pytest.importorskip("torchvision")

pytestmark = [pytest.mark.slow, pytest.mark.filterwarnings("ignore")]  # the exporters' own

SIZES: dict[str, Any] = {"weights": None, "weights_backbone": None, "num_classes": 5, "min_size": 64, "max_size": 96}
IMAGE = torch.rand(3, 64, 96, generator=torch.Generator().manual_seed(0))


def retinanet() -> nn.Module:
    """With scores that lie apart: no two of the same value whose order is free."""
    torch.manual_seed(0)
    model = torchvision.models.detection.retinanet_resnet50_fpn(**SIZES, score_thresh=0.05, detections_per_img=30)
    logits = model.head.classification_head.cls_logits
    nn.init.normal_(logits.weight, std=0.05)
    nn.init.constant_(logits.bias, -2.0)
    return model.eval()  # type: ignore[no-any-return]


@torch.inference_mode()
def found(model: nn.Module) -> list[Tensor]:
    return [image[name] for image in model([IMAGE]) for name in ("boxes", "scores", "labels")]


def by_onnx(file: bytes) -> Any:
    session = pytest.importorskip("onnxruntime").InferenceSession(file)
    return session.run(None, {session.get_inputs()[0].name: IMAGE.numpy()})


def written(model: nn.Module, dynamo: bool) -> bytes:
    if dynamo:
        program: Any = torch.onnx.export(model, ([IMAGE],), None, dynamo=True, verbose=False)
        return bytes(program.model_proto.SerializeToString())
    file = io.BytesIO()
    torch.onnx.export(model, ([IMAGE],), file, dynamo=False, opset_version=17)
    return file.getvalue()


def assert_close(results: Any, expected: list[Tensor]) -> None:
    by_kind = {(each.ndim, each.dtype.kind): each for each in results}  # an exporter sorts the names
    for wanted in (each.numpy() for each in expected):
        np.testing.assert_allclose(by_kind[wanted.ndim, wanted.dtype.kind], wanted, rtol=1e-5, atol=1e-3)


def test_torchvision(tmp_path: Path) -> None:
    pytest.importorskip("onnxscript")
    model = retinanet()
    expected, file = found(model), written(model, dynamo=False)
    assert len(expected[0]) == 30
    with ptdet.patch() as patched:
        ours = found(model)
        assert patched.calls["batched_nms"] == 1
        assert written(model, dynamo=False) == file
        translated = written(model, dynamo=True)  # which torch cannot do without the patch
        by_ours = ptdet.onnx.export(model, ([IMAGE],), verbose=False).model_proto.SerializeToString()
        scripted = torch.jit.script(model)([IMAGE])[1][0]
        torch.save(model, tmp_path / "model.pt")
    assert patched.calls == {"batched_nms": 1}
    loaded = torch.load(tmp_path / "model.pt", weights_only=False)
    for results in (ours, found(model), found(loaded), [scripted[name] for name in ("boxes", "scores", "labels")]):
        assert all(map(torch.equal, results, expected))
    for written_file in (file, translated, by_ours):
        assert_close(by_onnx(written_file), expected)


@pytest.mark.parametrize("name", ["fasterrcnn_mobilenet_v3_large_320_fpn", "fcos_resnet50_fpn"])
def test_both_exporters_write_the_same_detector(name: str) -> None:
    pytest.importorskip("onnxscript")
    torch.manual_seed(0)
    model = getattr(torchvision.models.detection, name)(**SIZES).eval()
    unpatched = written(model, dynamo=False)
    with ptdet.patch():
        assert written(model, dynamo=False) == unpatched
        other = written(model, dynamo=True)
    assert_close(by_onnx(other), [torch.from_numpy(each) for each in by_onnx(unpatched)])


def test_a_model_that_holds_the_function_is_saved_with_torchvisions_name() -> None:
    holder, stored = nn.Module(), io.BytesIO()
    with ptdet.patch():
        holder.suppress = torchvision.ops.nms
        torch.save(holder, stored)
    assert b"ptdet" not in stored.getvalue()
    stored.seek(0)
    assert torch.load(stored, weights_only=False).suppress is torchvision.ops.nms


@pytest.fixture
def yolo(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Any:
    """A model of ultralytics with drawn weights, in a folder of its own; nothing is downloaded."""
    monkeypatch.setenv("YOLO_CONFIG_DIR", str(tmp_path))
    monkeypatch.setenv("YOLO_OFFLINE", "true")
    monkeypatch.chdir(tmp_path)
    ultralytics = pytest.importorskip("ultralytics")
    torch.manual_seed(0)
    model = ultralytics.YOLO("yolov8n.yaml")
    model.save("drawn.pt")
    return lambda: ultralytics.YOLO("drawn.pt")


PICTURE = (IMAGE.permute(1, 2, 0) * 255).byte().numpy()
FORMATS: list[dict[str, Any]] = [{"format": "onnx", "simplify": False}, {"format": "torchscript"}]


def drawn_boxes(model: Any) -> Any:
    (result,) = model.predict(PICTURE, imgsz=96, conf=1e-5, verbose=False, device="cpu")
    return result.boxes.data.numpy()


def test_ultralytics_saved_loaded_and_undone(yolo: Any) -> None:
    expected = drawn_boxes(yolo())
    assert len(expected) > 5
    with ptdet.patch() as patched:
        model = yolo()
        assert np.array_equal(drawn_boxes(model), expected)
        model.save("saved.pt")
    assert patched.calls["nms"] > 0
    assert b"ptdet" not in Path("saved.pt").read_bytes()
    assert np.array_equal(drawn_boxes(model), expected)
    assert np.array_equal(drawn_boxes(type(model)("saved.pt")), expected)


@pytest.mark.parametrize("options", FORMATS, ids=lambda options: options["format"])
@pytest.mark.parametrize("nms", [True, False])
def test_ultralytics_exported(options: dict[str, Any], nms: bool, yolo: Any) -> None:
    def run() -> Any:
        path = yolo().export(nms=nms, imgsz=64, conf=1e-5, verbose=False, device="cpu", **options)
        assert b"ptdet" not in Path(path).read_bytes()
        picture = torch.nn.functional.interpolate(IMAGE[None], (64, 64))
        if options["format"] == "torchscript":
            return torch.jit.load(path)(picture)
        session = pytest.importorskip("onnxruntime").InferenceSession(path)
        return session.run(None, {"images": picture.numpy()})[0]

    expected = run()
    with ptdet.patch():
        assert np.array_equal(run(), expected)
    assert np.any(np.asarray(expected))
