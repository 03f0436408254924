"""Files of the truth with bytes that are changed, cut or doubled: they are read, or refused in one line."""

from __future__ import annotations

import json
from pathlib import Path

import numpy as np
import pytest

from ptdet.io import FileProblem, TruthOptions, read_truth

SEED, COUNT = 0, 150
COCO = json.dumps(
    {
        "images": [{"id": 1, "file_name": "a.jpg", "width": 9, "height": 9}],
        "categories": [{"id": 1, "name": "cat"}],
        "annotations": [
            {"id": 1, "image_id": 1, "category_id": 1, "bbox": [1, 2, 3.5, 4], "area": 3, "iscrowd": 0},
            {"id": 2, "image_id": 1, "category_id": 1, "segmentation": {"size": [3, 4], "counts": [4, 3, 5]}},
            {"id": 3, "image_id": 1, "category_id": 1, "segmentation": {"size": [3, 4], "counts": "435"}},
            {"id": 4, "image_id": 1, "category_id": 1, "segmentation": [[1, 2, 3, 4, 5, 6]], "ignore": 1},
        ],
    }
)
VOC = (
    '<?xml version="1.0"?><annotation><size><width>9</width><height>9</height></size><object><name>cat</name>'
    "<difficult>0</difficult><bndbox><xmin>1</xmin><ymin>2</ymin><xmax>3</xmax><ymax>4</ymax></bndbox>"
    "</object></annotation>"
)
FILES = {
    "gt.json": COCO,
    "a.xml": VOC,
    "a.txt": "0 0.5 0.5 0.25 0.5\n1 0.1 0.2 0.3 0.2 0.3 0.6 0.1 0.6\n",
    "P1.txt": "imagesource:x\ngsd:0.5\n0 0 4 0 4 2 0 2 plane 0\n10 0 20 10 10 20 0 10 ship 1\n",
    "data.yaml": "path: .\nval: images\nnc: 2\nnames: [cat, dog]\nkpt_shape: [2, 3]\n",
}


@pytest.mark.parametrize("name", FILES)
def test_damaged_files(tmp_path: Path, name: str) -> None:
    for folder, of, text in (("images", "x.png", ""), ("labels", "x.txt", "1 0.5 0.5 0.25 0.5\n")):
        (tmp_path / folder).mkdir()  # those of the data.yaml; nobody opens the picture, whose size is said
        (tmp_path / folder / of).write_text(text)
    random = np.random.default_rng(SEED)
    path, whole = tmp_path / name, FILES[name].encode()
    read = 0
    for _ in range(COUNT):
        damaged = bytearray(whole)
        for _ in range(random.integers(1, 4)):
            at = int(random.integers(len(damaged)))
            what = random.integers(4)
            if what == 0:
                damaged[at] = int(random.integers(256))
            elif what == 1:
                damaged[at : at + int(random.integers(1, 9))] = b""
            elif what == 2:
                damaged[at:at] = damaged[at : at + int(random.integers(1, 20))]
            else:
                damaged[at : at + 1] = random.choice(
                    [b"-", b"9", b"e", b".", b"[", b'"', b"<", b"&", b"\n", b"nan", b"1e999"]
                )
            damaged = damaged or bytearray(b" ")
        path.write_bytes(damaged)
        try:
            truth = read_truth(path, TruthOptions(image_size=(100, 50)))
        except FileProblem as problem:
            assert str(problem) and "\n" not in str(problem), damaged
        else:
            read += 1
            assert np.isfinite(truth.boxes).all() and len(truth.boxes) == len(truth.labels) == len(truth.images), (
                damaged
            )
            assert not len(truth.labels) or truth.labels.max() < len(truth.class_names), damaged
    assert read
