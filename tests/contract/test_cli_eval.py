"""`ptdet eval` as a user has it: tables, JSON, what it warns of, exit codes."""

from __future__ import annotations

import json
import os
import re
import subprocess
import sys
from pathlib import Path
from typing import Any

import numpy as np
import pytest

from ptdet.cli import main
from ptdet.cli.eval import LONGEST_CURVE

DATA = Path(__file__).parents[1] / "data/coco_map"
TRUTH = DATA / "gt_coco_val64.json"
TABLE = """\
4 boxes found in 2 pictures, which have 3 objects of 3 classes
 Average Precision  (AP) @[ IoU=0.50:0.95 | area=   all | maxDets=100 ] = 0.452
 Average Precision  (AP) @[ IoU=0.50      | area=   all | maxDets=100 ] = 0.752
 Average Precision  (AP) @[ IoU=0.75      | area=   all | maxDets=100 ] = 0.252
 Average Precision  (AP) @[ IoU=0.50:0.95 | area= small | maxDets=100 ] = 0.452
 Average Precision  (AP) @[ IoU=0.50:0.95 | area=medium | maxDets=100 ] = -1.000
 Average Precision  (AP) @[ IoU=0.50:0.95 | area= large | maxDets=100 ] = -1.000
 Average Recall     (AR) @[ IoU=0.50:0.95 | area=   all | maxDets=  1 ] = 0.450
 Average Recall     (AR) @[ IoU=0.50:0.95 | area=   all | maxDets= 10 ] = 0.450
 Average Recall     (AR) @[ IoU=0.50:0.95 | area=   all | maxDets=100 ] = 0.450
 Average Recall     (AR) @[ IoU=0.50:0.95 | area= small | maxDets=100 ] = 0.450
 Average Recall     (AR) @[ IoU=0.50:0.95 | area=medium | maxDets=100 ] = -1.000
 Average Recall     (AR) @[ IoU=0.50:0.95 | area= large | maxDets=100 ] = -1.000
best F1 0.667 at confidence 0.8 (precision 0.667, recall 0.667, at IoU 0.50, all classes)
best mean of the classes' F1 0.750 at confidence 0.8
class  objects    found     AP   AP50  best F1  at conf
cat          2        2  0.505  0.505    0.667      0.9
dog          1        1  0.400  1.000    1.000      0.8
cow          0        1      -      -        -        -
"""


def truth(path: Path, images: Any = (1, 2), objects: Any = ((1, 1, 0), (2, 1, 0), (1, 2, 50))) -> Path:
    """Objects of 10x10 at (x, 0): picture, class, x."""
    boxes = [
        {"id": n, "image_id": image, "category_id": label, "bbox": [x, 0, 10, 10], "area": 100, "iscrowd": 0}
        for n, (image, label, x) in enumerate(objects)
    ]
    names = [{"id": n, "name": name} for n, name in enumerate(("cat", "dog", "cow"), 1)]
    path.write_text(json.dumps({"images": [{"id": n} for n in images], "categories": names, "annotations": boxes}))
    return path


def results(path: Path, *found: tuple[int, int, float, float, float]) -> Path:
    """Picture, class, x, width, score."""
    path.write_text(
        json.dumps(
            [
                {"image_id": image, "category_id": label, "bbox": [x, 0, width, 10], "score": score}
                for image, label, x, width, score in found
            ]
        )
    )
    return path


# a cat exactly, a cat where there is none, the dog with an overlap of 0.66, and a cow where there is none
FOUND = ((1, 1, 0, 10, 0.9), (2, 1, 300, 10, 0.85), (1, 2, 50, 6.6, 0.8), (2, 3, 0, 10, 0.01))


