"""Batches of images in one call: YOLO heads to detections, and padded NMS."""

from __future__ import annotations

from collections.abc import Iterator
from functools import partial
from typing import Any

import torch
from torch import Tensor

import ptdet
from ptdet.testing import clustered, head_output

from ..busy import busy_clock
from ..cases import LAST_PLACES, OURS, Call, Case, Clock, Contender, Group, Options, Series, indices, largest_difference
from ..peers import find, part
from .numpy_arrays import of_arrays

SIZES = (1, 8, 32)
MOST = 300  # detections an image
IMAGES, CLASSES = 10, 1203
RAGGED = "ragged_nms, 45,000 boxes, 1203 classes"
# confidence: IoU threshold, as for a demonstration and for an evaluation
SETTINGS = {0.25: 0.45, 0.001: 0.7}


def series(options: Options) -> Iterator[Series]:
    for device in options.devices:
        sizes = tuple(n for n in options.sizes if n) if options.sizes else (1, 8) if options.quick else SIZES
        for conf in SETTINGS:
            for multi_label in (False, True):
                scene = f"heads, conf {conf}" + (", multi-label" if multi_label else "")
                build = partial(_heads, conf, multi_label, device)
                yield Series("postprocess", scene, sizes, build, device=device)
        yield Series("postprocess", "combined_nms, 1000 x 80", sizes, partial(_padded, device), device=device)
        yield Series("postprocess", RAGGED, (IMAGES,), partial(_ragged, device, None), device=device, fixed=True)
        if device == "cpu":
            yield Series(
                "postprocess", f"{RAGGED}, busy cores", (IMAGES,), partial(_ragged, "cpu", busy_clock), fixed=True
            )


def _heads(conf: float, multi_label: bool, device: str, n: int) -> Case:
    """84 x 8400 an image; about 8 % of the rows have one class with a high score."""
    drawn = head_output(n, 8400, 80, 0, objectness=False, share=0.08, background=-11.5)
    prediction = drawn.transpose(1, 2).contiguous().to(device)
    iou = SETTINGS[conf]
    ours = partial(ptdet.yolo.postprocess, prediction, conf, iou, multi_label=multi_label, max_det=MOST)
    contenders = [Contender(OURS, ours, _rows)]
    if device == "cpu" and (arrays := of_arrays()):
        contenders.append(Contender("ptdet.numpy", _by_arrays(arrays, prediction, conf, iou, multi_label), _rows))
    if torchvision := find("torchvision"):
        theirs = partial(_by_torchvision, torchvision.ops, prediction, conf, iou, multi_label)
        contenders.append(Contender("torchvision loop", theirs, _rows, "image by image, filtered first"))
    if ultralytics := part("ultralytics", "utils.nms"):
        suppress = partial(ultralytics.non_max_suppression, max_time_img=1e9, max_det=MOST)
        call = lambda: suppress(prediction.clone(), conf, iou, multi_label=multi_label)  # noqa: E731
        contenders.append(Contender("ultralytics", call, _rows, "it writes into its input: on a copy"))
    return Case(contenders, lambda: prediction.sum())


def _by_arrays(arrays: Any, prediction: Tensor, conf: float, iou: float, multi_label: bool) -> Call:
    values = prediction.numpy()
    return partial(arrays.postprocess, values, conf, iou, multi_label=multi_label, max_det=MOST)


def _by_torchvision(ops: Any, prediction: Tensor, conf: float, iou: float, multi_label: bool) -> list[Tensor]:
    """What a careful user would write."""
    results = []
    for image in prediction.transpose(1, 2):
        values = image[:, 4:]
        if multi_label:
            rows, labels = torch.nonzero(values > conf).unbind(1)
            scores = values[rows, labels]
        else:
            scores, labels = values.max(1)
            rows = torch.nonzero(scores > conf)[:, 0]
            scores, labels = scores[rows], labels[rows]
        boxes = ops.box_convert(image[rows, :4], "cxcywh", "xyxy")
        keep = ops.batched_nms(boxes, scores, labels, iou)[:MOST]
        results.append(torch.cat([boxes[keep], scores[keep, None], labels[keep, None]], 1))
    return results


def _padded(device: str, n: int) -> Case:
    boxes = torch.stack([clustered(1000, seed)[0] for seed in range(n)]).to(device)
    scores = (torch.rand(n, 1000, 80, generator=torch.Generator().manual_seed(0)) ** 12).to(device)
    ours = partial(ptdet.combined_nms, boxes, scores, 0.5, score_threshold=0.3, max_per_image=100)
    contenders = [Contender(OURS, ours, lambda found: found[2][found[2] > 0].cpu())]
    if torchvision := find("torchvision"):

        def looped() -> list[Tensor]:
            results = []
            for own, values in zip(boxes, scores, strict=True):
                rows, labels = torch.nonzero(values > 0.3).unbind(1)
                picked = values[rows, labels]
                results.append(picked[torchvision.ops.batched_nms(own[rows], picked, labels, 0.5)[:100]])
            return results

        contenders.append(Contender("torchvision loop", looped, lambda found: torch.cat(found).cpu()))
    return Case(contenders, lambda: scores.sum())


def _ragged(device: str, clock: Clock | None, n: int) -> Case:
    """A tenth of the boxes in each image, as many classes as LVIS has."""
    del n
    random = torch.Generator().manual_seed(0)
    boxes, scores = (one.to(device) for one in clustered(45_000, 1, image=4000))
    images = torch.randint(IMAGES, (len(boxes),), generator=random).to(device)
    idxs = torch.randint(CLASSES, (len(boxes),), generator=random).to(device)
    groups = images * CLASSES + idxs
    ours = partial(ptdet.ragged_nms, boxes, scores, images, 0.5, idxs, num_images=IMAGES)
    one_batch = partial(ptdet.batched_nms, boxes, scores, groups, 0.5)
    contenders = [
        Contender(OURS, ours, lambda found: indices(found[0]).double()),
        Contender("ptdet.batched_nms", one_batch, lambda found: indices(found).double(), "all images as one batch"),
    ]
    return Case(contenders, None, clock)


def _rows(found: Any) -> Tensor:
    return torch.cat([torch.as_tensor(image)[:, :6] for image in found]).cpu()


GROUP = Group(
    "postprocess",
    "detections of a batch of images in one call",
    "reading the input once",
    series,
    largest_difference,
    LAST_PLACES,
    tolerance=64,
    size_name="images",
)
