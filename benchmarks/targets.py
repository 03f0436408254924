"""The speed targets as data, and which of them a run met."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import dataclass

from .cases import OURS
from .measure import Spread
from .results import Results
from .table import aligned


@dataclass(frozen=True)
class Target:
    """What one row should reach."""

    of: str
    group: str
    scene: str
    n: int
    kind: str  # "times": a peer's time over ours, at least; "beside": ours over a peer's, at most; see `in_words`
    bound: float
    peer: str = ""


@dataclass(frozen=True)
class Outcome:
    """A target and what was measured: median and quartiles."""

    target: Target
    measured: Spread | None  # None: not measured

    @property
    def met(self) -> bool | None:
        if self.measured is None:
            return None
        bound, at_least = self.target.bound, self.target.kind == "times"
        return self.measured.median >= bound if at_least else self.measured.median <= bound

    @property
    def verdict(self) -> str:
        return {None: "not measured", True: "met", False: "missed"}[self.met]


def _many(
    of: str, group: str, scenes: Sequence[str], sizes: Sequence[int], *asked: tuple[str, float, str]
) -> Iterator[Target]:
    for scene in scenes:
        for n in sizes:
            for kind, bound, peer in asked:
                yield Target(of, group, scene, n, kind, bound, peer)


SIMPLE = ("box_iou", "generalized_box_iou", "distance_box_iou")
CIOU = ("complete_box_iou",)
LOSSES = ("generalized_box_iou_loss", "distance_box_iou_loss", "complete_box_iou_loss")
FUSED = (("times", 20, "torchvision"), ("times", 2, "torchvision compiled"), ("floor", 4, ""))
VARIANTS = ("or_nms", "and_nms", "diou_nms", "merge_nms")
CORNERS = (
    "identical, nms iou 1",
    "identical, nms giou 1",
    "identical, fast_nms iou 1",
    "identical, matrix_nms",
    *(f"overlapping, nms {which}" for which in ("iou 0.999", "iof 0.999", "ios 0.999", "ios 1")),
    "overlapping, fast_nms iou 0.999",
    "overlapping, greedy_nmm ios 0.999",
    "nested, nms ios 1",
    *(f"row, nms {which}" for which in ("iou 0", "ios 0.5")),
    "beneath_one, nms ios 0.999",
    "scattered, nms iou 0",
)
FUSIONS = ("merge_nms", "weighted_boxes_fusion", "non_maximum_weighted")
LARGE, WIDE = (
    [f"{shape}, {layout}" for layout in ("contiguous", "channels_last")] for shape in ("8x64x128x128", "2x3x1024x1024")
)
RAGGED_SCENES = [f"ragged_nms, 45,000 boxes, 1203 classes{cores}" for cores in ("", ", busy cores")]
MOVED = (("times", 4, "vector_norm"), ("floor", 1.3, ""))

TARGETS: tuple[Target, ...] = (
    *_many("frame", "nms", ["clustered"], [100], ("times", 4, "torchvision")),
    *_many("frame", "nms", ["clustered"], [1000], ("times", 8, "torchvision")),
    *_many("frame", "nms", ["clustered"], [10_000], ("times", 25, "torchvision"), ("times", 4, "onnxruntime")),
    *_many("frame", "nms", ["scattered"], [10_000], ("times", 150, "torchvision"), ("times", 5, "lsnms")),
    *_many("frame", "nms", ["clustered", "scattered"], [100_000], ("times", 10, "lsnms")),
    *_many("frame", "nms", ["scattered"], [1_000_000], ("floor", 5, ""), ("memory", 150, "")),
    *_many("frame", "batched", ["clustered", "scattered"], [10_000, 30_000], ("times", 20, "torchvision")),
    *_many("overlap", "pairwise", SIMPLE, [5000], ("times", 12, "torchvision"), ("floor", 1.6, "")),
    *_many("overlap", "pairwise", CIOU, [5000], ("times", 12, "torchvision"), ("times", 10, "fastbbox")),
    *_many("overlap", "losses", LOSSES, [256], ("times", 10, "torchvision")),
    *_many("overlap", "losses", LOSSES, [100_000, 1_000_000], *FUSED),
    *_many("methods", "methods", VARIANTS, [100, 1000, 10_000], ("beside", 1.5, "ptdet.nms")),
    *_many("methods", "methods", ["soft_nms"], [1000], ("times", 100, "ensemble-boxes"), ("times", 10, "opencv")),
    *_many("methods", "methods", ["soft_nms"], [10_000], ("seconds", 1, "")),
    *_many("methods", "methods", FUSIONS, [1000], ("times", 100, "ensemble-boxes")),
    *_many("methods", "corners", CORNERS, [10_000, 20_000], ("beside", 1, "torchvision")),
    *_many("methods", "corners", ["overlapping, matrix_nms"], [10_000, 20_000], ("beside", 3, "ptdet.fast_nms")),
    *_many("frame", "numpy", ["clustered", "scattered"], [10, 100], ("times", 1, "powerboxes")),
    *_many("methods", "postprocess", ["heads, conf 0.25"], [1], ("beside", 1.1, "ptdet.numpy")),
    *_many("methods", "postprocess", RAGGED_SCENES, [10], ("beside", 1.3, "ptdet.batched_nms")),
    *_many("methods", "postprocess", ["heads, conf 0.25"], [32], ("times", 3, "ultralytics")),
    *_many("methods", "postprocess", ["heads, conf 0.001"], [32], ("times", 10, "ultralytics")),
    *_many("channel norm", "channel_norm", LARGE, [8 * 64 * 128 * 128], *MOVED),
    *_many("channel norm", "channel_norm", WIDE, [2 * 3 * 1024 * 1024], *MOVED),
    *_many("frame", "evaluation", ["80 classes"], [500_000], ("times", 1, "hotcoco"), ("seconds", 0.3, "")),
    *_many("frame", "import", ["after torch"], [1], ("seconds", 0.3, "")),
)


def outcomes(results: Results, targets: Sequence[Target] = TARGETS) -> list[Outcome]:
    return [Outcome(target, _measured(results, target)) for target in targets]


def _measured(results: Results, target: Target) -> Spread | None:
    if target.kind == "memory":
        for one in results.memory:
            if (one.group, one.scene, one.n, one.library) == (target.group, target.scene, target.n, OURS):
                return Spread(*[one.bytes_per_box] * 3)
        return None
    dtype = {"import": "", "numpy": "float64", "evaluation": "float64"}.get(target.group, "float32")
    row = results.find(target.group, target.scene, target.n, target.peer or OURS, dtype)
    if row is None:
        return None
    ratio = row.times_ours
    inverse = ratio and Spread(1 / ratio.q3, 1 / ratio.median, 1 / ratio.q1)
    read = {"times": ratio, "beside": inverse, "floor": row.over_floor, "seconds": row.seconds}
    return read[target.kind]


def in_words(target: Target) -> str:
    """The target as text."""
    bound = f"{target.bound:g}"
    return {
        "times": f"{bound}x {target.peer}",
        "beside": f"{bound}x the time of {target.peer} at most",
        "floor": f"{bound}x the floor at most",
        "memory": f"{bound} bytes a box at most",
        "seconds": f"{bound} s at most",
    }[target.kind]


def cells(found: Sequence[Outcome]) -> list[list[str]]:
    """Target, what was measured, its quartiles, and the verdict; the header first."""
    rows = [["of", "case", "target", "measured", "quartiles", ""]]
    for one in found:
        target, measured = one.target, one.measured
        shown, quartiles = ("", "")
        if measured:
            shown = f"{measured.median:.3g}"
            quartiles = f"{measured.q1:.3g} to {measured.q3:.3g}" if target.kind != "memory" else ""
        case = f"{target.group}, {target.scene}" + (f", {target.n:,}" if target.n > 1 else "")
        rows.append([target.of, case, in_words(target), shown, quartiles, one.verdict])
    return rows


def target_table(results: Results) -> list[str]:
    """The targets that this run measured; no line if there is none."""
    found = [one for one in outcomes(results) if one.measured]
    met = sum(one.met is True for one in found)
    return [f"targets: {met} of {len(found)} measured here are met", *aligned(cells(found))] if found else []
