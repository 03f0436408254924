"""COCO results: read in pieces, ids of every kind, and survivors that come back as they were."""

from __future__ import annotations

import io
import json
import subprocess
import sys
import tracemalloc
from pathlib import Path
from typing import Any

import numpy
import pytest

from ptdet.io import FileProblem, Predictions, ReadOptions, json_pieces, read_predictions, write_survivors
from ptdet.io.json_pieces import JsonText


def result(image_id: Any = 1, category_id: Any = 3, score: float = 0.5, **more: Any) -> dict[str, Any]:
    bbox = [0.1, 0.2, 10.3, 20.7]
    return {"image_id": image_id, "category_id": category_id, "bbox": bbox, "score": score, **more}


def write(path: Path, stored: Any) -> Path:
    path.write_text(json.dumps(stored))
    return path


def through(path: Path, out: Path) -> Any:
    """What stands in `out` after all of `path` was written there."""
    write_survivors(out, [(one, one.candidates(0.0)) for one in read_predictions(path)])
    return read_predictions(out) if out.suffix == ".npz" else json.loads(out.read_text())


@pytest.mark.parametrize("piece", [1, 7, 64, 1 << 15, 1 << 20])
@pytest.mark.parametrize("indent", [None, 2])
def test_where_a_piece_ends_changes_nothing(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, piece: int, indent: int | None
) -> None:
    """A piece may end in a number, in a word of several bytes, between two results or within what they hold."""
    monkeypatch.setattr(json_pieces, "PIECE", piece)
    odd = {"segmentation": {"size": [4, 5], "counts": "}, {"}, "parts": [{"a": 1}, {"b": [2, {}]}], "name": "caf\u00e9"}
    results = [result("\u5bb6" if n % 3 else n, n, n / 7 + 0.1, **odd if n % 2 else {}) for n in range(30)]
    (tmp_path / "in.json").write_text(json.dumps(results, indent=indent, ensure_ascii=False), encoding="utf-8")
    written = through(tmp_path / "in.json", tmp_path / "out.json")
    assert sorted(written, key=lambda one: one["category_id"]) == results


@pytest.mark.parametrize("piece", range(1, 40))
def test_numbers_are_not_cut(monkeypatch: pytest.MonkeyPatch, piece: int) -> None:
    monkeypatch.setattr(json_pieces, "PIECE", piece)
    stored = b' {"a": 12345, "b": [1234, -5.25e3, 77], "c": [ ], "d": {}, "e": 1.5e+10, "f": -0.25, "g": 1E-2} '
    text, found = JsonText(io.BytesIO(stored)), {}
    for key in text.members():
        text.take(":")
        found[key] = [one for piece, _ in text.pieces() for one in piece] if text.peek() == "[" else text.value()
    text.end()
    expected = {"a": 12345, "b": [1234, -5250.0, 77], "c": [], "d": {}, "e": 15_000_000_000.0, "f": -0.25, "g": 0.01}
    assert found == expected


def test_a_broken_file_is_not_read_to_its_end(monkeypatch: pytest.MonkeyPatch) -> None:
    """It may be larger than the memory."""
    monkeypatch.setattr(json_pieces, "PIECE", 100)
    file = io.BytesIO(b'[{"a": 1}, {"b" 2}, ' + b'{"a": 1}, ' * 10_000)
    with pytest.raises(ValueError, match="Expecting ':' delimiter at character 16"):
        list(JsonText(file).pieces())
    assert file.tell() < 1000


@pytest.mark.parametrize("encoding", ["utf-8", "utf-8-sig", "utf-16", "utf-16-be"])
@pytest.mark.parametrize("wrapped", [False, True])
def test_byte_order_marks_and_annotations(tmp_path: Path, encoding: str, wrapped: bool) -> None:
    results = [result("\u5bb6"), result(7)]
    stored = {"info": {"annotations": 3}, "images": [{"id": 7}], "annotations": results, "categories": []}
    text = json.dumps(stored if wrapped else results, ensure_ascii=False)
    (tmp_path / "x.json").write_bytes(text.encode(encoding))
    assert through(tmp_path / "x.json", tmp_path / "y.json") == results


def test_what_an_object_says_besides(tmp_path: Path) -> None:
    """Names of pictures and of classes, and sizes, before the results or after them; what is odd is left out."""
    images = [
        {"id": 7.0, "file_name": "a.jpg", "width": 640, "height": 480.0},
        {"id": "x", "width": 0, "height": 5},
        3,
        {},
    ]
    categories = [{"id": 3, "name": "dog"}, {"id": 1, "name": "cat"}, {"id": 2}, None]
    stored = {"images": images, "annotations": [result(7), result("x")], "categories": categories}
    for one in (stored, dict(reversed(stored.items()))):
        seven, x = read_predictions(write(tmp_path / "x.json", one))
        assert (seven.image_id, seven.name, seven.picture_size) == (7, "a.jpg", (640, 480))
        assert (x.image_id, x.name, x.picture_size) == ("x", "x", None)
        assert seven.classes == x.classes == ("0", "cat", "2", "dog")
        given = read_predictions(tmp_path / "x.json", ReadOptions(classes=("a", "b")))
        assert given[0].classes == ("a", "b")
    for odd in ([{"id": 10**9, "name": "far"}], [{"id": -1, "name": "below"}], {"a": 1}, None):
        found = read_predictions(
            write(tmp_path / "x.json", {"annotations": [result()], "categories": odd, "images": odd})
        )
        assert found[0].classes == ()


