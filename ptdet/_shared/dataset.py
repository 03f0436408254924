"""Detections and truth of a whole data set, as flat arrays: one row a box, and for each the place of its picture."""

from __future__ import annotations

from dataclasses import dataclass

from .arrays import Array


@dataclass(frozen=True)
class Truth:
    """What is really in the pictures. A picture without boxes counts too: it is in `image_ids`."""

    boxes: Array  # (G, 4) as `fmt` says, or (G, 5) centre x, centre y, width, height, angle: rotated boxes
    labels: Array  # (G,) int64, into `class_names`
    images: Array  # (G,) int64, into `image_ids`
    image_ids: tuple[int | str, ...]
    class_names: tuple[str, ...]
    crowd: Array | None = None  # (G,) bool: a region of many objects (COCO's iscrowd); None: there is none
    ignore: Array | None = None  # (G,) bool: neither found nor missed (VOC's and DOTA's difficult); None: there is none
    area: Array | None = None  # (G,) float64: that of the object, which chooses the range; None: that of the box
    fmt: str = "xyxy"  # or "xywh": COCO's boxes stay as the file has them, because a conversion would round
    category_ids: tuple[int, ...] = ()  # label -> category_id of COCO; empty: the label is the id
    numbered: bool = True  # whether a label means something outside; False: class_names are sorted, the files have none
    image_names: tuple[str, ...] = ()  # the file of each picture, where it is known; empty: the id is its name
    image_sizes: tuple[tuple[int, int] | None, ...] = ()  # width and height of each, where they are known
    notes: tuple[str, ...] = ()  # what the reader of the files should know


@dataclass(frozen=True)
class Detections:
    """What a detector found, in any order; equal scores are ranked in this order."""

    boxes: Array  # (N, 4) as `fmt` says, or (N, 5): rotated boxes
    scores: Array  # (N,)
    labels: Array  # (N,) int64, into the truth's `class_names`
    images: Array  # (N,) int64, into the truth's `image_ids`
    fmt: str = "xyxy"
    notes: tuple[str, ...] = ()  # what the reader of the files should know
