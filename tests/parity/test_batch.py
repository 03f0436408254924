"""`ptdet.combined_nms` and `ptdet.ragged_nms`: a batch equals the loop over its images."""

from __future__ import annotations

import math
from typing import Any

import pytest
import torch
from hypothesis import given, settings, strategies as st
from torch import Tensor

import ptdet
from ptdet import reference
from ptdet._library.signatures import SIGNATURES
from ptdet._shared.methods import BATCH_METHODS, METHODS
from ptdet.testing import clustered, grid
from tests.conditioning import of_product

EACH = pytest.mark.parametrize("method", BATCH_METHODS)
Kept = tuple[Tensor, "Tensor | None", "Tensor | None"]  # rows, and their boxes and scores where the method changes them


def kept_of(method: str, boxes: Tensor, scores: Tensor, threshold: float) -> Kept:
    """By the reference, or as the paper says it."""
    if method in BY_PAPER:
        return BY_PAPER[method](boxes, scores, threshold)
    row = METHODS[method]
    found = getattr(reference, row.operator)(boxes, scores, None, threshold, **row.settings)
    results = dict(zip(SIGNATURES[row.operator].results, found, strict=True))
    return results["keep"][: int(results["num_kept"])], results.get(row.boxes), results.get(row.scores)


def plain_fast(boxes: Tensor, scores: Tensor, threshold: float) -> Kept:
    """As the paper says it: all overlaps, the upper triangle, columns whose largest stays at or below the threshold."""
    order = reference.decreasing(scores)
    met = reference.exceeds(reference.raw_overlap(boxes[order][:, None], boxes[order][None]), threshold).tril(-1)
    return order[~met.any(dim=1)], None, None


def plain_matrix(boxes: Tensor, scores: Tensor, _: float) -> Kept:
    """As the paper says it, gaussian."""
    order = reference.decreasing(scores)
    overlaps = reference.overlap(boxes[order][:, None], boxes[order][None]).tril(-1)
    largest = overlaps.amax(dim=1) if len(order) else scores
    decay = torch.exp(-2 * (overlaps**2 - largest[None] ** 2)).tril(-1) + torch.ones_like(overlaps).triu()
    decayed = scores.clone()
    decayed[order] *= decay.amin(dim=1).clamp(max=1) if len(order) else scores
    keep = reference.decreasing(decayed)
    keep = keep[decayed[keep] > 0.001]
    return keep, None, decayed[keep]


BY_PAPER = {"fast": plain_fast, "matrix": plain_matrix}


def threshold(method: str) -> float | None:
    return 0.5 if METHODS[method].has_threshold else None


def scene(batch: int, count: int, classes: int, per_class: bool = False, seed: int = 0) -> tuple[Tensor, Tensor]:
    """On a lattice: overlaps tie with thresholds and scores with each other."""
    pairs = [grid(count * (classes if per_class else 1), seed + i) for i in range(batch)]
    boxes = torch.stack([pair[0] for pair in pairs]) if batch else torch.zeros(0, count, 4)
    if per_class:
        boxes = boxes.reshape(batch, count, classes, 4)
    random = torch.Generator().manual_seed(seed)
    return boxes, torch.randint(1, 9, (batch, count, classes), generator=random) / 8


def looped(
    boxes: Tensor,
    scores: Tensor,
    threshold: float,
    method: str,
    score_threshold: float | None,
    per_class: int,
    most: int,
) -> list[list[tuple[float, int, int, list[float]]]]:
    """Image by image and class by class: (score, class, box, corners) by decreasing score, lower class, lower box."""
    images = []
    for image_boxes, image_scores in zip(boxes, scores, strict=True):
        found = []
        for label in range(scores.shape[2]):
            own = image_boxes[:, label] if image_boxes.dim() == 3 else image_boxes
            values = image_scores[:, label]
            chosen = torch.arange(len(values))
            if score_threshold is not None:
                chosen = chosen[values > score_threshold]
            keep, new_boxes, new_scores = kept_of(method, own[chosen], values[chosen], threshold)
            of_boxes = own[chosen][keep] if new_boxes is None else new_boxes[: len(keep)]
            of_scores = values[chosen][keep] if new_scores is None else new_scores[: len(keep)]
            rows = zip(of_scores.tolist(), chosen[keep].tolist(), of_boxes.tolist(), strict=True)
            found += [(score, label, at, box) for score, at, box in rows][:per_class]
        images.append(sorted(found, key=lambda row: (-row[0], row[1], row[2]))[:most])
    return images


