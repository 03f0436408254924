"""What the arrays of a file are for: by their names, or where these say nothing, by their shapes and values."""

from __future__ import annotations

import re
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np

from .._shared.arrays import Array
from .predictions import FileProblem
from .scored import beyond_probability, nearly_all

# role -> the names that detectors, exporters and runtimes give it; case, "-" and ":0" do not matter
NAMES = {
    "boxes": "boxes box bboxes bbox xyxy pred_boxes pred_bboxes det_boxes detection_boxes nmsed_boxes final_boxes"
    " cxcywhr xyxyxyxy",
    "scores": "scores score conf confs confidence confidences prob probs probabilities pred_scores det_scores"
    " detection_scores nmsed_scores final_scores class_scores",
    "labels": "labels label label_id label_ids classes class class_ids class_id cls cls_id cls_ids category_id"
    " cat_id cat_ids pred_cls pred_classes pred_labels det_classes det_labels detection_classes"
    " nmsed_classes final_classes class_labels class_index class_indices category",
    "logits": "logits pred_logits class_logits",
    "objectness": "objectness obj obj_conf",
    "count": "num num_dets num_det num_detections num_boxes bbox_num nmsed_num valid_detections",
    "pred": "pred preds prediction predictions output output0 outputs det dets detections",
    "names": "names class_names",
    "image_id": "image_id image_ids img_id img_ids",
    # which stored row or prior a box was: carried along, and no class
    "rows": "rows row_index index indices keep",
    # of the picture, not of a box
    "picture": "image images img orig_shape orig_size image_size image_shape img_shape input_shape scale_factor pad",
}
ROLE_OF = {name: role for role, names in NAMES.items() for name in names.split()}


@dataclass(frozen=True)
class Words:
    """An array of strings, or of what is neither a number nor a string (then without `values`)."""

    values: tuple[str, ...]
    shape: tuple[int, ...]
    dtype: str = "string"

    def apart(self) -> list[Words]:
        """Each word by itself."""
        return [Words((word,), (1,)) for word in self.values]


def role_of(name: str) -> str | None:
    return ROLE_OF.get(re.sub(r"[-. ]", "_", name.strip().casefold()).split(":")[0])


def described(values: Mapping[str, Any]) -> str:
    """The names, shapes and types of what a file has."""
    return ", ".join(f"{name} {kind_of(value)}" for name, value in values.items()) or "nothing"


def kind_of(value: Any) -> str:
    if isinstance(value, np.ndarray):
        return f"{tuple(value.shape)} {value.dtype}"
    if isinstance(value, Words):
        return f"{value.shape} {value.dtype}"
    if isinstance(value, (list, tuple)):
        return f"a {type(value).__name__} of {len(value)}"
    return f"a {type(value).__name__}"


def by_name(values: Mapping[str, Any]) -> dict[str, str]:
    """role -> the name of the array that has it.

    Raises:
        FileProblem: where two arrays claim one role and differ.
    """
    found: dict[str, str] = {}
    for name, value in values.items():
        role = role_of(name)
        if role is None or role in ("picture", "rows") or (role == "names" and not isinstance(value, Words)):
            continue
        if role == "labels" and isinstance(value, Words) and any(_numbers(values, other, role) for other in values):
            role = "names"  # labels as numbers are there: these are what the classes are called
        if role not in found:
            found[role] = name
        elif not _same(values[found[role]], value):
            raise FileProblem(f"has {found[role]} and {name}, which both mean {role}: leave one out")
    return found


def _numbers(values: Mapping[str, Any], name: str, role: str) -> bool:
    return role_of(name) == role and not isinstance(values[name], Words)


def _same(one: Any, other: Any) -> bool:
    if isinstance(one, np.ndarray) and isinstance(other, np.ndarray):
        return one.shape == other.shape and bool((one == other).all())
    return bool(type(one) is type(other) and one == other)


def by_shape(values: Sequence[Array]) -> dict[str, int] | None:
    """role -> the place of the array that has it, for arrays without names, as a network returns them.

    (B,N,4) are boxes, (B,N,C) class scores, (B,N) scores or labels, (B,) or (B,1) whole numbers a count; without B for
    one picture. With (B,N,5) boxes that end in their score, (B,N) are labels. None where that does not come out even.
    """
    places = [place for place, value in enumerate(values) if value.ndim in (2, 3, 4) and value.shape[-1] in (4, 5)]
    whole = [place for place in places if values[place].shape[-1] == 4] or places
    if len(whole) == 2:  # four classes: their scores are the ones that can be probabilities
        whole = [place for place in whole if _beyond(values[place])]
    if len(whole) != 1:
        return None
    (boxes,) = whole
    shape = tuple(values[boxes].shape[:-1])
    shape = (shape[0], shape[1]) if len(shape) == 3 and shape[2] == 1 else shape
    roles = {"boxes": boxes}
    rest = [place for place in range(len(values)) if place != boxes]
    flat = [place for place in rest if tuple(values[place].shape) in (shape, (*shape, 1))]
    batch = (shape[0],) if len(shape) == 2 else ()
    counts = [
        place for place in rest if tuple(values[place].shape) in (batch, (*batch, 1)) and _is_whole(values[place])
    ]
    if counts and len(flat) > 2:
        roles["count"] = counts[0]
        flat = [place for place in flat if place != counts[0]]
    elif counts and counts[0] not in flat:
        roles["count"] = counts[0]
    wide = [
        place
        for place in rest
        if values[place].ndim == len(shape) + 1 and values[place].shape[:-1] == shape and place not in flat
    ]
    if values[boxes].shape[-1] == 5:
        return {**roles, "labels": flat[0]} if len(flat) == 1 and not wide else None
    if len(wide) == 1 and not flat:
        return {**roles, "scores": wide[0]}
    labels = _labels_of(values, flat)
    if len(flat) == 1 and labels is None:
        return {**roles, "scores": flat[0]}
    if len(flat) == 2 and labels is not None:
        return {**roles, "labels": labels, "scores": next(place for place in flat if place != labels)}
    return None


def _labels_of(values: Sequence[Array], places: Sequence[int]) -> int | None:
    """Of (N,) arrays the one that must be labels: integers, else whole numbers beside probabilities."""
    integers = [place for place in places if values[place].dtype.kind != "f"]
    if integers:
        return integers[0] if len(integers) == 1 else None
    beyond = [place for place in places if _is_whole(values[place])]
    return beyond[0] if len(beyond) == 1 and len(places) == 2 else None


def _is_whole(values: Array) -> bool:
    return values.dtype.kind != "f" or bool((values == np.rint(values)).all())


def _beyond(values: Array) -> bool:
    odd = beyond_probability(values[np.isfinite(values)])
    return not nearly_all(int(odd.sum()), odd.size)
