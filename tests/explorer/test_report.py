"""What the page is given, and the report that holds it all."""

from __future__ import annotations

import json
import re
import threading
import time
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import numpy as np
import pytest

from ptdet import cli
from ptdet._shared.parameters import BELOW_ZERO, METRICS, ROTATED_METRICS
from ptdet.explorer import Library, Limits, Shown, as_shown, write_report as write_one
from ptdet.explorer.page_files import PAGE, modules_as_one, one_page
from ptdet.io import FileProblem, Predictions, Space, read_predictions

from .scenes import DATA, boxes, save, unpacked, write_report

REAL = DATA / "yolox_nano_coco/raw_000000001268.npz"
HOSTILE = "</script><script>globalThis.hacked=1</script><img src=x onerror=hacked=1>"


def shown(of: Predictions, lowest: float = 0.001) -> Shown:
    return as_shown(of, of.candidates(lowest), space=Space(), lowest=lowest, counts=(0, 0), image=None)


def list_in(report: Path) -> dict[str, Any]:
    """What a report tells of all its pictures."""
    found = re.search(r'id="list">(.*?)</script>', report.read_text("utf-8"))
    assert found
    said: dict[str, Any] = json.loads(found[1])
    return said


@pytest.mark.parametrize("lowest", [0.001, 0.3, 0.99])
def test_a_payload_holds_the_candidates_as_they_are(lowest: float) -> None:
    (of,) = read_predictions(REAL)
    found, payload = of.candidates(lowest), unpacked(shown(of, lowest).payload)
    assert payload["boxes"].dtype == found.boxes.dtype and payload["scores"].dtype == found.scores.dtype
    assert np.array_equal(payload["boxes"].reshape(-1, 4), found.boxes)
    assert np.array_equal(payload["scores"], found.scores) and np.array_equal(payload["rows"], found.rows)
    names = [of.classes[label] for label in found.labels]
    assert [payload["classes"][label] for label in payload["labels"]] == names
    assert payload["lowest"] == lowest and payload["stored"] == len(of.boxes)


def test_what_is_not_finite_is_counted_and_left_out() -> None:
    found = np.zeros((6, 4)), np.full(6, 0.5, np.float16), None
    found[0][1, 2], found[0][4, 0] = np.nan, np.inf
    payload = unpacked(shown(Predictions("a", 1, *found)).payload)
    assert payload["rows"].tolist() == [0, 2, 3, 5] and payload["unusable"] == 2 and payload["stored"] == 6
    assert payload["classes"] is None and payload["scores"].dtype == np.float32


def test_a_library_keeps_to_its_room_and_reads_again(tmp_path: Path) -> None:
    asked = []

    def read(file: Path) -> list[Shown]:
        asked.append(file.name)
        if file.name == "1":
            raise FileProblem("is broken")
        return [Shown({"name": f"{file.name}{n}"}, f"{file.name}{n}".encode() * 50, None) for n in range(2)]

    library = Library([Path(name) for name in "012"], read, ["first"], kept_in_memory=250)
    library.fill()
    assert [row["name"] for row in library.listed()["rows"]] == ["00", "01", "20", "21"]
    assert library.listed(3)["rows"] == [{"name": "21"}] and library.listed()["problems"] == ["first", "1 is broken"]
    assert asked == ["0", "1", "2"]
    assert library.payload(3) == b"21" * 50 and library.payload(2) == b"20" * 50
    assert asked == ["0", "1", "2"]  # the two that fit
    assert library.payload(0) == b"00" * 50 and library.payload(0) == b"00" * 50
    assert asked == ["0", "1", "2", "0"]
    assert library.payload(2) == b"20" * 50 and asked == ["0", "1", "2", "0"]  # asked for after 3, which gave way


def test_a_large_file_is_not_read_again_for_every_picture() -> None:
    """Nor by two at a time, since the reader may remember things."""
    reading, asked = threading.Lock(), []

    def read(file: Path) -> list[Shown]:
        assert reading.acquire(blocking=False)
        asked.append(file)
        threading.Event().wait(0.01)
        reading.release()
        return [Shown({"name": f"{n}"}, f"{n:02}".encode() * 50, None) for n in range(100)]

    library = Library([Path("a"), Path("b")], read, kept_in_memory=4000)
    filling = threading.Thread(target=library.fill)
    filling.start()
    while len(library) < 100:
        time.sleep(0.001)
    assert [library.payload(n) for n in range(100)] == [f"{n:02}".encode() * 50 for n in range(100)]
    filling.join()
    assert library._held <= 4000 and len(asked) <= 2 + 6


def test_a_report_is_one_file_that_asks_for_nothing(tmp_path: Path) -> None:
    text = write_report(tmp_path / "r.html", REAL, "--images", DATA / "images").read_text(encoding="utf-8")
    policy = re.search(r'http-equiv="Content-Security-Policy" content="([^"]+)"', text)
    assert policy and policy[1].startswith("default-src 'none'") and "unsafe-inline" not in policy[1]
    markup = re.sub(r"(?s)<(script|style)[^>]*>.*?</\1>", "", text)
    assert not re.search(r"""\b(src|href)=""", markup) and "@import" not in text and "url(" not in text
    listed = re.search(r'id="list">(.*?)</script>', text)
    assert listed and [row["name"] for row in json.loads(listed[1])["rows"]] == ["raw_000000001268"]
    assert 'id="payload-0"' in text and 'id="image-0">data:image/jpeg;base64,' in text and 'id="wasm"' in text


