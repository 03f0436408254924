"""What an actor of `ptdet.ray.suppress` does with a batch, without Ray: the same on torch as on arrays."""

from __future__ import annotations

from dataclasses import replace
from pathlib import Path
from types import SimpleNamespace
from typing import Any

import numpy as np
import pytest

from ptdet import load_config
from ptdet._shared.methods import BATCH_METHODS
from ptdet.dataset.batch import batches_of, suppress
from ptdet.dataset.settings import Job, Settings
from ptdet.io import ReadOptions
from ptdet.ray._data import Suppress, _actors_on_gpus, _names, _settings

from ..contract.test_import import python
from ..parity.test_numpy_process import hiding
from .test_dataset_batch import SETTINGS, all_of, pictures


@pytest.mark.parametrize("kind", SETTINGS)
@pytest.mark.parametrize("labels", ["few", "far apart", "none"])
def test_on_torch(kind: str, labels: str) -> None:
    pytest.importorskip("torch")
    from ptdet.ray._gpu import on_torch

    on_cpu = on_torch("cpu")
    for method in (*BATCH_METHODS, *(() if labels == "none" or kind == "agnostic" else ("batched_nms",))):
        settings = replace(SETTINGS[kind], method=method)
        for dtype, rotated in ((np.float32, False), (np.float64, True)):
            batches = list(batches_of(pictures(dtype, rotated, labels), settings, []))
            found, expected = (
                all_of([suppress(batch, settings, *which) for batch in batches]) for which in ([on_cpu], [])
            )
            kept = sum(len(boxes) for boxes, *_ in expected)
            assert kept > 4 or method == "and"  # a box that meets no other is none of and's
            for own, one in zip(found, expected, strict=True):
                for mine, theirs in zip(own, one, strict=True):
                    np.testing.assert_array_equal(mine, theirs, method)
                    assert mine is None or mine.dtype == theirs.dtype


def test_an_actor() -> None:
    """A whole batch in one call, of rows as Ray gives them."""
    pytest.importorskip("torch")
    arrow = pytest.importorskip("pyarrow")
    rows = [
        {"image_id": one.image_id, "boxes": one.boxes.tolist(), "scores": one.scores.tolist(), "labels": labels}
        for one in pictures(np.float64)
        if (labels := one.labels.tolist()) is not None
    ]
    table = arrow.Table.from_pylist(rows)
    for method in ("nms", "soft", "merge"):
        told = Job(Settings(method=method, options={} if method == "merge" else {"metric": "giou"})).told()
        found = Suppress(told, "cpu")(table)
        assert found.equals(Suppress(told)(table)) and sum(map(len, found.column("scores").to_pylist())) > 10


def test_the_file_of_tune_is_the_config(tmp_path: Path) -> None:
    """Or a dict of its keys; all is checked before anything runs."""
    text = 'method = "soft"\nsigma = 0.3\nconf = 0.2\nmin_score = 0.1\n[classes.a]\nconf = 0.4\n'
    (tmp_path / "tuned.toml").write_text(text)
    of_file = _settings(load_config(tmp_path / "tuned.toml"))
    given = {"method": "soft", "sigma": 0.3, "confidence": 0.2, "min_score": 0.1, "classes": {"a": {"conf": 0.4}}}
    assert _settings(given) == of_file and of_file.options == {"sigma": 0.3} and of_file.lowest == 0.2
    assert of_file.by_class is not None and of_file.by_class.classes == {"a": {"conf": 0.4}}
    assert _settings(None) == _settings({}) == Settings(method="hard")
    assert _settings({"background": 0, "pre_topk": 9, "max_det": 3}) == Settings(
        method="hard", background=0, pre_topk=9, max_det=3
    )
    assert _names(["a"], of_file) == ("a",)
    wrong: list[tuple[Any, type[Exception], str]] = [
        (["nms"], TypeError, "config: expected what load_config returns, or a dict, got list"),
        ({"overlap": 1}, ValueError, "config: expected some of method, iou, .*, got overlap"),
        ({"iou": 0.5, "iou_threshold": 0.5}, ValueError, "iou_threshold and iou are two names of one thing"),
        ({"iou_threshold": "0.5"}, TypeError, "config: iou: expected a number, got str"),
        ({"confidence": float("nan")}, ValueError, "config: conf: expected a number, got nan"),
        ({"iou": 1.5}, ValueError, "config: iou: expected a number from 0 to 1, as overlaps are, got 1.5"),
        ({"classes": {"a": {"iou": -1}}}, ValueError, "config: classes.a.iou: expected a number from 0 to 1"),
        ({"method": "best"}, ValueError, "config: method: expected one of .*, got 'best'"),
        ({"sigma": 1}, ValueError, "config: sigma: hard has no such option"),
        ({"pre_topk": -1}, ValueError, "config: pre_topk: expected a number from 0 on, got -1"),
        ({"background": 1.5}, TypeError, "config: background: expected a whole number, got float"),
    ]
    for config, error, told in wrong:
        with pytest.raises(error, match=told):
            _settings(config)
    with pytest.raises(ValueError, match="classes: config has thresholds of single classes"):
        _names((), of_file)
    with pytest.raises(TypeError, match="classes: expected a list of names, got 'abc'"):
        _names("abc", of_file)


