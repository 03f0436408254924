"""Suppression for many images and classes in one call: padded to a fixed shape, or ragged."""

from __future__ import annotations

from typing import Any, NamedTuple

import torch
from torch import Tensor

from .._library.arguments import check_options_of, check_threshold_of
from .._library.checks import (
    check_boxes_of_batch,
    check_candidates,
    check_has_data,
    check_ids,
    check_ids_are_numbers,
    check_image_ids,
    check_range_of_ids,
    refuse_export,
    refuse_trace,
)
from .._library.register import operator, wants_gradient
from .._shared.checks import check_count, check_flag, check_limit, check_number, check_number_or_none, one_of
from .._shared.methods import BATCH_METHODS, METHODS, method_of
from .._shared.parameters import METRICS, ROTATED_METRICS
from .._shared.shapes import unwrapped
from ._methods import ROTATED_BATCH_METHODS, select
from ._results import by_image, rows_at

CLASS_CANDIDATES = operator("class_candidates")
IMAGE_SLOTS = operator("image_slots")
RAGGED_GROUPS = operator("ragged_groups")


class Detections(NamedTuple):
    """What is kept of a batch of B images, K slots each; unused slots are at the end."""

    num: Tensor  # (B,) int64: how many slots are used
    boxes: Tensor  # (B, K, 4), padded with 0
    scores: Tensor  # (B, K), padded with 0
    labels: Tensor  # (B, K) int64, padded with -1
    indices: Tensor  # (B, K) int64: which of the N boxes, padded with -1


class _Shape(NamedTuple):
    """What these functions take: how many numbers a box has, which methods and metrics there are for it."""

    numbers: int
    methods: tuple[str, ...]
    metrics: tuple[str, ...]


_ALIGNED = _Shape(4, BATCH_METHODS, METRICS)
_ROTATED = _Shape(5, ROTATED_BATCH_METHODS, ROTATED_METRICS)


def _shape_of(boxes: Any) -> tuple[Tensor, _Shape]:
    given, rotated = unwrapped(boxes)
    return given, _ROTATED if rotated else _ALIGNED


