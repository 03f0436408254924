"""What a test runs in a process of its own, with a Ray of two CPUs: `python -m tests.dataset_on_ray FOLDER`."""

from __future__ import annotations

import os
import sys
import time
from pathlib import Path
from typing import Any

import ray

import ptdet.ray

from . import dataset_inputs as inputs
from .contract.test_dataset_run import expected

CONFIG = {"confidence": 0.3, "iou_threshold": 0.45}
COUNT = 120


class DiesOnce:
    """An actor behind the suppression that dies if it finds a file."""

    def __init__(self, ticket: str) -> None:
        self.ticket = ticket

    def __call__(self, table: Any) -> Any:
        try:
            os.unlink(self.ticket)
        except FileNotFoundError:
            return table
        os._exit(1)


def found(dataset: Any) -> dict[int, list[tuple[Any, ...]]]:
    """As `expected`."""
    rows = dataset.take_all()
    assert len(rows) == len({row["image_id"] for row in rows}) == COUNT
    return {
        row["image_id"]: [
            (label, score, *map(float, box))
            for label, score, box in zip(row["labels"], row["scores"], row["boxes"], strict=True)
        ]
        for row in rows
    }


def main(folder: Path) -> None:
    ray.init(num_cpus=2, include_dashboard=False, log_to_driver=False)
    ray.data.DataContext.get_current().enable_progress_bars = False
    source = inputs.write_nested(folder / "x.parquet", COUNT, row_group=40)
    started = time.monotonic()
    for wrong, told in (
        ({"concurrency": 2}, "would take all 2 CPUs"),
        ({"concurrency": 0}, "concurrency: expected a number above 0"),
        ({"config": {"iou": 1}}, "config: expected some of method"),
        ({"num_gpus": 0.5}, "num_gpus: got 0.5, and this Ray has 0 GPUs"),
        ({"num_gpus": 1.5}, "num_gpus: expected a share of a GPU or a whole number of them, got 1.5"),
        ({"num_gpus": 1, "config": {"method": "wbf"}}, "method: with num_gpus expected one of hard, or, diou"),
    ):
        try:
            ptdet.ray.suppress(ray.data.read_parquet(str(source)), **wrong)
        except ValueError as error:
            assert told in str(error), error
        else:
            raise AssertionError(f"{wrong} was not refused")
    assert time.monotonic() - started < 30
    assert found(ptdet.ray.suppress(ray.data.read_parquet(str(source)), CONFIG, batch_size=50)) == expected(COUNT)
    ticket = folder / "ticket"
    ticket.touch()
    # arrays, which Ray keeps in a type of its own
    of_items = ptdet.ray.suppress(ray.data.from_items(list(inputs.pictures(COUNT)), override_num_blocks=4), CONFIG)
    pool = ray.data.ActorPoolStrategy(size=1)
    behind = of_items.map_batches(
        DiesOnce, fn_constructor_args=[str(ticket)], batch_format="pyarrow", compute=pool, num_cpus=0
    )
    assert found(behind) == expected(COUNT) and not ticket.exists()


if __name__ == "__main__":
    main(Path(sys.argv[1]))
    print("all")
