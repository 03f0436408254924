"""The YOLO pipeline, image by image and class by class, as docs/SPEC.md section 4 says it."""

import math
from collections.abc import Callable

import torch
from torch import Tensor

from .elementary import exponential, sigmoid
from .nms import decreasing
from .overlap import computed, raw_overlap
from .thresholds import above, exceeds

SMALLEST_SIDE, LARGEST_SIDE = 2.0, 4096.0
SIGMA = 0.5
CONFIRMED = 0.5
Survivors = tuple[Tensor, Tensor, Tensor]  # places, boxes, scores


def yolo_filter(
    prediction: Tensor,
    num_classes: int,
    objectness: bool,
    logits: bool,
    multi_label: bool,
    objectness_threshold: float,
    confidence_threshold: float | None,
    min_side: float,
    max_side: float,
    wanted: Tensor | None = None,
) -> tuple[Tensor, Tensor, Tensor, Tensor, Tensor, Tensor]:
    """The candidates of a batch (B, N, columns), by image, row and class.

    Returns:
        boxes (K, 4) x1, y1, x2, y2, scores (K,), labels (K,), images (K,), rows (K,), and for each image how many rows
        pass the filters of objectness and sides (B,).
    """
    _check(prediction, num_classes, objectness, wanted)
    for name, number in (
        ("objectness_threshold", objectness_threshold),
        ("min_side", min_side),
        ("max_side", max_side),
    ):
        if math.isnan(number):
            raise ValueError(f"{name}: expected a number, got nan")
    values = computed(prediction.detach())
    found, passed = [], []
    for image, rows in enumerate(values):
        left = _first_filters(rows, objectness, objectness_threshold, min_side, max_side)
        boxes, scores, labels, at = _candidates(
            rows[left], num_classes, objectness, logits, multi_label, confidence_threshold
        )
        if wanted is not None:
            chosen = wanted[labels]
            boxes, scores, labels, at = boxes[chosen], scores[chosen], labels[chosen], at[chosen]
        found.append((boxes, scores, labels, torch.full_like(labels, image), left[at]))
        passed.append(len(left))
    count = torch.tensor(passed, dtype=torch.int64, device=values.device)
    if not found:
        none = torch.zeros(0, dtype=torch.int64, device=values.device)
        return values.new_zeros(0, 4), values.new_zeros(0), none, none.clone(), none.clone(), count
    boxes, scores, labels, images, at = (torch.cat(parts) for parts in zip(*found, strict=True))
    return boxes, scores, labels, images, at, count


def _first_filters(
    rows: Tensor, objectness: bool, objectness_threshold: float, min_side: float, max_side: float
) -> Tensor:
    """Places of the rows whose objectness, width and height pass."""
    sides = rows[:, 2:4]
    passes = (above(sides, min_side) & above(-sides, -max_side)).all(1)
    if objectness:
        passes = passes & above(rows[:, 4], objectness_threshold)
    return torch.nonzero(passes)[:, 0]


def _candidates(
    rows: Tensor, num_classes: int, objectness: bool, logits: bool, multi_label: bool, threshold: float | None
) -> tuple[Tensor, Tensor, Tensor, Tensor]:
    """Boxes, confidences, classes and places of the candidates among `rows`."""
    first = 5 if objectness else 4
    confidence = rows[:, first : first + num_classes]
    if logits:
        confidence = sigmoid(confidence)
    if objectness:
        confidence = confidence * rows[:, 4:5]
    if multi_label or num_classes == 0:
        chosen = torch.ones_like(confidence, dtype=torch.bool) if threshold is None else above(confidence, threshold)
        at, labels = torch.nonzero(chosen).unbind(1)
        scores = confidence[at, labels]
    else:
        scores, labels = confidence.max(1)
        at = torch.arange(len(rows), device=rows.device)
        if threshold is not None:
            chosen = above(scores, threshold)
            scores, labels, at = scores[chosen], labels[chosen], at[chosen]
    boxes = _corners(rows)[at]
    finite = torch.isfinite(boxes).all(1) & torch.isfinite(scores)
    return boxes[finite], scores[finite], labels[finite], at[finite]


def _corners(rows: Tensor) -> Tensor:
    centre, size = rows[:, :2], rows[:, 2:4]
    return torch.cat([centre - size / 2, centre + size / 2], dim=1)