def test_by_hand(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    """cat: recall 1/2 at precision 1, so 51 of 101 points; dog: found at 4 of 10 thresholds."""
    found = results(tmp_path / "r.json", *FOUND)
    assert main(["eval", str(found), "--truth", str(truth(tmp_path / "gt.json"))]) == 0
    told = capsys.readouterr()
    assert told.out == TABLE
    assert told.err == (
        "ptdet: note: suppressed already (no two boxes of a class overlap by more than 0.7): right for a score, but "
        "methods cannot be compared on them\n"
    )


def test_json(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    """All numbers, null where there is none, and hashes of what was read."""
    found, there, out = results(tmp_path / "r.json", *FOUND), truth(tmp_path / "gt.json"), tmp_path / "new/out.json"
    assert main(["eval", str(found), "--truth", str(there), "--json", str(out)]) == 0
    assert f"wrote {out}" in capsys.readouterr().out
    told = json.loads(out.read_text())
    assert told["stats"]["AP"] == pytest.approx((51 / 101 + 0.4) / 2, abs=1e-12) and told["stats"]["APl"] is None
    cat, dog, cow = told["classes"]
    assert cat["AP50"] == pytest.approx(51 / 101, abs=1e-12) and dog["AP"] == pytest.approx(0.4, abs=1e-12)
    assert cow["AP"] is None and cow["objects"] == 0
    assert told["best_f1"] == {"score": 0.8, "precision": 2 / 3, "recall": 2 / 3, "f1": 2 / 3}
    assert told["best_mean_f1"] == {"score": 0.8, "f1": (2 / 4 + 1) / 2}  # cat: one of two found, and a false one
    assert np.array(told["precision"][:2]).shape == (2, 10, 101) and told["precision"][2][0][0] is None
    assert told["precision"][0][0] == pytest.approx([1] * 51 + [0] * 50) and told["recall"][1] == [1] * 4 + [0] * 6
    assert told["curves"]["all"] == {
        "score": [0.9, 0.85, 0.8, 0.01], "precision": [1, 1 / 2, 2 / 3, 2 / 4], "f1": [2 / 4, 2 / 5, 4 / 6, 4 / 7],
        "recall": [1 / 3, 1 / 3, 2 / 3, 2 / 3],
    }  # fmt: skip
    assert told["curves"]["classes"][2] == {"score": [0.01], "precision": [0.0], "f1": [0.0]}
    assert len(told["truth"]["sha256"]) == 64 and list(told["detections"]["files"]) == [str(found)]
    results(found, *FOUND[:3], (2, 3, 0, 10, 0.02))
    assert main(["eval", str(found), "--truth", str(there), "--json", str(out)]) == 0
    again = json.loads(out.read_text())
    assert again["truth"] == told["truth"] and again["detections"]["sha256"] != told["detections"]["sha256"]


def test_the_page_shows_what_is_printed(capsys: pytest.CaptureFixture[str]) -> None:
    folder = DATA.parent / "coco_demo100"
    assert main(["eval", str(folder / "detections.json"), "--truth", str(folder / "truth.json")]) == 0
    page = (DATA.parents[2] / "docs/evaluation.md").read_text(encoding="utf-8")
    shown = page.split("```text\n")[1].split("\n..\n")[0]
    assert capsys.readouterr().out.startswith(shown + "\n") and "maxDets=100 ] = 0.505" in shown


def best_of_each_picture(path: Path, most: int) -> None:
    """Cuts COCO results as the stored numbers were made."""
    by_picture: dict[int, list[dict[str, Any]]] = {}
    for one in sorted(json.loads(path.read_text()), key=lambda one: -one["score"]):
        by_picture.setdefault(one["image_id"], []).append(one)
    path.write_text(json.dumps([one for found in by_picture.values() for one in found[:most]]))


def test_run_then_eval(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    """Real detections: the numbers that pycocotools has of the same candidates, suppressed in the same way."""
    kept, out = tmp_path / "r.json", tmp_path / "out.json"
    raw = str(DATA / "yolox_nano_candidates.npz")
    assert main(["run", raw, "--iou", "0.65", "--conf", "0", "--out", str(kept)]) == 0
    best_of_each_picture(kept, 100)
    assert main(["eval", str(kept), "--truth", str(TRUTH), "--json", str(out)]) == 0
    told = json.loads(out.read_text())
    expected = json.loads((DATA / "yolox_nano_reference_map.json").read_text())["batched_nms_0.65"]
    assert told["counts"]["detections"] == expected.pop("n_dets")
    assert {name: told["stats"][name] for name in expected} == pytest.approx(expected, abs=1e-12)
    assert len(told["curves"]["all"]["score"]) in (LONGEST_CURVE, LONGEST_CURVE + 1)  # the best is among them
    assert max(told["curves"]["all"]["f1"]) == told["best_f1"]["f1"]
    assert re.search(r"^ Average Precision  \(AP\) @\[ IoU=0.50:0.95 .* = 0.358$", capsys.readouterr().out, re.M)
    assert main(["eval", raw, "--truth", str(TRUTH)]) == 0
    assert "overlap a better one of their class by more than 0.7: suppress them first" in capsys.readouterr().err


def test_arrays_are_evaluated_as_json(tmp_path: Path) -> None:
    """What `ptdet run` writes in either form, but for the rounding of corners to sides."""
    raw, stats = str(DATA / "yolox_nano_candidates.npz"), []
    for name in ("r.json", "r.npz"):
        assert main(["run", raw, "--conf", "0.1", "--out", str(tmp_path / name)]) == 0
        out = tmp_path / f"{name}.out"
        assert main(["eval", str(tmp_path / name), "--truth", str(TRUTH), "--json", str(out)]) == 0
        stats.append(json.loads(out.read_text())["stats"])
    assert stats[0] == pytest.approx(stats[1], abs=1e-6) and stats[0]["AP"] > 0.25


def test_overlaps_and_limits(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    found, there = str(results(tmp_path / "r.json", *FOUND)), str(truth(tmp_path / "gt.json"))
    assert main(["eval", found, "--truth", there, "--iou", "0.6,0.7", "--max-det", "5"]) == 0
    lines = capsys.readouterr().out.splitlines()
    assert lines[1].endswith("@[ IoU=0.60:0.70 | area=   all | maxDets=  5 ] = 0.502")  # (51 / 101 + 1 / 2) / 2
    assert lines[5].endswith("@[ IoU=0.60:0.70 | area=   all | maxDets=  1 ] = 0.500")
    assert sum("IoU=0.50 " in line or "IoU=0.75 " in line for line in lines) == 0
    assert "at IoU 0.60, all classes" in lines[10] and " AP60 " in lines[12]
    assert main(["eval", found, "--truth", there, "--iou", "0.5"]) == 0
    assert "@[ IoU=0.50      | area=   all | maxDets=100 ] = 0.752" in capsys.readouterr().out
    default, same = tmp_path / "default.json", tmp_path / "same.json"
    assert main(["eval", found, "--truth", there, "--json", str(default)]) == 0
    assert main(["eval", found, "--truth", there, "--json", str(same), "--iou", "0.5:0.95:0.05"]) == 0
    assert default.read_bytes() == same.read_bytes()


@pytest.mark.parametrize(
    "overlaps", ["0.5:0.95", "0.5:0.95:0.04", "0.9,0.5", "0,0.5", "0.5,1.5", "x", "0.5:0.4:0.1", ""]
)
def test_wrong_overlaps(overlaps: str, capsys: pytest.CaptureFixture[str]) -> None:
    with pytest.raises(SystemExit) as left:
        main(["eval", "r.json", "--truth", "gt.json", f"--iou={overlaps}"])
    assert left.value.code == 2 and "--iou: expected" in capsys.readouterr().err


CAT = (1, 1, 0, 10, 0.9)
NOTES: dict[str, tuple[tuple[tuple[int, int, float, float, float], ...], tuple[str, ...], str]] = {
    "cut": ((CAT, (2, 1, 0, 10, 0.3)), (), "the lowest score is 0.3: weaker detections look cut off"),
    "equal": ((CAT, (2, 1, 0, 10, 0.9)), (), "all scores are 0.9: average precision ranks by scores"),
    "raw": ((CAT, (1, 1, 1, 10, 0.04)), (), "1 of 2 detections overlap a better one of their class by more than 0.7"),
    "limit": (
        (CAT, (1, 1, 30, 10, 0.5), (1, 1, 60, 10, 0.02)),
        ("--max-det", "2"),
        "1 detections do not count: they are beyond the best 2 of their picture and class (--max-det 3 counts all)",
    ),
    "nowhere": (
        ((1, 1, 500, 10, 0.9),),
        (),
        "no detection overlaps an object of its class by 0.5: are the boxes in pix",
    ),
    "none": ((), (), "there are no detections"),
    "strangers": ((CAT, (8, 1, 0, 10, 0.01)), (), "1 of 2 detections are left out: the truth has no picture 8"),
    "classes": ((CAT, (1, 9, 0, 10, 0.01)), (), "1 of 2 detections are left out: the truth has no class 9"),
    "pictures": ((CAT,), (), "1 of 2 pictures of the truth have no detections"),
}


@pytest.mark.parametrize("name", NOTES)
def test_notes(tmp_path: Path, capsys: pytest.CaptureFixture[str], name: str) -> None:
    found, options, expected = NOTES[name]
    call = ["eval", str(results(tmp_path / "r.json", *found)), "--truth", str(truth(tmp_path / "gt.json")), *options]
    assert main(call) == 0
    assert f"ptdet: note: {expected}" in capsys.readouterr().err


def test_truth_without_boxes(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    call = ["eval", str(results(tmp_path / "r.json", CAT)), "--truth", str(truth(tmp_path / "gt.json", objects=()))]
    assert main(call) == 0
    told = capsys.readouterr()
    assert "note: the truth has no boxes" in told.err and "maxDets=100 ] = -1.000" in told.out


def test_errors(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    """One line that names the file; the exit code is 2, and no result is written."""
    found, there, out = results(tmp_path / "r.json", CAT), truth(tmp_path / "gt.json"), tmp_path / "out.json"
    broken = tmp_path / "broken.json"
    broken.write_text("{")
    calls = {
        f"--truth {broken} is no JSON": [found, "--truth", broken],
        f"{broken} is no JSON": [broken, "--truth", there],
        f"--truth {tmp_path / 'x.json'} there is no such file": [found, "--truth", tmp_path / "x.json"],
        f"--json {found} is an input: it would be overwritten": [found, "--truth", there, "--json", found],
        f"--json {tmp_path} is a folder": [found, "--truth", there, "--json", tmp_path],
        f"{tmp_path / 'y.json'} there is no such file": [tmp_path / "y.json", "--truth", there],
    }
    for expected, call in calls.items():
        assert main(["eval", *map(str, call), *([] if "--json" in call else ["--json", str(out)])]) == 2
        told = capsys.readouterr()
        assert told.err.startswith(f"ptdet: error: {expected}") and told.err.count("\n") == 1 and not told.out
    assert not out.exists()


def test_places_that_are_no_files(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    """One line and the exit code 2 for each; a pipe or a device is not written over."""
    found, there, long = results(tmp_path / "r.json", CAT), truth(tmp_path / "gt.json"), "x" * 300
    pipe = tmp_path / "pipe"
    os.mkfifo(pipe)
    for call in ([found, "--truth", pipe], [found, "--truth", long], [long, "--truth", there],
                 [found, "--truth", there, "--json", pipe], [found, "--truth", there, "--json", long]):  # fmt: skip
        assert main(["eval", *map(str, call)]) == 2
        told = capsys.readouterr()
        assert told.err.startswith("ptdet: error: ") and told.err.count("\n") == 1 and not told.out, call
    assert pipe.is_fifo()
    with pytest.raises(SystemExit) as left:
        main(["eval", str(found), "--truth", str(there), "--max-det", "9" * 30])
    assert left.value.code == 2


def test_names_that_a_terminal_cannot_show(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    """Each stays one line, and moves no cursor."""
    there = truth(tmp_path / "gt.json")
    there.write_text(there.read_text().replace('"cat"', json.dumps("c\n\x1b[2J\ud800")))
    found = results(tmp_path / "r.json", CAT)
    assert main(["eval", str(found), "--truth", str(there)]) == 0
    assert "\nc\\n\\x1b[2J\\ud800        2 " in capsys.readouterr().out
    there.write_text(there.read_text().replace('"dog"', '"\u72ac"'))
    done = subprocess.run(
        [sys.executable, "-m", "ptdet", "eval", found, "--truth", there],
        env={**os.environ, "PYTHONIOENCODING": "ascii"}, capture_output=True, check=True,
    )  # fmt: skip
    assert b"\\u72ac" in done.stdout and b"Traceback" not in done.stderr


def test_notes_outlive_the_reader_of_the_table(tmp_path: Path) -> None:
    found, there = results(tmp_path / "r.json", CAT), truth(tmp_path / "gt.json")
    shown, closed = os.pipe()
    os.close(shown)
    done = subprocess.run(
        [sys.executable, "-u", "-m", "ptdet", "eval", found, "--truth", there],
        stdout=closed, stderr=subprocess.PIPE, check=False,
    )  # fmt: skip
    os.close(closed)
    assert b"1 of 2 pictures of the truth have no detections" in done.stderr and b"Traceback" not in done.stderr


def test_other_truths(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    """YOLO, VOC and DOTA as a user names them; detections by the names of files and classes."""
    pytest.importorskip("yaml")
    image = pytest.importorskip("PIL.Image")
    for folder in ("images", "labels", "voc", "dota", "dota_found"):
        (tmp_path / folder).mkdir()
    image.new("L", (200, 100)).save(tmp_path / "images/a.png")
    (tmp_path / "labels/a.txt").write_text("1 0.1 0.1 0.1 0.2\n")
    (tmp_path / "data.yaml").write_text("val: images\nnames: [dog, cat]\n")
    corners = "<xmin>10</xmin><ymin>0</ymin><xmax>30</xmax><ymax>20</ymax>"
    (tmp_path / "voc/a.xml").write_text(
        f"<annotation><object><name>cat</name><bndbox>{corners}</bndbox></object></annotation>"
    )
    (tmp_path / "dota/a.txt").write_text("10 0 30 0 30 20 10 20 cat 0\n")
    (tmp_path / "dota_found/Task1_cat.txt").write_text("a 0.9 10 0 30 0 30 20 10 20\n")
    meta = json.dumps({"classes": ["cat", "dog"]})
    box = np.array([[10.0, 0, 30, 20]])
    np.savez(tmp_path / "a.npz", boxes=box, scores=np.array([0.9]), labels=np.array([0]), meta_json=meta)
    for found, there in (("a.npz", "data.yaml"), ("a.npz", "voc"), ("dota_found", "dota")):
        assert main(["eval", str(tmp_path / found), "--truth", str(tmp_path / there)]) == 0
        lines = capsys.readouterr().out.splitlines()
        assert lines[1].endswith("maxDets=100 ] = 1.000"), there
        assert lines[0].startswith("1 rotated boxes" if there == "dota" else "1 boxes")
    (tmp_path / "predict").mkdir()
    (tmp_path / "predict/a.txt").write_text("1 0.1 0.1 0.1 0.2 0.9\n")
    assert main(["eval", str(tmp_path / "predict"), "--truth", str(tmp_path / "data.yaml")]) == 0
    told = capsys.readouterr()
    assert told.out.splitlines()[1].endswith("= 1.000") and "places in the truth's list: 0 dog, 1 cat" in told.err
    assert main(["eval", str(tmp_path / "a.npz"), "--truth", str(tmp_path / "dota")]) == 2
    assert "the truth has rotated boxes and the detections upright ones" in capsys.readouterr().err
