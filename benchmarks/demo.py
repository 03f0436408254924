"""`make demo`: the main job, `ptdet run`, on the raw output of two detectors; pictures and results in demo_out/."""

from __future__ import annotations

import os
import statistics
import sys
import time
from collections.abc import Callable
from pathlib import Path
from typing import Any

ROOT = Path(__file__).resolve().parents[1]
sys.path.insert(0, str(ROOT))

import torch  # noqa: E402

import ptdet  # noqa: E402
from ptdet import cli  # noqa: E402
from ptdet.io import read_predictions  # noqa: E402
from ptdet.reference import nms as reference_nms  # noqa: E402

try:
    import torchvision
except ImportError:
    torchvision = None

DATA = Path("tests/data")
CONFIDENCE, IOU = 0.25, 0.45
SCENES = {
    "YOLOX-nano": ("yolox_nano_coco/raw_000000000885.npz", "000000000885.jpg"),
    "PicoDet layout": ("picodet_layout_doc/raw_dotguide_010.npz", "dotguide_010.png"),
}


def main() -> int:
    os.chdir(ROOT)
    for predictions, image in SCENES.values():
        out = f"demo_out/{Path(image).stem}.json"
        asked = [str(DATA / predictions), "--image", str(DATA / "images" / image), "--out", out]
        print(f"$ ptdet run {' '.join(asked)} --conf {CONFIDENCE} --iou {IOU}")
        failed = cli.main(["run", *asked, "--conf", str(CONFIDENCE), "--iou", str(IOU)])
        if failed:
            return failed
        print()
    equal = [compare(detector, DATA / predictions) for detector, (predictions, _) in SCENES.items()]
    info = ptdet.build_info()
    native = f"native ({info['instruction_set']})" if info["cpu"] else f"the reference: {info['why_not_cpu']}"
    print(f"\nptdet ran on {native}. Look at demo_out/: raw boxes left, kept boxes right.")
    return 0 if all(equal) else 1


def compare(detector: str, file: Path) -> bool:
    """Kept counts, equality and speed beside torchvision where it is installed, else beside the reference."""
    found = read_predictions(file)[0].candidates(CONFIDENCE)
    peer = "torchvision" if torchvision else "the reference"
    call: Callable[..., Any] = torchvision.ops.batched_nms if torchvision else reference_nms
    ours = ptdet.batched_nms(found.boxes, found.scores, found.labels, IOU)
    theirs = call(found.boxes, found.scores, found.labels, IOU)
    equal = torch.equal(ours, theirs)
    mine, its = interleaved(
        lambda: ptdet.batched_nms(found.boxes, found.scores, found.labels, IOU),
        lambda: call(found.boxes, found.scores, found.labels, IOU),
    )
    same = "the same boxes in the same order as" if equal else "NOT THE SAME BOXES AS"
    print(f"{detector}: {len(found)} boxes, {len(ours)} kept, {same} {peer}; {mine:.0f} us, {peer} {its:.0f} us:")
    print(f"{'':{len(detector)}}  {its / mine:.1f} times as fast")
    return equal


def interleaved(*calls: Callable[[], object], rounds: int = 200) -> list[float]:
    """Median microseconds of each call, taken in turn so that a busy machine is busy for all."""
    times: list[list[float]] = [[] for _ in calls]
    for _ in range(rounds):
        for call, seen in zip(calls, times, strict=True):
            start = time.perf_counter()
            call()
            seen.append(time.perf_counter() - start)
    return [statistics.median(seen) * 1e6 for seen in times]


if __name__ == "__main__":
    sys.exit(main())
