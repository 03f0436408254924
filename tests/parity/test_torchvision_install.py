"""A torchvision detector with our post-processing is copied, sent, saved and exported as any other."""

from __future__ import annotations

import copy
import io
from pathlib import Path
from typing import Any

import pytest
import torch
import torch.multiprocessing
from torch import Tensor, nn

from ptdet.integrations import torchvision as adapter

from ..contract.test_import import python

detection = pytest.importorskip("torchvision").models.detection

SIZES: dict[str, Any] = {"weights": None, "weights_backbone": None, "num_classes": 5, "min_size": 64, "max_size": 96}
IMAGES = [torch.rand(3, 64, 96, generator=torch.Generator().manual_seed(0))]


def faster_rcnn() -> nn.Module:
    model: nn.Module = detection.fasterrcnn_mobilenet_v3_large_320_fpn(**SIZES, box_score_thresh=0.0)
    return model.eval()


def retinanet() -> nn.Module:
    model: nn.Module = detection.retinanet_resnet50_fpn(**SIZES, score_thresh=0.0, detections_per_img=20)
    return model.eval()


MODELS = {"roi_heads": faster_rcnn, "retinanet": retinanet}


@pytest.fixture(params=MODELS)
def model(request: pytest.FixtureRequest) -> nn.Module:
    torch.manual_seed(0)
    return MODELS[request.param]()


def part(model: Any) -> Any:
    return getattr(model, "roi_heads", model)


def is_installed(model: nn.Module) -> bool:
    """Whether it has ours, bound to itself."""
    method = part(model).postprocess_detections
    assert method.__self__ is part(model)
    return bool(method.__module__ == adapter.__name__)


@torch.inference_mode()
def found(model: nn.Module) -> list[Tensor]:
    return [each[name] for each in model(IMAGES) for name in ("boxes", "labels", "scores")]


def assert_same(model: nn.Module, expected: list[Tensor]) -> None:
    assert len(expected[0]) > 10
    for one, other in zip(found(model), expected, strict=True):
        assert torch.equal(one, other)


def test_installed_and_undone(model: nn.Module) -> None:
    expected, kind, printed = found(model), type(part(model)), repr(model)
    for _ in range(2):  # twice is as once
        assert adapter.install(model) is model and is_installed(model)
    assert repr(model) == printed and isinstance(part(model), kind)
    assert_same(model, expected)
    assert adapter.uninstall(model) is model and type(part(model)) is kind and not is_installed(model)
    assert_same(model, expected)
    with pytest.raises(RuntimeError, match="nothing is installed"):
        adapter.uninstall(model)


def test_copies_have_it_for_themselves(model: nn.Module) -> None:
    expected = found(adapter.install(model))
    copied = copy.deepcopy(model)
    assert is_installed(copied) and part(copied) is not part(model)
    assert_same(copied, expected)
    adapter.uninstall(copied)
    assert is_installed(model) and not is_installed(copied)
    assert is_installed(copy.copy(model))
    assert is_installed(part(model)._replicate_for_data_parallel())


@pytest.mark.parametrize("protocol", range(2, 6))
def test_a_pickle_is_torchvisions(protocol: int) -> None:
    model = adapter.install(faster_rcnn())
    stored = io.BytesIO()
    torch.save(model, stored, pickle_protocol=protocol)
    assert b"ptdet" not in stored.getvalue()
    stored.seek(0)
    loaded = torch.load(stored, weights_only=False)
    assert not is_installed(loaded) and is_installed(model)
    assert_same(loaded, found(model))
    assert is_installed(adapter.install(loaded))


@pytest.mark.slow
def test_a_saved_model_loads_with_ptdet_and_without(model: nn.Module, tmp_path: Path) -> None:
    expected = found(adapter.install(model))
    torch.save(model, tmp_path / "model.pt")
    torch.save((IMAGES, expected), tmp_path / "expected.pt")
    assert_same(torch.load(tmp_path / "model.pt", weights_only=False), expected)
    for here in ("None", "__import__('ptdet')"):
        python(
            "import sys, torch\n"
            f"sys.modules['ptdet'] = {here}\n"
            f"model = torch.load({str(tmp_path / 'model.pt')!r}, weights_only=False)\n"
            f"images, expected = torch.load({str(tmp_path / 'expected.pt')!r}, weights_only=True)\n"
            "(found,) = model(images)\n"
            # another process has other bits in its convolutions, which order what is nearly equal in score
            "torch.testing.assert_close(found['scores'], expected[2], rtol=1e-3, atol=1e-4)\n"
        )


def test_the_state_is_that_of_torchvisions_model(model: nn.Module) -> None:
    before = {name: id(value) for name, value in model.state_dict(keep_vars=True).items()}
    assert {name: id(value) for name, value in adapter.install(model).state_dict(keep_vars=True).items()} == before
    stored = io.BytesIO()
    torch.save(model.state_dict(), stored)
    stored.seek(0)
    model.load_state_dict(torch.load(stored, weights_only=True))
    assert is_installed(model)


def answer(model: nn.Module, answers: Any) -> None:
    answers.put((is_installed(model), [each.tolist() for each in found(model)]))


@pytest.mark.slow
def test_multiprocessing_takes_it_along() -> None:
    model = adapter.install(faster_rcnn())
    context = torch.multiprocessing.get_context("spawn")
    answers = context.Queue()
    process = context.Process(target=answer, args=(model, answers))
    process.start()
    there, detections = answers.get(timeout=120)
    process.join()
    assert there and detections == [each.tolist() for each in found(model)]


@pytest.mark.filterwarnings("ignore")
def test_scripted(model: nn.Module) -> None:
    expected = found(adapter.install(model))
    _, detections = torch.jit.script(model)(IMAGES)
    assert is_installed(model)
    for one, other in zip((detections[0][name] for name in ("boxes", "labels", "scores")), expected, strict=True):
        assert torch.equal(one, other)


@pytest.mark.slow
@pytest.mark.filterwarnings("ignore")
def test_a_file_for_onnx_is_that_of_the_model_without_it(model: nn.Module) -> None:
    pytest.importorskip("onnx")
    files = []
    for each in (model, adapter.install(model)):
        files.append(io.BytesIO())
        torch.onnx.export(each, (IMAGES,), files[-1], dynamo=False, opset_version=17)
    assert is_installed(model) and files[0].getvalue() == files[1].getvalue()


def test_a_class_that_another_changed_since_is_left_alone() -> None:
    """As fully_shard does."""
    model = adapter.install(faster_rcnn())
    part(model).__class__ = type("Sharded", (type(part(model)),), {})
    adapter.install(model)
    with pytest.raises(RuntimeError, match="changed since"):
        adapter.uninstall(model)
    assert type(part(model)).__name__ == "Sharded" and is_installed(model)


@pytest.mark.parametrize("name", ["ssdlite320_mobilenet_v3_large", "fcos_resnet50_fpn"])
def test_other_detectors_are_refused(name: str) -> None:
    """They have a post-processing of their own under the same name."""
    other = getattr(detection, name)(weights=None, weights_backbone=None, num_classes=3)
    with pytest.raises(TypeError, match="RoI heads or a RetinaNet, got"):
        adapter.install(other)