def check(got: Any, expected: list[list[tuple[float, int, int, list[float]]]], decays: int) -> None:
    """To the bit, but for scores that exp has decayed so many times."""
    for image, rows in enumerate(expected):
        assert (n := int(got.num[image])) == len(rows)
        assert got.labels[image].tolist() == [row[1] for row in rows] + [-1] * (got.labels.shape[1] - n)
        assert got.indices[image].tolist() == [row[2] for row in rows] + [-1] * (got.labels.shape[1] - n)
        assert got.scores[image, :n].tolist() == pytest.approx([row[0] for row in rows], rel=of_product(decays), abs=0)
        assert got.boxes[image, :n].tolist() == [row[3] for row in rows]
        assert not got.scores[image, n:].any() and not got.boxes[image, n:].any()


@EACH
@pytest.mark.parametrize("per_class", [False, True], ids=["shared boxes", "boxes of each class"])
def test_equals_the_loop(method: str, per_class: bool) -> None:
    for batch, count, classes in ((1, 1, 1), (3, 30, 4), (2, 65, 1), (2, 12, 20)):
        boxes, scores = scene(batch, count, classes, per_class, 5)
        for limit, a_class, an_image in ((None, None, None), (0.3, 3, 10), (-1.0, None, 7), (2.0, 1, 5), (0.2, 0, 4)):
            got = ptdet.combined_nms(
                boxes, scores, threshold(method), method=method, score_threshold=limit, max_per_class=a_class,
                max_per_image=an_image,
            )  # fmt: skip
            most = count * classes if an_image is None else an_image
            assert got.boxes.shape == (batch, most, 4) and got.num.shape == (batch,)
            whole = 10**9 if a_class is None else a_class
            expected = looped(boxes, scores, 0.5, method, limit, whole, most)
            check(got, expected, decays={"soft": count, "matrix": 3}.get(method, 0))


def test_by_hand(backend: str) -> None:
    boxes = torch.tensor(
        [[[0.0, 0, 10, 10], [1, 0, 11, 10], [20, 0, 30, 10]], [[0, 0, 1, 1], [5, 5, 6, 6], [0, 0, 1, 1]]]
    )
    scores = torch.tensor([[[0.8, 0.6], [0.9, 0.1], [0.7, 0.6]], [[0.5, 0.5], [0.5, 0.0], [0.5, 0.5]]])
    got = ptdet.combined_nms(boxes, scores, 0.5, score_threshold=0.1, max_per_image=5)
    assert got.num.tolist() == [4, 3]
    assert got.indices.tolist() == [[1, 2, 0, 2, -1], [0, 1, 0, -1, -1]]
    assert got.labels.tolist() == [[0, 0, 1, 1, -1], [0, 0, 1, -1, -1]]
    agnostic = ptdet.combined_nms(boxes, scores, 0.5, score_threshold=0.1, max_per_image=3, agnostic=True)
    assert agnostic.indices.tolist() == [[1, 2, -1], [0, 1, -1]]
    one_class = ptdet.combined_nms(boxes, scores[:, :, 0], 0.5)
    assert one_class.indices.tolist() == [[1, 2, -1], [0, 1, -1]]
    assert one_class.labels.tolist() == [[0, 0, -1], [0, 0, -1]]


