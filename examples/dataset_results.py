"""What `ptdet run` writes of a data set, read by others: `python examples/dataset_results.py`.

Needs `pip install 'ptdet[parquet]' pandas duckdb polars pycocotools`.
"""

from __future__ import annotations

import json
import os
import subprocess
import sys
import tempfile

import numpy as np

PICTURES = 8


def main() -> None:
    with tempfile.TemporaryDirectory() as folder:
        os.chdir(folder)
        write_inputs()
        for out, form in (("kept", "parquet"), ("results", "coco")):
            command = ["run", "predictions.parquet", "--classes", "cat,dog", "--format", form, "--out", out]
            subprocess.run([sys.executable, "-m", "ptdet", *command], check=True)
        read_parquet()
        read_coco()
        os.chdir(os.pardir)  # some systems do not remove the folder in which they are


def write_inputs() -> None:
    """Boxes of eight pictures, two of three on one object, and their truth."""
    # [docs: write]
    import pyarrow as pa
    import pyarrow.parquet

    boxes = np.array([[0, 0, 10, 10], [1, 0, 11, 10], [20, 0, 30, 10]], np.float32)  # x1 y1 x2 y2
    rows = [
        {"image_id": number, "boxes": boxes.tolist(), "scores": [0.9, 0.8, 0.7], "labels": [0, 0, 1]}
        for number in range(PICTURES)
    ]
    pyarrow.parquet.write_table(pa.Table.from_pylist(rows), "predictions.parquet")
    # [docs: end]
    truth = {
        "images": [{"id": number, "width": 40, "height": 20} for number in range(PICTURES)],
        "categories": [{"id": 0, "name": "cat"}, {"id": 1, "name": "dog"}],
        "annotations": [],
    }
    with open("truth.json", "w") as file:
        json.dump(truth, file)


def read_parquet() -> None:
    # [docs: parquet]
    import duckdb
    import pandas
    import polars
    import pyarrow.parquet

    kept = pandas.read_parquet("kept")
    print(kept.groupby("label").score.agg(["count", "mean"]))
    print(duckdb.sql("select image_id, count(*) from 'kept/*.parquet' group by all order by all").fetchall())
    print(polars.scan_parquet("kept/*.parquet").filter(polars.col("score") > 0.8).collect().height)
    said = json.loads(pyarrow.parquet.read_schema("kept/shard-000000.parquet").metadata[b"ptdet"])
    print(said["classes"], said["settings"]["iou_threshold"])
    # [docs: end]


def read_coco() -> None:
    # [docs: coco]
    from pycocotools.coco import COCO

    found = COCO("truth.json").loadRes("results/detections.json")
    print(len(found.getAnnIds(catIds=[1])))
    # [docs: end]


if __name__ == "__main__":
    main()
