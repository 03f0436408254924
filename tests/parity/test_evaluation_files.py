"""From files to numbers: `read_truth`, `read_detections` and `evaluate` beside pycocotools on the same JSON."""

from __future__ import annotations

import contextlib
import io
import json
from pathlib import Path
from typing import Any

import numpy as np
import pytest

import ptdet
from ptdet.io import read_detections, read_truth

coco = pytest.importorskip("pycocotools.coco")
cocoeval = pytest.importorskip("pycocotools.cocoeval")

LIST = list[dict[str, Any]]


def drawn(seed: int) -> tuple[dict[str, Any], LIST]:
    """Ids in no order and with gaps, crowds, equal scores across pictures, pictures and classes of one side alone."""
    r = np.random.default_rng(seed)
    image_ids = r.permutation(400)[:12] + 1
    categories = r.permutation(90)[:5] + 1
    names = [f"class {n}" for n in range(5)]

    def boxes(count: int) -> LIST:
        corner, sides = r.integers(0, 12, (count, 2)) * 4.25, r.choice([8.0, 31.9, 32.0, 64.5, 97.3], (count, 2))
        return [
            {
                "image_id": int(r.choice(image_ids[:-1])),
                "category_id": int(r.choice(categories[:4])),
                "bbox": [*corner[n].tolist(), *sides[n].tolist()],
            }
            for n in range(count)
        ]

    there = boxes(60)
    for n, one in enumerate(there):
        crowd = int(r.random() < 0.15)
        one |= {"id": int(n + 1), "iscrowd": crowd, "area": one["bbox"][2] * one["bbox"][3] * 0.8}
    found = boxes(40) + [
        {**{key: one[key] for key in ("image_id", "category_id")}, "bbox": [v * 1.05 for v in one["bbox"]]}
        for one in there
        if r.random() < 0.7
    ]
    for one in found:
        one["score"] = float(r.choice([0.25, 0.5, 0.75, r.random()]))
    r.shuffle(found)
    truth = {
        "images": [{"id": int(n), "file_name": f"{n}.jpg"} for n in image_ids],
        "categories": [{"id": int(n), "name": name} for n, name in zip(categories, names, strict=True)],
        "annotations": there,
    }
    return truth, found


@pytest.mark.parametrize("seed", range(8))
def test_the_numbers_of_pycocotools(tmp_path: Path, seed: int) -> None:
    truth, found = drawn(seed)
    there, results = tmp_path / "gt.json", tmp_path / "r.json"
    there.write_text(json.dumps(truth))
    results.write_text(json.dumps(found))
    with contextlib.redirect_stdout(io.StringIO()):
        loaded = coco.COCO(there)
        theirs = cocoeval.COCOeval(loaded, loaded.loadRes(str(results)), "bbox")
        theirs.evaluate()
        theirs.accumulate()
        theirs.summarize()
    read = read_truth(there)
    ours = ptdet.evaluate(read_detections([results], read), read)
    np.testing.assert_allclose(list(ours.stats.values()), theirs.stats, rtol=0, atol=1e-12)
    np.testing.assert_allclose(ours.precision, theirs.eval["precision"], rtol=0, atol=1e-12)
    assert 0.05 < theirs.stats[0] < 0.95