def combined_nms(
    boxes: Tensor,
    scores: Tensor,
    iou_threshold: float | None,
    *,
    method: str = "hard",
    score_threshold: float | None = None,
    max_per_class: int | None = None,
    max_per_image: int | None = None,
    agnostic: bool = False,
    background: int | None = None,
    metric: str = "iou",
    **options: Any,
) -> Detections:
    """Suppression within each image and class, padded to one shape: one sort and one pass for the whole batch.

    Nothing in it waits for a GPU, so it can be captured in a CUDA graph. A batch equals the loop over its images.

    For users of TensorFlow's combined_non_max_suppression: max_per_class is max_output_size_per_class, max_per_image
    max_total_size, num valid_detections. For users of TensorRT's EfficientNMS: num, boxes, scores, labels are
    num_detections, detection_boxes, detection_scores, detection_classes; agnostic is class_agnostic, background
    background_class.

    Args:
        boxes: (B, N, 4), shared by the classes, or (B, N, C, 4): x1, y1, x2, y2 in any unit; float64, float32, float16
            or bfloat16, any strides.
        scores: (B, N, C), or (B, N) for one class. Every (box, class) is a candidate of its own.
        iou_threshold: any number but NaN; None for matrix, which has none.
        method: hard, or, diou, and, merge, soft, fast or matrix, as in the functions of these names.
        score_threshold: only candidates with a score above it take part.
        max_per_class: the best so many of a class; None for all.
        max_per_image: K, the best so many of an image; None: N, or N * C.
        agnostic: candidates of different classes meet too.
        background: the class that stands for nothing, as heads with a softmax have it (0 in SSD and torchvision): no
            candidate. The other classes keep their numbers.
        metric: as in `ptdet.nms`; diou has its own.
        options: of the method: inclusive, beta (diou), overlap_threshold (and), sigma, min_score and kind (soft and
            matrix), reselect (soft), members and weights (merge).

    Returns:
        num, boxes, scores, labels, indices, each image by decreasing score. Ties go to the lower class, then the lower
        box. Boxes of merge and scores of soft and matrix are those after it; boxes and scores carry gradients, the
        selection held fixed.

    Raises:
        TypeError, ValueError: naming the argument, what was expected and what came.

    >>> import torch, ptdet
    >>> boxes = torch.tensor([[[0., 0., 10., 10.], [1., 0., 11., 10.], [20., 0., 30., 10.]]])
    >>> found = ptdet.combined_nms(boxes, torch.tensor([[.8, .9, .7]]), 0.5)
    >>> found.num, found.indices
    (tensor([2]), tensor([[ 1,  2, -1]]))
    """
    boxes, shape = _shape_of(boxes)
    refuse_trace("combined_nms lays its result out by the numbers of images, boxes and classes")
    check_boxes_of_batch(boxes, scores, shape.numbers)
    method = _check_method(shape, method, iou_threshold, metric, options)
    check_number_or_none("score_threshold", score_threshold)
    if check_limit("max_per_image", max_per_image) is None and max_per_image is not None:
        raise ValueError(f"max_per_image: expected as many slots as memory can hold, got {max_per_image}")
    check_flag("agnostic", agnostic)
    max_per_class = check_limit("max_per_class", max_per_class)
    if background is not None:
        boxes, scores = _without_background(boxes, scores, background)
    if method != "diou":
        options["metric"] = metric
    batch, count = scores.shape[:2]
    classes = scores.shape[2] if scores.dim() == 3 else 1
    flat_boxes, flat_scores, groups, images, labels, at = _candidates(boxes, scores, score_threshold)
    meeting = images if agnostic else groups
    longest = count * classes if agnostic else count
    selected = select(method, flat_boxes, flat_scores, meeting, iou_threshold, score_threshold, longest, **options)
    slots_per_image = count * classes if max_per_image is None else max_per_image
    num, slots = IMAGE_SLOTS(selected.keep, groups, batch, classes, slots_per_image, max_per_class)

    chosen = rows_at(selected.keep, slots, -1)
    found_labels = rows_at(labels, chosen, -1)
    return Detections(
        num,
        rows_at(flat_boxes, chosen, 0) if selected.boxes is None else rows_at(selected.boxes, slots, 0),
        rows_at(flat_scores, chosen, 0) if selected.scores is None else rows_at(selected.scores, slots, 0),
        found_labels if background is None else found_labels + (found_labels >= background),
        rows_at(at, chosen, -1),
    )


def _without_background(boxes: Tensor, scores: Tensor, background: int) -> tuple[Tensor, Tensor]:
    if scores.dim() != 3:
        raise ValueError(f"background: expected None for scores of one class, got {background!r}")
    check_count("background", background, scores.shape[2] - 1)
    own = _without_column(boxes, 2, background) if boxes.dim() == 4 else boxes
    return own, _without_column(scores, 2, background)


def _without_column(values: Tensor, dim: int, column: int) -> Tensor:
    """A view for the first column and the last."""
    columns = values.shape[dim]
    before, after = values.narrow(dim, 0, column), values.narrow(dim, column + 1, columns - column - 1)
    return after if column == 0 else before if column == columns - 1 else torch.cat([before, after], dim)


def _candidates(boxes: Tensor, scores: Tensor, threshold: float | None) -> tuple[Tensor, ...]:
    """Boxes, scores, image * classes + class, image, class and number of the box of each, by image, class and box.

    On a CPU those below the threshold leave here; elsewhere all stay, because to count them is to wait.
    """
    by_class = scores.unsqueeze(2) if scores.dim() == 2 else scores
    batch, count, classes = by_class.shape
    on_cpu = scores.device.type == "cpu" and not torch.compiler.is_compiling()
    if on_cpu and not wants_gradient(boxes, scores):
        found: tuple[Tensor, ...] = CLASS_CANDIDATES(boxes, by_class, threshold)
        return found
    by_class = by_class.permute(0, 2, 1)
    if threshold is not None and on_cpu:
        above = (by_class >= threshold).reshape(-1)  # torch rounds the threshold; the kernels do not
        places = torch.nonzero(above)[:, 0]
    else:
        places = torch.arange(batch * classes * count, device=scores.device)
    groups = torch.div(places, max(count, 1), rounding_mode="floor")
    at = places - groups * count
    image = torch.div(groups, max(classes, 1), rounding_mode="floor")
    label = groups - image * classes
    own_boxes = boxes[image, at, label] if boxes.dim() == 4 else boxes[image, at]
    return own_boxes, by_class[image, label, at], groups, image, label, at