def test_a_batch_of_any_pictures(tmp_path: Path) -> None:
    """With thresholds of single classes; without boxes; without pictures."""
    arrow = pytest.importorskip("pyarrow")
    (tmp_path / "tuned.toml").write_text("iou = 0.5\n[classes.b]\nconf = 0.95\n")
    job = Job(_settings(load_config(tmp_path / "tuned.toml")), ReadOptions(classes=("a", "b")))
    lists = {"boxes": [[[0.0, 0, 9, 9], [50.0, 0, 59, 9]], []], "scores": [[0.9, 0.9], []], "labels": [[0, 1], []]}
    table = arrow.table({"image_id": ["x", "y"], **lists})
    found = Suppress(job.told())(table)
    assert found["rows"].to_pylist() == [[0], []] and found["image_id"].to_pylist() == ["x", "y"]
    assert Suppress(job.told())(table.slice(1))["scores"].to_pylist() == [[]]
    none = Suppress(job.told())(table.slice(2))
    assert none.num_rows == 0 and none.schema == found.schema
    nothing = arrow.table({"image_id": [1, 2], **dict.fromkeys(lists, [[], []])})  # lists of no type at all
    assert Suppress(job.told())(nothing)["boxes"].to_pylist() == [[], []]
    with pytest.raises(ValueError, match="the batch, row 1: has 0 boxes, 1 scores, 0 labels"):
        Suppress(job.told())(table.set_column(2, "scores", [[[0.9, 0.9], [0.5]]]))


def test_a_worker_without() -> None:
    torch = pytest.importorskip("torch")
    if not torch.cuda.is_available():
        with pytest.raises(RuntimeError, match="num_gpus: torch .* finds no GPU on this worker"):
            Suppress(Job().told(), "cuda")
    printed = python(
        hiding("torch") + "from ptdet.ray._data import Job, Suppress\n"
        "try: Suppress(Job().told(), 'cuda')\n"
        "except ImportError as error: print(error)"
    )
    assert "num_gpus: the workers need torch for a GPU: pip install torch" in printed


@pytest.mark.parametrize(
    ("gpus", "share", "room"),
    [(1, 0.5, 2), (1, 0.1, 10), (2, 0.4, 4), (1, 0.7, 1), (3, 1, 3), (5, 2, 2), (1, 1 / 3, 3)],
)
def test_room_on_gpus(gpus: int, share: float, room: int) -> None:
    """A share of a GPU cannot lie on two."""
    ray: Any = SimpleNamespace(cluster_resources=lambda: {"CPU": 9.0, "GPU": float(gpus)})
    assert _actors_on_gpus(ray, share) == room
    with pytest.raises(ValueError, match="this Ray has 0 GPUs"):
        _actors_on_gpus(SimpleNamespace(cluster_resources=dict), share)
