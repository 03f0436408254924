"""What each family of detectors, exporters and runtimes writes, in a few boxes whose numbers are known by hand."""

from __future__ import annotations

import math
from pathlib import Path
from typing import Any

import numpy
import pytest
import torch

import ptdet
from ptdet import cli
from ptdet.io import BOX_FORMS, LAYOUTS, FileProblem, Predictions, ReadOptions, Space, read_predictions

# Two boxes as corners, as centres and sizes, and normalised to a picture of 256x128; their scores and classes.
CORNERS = [[10.0, 20.0, 50.0, 80.0], [104.0, 24.0, 184.0, 64.0]]
CENTRES = [[30.0, 50.0, 40.0, 60.0], [144.0, 44.0, 80.0, 40.0]]
SCORES, LABELS = [0.875, 0.75], [3, 7]
ONE_HOT = [[0.875 * (place == 3) for place in range(9)], [0.75 * (place == 7) for place in range(9)]]


def floats(values: Any) -> torch.Tensor:
    return torch.tensor(values, dtype=torch.float32)


def beside(*columns: Any) -> torch.Tensor:
    """The columns as the rows of one tensor."""
    return torch.cat([floats(each).reshape(2, -1) for each in columns], 1)


BOXES, S, L = floats(CORNERS), floats(SCORES), torch.tensor(LABELS)
DETECTIONS = beside(CORNERS, SCORES, LABELS)
PADDED = torch.cat([DETECTIONS, torch.zeros(98, 6)])
MASKS = torch.arange(64.0).reshape(2, 32) - 30
CALLED = ("a", "b", "c", "cat", "e", "f", "g", "dog")


def write(path: Path, content: Any) -> Path:
    if path.suffix == ".pt":
        torch.save(content, path)
    elif path.suffix == ".npy":
        numpy.save(path, numpy.asarray(content))
    else:
        numpy.savez(path, **{name: numpy.asarray(value) for name, value in content.items()})
    return path


def holds_both(one: Predictions, confidence: float = 0.5) -> None:
    """Exactly the two boxes, in any stored order."""
    found = one.candidates(confidence)
    order = found.by_score()
    assert found.boxes[order].tolist() == CORNERS
    assert found.scores[order].tolist() == SCORES
    assert found.labels is not None and found.labels[order].tolist() == LABELS


@pytest.mark.parametrize("dtype", [torch.bfloat16, torch.float8_e5m2, torch.float8_e4m3fn], ids=str)
def test_types_that_numpy_lacks(tmp_path: Path, dtype: torch.dtype) -> None:
    """Each of their numbers is one of float32; half precision stays as it is."""
    more = {"scores": S.to(dtype), "feature": MASKS[:, :3].to(dtype), "half": MASKS[:, :3].half()}
    (one,) = read_predictions(write(tmp_path / "x.pt", {"boxes": BOXES.to(dtype), "labels": L, **more}))
    found = one.candidates(0.5)
    assert found.boxes.tolist() == BOXES.to(dtype).tolist() and found.scores.tolist() == S.to(dtype).tolist()
    assert (found.boxes.dtype, found.extra["feature"].dtype, found.extra["half"].dtype) == (
        *(numpy.float32, numpy.float32, numpy.float16),
    )
    assert found.extra["feature"].tolist() == more["feature"].tolist()


NAMES = [
    "labels", "classes", "class_ids", "class_id", "cls", "category_id", "category_ids", "pred_classes", "Labels",
    "class-ids", "detection_classes:0",
]  # fmt: skip


@pytest.mark.parametrize("suffix", [".npz", ".pt"])
@pytest.mark.parametrize("name", NAMES)
def test_labels_by_any_name(tmp_path: Path, name: str, suffix: str) -> None:
    path = write(tmp_path / f"x{suffix}", {"boxes": BOXES, "scores": S, name: L})
    (one,) = read_predictions(path)
    holds_both(one)
    assert one.notes == () and one.extra == {}


KINDS = {
    "float": L.float(),
    "double": L.double(),
    "half": L.half(),
    "uint8": L.to(torch.uint8),
    "column": L[:, None],
    "batch": L[None],
    "list": LABELS,
}


@pytest.mark.parametrize("kind", KINDS)
def test_labels_of_any_type(tmp_path: Path, kind: str) -> None:
    holds_both(read_predictions(write(tmp_path / "x.pt", {"boxes": BOXES, "scores": S, "labels": KINDS[kind]}))[0])


def test_labels_in_words(tmp_path: Path) -> None:
    path = write(tmp_path / "x.npz", {"boxes": BOXES, "scores": S, "labels": ["cat", "dog"]})
    holds_both(read_predictions(path, ReadOptions(classes=CALLED))[0])
    (one,) = read_predictions(path)
    assert one.labels is not None and one.labels.tolist() == [0, 1] and one.classes == ("cat", "dog")
    assert "cat, dog; --classes" in one.notes[0]
    with pytest.raises(FileProblem, match="cat, dog is none of the classes a, b"):
        read_predictions(path, ReadOptions(classes=("a", "b")))


