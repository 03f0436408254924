"""The table of COCO AP in docs/METHODS.md is that of this code, and the peers' where they have been run."""

from __future__ import annotations

import importlib.util
import json
from pathlib import Path
from typing import Any

import pytest

from ptdet.bench import readme

SLOW = ("fast", "matrix", "nmm")  # all pairs of a class; the others take some milliseconds


@pytest.fixture(scope="module")
def coco_ap() -> Any:
    path = Path(__file__).parents[1] / "benchmarks/coco_ap.py"
    spec = importlib.util.spec_from_file_location("coco_ap", path)
    assert spec is not None and spec.loader is not None
    module = importlib.util.module_from_spec(spec)
    spec.loader.exec_module(module)
    return module


def test_the_stored_numbers_are_of_these_methods(coco_ap: Any) -> None:
    rows = {row["method"]: row for row in json.loads(readme.COCO.read_text())["rows"]}
    assert list(rows) == list(coco_ap.METHODS)
    known = [row for row in rows.values() if "reference" in row]
    assert len(known) == 9 and all(row["gap"] < 1e-4 for row in known)
    data = coco_ap.candidates()
    for name, (method, *_) in coco_ap.METHODS.items():
        if method not in SLOW:
            assert len(coco_ap.suppressed(name, data)[0]) == rows[name]["n_dets"], name


def test_ap_is_the_peers(coco_ap: Any) -> None:
    """Where an evaluator is installed."""
    try:
        coco_ap.evaluator()
    except SystemExit as missing:
        pytest.skip(str(missing))
    data = coco_ap.candidates()
    reference = json.loads((coco_ap.DATA / "yolox_nano_reference_map.json").read_text())
    stats = coco_ap.average_precision(coco_ap.suppressed("hard 0.5", data), data[4])
    assert all(abs(stats[key] - reference["batched_nms_0.5"][key]) < 1e-4 for key in coco_ap.STATS)
