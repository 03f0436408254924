"""pycocotools on records of a data set, with `ignore` obeyed, and overlaps of one's own if wanted."""

from __future__ import annotations

import contextlib
import io
from collections.abc import Callable, Sequence
from typing import Any

import numpy as np
from pycocotools.coco import COCO
from pycocotools.cocoeval import COCOeval

from ptdet.evaluation import Detections, Truth

# Overlaps (D, G) of boxes with boxes, the second of which may be crowds.
Overlaps = Callable[[list[list[float]], list[list[float]], list[bool]], np.ndarray]


class Oracle(COCOeval):
    overlaps: Overlaps | None = None

    def _prepare(self) -> None:
        super()._prepare()
        for annotations in self._gts.values():
            for one in annotations:
                one["ignore"] = one["iscrowd"] or one["wants_ignore"]  # overwritten with iscrowd

    def computeIoU(self, imgId: int, catId: int) -> Any:
        if self.overlaps is None:
            return super().computeIoU(imgId, catId)
        truth, found = self._gts[imgId, catId], self._dts[imgId, catId]
        if not truth or not found:
            return []
        ranked = [found[i] for i in np.argsort([-one["score"] for one in found], kind="mergesort")]
        boxes = [[one["bbox"] for one in each] for each in (ranked[: self.params.maxDets[-1]], truth)]
        return self.overlaps(*boxes, [bool(one["iscrowd"]) for one in truth])


def data_set(images: int, classes: int, annotations: list[dict[str, Any]]) -> COCO:
    made = COCO()
    made.dataset = {
        "images": [{"id": i} for i in range(images)],
        "categories": [{"id": k} for k in range(classes)],
        "annotations": annotations,
    }
    made.createIndex()
    return made


def annotations(boxes: Any, labels: Any, images: Any, **columns: Sequence[Any] | None) -> list[dict[str, Any]]:
    """Boxes x, y, w, h, or five numbers; ids begin with 1, since 0 means unmatched."""
    rows = []
    for row, (box, label, image) in enumerate(zip(boxes.tolist(), labels.tolist(), images.tolist(), strict=True)):
        one = {"id": row + 1, "bbox": box, "category_id": label, "image_id": image, "area": box[2] * box[3]}
        one |= {"iscrowd": 0, "wants_ignore": 0}
        rows.append(one | {key: column[row] for key, column in columns.items() if column is not None})
    return rows


def coco_eval(detections: Detections, truth: Truth, overlaps: Overlaps | None = None, **params: Any) -> Oracle:
    """An evaluation that has run; boxes are "xywh" or rotated. `params` are those of pycocotools."""
    images, classes = len(truth.image_ids), len(truth.class_names)
    there = annotations(
        truth.boxes, truth.labels, truth.images, iscrowd=truth.crowd, wants_ignore=truth.ignore, area=truth.area
    )
    found = annotations(detections.boxes, detections.labels, detections.images, score=detections.scores)
    with contextlib.redirect_stdout(io.StringIO()):
        run = Oracle(data_set(images, classes, there), data_set(images, classes, found), "bbox")
        run.overlaps = overlaps
        for name, value in params.items():
            setattr(run.params, name, value)
        run.evaluate()
        run.accumulate()
        if run.params.maxDets[2:] == [100]:  # what the summary asks for
            run.summarize()
    return run
