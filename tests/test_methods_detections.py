"""The other methods on real detections, against what the peers' own code gave there."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import numpy
import pytest
import torch
from torch import Tensor

import ptdet

from .detections import DATA, load

# float32 sums in another order: of coordinates up to 640, and 4 units in the last place of a box
PIXELS = 2e-4


def variants(image: str) -> tuple[Tensor, Tensor, Tensor, dict[str, Any]]:
    arrays, _ = load(DATA / f"variants/variants_yolox_{image}.npz")
    rows = torch.from_numpy(arrays["pred"])
    centre, half = rows[:, :2], rows[:, 2:4] / 2
    best, labels = rows[:, 5:].max(dim=1)
    return torch.cat([centre - half, centre + half], dim=1), rows[:, 4] * best, labels, arrays


def by_score(rows: Tensor) -> Tensor:
    return rows[torch.sort(rows[:, 4], descending=True, stable=True).indices]


Call = Callable[[Tensor, Tensor, Tensor], tuple[Tensor, Tensor, Tensor]]


def kept(keep: Callable[[Tensor, Tensor, Tensor], Tensor]) -> Call:
    def call(boxes: Tensor, scores: Tensor, labels: Tensor) -> tuple[Tensor, Tensor, Tensor]:
        rows = keep(boxes, scores, labels)
        return boxes[rows], scores[rows], rows

    return call


def merged(**options: Any) -> Call:
    def call(boxes: Tensor, scores: Tensor, labels: Tensor) -> tuple[Tensor, Tensor, Tensor]:
        found, rows = ptdet.merge_nms(boxes, scores, 0.5, labels, **options)
        return found, scores[rows], rows

    return call


def softened(kind: str) -> Call:
    """The original soft-NMS counts a pixel more in width and height: so do boxes whose far corner is moved by one."""

    def call(boxes: Tensor, scores: Tensor, labels: Tensor) -> tuple[Tensor, Tensor, Tensor]:
        wider = boxes + torch.tensor([0.0, 0, 1, 1])
        found, rows = ptdet.soft_nms(wider, scores, 0.5, labels, kind=kind)
        return boxes[rows], found, rows

    return call


CASES: dict[str, tuple[Call, float]] = {
    "vision": (kept(lambda b, s, i: ptdet.batched_nms(b, s, i, 0.5)), 0.0),
    "or": (kept(lambda b, s, i: ptdet.or_nms(b, s, 0.5, i)), 0.0),
    "merge": (merged(), PIXELS),
    "weighted_nms": (merged(weights="score_overlap"), PIXELS),
    "f_batch": (kept(lambda b, s, i: ptdet.fast_nms(b, s, 0.5, i)), 0.0),
    "cluster_nms": (kept(lambda b, s, i: ptdet.cluster_nms(b, s, 0.5, i)[1]), 0.0),
    # the peer's distance term has the power 0.6
    "cluster_diounms": (kept(lambda b, s, i: ptdet.cluster_nms(b, s, 0.5, i, metric="diou", beta=0.6)[1]), 0.0),
    # the peer moves classes apart by 4096 a class in float32, where a coordinate has steps of up to 0.03
    "cluster_weighted_nms": (merged(members="later", weights="score_overlap"), 4e-3),
    "softc_gauss": (softened("gaussian"), 1e-6),
    "softc_linear": (softened("linear"), 1e-6),
}


@pytest.mark.parametrize("image", ["1000", "5001"])
@pytest.mark.parametrize("name", CASES)
def test_variants(name: str, image: str, backend: str) -> None:
    boxes, scores, labels, arrays = variants(image)
    call, tolerance = CASES[name]
    found, values, rows = call(boxes, scores, labels)
    ours = by_score(torch.cat([found, values[:, None], labels[rows, None].float()], dim=1))
    torch.testing.assert_close(ours, by_score(torch.from_numpy(arrays[f"exp_{name}"])), rtol=0, atol=tolerance)


@pytest.mark.parametrize("image", ["1000", "5001"])
def test_fusions(image: str, backend: str) -> None:
    """The peer keeps its means in float32, hence 1e-6 of a picture's side."""
    arrays, meta = load(DATA / f"variants/wbf_{image}.npz")
    lists = [[torch.from_numpy(arrays[f"m{m}_{part}"]) for m in (0, 1)] for part in ("boxes", "scores", "labels")]
    lists[:2] = [[each.double() for each in part] for part in lists[:2]]
    asked = {name: told for name, told in meta["expectations"].items() if name.startswith(("wbf", "nmw"))}
    assert len(asked) == 7
    for name, told in asked.items():
        function = ptdet.non_maximum_weighted if name == "nmw" else ptdet.weighted_boxes_fusion
        boxes, scores, labels = function(*lists, **told["args"])
        ours = torch.cat([boxes, scores[:, None], labels[:, None].double()], dim=1)
        torch.testing.assert_close(ours, torch.from_numpy(arrays[f"exp_{name}"]), rtol=0, atol=1e-6)


@pytest.mark.parametrize("least", ["c25", "c05"])
def test_merging_of_slices(least: str) -> None:
    arrays, _ = load(DATA / "yolox_nano_sliced/raw_small_vehicles1.npz")
    boxes, scores, labels = (torch.from_numpy(arrays[name]) for name in ("boxes", "scores", "labels"))
    threshold = {"c25": 0.25, "c05": 0.05}[least]
    candidates = (scores.numpy().astype(numpy.float64) > threshold).nonzero()[0]
    for name, function in (("greedy_nmm", ptdet.greedy_nmm), ("nmm", ptdet.nmm)):
        grown, keep, owner = function(boxes, scores, 0.5, labels, score_threshold=threshold, return_owner=True)
        assert numpy.array_equal(keep.numpy(), arrays[f"exp_{name}_ios_{least}_keep"])
        assert numpy.array_equal(owner.numpy()[candidates], arrays[f"exp_{name}_ios_{least}_owner"])
        assert (grown[:, :2] <= boxes[keep][:, :2]).all() and (grown[:, 2:] >= boxes[keep][:, 2:]).all()
