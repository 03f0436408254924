"""What in the input makes a tuning worth less than it looks."""

from __future__ import annotations

import numpy as np

from .._shared.config import Setting
from .._shared.dataset import Truth
from .suppression import Candidates

SUPPRESSED_AT, CUT_AT = 0.7, 0.05


def input_warnings(candidates: Candidates, truth: Truth) -> list[str]:
    """One line each: input already suppressed or cut, pictures without truth, classes that do not match."""
    given, warnings = candidates.given, []
    scores = given.scores.astype(np.float64, copy=False)
    everything = Setting(method="hard", iou=SUPPRESSED_AT, conf=-np.inf)
    if len(scores) and len(candidates.suppressed(everything).rows) == len(scores):
        warnings.append(
            f"no two detections of a class overlap by more than {SUPPRESSED_AT}: they seem suppressed already, and "
            "what another method would have kept is gone"
        )
    if len(scores) and scores.min() > CUT_AT:
        warnings.append(
            f"no score is below {scores.min():.3g}: the detections seem cut, and no lower confidence can be tried"
        )
    if len(scores) and scores.max() > 1:
        warnings.append(f"scores go up to {scores.max():.3g}, and confidences are tried as of probabilities: give conf")
    pictures = len(truth.image_ids)
    without = pictures - len(np.unique(truth.images))
    if without:
        warnings.append(
            f"{without} of {pictures} pictures have no truth: whatever is found there is false; leave them out if "
            "nobody has looked at them"
        )
    silent = pictures - len(np.unique(given.images))
    if silent:
        # the words of `read_detections`, so that nobody is told twice
        warnings.append(f"{silent} of {pictures} pictures of the truth have no detections")
    names = np.array(truth.class_names, dtype=object)
    seen, there = np.unique(given.labels), np.unique(truth.labels)
    for labels, what in (
        (np.setdiff1d(there, seen), "objects but no detections: do the names of the classes match?"),
        (np.setdiff1d(seen, there), "detections but no objects: nothing is learned of them"),
    ):
        if len(labels):
            shown = ", ".join(map(str, names[labels[:5]])) + (" and more" if len(labels) > 5 else "")
            warnings.append(f"{len(labels)} classes have {what} ({shown})")
    return warnings
