"""YOLO outputs to detections, beside the peers, interleaved in one process; writes benchmarks/results/postprocess.json.

A peer that is not installed is left out (ultralytics: `pip install --no-deps --target FOLDER ultralytics` and FOLDER on
PYTHONPATH). Its time limit is lifted, so that it does the same work; what it returns is compared with ours.
Where images differ from ultralytics: it moves classes 7680 px apart, which rounds float32 coordinates to 1/16 px;
in float64 none differs.
"""

from __future__ import annotations

import argparse
import importlib
import json
import os
import platform
import statistics
import sys
import tempfile
import time
from collections.abc import Callable
from datetime import date
from pathlib import Path
from typing import Any

import numpy
import torch
from torch import Tensor

ROOT = Path(__file__).resolve().parents[1]
sys.path.insert(0, str(ROOT))

import ptdet  # noqa: E402
from ptdet.testing import clustered  # noqa: E402

OUT = ROOT / "benchmarks/results/postprocess.json"
TARGETS = {0.001: 10.0, 0.25: 3.0}  # times ultralytics
Call = Callable[[], Any]


def module(name: str) -> Any:
    os.environ.setdefault("YOLO_CONFIG_DIR", tempfile.mkdtemp())
    try:
        return importlib.import_module(name)
    except ImportError:
        return None


def by_torchvision(prediction: Tensor, conf: float, iou: float, multi_label: bool) -> list[Tensor]:
    """What a careful user writes: image by image, filter first, then batched_nms."""
    ops = module("torchvision").ops
    results = []
    for image in prediction.transpose(1, 2):
        values = image[:, 4:]
        if multi_label:
            rows, labels = torch.nonzero(values > conf).unbind(1)
            scores = values[rows, labels]
        else:
            scores, labels = values.max(1)
            rows = torch.nonzero(scores > conf)[:, 0]
            scores, labels = scores[rows], labels[rows]
        boxes = ops.box_convert(image[rows, :4], "cxcywh", "xyxy")
        keep = ops.batched_nms(boxes, scores, labels, iou)[:300]
        results.append(torch.cat([boxes[keep], scores[keep, None], labels[keep, None]], 1))
    return results


def heads(prediction: Tensor, conf: float, multi_label: bool) -> dict[str, Call]:
    iou = 0.45 if conf > 0.1 else 0.7
    calls: dict[str, Call] = {"ptdet": lambda: ptdet.yolo.postprocess(prediction, conf, iou, multi_label=multi_label)}
    if module("torchvision"):
        calls["torchvision in a loop"] = lambda: by_torchvision(prediction, conf, iou, multi_label)
    if peer := module("ultralytics.utils.nms"):
        calls["ultralytics"] = lambda: peer.non_max_suppression(
            prediction, conf, iou, multi_label=multi_label, max_time_img=1e9
        )
    return calls


def padded(batch: int, count: int, classes: int) -> dict[str, Call]:
    boxes = torch.stack([clustered(count, seed)[0] for seed in range(batch)])
    scores = torch.rand(batch, count, classes, generator=torch.Generator().manual_seed(0)) ** 12
    calls: dict[str, Call] = {
        "ptdet": lambda: ptdet.combined_nms(boxes, scores, 0.5, score_threshold=0.3, max_per_image=100)
    }
    if torchvision := module("torchvision"):

        def looped() -> list[Tensor]:
            results = []
            for own, values in zip(boxes, scores, strict=True):
                rows, labels = torch.nonzero(values > 0.3).unbind(1)
                keep = torchvision.ops.batched_nms(own[rows], values[rows, labels], labels, 0.5)[:100]
                results.append(rows[keep])
            return results

        calls["torchvision in a loop"] = looped
    return calls


