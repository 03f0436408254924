"""Readers and writers of detections: every layout, every round trip, and what a broken file is told."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import numpy
import pytest
import torch

from ptdet.io import FileProblem, Predictions, ReadOptions, Space, parse_space, read_predictions, write_survivors

from ..detections import DATA, plain_nms_cases

CLASSES = 7


def truth(count: int = 40, seed: int = 0) -> tuple[torch.Tensor, torch.Tensor, torch.Tensor]:
    """Corners, objectness and class probabilities of boxes on a 640 pixel picture."""
    random = torch.Generator().manual_seed(seed)
    centres = torch.rand(count, 2, generator=random) * 600 + 20
    half = torch.rand(count, 2, generator=random) * 30 + 2
    boxes = torch.cat([centres - half, centres + half], 1)
    return boxes, torch.rand(count, generator=random), torch.rand(count, CLASSES, generator=random)


def rows(boxes: torch.Tensor, *columns: torch.Tensor) -> torch.Tensor:
    """cx, cy, w, h and the columns."""
    centres, sizes = (boxes[:, :2] + boxes[:, 2:]) / 2, boxes[:, 2:] - boxes[:, :2]
    return torch.cat([centres, sizes, *columns], 1)


def write(path: Path, tensor: Any) -> Path:
    if path.suffix == ".npy":
        numpy.save(path, tensor.numpy())
    elif path.suffix == ".npz":
        numpy.savez(path, pred=tensor.numpy())
    else:
        torch.save(tensor, path)
    return path


def same(found: Predictions, boxes: torch.Tensor, scores: torch.Tensor, labels: torch.Tensor | None) -> None:
    every = found.candidates(-1.0)
    torch.testing.assert_close(torch.from_numpy(every.boxes), boxes, rtol=0, atol=2e-4)
    torch.testing.assert_close(torch.from_numpy(every.scores), scores)
    assert (every.labels is None) == (labels is None)
    assert every.labels is None or labels is None or every.labels.tolist() == labels.tolist()


@pytest.mark.parametrize("suffix", [".npy", ".npz", ".pt"])
@pytest.mark.parametrize("batch", [0, 1, 3])
@pytest.mark.parametrize("layout", ["detections", "yolov5", "yolov8", "yolov8-rows"])
def test_tensors(tmp_path: Path, suffix: str, batch: int, layout: str) -> None:
    """What a layout writes is read back, alone (0) or in a batch; heads in rows need their name or their classes."""
    pictures, expected = [], []
    for seed in range(max(batch, 1)):
        boxes, objectness, classes = truth(seed=seed)
        best, labels = classes.max(1)
        if layout == "detections":
            pictures.append(torch.cat([boxes, best[:, None], labels[:, None].float()], 1))
        elif layout == "yolov5":
            pictures.append(rows(boxes, objectness[:, None], classes))
            best = objectness * best
        else:
            pictures.append(rows(boxes, classes) if layout == "yolov8-rows" else rows(boxes, classes).T.contiguous())
        expected.append((boxes, best, labels))
    path = write(tmp_path / f"x{suffix}", torch.stack(pictures) if batch else pictures[0])
    count = CLASSES if layout in ("yolov5", "yolov8-rows") else None
    for options in (ReadOptions(layout=layout), ReadOptions(num_classes=count)):
        found = read_predictions(path, options)
        assert len(found) == max(batch, 1)
        for one, (boxes, scores, labels) in zip(found, expected, strict=True):
            same(one, boxes, scores, labels)


def test_class_names_tell_the_layouts_apart(tmp_path: Path) -> None:
    boxes, _, classes = truth()
    path = write(tmp_path / "x.npy", rows(boxes, classes))
    names = tuple("abcdefg")
    same(read_predictions(path, ReadOptions(classes=names))[0], boxes, *classes.max(1))


@pytest.mark.parametrize("kind", ["classes", "all"])
def test_logits(tmp_path: Path, kind: str) -> None:
    boxes, objectness, classes = truth()
    said = objectness.logit() if kind == "all" else objectness
    path = write(tmp_path / "x.npy", rows(boxes, said[:, None], classes.logit()))
    best, labels = classes.max(1)
    same(read_predictions(path, ReadOptions("yolov5", kind))[0], boxes, objectness * best, labels)
    with pytest.raises(FileProblem, match="--logits"):
        read_predictions(path)


def test_torchvision_and_yolo_heads(tmp_path: Path) -> None:
    """A list of dicts, and a tuple whose first is the prediction."""
    boxes, objectness, classes = truth()
    scores, labels = classes.max(1)
    torch.save([{"boxes": boxes, "scores": scores, "labels": labels}] * 2, tmp_path / "list.pt")
    found = read_predictions(tmp_path / "list.pt")
    assert [one.name for one in found] == ["list_0", "list_1"]
    same(found[1], boxes, scores, labels)
    torch.save((rows(boxes, objectness[:, None], classes)[None], [torch.zeros(1)]), tmp_path / "head.pt")
    (one,) = read_predictions(tmp_path / "head.pt", ReadOptions("yolov5"))
    same(one, boxes, objectness * scores, labels)
    assert one.notes == ("not used: array 1 a list of 1",)


def test_half_precision_is_multiplied_in_float32(tmp_path: Path) -> None:
    boxes, objectness, classes = truth()
    path = write(tmp_path / "x.pt", rows(boxes, objectness[:, None], classes).half())
    best = classes.half().float().max(1).values
    found = read_predictions(path, ReadOptions("yolov5"))[0].candidates(-1.0)
    assert found.scores.dtype == numpy.float32
    assert numpy.array_equal(found.scores, (objectness.half().float() * best).numpy())


@pytest.mark.parametrize("case", plain_nms_cases(), ids=lambda case: case.name)
def test_real_files_give_the_candidates_of_the_tests(case: Any) -> None:
    """The reader finds the boxes and scores that tests/detections.py builds from the same file by the peer's rule."""
    folder, stem, expectation = case.name.split("/")
    found = read_predictions(DATA / folder / f"raw_{stem}.npz")[0].candidates(
        0.0, multi_label=folder.startswith("pico")
    )
    stored = {pair: place for place, pair in enumerate(pairs(found.rows, found.labels, folder))}
    places = [stored[pair] for pair in pairs(case.rows, case.labels, folder)]
    assert numpy.array_equal(found.boxes[places], case.boxes)
    assert numpy.array_equal(found.scores[places], case.scores)
    if case.labels is not None and found.labels is not None:
        assert found.labels[places].tolist() == list(case.labels)


