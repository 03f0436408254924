"""The examples run, say what they promise, and take no more than a minute each."""

from __future__ import annotations

import os
import subprocess
import sys

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


@pytest.mark.parametrize("model", ["fasterrcnn_resnet50_fpn", "retinanet_resnet50_fpn", "ssd300_vgg16"])
def test_torchvision_detectors(model: str) -> None:
    pytest.importorskip("torchvision")
    printed = example("torchvision_detectors.py", model)
    assert "equal; calls of ptdet: {'batched_nms'" in printed, printed
    assert " 0 detections" not in printed and ": 0 detections" not in printed


def test_onnx_head() -> None:
    for module in ("onnx", "onnxruntime"):
        pytest.importorskip(module)
    printed = example("onnx_head.py")
    assert "16 of 16 blocks found exactly" in printed and "torch was not imported" in printed


def test_aoti_package() -> None:
    printed = example("aoti_package.py")
    assert printed.count("as in Python") == 3 and "NOT" not in printed