def test_names_of_classes_are_no_labels(tmp_path: Path) -> None:
    path = write(tmp_path / "x.npz", {"boxes": BOXES, "scores": S, "class_ids": L, "classes": CALLED})
    holds_both(read_predictions(path)[0])
    assert read_predictions(path)[0].classes == CALLED


# What a family of files holds: container and content, options. All give the two boxes in one picture.
FORMS: dict[str, tuple[str, Any, ReadOptions]] = {
    "torchvision": (".pt", [{"boxes": BOXES, "labels": L, "scores": S}], ReadOptions()),
    "ultralytics data": (".npy", DETECTIONS, ReadOptions()),
    "ultralytics attributes": (".npz", {"xyxy": BOXES, "conf": S, "cls": L.float()}, ReadOptions()),
    "ultralytics tracks": (".npy", beside(CORNERS, [1, 12], SCORES, LABELS), ReadOptions()),
    "mmdeploy": (".npz", {"dets": beside(CORNERS, SCORES)[None], "labels": L[None]}, ReadOptions()),
    "pred and labels": (".npz", {"pred": beside(CORNERS, SCORES), "labels": L}, ReadOptions()),
    "mmdet 3": (".pt", {"bboxes": BOXES, "scores": S, "labels": L}, ReadOptions()),
    "mmdet 2": (
        ".pt",
        [[beside(CORNERS, SCORES)[LABELS.index(n) :][:1] if n in LABELS else torch.zeros(0, 5) for n in range(9)]],
        ReadOptions(),
    ),
    "detectron2": (".pt", {"instances": {"pred_boxes": BOXES, "scores": S, "pred_classes": L}}, ReadOptions()),
    "detectron2, with its picture": (
        ".pt", {"image_id": 7, "instances": {"pred_boxes": BOXES, "scores": S, "pred_classes": L}}, ReadOptions(),
    ),
    "detectron2, instances_predictions": (
        ".pt",
        [{"image_id": 7, "instances": [
            {"image_id": 7, "category_id": label, "bbox": [x1, y1, x2 - x1, y2 - y1], "score": score}
            for (x1, y1, x2, y2), label, score in zip(CORNERS, LABELS, SCORES, strict=True)
        ]}],
        ReadOptions(),
    ),
    "YOLO-NAS": (".pt", (BOXES[None], floats(ONE_HOT)[None]), ReadOptions()),
    "YOLO-NAS, scores first": (".pt", [floats(ONE_HOT)[None], BOXES[None]], ReadOptions()),
    "ONNX names": (".npz", {"904": BOXES[None], "913": floats(ONE_HOT)[None]}, ReadOptions()),
    "ONNX NMS input": (".npz", {"boxes": BOXES[None], "scores": floats(ONE_HOT).T[None]}, ReadOptions()),
    "RT-DETR": (".npz", {"labels": L[None], "boxes": BOXES[None], "scores": S[None]}, ReadOptions()),
    "torchvision ONNX": (".pt", [BOXES, L, S], ReadOptions()),
    "positional npz": (".npz", {"arr_0": BOXES, "arr_1": S, "arr_2": L.float()}, ReadOptions()),
    "EfficientNMS": (
        ".npz",
        {"num_dets": [[2]], "det_boxes": PADDED[None, :, :4], "det_scores": PADDED[None, :, 4],
         "det_classes": PADDED[None, :, 5].int()},
        ReadOptions(),
    ),
    "EfficientNMS, no names": (
        ".pt",
        [torch.tensor([[2]], dtype=torch.int32), PADDED[None, :, :4], PADDED[None, :, 4], PADDED[None, :, 5].int()],
        ReadOptions(),
    ),
    "TensorFlow": (
        ".npz",
        {"detection_boxes": PADDED[None][..., [1, 0, 3, 2]], "detection_scores": PADDED[None, :, 4],
         "detection_classes": PADDED[None, :, 5], "num_detections": floats([2])},
        ReadOptions(boxes="yxyx"),
    ),
    "COCO boxes": (
        ".npz", {"boxes": [[10.0, 20.0, 40.0, 60.0], [104.0, 24.0, 80.0, 40.0]], "scores": S, "labels": L},
        ReadOptions(boxes="xywh"),
    ),
    "PaddleDetection": (".npy", beside(LABELS, SCORES, CORNERS), ReadOptions()),
    "PaddleDetection, counted": (
        ".npz", {"bbox": beside(LABELS, SCORES, CORNERS), "bbox_num": torch.tensor([2])}, ReadOptions(),
    ),
    "OpenVINO": (
        ".npy", torch.cat([beside([0, 0], LABELS, SCORES, CORNERS), floats([[-1, 0, 0, 0, 0, 0, 0]])])[None, None],
        ReadOptions(),
    ),
    "YOLOv7 end to end": (".npy", beside([0, 0], CORNERS, LABELS, SCORES), ReadOptions()),
    "YOLOX": (".pt", [beside(CORNERS, [0.875, 1], [1, 0.75], LABELS)], ReadOptions()),
    "masks, 300": (".npy", torch.cat([torch.cat([DETECTIONS, MASKS], 1), torch.zeros(298, 38)])[None], ReadOptions()),
    "masks, 100": (".npy", torch.cat([torch.cat([DETECTIONS, MASKS], 1), -torch.ones(98, 38)])[None], ReadOptions()),
    "poses": (
        ".npy", torch.cat([torch.cat([DETECTIONS, MASKS, MASKS[:, :19]], 1), torch.zeros(298, 57)])[None],
        ReadOptions(num_classes=9),
    ),
}  # fmt: skip
ANGLES = [1.5, -0.5]
ROTATED = beside(CENTRES, ANGLES)
ONE_HEAD = torch.cat([beside(CENTRES, ONE_HOT, ANGLES), torch.zeros(398, 14) + 0.125])
ROTATED_FORMS: dict[str, tuple[str, Any, ReadOptions]] = {
    "ultralytics, exported with NMS": (
        ".npy", torch.cat([beside(CENTRES, SCORES, LABELS, ANGLES), torch.zeros(298, 7)])[None], ReadOptions(),
    ),
    "ultralytics, obb.data": (".npy", beside(CENTRES, ANGLES, SCORES, LABELS), ReadOptions("oriented-results")),
    "ultralytics, a head": (".npy", ONE_HEAD.T[None], ReadOptions("oriented-head")),
    "ultralytics, a head of known classes": (".pt", ONE_HEAD.T[None], ReadOptions("oriented-head", num_classes=9)),
    "by a flag": (".npz", {"boxes": ROTATED, "scores": S, "labels": L}, ReadOptions(boxes="cxcywhr")),
    "by a flag, a batch": (
        ".pt", {"boxes": ROTATED[None], "scores": S[None], "labels": L[None]}, ReadOptions(boxes="cxcywhr"),
    ),
    "by its name": (".npz", {"cxcywhr": ROTATED, "scores": S, "labels": L}, ReadOptions()),
    "as ptdet writes it": (
        ".npz", {"boxes": ROTATED, "scores": S, "labels": L, "meta_json": '{"boxes": "cxcywhr"}'}, ReadOptions(),
    ),
}  # fmt: skip