@pytest.mark.parametrize("suffix", [".json", ".npz"])
def test_ids_are_kept(tmp_path: Path, suffix: str) -> None:
    """1 and "1" are two pictures, 1.0 is the picture 1; a category 3.0 is 3."""
    ids = [1, "1", 1.0, "a/b", -(2**63), 2**63 - 1, "1"]
    path = write(tmp_path / "in.json", [result(image_id, 3.0, (n + 1) / 8) for n, image_id in enumerate(ids)])
    through(path, tmp_path / f"out{suffix}")
    again = read_predictions(tmp_path / f"out{suffix}")
    assert [(type(one.image_id), one.image_id) for one in again] == [
        (int, 1), (str, "1"), (str, "a/b"), (int, -(2**63)), (int, 2**63 - 1),
    ]  # fmt: skip
    assert [one.scores.tolist() for one in again] == [[1 / 8, 3 / 8], [2 / 8, 7 / 8], [4 / 8], [5 / 8], [6 / 8]]
    assert {label for one in again if one.labels is not None for label in one.labels.tolist()} == {3}


@pytest.mark.parametrize("ids", [[5], ["5"], ["a", "b"], [5, "5"]])
def test_ids_of_arrays_are_kept(tmp_path: Path, ids: list[Any]) -> None:
    path = write(tmp_path / "in.json", [result(image_id) for image_id in ids])
    assert [one.image_id for one in through(path, tmp_path / "out.npz")] == ids


@pytest.mark.parametrize("suffix", [".json", ".npz"])
def test_an_id_that_no_reader_takes_is_not_written(tmp_path: Path, suffix: str) -> None:
    one = Predictions("x", 2**70, numpy.zeros((1, 4)), numpy.ones(1))
    with pytest.raises(FileProblem, match="image_id: expected a number below 2.*11805916207174"):
        write_survivors(tmp_path / f"x{suffix}", [(one, one.candidates(0.5))])
    assert list(tmp_path.iterdir()) == []  # nor half of the file


def test_a_moved_box_is_written_and_the_others_stay(tmp_path: Path) -> None:
    """x + w - w need not be w."""
    (one,) = read_predictions(write(tmp_path / "in.json", [result(id=4), result(id=5)]))
    kept = one.candidates(0.0)
    kept.boxes[1] += 1
    write_survivors(tmp_path / "out.json", [(one, kept)])
    first, second = json.loads((tmp_path / "out.json").read_text())
    assert first == result(id=4) and second["id"] == 5
    assert second["bbox"] == pytest.approx([1.1, 1.2, 10.3, 20.7]) and second["bbox"] != result()["bbox"]


def test_a_large_file_is_read_in_little_memory(tmp_path: Path) -> None:
    """40,000 results: 4.4 MB of text and some 36 MB of dicts, of which never more than a piece is there."""
    path = write(tmp_path / "x.json", [result(n // 50, n % 90, n / 40_000) for n in range(40_000)])
    read_predictions(path)  # what is loaded once is not counted
    told: list[int] = []
    tracemalloc.start()
    try:
        found = read_predictions(path, ReadOptions(progress=told.append))
        peak = tracemalloc.get_traced_memory()[1]
    finally:
        tracemalloc.stop()
    assert len(found) == 800 and sum(told) == path.stat().st_size and len(told) > 2
    assert peak < 22e6
    scores = numpy.concatenate([one.scores for one in found])
    assert numpy.array_equal(scores, numpy.arange(40_000) / 40_000)
    assert numpy.array_equal(
        numpy.concatenate([one.labels for one in found if one.labels is not None]), numpy.arange(40_000) % 90
    )


MEASURE = """
import sys, time
from pathlib import Path
from ptdet.io import read_predictions

def now():
    return int(Path("/proc/self/statm").read_text().split()[1]) * 4096 / 1e6

small, large = map(Path, sys.argv[1:])
read_predictions(small)  # what is loaded once is not counted
before = now()
started = time.process_time()
found = read_predictions(large)
seconds = time.process_time() - started
status = Path("/proc/self/status").read_text()  # not ru_maxrss, which a process takes over from its parent
peak = int(status.split("VmHWM:")[1].split()[0]) * 1024 / 1e6
print(sum(len(one.boxes) for one in found), seconds, peak - before, now() - before)
"""


@pytest.mark.slow
@pytest.mark.skipif(not sys.platform.startswith("linux"), reason="/proc tells the memory in use")
def test_half_a_million_results(tmp_path: Path) -> None:
    """At most 150 MB above what the result takes. The seconds are printed: aim at 2.5 of one core."""
    lines = (json.dumps(result(n // 100, n % 90, (n % 997) / 997)) for n in range(500_000))
    write(tmp_path / "small.json", [result()])
    (tmp_path / "large.json").write_text(f"[{', '.join(lines)}]")
    command = [sys.executable, "-c", MEASURE, str(tmp_path / "small.json"), str(tmp_path / "large.json")]
    done = subprocess.run(command, capture_output=True, text=True, timeout=300, check=True)
    count, seconds, peak, kept = map(float, done.stdout.split())
    print(f"\n{count:.0f} results, {seconds:.2f} s of CPU, {peak:.0f} MB at most, {kept:.0f} MB the result")
    assert count == 500_000 and peak - kept < 150
