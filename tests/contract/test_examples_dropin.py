"""The examples run, say what they promise, and take no more than a minute each."""

from __future__ import annotations

import importlib.util
import os
import re
import subprocess
import sys
from pathlib import Path

import pytest

from .test_import import ROOT


def example(name: str, *arguments: str) -> str:
    environment = {**os.environ, "OMP_NUM_THREADS": "1"}  # threads that wait for each other take minutes when shared
    ran = subprocess.run(
        [sys.executable, f"examples/{name}", *arguments],
        cwd=ROOT, env=environment, capture_output=True, text=True, timeout=300,
    )  # fmt: skip
    assert ran.returncode == 0, ran.stdout + ran.stderr
    return ran.stdout


@pytest.mark.parametrize(
    "model",
    [
        "retinanet_resnet50_fpn",
        pytest.param("fasterrcnn_resnet50_fpn", marks=pytest.mark.slow),
        pytest.param("ssd300_vgg16", marks=pytest.mark.slow),
    ],
)
def test_torchvision_detectors(model: str) -> None:
    pytest.importorskip("torchvision")
    printed = example("torchvision_detectors.py", model)
    assert "equal; calls of ptdet: {'batched_nms'" in printed, printed
    assert " 0 detections" not in printed and ": 0 detections" not in printed


def test_mtcnn_finds_the_face() -> None:
    for module in ("facenet_pytorch", "skimage"):
        pytest.importorskip(module)
    printed = example("mtcnn_face.py")
    assert "MTCNN: 1 detections" in printed and "equal; calls of ptdet: {'batched_nms': 12}" in printed, printed
    face = [int(each) for each in re.findall(r"the face: \[(\d+), (\d+), (\d+), (\d+)\]", printed)[0]]
    assert all(abs(one - other) <= 5 for one, other in zip(face, (181, 62, 268, 172), strict=True))


def test_ultralytics_heads(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    pytest.importorskip("torchvision")
    if importlib.util.find_spec("ultralytics") is None:  # importing it here would write settings to the home folder
        pytest.skip("could not import 'ultralytics'")
    monkeypatch.setenv("YOLO_CONFIG_DIR", str(tmp_path))
    printed = example("ultralytics_heads.py")
    assert printed.count("equal; calls of ptdet: {'nms': 5}") == 2, printed
    assert "conf 0.25: 0 boxes differ" in printed and printed.count(", 0 from theirs in float64") == 2


def test_onnx_head() -> None:
    for module in ("onnx", "onnxruntime"):
        pytest.importorskip(module)
    printed = example("onnx_head.py")
    assert "16 of 16 blocks found exactly" in printed and "torch was not imported" in printed


@pytest.mark.slow
def test_aoti_package() -> None:
    printed = example("aoti_package.py")
    assert printed.count("as in Python") == 3 and "NOT" not in printed


def test_train_tiny_detector(tmp_path: Path) -> None:
    printed = example("train_tiny_detector.py", "--out", str(tmp_path))
    before, after, again = (float(number) for number in re.findall(r"(\d\.\d+) (?:before|after|of the)", printed))
    assert before < 0.1 and after > 0.8 and after == again
    assert (tmp_path / "checkpoint.pt").exists()
    if "wrote" in printed:
        assert all((tmp_path / name).read_bytes().startswith(b"\x89PNG") for name in ("loss.png", "detections.png"))
