"""Seeded output of YOLO heads, and the calls that their operators are tested with."""

import math
from collections.abc import Iterator

import torch
from torch import Tensor

from .._shared.heads import METHODS
from . import scenes
from .samples import Sample


def head_output(
    batch: int,
    rows: int,
    classes: int,
    seed: int = 0,
    objectness: bool = True,
    logits: bool = False,
    extra: int = 0,
    image: float = 640,
    share: float = 0.3,
    background: float = -6,
) -> Tensor:
    """(batch, rows, 4 + objectness + classes + extra): each image has objects with a dozen rows each, and background.

    `share` of the rows has a class that stands out from the background's logits by up to a logit of about 3.
    """
    random = scenes.generator(seed)
    images = []
    for number in range(batch):
        boxes, _ = scenes.clustered(rows, seed * 1000 + number, image)
        centre_size = torch.cat([(boxes[:, :2] + boxes[:, 2:]) / 2, boxes[:, 2:] - boxes[:, :2]], dim=1)
        values = torch.randn(rows, classes, generator=random) + background
        if classes:
            real = torch.rand(rows, generator=random) < share
            label = torch.randint(classes, (rows,), generator=random)
            values[torch.arange(rows)[real], label[real]] += (3 - background) * torch.rand(
                int(real.sum()), generator=random
            )
        columns = [centre_size, values if logits else torch.sigmoid(values)]
        if objectness:
            columns.insert(1, torch.rand(rows, 1, generator=random) ** 2)
        columns.append(torch.randn(rows, extra, generator=random))
        images.append(torch.cat(columns, dim=1))
    return torch.stack(images) if images else torch.zeros(0, rows, 4 + objectness + classes + extra)


def yolo_filter(device: torch.device, dtype: torch.dtype) -> Iterator[Sample]:
    everywhere = (-math.inf, math.inf)

    def of(
        batch: int,
        rows: int,
        classes: int,
        objectness: bool = True,
        logits: bool = False,
        extra: int = 0,
    ) -> Tensor:
        return head_output(batch, rows, classes, 1, objectness, logits, extra).to(device, dtype)

    yield Sample("v5", (of(2, 90, 7), 7, True, False, False, 0.1, 0.1, *everywhere))
    yield Sample("v5, many", (of(1, 700, 3), 3, True, False, True, 0.05, 0.05, *everywhere))
    yield Sample("v5, no limit", (of(2, 40, 4), 4, True, False, True, -1.0, None, *everywhere))
    yield Sample("pipeline", (of(3, 150, 5, logits=True), 5, True, True, True, 0.3, 0.3, 2.0, 4096.0))
    yield Sample("pipeline, best class", (of(3, 150, 5, logits=True), 5, True, True, False, 0.3, None, 2.0, 4096.0))
    v8 = of(2, 300, 9, objectness=False, extra=2).transpose(1, 2).contiguous().transpose(1, 2)
    wanted = torch.tensor([True, False, True] * 3, device=device)
    yield Sample("v8", (v8, 9, False, False, False, 0.0, 0.2, *everywhere))
    yield Sample("v8, some classes", (v8, 9, False, False, True, 0.0, 0.01, *everywhere, wanted))
    strided = of(2, 400, 6)[:, ::3]
    yield Sample("strided", (strided, 6, True, False, False, 0.2, 0.2, 20.0, 60.0))
    odd = of(2, 130, 3, logits=True)
    for place, value in enumerate((math.nan, math.inf, -math.inf)):
        for column in range(8):
            odd[place % 2, place + 5 * column, column] = value
    for multi_label in (False, True):
        yield Sample("no numbers", (odd, 3, True, True, multi_label, 0.0, 0.1, 0.0, 1e9))
        yield Sample("negative limits", (odd, 3, True, True, multi_label, -1.0, -0.5, 0.0, 1e9))
    for shape in ((0, 5, 3), (2, 0, 3), (2, 5, 0), (1, 1, 1)):
        for multi_label in (False, True):
            yield Sample(f"{shape}", (of(*shape), shape[2], True, False, multi_label, 0.0, 0.0, *everywhere))


def yolo_postprocess(device: torch.device, dtype: torch.dtype) -> Iterator[Sample]:
    """The filter's own calls, and what comes after it."""
    for sample in yolo_filter(device, dtype):
        prediction, classes, objectness, logits, multi_label, _, threshold, *sides = sample.arguments
        if threshold is None or sides[:2] != [-math.inf, math.inf]:
            continue
        for agnostic in (False, True):
            keywords = {"agnostic": agnostic, "max_det": 9, "wanted": sides[2] if len(sides) > 2 else None}
            settings = (prediction, classes, objectness, logits, multi_label, threshold, 0.45)
            yield Sample(f"{sample.name}, {agnostic}", settings, keywords)
    head = head_output(3, 200, 4, 7, extra=3).to(device, dtype)
    for metric in ("giou", "iof"):
        yield Sample(metric, (head, 4, True, True, True, 0.05, 0.5), {"metric": metric, "inclusive": True})


def yolo_pipeline(device: torch.device, dtype: torch.dtype) -> Iterator[Sample]:
    for method in METHODS:
        for batch, rows, classes in ((3, 120, 4), (1, 1, 1), (0, 5, 3), (2, 0, 3), (2, 5, 0)):
            head = head_output(batch, rows, classes, 3, logits=True, image=90).to(device, dtype)
            yield Sample(f"{method} {batch}", (head, 0.1, 0.5, True, method, 5))
            yield Sample(f"{method} {batch}, best", (head, 0.3, 0.4, False, method))


def image_slots(device: torch.device, dtype: torch.dtype) -> Iterator[Sample]:
    del dtype
    for images, classes, count in ((3, 5, 200), (1, 1, 40), (7, 90, 1500), (2, 3, 0), (0, 4, 0), (4, 0, 0)):
        random = scenes.generator(images)
        groups = torch.randint(max(images * classes, 1), (count,), generator=random).to(device)
        keep = torch.randperm(count, generator=random)[: count * 3 // 4]
        keep = torch.cat([keep, torch.full((count - len(keep),), -1)]).to(device)
        for most in (0, 1, 10, 300):
            yield Sample(f"{count} in {images}", (keep, groups, images, classes, most))
            yield Sample(f"{count} in {images}, classes", (keep, groups, images, classes, most), {"max_per_class": 2})
        yield Sample("nobody among them", (keep.flip(0).contiguous(), groups, images, classes, 20, 0))
