"""What a broken or foreign file is told: one line, never another exception."""

from __future__ import annotations

import io
from collections.abc import Callable
from pathlib import Path
from typing import Any

import numpy
import pytest
import torch

from ptdet.io import LAYOUTS, Candidates, FileProblem, Predictions, ReadOptions, read_predictions, write_survivors

from ..detections import DATA


def save(**arrays: Any) -> Callable[[Path], None]:
    return lambda path: numpy.savez(path, **arrays)


def zeros(*shape: int) -> Any:
    return numpy.zeros(shape, numpy.float32)


def npy_bytes() -> bytes:
    buffer = io.BytesIO()
    numpy.save(buffer, zeros(5, 6))
    return buffer.getvalue()


def text(said: str) -> Callable[[Path], None]:
    return lambda path: path.write_text(said) and None


def entry(**other: str) -> Callable[[Path], None]:
    """One COCO result, with other values (as they stand in the file) of some keys."""
    values = {"image_id": "1", "category_id": "1", "bbox": "[1, 2, 3, 4]", "score": "1", **other}
    return text("[{" + ", ".join(f'"{key}": {value}' for key, value in values.items()) + "}]")


def tensor(value: Any) -> Callable[[Path], None]:
    return lambda path: torch.save(value, path)


BROKEN = {
    "absent.npz": (lambda path: None, "no such file"),
    "folder.npz": (lambda path: path.mkdir(), "is a folder"),
    "empty.npz": (text(""), "is empty"),
    "empty.json": (text(""), "is empty"),
    "empty.pt": (text(""), "is empty"),
    "six.txt": (text("0 0.5 0.5 1 1 0.9\n0 0.5 0.5 1 one 0.9\n"), "line 2: expected class centre-x .* got '0 0.5"),
    "truth.txt": (text("0 0.5 0.5 1 1\n"), "line 1: .*, which has no score: save them with save_conf=True"),
    "class.txt": (text("0.5 0.5 0.5 1 1 0.9\n"), "line 1: expected a class number, got '0.5'"),
    "track.txt": (
        text("1 0.5 0.5 1 1 7\n"),
        "line 1: expected a score in 0..1, got '7': if it is a track, save them w",
    ),
    "score.txt": (text("1 0.5 0.5 1 1 -0.5\n"), "line 1: expected a score in 0..1, got '-0.5'$"),
    "no_track.txt": (text("1 0.5 0.5 1 1 0.9 0.5\n"), "line 1: expected the number of a track at the end, got '0.5'"),
    "quad.txt": (text("1 .1 .1 .5 .1 .5 .3 .1 .3\n"), "line 1: .* or class x1 .* which has no score: save them with"),
    "mixed.txt": (
        text("1 0.5 0.5 1 1 1\n1 .1 .1 .5 .1 .5 .3 .1 .3 1\n"),
        "line 2: expected class centre-x .* score, got",
    ),
    "triangle.txt": (text("1 .1 .1 .5 .1 .5 .3 0.9\n"), "line 1: expected class centre-x .* or class x1 .* score, got"),
    "size.txt": (text("1 0.5 0.5 -1 1 0.9\n"), "line 1: a negative width or height"),
    "odd.csv": (text("1 2 3"), "'.csv'; expected .npz, .npy, .pt"),
    "noise.npz": (text("this is no zip file"), "is no .npz file: it begins with b'this i'"),
    "noise.npy": (text("this is no array at all"), "is no .npy file: it begins with b'this i'"),
    "noise.pt": (text("this is no archive"), "weights_only=True"),
    "cut.npz": (lambda path: path.write_bytes((DATA / "variants/wbf_1000.npz").read_bytes()[:9000]), "cannot be read"),
    "objects.npy": (lambda path: numpy.save(path, numpy.array([{}], dtype=object)), "cannot be read"),
    "objects.npz": (save(pred=numpy.array([{}], dtype=object)), "pred: holds Python objects"),
    "unknown.npz": (save(a=zeros(3), b=zeros(4)), "holds a .3,. float32, b .4,. float32; expected boxes and scores"),
    "words.npz": (save(a=numpy.array("x")), "holds a .. string; expected boxes and scores"),
    "meta.npz": (save(boxes=zeros(1, 4), scores=zeros(1), meta_json=numpy.array("{")), "meta_json"),
    "wide.npz": (save(boxes=zeros(3, 5), scores=zeros(3)), r"boxes: expected shape \(N, 4\), got \(3, 5\)"),
    "short.npz": (save(boxes=zeros(3, 4), scores=zeros(2)), r"scores: expected shape \(3,\)"),
    "ids.npz": (save(boxes=zeros(3, 4), scores=zeros(3), labels=zeros(2)), "labels: expected shape"),
    "half.npz": (save(boxes=zeros(1, 4), scores=zeros(1) + 1, labels=zeros(1) + 0.5), "labels: expected whole"),
    "whole.npz": (save(boxes=zeros(1, 4), scores=numpy.ones(1, int)), "scores: expected floating"),
    "offsets.npz": (save(boxes=zeros(3, 4), scores=zeros(3), offsets=numpy.array([0, 2])), "offsets: expected"),
    "ratio.npz": (save(pred=zeros(1, 85), ratio=numpy.array(0.0)), "ratio"),
    "renamed.npz": (lambda path: path.write_bytes(npy_bytes()), "name it .npy"),
    "renamed.npy": (lambda path: path.write_bytes((DATA / "variants/wbf_1000.npz").read_bytes()), "name it .npz"),
    "vector.npy": (lambda path: numpy.save(path, zeros(5)), r"shape \(5,\); expected detections"),
    "narrow.npy": (lambda path: numpy.save(path, zeros(4, 4)), "too few numbers"),
    "twofold.npy": (lambda path: numpy.save(path, zeros(1, 20, 30) + 0.5), "fits yolov5 and yolov8"),
    "coco84.npy": (lambda path: numpy.save(path, zeros(1, 900, 84) + [0.9, 0.1] * 42), "fits yolov5 and yolov8-rows"),
    "logits.npy": (lambda path: numpy.save(path, zeros(1, 900, 85) - 3.5), "--logits"),
    "complex.npy": (lambda path: numpy.save(path, numpy.zeros((3, 85), complex)), "expected numbers"),
    "size.npz": (save(pred=zeros(1, 85), image_size_hw=numpy.array([numpy.inf, 0])), "image_size_hw: expected"),
    "ratios.npz": (save(pred=zeros(1, 85), ratio=numpy.array([1.0, 2.0])), "ratio: expected one number"),
    "far.npz": (save(boxes=zeros(1, 4), scores=zeros(1), labels=numpy.array([2**63], numpy.uint64)), "below 2"),
    "sparse.pt": (tensor(torch.eye(6).to_sparse()), "expected a dense tensor"),
    "string.pt": (tensor("boxes"), "holds a str"),
    "code.pt": (tensor(torch.nn.Linear(1, 1)), "weights_only=True"),
    "noise.json": (text("[{"), "is no JSON"),
    "object.json": (text('{"results": []}'), "an object with the keys results; expected COCO results"),
    "nothing.json": (text("{}"), "an object with no keys; expected COCO results"),
    "number.json": (text("3"), "holds a int; expected COCO results"),
    "listless.json": (
        text('{"annotations": {"a": 1}}'),
        "annotations: expected one list, got an object with the keys a",
    ),
    "twice.json": (text('{"annotations": [], "annotations": []}'), "one list, got a second time"),
    "entry.json": (text("[3]"), "entry 0 is a int"),
    "score.json": (text('[{"image_id": 1, "category_id": 1, "bbox": [1, 2, 3, 4]}]'), "entry 0 has no 'score'"),
    "bbox.json": (text('[{"image_id": 1, "category_id": 1, "bbox": [1, 2, 3], "score": 1}]'), "bbox: expected four"),
    "word.json": (entry(category_id='"dog"'), "entry 0: category_id: expected a whole number"),
    "part.json": (entry(category_id="1.5"), "entry 0: category_id: expected a whole number"),
    "huge.json": (entry(category_id="9223372036854775808"), "category_id: expected a whole number below 2"),
    "huge_id.json": (entry(image_id=str(2**70)), "entry 0: image_id: expected a whole number below 2.*1180591620717"),
    "huge_float_id.json": (entry(image_id="1e30"), "entry 0: image_id: expected a whole number below 2"),
    "truth.json": (entry(image_id="true"), "entry 0: image_id: expected a whole number"),
    "list_id.json": (entry(image_id="[1]"), "entry 0: image_id: expected a whole number"),
    "wide.json": (entry(bbox="[1, 2, 3, 1" + "0" * 400 + "]"), "entry 0: bbox: expected four numbers"),
    "text.json": (entry(score='"0.5"'), "entry 0: score: expected a number, got '0.5'"),
    "open.json": (text('[{"image_id": 1'), "is no JSON: Expecting ',' delimiter at character 15"),
    "after.json": (text("[] []"), "is no JSON: extra data at character 3"),
    "comma.json": (text('{"a": 1 2}'), "is no JSON: expected , at character 8"),
    "keyless.json": (text("{1: 2}"), 'is no JSON: expected " at character 1'),
    "latin.json": (lambda path: path.write_bytes(b'["\xe9"]') and None, "is no JSON: 'utf-8' codec"),
    "deep.json": (text("[" * 100000), "is no JSON"),
}