@pytest.mark.parametrize("form", ROTATED_FORMS)
def test_rotated_boxes(tmp_path: Path, form: str) -> None:
    suffix, content, options = ROTATED_FORMS[form]
    (one,) = read_predictions(write(tmp_path / f"x{suffix}", content), options)
    found = one.candidates(0.5)
    order = found.by_score()
    assert found.rotated and found.boxes[order].tolist() == ROTATED.tolist()
    assert found.scores[order].tolist() == SCORES and found.labels is not None
    assert found.labels[order].tolist() == LABELS and "angle" not in found.extra


def test_rotated_boxes_are_never_a_guess(tmp_path: Path) -> None:
    path = write(tmp_path / "x.npz", {"boxes": ROTATED, "scores": S, "labels": L})
    with pytest.raises(FileProblem, match=r"boxes: expected shape \(N, 4\), got \(2, 5\): .* say --boxes cxcywhr"):
        read_predictions(path)
    with pytest.raises(FileProblem, match=r"boxes: expected shape \(N, 8\) or \(B, N, 8\) for xyxyxyxy"):
        read_predictions(path, ReadOptions(boxes="xyxyxyxy"))
    with pytest.raises(FileProblem, match="has boxes and no scores"):
        read_predictions(write(tmp_path / "y.npz", {"boxes": ROTATED, "labels": L}), ReadOptions(boxes="cxcywhr"))
    upright = write(tmp_path / "z.npz", {"boxes": BOXES, "scores": S, "labels": L})
    with pytest.raises(FileProblem, match=r"boxes: expected shape \(N, 5\) or \(B, N, 5\) for cxcywhr, got \(2, 4\)"):
        read_predictions(upright, ReadOptions(boxes="cxcywhr"))


def test_quads(tmp_path: Path) -> None:
    """Four corners stand for the smallest rectangle around them, whatever their order."""
    quads = floats([[[0, 0], [4, 0], [4, 2], [0, 2]], [[10, 10], [10, 14], [12, 10], [12, 14]]])
    for shape in ((2, 4, 2), (2, 8), (1, 2, 8)):
        content = {"xyxyxyxy": quads.reshape(shape), "scores": S if len(shape) == 2 or shape[0] == 2 else S[None]}
        (one,) = read_predictions(write(tmp_path / "x.npz", content))
        assert one.boxes.tolist() == [[2, 1, 4, 2, 0], [11, 12, 2, 4, 0]]


@pytest.mark.parametrize("form", FORMS)
def test_what_they_write(tmp_path: Path, form: str) -> None:
    suffix, content, options = FORMS[form]
    (one,) = read_predictions(write(tmp_path / f"x{suffix}", content), options)
    holds_both(one)