def pairs(index: Any, labels: Any, folder: str) -> list[tuple[int, int]]:
    only_rows = not folder.startswith("pico") or labels is None
    return [(int(row), 0 if only_rows else int(labels[place])) for place, row in enumerate(index)]


def test_every_data_file_is_read() -> None:
    shapes = {DATA / "icdar2015/quads.npz", DATA / "coco_shapes/polygons.npz"}  # which hold no predictions
    images = {path: len(read_predictions(path)) for path in sorted({*DATA.rglob("*.npz")} - shapes)}
    assert len(images) == 22
    assert {count for path, count in images.items() if path.parent.name != "coco_map"} == {1}
    assert images[DATA / "coco_map/yolox_nano_candidates.npz"] == 64


@pytest.mark.parametrize("suffix", [".npz", ".json"])
def test_round_trip_of_survivors(tmp_path: Path, suffix: str) -> None:
    """What is written is read back: boxes, scores, labels, ids; to the last digit in .npz."""
    found = read_predictions(DATA / "coco_map/yolox_nano_candidates.npz")[:3]
    kept = [(one, one.in_picture(one.candidates(0.3))) for one in found]
    write_survivors(tmp_path / f"out{suffix}", kept)
    again = read_predictions(tmp_path / f"out{suffix}")
    assert [one.image_id for one in again] == [one.image_id for one in found]
    for (of, before), after in zip(kept, again, strict=True):
        labels = before.labels
        assert labels is not None and after.labels is not None
        expected = numpy.array(of.category_ids)[labels] if suffix == ".json" else labels
        assert numpy.array_equal(after.labels, expected)
        assert numpy.array_equal(after.scores, before.scores)
        numpy.testing.assert_allclose(after.boxes, before.boxes, rtol=0, atol=0 if suffix == ".npz" else 1e-4)


def test_coco_results_come_back_as_they_were(tmp_path: Path) -> None:
    records = [
        {"image_id": 7, "category_id": 3, "bbox": [0.1, 0.2, 10.3, 20.7], "score": 0.123456789012, "segmentation": "x"},
        {"image_id": "a", "category_id": 90, "bbox": [1, 2, 3, 4], "score": 0.5},
    ]
    (tmp_path / "in.json").write_text(json.dumps(records))
    found = read_predictions(tmp_path / "in.json")
    write_survivors(tmp_path / "out.json", [(one, one.candidates(0.0)) for one in found])
    assert json.loads((tmp_path / "out.json").read_text()) == records


@pytest.mark.parametrize("suffix", [".npz", ".json"])
def test_nothing_survives(tmp_path: Path, suffix: str) -> None:
    for found in ([], [(one, one.candidates(2.0)) for one in read_predictions(DATA / "variants/wbf_1000.npz")]):
        write_survivors(tmp_path / f"out{suffix}", found)
        assert sum(len(one.boxes) for one in read_predictions(tmp_path / f"out{suffix}")) == 0


def test_rows_that_are_not_finite_are_no_candidates() -> None:
    boxes, objectness, classes = (each.numpy() for each in truth(4))
    boxes[0, 2], classes[1], objectness[2] = float("nan"), float("inf"), float("nan")
    one = Predictions("x", "x", boxes, classes, objectness=objectness)
    assert one.candidates(-1.0).rows.tolist() == [3]
    assert set(one.candidates(-1.0, multi_label=True).rows.tolist()) == {3}


@pytest.mark.parametrize(
    ("text", "expected"),
    [
        ("picture", [64, 32, 128, 64]),
        ("normalised", [64 * 200, 32 * 100, 128 * 200, 64 * 100]),
        ("400x400", [32, 8, 64, 16]),
        ("letterbox:400x400", [32, -34, 64, -18]),  # half size is 400x200, 100 above and below
        ("ratio:2", [32, 16, 64, 32]),
    ],
)
def test_spaces(text: str, expected: list[float]) -> None:
    boxes = numpy.array([[64.0, 32.0, 128.0, 64.0]])
    assert parse_space(text).to_picture(boxes, (200, 100)).tolist() == [expected]


@pytest.mark.parametrize(
    "text", ["", "0x5", "640", "letterbox", "letterbox:4x", "ratio:0", "ratio:-1", "-3x4", "1x1x1"]
)
def test_no_space(text: str) -> None:
    with pytest.raises(ValueError, match="letterbox"):
        parse_space(text)


def test_the_space_of_the_real_files() -> None:
    spaces = {
        "yolox_nano_coco/raw_000000000885": Space("ratio", ratio=0.65),
        "yolo_fastestv2_coco/raw_000000000785": Space("stretched", (352, 352)),
        "ultraface_rfb320/raw_img11": Space("normalised"),
        "picodet_layout_doc/raw_layout": Space("stretched", (608, 800)),
        "yolox_nano_sliced/raw_small_vehicles1": Space(),
    }
    for name, space in spaces.items():
        assert read_predictions(DATA / f"{name}.npz")[0].space == space
