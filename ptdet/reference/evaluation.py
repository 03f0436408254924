"""COCO's evaluation (SPEC 7) as plain loops: which detection finds which object, and precision over recall.

Written from the definition, as the evaluator of the COCO data set (pycocotools 2.0.11) computes it.
"""

from collections import defaultdict
from collections.abc import Sequence

import torch
from torch import Tensor

from .rotated_overlap import rotated_pairwise_overlap

FALSE, TRUE, IGNORED, LEFT_OUT = range(4)  # what a detection is, by area range and threshold
SPACING = 2.0**-52


def box_overlap(found: Sequence[float], truth: Sequence[float], crowd: bool) -> float:
    """IoU of two boxes x, y, w, h; over the area of the found one alone if the other is a crowd."""
    width = min(found[2] + found[0], truth[2] + truth[0]) - max(found[0], truth[0])
    height = min(found[3] + found[1], truth[3] + truth[1]) - max(found[1], truth[1])
    if width <= 0 or height <= 0:
        return 0.0
    area, shared = found[2] * found[3], width * height
    union = area if crowd else area + truth[2] * truth[3] - shared
    return shared / union if union else float("nan" if shared == 0 else "inf")


def overlaps(found: Tensor, truth: Tensor, crowd: Sequence[bool]) -> list[list[float]]:
    if found.shape[1] == 5:
        iou, iof = (rotated_pairwise_overlap(found, truth, kind) for kind in ("iou", "iof"))
        rotated: list[list[float]] = torch.where(torch.tensor(crowd, dtype=torch.bool), iof, iou).tolist()
        return rotated
    columns = list(zip(truth.tolist(), crowd, strict=True))
    return [[box_overlap(row, column, crowded) for column, crowded in columns] for row in found.tolist()]


def match_picture(
    overlap: Sequence[Sequence[float]], ignored: Sequence[bool], crowd: Sequence[bool], threshold: float
) -> list[int]:
    """The object that each detection of one class and picture takes, or -1. Detections stand by decreasing score."""
    order = sorted(range(len(ignored)), key=lambda place: ignored[place])  # stable: what counts comes first
    taken, result = set(), []
    for row in overlap:
        best, least = -1, min(threshold, 1 - 1e-10)
        for place in order:
            if place in taken and not crowd[place]:
                continue
            if best >= 0 and not ignored[best] and ignored[place]:
                break
            if row[place] < least:
                continue
            best, least = place, row[place]  # of equal overlaps the last
        if best >= 0:
            taken.add(best)
        result.append(best)
    return result


def match_detections(
    boxes: Tensor,
    scores: Tensor,
    labels: Tensor,
    images: Tensor,
    truth_boxes: Tensor,
    truth_labels: Tensor,
    truth_images: Tensor,
    crowd: Tensor,
    ignore: Tensor,
    area: Tensor,
    iou_thresholds: Tensor,
    area_ranges: Tensor,
    most: int,
) -> tuple[Tensor, Tensor, Tensor, Tensor]:
    """Matches N detections with G objects, both (., 4) x, y, w, h or (., 5) rotated, float64.

    Returns outcome (N, A, T) uint8; rank (N,) int64, the place among those of the class and picture; order (N,) int64,
    the rows by class, score, picture; taken (N, A, T) int64, the row of the object or -1.
    """
    count, ranges, thresholds = len(boxes), area_ranges.tolist(), iou_thresholds.tolist()
    outcome = torch.full((count, len(ranges), len(thresholds)), LEFT_OUT, dtype=torch.uint8)
    taken = torch.full(outcome.shape, -1, dtype=torch.int64)
    rank = torch.zeros(count, dtype=torch.int64)
    by_score = torch.argsort(-scores, stable=True).tolist()
    cells: dict[tuple[int, int], list[int]] = defaultdict(list)
    objects: dict[tuple[int, int], list[int]] = defaultdict(list)
    of_row = list(zip(labels.tolist(), images.tolist(), strict=True))
    for row in by_score:
        rank[row] = len(cells[of_row[row]])
        cells[of_row[row]].append(row)
    for row, cell in enumerate(zip(truth_labels.tolist(), truth_images.tolist(), strict=True)):
        objects[cell].append(row)
    for cell, found in cells.items():
        rows, there = found[:most], objects.get(cell, [])
        crowded = crowd[there].tolist()
        overlap = overlaps(boxes[rows], truth_boxes[there], crowded)
        sizes = (boxes[rows, 2] * boxes[rows, 3]).tolist()
        for a, (low, high) in enumerate(ranges):
            ignored = [
                bool(crowd[g] or ignore[g] or area[g] < low or area[g] > high) for g in there
            ]  # fmt: skip
            for t, threshold in enumerate(thresholds):
                for row, size, best in zip(
                    rows, sizes, match_picture(overlap, ignored, crowded, threshold), strict=True
                ):
                    if best >= 0:
                        outcome[row, a, t] = IGNORED if ignored[best] else TRUE
                        taken[row, a, t] = there[best]
                    else:
                        outcome[row, a, t] = IGNORED if size < low or size > high else FALSE
    position = {row: place for place, row in enumerate(by_score)}
    negated = (-scores).tolist()
    order = sorted(range(count), key=lambda row: (of_row[row][0], negated[row], of_row[row][1], position[row]))
    return outcome, rank, torch.tensor(order, dtype=torch.int64), taken


def accumulate(
    outcome: Tensor,
    rank: Tensor,
    order: Tensor,
    starts: Tensor,
    scores: Tensor,
    positives: Tensor,
    recall_thresholds: Tensor,
    max_detections: Sequence[int],
) -> tuple[Tensor, Tensor, Tensor]:
    """Precision and score at each recall, and the recall reached.

    Args:
        outcome, rank: of `match_detections`.
        order: rows of detections, class after class, each by decreasing score.
        starts: (K + 1,) where the classes begin in it.
        positives: (K, A) how many objects count.

    Returns:
        precision (K, A, M, T, R), recall (K, A, M, T), scores (K, A, M, T, R): -1 where no object counts.
    """
    classes, ranges, thresholds = len(starts) - 1, outcome.shape[1], outcome.shape[2]
    limits, at = list(max_detections), recall_thresholds
    shape = (classes, ranges, len(limits), thresholds)
    precision = torch.full((*shape, len(at)), -1.0, dtype=torch.float64)
    recall = torch.full(shape, -1.0, dtype=torch.float64)
    score_at = precision.clone()
    for k in range(classes):
        of_class = order[starts[k] : starts[k + 1]]
        for m, limit in enumerate(limits):
            rows = of_class[rank[of_class] < limit]
            for a in range(ranges):
                objects = float(positives[k, a])
                if objects == 0:
                    continue
                for t in range(thresholds):
                    of_rows = outcome[rows, a, t]
                    true = torch.cumsum(of_rows == TRUE, 0).double()
                    false = torch.cumsum(of_rows == FALSE, 0).double()
                    reached = true / objects
                    precise = true / (false + true + SPACING)
                    envelope = torch.flip(torch.cummax(torch.flip(precise, (0,)), 0).values, (0,))
                    first = torch.searchsorted(reached, at)
                    there = first < len(rows)
                    recall[k, a, m, t] = reached[-1] if len(rows) else 0.0
                    for kept, values in ((precision, envelope), (score_at, scores[rows].double())):
                        kept[k, a, m, t] = 0.0
                        kept[k, a, m, t, there] = values[first[there]]
    return precision, recall, score_at
