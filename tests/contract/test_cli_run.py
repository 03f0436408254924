"""`ptdet run` as it is called: tables, files, pictures, errors and exit codes."""

from __future__ import annotations

import json
import os
import platform
import subprocess
import sys
from pathlib import Path
from types import SimpleNamespace

import numpy
import pytest
import torch

import ptdet
import ptdet.nn
from ptdet import cli
from ptdet._shared.methods import METHODS, NAMES, PLAIN
from ptdet.cli.methods import suppress
from ptdet.cli.run import Settings, run_files
from ptdet.io import CATEGORY_IDS, ReadOptions
from ptdet.testing import clustered

from ..detections import DATA, plain_nms_cases

YOLOX = DATA / "yolox_nano_coco/raw_000000000885.npz"
PAGE = DATA / "picodet_layout_doc/raw_dotguide_010.npz"
FACES = DATA / "ultraface_rfb320/raw_img13.npz"
IMAGES = DATA / "images"


def run(*arguments: object) -> int:
    return cli.main(["run", *map(str, arguments)])


def refused(capsys: pytest.CaptureFixture[str], *arguments: object) -> str:
    """The one line on stderr of a call that ends with 2."""
    assert run(*arguments) == 2
    said = capsys.readouterr().err
    assert said.startswith("ptdet: error: ") and said.count("\n") == 1, said
    return said


def test_the_table(capsys: pytest.CaptureFixture[str]) -> None:
    assert run(YOLOX, PAGE, "--iou", 0.45) == 0
    head, yolox, page, both = [line.split() for line in capsys.readouterr().out.splitlines()]
    assert " ".join(head) == "file images boxes in over conf kept ms"
    assert yolox[:5] == ["raw_000000000885.npz", "1", "296", "43", "8"]
    assert page[:5] == ["raw_dotguide_010.npz", "1", "668", "80", "12"]
    assert both[:6] == ["2", "files", "2", "964", "123", "20"]


@pytest.mark.parametrize("expectation", ["aware", "demo"])
def test_it_keeps_what_the_detectors_own_code_keeps(tmp_path: Path, expectation: str) -> None:
    """YOLOX's postprocess at 0.25 and 0.45, within classes and across them, on every picture."""
    for case in plain_nms_cases():
        if case.name.startswith("yolox_nano_coco") and case.name.endswith(f"/{expectation}"):
            folder, stem, _ = case.name.split("/")
            extra = ["--agnostic"] if case.labels is None else []
            source = DATA / folder / f"raw_{stem}.npz"
            assert run(source, "--iou", case.iou_threshold, "--out", tmp_path / "x.npz", *extra) == 0
            with numpy.load(tmp_path / "x.npz", allow_pickle=False) as kept:
                assert kept["rows"].tolist() == case.expected.tolist()


def test_several_labels_a_box(tmp_path: Path) -> None:
    """PicoDet's own rule: every class above the threshold is a candidate."""
    assert run(PAGE, "--conf", 0.5, "--multi-label", "--out", tmp_path / "x.npz") == 0
    with numpy.load(PAGE, allow_pickle=False) as stored, numpy.load(tmp_path / "x.npz", allow_pickle=False) as kept:
        assert sorted(kept["rows"]) == sorted(stored["exp_default_index"])


def test_survivors_are_in_picture_pixels(tmp_path: Path) -> None:
    assert run(YOLOX, "--iou", 0.45, "--out", tmp_path / "kept.json") == 0
    best = json.loads((tmp_path / "kept.json").read_text())[0]
    assert best["image_id"] == 885 and best["category_id"] == 0 and best["score"] == pytest.approx(0.89, abs=0.01)
    x, y, w, h = best["bbox"]
    assert 270 < x < 290 and 80 < y < 90 and 135 < w < 145 and 305 < h < 315  # the player, in a 640x427 picture


def test_category_ids(tmp_path: Path) -> None:
    """COCO's numbers for its classes: those that the annotations of tests/data use."""
    with numpy.load(DATA / "coco_map/yolox_nano_candidates.npz", allow_pickle=False) as stored:
        assert stored["category_ids"].tolist() == list(CATEGORY_IDS)
    assert run(YOLOX, "--iou", 0.45, "--category-ids", "coco", "--out", tmp_path / "kept.json") == 0
    found = {record["category_id"] for record in json.loads((tmp_path / "kept.json").read_text())}
    assert found == {1, 37, 43}  # person, sports ball, tennis racket


def test_raw_boxes_are_not_kept(tmp_path: Path) -> None:
    """Thousands of files pass through memory; what stays is what will be written."""
    (line,) = run_files([YOLOX], ReadOptions(), Settings())
    (outcome,) = line.outcomes
    assert outcome.stored == 296 and len(outcome.of.boxes) == len(outcome.of.scores) == 0
    assert outcome.kept.boxes.base is None and outcome.kept.boxes.nbytes == len(outcome.kept) * 16


