"""`ptdet tune`, and `ptdet run --config` of what it wrote."""

from __future__ import annotations

import json
import re
from html.parser import HTMLParser
from pathlib import Path
from typing import Any
from xml.etree import ElementTree

import numpy
import pytest

import ptdet
from ptdet import cli
from ptdet._shared.config import Config, Setting, dump_config
from ptdet.io import read_detections, read_truth

from ..detections import DATA
from ..parity.test_numpy_process import NO_TORCH
from .test_import import python

RAW, TRUTH = DATA / "coco_map/yolox_nano_candidates.npz", DATA / "coco_map/gt_coco_val64.json"
GRID = ["--methods", "hard,merge", "--iou", "0.5,0.65,0.8", "--draws", 50]
Told = pytest.CaptureFixture[str]


def call(*arguments: object) -> int:
    return cli.main([*map(str, arguments)])


def refused(capsys: Told, *arguments: object) -> str:
    """The one line on stderr of a call that ends with 2."""
    try:
        code = call(*arguments)
    except SystemExit as left:  # what the parser says has the usage before it
        code = int(left.code or 0)
    assert code == 2
    return capsys.readouterr().err.splitlines()[-1]


def numbers_of(kept: Path, folder: Path) -> dict[str, Any]:
    assert call("eval", kept, "--truth", TRUTH, "--json", folder / "numbers.json") == 0
    found: dict[str, Any] = json.loads((folder / "numbers.json").read_text())
    return found


def test_what_is_told_is_what_run_and_eval_find(tmp_path: Path, capsys: Told) -> None:
    """AP of what was chosen, and of the default; and the same bytes from the same seed."""
    out = tmp_path / "tuned.toml"
    assert call("tune", RAW, "--truth", TRUTH, "--out", out, "--anyway", *GRID) == 0
    said = capsys.readouterr()
    assert "64 pictures, 440 objects, 25943 candidates; 9 suppressions tried" in said.out
    assert "suppress them first" not in said.err
    config = ptdet.load_config(out)
    assert config.setting.method != "hard" and config.provenance["verdict"].startswith("keep the default, hard iou 0.5")
    text = out.read_bytes()
    assert call("run", RAW, "--config", out, "--out", tmp_path / "kept.json") == 0
    same = pytest.approx(numbers_of(tmp_path / "kept.json", tmp_path)["stats"]["AP"], abs=1e-12)
    assert config.provenance["score"] == same
    assert call("run", RAW, "--conf", 0.001, "--out", tmp_path / "kept.json") == 0
    same = pytest.approx(numbers_of(tmp_path / "kept.json", tmp_path)["stats"]["AP"], abs=1e-12)
    assert config.provenance["score_of_default"] == same
    assert call("tune", RAW, "--truth", TRUTH, "--out", out, "--anyway", *GRID) == 0
    assert out.read_bytes() == text
    assert call("tune", RAW, "--truth", TRUTH, "--out", out, *GRID) == 0
    assert ptdet.load_config(out).setting == Setting(conf=0.001)  # whose gain cannot be told from chance


def test_thresholds_of_classes_are_taken_by_name(tmp_path: Path) -> None:
    """Cost of detections by class: what tune says, counted by eval."""
    out, kept = tmp_path / "tuned.toml", tmp_path / "kept.json"
    options = ["--objective", "cost", "--cost-fn", 3, "--per-class", "both", "--methods", "hard", "--anyway"]
    assert call("tune", RAW, "--truth", TRUTH, "--out", out, *options) == 0
    config = ptdet.load_config(out)
    assert "person" in config.classes and len(config.classes) < 10  # of those with 25 objects
    assert call("run", RAW, "--config", out, "--out", kept) == 0
    categories = {each["id"]: each["name"] for each in json.loads(TRUTH.read_text())["categories"]}
    lowest: dict[str, float] = {}
    for one in json.loads(kept.read_text()):
        name = categories[one["category_id"]]
        lowest[name] = min(lowest.get(name, 1.0), one["score"])
    for name, least in lowest.items():
        assert least > config.classes.get(name, {}).get("conf", config.setting.conf)
    counts = numbers_of(kept, tmp_path)["counts"]
    cost = counts["false_positives"] + 3 * counts["missed"]
    assert config.provenance["score"] == pytest.approx(-cost / 64, abs=1e-12)


