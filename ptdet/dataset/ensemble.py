"""What several models found in a picture, as one set of boxes."""

from __future__ import annotations

from dataclasses import replace

import numpy as np

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
    models = found.extra[MODEL]
    own = [np.flatnonzero(models == model) for model in range(len(job.models))]
    boxes = [found.boxes[rows] for rows in own]
    given = gathered(
        Rotated(boxes) if found.rotated else boxes,
        [found.scores[rows] for rows in own],
        [groups[rows] for rows in own],
        list(job.weights) or None,
    )
    fused = FUSIONS[NAMES[job.settings.method]](given, job.settings.iou_threshold, **job.settings.options)
    plain = replace(batch, found=replace(found, extra={}))
    return plain.kept(fused.boxes, fused.scores, np.concatenate(own)[fused.keep], job.settings)
