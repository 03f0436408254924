"""How good detections are: COCO's evaluation of a data set, on arrays. Needs no torch.

`evaluate` does all of it. `match` finds which detection finds which object, once; its `Matches.evaluate` gives the
numbers, of all pictures or with each weighted: for folds and the bootstrap.
"""

from .._shared.dataset import Detections, Truth
from .matches import AREA_RANGES, IOU_THRESHOLDS, MAX_DETECTIONS, RECALL_THRESHOLDS, Matches, evaluate, match
from .summary import F1, FALSE, IGNORED, LEFT_OUT, TRUE, Curve, Evaluation

__all__ = [
    "AREA_RANGES",
    "F1",
    "FALSE",
    "IGNORED",
    "IOU_THRESHOLDS",
    "LEFT_OUT",
    "MAX_DETECTIONS",
    "RECALL_THRESHOLDS",
    "TRUE",
    "Curve",
    "Detections",
    "Evaluation",
    "Matches",
    "Truth",
    "evaluate",
    "match",
]
