"""COCO AP and latency of every method on the 64 images of tests/data/coco_map. Writes results/coco_ap.json and the
table of docs/METHODS.md.

All 64 images go through each method in one call, by image and class, at most 100 detections an image. Needs
faster-coco-eval or pycocotools. `reference` is the AP of the peers' own code on the same candidates. The
reference of soft-NMS counts pixels (a side is x2 - x1 + 1); the rows "+1" do the same: their boxes end one pixel later.
"""

from __future__ import annotations

import contextlib
import importlib
import io
import json
from functools import partial
from typing import Any

import numpy
import torch
from torch import Tensor

import ptdet
from ptdet._shared.methods import METHODS, Method

from . import readme
from .cases import Call
from .machine import describe
from .measure import Effort, interleaved, spread, wall_clock

DATA = readme.ROOT / "tests/data/coco_map"
IMAGES, CLASSES, MOST = 64, 80, 100
Found = tuple[Tensor, Tensor, Tensor]
STATS = ("AP", "AP50", "AP75", "APs", "APm", "APl", "AR1", "AR10", "AR100")
# name of the row: method, threshold, options, and the name of the reference
ROWS: dict[str, tuple[str, float | None, dict[str, Any], str | None]] = {
    "hard 0.3": ("hard", 0.3, {}, "batched_nms_0.3"),
    "hard 0.45": ("hard", 0.45, {}, "batched_nms_0.45"),
    "hard 0.5": ("hard", 0.5, {}, "batched_nms_0.5"),
    "hard 0.65": ("hard", 0.65, {}, "batched_nms_0.65"),
    "hard 0.8": ("hard", 0.8, {}, "batched_nms_0.8"),
    "hard 0.5, agnostic": ("hard", 0.5, {"agnostic": True}, "agnostic_nms_0.5"),
    "none (hard, 1)": ("hard", 1.0, {}, "no_nms"),
    "or 0.65": ("or", 0.65, {}, None),
    "diou 0.65": ("diou", 0.65, {}, None),
    "diou 0.65, beta 0.6": ("diou", 0.65, {"beta": 0.6}, None),
    "and 0.65": ("and", 0.65, {}, None),
    "merge 0.65": ("merge", 0.65, {}, None),
    "merge 0.65, overlapping": ("merge", 0.65, {"members": "overlapping"}, None),
    "cluster 0.65, weighted": ("merge", 0.65, {"members": "later", "weights": "score_overlap"}, None),
    "fast 0.65": ("fast", 0.65, {}, None),
    "matrix, gaussian 2": ("matrix", None, {"kind": "gaussian", "sigma": 2.0}, None),
    "matrix, linear": ("matrix", None, {"kind": "linear"}, None),
    "greedy_nmm 0.65": ("greedy_nmm", 0.65, {}, None),
    "nmm 0.65": ("nmm", 0.65, {}, None),
    "non_maximum_weighted 0.65": ("nmw", 0.65, {}, None),
    "weighted_boxes_fusion 0.65": ("wbf", 0.65, {}, None),
    "soft, gaussian 0.5": ("soft", 0.5, {"kind": "gaussian", "sigma": 0.5}, None),
    "soft, linear 0.5": ("soft", 0.5, {"kind": "linear"}, None),
    "soft, gaussian 0.5, +1": ("soft", 0.5, {"kind": "gaussian", "sigma": 0.5, "longer": 1}, "softc_gauss_s0.5"),
    "soft, linear 0.5, +1": ("soft", 0.5, {"kind": "linear", "longer": 1}, "softc_linear_Nt0.5"),
}


def unbatched(method: Method, boxes: Tensor, scores: Tensor, ids: Tensor, threshold: float | None) -> Found:
    """Boxes, scores and ids of what a method leaves that ragged_nms does not take; ids are of image and class."""
    function = getattr(ptdet, method.function)
    if method.of_models:
        found: Found = function([boxes], [scores], [ids], iou_thr=threshold)
        return found
    grown, keep = function(boxes, scores, threshold, ids, metric="iou")
    return grown, scores[keep], ids[keep]


def candidates() -> tuple[Tensor, Tensor, Tensor, Tensor, Any]:
    """Boxes, scores, classes and images of all candidates, and the stored ids."""
    with numpy.load(DATA / "yolox_nano_candidates.npz", allow_pickle=False) as stored:
        arrays = {name: stored[name] for name in stored.files}
    sizes = numpy.diff(arrays["offsets"])
    images = torch.from_numpy(numpy.repeat(numpy.arange(len(sizes)), sizes))
    labels = torch.from_numpy(arrays["labels"].astype(numpy.int64))
    return torch.from_numpy(arrays["boxes"]), torch.from_numpy(arrays["scores"]), labels, images, arrays