def non_max_suppression(
    prediction: Tensor,
    conf_thres: float = 0.5,
    nms_thres: float = 0.5,
    multi_cls: bool = True,
    method: str = "vision",
    max_per_class: int | None = 500,
) -> list[Tensor | None]:
    """One (n, 6) of x1, y1, x2, y2, confidence, class for each image, or None."""
    return _pipeline(prediction, conf_thres, nms_thres, multi_cls or conf_thres < 0.01, method, max_per_class)[0]


def yolo_pipeline(
    prediction: Tensor,
    conf_thres: float,
    nms_thres: float,
    multi_label: bool = True,
    method: str = "vision",
    max_per_class: int | None = None,
) -> tuple[Tensor, Tensor, Tensor]:
    """The same as one table, how many rows of it each image has, and how many rows of the head pass the filters."""
    results, passed = _pipeline(prediction, conf_thres, nms_thres, multi_label, method, max_per_class)
    tables = [one for one in results if one is not None]
    num = [0 if one is None else len(one) for one in results]
    none = computed(prediction).new_zeros(0, 6)
    counts = (torch.tensor(each, dtype=torch.int64, device=prediction.device) for each in (num, passed))
    return (torch.cat([none, *tables]), *counts)  # type: ignore[return-value]


def _pipeline(
    prediction: Tensor, conf_thres: float, nms_thres: float, multi_label: bool, method: str, max_per_class: int | None
) -> tuple[list[Tensor | None], list[int]]:
    num_classes = prediction.shape[2] - 5
    _check(prediction, num_classes, True, None)
    if method != "vision_batch" and method not in PER_CLASS:
        raise ValueError(f"method: expected one of vision_batch, {', '.join(PER_CLASS)}, got {method!r}")
    passed: list[int] = []
    results: list[Tensor | None] = []
    for rows in computed(prediction.detach()):
        rows = rows[_first_filters(rows, True, conf_thres, SMALLEST_SIDE, LARGEST_SIDE)]
        passed.append(len(rows))
        boxes, scores, labels, _ = _candidates(
            rows, num_classes, True, True, multi_label, conf_thres if multi_label else None
        )
        if len(rows) == 0:
            results.append(None)
        elif method == "vision_batch":
            results.append(_all_classes(boxes, scores, labels, nms_thres))
        else:
            results.append(_class_by_class(boxes, scores, labels, nms_thres, conf_thres, method, max_per_class))
    return results, passed


def _all_classes(boxes: Tensor, scores: Tensor, labels: Tensor, nms_thres: float) -> Tensor:
    order = decreasing(scores)
    found = torch.cat([boxes, scores[:, None], labels[:, None].to(boxes.dtype)], dim=1)[order]
    kept = torch.zeros(len(found), dtype=torch.bool, device=boxes.device)
    for label in labels.unique():
        members = torch.nonzero(labels[order] == label)[:, 0]
        kept[members[_vision(found[members, :4], nms_thres)]] = True
    return found[kept]


def _class_by_class(
    boxes: Tensor,
    scores: Tensor,
    labels: Tensor,
    nms_thres: float,
    conf_thres: float,
    method: str,
    max_per_class: int | None,
) -> Tensor | None:
    results = []
    for label in labels.unique(sorted=True):
        mine = torch.nonzero(labels == label)[:, 0]
        mine = mine[decreasing(scores[mine])][:max_per_class]
        found, found_boxes, found_scores = torch.arange(len(mine), device=mine.device), boxes[mine], scores[mine]
        if len(mine) > 1:
            found, found_boxes, found_scores = PER_CLASS[method](found_boxes, found_scores, nms_thres, conf_thres)
        of_label = label.to(boxes.dtype).expand(len(found), 1)
        by_row = torch.argsort(mine[found])
        results.append(torch.cat([found_boxes, found_scores[:, None], of_label], dim=1)[by_row])
    if not results or not (detections := torch.cat(results)).numel():
        return None
    return detections[decreasing(detections[:, 4])]


