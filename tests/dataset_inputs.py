"""Predictions for tests of runs over data sets, in every form that these read."""

from __future__ import annotations

import io
import json
import tarfile
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import numpy as np

Picture = dict[str, Any]
SIDE = 640


def pictures(count: int, seed: int = 0) -> Iterator[Picture]:
    """Crowded boxes of eight classes; some pictures have none."""
    random = np.random.default_rng(seed)
    for number in range(count):
        boxes = int(random.integers(0, 60))
        objects = random.uniform(50, SIDE - 50, (max(1, boxes // 8), 2))
        centres = objects[random.integers(0, len(objects), boxes)] + random.normal(0, 6, (boxes, 2))
        sizes = random.uniform(40, 90, (boxes, 2))
        yield {
            "image_id": number * 3 + 1,
            "boxes": np.concatenate([centres - sizes / 2, centres + sizes / 2], 1).astype(np.float32),
            "scores": random.beta(1.2, 2, boxes).astype(np.float32),
            "labels": random.integers(0, 8, boxes),
        }


def write_npz(folder: Path, count: int) -> Path:
    """A file a picture."""
    folder.mkdir()
    for one in pictures(count):
        np.savez(folder / f"{one['image_id']:012}.npz", **_arrays(one))
    return folder


def write_tar(path: Path, count: int) -> Path:
    """WebDataset: samples of a picture and its boxes, in turn as .npz and as .json."""
    with tarfile.open(path, "w") as archive:
        for one in pictures(count):
            key = f"{one['image_id']:012}"
            _add(archive, f"{key}.jpg", b"no picture")
            if one["image_id"] % 2:
                stream = io.BytesIO()
                np.savez(stream, **_arrays(one))
                _add(archive, f"{key}.npz", stream.getvalue())
            else:
                lists = {name: value.tolist() for name, value in _arrays(one).items()}
                _add(archive, f"{key}.json", json.dumps(lists).encode())
    return path


def write_coco(path: Path, count: int, shuffled: bool = False) -> Path:
    """One list of all results, those of a picture together or not; each with a note, as a file may have them."""
    entries = [{**entry, "note": "x" * 200} for one in pictures(count) for entry in coco_entries(one)]
    if shuffled:
        np.random.default_rng(0).shuffle(entries)
    path.write_text(json.dumps(entries), encoding="utf-8")
    return path


def coco_entries(one: Picture) -> list[dict[str, Any]]:
    rows = zip(one["boxes"].astype(float).tolist(), one["scores"].tolist(), one["labels"].tolist(), strict=True)
    return [
        {"image_id": one["image_id"], "category_id": label, "bbox": [x1, y1, x2 - x1, y2 - y1], "score": score}
        for (x1, y1, x2, y2), score, label in rows
    ]


def write_nested(path: Path, count: int, row_group: int = 1000) -> Path:
    """Parquet with a row a picture."""
    import pyarrow
    import pyarrow.parquet

    every = list(pictures(count))
    table = pyarrow.table(
        {
            "image_id": pyarrow.array([one["image_id"] for one in every], pyarrow.int64()),
            "boxes": pyarrow.array(
                [one["boxes"].tolist() for one in every], pyarrow.list_(pyarrow.list_(pyarrow.float32(), 4))
            ),
            "scores": pyarrow.array([one["scores"] for one in every], pyarrow.list_(pyarrow.float32())),
            "labels": pyarrow.array([one["labels"] for one in every], pyarrow.list_(pyarrow.int64())),
            "width": [SIDE] * count,
            "height": [SIDE] * count,
        }
    )
    pyarrow.parquet.write_table(table, path, row_group_size=row_group)
    return path


def write_flat(path: Path, count: int, row_group: int = 1000) -> Path:
    """Parquet with a row a detection."""
    import pyarrow
    import pyarrow.parquet

    every = [one for one in pictures(count) if len(one["boxes"])]
    boxes = np.concatenate([one["boxes"] for one in every])
    table = pyarrow.table(
        {
            "image_id": np.repeat([str(one["image_id"]) for one in every], [len(one["boxes"]) for one in every]),
            "score": np.concatenate([one["scores"] for one in every]),
            "label": np.concatenate([one["labels"] for one in every]),
            **{side: boxes[:, place].copy() for place, side in enumerate(("x1", "y1", "x2", "y2"))},
        }
    )
    pyarrow.parquet.write_table(table, path, row_group_size=row_group)
    return path


def _arrays(one: Picture) -> Picture:
    return {name: one[name] for name in ("boxes", "scores", "labels")}


def _add(archive: tarfile.TarFile, name: str, data: bytes) -> None:
    member = tarfile.TarInfo(name)
    member.size = len(data)
    archive.addfile(member, io.BytesIO(data))
