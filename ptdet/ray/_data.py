"""Suppression as a step of Ray Data."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import fields
from typing import Any

import numpy as np

from .._shared.methods import NAMES, PLAIN
from ..dataset.batch import Batch, suppress as suppress_batch
from ..dataset.extras import needed
from ..dataset.parquet_source import TableReader, columns_of
from ..dataset.settings import Job, Settings
from ..io import FileProblem
from ._cluster import processors, ray_module


def suppress(
    dataset: Any, config: Mapping[str, Any] | None = None, *, concurrency: int | None = None, batch_size: int = 256
) -> Any:
    """The survivors of each picture of a `ray.data.Dataset`.

    Args:
        dataset: a row a picture: image_id, boxes (lists of four numbers x1, y1, x2, y2), scores and, if classes are to
            be kept apart, labels; named as docs/datasets.md says.
        config: method, iou_threshold, confidence, agnostic, background, pre_topk, min_score: those of `ptdet run`.
        concurrency: how many actors, of one CPU each. None: as many as there are CPUs but one, which must be left for
            reading: without it nothing would move.
        batch_size: pictures that go into a kernel together; no result depends on it.

    Returns:
        A dataset of the columns image_id, boxes, scores, labels (where they were given) and rows: which of the stored
        boxes each is.

    Raises:
        ValueError, TypeError: naming the argument, what was expected and what came.
        ImportError: Ray is not installed; says what installs it.
    """
    try:
        ray = ray_module("ptdet.ray")
        needed("ray.data", "ptdet.ray", "ray")
    except FileProblem as problem:
        raise ImportError(str(problem)) from problem
    settings = _settings(config or {})
    _check_count("batch_size", batch_size)
    if concurrency is not None:
        _check_count("concurrency", concurrency)
    if not ray.is_initialized():
        ray.init(include_dashboard=False)
    cpus = processors(ray)
    if cpus < 2:
        raise ValueError(f"concurrency: reading needs a CPU too, and this Ray has {cpus}: ray.init(num_cpus=2) or more")
    concurrency = cpus - 1 if concurrency is None else concurrency
    if concurrency >= cpus:
        raise ValueError(
            f"concurrency: expected at most {cpus - 1}, got {concurrency}: such a pool would take all {cpus} CPUs of "
            "this Ray, and none would be left to read the data set"
        )
    pool = ray.data.ActorPoolStrategy(size=concurrency)
    return dataset.map_batches(
        Suppress,
        fn_constructor_args=[Job(settings).told()],
        compute=pool,
        batch_size=batch_size,
        batch_format="pyarrow",
        num_cpus=1,
    )


class Suppress:
    """What an actor does with a batch of pictures: one call of a kernel."""

    def __init__(self, told: Mapping[str, Any]) -> None:
        from ..numpy import set_num_threads

        set_num_threads(1)
        self._job = Job.of(told)

    def __call__(self, table: Any) -> Any:
        """The survivors, as a table of lists."""
        arrow = needed("pyarrow", "ptdet.ray", "ray")
        names = table.column_names
        table = arrow.record_batch([_as_lists(arrow, table.column(name)) for name in names], names=names)
        problems: list[str] = []
        reader = TableReader("the batch", 0, self._job, (), columns_of(table.schema, self._job.read), problems)
        batches = [suppress_batch(part, self._job.settings) for batch in reader.read(table) for part in batch.cut()]
        if problems:  # a pipeline has no place for them: Ray says where and stops
            raise ValueError("; ".join(problems))
        return arrow.concat_tables([_table(arrow, batch) for batch in batches])


def _check_count(name: str, value: Any) -> None:
    if not isinstance(value, int):
        raise TypeError(f"{name}: expected a whole number, got {type(value).__name__}")
    if value < 1:
        raise ValueError(f"{name}: expected a number above 0, got {value}")


def _settings(config: Mapping[str, Any]) -> Settings:
    known = [field.name for field in fields(Settings) if field.name not in ("multi_label", "by_class")]
    unknown = sorted(set(config) - set(known))
    if unknown:
        raise ValueError(f"config: expected some of {', '.join(known)}, got {', '.join(unknown)}")
    settings = Settings(**config)
    if settings.method not in NAMES:
        raise ValueError(f"config: method: expected one of {', '.join(PLAIN)}, got {settings.method!r}")
    return settings


def _as_lists(arrow: Any, column: Any) -> Any:
    """Ray keeps arrays of numbers in types of its own."""
    column = column.combine_chunks()
    if isinstance(column, arrow.ChunkedArray):
        column = column.chunk(0) if column.num_chunks else arrow.array([], column.type)
    if not isinstance(column.type, arrow.BaseExtensionType):
        return column
    return arrow.array([np.asarray(each).tolist() for each in column.to_pylist()])


def _table(arrow: Any, batch: Batch) -> Any:
    found, offsets = batch.found, arrow.array(batch.offsets.astype(np.int32))
    four = arrow.FixedSizeListArray.from_arrays(arrow.array(found.boxes.reshape(-1)), found.boxes.shape[1])
    columns = {
        "image_id": arrow.array([of.image_id for of in batch.of]),
        "boxes": arrow.ListArray.from_arrays(offsets, four),
        "scores": arrow.ListArray.from_arrays(offsets, arrow.array(found.scores)),
        "rows": arrow.ListArray.from_arrays(offsets, arrow.array(found.rows)),
    }
    if found.labels is not None:
        columns["labels"] = arrow.ListArray.from_arrays(offsets, arrow.array(found.labels))
    return arrow.table(columns)
