"""`ptdet.ragged_nms`, onnxruntime as a peer of the padded form, and the operator behind both."""

from __future__ import annotations

from typing import Any

import pytest
import torch

import ptdet
from ptdet._shared.methods import BATCH_METHODS, METHODS
from ptdet.testing import clustered, grid

CHANGED = {"merge": lambda n: [(n, 4)], "soft": lambda n: [(n,)], "matrix": lambda n: [(n,)]}


@pytest.mark.parametrize("method", BATCH_METHODS)
@pytest.mark.parametrize("with_classes", [False, True])
def test_ragged_equals_the_loop(method: str, with_classes: bool) -> None:
    boxes, scores = grid(300, 3)
    random = torch.Generator().manual_seed(1)
    images = torch.randint(0, 6, (300,), generator=random)
    images[images == 4] = 2  # one without boxes
    idxs = torch.randint(-3, 3, (300,), generator=random) * 10**15 if with_classes else None
    threshold = 0.4 if METHODS[method].has_threshold else None
    keep, num, *changed = ptdet.ragged_nms(
        boxes, scores, images, threshold, idxs, num_images=6, method=method, score_threshold=0.2, max_per_image=25
    )
    assert len(num) == 6 and int(num[4]) == 0 and int(num.sum()) == len(keep)
    for image, part in enumerate(keep.split(num.tolist())):
        rows = torch.nonzero(images == image)[:, 0]
        own_ids = torch.zeros(len(rows), dtype=torch.int64) if idxs is None else idxs[rows]
        alone = ptdet.ragged_nms(
            boxes[rows], scores[rows], rows * 0, threshold, own_ids, num_images=1, method=method, score_threshold=0.2
        )
        assert part.tolist() == rows[alone[0][:25]].tolist()
    assert [each.shape for each in changed] == CHANGED.get(method, lambda n: [])(len(keep))
    if method == "hard":
        group = images if idxs is None else images * 6 + idxs // 10**15 + 3
        everything = ptdet.batched_nms(boxes, scores, group, 0.4, score_threshold=0.2)
        of_image = [everything[images[everything] == image][:25] for image in range(6)]
        assert torch.equal(keep, torch.cat(of_image))


def test_ragged_empties() -> None:
    for images in (0, 3):
        none = torch.zeros(0, dtype=torch.int64)
        keep, num = ptdet.ragged_nms(torch.zeros(0, 4), torch.zeros(0), none, 0.5, num_images=images)
        assert keep.shape == (0,) and num.tolist() == [0] * images


GOOD: dict[str, Any] = {
    "boxes": torch.zeros(3, 4), "scores": torch.zeros(3), "images": torch.tensor([0, 1, 1]), "iou_threshold": 0.5,
    "num_images": 2,
}  # fmt: skip
BAD: dict[str, tuple[dict[str, Any], type[Exception], str]] = {
    "beyond": ({"images": torch.tensor([0, 2, 1])}, ValueError, "images"),
    "negative": ({"images": torch.tensor([0, -1, 1])}, ValueError, "images"),
    "floats": ({"images": torch.tensor([0.0, 1.0, 1.0])}, TypeError, "images"),
    "fewer": ({"images": torch.tensor([0, 1])}, ValueError, "images"),
    "list": ({"images": [0, 1, 1]}, TypeError, "images"),
    "no number": ({"num_images": None}, TypeError, "num_images"),
    "negative number": ({"num_images": -1}, ValueError, "num_images"),
    "boxes": ({"boxes": torch.zeros(3, 5)}, ValueError, "boxes"),
    "method": ({"method": "x"}, ValueError, "method"),
}


@pytest.mark.parametrize("name", BAD)
def test_ragged_bad_input(name: str) -> None:
    change, raises, fragment = BAD[name]
    with pytest.raises(raises, match=fragment):
        ptdet.ragged_nms(**{**GOOD, **change})


KEEP, GROUPS = torch.tensor([1, 0]), torch.tensor([0, 3])
WRONG: dict[str, tuple[Any, ...]] = {
    "keep beyond": (torch.tensor([2]), GROUPS, 2, 2, 3),
    "group beyond": (KEEP, torch.tensor([0, 4]), 2, 2, 3),
    "group negative": (KEEP, torch.tensor([0, -4]), 2, 2, 3),
    "no classes": (KEEP, GROUPS, 2, 0, 3),
    "keep of two dimensions": (KEEP[None], GROUPS, 2, 2, 3),
    "keep of int32": (KEEP.int(), GROUPS, 2, 2, 3),
    "negative images": (KEEP, GROUPS, -2, 2, 3),
    "negative slots": (KEEP, GROUPS, 2, 2, -3),
    "negative limit": (KEEP, GROUPS, 2, 2, 3, -1),
}


@pytest.mark.parametrize("name", WRONG)
def test_slots_called_directly(name: str, backend: str) -> None:
    with pytest.raises((RuntimeError, ValueError, TypeError)):
        torch.ops.ptdet.image_slots(*WRONG[name])


def test_onnxruntime_selects_the_same() -> None:
    onnxruntime = pytest.importorskip("onnxruntime")
    helper = pytest.importorskip("onnx.helper")
    batch, count, classes, most = 3, 200, 4, 15
    boxes = torch.stack([clustered(count, seed)[0] for seed in range(batch)])
    scores = torch.rand(batch, count, classes, generator=torch.Generator().manual_seed(2))
    kinds = {"boxes": (1, [batch, count, 4]), "scores": (1, [batch, classes, count]), "most": (7, [1])}
    kinds |= {"iou": (1, [1]), "score": (1, [1])}
    node = helper.make_node("NonMaxSuppression", list(kinds), ["selected"])
    graph = helper.make_graph(
        [node], "nms", [helper.make_tensor_value_info(name, *kind) for name, kind in kinds.items()],
        [helper.make_tensor_value_info("selected", 7, [None, 3])],
    )  # fmt: skip
    model = helper.make_model(graph, opset_imports=[helper.make_opsetid("", 11)], ir_version=8)
    session = onnxruntime.InferenceSession(model.SerializeToString(), providers=["CPUExecutionProvider"])
    for iou, limit in ((0.5, 0.3), (0.3, 0.0), (0.7, 0.6)):
        (selected,) = session.run(
            None,
            {
                "boxes": boxes.numpy(), "scores": scores.transpose(1, 2).contiguous().numpy(),
                "most": torch.tensor([most]).numpy(), "iou": torch.tensor([iou]).numpy(),
                "score": torch.tensor([limit]).numpy(),
            },
        )  # fmt: skip
        got = ptdet.combined_nms(boxes, scores, iou, score_threshold=limit, max_per_class=most)
        for image in range(batch):
            for label in range(classes):
                theirs = [int(row[2]) for row in selected if (int(row[0]), int(row[1])) == (image, label)]
                assert got.indices[image][got.labels[image] == label].tolist() == theirs


def test_memory_grows_with_the_candidates() -> None:
    """Of 8 x 20,000 x 80 scores 200 are above the threshold: the pass sees no other."""
    scores = torch.zeros(8, 20_000, 80)
    scores.view(-1)[:: scores.numel() // 200] = 0.9
    got = ptdet.combined_nms(torch.rand(8, 20_000, 4), scores, 0.5, score_threshold=0.5, max_per_image=100)
    assert 180 <= int(got.num.sum()) <= 202
    assert got.scores.max() == torch.tensor(0.9)
