"""What evaluation is given, as checked arrays: records of a data set, or a list of pictures in torchmetrics' form."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any, TypeAlias

import numpy as np

from .._shared.arrays import Array, Indices, silent
from .._shared.checks import one_of
from .._shared.dataset import Detections, Truth

FORMATS = ("xyxy", "xywh")
MOST_CLASSES = 1 << 16  # of a list of pictures, whose largest label says how many there are
# Names of other tools, and of the records. To pass over them would count what does not count.
MISTAKEN = {"crowd": "iscrowd", "is_crowd": "iscrowd", "difficult": "ignore"}
Pictures: TypeAlias = Sequence[Mapping[str, Any]]


@dataclass(frozen=True)
class Found:
    """Detections as the kernels take them."""

    boxes: Array  # (N, 4) x, y, width, height, or (N, 5) rotated; float64
    scores: Array  # (N,) float64
    labels: Indices
    images: Indices


@dataclass(frozen=True)
class Objects:
    """The truth as the kernels take it."""

    boxes: Array  # as those of Found
    labels: Indices
    images: Indices
    crowd: Array  # (G,) bool
    ignore: Array  # (G,) bool
    area: Array  # (G,) float64
    num_images: int
    class_names: tuple[str, ...]


@silent()  # sides and areas of boxes near the largest double are infinite, as pycocotools has them
def checked(detections: Detections | Pictures, truth: Truth | Pictures, fmt: str | None) -> tuple[Found, Objects]:
    """Raises TypeError or ValueError that name the argument, what was expected and what came."""
    if isinstance(detections, Detections) or isinstance(truth, Truth):
        if not (isinstance(detections, Detections) and isinstance(truth, Truth)):
            other, name = (truth, "truth") if isinstance(detections, Detections) else (detections, "detections")
            expected = "Truth" if name == "truth" else "Detections"
            raise TypeError(f"{name}: expected {expected}, as the other argument, got {type(other).__name__}")
        if fmt is not None:
            raise ValueError(f"fmt: expected None, since the records have their own, got {fmt!r}")
    else:
        detections, truth = _records(detections, truth, "xyxy" if fmt is None else fmt)
    objects = _objects(truth)
    found = _found(detections, objects)
    widths = found.boxes.shape[1], objects.boxes.shape[1]
    if widths[0] != widths[1]:
        if found.boxes.size and objects.boxes.size:
            raise ValueError(
                f"detections.boxes: expected {widths[1]} numbers a box, as truth.boxes has, got {widths[0]}"
            )
        empty = np.empty((0, widths[0] if found.boxes.size else widths[1]))
        found = Found(found.boxes if found.boxes.size else empty, found.scores, found.labels, found.images)
        if not objects.boxes.size:
            objects = Objects(**{**vars(objects), "boxes": empty})
    return found, objects


def as_array(name: str, value: Any) -> Array:
    """An array, of a torch tensor on whatever device too."""
    try:
        if hasattr(value, "detach"):
            tensor = value.detach().cpu()
            array = np.asarray((tensor.float() if str(tensor.dtype) == "torch.bfloat16" else tensor).numpy())
        else:
            array = np.asarray(value)
    except (TypeError, ValueError, RuntimeError) as error:  # a sparse tensor, one without data, a ragged list
        raise TypeError(f"{name}: expected an array of numbers, got {type(value).__name__} ({error})") from error
    if array.dtype.kind not in "fiub" and array.dtype.name != "bfloat16":
        raise TypeError(f"{name}: expected numbers, got {array.dtype}")
    return array


def _found(detections: Detections, objects: Objects) -> Found:
    boxes = _boxes("detections.boxes", detections.boxes, detections.fmt, "detections.fmt")
    count = len(boxes)
    scores = _column("detections.scores", detections.scores, count, np.float64)
    if np.isnan(scores).any():
        raise ValueError(f"detections.scores: expected numbers, got NaN at row {int(np.isnan(scores).argmax())}")
    labels = _integers("detections.labels", detections.labels, count, len(objects.class_names))
    images = _integers("detections.images", detections.images, count, objects.num_images)
    return Found(boxes, scores, labels, images)


def _objects(truth: Truth) -> Objects:
    for name in ("image_ids", "class_names"):
        value = getattr(truth, name)
        if isinstance(value, (str, bytes)) or not hasattr(value, "__len__"):
            raise TypeError(f"truth.{name}: expected a tuple, got {type(value).__name__}")
    boxes = _boxes("truth.boxes", truth.boxes, truth.fmt, "truth.fmt")
    count = len(boxes)
    labels = _integers("truth.labels", truth.labels, count, len(truth.class_names))
    images = _integers("truth.images", truth.images, count, len(truth.image_ids))
    crowd = _flags("truth.crowd", truth.crowd, count)
    ignore = _flags("truth.ignore", truth.ignore, count)
    if truth.area is None:
        area = boxes[:, 2] * boxes[:, 3]
    else:
        area = _column("truth.area", truth.area, count, np.float64)
        if not (area >= 0).all():
            row = int((~(area >= 0)).argmax())
            raise ValueError(f"truth.area: expected numbers >= 0, got {area[row]} at row {row}")
    return Objects(boxes, labels, images, crowd, ignore, area, len(truth.image_ids), tuple(truth.class_names))


def _boxes(name: str, value: Any, fmt: str, fmt_name: str) -> Array:
    """x, y, width, height, or five numbers of rotated boxes, in float64."""
    one_of(fmt_name, fmt, FORMATS)
    given = as_array(name, value)
    if given.size == 0 and given.shape[-1:] not in ((4,), (5,)):
        given = np.empty((0, 4))
    if given.ndim != 2 or given.shape[1] not in (4, 5):
        raise ValueError(f"{name}: expected shape (N, 4) or (N, 5), got {given.shape}")
    boxes = np.require(given, np.float64, ["C", "A"])
    if not np.isfinite(boxes).all():
        row = int((~np.isfinite(boxes)).any(1).argmax())
        raise ValueError(f"{name}: expected finite numbers, got {boxes[row].tolist()} at row {row}")
    if fmt == "xyxy" and boxes.shape[1] == 4:
        boxes = np.concatenate([boxes[:, :2], boxes[:, 2:] - boxes[:, :2]], 1)
    if (boxes[:, 2:4] < 0).any():
        row = int((boxes[:, 2:4] < 0).any(1).argmax())
        raise ValueError(f"{name}: expected sides >= 0, got {boxes[row, 2:4].tolist()} at row {row} (fmt {fmt})")
    return boxes


def _column(name: str, value: Any, count: int, dtype: type) -> Array:
    array = as_array(name, value)
    if array.shape != (count,):
        if count or array.size:
            raise ValueError(f"{name}: expected shape ({count},), got {array.shape}")
        array = array.reshape(0)
    return np.require(array, dtype, ["C", "A"])


def _integers(name: str, value: Any, count: int, below: int) -> Indices:
    given = as_array(name, value)
    if given.size and given.dtype.kind not in "iu":
        raise TypeError(f"{name}: expected integers, got {given.dtype}")
    array = _column(name, given, count, np.int64)
    if count and (array.min() < 0 or array.max() >= below):
        row = int(((array < 0) | (array >= below)).argmax())
        raise ValueError(f"{name}: expected numbers in [0, {below}), got {array[row]} at row {row}")
    return array


def _flags(name: str, value: Any, count: int) -> Array:
    if value is None:
        return np.zeros(count, np.bool_)
    given = _column(name, value, count, np.float64)
    if not ((given == 0) | (given == 1)).all():
        raise ValueError(f"{name}: expected True or False (1 or 0), got {given[(given != 0) & (given != 1)][0]}")
    return given.astype(np.bool_)


def _records(detections: Any, truth: Any, fmt: str) -> tuple[Detections, Truth]:
    one_of("fmt", fmt, FORMATS)
    _expect_pictures("detections", detections, ("boxes", "scores", "labels"))
    _expect_pictures("truth", truth, ("boxes", "labels"))
    if len(detections) != len(truth):
        raise ValueError(f"detections: expected {len(truth)} pictures, as truth has, got {len(detections)}")
    found, there = _Joined("detections", detections), _Joined("truth", truth)
    labels = found.column("labels"), there.column("labels")
    most = max((int(each.max()) for each in labels if each.size), default=-1)
    if most >= MOST_CLASSES:
        raise ValueError(f"labels: expected numbers below {MOST_CLASSES} in a list of pictures, got {most}")
    boxes = there.boxes()
    records = Truth(
        boxes,
        labels[1],
        there.images,
        tuple(range(len(truth))),
        tuple(map(str, range(most + 1))),
        there.column("iscrowd", 0),
        there.column("ignore", 0),
        there.area(_boxes("truth.boxes", boxes, fmt, "fmt")),
        fmt,
    )
    return Detections(found.boxes(), found.column("scores"), labels[0], found.images, fmt), records


def _expect_pictures(name: str, value: Any, keys: tuple[str, ...]) -> None:
    if isinstance(value, (str, bytes, Mapping)) or not isinstance(value, Sequence):
        kind = "Detections" if name == "detections" else "Truth"
        raise TypeError(f"{name}: expected {kind} or a list of dicts, one a picture, got {type(value).__name__}")
    for place, picture in enumerate(value):
        if not isinstance(picture, Mapping):
            raise TypeError(f"{name}[{place}]: expected a dict, got {type(picture).__name__}")
        missing = [key for key in keys if key not in picture]
        if missing:
            raise ValueError(f"{name}[{place}]: expected {', '.join(keys)}, got no {', '.join(missing)}")
        for key, meant in MISTAKEN.items():
            if name == "truth" and key in picture:
                raise ValueError(f"{name}[{place}]: expected {meant!r}, got {key!r}")


class _Joined:
    """The arrays of all pictures, one after the other."""

    def __init__(self, name: str, pictures: Pictures) -> None:
        self.name, self.pictures = name, pictures
        self._boxes = [as_array(f"{name}[{place}]['boxes']", one["boxes"]) for place, one in enumerate(pictures)]
        for place, boxes in enumerate(self._boxes):
            if boxes.size and (boxes.ndim != 2 or boxes.shape[1] not in (4, 5)):
                told = f"{name}[{place}]['boxes']: expected shape (N, 4) or (N, 5), got {boxes.shape}"
                raise ValueError(told)
        self.counts = [len(boxes) if boxes.size else 0 for boxes in self._boxes]
        self.images = np.repeat(np.arange(len(pictures)), self.counts)

    def boxes(self) -> Array:
        full = [boxes for boxes in self._boxes if boxes.size]
        widths = {boxes.shape[1] for boxes in full}
        if len(widths) > 1:
            raise ValueError(f"{self.name}: expected boxes of 4 numbers or of 5, got both")
        return np.concatenate(full) if full else np.empty((0, 4))

    def column(self, key: str, default: Any = None) -> Array:
        """One number a box; `default` where a picture does not tell it."""
        parts = []
        for place, (picture, count) in enumerate(zip(self.pictures, self.counts, strict=True)):
            if picture.get(key) is None and default is not None:
                parts.append(np.full(count, default))
                continue
            part = as_array(f"{self.name}[{place}]['{key}']", picture[key])
            if part.shape != (count,) and (count or part.size):
                raise ValueError(f"{self.name}[{place}]['{key}']: expected shape ({count},), got {part.shape}")
            if count:
                parts.append(part)
        return np.concatenate(parts) if parts else np.empty(0, np.int64)

    def area(self, boxes: Array) -> Array:
        """That of the box where a picture does not tell it."""
        own = boxes[:, 2] * boxes[:, 3]
        given = self.column("area", np.nan)
        return np.where(np.isnan(given), own, given) if len(given) else own
