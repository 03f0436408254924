"""From the output of a YOLO head to detections: filter, hard NMS, the best of each image."""

import math

import torch
from torch import Tensor

from .nms import nms
from .overlap import computed
from .yolo import yolo_filter


def yolo_postprocess(
    prediction: Tensor,
    num_classes: int,
    objectness: bool,
    logits: bool,
    multi_label: bool,
    conf_thres: float,
    iou_thres: float,
    metric: str = "iou",
    inclusive: bool = False,
    agnostic: bool = False,
    max_det: int | None = None,
    wanted: Tensor | None = None,
) -> tuple[Tensor, Tensor]:
    """Rows of x1, y1, x2, y2, confidence, class and the columns after the classes, image by image; how many of each."""
    boxes, scores, labels, images, rows, _ = yolo_filter(
        prediction, num_classes, objectness, logits, multi_label, conf_thres, conf_thres, -math.inf, math.inf, wanted
    )
    keep = nms(boxes, scores, images if agnostic else images * num_classes + labels, iou_thres, metric, inclusive)
    values = computed(prediction.detach())[:, :, num_classes + (5 if objectness else 4) :]
    found = [boxes.new_zeros(0, 6 + values.shape[2])]
    for image, extra in enumerate(values):
        best = keep[images[keep] == image][:max_det]
        label = labels[best, None].to(boxes.dtype)
        found.append(torch.cat([boxes[best], scores[best, None], label, extra[rows[best]]], dim=1))
    num = torch.tensor([len(one) for one in found[1:]], dtype=torch.int64, device=boxes.device)
    return torch.cat(found), num
