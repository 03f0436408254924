"""`ptdet run` over a data set: every form in, every format out, the same results as a file at a time."""

from __future__ import annotations

import json
import shutil
import sys
from dataclasses import replace
from pathlib import Path
from typing import Any

import numpy as np
import pytest

from ptdet import cli
from ptdet._shared.config import Config, Setting
from ptdet.cli import dataset as cli_dataset
from ptdet.cli.run import Settings, suppress
from ptdet.dataset import coco_source
from ptdet.io import Predictions

from .. import dataset_inputs as inputs
from ..parity.test_numpy_process import hiding
from .test_import import python

COUNT = 120  # pictures
SETTINGS = ("--conf", "0.3", "--iou", "0.45")
AS_SETTINGS = Settings(confidence=0.3, iou_threshold=0.45)


def run(*arguments: object) -> int:
    return cli.main(["run", *map(str, arguments), *SETTINGS])


def refused(capsys: pytest.CaptureFixture[str], *arguments: object) -> str:
    capsys.readouterr()
    assert run(*arguments) == 2
    return capsys.readouterr().err


def expected(count: int = COUNT, settings: Settings = AS_SETTINGS) -> dict[int, list[tuple[Any, ...]]]:
    """By picture label, score and box of what is kept."""
    found = {}
    for one in inputs.pictures(count):
        given = Predictions("", one["image_id"], one["boxes"], one["scores"], one["labels"], classes=tuple("abcdefgh"))
        kept = suppress(given, settings).kept
        assert kept.labels is not None
        rows = zip(kept.labels.tolist(), kept.scores.tolist(), kept.boxes.tolist(), strict=True)
        found[one["image_id"]] = [(label, score, *box) for label, score, box in rows]
    return found


def in_npz(out: Path) -> dict[int, list[tuple[Any, ...]]]:
    """What the shards of an --out hold, in their order."""
    found: dict[int, list[tuple[Any, ...]]] = {}
    for file in sorted(out.glob("shard-*.npz")):
        with np.load(file, allow_pickle=False) as stored:
            arrays = {name: stored[name] for name in stored.files}
        offsets = arrays.get("offsets", np.array([0, len(arrays["boxes"])])).tolist()
        for image_id, start, end in zip(arrays["image_ids"].tolist(), offsets, offsets[1:], strict=False):
            assert int(image_id) not in found
            labels = arrays.get("labels", np.zeros(0, np.int64))[start:end].tolist()
            rows = zip(labels, arrays["scores"][start:end].tolist(), arrays["boxes"][start:end].tolist(), strict=True)
            found[int(image_id)] = [(label, score, *box) for label, score, box in rows]
    return found


def not_empty(found: dict[int, list[tuple[Any, ...]]]) -> dict[int, list[tuple[Any, ...]]]:
    return {image_id: rows for image_id, rows in found.items() if rows}


WRITE = {
    "npz": lambda folder: inputs.write_npz(folder / "npz", COUNT),
    "tar": lambda folder: inputs.write_tar(folder / "x.tar", COUNT),
    "nested": lambda folder: inputs.write_nested(folder / "x.parquet", COUNT, row_group=50),
    "flat": lambda folder: inputs.write_flat(folder / "x.parquet", COUNT, row_group=333),
}


@pytest.mark.parametrize("form", WRITE)
def test_what_is_kept(tmp_path: Path, form: str) -> None:
    if form in ("nested", "flat"):
        pytest.importorskip("pyarrow")
    source = WRITE[form](tmp_path)
    assert run(source, "--out", tmp_path / "out", "--format", "npz", "--workers", 2, "--shard-size", 17) == 0
    found = in_npz(tmp_path / "out")
    assert (not_empty(found) if form == "flat" else found) == (not_empty(expected()) if form == "flat" else expected())


@pytest.mark.parametrize("shuffled", [False, True])
def test_coco_results_of_any_size(tmp_path: Path, shuffled: bool) -> None:
    """Sorted first; what a result says besides comes along, and there is one list at the end, for COCO's own."""
    source = inputs.write_coco(tmp_path / "x.json", COUNT, shuffled)
    assert source.stat().st_size > coco_source.SMALL
    out = tmp_path / "out"
    assert run(source, "--out", out, "--format", "coco", "--workers", 2, "--shard-size", 30) == 0
    assert run(source, "--out", tmp_path / "plain.json") == 0
    found, plain = (json.loads(place.read_text()) for place in (out / "detections.json", tmp_path / "plain.json"))
    assert found == plain and all(entry["note"] for entry in found)
    assert len(list(out.glob("shard-*.json"))) == 4 and not (out / "_ptdet/sorted").exists()
    coco = pytest.importorskip("pycocotools.coco")
    truth = coco.COCO()
    truth.dataset = {"images": [{"id": entry["image_id"]} for entry in plain], "annotations": [], "categories": []}
    truth.createIndex()
    assert len(truth.loadRes(str(out / "detections.json")).anns) == len(plain)