@EACH
def test_empties(method: str) -> None:
    t = threshold(method)
    for batch, count, classes in ((0, 4, 2), (2, 0, 3), (2, 4, 0), (0, 0, 0)):
        got = ptdet.combined_nms(torch.zeros(batch, count, 4), torch.zeros(batch, count, classes), t, method=method)
        assert got.boxes.shape == (batch, count * classes, 4) and not got.num.any()
        got = ptdet.combined_nms(
            torch.zeros(batch, count, 4), torch.zeros(batch, count, classes), t, method=method, max_per_image=3
        )
        assert got.indices.shape == (batch, 3) and (got.indices == -1).all()


@EACH
@pytest.mark.parametrize("dtype", [torch.float64, torch.float16, torch.bfloat16], ids=str)
def test_dtypes_stay(method: str, dtype: torch.dtype) -> None:
    boxes, scores = scene(2, 40, 3)
    got = ptdet.combined_nms(boxes.to(dtype), scores.to(dtype), threshold(method), method=method, score_threshold=0.2)
    assert got.boxes.dtype == got.scores.dtype == dtype
    if method not in ("merge", "soft", "matrix"):
        expected = ptdet.combined_nms(boxes, scores, threshold(method), method=method, score_threshold=0.2)
        assert torch.equal(got.indices, expected.indices) and torch.equal(got.labels, expected.labels)


@settings(max_examples=25)
@given(st.integers(0, 10**6), st.sampled_from(BATCH_METHODS))
def test_a_batch_is_its_images_in_any_order(seed: int, method: str) -> None:
    boxes, scores = scene(4, 15, 3, seed=seed)
    order = torch.randperm(4, generator=torch.Generator().manual_seed(seed))
    options: dict[str, Any] = {"method": method, "score_threshold": 0.2, "max_per_image": 8}
    whole = ptdet.combined_nms(boxes, scores, threshold(method), **options)
    moved = ptdet.combined_nms(boxes[order], scores[order], threshold(method), **options)
    assert all(torch.equal(a[order], b) for a, b in zip(whole, moved, strict=True))
    alone = [ptdet.combined_nms(boxes[i, None], scores[i, None], threshold(method), **options) for i in range(4)]
    assert all(torch.equal(torch.cat(parts), a) for *parts, a in zip(*alone, whole, strict=True))


def test_gradients() -> None:
    boxes, scores = (each.double() for each in (clustered(30)[0][None], clustered(30)[1][None]))
    for method in BATCH_METHODS:
        own_boxes, own_scores = boxes.clone().requires_grad_(), scores.clone().requires_grad_()
        got = ptdet.combined_nms(own_boxes, own_scores, threshold(method), method=method, score_threshold=0.05)
        (got.boxes.sum() + got.scores.sum()).backward()
        assert own_boxes.grad is not None and own_scores.grad is not None
        if method in ("hard", "or", "diou", "and", "fast"):
            chosen = got.indices[0, : got.num[0]]
            expected = torch.zeros_like(boxes)
            expected[0, chosen] = 1
            assert torch.equal(own_boxes.grad, expected) and torch.equal(own_scores.grad, expected[..., 0])


@pytest.mark.parametrize("compiler", ["eager", "aot_eager"])
@pytest.mark.parametrize("method", ["hard", "soft", "fast", "matrix"])
def test_compiles_in_one_graph(method: str, compiler: str) -> None:
    torch._dynamo.reset()

    def call(boxes: Tensor, scores: Tensor) -> tuple[Tensor, ...]:
        options: dict[str, Any] = {"method": method, "score_threshold": 0.3, "max_per_image": 10}
        return tuple(ptdet.combined_nms(boxes, scores, threshold(method), **options))

    compiled = torch.compile(call, fullgraph=True, backend=compiler)
    for seed in (1, 2):
        given_scene = scene(2, 20, 3, seed=seed)
        assert all(map(torch.equal, compiled(*given_scene), call(*given_scene)))


