"""The post-processing of torchvision's detectors for a whole batch in one suppression; torchvision is not imported."""

from __future__ import annotations

from types import MethodType
from typing import Any

import torch
from torch import Tensor, nn

from ..ops.nms import batched_nms

SMALLEST_SIDE = 1e-2  # as torchvision has it


def postprocess_roi_heads(
    roi_heads: Any,
    class_logits: Tensor,
    box_regression: Tensor,
    proposals: list[Tensor],
    image_shapes: list[tuple[int, int]],
) -> tuple[list[Tensor], list[Tensor], list[Tensor]]:
    """RoIHeads.postprocess_detections: boxes, scores and labels of each image.

    Args:
        roi_heads: a torchvision RoIHeads, whose thresholds and box coder are used; the others as there.
    """
    sizes = [len(one) for one in proposals]
    device, classes = class_logits.device, class_logits.shape[-1]
    images = torch.arange(len(sizes), device=device).repeat_interleave(torch.tensor(sizes, device=device))
    boxes = _clipped(roi_heads.box_coder.decode(box_regression, proposals), image_shapes, images)[:, 1:]
    scores = torch.softmax(class_logits, -1)[:, 1:]
    side = boxes[..., 2:] - boxes[..., :2]
    rows, columns = torch.nonzero((scores > roi_heads.score_thresh) & (side >= SMALLEST_SIDE).all(-1), as_tuple=True)
    boxes, scores, labels, images = boxes[rows, columns], scores[rows, columns], columns + 1, images[rows]
    places, counts = _suppressed(
        boxes, scores, labels, images, classes, len(sizes), roi_heads.nms_thresh, roi_heads.detections_per_img
    )
    found = (one[places].split(counts) for one in (boxes, scores, labels))
    of_boxes, of_scores, of_labels = (list(one) for one in found)
    return of_boxes, of_scores, of_labels


def postprocess_retinanet(
    model: Any,
    head_outputs: dict[str, list[Tensor]],
    anchors: list[list[Tensor]],
    image_shapes: list[tuple[int, int]],
) -> list[dict[str, Tensor]]:
    """RetinaNet.postprocess_detections: a dict of boxes, scores and labels for each image.

    Args:
        model: a torchvision RetinaNet, whose thresholds and box coder are used; the others as there.
    """
    parts: list[tuple[Tensor, Tensor, Tensor, Tensor]] = []
    for level, (logits, deltas) in enumerate(
        zip(head_outputs["cls_logits"], head_outputs["bbox_regression"], strict=True)
    ):
        for image, of_image in enumerate(torch.sigmoid(logits).flatten(1)):
            passing = torch.nonzero(of_image > model.score_thresh)[:, 0]
            scores, best = of_image[passing].topk(min(len(passing), model.topk_candidates))
            rows = passing[best] // logits.shape[-1]
            boxes = model.box_coder.decode_single(deltas[image][rows], anchors[image][level][rows])
            parts.append((boxes, scores, passing[best] % logits.shape[-1], torch.full_like(rows, image)))
    boxes, scores, labels, images = (torch.cat(one) for one in zip(*parts, strict=True))
    boxes = _clipped(boxes[:, None], image_shapes, images)[:, 0]
    classes = head_outputs["cls_logits"][0].shape[-1]
    places, counts = _suppressed(
        boxes, scores, labels, images, classes, len(image_shapes), model.nms_thresh, model.detections_per_img
    )
    found = zip(*(one[places].split(counts) for one in (boxes, scores, labels)), strict=True)
    return [{"boxes": b, "scores": s, "labels": label} for b, s, label in found]


def install(model: nn.Module) -> nn.Module:
    """Gives a torchvision detector, a model with RoI heads or a RetinaNet, our post-processing.

    `uninstall` restores its own.

    Returns:
        The model.

    Raises:
        TypeError: for another model.
    """
    target, function = _target(model)
    target.postprocess_detections = MethodType(function, target)
    return model


def uninstall(model: nn.Module) -> nn.Module:
    """Undoes `install`."""
    target, _ = _target(model)
    if "postprocess_detections" not in vars(target):
        raise RuntimeError("model: nothing is installed in it")
    del target.postprocess_detections
    return model


def _target(model: Any) -> tuple[Any, Any]:
    heads = getattr(model, "roi_heads", None)
    if hasattr(heads, "postprocess_detections"):
        return heads, postprocess_roi_heads
    if hasattr(model, "postprocess_detections") and hasattr(model, "topk_candidates"):
        return model, postprocess_retinanet
    raise TypeError(f"model: expected a torchvision detector with RoI heads or a RetinaNet, got {type(model).__name__}")


def _clipped(boxes: Tensor, image_shapes: list[tuple[int, int]], images: Tensor) -> Tensor:
    """(N, C, 4) within the image of each row."""
    limits = boxes.new_tensor([[w, h, w, h] for h, w in image_shapes])[images][:, None]
    return torch.minimum(boxes.clamp(min=0), limits)


def _suppressed(
    boxes: Tensor, scores: Tensor, labels: Tensor, images: Tensor, classes: int, batch: int, threshold: float, most: int
) -> tuple[Tensor, list[int]]:
    """Rows that are kept, image after image, at most so many of each, and how many of each."""
    keep = batched_nms(boxes, scores, images * classes + labels, threshold)
    order = keep[torch.sort(images[keep], stable=True).indices]
    sizes = torch.bincount(images[order], minlength=batch)
    rank = torch.arange(len(order), device=order.device) - (sizes.cumsum(0) - sizes)[images[order]]
    return order[rank < most], sizes.clamp(max=most).tolist()
