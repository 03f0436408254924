"""What several models found in a picture, as one set of boxes."""

from __future__ import annotations

from dataclasses import replace
from typing import Any

import numpy as np

from .._shared.by_class import Kept
from .._shared.methods import NAMES
from .._shared.shapes import Rotated
from .batch import Batch, best
from .joined_source import MODEL
from .settings import Job


def fuse(batch: Batch, job: Job) -> Batch:
    """The boxes of each picture as `ptdet.numpy`'s function fuses them, of as many models as the run has.

    All pictures are fused in one call. A model that found nothing in a picture counts as one that saw nothing there.
    """
    from ..numpy._box_fusion import FUSIONS, gathered  # not to be loaded before a worker has said how many threads

    batch = best(batch, job.settings.pre_topk)
    found, groups = batch.found, batch.groups(job.settings)

    def choose(rows: Any, iou_threshold: float) -> Kept:
        models, all_boxes, scores, ids = (
            each[rows] for each in (found.extra[MODEL], found.boxes, found.scores, groups)
        )
        own = [np.flatnonzero(models == model) for model in range(len(job.models))]
        boxes = [all_boxes[places] for places in own]
        given = gathered(
            Rotated(boxes) if found.rotated else boxes,
            [scores[places] for places in own],
            [ids[places] for places in own],
            list(job.weights) or None,
        )
        fused = FUSIONS[NAMES[job.settings.method]](given, iou_threshold, **job.settings.options)
        return fused.boxes, fused.scores, np.concatenate(own)[fused.keep]

    return replace(batch, found=replace(found, extra={})).chosen(choose, job.settings)