def suppressed(name: str, data: tuple[Tensor, Tensor, Tensor, Tensor, Any]) -> tuple[Tensor, Tensor, Tensor, Tensor]:
    """Boxes, scores, classes and images of what a row keeps."""
    row_method, threshold, options, _ = ROWS[name]
    method = METHODS[row_method]
    boxes, scores, labels, images, _ = data
    if not method.in_batches:
        return best_of_each_image(*unbatched(method, boxes, scores, images * CLASSES + labels, threshold))
    options = dict(options)
    ids = None if options.pop("agnostic", False) else labels
    lengthened = boxes + torch.tensor([0, 0, 1, 1]) * options.pop("longer", 0)
    keep, _, *changed = ptdet.ragged_nms(
        lengthened, scores, images, threshold, ids, num_images=IMAGES, method=row_method, max_per_image=MOST, **options
    )
    new_boxes = changed[0] if method.boxes else boxes[keep]
    new_scores = changed[0] if method.scores else scores[keep]
    return new_boxes, new_scores, labels[keep], images[keep]


def best_of_each_image(boxes: Tensor, scores: Tensor, ids: Tensor) -> tuple[Tensor, Tensor, Tensor, Tensor]:
    """Boxes, scores, classes and images: the best MOST of an image, since no boxes overlap by more than 1."""
    images = ids // CLASSES
    keep, _ = ptdet.ragged_nms(boxes, scores, images, 1.0, ids, num_images=IMAGES, max_per_image=MOST)
    return boxes[keep], scores[keep], ids[keep] % CLASSES, images[keep]


def evaluator() -> tuple[Any, Any, str]:
    for name, coco, evaluation in (
        ("faster_coco_eval", "COCO", "COCOeval_faster"), ("pycocotools", "COCO", "COCOeval"),
    ):  # fmt: skip
        with contextlib.suppress(ImportError):
            if name == "pycocotools":
                return (
                    importlib.import_module("pycocotools.coco").COCO,
                    importlib.import_module("pycocotools.cocoeval").COCOeval,
                    name,
                )
            module = importlib.import_module(name)
            return getattr(module, coco), getattr(module, evaluation), name
    raise SystemExit("coco_ap: pip install faster-coco-eval (or pycocotools)")


def average_precision(found: tuple[Tensor, Tensor, Tensor, Tensor], arrays: Any) -> dict[str, float]:
    coco, evaluation, _ = evaluator()
    boxes, scores, labels, images = (each.numpy() for each in found)
    sides = numpy.concatenate([boxes[:, :2], boxes[:, 2:] - boxes[:, :2]], 1).astype(float)
    results = [
        {"image_id": int(arrays["image_ids"][image]), "category_id": int(arrays["category_ids"][label]),
         "bbox": side.tolist(), "score": float(score)}
        for side, score, label, image in zip(sides, scores, labels, images, strict=True)
    ]  # fmt: skip
    with contextlib.redirect_stdout(io.StringIO()):
        truth = coco(str(DATA / "gt_coco_val64.json"))
        run = evaluation(truth, truth.loadRes(results), "bbox")
        run.evaluate()
        run.accumulate()
        run.summarize()
    return dict(zip(STATS, [float(value) for value in run.stats], strict=False))


def main() -> None:
    data = candidates()
    reference = json.loads((DATA / "yolox_nano_reference_map.json").read_text())
    rows = []
    calls: dict[str, Call] = {name: partial(suppressed, name, data) for name in ROWS}
    times = interleaved(calls, wall_clock, Effort(seconds=30))
    print(f"{'method':26} {'AP':>7} {'AP50':>7} {'AP75':>7} {'detections':>10} {'ms':>7}  reference AP")
    for name, (*_, known) in ROWS.items():
        found = suppressed(name, data)
        stats = average_precision(found, data[4])
        row = {
            "method": name,
            **stats,
            "n_dets": len(found[0]),
            "ms_for_64_images": spread(times[name].rounds).median * 1e3,
        }
        if known is not None:
            row["reference"] = reference[known]["AP"]
            row["gap"] = max(abs(stats[key] - reference[known][key]) for key in STATS)
        rows.append(row)
        known_ap = f"{row['reference']:.4f} (largest gap {row['gap']:.1e})" if known else "-"
        print(f"{name:26} {stats['AP']:7.4f} {stats['AP50']:7.4f} {stats['AP75']:7.4f} {row['n_dets']:10} "
              f"{row['ms_for_64_images']:7.2f}  {known_ap}", flush=True)  # fmt: skip
    machine = {**describe(), "evaluator": evaluator()[2]}
    readme.COCO.write_text(json.dumps({"machine": machine, "rows": rows}, indent=1) + "\n")
    for file in readme.stale(write=True):
        print(f"{file} written")


if __name__ == "__main__":
    main()
