"""Inputs of a run over a data set that are not as they should be, and who does which shard."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import numpy as np
import pytest

from ptdet.dataset.batch import Batch
from ptdet.dataset.plan import Places, make_plan
from ptdet.dataset.runs import Runs
from ptdet.dataset.settings import Job, Settings
from ptdet.dataset.sources import READ
from ptdet.io import FileProblem, ReadOptions, Space

from .. import dataset_inputs as inputs


def test_a_job_comes_back_as_it_was() -> None:
    read = ReadOptions("yolov8", "classes", ("a", "b"), (1, 2), Space("letterbox", (640, 480), center=False), 2)
    job = Job(Settings("soft", 0.4, 0.1, True, pre_topk=9), read, "npz", "ensemble", (1, 2), (0.5, 1.0))
    assert Job.of(job.told()) == job and Job.of(job.told()).hash == job.hash
    assert job.hash != Job().hash == Job().hash


def test_neighbours_go_to_one_worker_and_the_idle_take_half() -> None:
    runs = Runs(list(range(0, 20, 2)), [range(0, 9), range(9, 20)])
    assert [runs.next(0) for _ in range(3)] == [0, 2, 4]
    assert [runs.next(1) for _ in range(2)] == [10, 12]
    assert runs.next(2) == 16  # worker 1 has three left, and keeps the nearer ones
    runs.give_back(2)
    assert runs.next(1) == 2
    rest = [runs.next(worker) for worker in (0, 1, 2) * 5]
    assert sorted(shard for shard in rest if shard is not None) == [6, 8, 14, 18]
    assert Runs([], [range(0, 5)]).next(0) is None


def batches(
    source: Path, tmp_path: Path, size: int = 1000, confidence: float = 0.3, **read: Any
) -> tuple[list[Batch], list[str]]:
    """What the shards of a file hold, and the problems."""
    places = Places(tmp_path / "out")
    places.workshop.mkdir(parents=True, exist_ok=True)
    job = Job(Settings(confidence=confidence), ReadOptions(**read))
    plan = make_plan([[source]], size, job, places)
    problems = list(plan.problems)
    found = [
        batch
        for shard in range(len(plan))
        for task in [plan.task(shard, places)]
        for batch in READ[task["kind"]](task, job, problems)
    ]
    return found, problems


def table(path: Path, **columns: Any) -> Path:
    pyarrow = pytest.importorskip("pyarrow")
    parquet = pytest.importorskip("pyarrow.parquet")
    parquet.write_table(pyarrow.table(columns), path)
    return path


ROW: dict[str, Any] = {"image_id": [1, 1, 2], "x1": [0.0] * 3, "y1": [0.0] * 3, "x2": [9.0] * 3, "y2": [9.0] * 3}


@pytest.mark.parametrize(
    ("columns", "told"),
    [
        ({**ROW}, "has no scores among image_id, x1, y1, x2, y2; expected a row a picture with lists"),
        ({**ROW, "score": [0.9] * 3, "image_id": [1, 2, 1]}, "row 2: picture 1 goes on here"),
        (
            {**ROW, "score": [0.9] * 3, "image_id": [1.5, 2.5, 3.5]},
            "image_id: expected whole numbers or names, got double",
        ),
        (
            {**ROW, "score": [0.9] * 3, "image_id": ["a", None, "b"]},
            "row 1: image_id is null",
        ),
        ({**ROW, "score": [0.9] * 3, "image_id": [1] * 3, "label": ["cat"] * 3}, "label: expected numbers, got string"),
        ({"image_id": [1], "boxes": [[[1.0, 2, 3, 4]]], "scores": [0.5]}, "scores: expected lists of numbers, got dou"),
        (
            {"image_id": [1], "boxes": [[[1.0, 2, 3, 4]]], "scores": [[[0.5, 0.4]]]},
            "scores: expected lists of numbers, got list<element: list<element: double>>",
        ),
        (
            {"image_id": [b"a"], "boxes": [[[1.0, 2, 3, 4]]], "scores": [[0.5]]},
            "image_id: expected whole numbers or names, got binary",
        ),
    ],
)
def test_columns_that_are_not_understood(tmp_path: Path, columns: dict[str, Any], told: str) -> None:
    found, problems = batches(table(tmp_path / "x.parquet", **columns), tmp_path)
    assert len(problems) == 1 and told in problems[0], problems
    assert sum(len(batch.found) for batch in found) == (2 if "null" in told else 0)  # the others are read


def test_only_the_row_that_is_wrong_is_left_out(tmp_path: Path) -> None:
    """Its neighbours stay, however the file is read; so a result does not hang on who reads which rows."""
    pyarrow = pytest.importorskip("pyarrow")
    four = [0.0, 0, 9, 9]
    boxes = [[four], [four, [1.0, 2]], [None, four], [four], [], [four], [four]]
    labels = [[1], [1, 2], [1, 2], [None], [], [2**63], [3]]
    source = table(
        tmp_path / "x.parquet",
        image_id=[1, 2, 3, 4, 5, 6, 7],
        boxes=boxes,
        scores=[[0.9] * len(each) for each in boxes],
        labels=pyarrow.array(labels, pyarrow.list_(pyarrow.uint64())),
    )
    for size in (1, 3, 7):
        found, problems = batches(source, tmp_path, size)
        assert [of.image_id for batch in found for of in batch.of] == [1, 5, 7]
        assert [batch.found.labels.tolist() for batch in found if batch.of and len(batch.found)][-1][-1] == 3
    rows = "x.parquet, rows"
    assert f"{source}, rows 1 to 2: boxes: expected lists of 4 numbers (xyxy)" in problems[0] and len(problems) == 2
    assert f"{rows} 3, 5: labels: expected whole numbers below 2**63" in problems[1]
    labels_of_rows = pyarrow.array([1, None, 2])
    source = table(tmp_path / "y.parquet", **{**ROW, "image_id": [1] * 3, "score": [0.9] * 3, "label": labels_of_rows})
    (batch,), (problem,) = batches(source, tmp_path)
    assert problem == f"{source}, row 1: label: expected whole numbers below 2**63"
    assert batch.found.rows.tolist() == [0, 2] and batch.found.labels.tolist() == [1, 2]  # places in the file
    ids = pyarrow.array([7, None, 2**63 + 1, None, 8], pyarrow.uint64())
    five = {side: [float(side[1] == "2")] * 5 for side in ("x1", "y1", "x2", "y2")}
    found, problems = batches(table(tmp_path / "z.parquet", image_id=ids, score=[0.9] * 5, **five), tmp_path)
    assert [of.image_id for batch in found for of in batch.of] == [7, 8]
    assert [problem.partition("parquet, ")[2] for problem in problems] == [
        "rows 1, 3: image_id is null",
        "row 2: image_id: expected a number below 2**63",
    ]


@pytest.mark.parametrize("flat", [False, True])
def test_types_of_columns(tmp_path: Path, flat: bool) -> None:
    """Whatever a writer calls numbers, names and lists."""
    arrow = pytest.importorskip("pyarrow")
    lists = arrow.list_, arrow.large_list, lambda kind: arrow.list_(kind, 2), getattr(arrow, "list_view", arrow.list_)
    names = [arrow.string(), arrow.large_string(), arrow.dictionary(arrow.uint8(), arrow.string())]
    names += [arrow.string_view()] if hasattr(arrow, "string_view") else []
    ids = [arrow.int8(), arrow.uint8(), arrow.uint32(), arrow.uint64(), *names]
    reals = [arrow.float16(), arrow.float32(), arrow.float64(), arrow.decimal128(9, 3), arrow.int16()]
    for number in range(max(len(ids), len(reals))):
        name, real = ids[number % len(ids)], reals[number % len(reals)]
        whole = (arrow.uint8(), arrow.int64(), arrow.float64())[number % 3]
        a, b = ("1", "2") if name in names else (1, 2)
        given = arrow.array([a, a, b, b] if flat else [a, b])
        columns = {"image_id": given.cast(name) if name not in names[2:3] else given.dictionary_encode().cast(name)}
        if flat:
            for side, values in {"x1": [0, 50] * 2, "y1": [0] * 4, "x2": [9, 59] * 2, "y2": [9] * 4}.items():
                columns[side] = arrow.array(np.array(values, np.float64)).cast(real)
            columns["score"] = arrow.array([1.0] * 4).cast(real)
            columns["label"] = arrow.array([3] * 4).cast(whole)
        else:
            many = lists[number % len(lists)]
            eight = arrow.array(np.array([0, 0, 9, 9, 50, 0, 59, 9] * 2, np.float64)).cast(real).to_pylist()
            boxes = [[eight[:4], eight[4:8]], [eight[8:12], eight[12:]]]
            columns["boxes"] = arrow.array(boxes, many(arrow.list_(real)))
            columns["scores"] = arrow.array([eight[2:4]] * 2, many(real))
            columns["labels"] = arrow.array([[3, 3]] * 2, many(whole))
        found, problems = batches(table(tmp_path / "x.parquet", **columns), tmp_path)
        assert not problems and [of.image_id for batch in found for of in batch.of] == [a, b], (name, real, whole)
        pairs = [kept for batch in found for _, kept in batch.pairs()]
        assert [kept.boxes.tolist() for kept in pairs] == [[[0, 0, 9, 9], [50, 0, 59, 9]]] * 2
        assert [kept.labels.tolist() for kept in pairs if kept.labels is not None] == [[3, 3]] * 2


def test_columns_of_one_name_and_of_one_meaning(tmp_path: Path) -> None:
    arrow, parquet = pytest.importorskip("pyarrow"), pytest.importorskip("pyarrow.parquet")
    row = {name: [value[0]] for name, value in ROW.items()}
    source = table(tmp_path / "x.parquet", **row, score=[0.9], label=["cat"], category_id=[7])
    (batch,), problems = batches(source, tmp_path)
    assert not problems and batch.found.labels is not None and batch.found.labels.tolist() == [7]
    for name in ("image_id", "x1", "score", "label"):
        columns = {**row, "score": [0.9], "label": [1]}
        arrays = [arrow.array(value) for value in (*columns.values(), columns[name])]
        parquet.write_table(arrow.Table.from_arrays(arrays, [*columns, name]), source)
        found, problems = batches(source, tmp_path)
        assert not found and problems == [f"{source} has several columns {name}"]


def test_a_row_that_contradicts_itself_is_named_and_the_others_are_read(tmp_path: Path) -> None:
    box = [0.0, 0, 9, 9]
    boxes = [[box], [box, box], [], None, [box, [9, 9, 0, 0], [np.nan] * 4]]
    scores = [[0.9], [0.9], [], None, [0.9, 0.9, 0.9]]
    source = table(tmp_path / "x.parquet", image_id=[1, 2, 3, 4, 5], boxes=boxes, scores=scores)
    (batch,), (problem,) = batches(source, tmp_path)
    assert problem == f"{source}, row 1: has 2 boxes, 1 scores"
    assert [of.image_id for of in batch.of] == [1, 3, 4, 5] and batch.offsets.tolist() == [0, 1, 1, 1, 2]
    told = "a box over --conf that is not finite or has corners out of order: left out here and on, 2 in all"
    assert [of.notes for of in batch.of] == [(), (), (), (told,)]
    source = table(tmp_path / "y.parquet", **{**ROW, "image_id": [1, 2, 2]}, score=[0.9, None, np.inf])
    notes = {of.image_id: of.notes for batch in batches(source, tmp_path)[0] for of in batch.of}
    assert notes == {1: (), 2: ("a score that is not finite: left out here and on, 2 in all",)}


def test_a_threshold_in_per_cent(tmp_path: Path) -> None:
    """A picture whose scores are probabilities is named, as when it is read alone; its neighbours are read."""
    lists = {"boxes": [[[0.0, 0, 9, 9]]] * 3, "scores": [[0.9], [90.0], [0.1]], "labels": [[1], [2], [3]]}
    source = table(tmp_path / "x.parquet", image_id=["a", "b", "c"], **lists)
    for size in (1, 3):
        found, problems = batches(source, tmp_path, size, confidence=25)
        assert [(of.image_id, kept.scores.tolist()) for batch in found for of, kept in batch.pairs()] == [("b", [90])]
        assert [problem.partition(".parquet: ")[2][:27] for problem in problems] == [
            "a has scores up to 0.9, and",
            "c has scores up to 0.1, and",
        ]


def test_flat_lists_and_other_forms_of_boxes(tmp_path: Path) -> None:
    flat = table(tmp_path / "a.parquet", image_id=[7], boxes=[[1.0, 2, 3, 4, 5, 6, 7, 8]], scores=[[0.9, 0.8]])
    (batch,), _ = batches(flat, tmp_path)
    assert batch.found.boxes.tolist() == [[1, 2, 3, 4], [5, 6, 7, 8]]
    (batch,), _ = batches(flat, tmp_path, boxes="xywh")
    assert batch.found.boxes.tolist() == [[1, 2, 4, 6], [5, 6, 12, 14]]
    sides = {"cx": [5.0], "cy": [5.0], "w": [2.0], "h": [4.0]}
    (batch,), _ = batches(table(tmp_path / "b.parquet", image_id=["a"], score=[0.9], **sides), tmp_path)
    assert batch.found.boxes.tolist() == [[4, 3, 6, 7]] and batch.found.labels is None


def test_a_picture_may_lie_in_several_groups_of_rows(tmp_path: Path) -> None:
    """Whatever the shards and the groups of rows are, the pictures are the same."""
    pytest.importorskip("pyarrow")
    whole = None
    for size, group in ((1, 7), (4, 50), (100, 10_000)):
        found, problems = batches(inputs.write_flat(tmp_path / "x.parquet", 30, group), tmp_path, size)
        every = [
            (of.image_id, kept.boxes.tolist(), kept.rows.tolist()) for batch in found for of, kept in batch.pairs()
        ]
        assert not problems and (whole is None or every == whole)
        whole = every


def test_a_file_that_is_none(tmp_path: Path) -> None:
    pytest.importorskip("pyarrow")
    (tmp_path / "x.parquet").write_bytes(b"PAR1 but no more")
    found, (problem,) = batches(tmp_path / "x.parquet", tmp_path)
    assert not found and "x.parquet cannot be read: ArrowInvalid" in problem
    with pytest.raises(FileProblem, match="is for the outputs of networks"):
        from ptdet.dataset.parquet_source import cut

        cut(inputs.write_nested(tmp_path / "y.parquet", 2), 1, ReadOptions(logits="all"))
