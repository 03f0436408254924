"""The other methods on real detections, against what the peers' own code gave there."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import numpy
import pytest
import torch
from torch import Tensor

import ptdet
import ptdet.compat
from ptdet.integrations import ensemble_boxes
from ptdet.reference.overlap import area, intersection

from ..detections import DATA, load

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


@pytest.mark.parametrize("image", ["1000", "5001"])
@pytest.mark.parametrize("method", ["vision", "or", "merge", "soft"])
def test_the_yolov3_pipeline(method: str, image: str) -> None:
    """Its soft emits the first of a class whatever its score, which `soft_nms` does not.

    The peer takes probabilities, here logits go in and come back through a sigmoid: some 1e-7 of a score.
    """
    arrays, _ = load(DATA / f"variants/variants_yolox_{image}.npz")
    rows = torch.from_numpy(arrays["pred"]).double()
    rows[:, 5:] = torch.logit(rows[:, 5:])
    (found,) = ptdet.non_max_suppression(rows[None], 0.05, 0.5, False, method)
    expected = by_score(torch.from_numpy(arrays[f"exp_{method}"]))
    assert found is not None
    torch.testing.assert_close(found[:, 4:].float(), expected[:, 4:], rtol=0, atol=1e-6)
    torch.testing.assert_close(found[:, :4].float(), expected[:, :4], rtol=0, atol=PIXELS)


@pytest.mark.parametrize("image", ["1000", "5001"])
def test_weighted_clusters_by_distance(image: str) -> None:
    """What the peer keeps; `cluster_nms` has the weighted form with the distance itself, not with its power 0.6."""
    boxes, scores, labels, arrays = variants(image)
    keep = ptdet.diou_nms(boxes, scores, 0.5, labels, beta=0.6)
    expected = by_score(torch.from_numpy(arrays["exp_cluster_weighted_diounms"]))
    assert torch.equal(torch.stack([scores[keep], labels[keep].float()], 1), expected[:, 4:])


@pytest.mark.parametrize("image", ["1000", "5001"])
def test_suppression_of_ensembles(image: str) -> None:
    """The peer's soft-NMS selects and orders by the decayed scores, and returns the scores that were given."""
    arrays, meta = load(DATA / f"variants/wbf_{image}.npz")
    lists = [[arrays[f"m{m}_{part}"] for m in (0, 1)] for part in ("boxes", "scores", "labels")]
    for name in ("nms", "soft_gauss", "soft_linear"):
        function = ensemble_boxes.nms if name == "nms" else ensemble_boxes.soft_nms
        boxes, scores, labels = function(*lists, **meta["expectations"][name]["args"])
        expected = arrays[f"exp_{name}"]
        assert numpy.array_equal(boxes, expected[:, :4]) and numpy.array_equal(labels, expected[:, 5])
        if name == "nms":
            assert numpy.array_equal(scores, expected[:, 4])
        else:
            assert (scores <= expected[:, 4] + 1e-7).all() and (scores < expected[:, 4] - 1e-3).any()


def plain_soft(boxes: Tensor, scores: Tensor, least: float, sigma: float, added: float) -> tuple[Tensor, Tensor]:
    """Gaussian soft-NMS, step by step, with `added` to the union: boxes and scores in the order they are picked."""
    left, scores, picked, values = torch.nonzero(scores > least)[:, 0], scores.clone(), [], []
    while len(left):
        best = left[scores[left].argmax()]
        picked.append(boxes[best])
        values.append(scores[best])
        left = left[left != best]
        inter, areas = intersection(boxes[left], boxes[best]), area(boxes[left]) + area(boxes[best])
        scores[left] *= torch.exp(-((inter / (areas - inter + added)) ** 2) / sigma)
        left = left[scores[left] > least]
    return torch.stack(picked), torch.stack(values)


FACES = sorted(DATA.glob("ultraface_rfb*/*.npz"))


@pytest.mark.parametrize("path", FACES, ids=lambda path: f"{path.parent.name}/{path.stem}")
@pytest.mark.parametrize("name", ["detect_imgs_soft", "low_soft"])
def test_faces(path: Any, name: str) -> None:
    """The peer adds 1e-5 to the union, a hundredth of a small face. With it a plain loop is the peer, without ptdet."""
    arrays, meta = load(path)
    boxes, scores = torch.from_numpy(arrays["boxes"]), torch.from_numpy(arrays["scores"])
    sigma, least = meta["expectations"][name]["sigma"], meta["expectations"][name]["prob_threshold"].removeprefix("> ")
    expected = torch.from_numpy(arrays[f"exp_{name}"])
    decayed, keep = ptdet.soft_nms(boxes, scores, sigma=sigma, min_score=float(least))
    for added, found in ((1e-5, (expected[:, :4], expected[:, 4])), (0.0, (boxes[keep], decayed))):
        theirs = plain_soft(boxes, scores, float(least), sigma, added)
        assert torch.equal(theirs[0], found[0])
        torch.testing.assert_close(theirs[1], found[1], rtol=1e-6, atol=0)


YOLOX = sorted(DATA.glob("yolox_nano_coco/*.npz"))


@pytest.mark.parametrize("path", YOLOX, ids=lambda path: path.stem)
def test_the_onnx_demo_counts_pixels(path: Any, backend: str) -> None:
    """`exp_onnxdemo*`: a side is x2 - x1 + 1 there, in pixels of the picture."""
    arrays, _ = load(path)
    rows = torch.from_numpy(arrays["pred"])
    half = rows[:, 2:4] / 2
    boxes = torch.cat([rows[:, :2] - half, rows[:, :2] + half], dim=1) / float(arrays["ratio"])
    of_class = rows[:, 4:5] * rows[:, 5:]
    best, labels = of_class.max(dim=1)
    at = torch.nonzero(best > 0.1)[:, 0]
    at = at[ptdet.nms(boxes[at], best[at], 0.45, compat="mmcv_offset_1")]
    ours = torch.cat([boxes[at], best[at, None], labels[at, None]], dim=1)
    assert numpy.array_equal(ours.numpy(), arrays["exp_onnxdemo"])
    at, labels = torch.nonzero(of_class > 0.1, as_tuple=True)
    scores = of_class[at, labels]
    keep = ptdet.batched_nms(boxes[at], scores, labels, 0.45, compat="mmcv_offset_1")
    keep = keep[torch.sort(labels[keep], stable=True).indices]  # it goes class after class
    ours = torch.cat([boxes[at][keep], scores[keep, None], labels[keep, None]], dim=1)
    assert numpy.array_equal(ours.numpy(), arrays["exp_onnxdemo_aware"])