def test_a_folder_of_results(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    assert run(YOLOX, PAGE, "--out", tmp_path / "results", "--image", IMAGES) == 0
    names = {path.name for path in (tmp_path / "results").iterdir()}
    stems = ("raw_000000000885", "raw_dotguide_010")
    assert names == {f"{stem}{end}" for stem in stems for end in (".json", "_before_after.png")}
    assert capsys.readouterr().out.count("wrote ") == 4


@pytest.mark.parametrize("method", NAMES)
def test_a_caption_names_a_threshold_that_counts(method: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """soft and matrix lower scores whatever the threshold is."""
    drawn = {}
    monkeypatch.setattr("ptdet.cli.outputs.draw_before_after", lambda *_, **given: drawn.update(given))
    kept = []
    for threshold in ("0.1", "0.9"):
        out = tmp_path / f"{threshold}.npz"
        assert run(YOLOX, "--image", IMAGES, "--method", method, "--iou", threshold, "--out", out) == 0
        with numpy.load(out, allow_pickle=False) as written:
            kept.append({name: written[name].tolist() for name in ("boxes", "scores")})
        named = f", IoU {threshold}" if NAMES[method] not in ("soft", "matrix") else ""
        assert drawn["captions"][1] == f"after {method}{named}: {len(kept[-1]['scores'])} kept"
    assert (kept[0] == kept[1]) == (NAMES[method] in ("soft", "matrix"))


def test_pictures_do_not_overwrite_each_other(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    """Nor is one left out in silence."""
    (tmp_path / "in").mkdir()
    (tmp_path / "in/000000000885.jpg").write_bytes((IMAGES / "000000000885.jpg").read_bytes())
    (tmp_path / "in/dotguide_010.png").write_bytes((IMAGES / "dotguide_010.png").read_bytes())
    asked = ("--image", tmp_path / "in", "--out", tmp_path / "all.json")
    assert "has no picture for raw_img13" in refused(capsys, FACES, YOLOX, PAGE, *asked)
    names = {"in", "all.json", "all_raw_000000000885.png", "all_raw_dotguide_010.png"}
    assert {path.name for path in tmp_path.iterdir()} == names


def test_many_files_into_one(tmp_path: Path) -> None:
    assert run(YOLOX, PAGE, "--out", tmp_path / "all.json") == 0
    found = json.loads((tmp_path / "all.json").read_text())
    assert {record["image_id"] for record in found} == {885, "raw_dotguide_010"}


def test_coco_results_in_and_out(tmp_path: Path) -> None:
    assert run(YOLOX, "--conf", 0.001, "--iou", 1, "--out", tmp_path / "raw.json") == 0
    assert run(tmp_path / "raw.json", "--iou", 0.45, "--out", tmp_path / "kept.json") == 0
    raw, kept = (json.loads((tmp_path / name).read_text()) for name in ("raw.json", "kept.json"))
    assert len(raw) == 296 and len(kept) == 8 and all(record in raw for record in kept)


def test_a_tensor_is_suppressed_by_nms(tmp_path: Path) -> None:
    random = torch.Generator().manual_seed(1)
    corners = torch.rand(300, 2, generator=random) * 100
    boxes = torch.cat([corners, corners + 20 + torch.rand(300, 2, generator=random) * 30], 1)
    scores, labels = torch.rand(300, generator=random), torch.randint(0, 3, (300,), generator=random)
    torch.save(torch.cat([boxes, scores[:, None], labels[:, None].float()], 1), tmp_path / "x.pt")
    assert run(tmp_path / "x.pt", "--conf", 0.1, "--out", tmp_path / "y.npz") == 0
    with numpy.load(tmp_path / "y.npz", allow_pickle=False) as kept:
        expected = ptdet.batched_nms(boxes, scores, labels, 0.5, score_threshold=0.1)
        assert kept["rows"].tolist() == expected.tolist()  # type: ignore[union-attr]


def test_normalised_boxes_take_the_size_of_the_picture(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    numpy.save(tmp_path / "x.npy", numpy.array([[0.5, 0.5, 1.0, 1.0, 0.9]], numpy.float32))
    asked = (tmp_path / "x.npy", "--space", "normalised", "--layout", "detections", "--out", tmp_path / "y.json")
    assert "picture's size is needed" in refused(capsys, *asked)
    assert run(*asked, "--image", IMAGES / "000000000885.jpg") == 0
    assert json.loads((tmp_path / "y.json").read_text())[0]["bbox"] == [320, 213.5, 320, 213.5]


def test_one_broken_file_does_not_stop_the_others(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    (tmp_path / "bad.npz").write_text("no archive")
    assert run(tmp_path / "bad.npz", YOLOX, "--out", tmp_path / "out") == 2
    said = capsys.readouterr()
    assert "raw_000000000885.npz" in said.out and said.err.count("\n") == 1 and "bad.npz is no .npz file" in said.err
    assert [path.name for path in (tmp_path / "out").iterdir()] == ["raw_000000000885.json"]
    assert run(tmp_path / "bad.npz", YOLOX, "--out", tmp_path / "one.json") == 2
    assert "not every input" in capsys.readouterr().err and not (tmp_path / "one.json").exists()


def test_what_is_refused(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    photo = IMAGES / "000000000885.jpg"
    (tmp_path / "photo.jpg").write_bytes(photo.read_bytes())
    (tmp_path / "text.jpg").write_text("no picture")
    twin = tmp_path / "raw_000000000885.json"
    twin.write_text("[]")
    assert "no such file" in refused(capsys, tmp_path / "absent.npz")
    assert "expected a folder, .json, .npz" in refused(capsys, YOLOX, "--out", tmp_path / "x.csv")
    assert "give the --image" in refused(capsys, YOLOX, "--out", tmp_path / "x.png")
    assert "no such file" in refused(capsys, YOLOX, "--image", tmp_path / "absent.jpg")
    assert "one picture for 2 files" in refused(capsys, YOLOX, PAGE, "--image", photo)
    assert "is an input" in refused(capsys, twin, "--out", twin)
    assert "is an input" in refused(capsys, YOLOX, "--image", tmp_path / "photo.jpg", "--out", tmp_path / "photo.jpg")
    assert "can hold only one" in refused(capsys, YOLOX, twin, "--out", tmp_path / "folder")
    assert "made from a 918x1188 picture" in refused(capsys, PAGE, "--image", photo, "--out", tmp_path / "x.png")
    assert "as a picture" in refused(capsys, YOLOX, "--image", tmp_path / "text.jpg", "--out", tmp_path / "x.png")
    assert "use --method nms" in refused(capsys, FACES, "--method", "batched_nms")
    assert twin.read_text() == "[]"


@pytest.mark.parametrize(
    "wrong",
    [
        ("--method", "magic"), ("--iou", "nan"), ("--conf", "half"), ("--layout", "yolo99"), ("--space", "metres"),
        ("--logits", "some"), ("--nonsense",),
    ],
)  # fmt: skip
def test_wrong_options(wrong: tuple[str, ...], capsys: pytest.CaptureFixture[str]) -> None:
    with pytest.raises(SystemExit) as end:
        run(YOLOX, *wrong)
    assert end.value.code == 2
    assert "Traceback" not in capsys.readouterr().err


def test_every_method_runs(tmp_path: Path) -> None:
    """A new row of METHODS is run by this: what it keeps are candidates, with a box and a score each."""
    for method in NAMES:
        assert run(YOLOX, "--method", method, "--out", tmp_path / "x.npz") == 0
        with numpy.load(tmp_path / "x.npz", allow_pickle=False) as kept:
            assert 0 < len(kept["boxes"]) == len(kept["scores"]) == len(kept["labels"]) == len(kept["rows"]) <= 43


@pytest.mark.parametrize("name", PLAIN)
def test_a_method_is_its_function(name: str) -> None:
    boxes, scores = clustered(300, 3)
    labels = torch.arange(300) % 3
    arrays = suppress(name, boxes.numpy(), scores.numpy(), labels.numpy(), 0.45)
    found_boxes, found_scores, keep = map(torch.from_numpy, arrays)
    if METHODS[name].of_models:
        expected = ptdet.nn.BoxFusion(name, iou_thr=0.45)([boxes], [scores], [labels])
        assert all(map(torch.equal, (found_boxes, found_scores, labels[keep]), expected))
        return
    found = ptdet.nn.NMS(0.45 if METHODS[name].has_threshold else None, name)(boxes, scores, labels)
    *changed, kept = found if isinstance(found, tuple) else (found,)
    assert torch.equal(keep, kept)
    assert torch.equal(found_boxes, changed[0] if METHODS[name].boxes else boxes[keep])
    assert torch.equal(found_scores, changed[-1] if METHODS[name].scores else scores[keep])


def test_nothing_over_the_confidence(tmp_path: Path) -> None:
    for out in ("x.json", "x.npz", "x.png"):
        asked = ("--image", IMAGES / "000000000885.jpg", "--out", tmp_path / out)
        assert run(YOLOX, "--conf", 1, *asked) == 0 and (tmp_path / out).exists()


def command(*arguments: str, **environment: str) -> subprocess.CompletedProcess[str]:
    asked = [sys.executable, "-m", "ptdet", *arguments]
    return subprocess.run(asked, env={**os.environ, **environment}, capture_output=True, text=True, timeout=120)


def test_as_a_command() -> None:
    """No progress bar where stderr is no terminal; the exit code is the process's."""
    done = command("run", str(YOLOX), "absent.npz")
    assert done.returncode == 2 and done.stderr == "ptdet: error: absent.npz there is no such file\n"
    assert "raw_000000000885.npz" in done.stdout


def test_version_and_help(capsys: pytest.CaptureFixture[str]) -> None:
    for arguments, expected in ((["--version"], ptdet.__version__), (["--help"], "run"), (["run", "--help"], "--conf")):
        with pytest.raises(SystemExit) as end:
            cli.main(arguments)
        assert end.value.code == 0 and expected in capsys.readouterr().out


def test_the_bar_is_for_people(monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]) -> None:
    """With tqdm, on a terminal, and where there is something to wait for."""
    assert run(YOLOX, PAGE) == 0 and capsys.readouterr().err == ""
    monkeypatch.setattr(sys.stderr, "isatty", lambda: True)
    assert run(YOLOX, PAGE) == 0 and capsys.readouterr().err == ""
    monkeypatch.setattr("ptdet.cli.progress.DELAY", 0)
    monkeypatch.setitem(sys.modules, "tqdm", None)
    assert run(YOLOX, PAGE) == 0 and capsys.readouterr().err == ""


def test_the_bar_counts_bytes(
    monkeypatch: pytest.MonkeyPatch, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    """Within a file too; at the end it is full. A stand-in for tqdm: the real one is in the test below."""
    bars = []

    class Bar:
        def __init__(self, total: int, **_: object) -> None:
            self.total, self.n, self.updates, self.said = total, 0, 0, ""
            bars.append(self)

        def update(self, count: int) -> None:
            self.n, self.updates = self.n + count, self.updates + 1

        def set_description_str(self, said: str, refresh: bool) -> None:
            self.said = said

        def close(self) -> None:
            self.said += ", closed"

    monkeypatch.setattr("ptdet.io.json_pieces.PIECE", 1000)
    monkeypatch.setitem(sys.modules, "tqdm", SimpleNamespace(tqdm=Bar))
    monkeypatch.setattr(sys.stderr, "isatty", lambda: True)
    line = '{"image_id": 1, "category_id": 1, "bbox": [1, 2, 3, 4], "score": 0.5}'
    (tmp_path / "a.json").write_text(f"[{', '.join([line] * 100)}]")
    (tmp_path / "b.json").write_text("[")
    assert run(tmp_path, YOLOX) == 2
    (bar,) = bars
    sizes = [path.stat().st_size for path in (tmp_path / "a.json", tmp_path / "b.json", YOLOX)]
    assert bar.n == bar.total == sum(sizes) and bar.updates > 7 and bar.said == "3/3 files, closed"


def test_the_bar_of_tqdm(monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]) -> None:
    pytest.importorskip("tqdm")
    monkeypatch.setattr("ptdet.cli.progress.DELAY", 0)
    monkeypatch.setattr(sys.stderr, "isatty", lambda: True)
    assert run(YOLOX, PAGE) == 0
    assert "B/s" in capsys.readouterr().err  # rate and time left stand in its brackets


def test_pillow_is_needed_for_pictures_only(
    monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    monkeypatch.setitem(sys.modules, "PIL", None)
    assert run(YOLOX) == 0
    capsys.readouterr()
    assert "pip install pillow" in refused(capsys, YOLOX, "--image", IMAGES / "000000000885.jpg")


def test_a_cpu_that_is_not_there_is_told(native: None) -> None:
    """As a warning at import that stops nothing, and by `ptdet info`; what is there is obeyed in silence."""
    elsewhere = "neon" if "x86" in platform.machine() else "avx2"
    told = command("info", PTDET_CPU=elsewhere)
    assert told.returncode == 0 and f"PTDET_CPU={elsewhere!r} is not obeyed" in told.stdout
    assert "RuntimeWarning" in told.stderr
    strict = command("info", PTDET_CPU="avx1024", PYTHONWARNINGS="error")
    assert strict.returncode == 0 and "PTDET_CPU='avx1024' is not obeyed" in strict.stderr
    info = ptdet.build_info()
    assert info["instruction_set"] in info["instruction_sets"].split(", ")
    assert bool(info["cpu_problem"]) == (os.environ.get("PTDET_CPU", "") not in ("", info["instruction_set"]))