def test_names_cannot_end_the_block_that_they_are_in(tmp_path: Path) -> None:
    np.savez(tmp_path / "a.npz", boxes=boxes(5, 1)[0], scores=boxes(5, 1)[1], labels=np.zeros(5, int))
    text = write_report(tmp_path / "r.html", tmp_path / "a.npz", "--classes", f"{HOSTILE},").read_text("utf-8")
    assert HOSTILE not in text and text.count("<script") == text.count("</script>") == 4


@pytest.mark.parametrize(
    ("options", "pictures"),
    [((), 6), (("--max-pictures", 2), 2), (("--max-megabytes", 0.8), 1), (("--max-pictures", 6), 6)],
)
def test_a_report_says_what_its_limit_left_out(
    tmp_path: Path, capsys: pytest.CaptureFixture[str], options: tuple[object, ...], pictures: int
) -> None:
    for number in range(6):
        save(tmp_path / f"{number}.npz", boxes(3000, number))
    file = write_report(tmp_path / "r.html", tmp_path, *options)
    told = capsys.readouterr()
    said = list_in(file)
    assert len(said["rows"]) == pictures and said["leftOut"] == 6 - pictures
    assert f": {pictures} picture{'s' if pictures > 1 else ''}, " in told.out
    left_out = f"not in it: {6 - pictures} picture{'s' if pictures < 5 else ''} more"
    assert (left_out in told.err) == (pictures < 6)
    if "--max-megabytes" in options:
        assert file.stat().st_size <= 0.8e6


def test_a_report_keeps_to_its_limit_whatever_is_told(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    """Long names, and more problems than there is room for; a picture that cannot be read any more is not in it."""
    found = Shown({"name": "é<" * 5000, "candidates": 1, "removed": 0}, b"1" * 30000, tmp_path / "gone.jpg")
    problems: list[str] = []

    def pictures() -> Iterator[Shown]:
        yield from [found] * 3
        problems.extend(f"{n}.npz is broken" for n in range(10_000))

    page = sum(len(text.encode()) for text in one_page())
    for more in range(110_000, 400_000, 30_011):
        problems.clear()
        limits = Limits(megabytes=(page + more) / 1e6)
        wrote = write_one(tmp_path / "r.html", pictures(), {}, limits, problems)
        assert wrote.pictures + wrote.left_out == 3 and wrote.bytes <= page + more
        told = list_in(tmp_path / "r.html")["problems"]
        assert told[0] == "0.npz is broken" and told[-1] == f"and {10_000 - len(told) + 1} more, which the command told"


def test_a_report_that_cannot_be_written_leaves_none(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    file = save(tmp_path / "a.npz", boxes(3000, 1))
    for words, said in (
        (["--out", str(tmp_path / "r.json")], "expected a file .html"),
        (["--out", str(tmp_path / "r.html"), "--max-megabytes", "0.1"], "the first picture alone"),
        (["--out", str(file / "r.html")], "cannot be written"),
    ):
        assert cli.main(["report", str(file), *words]) == 2
        assert said in capsys.readouterr().err
    assert [path.name for path in tmp_path.iterdir()] == ["a.npz"]
    assert cli.main(["report", str(file), str(tmp_path / "b.npz"), "--out", str(tmp_path / "r.html")]) == 2
    assert "b.npz there is no such file" in capsys.readouterr().err and (tmp_path / "r.html").exists()


def test_options_that_a_method_has_not_are_refused(capsys: pytest.CaptureFixture[str]) -> None:
    for words, said in (
        (["--method", "hard", "--sigma", "1"], "--sigma: --method hard has none"),
        (["--method", "diou", "--metric", "giou"], "--metric: --method diou has none"),
        (["--sigma", "0", "--method", "soft"], "expected a number above 0"),
    ):
        with pytest.raises(SystemExit):
            cli.main(["run", str(REAL), *words])
        assert said in capsys.readouterr().err
    assert cli.main(["run", str(REAL), "--metric", "probiou"]) == 2
    assert "has upright boxes" in capsys.readouterr().err


def test_max_det_keeps_the_best(tmp_path: Path) -> None:
    def rows(*words: str) -> list[int]:
        assert cli.main(["run", str(REAL), *words, "--out", str(tmp_path / "kept.npz")]) == 0
        found: list[int] = np.load(tmp_path / "kept.npz", allow_pickle=False)["rows"].tolist()
        return found

    assert len(rows()) > 3
    assert rows("--max-det", "3") == rows()[:3] and rows("--max-det", "0") == []


def test_the_page_is_all_that_it_imports_and_writes_no_markup() -> None:
    script = modules_as_one()
    modules = {file.stem for file in PAGE.glob("*.js")}
    assert {name for name in re.findall(r"^const of_(\w+) = ", script, re.MULTILINE)} == modules
    assert not re.search(r"^\s*(import|export)\b", script, re.MULTILINE) and "</script" not in script
    assert not re.search(r"innerHTML|outerHTML|insertAdjacent|document\.write|\beval\b|new Function|DOMParser", script)
    before, after = one_page()
    assert "</body>" in after and 'src="main.js"' not in before + after


def test_the_menus_have_the_measures_of_ptdet() -> None:
    kernels = (PAGE / "kernels.js").read_text(encoding="utf-8")
    every, upright_only, rotated_only, below_zero = (
        json.loads(re.findall(rf"^(?:export )?const {name} = (\[.*?\]);", kernels, re.MULTILINE)[0])
        for name in ("METRICS", "UPRIGHT_ONLY", "ROTATED_ONLY", "BELOW_ZERO")
    )
    assert set(every) - set(upright_only) == set(ROTATED_METRICS)
    assert set(every) - set(rotated_only) == set(METRICS)
    assert tuple(below_zero) == BELOW_ZERO