class Head(torch.nn.Module):
    def __init__(self, method: str) -> None:
        super().__init__()
        self.method = method

    def forward(self, boxes: Tensor, scores: Tensor) -> tuple[Tensor, ...]:
        options: dict[str, Any] = {"score_threshold": 0.3, "max_per_class": 5, "max_per_image": 10}
        return tuple(ptdet.combined_nms(boxes, scores, threshold(self.method), method=self.method, **options))


@pytest.mark.parametrize("method", ["soft", "fast", "matrix"])
def test_exports_for_any_batch_and_number_of_boxes(method: str) -> None:
    batch, count = torch.export.Dim("batch", min=2, max=100), torch.export.Dim("count", min=2, max=1000)
    shapes = ({0: batch, 1: count}, {0: batch, 1: count})
    program = torch.export.export(Head(method), scene(3, 20, 4), dynamic_shapes=shapes)
    for size in ((3, 20, 4), (5, 33, 4)):
        assert all(map(torch.equal, program.module()(*scene(*size)), Head(method)(*scene(*size))))


def test_the_fixed_shape_form_is_the_same(monkeypatch: pytest.MonkeyPatch) -> None:
    """What a GPU runs, where candidates below the threshold stay in the pass."""
    boxes, scores = scene(3, 40, 4)
    for method in BATCH_METHODS:
        options: dict[str, Any] = {"method": method, "score_threshold": 0.4, "max_per_class": 5, "max_per_image": 12}
        expected = ptdet.combined_nms(boxes, scores, threshold(method), **options)
        with monkeypatch.context() as patch:
            patch.setattr(torch.compiler, "is_compiling", lambda: True)
            got = ptdet.combined_nms(boxes, scores, threshold(method), **options)
        assert all(map(torch.equal, got, expected)), method


@EACH
def test_nothing_asks_for_data(method: str) -> None:
    """On a device without data whatever would wait for a GPU raises: item(), nonzero, a mask as an index."""
    boxes, scores = (each.to("meta") for each in scene(3, 40, 4))
    options: dict[str, Any] = {"method": method, "score_threshold": 0.3, "max_per_class": 9, "max_per_image": 20}
    for agnostic in (False, True):
        got = ptdet.combined_nms(boxes, scores, threshold(method), agnostic=agnostic, **options)
        assert got.num.shape == (3,) and got.boxes.shape == (3, 20, 4) and got.scores.shape == (3, 20)
    with pytest.raises(ValueError, match="boxes: expected a tensor with data"):
        images = boxes[0, :, 0].long()
        ptdet.ragged_nms(boxes[0], scores[0, :, 0], images, threshold(method), num_images=1, method=method)


@pytest.mark.cuda
@EACH
def test_in_a_cuda_graph(method: str) -> None:
    if not (torch.cuda.is_available() and ptdet.build_info()["cuda"]):
        pytest.skip("no GPU, or no CUDA build")
    options: dict[str, Any] = {"method": method, "score_threshold": 0.3, "max_per_class": 9, "max_per_image": 20}
    boxes, scores = scene(3, 200, 5)
    given = boxes.cuda(), scores.cuda()
    for _ in range(2):
        ptdet.combined_nms(*given, threshold(method), **options)
    torch.cuda.synchronize()
    graph = torch.cuda.CUDAGraph()
    with torch.cuda.graph(graph):
        got = ptdet.combined_nms(*given, threshold(method), **options)
    for seed in (1, 2):
        other = scene(3, 200, 5, seed=seed)
        given[0].copy_(other[0]), given[1].copy_(other[1])
        graph.replay()
        expected = ptdet.combined_nms(*other, threshold(method), **options)
        for ours, theirs in zip(got, expected, strict=True):
            assert torch.equal(ours.cpu(), theirs)