def ragged_nms(
    boxes: Tensor,
    scores: Tensor,
    images: Tensor,
    iou_threshold: float | None,
    idxs: Tensor | None = None,
    *,
    num_images: int,
    method: str = "hard",
    score_threshold: float | None = None,
    max_per_image: int | None = None,
    metric: str = "iou",
    **options: Any,
) -> tuple[Tensor, ...]:
    """Suppression within each image (and class) of boxes that lie one image after the other, or in any order.

    Args:
        boxes: (N, 4) of all images.
        scores: (N,).
        images: (N,) the image of each box, integers in [0, num_images).
        iou_threshold: any number but NaN; None for matrix.
        idxs: (N,) class of each box, any integers; None: all of an image meet.
        num_images: B.
        max_per_image: the best so many of an image; None for all.

    The other arguments, and what raises, are those of `combined_nms`.

    Returns:
        keep (K,) int64: kept boxes image by image, each by decreasing score, ties to the lower index.
        num (B,) int64: how many of each image.
        boxes (K, 4) for merge, and scores (K,) for soft and matrix, in the order of keep.

    >>> import torch, ptdet
    >>> boxes = torch.tensor([[0., 0., 10., 10.], [1., 0., 11., 10.], [0., 0., 10., 10.]])
    >>> ptdet.ragged_nms(boxes, torch.tensor([.8, .9, .7]), torch.tensor([0, 0, 1]), 0.5, num_images=2)
    (tensor([1, 2]), tensor([1, 1]))
    """
    boxes, shape = _shape_of(boxes)
    refuse_export("ragged_nms counts what it finds", "ptdet.combined_nms")
    method = _check_method(shape, method, iou_threshold, metric, options)
    check_candidates(boxes, scores, shape.numbers)
    if idxs is not None:
        check_ids("idxs", idxs, boxes)
    check_number_or_none("score_threshold", score_threshold)
    max_per_image = check_limit("max_per_image", max_per_image)
    check_has_data("boxes", boxes)
    check_image_ids(images, boxes, num_images)
    groups = _ragged_groups(images, idxs, num_images)
    if method != "diou":
        options["metric"] = metric
    selected = select(method, boxes, scores, groups, iou_threshold, score_threshold, may_wait=True, **options)
    changed = [each for each in (selected.boxes, selected.scores) if each is not None]
    places, keep, num = by_image(selected.keep, images, num_images, max_per_image, bool(changed))
    return (keep, num, *(rows_at(each, places) for each in changed))


def _ragged_groups(images: Tensor, idxs: Tensor | None, num_images: int) -> Tensor:
    """An id for each image and class."""
    try:
        groups: Tensor = RAGGED_GROUPS(images, idxs, num_images)
        return groups
    except RuntimeError:  # the operator refuses what is wrong; this names it
        check_range_of_ids("images", images, num_images)
        check_ids_are_numbers(idxs)
        raise


def _check_method(shape: _Shape, method: Any, iou_threshold: Any, metric: Any, options: dict[str, Any]) -> str:
    """The method by the name that METHODS has for it."""
    found = method_of(method, shape.methods)
    check_threshold_of(found, iou_threshold)
    one_of("metric", metric, shape.metrics)
    check_options_of(found, options)
    if METHODS[found].has_threshold:
        check_number("iou_threshold", iou_threshold)
    return found