def real_detections(batch: int, rows: int = 8400) -> Tensor:
    """(batch, 84, rows) as a head with `rows` rows would give it: what YOLOX-nano's 3549 rows found on five pictures.

    Its candidates above 0.001, as often as 8400 is 3549: the copies are moved by a pixel or so and a little fainter.
    """
    random = torch.Generator().manual_seed(0)
    images = []
    files = sorted((ROOT / "tests/data/yolox_nano_coco").glob("*.npz"))
    for number in range(batch):
        with numpy.load(files[number % len(files)], allow_pickle=False) as stored:
            found = torch.from_numpy(stored["pred"])
        found = torch.cat([found[:, :4], found[:, 4:5] * found[:, 5:]], 1)
        found = found[found[:, 4:].amax(1) > 0.001]
        count = min(int(len(found) * rows / 3549), rows)
        copied = found[torch.arange(count) % len(found)]
        more = count - len(found)
        copied[len(found) :, :4] += torch.randn(more, 4, generator=random)
        copied[len(found) :, 4:] *= 0.8 + 0.2 * torch.rand(more, 1, generator=random)
        image = torch.full((rows, 84), 1e-5)
        image[:, :4] = 100 * torch.rand(rows, 4, generator=random)
        image[torch.randperm(rows, generator=random)[:count]] = copied
        images.append(image.T)
    return torch.stack(images).contiguous()


def interleaved(calls: dict[str, Call], rounds: int) -> dict[str, list[float]]:
    times: dict[str, list[float]] = {name: [] for name in calls}
    for number in range(rounds + 1):
        for name, call in calls.items():
            start = time.perf_counter()
            call()
            if number:  # the first warms up
                times[name].append((time.perf_counter() - start) * 1e3)
    return times


def images_that_differ(calls: dict[str, Call]) -> dict[str, int]:
    ours = calls["ptdet"]()
    return {
        name: sum(not torch.equal(a, b[:, :6]) for a, b in zip(ours, call(), strict=True))
        for name, call in calls.items()
        if name != "ptdet"
    }


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--rounds", type=int, default=5)
    parser.add_argument("--threads", type=int, default=torch.get_num_threads())
    asked = parser.parse_args()
    rounds = asked.rounds
    torch.set_num_threads(asked.threads)
    prediction = real_detections(32)
    rows = []
    for conf, target in TARGETS.items():
        for multi_label in (False, True):
            calls = heads(prediction, conf, multi_label)
            differ = images_that_differ(calls)
            times = interleaved(calls, rounds)
            best = {name: min(values) for name, values in times.items()}
            rows.append({"case": "32 x 84 x 8400", "conf": conf, "multi_label": multi_label, "target": target,
                         "detections": sum(map(len, calls["ptdet"]())), "images_that_differ": differ, "best_ms": best,
                         "median_ms": {k: statistics.median(v) for k, v in times.items()}})  # fmt: skip
            ratios = "  ".join(f"{k} x{v / best['ptdet']:.1f}" for k, v in best.items() if k != "ptdet")
            print(f"conf {conf:<6} multi_label {multi_label!s:5} ptdet {best['ptdet']:8.1f} ms   {ratios}   "
                  f"(target: ultralytics x{target:.0f})   images that differ: {differ}", flush=True)  # fmt: skip
    for shape in ((8, 1000, 80), (1, 300, 80), (64, 300, 20)):
        times = interleaved(padded(*shape), 3 * rounds)
        best = {name: min(values) for name, values in times.items()}
        rows.append({"case": f"combined_nms {shape}", "best_ms": best})
        ratios = "  ".join(f"{k} x{v / best['ptdet']:.1f}" for k, v in best.items() if k != "ptdet")
        print(f"combined_nms {shape!s:16} ptdet {best['ptdet']:8.2f} ms   {ratios}", flush=True)
    names = [
        line.split(":", 1)[1].strip() for line in Path("/proc/cpuinfo").read_text().splitlines() if "model name" in line
    ]
    machine = {"cpu": names[0] if names else platform.processor(), "threads": torch.get_num_threads(),
               "date": str(date.today()), "torch": torch.__version__, **ptdet.build_info()}  # fmt: skip
    OUT.write_text(json.dumps({"machine": machine, "rows": rows}, indent=1) + "\n")


if __name__ == "__main__":
    main()