@pytest.mark.parametrize("name", BROKEN)
def test_broken_files(tmp_path: Path, name: str) -> None:
    """One line that says what is wrong, never another exception."""
    make, expected = BROKEN[name]
    make(tmp_path / name)
    with pytest.raises(FileProblem, match=expected) as problem:
        read_predictions(tmp_path / name)
    assert "\n" not in str(problem.value)


def test_an_asked_layout_must_fit(tmp_path: Path) -> None:
    path = tmp_path / "x.npy"
    numpy.save(path, zeros(4, 4))
    for layout in LAYOUTS:
        with pytest.raises(FileProblem, match="cannot be"):
            read_predictions(path, ReadOptions(layout=layout))


def test_a_class_without_category_id(tmp_path: Path) -> None:
    for label in (-1, 2):
        one = Predictions("x", "x", numpy.zeros((1, 4)), numpy.ones(1), numpy.array([label]), category_ids=(7, 8))
        with pytest.raises(FileProblem, match=f"class {label} has none of the 2 category_ids"):
            write_survivors(tmp_path / "x.json", [(one, one.candidates(0.5))])


def test_unknown_suffix_and_missing_folder(tmp_path: Path) -> None:
    none = numpy.zeros(0)
    kept = Candidates(numpy.zeros((0, 4)), none, None, none.astype(int))
    with pytest.raises(FileProblem, match="expected .json or .npz"):
        write_survivors(tmp_path / "x.txt", [])
    (tmp_path / "file").write_text("")
    with pytest.raises(FileProblem, match="cannot be written"):
        write_survivors(tmp_path / "file/x.json", [(Predictions("x", "x", kept.boxes, none), kept)])