def head(boxes: int, *columns: torch.Tensor) -> torch.Tensor:
    """Rows of a head: the two boxes first, background after."""
    rows = torch.cat([floats(CENTRES), *columns], 1)
    background = torch.cat([torch.full((1, 4), 99.0), torch.full((1, rows.shape[1] - 4), 0.01)], 1)
    return torch.cat([rows, background.repeat(boxes - 2, 1)])


@pytest.mark.parametrize(
    ("layout", "rows"),
    [
        ("yolov8", head(8400, floats(ONE_HOT), MASKS).T),
        ("yolov8-rows", head(8400, floats(ONE_HOT), MASKS)),
        ("yolov5", head(8400, floats([[1], [1]]), floats(ONE_HOT), MASKS)),
        ("yolov5-columns", head(8400, floats([[1], [1]]), floats(ONE_HOT), MASKS).T),
    ],
)
def test_heads_with_more_than_classes(tmp_path: Path, layout: str, rows: torch.Tensor) -> None:
    """A segmentation head: boxes and classes are taken, the coefficients come along."""
    path = write(tmp_path / "x.npy", rows[None])
    named = layout if layout in ("yolov5", "yolov8-rows", "yolov5-columns") else None
    for options in (ReadOptions(named, num_classes=9), ReadOptions(named, classes=(*CALLED, "i"))):
        (one,) = read_predictions(path, options)
        holds_both(one)
        assert one.candidates(0.5).extra["extra"].tolist() == MASKS.tolist()
        assert one.notes == (f"read as {layout}; carried along into .npz: extra (32,) a box",)


def test_a_head_with_more_than_classes_asks_for_their_number(tmp_path: Path) -> None:
    """What was advised before, --logits classes, gave thousands of classes that there are not."""
    path = write(tmp_path / "x.npy", head(8400, floats(ONE_HOT), MASKS.repeat(4200, 1)[:2]).T[None])
    rows = head(8400, floats(ONE_HOT), MASKS)
    rows[:, 13:] = torch.randn(8400, 32, generator=torch.Generator().manual_seed(0))
    path = write(tmp_path / "x.npy", rows.T[None])
    for options in (ReadOptions(), ReadOptions(logits="classes"), ReadOptions("yolov8", "classes")):
        with pytest.raises(FileProblem, match="columns 4 to 12 .*the 32 after do not.*say --num-classes .9, or 8"):
            read_predictions(path, options)
    holds_both(read_predictions(path, ReadOptions(num_classes=9))[0])


def test_poses_of_one_class(tmp_path: Path) -> None:
    rows = head(8400, floats([[0.875], [0.75]]), torch.full((2, 51), 30.0)).T[None]
    rows[:, 5:] = 30
    path = write(tmp_path / "x.npy", rows)
    with pytest.raises(FileProblem, match="column 4 lies in 0..1 and the 51 after do not.*say --num-classes 1"):
        read_predictions(path)
    (one,) = read_predictions(path, ReadOptions(num_classes=1))
    found = one.candidates(0.5)
    assert found.boxes.tolist() == CORNERS and found.scores.tolist() == SCORES and found.labels.tolist() == [0, 0]
    assert found.extra["extra"].shape == (2, 51) and bool((found.extra["extra"] == 30).all())


@pytest.mark.parametrize("layout", [None, "yolov8"])
def test_classes_without_a_name(tmp_path: Path, layout: str | None) -> None:
    """Two names for nine classes: the other seven are not lost as if they were mask coefficients."""
    path = write(tmp_path / "x.npy", head(8400, floats(ONE_HOT)).T[None])
    with pytest.raises(
        FileProblem, match="2 classes have names, and the 7 numbers .* name all 9, .*--num-classes 2 as"
    ):
        read_predictions(path, ReadOptions(layout, classes=("a", "b")))
    (one,) = read_predictions(path, ReadOptions(layout, classes=("a", "b"), num_classes=2))
    assert one.scores.shape == (8400, 2) and one.extra["extra"].shape == (8400, 7)
    holds_both(read_predictions(path, ReadOptions(layout, classes=(*CALLED, "i")))[0])


def test_logits_of_classes_without_a_name(tmp_path: Path) -> None:
    """Values do not tell them from mask coefficients: their number does, as far as it is that of usual heads."""
    rows = head(8400, floats(ONE_HOT), MASKS)
    rows[:, 4:] -= 0.5
    path = write(tmp_path / "x.npy", rows.T[None])
    with pytest.raises(FileProblem, match="2 classes have names, and the 39 numbers"):
        read_predictions(path, ReadOptions(logits="classes", classes=("a", "b")))
    (one,) = read_predictions(path, ReadOptions(logits="classes", classes=(*CALLED, "i")))
    assert one.scores.shape == (8400, 9) and one.extra["extra"].shape == (8400, 32)