def test_f1_is_one_of_two_and_eval_has_both(tmp_path: Path, capsys: Told) -> None:
    """Results that have no names of classes take them from the truth, by category_id."""
    raw, out, kept = tmp_path / "raw.json", tmp_path / "tuned.toml", tmp_path / "kept.json"
    assert call("run", RAW, "--conf", 0.05, "--iou", 0.95, "--out", raw) == 0
    found = json.loads(raw.read_text())
    raw.write_text(json.dumps([one for one in found if one["image_id"] != found[0]["image_id"]]))
    options = ["--objective", "f1", "--per-class", "conf", "--methods", "hard", "--anyway", "--draws", 50]
    capsys.readouterr()
    assert call("tune", raw, "--truth", TRUTH, "--out", out, *options) == 0
    assert "mean F1 precision" in (said := capsys.readouterr()).out and " F1 0." in said.out.split("out of fold: ")[1]
    assert said.err.count("pictures of the truth have no detections") == 1
    assert {*ptdet.load_config(out).classes} == {"person"}  # the only one with 25 objects whose best is another
    assert "has no names of classes" in refused(capsys, "run", raw, "--config", out, "--out", kept)
    assert call("run", raw, "--config", out, "--out", kept, "--classes", TRUTH) == 0
    truth = read_truth(TRUTH)
    f1 = ptdet.evaluate(read_detections([kept], truth), truth).f1()
    assert ptdet.load_config(out).provenance["score"] == pytest.approx(f1.mean.f1[-1], abs=1e-12)
    best = numbers_of(kept, tmp_path)["best_mean_f1"]
    assert best == f1.mean.best and best["f1"] != f1.all.best["f1"]
    assert "is none" in refused(capsys, "run", RAW, "--classes", TRUTH)  # its labels are places
    assert "names no classes" in refused(capsys, "run", raw, "--classes", raw)


def test_the_order_of_files_changes_no_byte(tmp_path: Path) -> None:
    stored = json.loads(TRUTH.read_text())["images"]
    assert call("run", RAW, "--conf", 0.01, "--iou", 0.9, "--out", tmp_path / "raw.json") == 0
    found = json.loads((tmp_path / "raw.json").read_text())
    files = [tmp_path / f"{number}.json" for number in range(3)]
    for number, file in enumerate(files):
        own = {each["id"] for each in stored[number::3]}
        file.write_text(json.dumps([one for one in found if one["image_id"] in own]))
    texts = []
    for order in (files, files[::-1]):
        out = tmp_path / "tuned.toml"
        assert call("tune", *order, "--truth", TRUTH, "--out", out, *GRID) == 0
        texts.append(out.read_bytes())
    assert texts[0] == texts[1]


def kept_of(folder: Path, *arguments: object) -> Any:
    assert call("run", RAW, *arguments, "--out", folder / "kept.npz") == 0
    with numpy.load(folder / "kept.npz", allow_pickle=False) as stored:
        return {name: stored[name] for name in stored.files}


def test_options_go_before_the_file(tmp_path: Path, capsys: Told) -> None:
    path = tmp_path / "a.toml"
    classes = {"person": {"conf": 0.6, "iou": 0.3}}
    path.write_text(dump_config(Config(Setting("diou", iou=0.65, beta=0.6, conf=0.3), classes=classes)))
    by_file = kept_of(tmp_path, "--config", path)
    people = by_file["scores"][by_file["labels"] == 0]
    assert people.min() > 0.6 and by_file["scores"].min() < 0.35
    assert (kept_of(tmp_path, "--config", path, "--conf", 0.4)["scores"] > 0.4).all()
    assert "thresholds of the class" not in capsys.readouterr().err
    path.with_name("b.toml").write_text(path.read_text().replace("person", "persn"))
    kept_of(tmp_path, "--config", path.with_name("b.toml"))
    assert "--config has thresholds of the class 'persn', and no class here is called so" in capsys.readouterr().err
    plain = kept_of(tmp_path, "--method", "diou", "--iou", 0.65, "--conf", 0.3)
    again = kept_of(tmp_path, "--config", path, "--iou", 0.65, "--conf", 0.3)
    assert len(again["rows"]) != len(plain["rows"])  # beta is still that of the file
    capsys.readouterr()
    other = kept_of(tmp_path, "--config", path, "--method", "hard", "--iou", 0.65, "--conf", 0.3)
    assert "note: " in (said := capsys.readouterr().err) and "beta of diou is not for --method hard" in said
    hard = kept_of(tmp_path, "--iou", 0.65, "--conf", 0.3)
    assert all(numpy.array_equal(other[name], hard[name]) for name in hard)


def test_bad_files_of_settings(tmp_path: Path, capsys: Told) -> None:
    path = tmp_path / "a.toml"
    assert "a.toml: No such file" in refused(capsys, "run", RAW, "--config", path)
    path.write_text("ioo = 0.3")
    assert "unknown key 'ioo'" in refused(capsys, "run", RAW, "--config", path)
    path.write_text("iou = 3.0")
    told = refused(capsys, "run", RAW, "--config", path)
    assert told == f"ptdet: error: --config {path}: iou: expected a number from 0 to 1, as overlaps are, got 3"
    path.write_text("[classes.cat]\nconf = 0.5")
    numpy.savez(tmp_path / "unnamed.npz", boxes=numpy.zeros((1, 4)), scores=numpy.ones(1), labels=numpy.zeros(1, int))
    assert "has no names of classes" in refused(capsys, "run", tmp_path / "unnamed.npz", "--config", path)
    few = ["run", RAW, "--config", path, "--classes", "cat,dog"]
    assert "names for 2 classes, numbered from 0" in refused(capsys, *few)
    assert "--agnostic lets all classes meet" in refused(capsys, "run", RAW, "--config", path, "--agnostic")


