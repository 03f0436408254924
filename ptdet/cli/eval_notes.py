"""What a person should know before believing a score: detections that are cut, raw or of another unit."""

from __future__ import annotations

import numpy as np

from .._shared.arrays import silent
from .._shared.dataset import Detections, Truth
from ..evaluation import Evaluation
from ..io import BOX_FORMS
from .methods import suppress

CUT = 0.05  # a detector that is asked for all has weaker boxes than this
SAME = 0.7  # two boxes of one class that overlap more are one object, as a rule
RAW = 0.25  # the share of such boxes that no suppression leaves


def notes_on(detections: Detections, truth: Truth, evaluation: Evaluation) -> list[str]:
    """One line each."""
    notes = [] if len(truth.boxes) else ["the truth has no boxes: there is nothing to find, and no score"]
    if not len(detections.boxes):
        return [*notes, "there are no detections"]
    scores = detections.scores
    if len(scores) > 1 and scores.min() == scores.max():
        notes.append(f"all scores are {scores[0]:g}: average precision ranks by scores, and there is nothing to rank")
    elif scores.min() > CUT:
        said = f"the lowest score is {scores.min():.3g}: weaker detections look cut off"
        notes.append(f"{said}, which lowers average precision (ptdet run --conf 0.001 keeps them)")
    notes += _on_suppression(detections, len(truth.class_names))
    notes += _on_limit(detections, len(truth.class_names), evaluation.max_detections[-1])
    first = float(evaluation.iou_thresholds[0])
    if len(truth.boxes) and not evaluation.counts(first)["true_positives"]:
        said = f"no detection overlaps an object of its class by {first:g}"
        notes.append(f"{said}: are the boxes in pixels of the pictures (--space), and the classes right (--match)?")
    return notes


@silent()
def _on_suppression(detections: Detections, classes: int) -> list[str]:
    """Whether boxes of one class still lie on one another."""
    boxes, scores = detections.boxes, detections.scores.astype(np.float64)
    if boxes.shape[1] == 4:
        boxes = BOX_FORMS[detections.fmt](boxes)
    groups = detections.images * classes + detections.labels
    _, _, kept = suppress("nms", boxes.astype(np.float64), scores, groups, SAME)
    over = len(scores) - len(kept)
    if over == 0 and len(scores) > 1:
        said = f"suppressed already (no two boxes of a class overlap by more than {SAME:g})"
        return [f"{said}: right for a score, but methods cannot be compared on them"]
    if over > RAW * len(scores):
        said = f"{over} of {len(scores)} detections overlap a better one of their class by more than {SAME:g}"
        return [f"{said}: suppress them first (ptdet run --conf 0.001)"]
    return []


def _on_limit(detections: Detections, classes: int, most: int) -> list[str]:
    _, counts = np.unique(detections.images * classes + detections.labels, return_counts=True)
    over = int((counts - most).clip(0).sum())
    if not over:
        return []
    said = f"{over} detections do not count: they are beyond the best {most} of their picture and class"
    return [f"{said} (--max-det {int(counts.max())} counts all)"]
