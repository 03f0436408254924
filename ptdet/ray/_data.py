"""Suppression as a step of Ray Data."""

from __future__ import annotations

import math
from collections.abc import Mapping, Sequence
from typing import Any

import numpy as np

from .._shared.config import KEYS, Config, config_of, stored_of
from .._shared.methods import BATCH_METHODS, NAMES
from ..dataset.batch import Batch, limited, on_arrays, suppress as suppress_batch
from ..dataset.extras import needed
from ..dataset.parquet_source import TableReader, columns_of
from ..dataset.settings import Job, Settings
from ..io import FileProblem, ReadOptions
from ._cluster import processors, ray_module
from ._gpu import on_torch

OTHER_NAMES = {"iou_threshold": "iou", "confidence": "conf"}  # as the options of Python's functions are called
OWN = ("background", "pre_topk", "max_det")


def suppress(
    dataset: Any,
    config: Config | Mapping[str, Any] | None = None,
    *,
    classes: Sequence[str] = (),
    concurrency: int | None = None,
    batch_size: int = 256,
    num_gpus: float = 0,
) -> Any:
    """The survivors of each picture of a `ray.data.Dataset`.

    Args:
        dataset: a row a picture: image_id, boxes (lists of four numbers x1, y1, x2, y2), scores and, if classes are to
            be kept apart, labels; named as docs/datasets.md says.
        config: what `load_config` reads, the file of `ptdet tune`; or a dict with the keys of such a file, of which
            `iou` and `conf` may be called `iou_threshold` and `confidence`, and with `background`, `pre_topk` and
            `max_det` of `ptdet run`.
        classes: the names of the classes, by label; for a `config` in which single ones have thresholds of their own.
        concurrency: how many actors, of one CPU each. None: as many as there are CPUs but one, which must be left for
            reading: without it nothing would move.
        batch_size: pictures that go into a kernel together; no result depends on it.
        num_gpus: what each actor has of the GPUs: a share of one, as 0.25, or a whole number. Its batches then go
            there, with the same results; for hard, or, diou, and, merge, soft, fast and matrix, and torch must be
            installed. 0: the CPU alone, without torch.

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
    if not callable(getattr(dataset, "map_batches", None)):
        raise TypeError(f"dataset: expected a ray.data.Dataset, got {type(dataset).__name__}")
    settings = _settings(config)
    names = _names(classes, settings)
    _check_count("batch_size", batch_size)
    if concurrency is not None:
        _check_count("concurrency", concurrency)
    _check_gpus(num_gpus, settings)
    if not ray.is_initialized():
        ray.init(include_dashboard=False)
    cpus = processors(ray)
    if cpus < 2:
        raise ValueError(f"concurrency: reading needs a CPU too, and this Ray has {cpus}: ray.init(num_cpus=2) or more")
    most = _actors_on_gpus(ray, num_gpus) if num_gpus else cpus - 1
    concurrency = min(most, cpus - 1) if concurrency is None else concurrency
    if num_gpus and concurrency > most:
        raise ValueError(
            f"concurrency: expected at most {most}, got {concurrency}: no more actors with num_gpus {num_gpus:g} find "
            "room on the GPUs of this Ray, and the rest would wait for ever"
        )
    if concurrency >= cpus:
        raise ValueError(
            f"concurrency: expected at most {cpus - 1}, got {concurrency}: such a pool would take all {cpus} CPUs of "
            "this Ray, and none would be left to read the data set"
        )
    pool = ray.data.ActorPoolStrategy(size=concurrency)
    return dataset.map_batches(
        Suppress,
        fn_constructor_args=[Job(settings, ReadOptions(classes=names)).told(), "cuda" if num_gpus else None],
        compute=pool,
        batch_size=batch_size,
        batch_format="pyarrow",
        num_cpus=1,
        num_gpus=num_gpus or None,
    )


class Suppress:
    """What an actor does with a batch of pictures: one call of a kernel."""

    def __init__(self, told: Mapping[str, Any], device: str | None = None) -> None:
        """`device` is one of torch; None: the kernels of ptdet.numpy."""
        from ..numpy import set_num_threads

        set_num_threads(1)
        self._job = Job.of(told)
        self._cuts = device is None  # a GPU likes a batch best as a whole
        self._chooser = on_arrays if device is None else on_torch(device)

    def __call__(self, table: Any) -> Any:
        """The survivors, as a table of lists."""
        arrow = needed("pyarrow", "ptdet.ray", "ray")
        names = table.column_names
        table = arrow.record_batch([_as_lists(arrow, table.column(name)) for name in names], names=names)
        problems: list[str] = []
        job, settings = self._job, self._job.settings
        reader = TableReader("the batch", 0, job, job.read.classes, columns_of(table.schema, job.read), problems)
        limits = (limited(batch, settings, problems) for batch in reader.read(table))
        parts = (part for batch in limits for part in (batch.cut() if self._cuts and batch.of else [batch]))
        batches = [suppress_batch(part, settings, self._chooser) for part in parts]
        if problems:  # a pipeline has no place for them: Ray says where and stops
            raise ValueError("; ".join(problems))
        ids = table.schema.field(reader.columns["image_id"]).type
        return arrow.concat_tables([_table(arrow, batch, ids) for batch in batches])


def _check_count(name: str, value: Any) -> None:
    if not isinstance(value, int) or isinstance(value, bool):
        raise TypeError(f"{name}: expected a whole number, got {type(value).__name__}")
    if value < 1:
        raise ValueError(f"{name}: expected a number above 0, got {value}")


def _check_gpus(num_gpus: Any, settings: Settings) -> None:
    if isinstance(num_gpus, bool) or not isinstance(num_gpus, (int, float)):
        raise TypeError(f"num_gpus: expected a number, got {type(num_gpus).__name__}")
    if not 0 <= num_gpus < math.inf or (num_gpus > 1 and num_gpus != int(num_gpus)):
        raise ValueError(f"num_gpus: expected a share of a GPU or a whole number of them, got {num_gpus:g}")
    if num_gpus and NAMES[settings.method] not in BATCH_METHODS:
        known = ", ".join(BATCH_METHODS)
        raise ValueError(f"config: method: with num_gpus expected one of {known}, got {settings.method!r}")


def _actors_on_gpus(ray: Any, num_gpus: float) -> int:
    """How many actors find room.

    Raises:
        ValueError: none does.
    """
    gpus = int(ray.cluster_resources().get("GPU", 0))
    room = gpus // int(num_gpus) if num_gpus >= 1 else gpus * int(1 / num_gpus + 1e-9)  # a share lies on one GPU
    if room < 1:
        raise ValueError(f"num_gpus: got {num_gpus:g}, and this Ray has {gpus} GPUs: no actor would ever start")
    return room


def _settings(config: Config | Mapping[str, Any] | None) -> Settings:
    """As `ptdet run` has them, all checked."""
    own: dict[str, int | None] = {}
    if isinstance(config, Config):
        config = config_of(stored_of(config), "config")
    elif config is None or isinstance(config, Mapping):
        given = dict(config or {})
        own = {name: _whole(name, given.pop(name)) for name in OWN if name in given}
        for other, name in OTHER_NAMES.items():
            if other in given:
                if name in given:
                    raise ValueError(f"config: {other} and {name} are two names of one thing: give one of them")
                given[name] = given.pop(other)
        unknown = [str(name) for name in given if name not in (*KEYS, "classes", "provenance")]
        if unknown:
            known = ", ".join((*KEYS, *OTHER_NAMES, *OWN, "classes"))
            raise ValueError(f"config: expected some of {known}, got {', '.join(sorted(unknown))}")
        given = {name: value for name, value in given.items() if name != "min_score" or value is not None}
        config = config_of(given, "config")
    else:
        raise TypeError(f"config: expected what load_config returns, or a dict, got {type(config).__name__}")
    return Settings.of(config, **own)


def _whole(name: str, value: Any) -> int | None:
    if value is None:
        return None
    if not isinstance(value, int) or isinstance(value, bool):
        raise TypeError(f"config: {name}: expected a whole number, got {type(value).__name__}")
    if value < 0:
        raise ValueError(f"config: {name}: expected a number from 0 on, got {value}")
    return value


def _names(classes: Sequence[str], settings: Settings) -> tuple[str, ...]:
    if isinstance(classes, str) or not all(isinstance(name, str) for name in classes):
        raise TypeError(f"classes: expected a list of names, got {classes!r}")
    if settings.by_class is not None and not classes:
        raise ValueError("classes: config has thresholds of single classes, which are found by name: give the names")
    return tuple(classes)


def _as_lists(arrow: Any, column: Any) -> Any:
    """Ray keeps arrays of numbers in types of its own."""
    column = column.combine_chunks()
    if isinstance(column, arrow.ChunkedArray):
        column = column.chunk(0) if column.num_chunks else arrow.array([], column.type)
    if not isinstance(column.type, arrow.BaseExtensionType):
        return column
    arrays = [np.zeros(0) if each is None else np.asarray(each) for each in column.to_pylist()]
    flat = [each.reshape(-1) for each in arrays]  # numbers of the type that they had: others would overlap otherwise
    typed = [each for each in flat if len(each)] or flat[:1] or [np.zeros(0)]
    offsets = np.cumsum([0, *map(len, flat)]).astype(np.int32)
    return arrow.ListArray.from_arrays(arrow.array(offsets), arrow.array(np.concatenate(typed)))


def _table(arrow: Any, batch: Batch, ids: Any) -> Any:
    ids = ids.value_type if arrow.types.is_dictionary(ids) else ids  # the same in a batch without pictures
    found, offsets = batch.found, arrow.array(batch.offsets.astype(np.int32))
    four = arrow.FixedSizeListArray.from_arrays(arrow.array(found.boxes.reshape(-1)), found.boxes.shape[1])
    columns = {
        "image_id": arrow.array([of.image_id for of in batch.of], ids),
        "boxes": arrow.ListArray.from_arrays(offsets, four),
        "scores": arrow.ListArray.from_arrays(offsets, arrow.array(found.scores)),
        "rows": arrow.ListArray.from_arrays(offsets, arrow.array(found.rows)),
    }
    if found.labels is not None:
        columns["labels"] = arrow.ListArray.from_arrays(offsets, arrow.array(found.labels))
    return arrow.table(columns)