def _vision(boxes: Tensor, nms_thres: float, metric: str = "iou", inclusive: bool = False) -> Tensor:
    """Places that are kept of boxes in the order of selection."""
    left, kept = torch.arange(len(boxes), device=boxes.device), []
    while len(left):
        selected, left = left[0], left[1:]
        kept.append(selected)
        left = left[~exceeds(raw_overlap(boxes[left], boxes[selected], metric), nms_thres, inclusive)]
    return torch.stack(kept) if kept else left


def vision(boxes: Tensor, scores: Tensor, nms_thres: float, _: float) -> Survivors:
    kept = _vision(boxes, nms_thres)
    return kept, boxes[kept], scores[kept]


def or_(boxes: Tensor, scores: Tensor, nms_thres: float, _: float) -> Survivors:
    kept = _vision(boxes, nms_thres, inclusive=True)
    return kept, boxes[kept], scores[kept]


def diounms(boxes: Tensor, scores: Tensor, nms_thres: float, _: float) -> Survivors:
    kept = _vision(boxes, nms_thres, "diou", inclusive=True)
    return kept, boxes[kept], scores[kept]


def and_(boxes: Tensor, scores: Tensor, nms_thres: float, _: float) -> Survivors:
    """As `or`, but a selected box stays only if one that is still alive confirms it."""
    left, kept = torch.arange(len(boxes), device=boxes.device), []
    while len(left):
        selected, left = left[0], left[1:]
        overlap = raw_overlap(boxes[left], boxes[selected])
        if exceeds(overlap, CONFIRMED).any():
            kept.append(selected)
        left = left[~exceeds(overlap, nms_thres, inclusive=True)]
    chosen = torch.stack(kept) if kept else left
    return chosen, boxes[chosen], scores[chosen]


def merge(boxes: Tensor, scores: Tensor, nms_thres: float, _: float) -> Survivors:
    """A selected box becomes the score-weighted mean of its cluster, which leaves."""
    left, kept, merged = torch.arange(len(boxes), device=boxes.device), [], []
    while len(left):
        selected, left = left[0], left[1:]
        met = exceeds(raw_overlap(boxes[left], boxes[selected]), nms_thres)
        total, weight = torch.zeros_like(boxes[0]), torch.zeros_like(scores[0])
        for member in (selected, *left[met]):
            total, weight = total + scores[member] * boxes[member], weight + scores[member]
        merged.append(total / weight if weight != 0 else boxes[selected])
        kept.append(selected)
        left = left[~met]
    chosen = torch.stack(kept)
    return chosen, torch.stack(merged), scores[chosen]


def soft(boxes: Tensor, scores: Tensor, _: float, conf_thres: float) -> Survivors:
    """Decayed by every selected box, in the original order; what falls to conf_thres leaves."""
    left, kept = torch.arange(len(boxes), device=boxes.device), []
    scores = scores.clone()
    while len(left):
        selected, left = left[0], left[1:]
        kept.append(selected)
        overlap = raw_overlap(boxes[left], boxes[selected])
        overlap = torch.where(torch.isfinite(overlap), overlap, 0.0).clamp(min=0)
        scores[left] = scores[left] * exponential(-(overlap * overlap) / SIGMA)
        left = left[above(scores[left], conf_thres)]
    chosen = torch.stack(kept)
    return chosen, boxes[chosen], scores[chosen]


PER_CLASS: dict[str, Callable[[Tensor, Tensor, float, float], Survivors]] = {
    "vision": vision,
    "or": or_,
    "and": and_,
    "merge": merge,
    "diounms": diounms,
    "soft": soft,
}


def _check(prediction: Tensor, num_classes: int, objectness: bool, wanted: Tensor | None) -> None:
    columns = num_classes + (5 if objectness else 4)
    if prediction.dim() != 3 or num_classes < 0 or prediction.shape[2] < columns:
        raise ValueError(
            f"prediction: expected shape (B, N, {columns} or more) for {num_classes} classes, "
            f"got {tuple(prediction.shape)}"
        )
    if not prediction.is_floating_point():
        raise TypeError(f"prediction: expected a floating dtype, got {prediction.dtype}")
    if wanted is not None and (wanted.shape != (num_classes,) or wanted.dtype != torch.bool):
        raise ValueError(f"wanted: expected bool of shape ({num_classes},), got {wanted.dtype} {tuple(wanted.shape)}")
