"""No public function waits for torch's threads: what lies around the kernels enters no parallel region of OpenMP."""

from __future__ import annotations

import inspect
import json
import os
import shutil
import subprocess
import sys
from pathlib import Path

import pytest
import torch

import ptdet

from ..contract.test_import import ROOT

# Plain torch from end to end, with torch's gradients: elementwise on boxes or pictures, or a mean or sum of what a
# kernel returned.
OF_TORCH = {"box_area", "box_convert", "clip_boxes_to_image", "remove_small_boxes", "overlap", "bbox_iou"}
OF_TORCH |= {"letterbox", "unletterbox", "decode_yolox", "decode_ssd", "prior_boxes", "merge_tiles"}
OF_TORCH |= {name for name in ptdet.__all__ if name.endswith("_loss")}
NO_FUNCTIONS = {
    "ChannelNormFunction",
    "Letterbox",
    "Patch",
    "__version__",
    "backend",
    "build_info",
    "patch",
    "register",
    # of arrays, without torch
    "evaluate",
    "load_config",
    "tune",
}
NO_FUNCTIONS |= {name for name in ptdet.__all__ if inspect.ismodule(getattr(ptdet, name))} - {"yolo"}


def test_no_function_enters_a_parallel_region(tmp_path: Path) -> None:
    compiler = os.environ.get("CXX", "c++")
    if shutil.which(compiler) is None or not sys.platform.startswith("linux"):
        pytest.skip(f"no C++ compiler ({compiler}), or no LD_PRELOAD")
    if not ptdet.build_info()["cpu"]:
        pytest.skip("nothing is native")
    counter = tmp_path / "counter.so"
    source = ROOT / "tests/native/openmp/counter.cpp"
    subprocess.run([compiler, "-shared", "-fPIC", "-O1", str(source), "-o", str(counter), "-ldl"], check=True)
    environment = {**os.environ, "LD_PRELOAD": str(counter)}
    ran = subprocess.run(
        [sys.executable, "-m", "tests.native.openmp.calls"], cwd=ROOT, env=environment, capture_output=True, text=True
    )
    assert ran.returncode == 0, ran.stderr
    found = json.loads(ran.stdout)
    if found.pop("torch") == 0:
        pytest.skip(f"torch's threads are not those of GNU OpenMP: {torch.__config__.parallel_info()}")
    assert {name.split(":")[0] for name in found} == set(ptdet.__all__) - OF_TORCH - NO_FUNCTIONS
    assert {name: count for name, count in found.items() if count} == {}
