"""The calls that what lies around a pass over many images is tested with."""

from __future__ import annotations

from collections.abc import Iterator

import torch

from . import scenes
from .samples import Sample

ID_TYPES = (torch.int64, torch.int32, torch.int8, torch.uint8, torch.bool)


def ragged_groups(device: torch.device, dtype: torch.dtype) -> Iterator[Sample]:
    for count, images in ((0, 0), (0, 3), (1, 1), (300, 7), (5000, 2)):
        random = scenes.generator(count)
        image = torch.randint(max(images, 1), (count,), generator=random).to(device)
        ids = torch.randint(-40, 40, (count,), generator=random).to(device)
        yield Sample(f"{count}, no ids", (image, None, images))
        yield Sample(f"{count}, int32 images", (image.int(), ids, images))
        for kind in ID_TYPES:
            yield Sample(f"{count}, {kind}", (image, ids.to(kind), images))
        yield Sample(f"{count}, far apart", (image, ids * 10**17, images))
        yield Sample(f"{count}, floats", (image, (ids / 4).to(dtype) * torch.tensor(-1.0, dtype=dtype), images))
        yield Sample(f"{count}, strided", (image.flip(0), ids.repeat_interleave(2)[::2], images))


def image_order(device: torch.device, dtype: torch.dtype) -> Iterator[Sample]:
    del dtype
    for count, images in ((0, 0), (0, 2), (1, 1), (200, 5), (3000, 40)):
        random = scenes.generator(count + images)
        image = torch.randint(max(images, 1), (count,), generator=random).to(device)
        keep = torch.randperm(count, generator=random).to(device)
        keep = torch.where(keep % 3 == 0, -1, keep)
        for most in (None, 0, 1, 9):
            yield Sample(f"{count} of {images}", (keep, image, images, most))
        yield Sample(f"{count} of {images}, no places", (keep, image, images, None, False))
        yield Sample(f"{count} of {images}, int16", (keep[count // 2 :], image.short(), images))


def rows_at(device: torch.device, dtype: torch.dtype) -> Iterator[Sample]:
    random = scenes.generator(5)
    for count, shape in ((0, (3,)), (1, (4, 2)), (500, (700,)), (40, (0,))):
        places = torch.randint(-1, count, shape, generator=random).to(device)
        values = torch.rand(count, 4, generator=random).to(device, dtype)
        yield Sample(f"boxes {shape}", (values, places))
        yield Sample(f"scores {shape}", (values[:, 2], places))
        for kind in ID_TYPES:
            yield Sample(f"{kind} {shape}", ((values[:, 0] * 100).to(kind), places, 0))
        yield Sample(f"padded {shape}", ((values * 9).long().t().contiguous().t(), places, -1))


def class_candidates(device: torch.device, dtype: torch.dtype) -> Iterator[Sample]:
    for batch, count, classes in ((0, 4, 2), (2, 0, 3), (2, 5, 0), (1, 1, 1), (3, 1100, 5)):
        random = scenes.generator(count)
        scores = torch.rand(batch, count, classes, generator=random).to(device, dtype)
        shared = torch.rand(batch, count, 4, generator=random).to(device, dtype)
        own = torch.rand(batch, count, classes, 4, generator=random).to(device, dtype)
        scores[:, 1::11] = 0.75
        by_class = scores.transpose(1, 2).contiguous().transpose(1, 2)
        with_nan = scores.clone()
        with_nan[:, ::7] = float("nan")
        for boxes in (shared, own):
            yield Sample(f"{batch} x {count} x {classes}, all", (boxes, scores))
            for threshold in (0.75, -1.0):
                yield Sample(f"{batch} x {count} x {classes}", (boxes, with_nan, threshold))
            yield Sample(f"{batch} x {count} x {classes}, columns first", (boxes, by_class, 0.9))
        rotated = torch.rand(batch, count, 5, generator=random).to(device, dtype)
        yield Sample(f"{batch} x {count} x {classes}, rotated", (rotated, scores, 0.75))