def test_the_bars(tmp_path: Path, capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch) -> None:
    """Bytes while COCO results are sorted, then pictures."""
    pytest.importorskip("tqdm")
    monkeypatch.setattr(sys.stderr, "isatty", lambda: True)
    monkeypatch.setattr(cli_dataset, "DELAY", 0)
    source = inputs.write_coco(tmp_path / "x.json", COUNT)
    assert run(source, "--out", tmp_path / "out", "--format", "coco", "--workers", 1, "--shard-size", 50) == 0
    said = capsys.readouterr().err
    assert 0 < said.find("sorting by picture: ") < said.find("/119 [")  # one has no boxes


def test_supervision_reads_the_results(tmp_path: Path) -> None:
    """`detections.json` beside the pictures and classes of the truth, as its reader of COCO data sets wants them."""
    supervision = pytest.importorskip("supervision", reason="supervision is not installed: pip install supervision")
    source, out = inputs.write_npz(tmp_path / "npz", COUNT), tmp_path / "out"
    assert run(source, "--out", out, "--format", "coco", "--workers", 1, "--shard-size", 50) == 0
    every, truth = expected(), tmp_path / "truth.json"
    sizes = {"width": inputs.SIDE, "height": inputs.SIDE}
    stored = {
        "images": [{"id": image_id, "file_name": f"{image_id}.jpg", **sizes} for image_id in every],
        "categories": [{"id": label, "name": f"class {label}"} for label in range(8)],
        "annotations": json.loads((out / "detections.json").read_text()),
    }
    truth.write_text(json.dumps(stored))
    read = supervision.DetectionDataset.from_coco(str(tmp_path), str(truth))
    assert read.classes == [f"class {label}" for label in range(8)] and len(read) == COUNT
    for path, found in read.annotations.items():
        rows = every[int(Path(path).stem)]
        assert (found.class_id.tolist() if len(found) else []) == [row[0] for row in rows]
        # x + w - x need not be w
        np.testing.assert_allclose(found.xyxy, np.array([row[2:] for row in rows]).reshape(-1, 4), rtol=1e-6, atol=1e-4)


def test_fiftyone_reads_the_results(tmp_path: Path) -> None:
    """Its reader of COCO results, on what it asks of its own collections, whose data base need not be there."""
    coco = pytest.importorskip("fiftyone.utils.coco", reason="fiftyone is not installed: pip install fiftyone")
    source, out = inputs.write_npz(tmp_path / "npz", COUNT), tmp_path / "out"
    assert run(source, "--out", out, "--format", "coco", "--workers", 1, "--shard-size", 50) == 0
    every = not_empty(expected())

    class Samples:
        def values(self, names: list[str]) -> list[list[Any]]:
            facts = {"coco_id": [*every], "id": [str(image_id) for image_id in every]}
            sides = {f"metadata.{side}": [inputs.SIDE] * len(every) for side in ("width", "height")}
            return [(facts | sides)[name] for name in names]

        def select(self, ids: list[str], ordered: bool) -> Samples:
            assert ids == [str(image_id) for image_id in every] and ordered
            return self

        def compute_metadata(self) -> None: ...

        def set_values(self, field: str, labels: list[Any]) -> None:
            self.kept = labels

    samples, names = Samples(), {label: f"class {label}" for label in range(8)}
    coco.add_coco_labels(samples, "kept", str(out / "detections.json"), names, coco_id_field="coco_id")
    for found, rows in zip(samples.kept, every.values(), strict=True):
        assert [one.label for one in found.detections] == [names[row[0]] for row in rows]
        assert [one.confidence for one in found.detections] == [row[1] for row in rows]
        boxes = inputs.SIDE * np.array([one.bounding_box for one in found.detections])
        given = np.array([row[2:] for row in rows])
        np.testing.assert_allclose(boxes, np.concatenate([given[:, :2], given[:, 2:] - given[:, :2]], 1), rtol=1e-6)


