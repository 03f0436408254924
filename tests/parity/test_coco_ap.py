"""The table of COCO AP in docs/METHODS.md is that of this code, and the peers' where they have been run."""

from __future__ import annotations

import json

import pytest

from benchmarks import coco_ap, readme

SLOW = ("fast", "matrix", "nmm")  # all pairs of a class; the others take some milliseconds


def test_the_stored_numbers_are_of_these_methods() -> None:
    rows = {row["method"]: row for row in json.loads(readme.COCO.read_text())["rows"]}
    assert list(rows) == list(coco_ap.ROWS)
    known = [row for row in rows.values() if "reference" in row]
    assert len(known) == 9 and all(row["gap"] < 1e-4 for row in known)
    data = coco_ap.candidates()
    for name, (method, *_) in coco_ap.ROWS.items():
        if method not in SLOW:
            assert len(coco_ap.suppressed(name, data)[0]) == rows[name]["n_dets"], name


def test_ap_is_the_peers() -> None:
    """Where an evaluator is installed."""
    try:
        coco_ap.evaluator()
    except SystemExit as missing:
        pytest.skip(str(missing))
    data = coco_ap.candidates()
    reference = json.loads((coco_ap.DATA / "yolox_nano_reference_map.json").read_text())
    stats = coco_ap.average_precision(coco_ap.suppressed("hard 0.5", data), data[4])
    assert all(abs(stats[key] - reference["batched_nms_0.5"][key]) < 1e-4 for key in coco_ap.STATS)