GOOD: dict[str, Any] = {"boxes": torch.zeros(2, 3, 4), "scores": torch.zeros(2, 3, 5), "iou_threshold": 0.5}
BAD: dict[str, tuple[dict[str, Any], type[Exception], str]] = {
    "boxes rank": ({"boxes": torch.zeros(3, 4)}, ValueError, "boxes"),
    "boxes of five": ({"boxes": torch.zeros(2, 3, 5)}, ValueError, "boxes"),
    "boxes integers": ({"boxes": torch.zeros(2, 3, 4).long()}, TypeError, "boxes"),
    "boxes list": ({"boxes": [[0.0] * 4]}, TypeError, "boxes"),
    "classes differ": ({"boxes": torch.zeros(2, 3, 4, 4)}, ValueError, "boxes"),
    "scores rank": ({"scores": torch.zeros(3)}, ValueError, "scores"),
    "fewer scores": ({"scores": torch.zeros(2, 2, 5)}, ValueError, "scores"),
    "scores integers": ({"scores": torch.zeros(2, 3, 5).long()}, TypeError, "scores"),
    "scores elsewhere": ({"scores": torch.zeros(2, 3, 5, device="meta")}, ValueError, "scores"),
    "no threshold": ({"iou_threshold": None}, ValueError, "iou_threshold"),
    "threshold of matrix": ({"method": "matrix"}, ValueError, "iou_threshold"),
    "kind of matrix": ({"method": "matrix", "iou_threshold": None, "kind": "hard"}, ValueError, "kind"),
    "threshold": ({"iou_threshold": math.nan}, ValueError, "iou_threshold"),
    "score_threshold": ({"score_threshold": math.nan}, ValueError, "score_threshold"),
    "method": ({"method": "hardest"}, ValueError, "hardest"),
    "metric": ({"metric": "mahalanobis"}, ValueError, "metric"),
    "max_per_class": ({"max_per_class": -1}, ValueError, "max_per_class"),
    "max_per_image": ({"max_per_image": 2.5}, TypeError, "max_per_image"),
}


@pytest.mark.parametrize("name", BAD)
def test_bad_input(name: str) -> None:
    change, raises, fragment = BAD[name]
    with pytest.raises(raises, match=fragment):
        ptdet.combined_nms(**{**GOOD, **change})


@EACH
@pytest.mark.parametrize("per_class", [False, True], ids=["shared boxes", "boxes of each class"])
@pytest.mark.parametrize("background", [0, 2, 3])
def test_a_background_class_is_no_candidate(method: str, per_class: bool, background: int) -> None:
    """As if its scores were below every threshold; the others keep their numbers."""
    boxes, scores = scene(2, 30, 4, per_class)
    options: dict[str, Any] = {"method": method, "max_per_class": 5, "max_per_image": 40, "agnostic": background == 2}
    got = ptdet.combined_nms(boxes, scores, threshold(method), score_threshold=0.1, background=background, **options)
    silent = scores.clone()
    silent[..., background] = -1
    expected = ptdet.combined_nms(boxes, silent, threshold(method), score_threshold=0.1, **options)
    assert int(got.num.sum()) > (0 if method == "and" else 10) and bool((got.labels != background).all())
    assert all(map(torch.equal, got, expected))
    every = ptdet.combined_nms(boxes, scores, threshold(method), method=method, background=background)
    assert every.labels.shape == (2, 90)


def test_a_background_that_is_not_there() -> None:
    for scores, background, raises in (
        (torch.rand(1, 5, 3), 3, ValueError), (torch.rand(1, 5, 3), -1, ValueError), (torch.rand(1, 5), 0, ValueError),
        (torch.rand(1, 5, 3), 0.0, TypeError),
    ):  # fmt: skip
        with pytest.raises(raises, match="^background: "):
            ptdet.combined_nms(torch.rand(1, 5, 4), scores, 0.5, background=background)  # type: ignore[arg-type]