def test_what_an_object_of_coco_says_of_pictures_and_classes(tmp_path: Path) -> None:
    """Sizes and names reach each shard, wherever they stand; a result that is none is named, and left out."""
    entries = [{**entry, "note": "x" * 200} for one in inputs.pictures(COUNT) for entry in inputs.coco_entries(one)]
    sizes = [{"id": one["image_id"], "file_name": f"{one['image_id']}.jpg", "width": 640, "height": 320}
             for one in inputs.pictures(COUNT)]  # fmt: skip
    names = [{"id": label, "name": f"class {label}"} for label in range(8)]
    wrong = {"image_id": 1, "category_id": 1, "bbox": [1, 2, 3], "score": 0.9}
    stored = {"images": sizes, "annotations": [*entries[:7], wrong, *entries[7:]], "categories": names}
    (tmp_path / "x.json").write_text(json.dumps(stored, indent=1))
    out = tmp_path / "out"
    assert run(tmp_path / "x.json", "--out", out, "--format", "yolo", "--workers", 1, "--shard-size", 50) == 2
    every = expected()
    files = {int(file.stem): file for file in out.glob("shard-*/*.txt")}
    assert set(not_empty(every)) <= set(files) <= set(every)
    for image_id, file in files.items():
        rows = [[float(word) for word in line.split()] for line in file.read_text().splitlines()]
        assert len(rows) == len(every[image_id])
        for (label, cx, cy, w, h, score), (own_label, own_score, x1, y1, x2, y2) in zip(
            rows, every[image_id], strict=True
        ):
            assert label == own_label and score == pytest.approx(own_score, abs=1e-6)
            shares = ((x1 + x2) / 1280, (y1 + y2) / 640, (x2 - x1) / 640, (y2 - y1) / 320)
            assert (cx, cy, w, h) == pytest.approx(shares, abs=1e-6)


def test_the_readers_of_parquet(tmp_path: Path) -> None:
    """pyarrow, DuckDB and polars take the folder as one table, and so does ptdet."""
    pyarrow = pytest.importorskip("pyarrow")
    dataset = pytest.importorskip("pyarrow.dataset")
    source, out = inputs.write_nested(tmp_path / "x.parquet", COUNT), tmp_path / "out"
    assert run(source, "--out", out, "--workers", 1, "--shard-size", 40, "--classes", "a,b,c,d,e,f,g,h") == 0
    rows = [
        (str(image_id), label, *np.float32([score, *box]).tolist())
        for image_id, found in expected().items()
        for label, score, *box in found
    ]
    table = dataset.dataset(out, format="parquet").to_table()
    assert table.schema.names == ["image_id", "label", "score", "x1", "y1", "x2", "y2", "row"]
    assert [tuple(row)[:7] for row in zip(*table.to_pydict().values(), strict=True)] == rows
    told = json.loads(pyarrow.parquet.read_schema(out / "shard-000001.parquet").metadata[b"ptdet"])
    assert told["classes"] == list("abcdefgh") and told["settings"]["confidence"] == 0.3 and told["shard"] == 1
    assert run(*sorted(out.glob("*.parquet")), "--out", tmp_path / "again", "--workers", 1) == 0
    again = dataset.dataset(tmp_path / "again", format="parquet").to_table()
    assert again.drop(["row"]) == table.drop(["row"])
    for reader, read in (
        ("duckdb", lambda module: module.sql(f"select * from '{out}/*.parquet'").fetchall()),
        ("polars", lambda module: module.read_parquet(f"{out}/*.parquet").rows()),
    ):
        try:
            module = __import__(reader)
        except ImportError:
            continue
        assert [tuple(row)[:7] for row in read(module)] == rows


