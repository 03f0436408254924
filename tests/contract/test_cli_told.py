"""What `ptdet run` says where a result would otherwise be other than people think."""

from __future__ import annotations

import json
from pathlib import Path

import numpy as np
import pytest

from ptdet.cli import main

BOX = {"image_id": 1, "category_id": 2, "bbox": [10.0, 10.0, 5.0, 5.0], "score": 0.5}


def test_pictures_of_one_id_in_one_file(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    boxes, scores = np.array([[0.0, 0, 9, 9]]), np.array([0.9])
    for folder in ("a", "b"):
        (tmp_path / folder).mkdir()
        np.savez(tmp_path / folder / "raw.npz", boxes=boxes, scores=scores)
    files = [str(tmp_path / folder / "raw.npz") for folder in ("a", "b")]
    assert main(["run", *files, "--out", str(tmp_path / "both.json")]) == 0
    assert "several pictures have the image_id 'raw'" in capsys.readouterr().err
    assert len(json.loads((tmp_path / "both.json").read_text())) == 2
    assert main(["run", files[0], "--out", str(tmp_path / "one.json")]) == 0
    assert "several pictures" not in capsys.readouterr().err


@pytest.mark.parametrize(
    ("key", "value", "said"),
    [
        ("score", float("nan"), "a bbox or score that is not finite in 1"),
        ("bbox", [1.0, float("inf"), 2.0, 2.0], "a bbox or score that is not finite in 1"),
        ("bbox", [50.0, 50.0, -3.0, 4.0], "a negative width or height in 1"),
    ],
)
def test_results_that_are_no_boxes(
    tmp_path: Path, capsys: pytest.CaptureFixture[str], key: str, value: object, said: str
) -> None:
    far = [{**BOX, "bbox": [100.0 * n, 0.0, 5.0, 5.0]} for n in range(1, 6)]
    (tmp_path / "coco.json").write_text(json.dumps([*far, {**BOX, key: value}]))
    out = tmp_path / "kept.json"
    assert main(["run", str(tmp_path / "coco.json"), "--out", str(out)]) == 0
    assert f"1 of 6 results are left out: {said}; the first is number 5" in capsys.readouterr().err
    assert len(json.loads(out.read_text())) == 5


@pytest.mark.parametrize("space", ["picture", "ratio:0.01", "normalised", "64x64", "letterbox:64x64"])
def test_numbers_that_overflow_are_no_warning(tmp_path: Path, space: str) -> None:
    """NumPy's warnings would be lines that nobody asked for; what came of the numbers is in the result."""
    large = np.float32(3e38)
    boxes = np.array([[-large, -large, large, large], [0, 0, 9, 9]], np.float32)
    scores = np.array([[0.9, 0.1], [np.inf, -np.inf]], np.float32)
    np.savez(tmp_path / "x.npz", boxes=boxes, scores=scores, image_size_hw=[100, 200])
    for suffix in (".json", ".npz"):
        assert main(["run", str(tmp_path / "x.npz"), "--space", space, "--out", str(tmp_path / f"out{suffix}")]) == 0
    with np.load(tmp_path / "out.npz", allow_pickle=False) as kept:
        assert kept["rows"].tolist() == [0] and kept["scores"].tolist() == scores[0, :1].tolist()


def test_scores_that_are_no_probabilities(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    """Percentages: all would be over --conf 0.25. COCO's own tools take any number, so they are told of alone."""
    results = [{**BOX, "bbox": [100.0 * n, 0.0, 5.0, 5.0], "score": 15.0 * n} for n in range(4)]
    (tmp_path / "coco.json").write_text(json.dumps(results))
    assert main(["run", str(tmp_path / "coco.json"), "--out", str(tmp_path / "kept.json")]) == 0
    said = capsys.readouterr().err
    assert "coco.json: 3 of 4 scores lie outside 0..1, from 0 to 45: they are taken as they are" in said
