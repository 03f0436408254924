"""Boxes, scores and labels in arrays of their own, for one picture or for a batch of them."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field, replace
from typing import Any

import numpy as np

from .._shared.arrays import Array
from .._shared.elementary import exponential, sigmoid
from .columns import BEYOND, NO_CLASS, computed, whole_labels
from .corners import BOX_FORMS, NEGATIVE, ROTATED, UNORDERED, no_box
from .facts import Facts
from .predictions import FileProblem, ReadOptions
from .roles import Words, described, kind_of, role_of
from .scored import Scored, beyond_probability, is_padding, nearly_all
from .space import Space
from .text_lines import is_count


@dataclass(frozen=True)
class Part:
    """One picture of a file, with what the file says about it besides."""

    scored: Scored
    key: str = ""  # what the file calls it
    facts: Mapping[str, Any] = field(default_factory=dict)  # fields of Predictions
    notes: tuple[str, ...] = ()


def read_boxes(values: Mapping[str, Any], roles: Mapping[str, str], options: ReadOptions, facts: Facts) -> list[Part]:
    """The pictures of arrays with these roles; what has none and a row for each box is carried along."""
    given = {role: values[name] for role, name in roles.items()}
    form = options.boxes or _form_of(roles, facts)
    boxes = _boxes(given["boxes"], roles["boxes"], form)
    if boxes.shape[2] == 5 and form not in ROTATED:
        if "scores" in given or "logits" in given:
            raise FileProblem(
                f"{roles['boxes']}: expected shape (N, 4), got {tuple(given['boxes'].shape)}: if these are rotated "
                "boxes, say --boxes cxcywhr (radians, from +x to +y)"
            )
        boxes, given["scores"] = boxes[..., :4], boxes[..., 4]
    if "scores" not in given and "logits" not in given:
        raise FileProblem(f"has {roles['boxes']} and no scores; the file has {described(values)}")
    pictures, rows = boxes.shape[:2]
    fields, notes = dict(facts.fields), []
    if "logits" in given and options.boxes is None:
        fields["space"] = options.space or Space("normalised")
    scores = _scores(given, roles, pictures, rows, options)
    labels = None
    if "labels" in given:
        labels, classes = _labels(given["labels"], roles["labels"], pictures, rows, fields.get("classes", ()))
        if scores.ndim == 3 and scores.shape[2] == 1:
            scores = scores[..., 0]
        if scores.ndim == 3:
            raise FileProblem(
                f"labels: expected shape {(rows,)} beside scores of that shape, got scores {tuple(scores.shape)[1:]}"
            )
        if classes and not fields.get("classes"):
            fields["classes"] = classes
            notes.append(f"labels are words, numbered as they come: {', '.join(classes)}; --classes says an order")
    objectness = None
    if "objectness" in given:
        of_boxes = _spread(given["objectness"], pictures, rows, (), roles["objectness"])
        objectness = of_boxes.astype(np.float32, copy=False)
        if scores.ndim == 2:
            raise FileProblem(f"has {roles['objectness']} beside one score a box: multiply them, or leave it out")
        notes.append(f"scores are multiplied by {roles['objectness']}")
    padding = _padding(boxes, scores, labels, given.get("count"))
    odd = _odd(boxes, form, scores, objectness, labels)
    _accept(odd, padding, boxes, scores, options, form)
    corners = boxes if form == "xyxyxyxy" else BOX_FORMS[form](boxes)  # quads stay until the picture is known
    known = np.zeros(0) if scores.ndim == 3 else labels  # nothing beside class scores is a label
    extra, told = carried(values, roles.values(), pictures, rows, known, facts)
    whole = None if labels is None else whole_labels(labels)
    parts = []
    for number in range(pictures):
        scored = Scored(
            corners[number],
            scores[number],
            None if whole is None else whole[number],
            None if objectness is None else objectness[number],
            {name: value[number] for name, value in extra.items()},
            padding[number],
            {why: mask[number] for why, mask in odd.items()},
        )
        parts.append(Part(scored, facts=fields, notes=(*notes, *told)))
    return parts


def carried(
    values: Mapping[str, Any],
    used: Any,
    pictures: int,
    rows: int,
    labels: Array | None,
    facts: Facts,
) -> tuple[dict[str, Array], list[str]]:
    """The arrays that have a row for each box, as (B, N, ...), and a line on those and on the others.

    Raises:
        FileProblem: for one that may well be the labels of boxes that have none.
    """
    extra: dict[str, Array] = {}
    told, unused = [], {}
    for name, value in values.items():
        if name in used:
            continue
        role = role_of(name)
        known = role == "rows" or name.startswith("extra") or facts.explain(name)
        of_boxes = None if role == "picture" else _of_boxes(value, pictures, rows)
        if labels is None and not known and _may_be_labels(value, of_boxes, pictures, rows):
            raise FileProblem(
                f"has {name} {kind_of(value)}, which may be the labels: call it labels, or leave it out;"
                f" the file has {described(values)}"
            )
        if of_boxes is None:
            if not known:
                unused[name] = value
            continue
        extra[name.removeprefix("extra_")] = of_boxes
        if not known:
            told.append(f"{name} {kind_of(value)}")
    notes = [f"carried along into .npz: {', '.join(told)}"] if told else []
    return extra, [*notes, *([f"not used: {described(unused)}"] if unused else [])]


def _may_be_labels(value: Any, of_boxes: Array | None, pictures: int, rows: int) -> bool:
    """A whole number or a word for each box; of a single box a word may be said of the picture."""
    if isinstance(value, Words):
        return bool(value.values) and rows > 1 and value.shape in ((pictures, rows), (rows,) if pictures == 1 else ())
    return of_boxes is not None and of_boxes.ndim == 2 and rows > 0 and bool((of_boxes == np.rint(of_boxes)).all())


def _of_boxes(value: Any, pictures: int, rows: int) -> Array | None:
    if not isinstance(value, np.ndarray):
        return None
    if value.ndim >= 2 and value.shape[:2] == (pictures, rows):
        return value
    return value[None] if pictures == 1 and value.ndim >= 1 and value.shape[0] == rows else None


def _form_of(roles: Mapping[str, str], facts: Facts) -> str:
    """What the numbers of a box are, as the file says it, or by the name of the array and of its company."""
    if facts.meta.get("boxes") in BOX_FORMS:  # as `write_survivors` says it
        return str(facts.meta["boxes"])
    if roles["boxes"].casefold() in ROTATED:
        return roles["boxes"].casefold()
    if "logits" in roles and roles["boxes"].casefold() in ("pred_boxes", "boxes"):
        return "cxcywh"  # DETR and its kin
    if roles["boxes"].casefold() == "detection_boxes":
        raise FileProblem(
            "has detection_boxes, which are y1 x1 y2 x2 in TensorFlow and x1 y1 x2 y2 in most TensorRT engines: say "
            "--boxes yxyx or --boxes xyxy"
        )
    return "xyxy"


def _boxes(stored: Any, name: str, form: str) -> Array:
    """(B, N, 4), or 5 with the score; of rotated boxes as many numbers as they have."""
    if not isinstance(stored, np.ndarray) or stored.dtype.kind == "c" or stored.dtype == np.bool_:
        raise FileProblem(f"{name}: expected numbers, got {kind_of(stored)}")
    numbers = ROTATED.get(form, 4)
    boxes: Array = stored.reshape(0, numbers) if stored.shape == (0,) else stored
    if form == "xyxyxyxy" and boxes.shape[-2:] == (4, 2):
        boxes = boxes.reshape(*boxes.shape[:-2], 8)
    boxes = boxes[:, :, 0] if boxes.ndim == 4 and boxes.shape[2] == 1 else boxes
    boxes = boxes[None] if boxes.ndim == 2 else boxes
    if boxes.ndim != 3 or boxes.shape[2] not in ((4, 5) if numbers == 4 else (numbers,)):
        told = f"(N, {numbers}) or (B, N, {numbers})" + (f" for {form}" if form in ROTATED else "")
        raise FileProblem(f"{name}: expected shape {told}, got {tuple(stored.shape)}")
    return computed(boxes)


def _spread(stored: Any, pictures: int, rows: int, more: tuple[int, ...], name: str) -> Array:
    """As (B, N, ...): with or without B for one picture."""
    if isinstance(stored, np.ndarray):
        for shape in ((pictures, rows, *more), (rows, *more) if pictures == 1 else None, (pictures, rows, 1)):
            if shape is not None and tuple(stored.shape) == shape:
                return (
                    stored.reshape(pictures, rows, *more) if shape[-1] != 1 or more else stored.reshape(pictures, rows)
                )
        if not more and pictures == 1 and tuple(stored.shape) == (rows, 1):
            return stored.reshape(1, rows)
    expected = f"({rows},)" if pictures == 1 else f"({pictures}, {rows})"
    raise FileProblem(f"{name}: expected shape {expected}, got {kind_of(stored)}")


def _scores(
    given: Mapping[str, Any], roles: Mapping[str, str], pictures: int, rows: int, options: ReadOptions
) -> Array:
    """(B, N) or (B, N, C) probabilities."""
    role = "scores" if "scores" in given else "logits"
    name, stored = roles.get(role, roles["boxes"]), given[role]
    if not isinstance(stored, np.ndarray) or stored.dtype.kind != "f":
        raise FileProblem(f"{name}: expected floating point numbers, got {kind_of(stored)}")
    scores = stored
    if scores.ndim == 2 and scores.shape[0] == rows and (pictures, rows) != tuple(scores.shape):
        scores = scores[None] if pictures == 1 else scores
    elif scores.ndim == 1:
        scores = scores[None]
    if scores.ndim == 3 and scores.shape[1] != rows and scores.shape[2] == rows:
        scores = scores.swapaxes(1, 2)  # one row a class, as ONNX' NonMaxSuppression takes them
    if scores.ndim not in (2, 3) or tuple(scores.shape[:2]) != (pictures, rows):
        expected = f"({rows},) or ({rows}, C)" if pictures == 1 else f"({pictures}, {rows}) or ({pictures}, {rows}, C)"
        raise FileProblem(f"{name}: expected shape {expected}, got {tuple(stored.shape)}")
    scores = computed(scores)
    kind = options.logits
    if role == "logits" and kind == "none":
        kind = {options.class_count: "classes", (options.class_count or 0) + 1: "softmax"}.get(scores.shape[-1], "none")
        if kind == "none" or options.class_count is None or scores.ndim != 3:
            raise FileProblem(
                f"has {name} {tuple(stored.shape)}: say --logits softmax (DETR: the last column means no object) or "
                "--logits classes (RT-DETR, Deformable DETR: a sigmoid), or --num-classes"
            )
    if kind == "softmax":
        if scores.ndim != 3 or scores.shape[2] < 2:
            raise FileProblem(f"{name}: expected (N, C+1) logits for --logits softmax, got {tuple(stored.shape)}")
        return softmax(scores)[..., :-1]
    return scores if kind == "none" else sigmoid(scores)


def softmax(logits: Array) -> Array:
    """Over the last dimension, column by column in order, so that every processor adds alike."""
    wide = logits.astype(np.float64)
    raised = exponential(wide - wide.max(-1, keepdims=True))
    total = np.zeros_like(raised[..., 0])
    for column in np.moveaxis(raised, -1, 0):
        total = total + column
    return (raised / total[..., None]).astype(logits.dtype)


def _labels(stored: Any, name: str, pictures: int, rows: int, classes: Sequence[str]) -> tuple[Array, tuple[str, ...]]:
    """(B, N) numbers, NaN where there is none, and what they are called if the file says it in words."""
    if not isinstance(stored, Words) or not stored.values:
        labels = _spread(stored, pictures, rows, (), name)
        return labels.astype(np.float64 if labels.dtype.kind == "f" else np.int64, copy=False), ()
    if all(map(is_count, stored.values)) and not set(stored.values) <= set(classes):  # numbers, written as words
        numbers = np.array(list(map(int, stored.values)), np.int64).reshape(stored.shape)
        return _spread(numbers, pictures, rows, (), name), ()
    known = tuple(classes) or tuple(dict.fromkeys(stored.values))
    strange = sorted(set(stored.values) - set(known))
    if strange:
        raise FileProblem(f"{name}: {', '.join(strange[:3])} is none of the classes {', '.join(known[:9])}")
    place = {word: number for number, word in enumerate(known)}
    numbers = np.array([place[word] for word in stored.values], np.int64).reshape(stored.shape)
    return _spread(numbers, pictures, rows, (), name), known


def _padding(boxes: Array, scores: Array, labels: Array | None, count: Any) -> Array:
    """(B, N): no box and no score, label -1 and no score, or beyond the count of the picture."""
    pictures, rows = boxes.shape[:2]
    silent = scores <= 0 if scores.ndim == 2 else (scores <= 0).all(-1)
    padding = is_padding(boxes) & silent
    if labels is not None:
        padding |= (labels == -1) & silent
    if count is not None:
        padding |= np.arange(rows) >= _counts(count, pictures, rows)[:, None]
    return padding


def _odd(boxes: Array, form: str, scores: Array, objectness: Array | None, labels: Array | None) -> dict[str, Array]:
    why, mask = no_box(boxes, form)
    beyond = beyond_probability(scores)
    odd = {why: mask, BEYOND: beyond if scores.ndim == 2 else np.any(beyond, -1)}
    if objectness is not None:
        odd[BEYOND] = odd[BEYOND] | beyond_probability(objectness)
    if labels is not None and labels.dtype.kind == "f":
        odd[NO_CLASS] = ~((labels == np.rint(labels)) & (np.abs(labels) < 2**53))
    return odd


def _accept(
    odd: Mapping[str, Array], padding: Array, boxes: Array, scores: Array, options: ReadOptions, form: str
) -> None:
    """Raises FileProblem where more than a few rows are odd: then the arrays are something else."""
    finite = np.isfinite(boxes).all(-1) & (np.isfinite(scores) if scores.ndim == 2 else np.isfinite(scores).all(-1))
    says = ~padding & finite
    count = int(says.sum())
    for why, mask in odd.items():
        many = int((mask & says).sum())
        if nearly_all(many, count) or (options.boxes and why in (UNORDERED, NEGATIVE) and 2 * many <= count):
            continue
        if why == BEYOND:
            low, high = scores[says].min(), scores[says].max()
            raise FileProblem(
                f"scores: expected 0..1, they go from {low:.3g} to {high:.3g}: if they are logits, say --logits classes"
            )
        if why == NO_CLASS:
            raise FileProblem(f"labels: expected whole numbers, {many} of {count} are none")
        others = ", ".join(other for other in BOX_FORMS if other != form)
        raise FileProblem(f"boxes: {many} of {count} have {why} as {form}: say --boxes {others}, whichever they are")


def with_count(parts: Sequence[Part], count: Any) -> list[Part]:
    """`parts` with the rows beyond the count of each picture as padding; or one part cut into that many rows each."""
    if (
        len(parts) == 1
        and isinstance(count, np.ndarray)
        and count.size > 1
        and count.sum() == len(parts[0].scored.boxes)
    ):
        sizes = _counts(count, count.size, len(parts[0].scored.boxes)).tolist()
        ends = [sum(sizes[: n + 1]) for n in range(len(sizes))]
        cuts = [slice(end - size, end) for end, size in zip(ends, sizes, strict=True)]
        return [replace(parts[0], scored=parts[0].scored.rows(cut)) for cut in cuts]
    rows = [len(part.scored.boxes) for part in parts]
    numbers = _counts(count, len(parts), max(rows, default=0))
    counted = []
    for part, number, many in zip(parts, numbers.tolist(), rows, strict=True):
        beyond = np.arange(many) >= number
        padding = beyond if part.scored.padding is None else part.scored.padding | beyond
        counted.append(replace(part, scored=replace(part.scored, padding=padding)))
    return counted


def _counts(count: Any, pictures: int, rows: int) -> Array:
    numbers = count.flatten() if isinstance(count, np.ndarray) else np.zeros(0)
    fits = numbers.size == pictures and bool(((numbers >= 0) & (numbers <= rows)).all())
    if not fits or bool((numbers != np.rint(numbers)).any()):
        raise FileProblem(f"count: expected {pictures} whole numbers from 0 to {rows}, got {kind_of(count)}")
    return numbers.astype(np.int64)