def test_bad_calls(tmp_path: Path, capsys: Told) -> None:
    tune: list[object] = ["tune", RAW, "--truth", TRUTH]
    assert "methods: expected some of hard" in refused(capsys, *tune, "--methods", "nmss")
    assert "methods: wbf fuses" in refused(capsys, *tune, "--methods", "hard,wbf")
    assert "expected increasing overlaps" in refused(capsys, *tune, "--iou", "0.5,50")
    assert "expected increasing numbers" in refused(capsys, *tune, "--sigma", "2,1")
    assert "--truth" in refused(capsys, "tune", RAW, "--truth", tmp_path / "no.json")
    assert "--out" in refused(capsys, *tune, "--out", TRUTH)
    assert "--report" in refused(capsys, *tune, "--report", tmp_path)
    assert "per_class: conf has nothing to choose" in refused(capsys, *tune, "--per-class", "conf")
    (tmp_path / "groups.txt").write_text("1 a\n")
    assert "has no group of the picture" in refused(capsys, *tune, "--groups", tmp_path / "groups.txt")
    assert "--default" in refused(capsys, *tune, "--default", tmp_path / "no.toml")


def test_groups_and_another_default(tmp_path: Path, capsys: Told) -> None:
    pictures = [each["id"] for each in json.loads(TRUTH.read_text())["images"]]
    lines = [f"{picture} film {number % 8}" for number, picture in enumerate(pictures)]
    (tmp_path / "groups.txt").write_text("\n".join(lines).replace("film ", "film"))
    (tmp_path / "default.toml").write_text(dump_config(Config(Setting(iou=0.3, conf=0.001))))
    options = ["--methods", "hard", "--draws", 50, "--groups", tmp_path / "groups.txt", "--out", tmp_path / "out.toml"]
    assert call("tune", RAW, "--truth", TRUTH, *options, "--default", tmp_path / "default.toml") == 0
    assert "over hard iou 0.3, conf 0.001" in capsys.readouterr().out  # that is known to be too low
    text = (tmp_path / "groups.txt").read_text()
    (tmp_path / "groups.txt").write_text(text.replace(" ", "\t") + f"\n{pictures[0]}, film7")
    assert "has another group already" in refused(capsys, "tune", RAW, "--truth", TRUTH, *options)
    assert ptdet.load_config(tmp_path / "out.toml").provenance["groups"] == 8


class Page(HTMLParser):
    """Tags and addresses of a page."""

    def __init__(self) -> None:
        super().__init__()
        self.tags: set[str] = set()
        self.asks: list[str] = []

    def handle_starttag(self, tag: str, attrs: list[tuple[str, str | None]]) -> None:
        self.tags.add(tag)
        self.asks += [f"{name}={value}" for name, value in attrs if name in ("src", "href") or name.startswith("on")]


def test_the_report_loads_nothing_and_escapes_all(tmp_path: Path) -> None:
    """Names of classes and files are those of a stranger."""
    bad = '<script>alert("x")</script>&'
    stored = json.loads(TRUTH.read_text())
    for each in stored["categories"]:
        each["name"] = f"{bad}{each['name']}"
    truth, report = tmp_path / "<b>truth&.json", tmp_path / "tuned.html"
    truth.write_text(json.dumps(stored))
    options = ["--objective", "f1", "--per-class", "both", "--match", "id", "--report", report]
    assert call("tune", RAW, "--truth", truth, *options, *GRID) == 0
    text = report.read_text(encoding="utf-8")
    page = Page()
    page.feed(text)
    assert not page.tags & {"script", "img", "link", "iframe", "b"} and not page.asks
    assert "&lt;script&gt;alert" in text and "&lt;b&gt;truth&amp;.json" in text
    assert not re.search(r"https?://(?!www\.w3\.org/2000/svg)|@import|url\(", text)
    assert "prefers-color-scheme:dark" in text
    pictures = re.findall(r"<svg.*?</svg>", text, re.DOTALL)
    assert len(pictures) == 3  # front, overlap threshold, confidence
    for picture in pictures:
        assert len(picture) < 60_000
        for element in ElementTree.fromstring(picture).iter():
            for name in ("x", "y", "cx", "cy"):
                assert -1 <= float(element.get(name, 0)) <= 700


def test_without_torch(tmp_path: Path) -> None:
    code = f"""
from ptdet.cli import main
arguments = ["tune", {str(RAW)!r}, "--truth", {str(TRUTH)!r}, "--methods", "hard", "--iou", "0.5", "--draws", "5"]
assert main([*arguments, "--out", {str(tmp_path / "a.toml")!r}]) == 0
import sys, ptdet; assert ptdet.load_config({str(tmp_path / "a.toml")!r}) and "torch" not in sys.modules
"""
    assert "keep the default" in python(NO_TORCH + code)