@pytest.mark.parametrize("shares", [False, True], ids=["pixels", "shares"])
def test_a_layout_across_the_boxes(tmp_path: Path, shares: bool) -> None:
    """(1, 13, 8400) as yolov5 would be 13 boxes of thousands of classes, or of 8,386 numbers that are carried along."""
    rows = head(8400, floats(ONE_HOT))
    rows[:, :4] /= 256 if shares else 1
    path = write(tmp_path / "x.npy", rows.T[None])
    for options in (
        ReadOptions("yolov5"), ReadOptions("yolov5", num_classes=9), ReadOptions("yolov5", classes=CALLED),
        ReadOptions("yolov8-rows"), ReadOptions("yolov8-rows", num_classes=9),
    ):  # fmt: skip
        with pytest.raises(FileProblem, match="13 boxes of 8400 numbers each.* say --layout yolov5-columns or yolov8"):
            read_predictions(path, options)
    path = write(tmp_path / "y.npy", rows[None])
    with pytest.raises(FileProblem, match="13 boxes of 8400 numbers.* say --layout yolov5 or yolov8-rows; if not, say"):
        read_predictions(path, ReadOptions("yolov8"))
    with pytest.raises(FileProblem, match="13 boxes of 8400 numbers.* say --layout yolov5 or yolov8-rows$"):
        read_predictions(path, ReadOptions("yolov8", num_classes=9))


def test_a_layout_across_boxes_that_are_not_many(tmp_path: Path) -> None:
    """(1, 89, 300): the shape allows both; four rows of coordinates, which cannot be probabilities, tell."""
    rows = head(300, floats([[0.5], [0.5]]), torch.zeros(2, 84))
    rows[:, :4] = torch.arange(1.0, 301)[:, None]
    path = write(tmp_path / "x.npy", rows.T[None])
    with pytest.raises(FileProblem, match="89 boxes of 300 numbers each.* say --layout yolov5-columns or yolov8"):
        read_predictions(path, ReadOptions("yolov5"))


def test_few_boxes_of_many_classes(tmp_path: Path) -> None:
    """Three boxes of 600 classes are read as they are asked for, once their number is said."""
    rows = torch.zeros(1, 3, 604)
    rows[0, :, :4], rows[0, :, 603] = 50, 0.5
    path = write(tmp_path / "x.npy", rows)
    with pytest.raises(FileProblem, match="3 boxes of 604 numbers.*; if not, say --num-classes 600"):
        read_predictions(path, ReadOptions("yolov8-rows"))
    (one,) = read_predictions(path, ReadOptions("yolov8-rows", num_classes=600))
    assert one.candidates(0.25).labels.tolist() == [599] * 3  # type: ignore[union-attr]


def test_an_angle_is_no_class(tmp_path: Path) -> None:
    """An oriented head: the angle of its background is .785, which might be a probability."""
    rows = head(8400, floats(ONE_HOT), floats([[0.5], [0.25]]))
    rows[2:, 13] = 0.785
    path = write(tmp_path / "x.npy", rows.T[None])
    with pytest.raises(FileProblem, match="fits yolov5-columns and yolov8 and oriented-head"):
        read_predictions(path, ReadOptions(num_classes=9))
    (one,) = read_predictions(path, ReadOptions("yolov8", num_classes=9))
    holds_both(one)
    assert one.candidates(0.5).extra["extra"].tolist() == [[0.5], [0.25]]
    rows[2:, 13] = -0.785
    path = write(tmp_path / "y.npy", rows.T[None])
    with pytest.raises(FileProblem, match="fits yolov8 and oriented-head; say --layout"):
        read_predictions(path, ReadOptions(num_classes=9))
    (one,) = read_predictions(path, ReadOptions("oriented-head"))
    assert one.candidates(0.5).boxes.tolist() == beside(CENTRES, [0.5, 0.25]).tolist()