def test_another_run_in_the_same_place(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    source, out = inputs.write_npz(tmp_path / "npz", 12), tmp_path / "out"
    common = (source, "--out", out, "--workers", 1, "--shard-size", 4)
    assert run(*common, "--format", "npz", "--log", tmp_path / "log.jsonl") == 0
    before = {file: file.stat().st_mtime_ns for file in out.glob("shard-*")}
    assert f"{out} holds a run: --resume goes on with it" in refused(capsys, *common, "--format", "npz")
    assert run(*common, "--format", "npz", "--resume") == 0
    assert "3 shards, 3 of them done before: 12 pictures" in capsys.readouterr().out
    said = refused(capsys, *common, "--format", "coco", "--resume", "--method", "soft")
    assert "was begun otherwise: method: 'nms', now 'soft'; format: 'npz', now 'coco'" in said
    assert "shard size: 4, now 5" in refused(capsys, *common[:-1], 5, "--format", "npz", "--resume")
    (source / "000000000001.npz").unlink()
    np.savez(source / "new.npz", boxes=np.zeros((1, 4)), scores=np.ones(1))
    said = refused(capsys, *common, "--format", "npz", "--resume")
    assert "000000000001.npz: is not among the inputs any more" in said and "new.npz: is a new input" in said
    assert before == {file: file.stat().st_mtime_ns for file in out.glob("shard-*")}
    events = [json.loads(line) for line in (tmp_path / "log.jsonl").read_text().splitlines()]
    assert [event["event"] for event in events] == ["begin", "worker", "shard", "shard", "shard", "sum", "end"]
    shutil.rmtree(out / "_ptdet")
    assert "holds shards of another run" in refused(capsys, *common, "--format", "npz", "--resume")


def test_only_what_is_whole_counts_as_done(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    """A result that was changed, cut or lost is made again; one that was copied is not."""
    source, out = inputs.write_npz(tmp_path / "npz", 12), tmp_path / "out"
    command = (source, "--out", out, "--workers", 1, "--shard-size", 2, "--format", "npz")
    assert run(*command) == 0
    files = sorted(out.glob("shard-*"))
    clean = [file.read_bytes() for file in files]
    files[0].unlink()
    files[1].write_bytes(clean[1][:-1])
    files[2].write_bytes(clean[2][:-1] + b"?")
    files[3].touch()
    (out / "_ptdet/unfinished/rest.npz").write_bytes(b"half")
    with (out / "_ptdet/done.jsonl").open("ab") as file:
        file.write(b'{"shard": 4, "pr')  # killed while it wrote a line
    capsys.readouterr()
    assert run(*command, "--resume") == 0
    assert "6 shards, 3 of them done before" in capsys.readouterr().out
    assert [file.read_bytes() for file in files] == clean and not list((out / "_ptdet/unfinished").iterdir())
    assert run(*command, "--resume") == 0
    assert "6 shards, 6 of them done before" in capsys.readouterr().out


def test_bad_inputs_are_named_and_the_rest_is_done(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    source, out = inputs.write_npz(tmp_path / "npz", 6), tmp_path / "out"
    (source / "broken.npz").write_bytes(b"PK no archive")
    (tmp_path / "x.tar.gz").write_bytes(b"")
    inputs.write_tar(source / "cut.tar", 6)
    whole = (source / "cut.tar").read_bytes()
    (source / "cut.tar").write_bytes(whole[: whole.rindex(b".npz") + 100])
    said = refused(capsys, source, "--out", out, "--workers", 1, "--format", "npz")
    assert (
        said.count("ptdet: error: ") == 2 and "broken.npz cannot be read" in said and "cut.tar cannot be read" in said
    )
    assert in_npz(out) == expected(6)
    for wrong, told in (
        ((tmp_path / "none.tar", "--out", tmp_path / "o"), "there is no such file"),
        ((tmp_path / "x.tar.gz", "--out", tmp_path / "o"), "is packed, so that nothing in it can be read alone"),
        ((source,), "a run over a data set writes into a folder: give it as --out"),
        ((source, "--out", source / "broken.npz"), "expected a folder, got a file"),
        ((tmp_path / "*.parquet", "--out", out), "fits no"),
    ):
        assert told in refused(capsys, *wrong, "--workers", 1, "--format", "npz")


def test_options_that_do_not_go_together(capsys: pytest.CaptureFixture[str]) -> None:
    for arguments in (("x", "--format", "dota", "--workers", 1), ("x", "--workers", 0), ("x", "--shard-size", "k")):
        with pytest.raises(SystemExit):
            run(*arguments)
    assert "expected one of parquet, coco, npz, yolo" in capsys.readouterr().err
    assert "writes into a folder" in refused(capsys, "x.tar")  # by its input a run over a data set, as x.parquet is


def test_without_pyarrow(tmp_path: Path) -> None:
    """What needs it says so, before there is a plan that lacks a file."""
    inputs.write_npz(tmp_path / "npz", 2)
    (tmp_path / "x.parquet").touch()
    printed = python(
        hiding("pyarrow") + "import sys; from ptdet.cli import main; sys.stderr = sys.stdout\n"
        f"common = ['--workers', '1', '--out', {str(tmp_path / 'out')!r}]\n"
        f"print(main(['run', {str(tmp_path / 'npz')!r}, *common]))\n"
        f"print(main(['run', {str(tmp_path)!r}, '--format', 'npz', *common]))\n"
        f"print(main(['run', {str(tmp_path / 'npz')!r}, '--format', 'npz', *common]))\n"
    )
    said = [line for line in printed.splitlines() if line.startswith("ptdet: ")]
    assert said == [
        "ptdet: error: --format parquet needs pyarrow: pip install 'ptdet[parquet]'",
        f"ptdet: error: {tmp_path / 'out'}: Parquet needs pyarrow: pip install 'ptdet[parquet]'",
    ]
    assert [line for line in printed.splitlines() if len(line) == 1] == ["2", "2", "0"]


def test_a_worker_loads_no_pandas() -> None:
    """Which pyarrow would do where it is installed: half of a start, and a third of the memory."""
    for needed in ("pyarrow", "pandas"):
        pytest.importorskip(needed)
    printed = python(
        "import sys; from ptdet.dataset.settings import Job; from ptdet.dataset.shard import prepare; prepare(Job())\n"
        "import pyarrow; pyarrow.array([1]).to_numpy(); print('pandas' in sys.modules)"
    )
    assert printed == "False\n"


def test_a_file_of_settings(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    """That of ptdet tune, as in a run over single files, thresholds of single classes too."""
    source, config = inputs.write_npz(tmp_path / "npz", 6), tmp_path / "tuned.toml"
    config.write_text('method = "soft"\nsigma = 0.3\nconf = 0.2\n')
    of_all = ("run", source, "--config", config, "--out", tmp_path / "out", "--format", "coco", "--workers", 1)
    assert cli.main([*map(str, of_all)]) == 0
    assert cli.main([*map(str, ("run", source, "--config", config, "--out", tmp_path / "plain.json"))]) == 0
    plain, found = (
        json.loads(place.read_text()) for place in (tmp_path / "plain.json", tmp_path / "out/detections.json")
    )
    assert found == plain and found
    config.write_text(
        'method = "hard"\niou = 0.6\n[classes.a]\nconf = 0.1\n[classes."b c"]\niou = 0.3\nmin_score = 0.4\n'
    )
    assert cli.main([*map(str, of_all), "--resume"]) == 2
    assert "by_class: None, now {'a': {'conf': 0.1}, 'b c': {'iou': 0.3, 'min_score': 0.4}}" in capsys.readouterr().err


@pytest.mark.parametrize("form", ["npz", "nested"])
def test_thresholds_of_single_classes(tmp_path: Path, capsys: pytest.CaptureFixture[str], form: str) -> None:
    """By name, through a file to the workers; a picture whose classes have no names is named."""
    if form == "nested":
        pytest.importorskip("pyarrow")
    source, config = WRITE[form](tmp_path), tmp_path / "tuned.toml"
    config.write_text("conf = 0.3\niou = 0.6\n[classes.b]\niou = 0.2\nconf = 0.1\n[classes.h]\nmin_score = 0.7\n")
    command = ("run", source, "--config", config, "--format", "npz", "--workers", 2, "--shard-size", 17)
    names = ("--classes", "a,b,c,d,e,f,g,h")
    assert cli.main([*map(str, (*command, "--out", tmp_path / "out", *names))]) == 0
    by_class = Config(Setting(iou=0.6, conf=0.3), classes={"b": {"iou": 0.2, "conf": 0.1}, "h": {"min_score": 0.7}})
    of_classes = Settings(confidence=0.3, iou_threshold=0.6, by_class=by_class)
    assert (
        in_npz(tmp_path / "out") == expected(COUNT, of_classes) != expected(COUNT, replace(of_classes, by_class=None))
    )
    capsys.readouterr()
    assert cli.main([*map(str, (*command, "--out", tmp_path / "no", *names[:1], "a,b"))]) == 2
    assert "but names for 2 classes, numbered from 0" in capsys.readouterr().err
    assert cli.main([*map(str, (*command, "--out", tmp_path / "none"))]) == 2
    assert "has no names of classes" in capsys.readouterr().err and not in_npz(tmp_path / "none")
