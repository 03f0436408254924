"""What an actor of `ptdet.ray.suppress` does with a batch, without Ray: the same on torch as on arrays."""

from __future__ import annotations

from dataclasses import replace
from types import SimpleNamespace
from typing import Any

import numpy as np
import pytest

from ptdet._shared.methods import BATCH_METHODS
from ptdet.dataset.batch import batches_of, suppress
from ptdet.dataset.settings import Job, Settings
from ptdet.ray._data import Suppress, _actors_on_gpus

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
