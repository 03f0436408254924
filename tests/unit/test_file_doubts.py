"""Files that could be read in another way than they are meant: the right values, or an error that says what to do."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path
from typing import Any

import numpy
import pytest
import torch

from ptdet.io import FileProblem, ReadOptions, read_predictions

from .test_file_forms import BOXES, CORNERS, DETECTIONS, L, S, floats, holds_both, write

EMPTY: dict[str, Callable[[], Any]] = {"tensor": lambda: torch.zeros(0), "list": list, "tuple": tuple}


@pytest.mark.parametrize("name", ["names", "class_names", "category_name", "name"])
@pytest.mark.parametrize("suffix", [".npz", ".pt"])
def test_words_that_may_be_labels(tmp_path: Path, name: str, suffix: str) -> None:
    """As many as there are boxes, which have no class: not to be lost."""
    words: Any = ["cat", "dog"] if suffix == ".pt" else numpy.array(["cat", "dog"])
    path = write(tmp_path / f"x{suffix}", {"boxes": BOXES, "scores": S, name: words})
    with pytest.raises(FileProblem, match=f"has {name} .*, which may be the labels: call it labels, .* boxes .2, 4. "):
        read_predictions(path)


def test_numbers_are_no_names_of_classes(tmp_path: Path) -> None:
    with pytest.raises(FileProblem, match=r"has names \(2,\) int64, which may be the labels: call it labels"):
        read_predictions(write(tmp_path / "x.pt", {"boxes": BOXES, "scores": S, "names": L}))


def test_nothing_beside_class_scores_is_a_label(tmp_path: Path) -> None:
    """It is carried along."""
    classes = torch.nn.functional.one_hot(L, 9) * S[:, None]
    (one,) = read_predictions(write(tmp_path / "x.npz", {"boxes": BOXES, "scores": classes, "anchor": L + 1}))
    holds_both(one)
    assert one.extra["anchor"].tolist() == [4, 8] and one.notes == ("carried along into .npz: anchor (2,) int64",)


def test_python_objects_are_named(tmp_path: Path) -> None:
    objects = numpy.array(["cat", None], dtype=object)
    with pytest.raises(FileProblem, match="labels: holds Python objects, which are not loaded: save numbers or text"):
        read_predictions(write(tmp_path / "x.npz", {"boxes": BOXES, "scores": S, "labels": objects}))


def test_names_of_another_count_are_those_of_classes(tmp_path: Path) -> None:
    content = {"boxes": BOXES, "scores": S, "names": numpy.array(["cat", "dog", "cow"])}
    (one,) = read_predictions(write(tmp_path / "x.npz", content))
    assert one.labels is None and one.classes == ("cat", "dog", "cow")
    (one,) = read_predictions(write(tmp_path / "y.npz", {**content, "names": numpy.array(["face"])}))
    assert one.labels is None and one.classes == ("face",)


def test_numbers_that_are_written_as_words(tmp_path: Path) -> None:
    """They are the labels, and not numbered as they come; unless classes are called so."""
    path = write(tmp_path / "x.npz", {"boxes": BOXES, "scores": S, "labels": numpy.array(["3", "7"])})
    (one,) = read_predictions(path)
    holds_both(one)
    assert one.classes == () and one.notes == ()
    (one,) = read_predictions(path, ReadOptions(classes=("7", "3")))
    assert one.labels is not None and one.labels.tolist() == [1, 0]


def test_lists_of_numbers(tmp_path: Path) -> None:
    """As JSON has them: of one picture, of several with as many boxes, of several with fewer."""
    one = {"boxes": CORNERS, "scores": S.tolist(), "labels": L.tolist()}
    holds_both(*read_predictions(write(tmp_path / "a.pt", one)))
    holds_both(*read_predictions(write(tmp_path / "b.pt", DETECTIONS.tolist())))
    for fewer in (2, 1):
        content = {name: [value, value[:fewer]] for name, value in one.items()}
        first, second = read_predictions(write(tmp_path / "c.pt", content))
        holds_both(first)
        assert second.boxes.tolist() == CORNERS[:fewer] and second.scores.tolist() == S.tolist()[:fewer]


@pytest.mark.parametrize("empty", EMPTY)
def test_pictures_without_boxes_in_lists(tmp_path: Path, empty: str) -> None:
    nothing = EMPTY[empty]()
    first, second, third = read_predictions(write(tmp_path / "x.pt", [DETECTIONS, nothing, DETECTIONS]))
    holds_both(first)
    holds_both(third)
    assert len(second.boxes) == 0
    first, second = read_predictions(write(tmp_path / "x.npz", {"a": DETECTIONS, "b": numpy.zeros(0)}))
    holds_both(first)
    assert (second.image_id, len(second.boxes)) == ("b", 0)
    (one,) = read_predictions(write(tmp_path / "y.pt", (torch.zeros(0, 4), torch.zeros(0), L[:0])))
    assert len(one.boxes) == 0


def test_a_prediction_and_what_it_was_made_of(tmp_path: Path) -> None:
    """YOLO-NAS returns (boxes, scores) and then six things more, among them boxes and scores: these are no picture."""
    classes = torch.nn.functional.one_hot(L, 9) * S[:, None]
    made_of = (classes[None] - 3, torch.randn(1, 2, 68), BOXES, torch.zeros(2, 2), [1, 1], torch.ones(2, 1))
    (one,) = read_predictions(write(tmp_path / "x.pt", ((BOXES[None], classes[None]), made_of)))
    holds_both(one)
    assert one.notes == ("not used: array 1 a list of 6",)
    pictures = read_predictions(write(tmp_path / "y.pt", [(BOXES, classes), (BOXES[:1], classes[:1])]))
    assert [len(one.boxes) for one in pictures] == [2, 1]


def kept(number: Callable[[torch.Tensor], torch.Tensor], count: int = 24) -> torch.Tensor:
    """x1 y1 x2 y2 score class, and a number more."""
    place = torch.arange(count, dtype=torch.float32)
    corners = torch.stack([place, place + 1, place * 2 + 9, place * 3 + 9], 1)
    rows = torch.cat([corners, (0.99 - place / 64)[:, None], (place % 2)[:, None]], 1)
    return torch.cat([rows, number(place)[:, None]], 1)


@pytest.mark.parametrize(
    ("number", "other"), [(lambda n: n / 8 - 1, "oriented"), (lambda n: n + 1, "yolox-kept")], ids=["share", "track"]
)
def test_detections_with_one_number_more(
    tmp_path: Path, number: Callable[[torch.Tensor], torch.Tensor], other: str
) -> None:
    """Neither centres with an angle, nor a class score of 0 or 1 and the class."""
    rows = kept(number)
    path = write(tmp_path / "x.npy", rows)
    with pytest.raises(FileProblem, match=f"fits detections and {other}; say --layout"):
        read_predictions(path)
    (one,) = read_predictions(path, ReadOptions(layout="detections"))
    assert one.boxes.tolist() == rows[:, :4].tolist() and one.extra["extra"].tolist() == rows[:, 6:].tolist()
    few = write(tmp_path / "few.npy", kept(lambda n: n + 1, 6))
    assert read_predictions(few)[0].notes == (
        "read as yolox-kept; if not so, say --layout oriented or oriented-results or detections",
    )


def test_columns_with_an_objectness(tmp_path: Path) -> None:
    """(B,85,N) is a head of 81 classes, or of COCO's 80 and an objectness."""
    generator = torch.Generator().manual_seed(15)
    rows = torch.rand(400, 85, generator=generator) * floats([300, 300, 60, 60, *[1] * 81])
    path = write(tmp_path / "x.npy", rows.T[None])
    with pytest.raises(FileProblem, match="fits yolov5-columns and yolov8 of 80 or 81 classes; say --layout"):
        read_predictions(path)
    (one,) = read_predictions(path, ReadOptions(num_classes=81))
    assert one.scores.shape == (400, 81) and one.objectness is None
    (one,) = read_predictions(path, ReadOptions(layout="yolov5-columns"))
    assert one.objectness is not None and one.objectness.tolist() == rows[:, 4].tolist()
    masks = torch.cat([rows, torch.randn(400, 32, generator=generator)], 1)
    (one,) = read_predictions(write(tmp_path / "y.npy", masks.T[None]), ReadOptions(num_classes=80))
    assert one.objectness is not None and one.scores.tolist() == rows[:, 5:].tolist()
    assert one.extra["extra"].tolist() == masks[:, 85:].tolist()


def test_advice_for_a_layout_that_has_no_logits(tmp_path: Path) -> None:
    rows = DETECTIONS.clone()
    rows[0, 4] = 1.5
    with pytest.raises(FileProblem, match=r"cannot be detections \(N,6\) .*: 1 of 2 rows with a score outside 0..1$"):
        read_predictions(write(tmp_path / "x.npy", rows), ReadOptions(layout="detections"))
