"""Tiles and ensembles over a data set: what `merge_tiles` and `weighted_boxes_fusion` make of each picture."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import numpy as np
import pytest

import ptdet.numpy
from ptdet import cli

from .. import dataset_inputs as inputs
from .test_dataset_run import in_npz, refused, run

Rows = list[tuple[Any, ...]]


def rows_of(boxes: Any, scores: Any, labels: Any) -> Rows:
    return [
        (int(label), score, *box)
        for label, score, box in zip(labels.tolist(), scores.tolist(), boxes.tolist(), strict=True)
    ]


def over(one: inputs.Picture, confidence: float = 0.3) -> inputs.Picture:
    taking = one["scores"] > confidence
    return {**one, **{name: one[name][taking] for name in ("boxes", "scores", "labels")}}


def test_an_ensemble(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    """Three models as files of three kinds; the second has seen fewer pictures, in another order."""
    seen = [list(inputs.pictures(40, seed)) for seed in (1, 2, 3)]
    (tmp_path / "a").mkdir()
    for one in seen[0]:
        np.savez(tmp_path / "a" / f"{one['image_id']:012}.npz", **{k: v for k, v in one.items() if k != "image_id"})
    seen[1] = seen[1][30:5:-1]
    (tmp_path / "b.json").write_text(json.dumps([entry for one in seen[1] for entry in inputs.coco_entries(one)]))
    large = [{**entry, "note": "x" * 999} for one in seen[2] for entry in inputs.coco_entries(one)]
    (tmp_path / "c.json").write_text(json.dumps(large))
    models = [tmp_path / name for name in ("a", "b.json", "c.json")]
    common = ("--step", "ensemble", "--format", "npz", "--workers", 1, "--shard-size", 7, "--min-score", 0.1)
    assert run(*models, *common, "--weights", "2,1,1", "--out", tmp_path / "out") == 0
    found = in_npz(tmp_path / "out")
    by_id = [{one["image_id"]: over(one) for one in model} for model in seen]
    empty = {"boxes": np.zeros((0, 4)), "scores": np.zeros(0), "labels": np.zeros(0, np.int64)}
    assert set(found) == set(by_id[0])
    for image_id, rows in found.items():
        parts = [model.get(image_id, empty) for model in by_id]
        lists = [[part[name] for part in parts] for name in ("boxes", "scores", "labels")]
        lists[0] = [boxes.astype(np.float64) for boxes in lists[0]]
        lists[1] = [scores.astype(np.float64) for scores in lists[1]]
        fused = ptdet.numpy.weighted_boxes_fusion(*lists, weights=[2, 1, 1], iou_thr=0.45)
        expected = [row for row in rows_of(*fused) if row[1] > 0.1]
        assert len(rows) == len(expected)
        # x + w - x of a COCO file need not be w
        np.testing.assert_allclose(np.array(rows), np.array(expected), rtol=1e-6)
    assert any(found.values())
    config = tmp_path / "tuned.toml"  # classes do not meet, so each is fused as a run with its threshold fuses it
    config.write_text('method = "wbf"\niou = 0.45\n[classes.b]\niou = 0.1\n')
    by_class = (*common, "--weights", "2,1,1", "--classes", "a,b,c,d,e,f,g,h")
    every = ["run", *models, *by_class, "--config", config, "--conf", 0.3, "--out", tmp_path / "by class"]
    assert cli.main([*map(str, every)]) == 0
    every[every.index("--config") : every.index("--conf")] = ["--iou", 0.1]
    assert cli.main([*map(str, (*every[:-1], tmp_path / "low"))]) == 0
    low, own = in_npz(tmp_path / "low"), in_npz(tmp_path / "by class")
    for image_id, rows in own.items():
        mixed = [row for row in found[image_id] if row[0] != 1] + [row for row in low[image_id] if row[0] == 1]
        assert sorted(rows) == sorted(mixed)
    assert low != own != found
    for wrong, told in (
        ((*models, *common, "--weights", "1,2"), "--weights: expected one for each of 3 models, got 2"),
        ((*models, *common, "--method", "nms"), "--step ensemble fuses by wbf or nmw, not by nms"),
        ((models[0], models[0], *common), "one of them has no file of its own"),
    ):
        assert told in refused(capsys, *wrong, "--out", tmp_path / "no")


def test_models_that_write_one_id_in_several_ways(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    """7 of COCO, "7" of Parquet, 000000000007.npz: one picture, whose boxes meet. By hand."""
    box, entry = [0.0, 0.0, 10.0, 10.0], {"image_id": 7, "category_id": 1, "bbox": [0, 0, 10, 10], "score": 0.6}
    np.savez(tmp_path / "000000000007.npz", boxes=np.array([box]), scores=np.array([0.9]), labels=np.array([1]))
    lists = {"image_id": 7, "file_name": "x.jpg", "width": 20, "height": 20}
    (tmp_path / "b.json").write_text(json.dumps({"annotations": [entry], "images": [{**lists, "id": 7}]}))
    (tmp_path / "c.json").write_text(json.dumps([{**entry, "image_id": "7", "score": 0.3001, "bbox": [3, 0, 10, 10]}]))
    models = [tmp_path / name for name in ("000000000007.npz", "b.json", "c.json")]
    common = ("--step", "ensemble", "--format", "coco", "--workers", 1)
    assert run(*models, *common, "--out", tmp_path / "out") == 0
    (found,) = json.loads((tmp_path / "out/detections.json").read_text())
    x = 3 * 0.3001 / 1.8001
    assert (found["image_id"], found["category_id"]) == (7, 1)
    np.testing.assert_allclose([found["score"], *found["bbox"]], [1.8001 / 3, x, 0, 10, 10], rtol=1e-6)
    weights = ("--weights", "3,2,1", "--resume")
    assert "weights: (), now (3.0, 2.0, 1.0)" in refused(capsys, *models, *common, *weights, "--out", tmp_path / "out")
    swapped = (models[1], models[0], models[2])
    said = refused(capsys, *swapped, *common, "--resume", "--out", tmp_path / "out")
    assert "was begun otherwise: the inputs are in another order" in said  # whose weight is whose
    stored = {"annotations": [{**entry, "image_id": 7}], "categories": [{"id": 1, "name": "dog"}]}
    (tmp_path / "b.json").write_text(json.dumps(stored))
    (tmp_path / "c.json").write_text(json.dumps({**stored, "categories": [{"id": 1, "name": "cat"}]}))
    said = refused(capsys, *models, *common, "--out", tmp_path / "differ")
    assert "has parts in which class 1 is 'cat' and 'dog': boxes of both would meet" in said


def test_tiles(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    """Tiles of a picture lie in several files; one that is no tile is named."""
    folder = tmp_path / "tiles"
    folder.mkdir()
    tiles: dict[str, list[tuple[inputs.Picture, tuple[int, int], float]]] = {}
    for number, one in enumerate(inputs.pictures(24)):
        picture, offset, rate = f"P{number % 5}", (300 * (number // 5), 200), (1.0, 0.5)[number % 2]
        tiles.setdefault(picture, []).append((over(one), offset, rate))
        name = f"{picture}__{rate:g}__{offset[0]}___{offset[1]}.npz"
        np.savez(folder / name, **{key: value for key, value in one.items() if key != "image_id"})
    common = ("--step", "merge-tiles", "--format", "coco", "--workers", 2, "--shard-size", 2)
    assert run(folder, *common, "--out", tmp_path / "out") == 0
    found = json.loads((tmp_path / "out/detections.json").read_text())
    for picture, parts in tiles.items():
        own = [entry for entry in found if entry["image_id"] == picture]
        rows = [
            np.concatenate([one["boxes"], one["scores"][:, None], one["labels"][:, None]], 1) for one, _, _ in parts
        ]
        order = np.argsort([f"{picture}__{rate:g}__{offset[0]}___{offset[1]}.npz" for _, offset, rate in parts])
        merged = ptdet.numpy.merge_tiles(
            [rows[n] for n in order], [parts[n][1] for n in order], [parts[n][2] for n in order], 0.45
        )
        assert [(entry["category_id"], entry["score"]) for entry in own] == [
            (row[5], np.float32(row[4])) for row in merged
        ]
        np.testing.assert_allclose([entry["bbox"][:2] for entry in own], merged[:, :2], rtol=1e-6)
    assert "the size of the whole one" in refused(
        capsys, folder, *common[:2], "--format", "yolo", "--out", tmp_path / "no"
    )
    (folder / "whole.npz").write_bytes((folder / "P0__1__0___200.npz").read_bytes())
    said = refused(capsys, folder, *common, "--out", tmp_path / "with another")
    assert "whole is no tile: name: expected a name like P0706__1__924___462" in said
    assert json.loads((tmp_path / "with another/detections.json").read_text()) == found
