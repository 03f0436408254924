"""What is known of YOLO heads, for tensors and arrays alike."""

from __future__ import annotations

from collections.abc import Sequence
from typing import NamedTuple

from .checks import check_count, one_of
from .parameters import METRICS, ROTATED_METRICS

SMALLEST_SIDE, LARGEST_SIDE, SIGMA = 2.0, 4096.0, 0.5  # SPEC 4
METHODS = ("vision", "vision_batch", "or", "and", "merge", "diounms", "soft")
# Of the methods of methods.py those that heads of rotated boxes have: they leave boxes and scores as they are.
OF_ROTATED = ("hard", "fast")


class Head(NamedTuple):
    """How a family of YOLO heads lays out its output."""

    objectness: bool  # is there a column between the box and the classes?
    columns_first: bool  # (B, columns, N) instead of (B, N, columns)


WITH_OBJECTNESS, WITHOUT = Head(True, False), Head(False, True)
HEADS = {name: WITH_OBJECTNESS for name in ("v3", "v4", "v5", "v6", "v7", "x")} | {
    name: WITHOUT for name in ("v8", "v9", "v11", "v12", "v13")
}

# A head that is read the wrong way round has a few rows of thousands of numbers. No head has so many extra columns, and
# who has so many classes says so by num_classes.
V3 = "the YOLOv3 pipeline"
MANY_COLUMNS, TIMES_AS_MANY = 2000, 16
# A probability may round to a little above 1: int8 exports of scale 1/128 reach 1.008.
MOST_CONFIDENT = 1.01


def number_of_classes(
    shape: Sequence[int], head: Head, name: str, num_classes: int | None, rotated: bool = False
) -> int:
    """C of a prediction of this shape; for heads that are plainly another's, an error that says which.

    Args:
        name: what the caller calls the head.
        rotated: the last column is an angle.
    """
    if num_classes is not None:
        check_count("num_classes", num_classes)
    rows, columns = (shape[2], shape[1]) if head.columns_first else (shape[1], shape[2])
    first = 4 + head.objectness + rotated
    layout = "(B, columns, N)" if head.columns_first else "(B, N, columns)"
    if columns < first + (num_classes or 0):
        least = first + (num_classes or 0)
        raise ValueError(f"prediction: expected {layout} with {least} columns or more, got {tuple(shape)}")
    unexplained = columns - first - (num_classes or 0)
    if rows > first and unexplained >= MANY_COLUMNS and columns >= TIMES_AS_MANY * rows:
        what = f"{columns - first} classes" if num_classes is None else f"{unexplained} columns after the classes"
        raise ValueError(
            f"prediction: expected {layout} for {name}, got {tuple(shape)}, which is {rows} boxes with {what}: "
            f"{_another(head)}" + ("; if there are so many classes, say num_classes" if num_classes is None else "")
        )
    return columns - first if num_classes is None else int(num_classes)


def check_suppression(method: str, metric: str, rotated: bool) -> None:
    """A method and a metric of upright boxes, or of rotated ones."""
    if rotated:
        one_of("method", method, OF_ROTATED)
    elif not isinstance(method, str) or method != "hard":
        raise ValueError(f"method: expected hard, which is all there is without rotated=True, got {method!r}")
    one_of("metric", metric, ROTATED_METRICS if rotated else METRICS)


def check_confidence(best: float, shape: Sequence[int], head: Head, name: str, logits: bool) -> None:
    """Refuses the best confidence found where no probability can be so large."""
    if best > MOST_CONFIDENT:
        also = "" if logits else "; if its class values are logits, say logits=True"
        raise ValueError(
            f"prediction: expected probabilities for {name}, got a confidence of {best:.6g} from shape {tuple(shape)}: "
            f"{_another(head)}{also}"
        )


def _another(head: Head) -> str:
    """What else it may be: the other family of heads, or its own transposed."""
    other = "v5" if head.columns_first else "v8"
    has = "objectness" if HEADS[other].objectness else "no objectness"
    return f"call postprocess with head={other!r} if it has {has}; if it is transposed, give prediction.swapaxes(1, 2)"