def spread_detections(classes: int = 2) -> torch.Tensor:
    """(1, 300, 6) boxes of 5x5 pixels, far from each other, scores from .5 up, classes in turn."""
    place = torch.arange(300.0)
    corners = torch.stack([place % 20 * 30, place // 20 * 30], 1)
    return torch.cat([corners, corners + 5, 0.5 + place[:, None] / 1000, (place % classes)[:, None]], 1)[None]


ODD = {
    "inverted": (slice(0, 4), [50.0, 50.0, 10.0, 10.0], "corners out of order"),
    "rounded": (slice(0, 4), [5.001, 20.0, 5.0, 30.0], "corners out of order"),
    "NaN": (slice(2, 3), [math.nan], "NaN or infinity"),
    "infinite": (slice(4, 5), [math.inf], "NaN or infinity"),
    "half a class": (slice(5, 6), [0.5], "no whole class number"),
    "a score of 7": (slice(4, 5), [7.0], "a score outside 0..1"),
}


@pytest.mark.parametrize("layout", [None, "detections"])
@pytest.mark.parametrize("kind", ODD)
def test_one_odd_row_does_not_change_the_layout(tmp_path: Path, kind: str, layout: str | None) -> None:
    """It is left out and named; all others are as they were."""
    places, values, why = ODD[kind]
    rows = spread_detections()
    rows[0, 17, places] = floats(values)
    (one,) = read_predictions(write(tmp_path / "x.npy", rows), ReadOptions(layout))
    found = one.candidates(0.1)
    expected = torch.cat([rows[0, :17], rows[0, 18:]])
    assert found.labels is not None
    for column, values in ((slice(4), found.boxes), (4, found.scores), (5, found.labels)):
        assert values.tolist() == expected[:, column].tolist()
    assert found.rows.tolist() == [*range(17), *range(18, 300)]
    assert one.notes[0].startswith("1 of 300 rows are left out: ") and f"{why} in 17 (row)" in one.notes[0]


def test_many_odd_rows_are_asked_about(tmp_path: Path) -> None:
    """Neither taken for a head with one class nor dropped in silence."""
    rows = spread_detections()
    rows[0, ::5, :4] = rows[0, ::5][:, [2, 3, 0, 1]]
    path = write(tmp_path / "x.npy", rows)
    with pytest.raises(FileProblem, match="detections but for 60 of 300 rows with corners out of order.*say --layout"):
        read_predictions(path)
    (one,) = read_predictions(path, ReadOptions("detections"))
    assert len(one.candidates(0.1)) == 240 and "60 of 300 rows" in one.notes[0]
    assert "0, 5, 10, 15, 20 and 55 more (row)" in one.notes[0]


@pytest.mark.parametrize("odd", ["corners", "class"])
def test_a_single_odd_row_is_asked_about(tmp_path: Path, odd: str) -> None:
    row = [50.0, 50.0, 10.0, 10.0, 0.9, 1.0] if odd == "corners" else [10.0, 10.0, 50.0, 50.0, 0.9, 0.5]
    with pytest.raises(FileProblem, match="say --layout"):
        read_predictions(write(tmp_path / "x.npy", floats([row])))


@pytest.mark.parametrize("filling", [[0.0] * 6, [-1.0] * 6, [0.0, 0.0, 0.0, 0.0, 0.0, -1.0], [3.0, 4, 2, 1, -1.0, -1]])
def test_padding_is_no_box_and_no_odd_row(tmp_path: Path, filling: list[float]) -> None:
    path = write(tmp_path / "x.npy", torch.cat([DETECTIONS, floats([filling] * 298)])[None])
    (one,) = read_predictions(path)
    holds_both(one, -2.0)
    assert one.padding == 298 and one.notes == ()


def test_what_combined_nms_returns_is_read(tmp_path: Path) -> None:
    """Its own padding: scores 0, labels -1."""
    boxes = torch.stack([BOXES, BOXES + 200])
    found = ptdet.combined_nms(boxes, floats([ONE_HOT, ONE_HOT]), 0.5, score_threshold=0.5, max_per_image=6)
    read = read_predictions(write(tmp_path / "x.npz", found._asdict()))
    assert [one.padding for one in read] == [4, 4]
    holds_both(read[0], -2.0)
    assert read[1].candidates(-2.0).boxes.tolist() == (BOXES + 200).tolist()


def test_lists_of_pictures_and_batches(tmp_path: Path) -> None:
    one, other = head(400, floats(ONE_HOT)).T[None], head(400, floats(ONE_HOT)).T[None]
    other[0, 4:] /= 2
    for content, best in (
        ([one, other], [0.875, 0.4375]),
        ([torch.cat([one, other]), torch.cat([other, one]), one], [0.875, 0.4375, 0.4375, 0.875, 0.875]),
    ):
        found = read_predictions(write(tmp_path / "x.pt", content))
        assert [float(each.candidates(0.1).scores.max()) for each in found] == best


def test_lists_of_kept_boxes_with_none(tmp_path: Path) -> None:
    """YOLOX: None is a picture without boxes; a picture of one box is read as the others are."""
    rows = beside(CORNERS, [1, 0.875], [0.875, 0.75], LABELS)
    found = read_predictions(write(tmp_path / "x.pt", [rows, None, rows[:1], torch.zeros(0, 7)]))
    assert [len(one.boxes) for one in found] == [2, 0, 1, 0]
    assert found[0].candidates(0.5).scores.tolist() == [0.875, 0.65625]  # 1 * .875, .875 * .75
    assert [one.name for one in found] == ["x_0", "x_1", "x_2", "x_3"]


def test_a_picture_under_each_name(tmp_path: Path) -> None:
    path = write(tmp_path / "x.npz", {"street": DETECTIONS, "000000000885": DETECTIONS[:1]})
    found = read_predictions(path)
    assert [one.image_id for one in found] == ["street", 885] and [len(one.boxes) for one in found] == [2, 1]
    nested = {"street": {"boxes": BOXES, "scores": S, "labels": L}, "lane": {"boxes": BOXES, "scores": S, "labels": L}}
    found = read_predictions(write(tmp_path / "x.pt", nested))
    assert [one.image_id for one in found] == ["street", "lane"]
    holds_both(found[1])


def test_lists_under_each_name(tmp_path: Path) -> None:
    """As a loop over pictures collects them."""
    content = {"boxes": [BOXES, BOXES[:1]], "scores": [S, S[:1]], "labels": [L, L[:1]], "image_id": ["a", "b"]}
    found = read_predictions(write(tmp_path / "x.pt", content))
    holds_both(found[0])
    assert [one.image_id for one in found] == ["a", "b"] and len(found[1].boxes) == 1


def test_pictures_numbered_in_a_column(tmp_path: Path) -> None:
    rows = beside([0, 2], CORNERS, LABELS, SCORES)
    found = read_predictions(write(tmp_path / "x.npy", rows))
    assert [one.candidates(0.5).boxes.tolist() for one in found] == [CORNERS[:1], [], CORNERS[1:]]


EMPTY: dict[str, Any] = {
    "torchvision": [{"boxes": torch.zeros(0, 4), "labels": L[:0], "scores": S[:0]}],
    "mmdeploy": {"dets": torch.zeros(1, 0, 5), "labels": torch.zeros(1, 0, dtype=torch.int64)},
    "class scores": {"boxes": torch.zeros(0, 4), "scores": torch.zeros(0, 9)},
    "tensor": torch.zeros(1, 0, 6),
    "head": torch.zeros(1, 84, 0),
    "YOLOX": [None, None],
    "not a row": torch.full((1, 300, 6), math.nan),
    "empty lists": {"boxes": [], "scores": [], "labels": []},
}


@pytest.mark.parametrize("case", EMPTY)
def test_pictures_without_boxes(tmp_path: Path, case: str) -> None:
    found = read_predictions(write(tmp_path / "x.pt", EMPTY[case]))
    assert len(found) == (2 if case == "YOLOX" else 1)
    assert all(len(one.candidates(-1.0)) == 0 for one in found)
    assert case != "not a row" or "300 of 300 rows are left out" in found[0].notes[0]


def test_pictures_counted_one_after_the_other(tmp_path: Path) -> None:
    """As PaddleDetection writes a batch."""
    content = {"bbox": beside(LABELS, SCORES, CORNERS), "bbox_num": torch.tensor([1, 0, 1])}
    found = read_predictions(write(tmp_path / "x.npz", content))
    assert [one.candidates(0.5).boxes.tolist() for one in found] == [CORNERS[:1], [], CORNERS[1:]]


NORMALISED = [[30 / 256, 50 / 128, 40 / 256, 60 / 128], [144 / 256, 44 / 128, 80 / 256, 40 / 128]]


@pytest.mark.parametrize("names", [("logits", "pred_boxes"), ("pred_logits", "pred_boxes")])
def test_detr(tmp_path: Path, names: tuple[str, str]) -> None:
    """Softmax with a last column for no object, or a sigmoid: only the caller can say, or the number of classes."""
    logits = floats([[[0.0, math.log(6), 0.0], [math.log(2), 0.0, 0.0]]])  # 6 of 8 for class 1, 2 of 4 for class 0
    path = write(tmp_path / "x.pt", dict(zip(names, (logits, floats([NORMALISED])), strict=True)))
    with pytest.raises(FileProblem, match="say --logits softmax .*--logits classes .*--num-classes"):
        read_predictions(path)
    for options in (ReadOptions(logits="softmax"), ReadOptions(num_classes=2)):
        (one,) = read_predictions(path, options)
        found = one.candidates(0.4)
        assert one.space == Space("normalised") and one.scores.shape == (2, 2)
        torch.testing.assert_close(torch.from_numpy(found.scores), floats([0.75, 0.5]))
        assert found.labels is not None and found.labels.tolist() == [1, 0]
        assert one.in_picture(found, (256, 128)).boxes.tolist() == CORNERS
    (one,) = read_predictions(path, ReadOptions(num_classes=3))
    torch.testing.assert_close(torch.from_numpy(one.candidates(0.4).scores), floats([6 / 7, 2 / 3]))


def test_boxes_of_another_form_are_asked_about(tmp_path: Path) -> None:
    path = write(tmp_path / "x.npz", {"boxes": [[144.0, 44, 80, 40]] * 3, "scores": [0.5] * 3, "labels": [1] * 3})
    with pytest.raises(FileProblem, match="3 of 3 have corners out of order as xyxy: say --boxes yxyx, xywh, cxcywh"):
        read_predictions(path)
    assert read_predictions(path, ReadOptions(boxes="cxcywh"))[0].boxes.tolist() == [CORNERS[1]] * 3


REFUSED: dict[str, tuple[Any, str]] = {
    "labels by a strange name": ({"boxes": BOXES, "scores": S, "kind": L}, "kind .2,. int64, which may be the labels"),
    "two labels": ({"boxes": BOXES, "scores": S, "labels": L, "cls": L + 1}, "labels and cls, which both mean labels"),
    "labels of others": ({"boxes": BOXES, "scores": S, "labels": L[:1]}, "labels: expected shape .2,., got .1,. int64"),
    "logits as scores": ({"boxes": BOXES, "scores": S * 9 - 8}, "scores: expected 0..1, they go from -1.25 to -0.125"),
    "scores in percent": ({"boxes": BOXES, "scores": S * 100, "labels": L}, "they go from 75 to 87.5"),
    "a head and labels": ({"pred": head(400, floats(ONE_HOT)).T[None], "labels": L}, "labels, which pred has no place"),
    "TensorFlow or TensorRT": ({"detection_boxes": BOXES, "detection_scores": S}, "--boxes yxyx or --boxes xyxy"),
    "boxes alone": ({"boxes": BOXES, "area": S}, "holds boxes .2, 4. float32, area .2,. float32; expected boxes and"),
    "a count too large": ({"boxes": BOXES, "scores": S, "num": torch.tensor([3])}, "count: expected 1 whole numbers"),
    "ids of other pictures": ({"boxes": BOXES, "scores": S, "image_ids": L}, "image_ids: expected 1, got 2"),
    "levels": ([torch.rand(1, 4 * n, 85) for n in (100, 25)], "levels of one picture"),
    "two layouts": ([head(400, floats(ONE_HOT)).T[None], torch.rand(1, 300, 12)], "do not belong together"),
    "five classes or four": ([torch.rand(1, 400, 12)], "fits yolov5 and yolov8-rows.*--num-classes"),
    "boxes alone in a list": ([BOXES, BOXES], "do not belong together"),
    "softmax of a head": (head(400, floats(ONE_HOT)).T[None], "--logits softmax is for"),
}


@pytest.mark.parametrize("case", REFUSED)
def test_what_is_refused_says_what_there_is(tmp_path: Path, case: str) -> None:
    content, expected = REFUSED[case]
    options = ReadOptions(logits="softmax") if "softmax" in expected else ReadOptions()
    with pytest.raises(FileProblem, match=expected) as problem:
        read_predictions(write(tmp_path / "x.pt", content), options)
    assert "\n" not in str(problem.value)


def test_what_is_carried_along(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    """An array with a row for each box is picked like the boxes, others are named; both survive a second reading."""
    arrays = {"boxes": BOXES.flip(0), "scores": S.flip(0), "labels": L.flip(0), "keypoints": MASKS.reshape(2, 16, 2)}
    path = write(tmp_path / "x.npz", {**arrays, "camera": floats([1, 2, 3])})
    for name in ("once", "twice"):
        assert cli.main(["run", str(path), "--out", str(tmp_path / f"{name}.npz")]) == 0
        said = capsys.readouterr().err
        path = tmp_path / f"{name}.npz"
        with numpy.load(path, allow_pickle=False) as kept:
            assert kept["boxes"].tolist() == CORNERS and kept["labels"].tolist() == LABELS
            assert kept["extra_keypoints"].tolist() == MASKS.reshape(2, 16, 2).flip(0).tolist()
        if name == "once":
            assert "note: x.npz: carried along into .npz: keypoints (2, 16, 2) float32" in said
            assert "note: x.npz: not used: camera (3,) float32" in said
        else:
            assert said == ""


def test_what_only_some_pictures_carry(tmp_path: Path) -> None:
    content = {"boxes": BOXES, "scores": S, "labels": L}
    paths = [write(tmp_path / "a.npz", {**content, "m": MASKS, "rows": L}), write(tmp_path / "b.npz", content)]
    assert cli.main(["run", *map(str, paths), "--out", str(tmp_path / "all.npz")]) == 0
    with numpy.load(tmp_path / "all.npz", allow_pickle=False) as kept:
        assert kept["extra_m"][:2].tolist() == MASKS.tolist() and bool(numpy.isnan(kept["extra_m"][2:]).all())
        assert kept["extra_rows"].tolist() == [*LABELS, -1, -1] and kept["rows"].tolist() == [0, 1, 0, 1]


def test_equal_notes_are_said_once(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    paths = [write(tmp_path / f"{n}.npz", {"boxes": BOXES, "scores": S, "labels": L, "m": MASKS}) for n in "abc"]
    assert cli.main(["run", *map(str, paths)]) == 0
    assert capsys.readouterr().err == "ptdet: note: a.npz and 2 more: carried along into .npz: m (2, 32) float32\n"


def test_the_command_line_knows_the_names(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    assert tuple(LAYOUTS) == cli.parser.LAYOUT_NAMES and tuple(BOX_FORMS) == cli.parser.BOX_NAMES
    path = str(write(tmp_path / "x.npy", head(8400, floats(ONE_HOT), MASKS).T[None]))
    assert cli.main(["run", path, "--num-classes", "9"]) == 0
    assert capsys.readouterr().out.splitlines()[1].split()[:5] == ["x.npy", "1", "8400", "2", "2"]
    for wrong in (["--num-classes", "0"], ["--num-classes", "9", "--classes", "a,b"], ["--boxes", "corners"]):
        with pytest.raises(SystemExit) as end:
            cli.main(["run", path, *wrong])
        assert end.value.code == 2
