"""ultralytics' own non_max_suppression on heads of real pictures, with ptdet behind it and without, and the adapter.

The heads are YOLOX-nano's outputs in tests/data, put into the layout of YOLOv8: (1, 4 + 80 classes, rows).
ultralytics moves classes apart by 7680 pixels, which rounds float32; the adapter does not, so it may keep other boxes:
those that ultralytics keeps in float64.
"""

from __future__ import annotations

from functools import partial
from pathlib import Path
from typing import Any

import numpy as np
import torch
import torchvision
from before_and_after import compare
from torch import Tensor
from ultralytics.utils.nms import non_max_suppression as theirs

from ptdet.integrations.ultralytics import non_max_suppression as ours

DATA = Path(__file__).resolve().parents[1] / "tests/data/yolox_nano_coco"
SETTINGS: dict[str, dict[str, Any]] = {
    "conf 0.25": dict(conf_thres=0.25, iou_thres=0.45),
    "conf 0.001, every label": dict(conf_thres=0.001, iou_thres=0.7, multi_label=True),
}


def heads() -> list[Tensor]:
    """Centres and sides, then objectness times class, a picture each."""
    found = []
    for path in sorted(DATA.glob("*.npz")):
        with np.load(path, allow_pickle=False) as stored:
            rows = torch.from_numpy(stored["pred"])
        found.append(torch.cat([rows[:, :4], rows[:, 4:5] * rows[:, 5:]], 1).T[None])
    return found


def kept(found: tuple[list[Tensor], list[Tensor]]) -> set[tuple[int, int]]:
    """The rows of a head that are kept, each with its class."""
    (boxes,), (rows,) = found
    return set(zip(rows.tolist(), boxes[:, 5].int().tolist(), strict=True))


def against_the_adapter(head: Tensor, options: dict[str, Any]) -> tuple[int, int]:
    """How many boxes one keeps and the other does not: of theirs as it is, and of theirs in float64."""
    mine = kept(ours(head, return_idxs=True, **options))
    single, double = (kept(theirs(given, return_idxs=True, **options)) for given in (head, head.double()))
    return len(single ^ mine), len(double ^ mine)


def main() -> int:
    pictures, same = heads(), True
    for name, options in SETTINGS.items():
        client = partial(lambda suppress: [(suppress(head)[0],) for head in pictures], partial(theirs, **options))
        same &= compare(f"ultralytics, {name}", client, torchvision.ops, "nms")
        counts = [against_the_adapter(head, options) for head in pictures]
        single, double = (sum(each) for each in zip(*counts, strict=True))
        print(f"ptdet.integrations.ultralytics, {name}: {single} boxes differ, {double} from theirs in float64")
        same &= double == 0
    return 0 if same else 1


if __name__ == "__main__":
    raise SystemExit(main())
