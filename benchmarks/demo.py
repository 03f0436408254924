"""`make demo`: `ptdet run` on the raw output of two detectors; the pictures, results and a report are in demo_out/."""

from __future__ import annotations

import os
import sys
from collections.abc import Callable
from pathlib import Path
from typing import Any

import torch

import ptdet
from ptdet import cli
from ptdet.io import read_predictions
from ptdet.reference import nms as reference_nms

from .measure import Effort, interleaved, spread, wall_clock
from .peers import find

ROOT = Path(__file__).resolve().parents[1]
DATA = Path("tests/data")
CONFIDENCE, IOU = 0.25, 0.45
REPORT = "demo_out/report.html"
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
    failed = write_report()
    if failed:
        return failed
    equal = [compare(detector, DATA / predictions) for detector, (predictions, _) in SCENES.items()]
    info = ptdet.build_info()
    native = f"native ({info['instruction_set']})" if info["cpu"] else f"the reference: {info['why_not_cpu']}"
    print(f"\nptdet ran on {native}. Look at demo_out/: raw boxes left, kept boxes right;")
    print(f"and open {REPORT} in a browser: who removed whom, while you move the threshold.")
    return 0 if all(equal) else 1


def write_report() -> int:
    """The page of `ptdet explore` on the two pictures, as one file."""
    files = [str(DATA / predictions) for predictions, _ in SCENES.values()]
    options = ["--conf", str(CONFIDENCE), "--iou", str(IOU)]
    asked = [*files, "--images", str(DATA / "images"), *options, "--out", REPORT]
    print(f"$ ptdet report {' '.join(asked)}")
    failed = cli.main(["report", *asked])
    print()
    return failed


def compare(detector: str, file: Path) -> bool:
    """Prints counts, equality and speed compared with torchvision, or with the reference where that is absent."""
    found = read_predictions(file)[0].candidates(CONFIDENCE)
    assert found.labels is not None
    boxes, scores, labels = map(torch.from_numpy, (found.boxes, found.scores, found.labels))
    torchvision = find("torchvision")
    peer = "torchvision" if torchvision else "the reference"
    call: Callable[..., Any] = torchvision.ops.batched_nms if torchvision else reference_nms
    ours = ptdet.batched_nms(boxes, scores, labels, IOU)
    theirs = call(boxes, scores, labels, IOU)
    equal = torch.equal(ours, theirs)
    calls = {
        "ours": lambda: ptdet.batched_nms(boxes, scores, labels, IOU),
        "theirs": lambda: call(boxes, scores, labels, IOU),
    }
    times = interleaved(calls, wall_clock, Effort(seconds=0.5))
    mine, its = (spread(one.rounds).median * 1e6 for one in times.values())
    same = "the same boxes in the same order as" if equal else "NOT THE SAME BOXES AS"
    print(f"{detector}: {len(found)} boxes, {len(ours)} kept, {same} {peer}; {mine:.0f} us, {peer} {its:.0f} us:")
    print(f"{'':{len(detector)}}  {its / mine:.1f} times as fast")
    return equal


if __name__ == "__main__":
    sys.exit(main())
