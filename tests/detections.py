"""The real detections of tests/data as inputs of a plain NMS, each with what the peer's own code kept.

Free of ptdet and of torchvision. A case is built from the stored arrays by the peer's filter, in the peer's order of
operations and in float32; indices point into the stored rows.
"""

from __future__ import annotations

import json
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy
from numpy.typing import NDArray

DATA = Path(__file__).parent / "data"

Floats = NDArray[numpy.float32]
Indices = NDArray[numpy.int64]


@dataclass(frozen=True)
class Detections:
    """Candidates of one image, and the rows that a peer's plain NMS kept of them."""

    name: str
    boxes: Floats
    scores: Floats
    labels: Indices | None  # None: class-agnostic
    iou_threshold: float
    rows: Indices  # rows[i]: the stored row of candidate i
    expected: Indices  # stored rows, in the peer's order
    inclusive: bool = False
    metric: str = "iou"
    max_output: int | None = None
    order: str = "score"  # "class": the peer lists class by class, each by score

    def in_peer_order(self, keep: Indices) -> Indices:
        """Kept candidates (by score) as stored rows in the order in which the peer lists them."""
        if self.order == "class":
            assert self.labels is not None
            keep = keep[numpy.argsort(self.labels[keep], kind="stable")]
        return self.rows[keep]


def load(path: Path) -> tuple[dict[str, NDArray[Any]], dict[str, Any]]:
    """The arrays of a file and its description."""
    with numpy.load(path, allow_pickle=False) as stored:
        arrays = {name: stored[name] for name in stored.files}
    return arrays, json.loads(str(arrays.pop("meta_json")))


def plain_nms_cases() -> list[Detections]:
    """Every `exp_*_index` of the data, but UltraFace's exp_low.

    That one is `low_all` cut at the 1500 best candidates, and nowhere are there as many: it is the same list.
    """
    readers = {
        "yolox_nano_coco": _yolox,
        "yolo_fastestv2_coco": _fastestv2,
        "ultraface_rfb320": _ultraface,
        "ultraface_rfb640": _ultraface,
        "picodet_layout_doc": _picodet,
        "yolox_nano_sliced": _sliced,
    }
    files = [(read, path) for folder, read in readers.items() for path in sorted((DATA / folder).glob("*.npz"))]
    return [case for read, path in files for case in read(path)]


def _corners(centres: Floats) -> Floats:
    half = centres[:, 2:4] / 2
    return numpy.concatenate([centres[:, :2] - half, centres[:, :2] + half], axis=1)


def _name(path: Path, expectation: str) -> str:
    return f"{path.parent.name}/{path.stem.removeprefix('raw_')}/{expectation}"


def _yolox(path: Path) -> Iterator[Detections]:
    """yolox.utils.boxes.postprocess: the best class of a row, obj * class >= conf."""
    arrays, meta = load(path)
    pred = arrays["pred"]
    labels = pred[:, 5:].argmax(1)
    scores = pred[:, 4] * pred[:, 5:].max(1)
    for name in ("eval", "demo", "aware"):
        facts = meta["expectations"][name]
        rows = numpy.flatnonzero(scores >= numpy.float32(facts["conf_thre"]))
        yield Detections(
            name=_name(path, name),
            boxes=_corners(pred[rows]),
            scores=scores[rows],
            labels=None if facts["class_agnostic"] else labels[rows],
            iou_threshold=facts["nms_thre"],
            rows=rows,
            expected=arrays[f"exp_{name}_index"],
        )


def _fastestv2(path: Path) -> Iterator[Detections]:
    """Objectness and obj * class both above conf; torchvision's nms on boxes + class * 4096; at most 300 kept.

    The offset rounds coordinates at class 79 to 1/32 px; ptdet takes the class ids as they are. No decision of these
    files lies as close to its threshold as that rounding.
    """
    arrays, meta = load(path)
    pred = arrays["pred"]
    labels = pred[:, 5:].argmax(1)
    scores = pred[:, 4] * pred[:, 5:].max(1)
    for name in ("test", "eval"):
        facts = meta["expectations"][name]
        above = numpy.float32(facts["conf_thres"].removeprefix("> "))
        rows = numpy.flatnonzero((pred[:, 4] > above) & (scores > above))
        yield Detections(
            name=_name(path, name),
            boxes=_corners(pred[rows]),
            scores=scores[rows],
            labels=labels[rows],
            iou_threshold=facts["iou_thres"],
            rows=rows,
            expected=arrays[f"exp_{name}_index"],
            max_output=300,
        )


def _ultraface(path: Path) -> Iterator[Detections]:
    """Hard NMS of one class in normalised coordinates.

    The peer adds 1e-5 to the denominator, which lowers the IoU of a small face by a hundredth or so; no decision of
    these expectations depends on it, and the exact IoU keeps the same rows.
    """
    arrays, meta = load(path)
    for name in ("detect_imgs", "low_all"):
        facts = meta["expectations"][name]
        rows = numpy.flatnonzero(arrays["scores"] > numpy.float32(facts["prob_threshold"].removeprefix("> ")))
        yield Detections(
            name=_name(path, name),
            boxes=arrays["boxes"][rows],
            scores=arrays["scores"][rows],
            labels=None,
            iou_threshold=facts["iou_threshold"],
            rows=rows,
            expected=arrays[f"exp_{name}_index"],
            max_output=facts["top_k"] if facts["top_k"] > 0 else None,
        )


def _picodet(path: Path) -> Iterator[Detections]:
    """Multi-label: every class above conf makes a candidate of its own, so a row may be kept under several classes.

    The peer looks at the 200 best candidates of a class and keeps at most 100; no class here has as many. Its 1e-5
    in the denominator is far below one square pixel and changes no decision.
    """
    arrays, meta = load(path)
    for name in ("default", "low"):
        facts = meta["expectations"][name]
        assert facts["max_candidates_in_a_class"] <= 200
        above = numpy.float32(facts["conf_thres"].removeprefix("> "))
        rows, labels = numpy.nonzero(arrays["scores"] > above)
        yield Detections(
            name=_name(path, name),
            boxes=arrays["boxes"][rows],
            scores=arrays["scores"][rows, labels],
            labels=labels,
            iou_threshold=facts["iou_thres"],
            rows=rows,
            expected=arrays[f"exp_{name}_index"],
            order="class",
        )


def _sliced(path: Path) -> Iterator[Detections]:
    """SAHI's batched NMS: a match is metric >= threshold, hence inclusive; IOS is the share of the smaller box."""
    arrays, meta = load(path)
    for name in ("nms_iou_c25", "nms_ios_c25", "nms_iou_c05", "nms_ios_c05"):
        facts = meta["expectations"][name]
        rows = numpy.flatnonzero(arrays["scores"] > numpy.float32(facts["score_thr"].removeprefix("> ")))
        yield Detections(
            name=_name(path, name),
            boxes=arrays["boxes"][rows],
            scores=arrays["scores"][rows],
            labels=arrays["labels"][rows].astype(numpy.int64),
            iou_threshold=facts["match_threshold"],
            rows=rows,
            expected=arrays[f"exp_{name}_index"].astype(numpy.int64),
            inclusive=True,
            metric=facts["metric"].lower(),
        )
