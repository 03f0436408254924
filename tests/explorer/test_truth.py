"""The page against a truth: it counts what ptdet.evaluation counts, and says what it cannot compare."""

from __future__ import annotations

import json
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import numpy as np
import pytest

from ptdet import cli
from ptdet._shared.dataset import Detections, Truth
from ptdet.cli.run import Settings, suppress
from ptdet.evaluation.matches import match
from ptdet.io import Predictions, ReadOptions, parse_space, read_predictions, read_truth

from .browser import SETTLED, started, until, why_no_browser
from .scenes import DATA, Array, boxes, save, served, unpacked, write_report
from .test_page import HOSTILE, opened

RAW, TRUTH = DATA / "coco_map/yolox_nano_candidates.npz", DATA / "coco_map/gt_coco_val64.json"
no_browser = pytest.mark.skipif(bool(why_no_browser()), reason=why_no_browser())


def kept(found: list[Predictions], settings: Settings, truth: Truth) -> Detections:
    """Of all pictures, whose order is that of the truth's here, as are the classes."""
    ours = [suppress(one, settings).kept for one in found]
    assert [one.image_id for one in found] == list(truth.image_ids)
    assert [found[0].classes[n] for n in range(80)] == list(truth.class_names)
    return Detections(
        np.concatenate([one.boxes for one in ours]).astype(float),
        np.concatenate([one.scores for one in ours]),
        np.concatenate([one.labels for one in ours if one.labels is not None]),
        np.repeat(np.arange(len(ours)), [len(one) for one in ours]),
    )


def test_the_list_counts_as_evaluation_does() -> None:
    with served(RAW, "--truth", TRUTH) as server:
        listed = server._http.serves.library.listed()
        payload = unpacked(server._http.serves.library.payload(0))
    truth = read_truth(TRUTH)
    detections = kept(read_predictions(RAW), Settings(), truth)
    matches = match(detections, truth, iou_thresholds=[0.5], max_detections=[100])
    outcome, counted = matches.outcome[:, 0, 0], matches.counted[:, 0]
    wrong = np.bincount(detections.images[outcome == 0], minlength=64)
    missed = np.bincount(truth.images[counted], minlength=64) - np.bincount(
        detections.images[outcome == 1], minlength=64
    )
    assert [row["false"] for row in listed["rows"]] == wrong.tolist() and wrong.sum() > 20
    assert [row["missed"] for row in listed["rows"]] == missed.tolist() and missed.sum() > 20
    assert listed["problems"] == [] and payload["notes"] == []
    assert payload["truth"]["names"]["56"] == "chair" and payload["truth"]["count"] == 20


# At five settings, of every picture: what each kept box is, how many objects are missed, and the curve over all.
ASK = """async (asked) => {
  const { run } = await import("./pipeline.js");
  const { compare } = await import("./truth.js");
  const { curveOf, pointsOf } = await import("./scores.js");
  await explorer.loadAll();
  return asked.map((changed) => {
    const settings = { ...explorer.state, ...changed };
    const pictures = [...explorer.scores.pictures.entries()].sort(([a], [b]) => a - b).map(([, picture]) => picture);
    const { kernels } = explorer;
    const of = (picture) => compare(kernels, picture, run(kernels, picture, settings), settings.matchIou);
    const found = pictures.map(of);
    const all = pictures.map((picture) => pointsOf(kernels, picture, settings));
    const curve = curveOf(all.flatMap(({ points }) => points), all.reduce((sum, { objects }) => sum + objects, 0));
    return [
      found.flatMap(({ outcome }) => [...outcome]), found.map(({ missed }) => missed.length),
      curve.map(({ score, precision, recall, f1 }) => [score, precision, recall, f1]),
    ];
  });
}"""
ASKED: list[tuple[dict[str, Any], Settings]] = [
    ({}, Settings()),
    ({"conf": 0.001, "iou": 0.65, "matchIou": 0.75}, Settings(iou_threshold=0.65, confidence=0.001)),
    ({"conf": 0.01, "matchIou": 0.3, "agnostic": True}, Settings(confidence=0.01, agnostic=True)),
    ({"conf": 0.01, "method": "merge", "matchIou": 1}, Settings("merge", confidence=0.01)),
    ({"conf": 0.01, "method": "soft", "matchIou": 0}, Settings("soft", confidence=0.01)),
]


@pytest.fixture(scope="module")
def browser() -> Iterator[Any]:
    with started() as running:
        yield running


@pytest.mark.slow
@no_browser
def test_the_page_matches_as_evaluation_does(browser: Any) -> None:
    found, truth = read_predictions(RAW), read_truth(TRUTH)
    assert truth.crowd is not None and truth.crowd.sum() == 4
    with served(RAW, "--truth", TRUTH) as server, opened(browser, server.address) as page:
        answers = page.evaluate(ASK, [changed for changed, _ in ASKED])
    seen = set()
    for (changed, settings), (outcome, missed, curve) in zip(ASKED, answers, strict=True):
        detections = kept(found, settings, truth)
        iou = changed.get("matchIou", 0.5)
        matches = match(detections, truth, iou_thresholds=[iou], max_detections=[100])
        assert outcome == matches.outcome[:, 0, 0].tolist(), changed
        counts = matches.evaluate().counts(iou)
        assert sum(missed) == counts["missed"], changed
        ours = matches.evaluate().f1(iou).all
        assert np.array_equal(np.array(curve).T, [ours.scores, ours.precision, ours.recall, ours.f1]), changed
        seen |= set(outcome)
    assert seen == {0, 1, 2, 3}


@pytest.mark.slow
@no_browser
def test_colours_numbers_and_sorting(browser: Any, tmp_path: Path) -> None:
    report = write_report(tmp_path / "r.html", RAW, "--truth", TRUTH)
    with opened(browser, report.as_uri()) as page:
        page.select_option("#sort", "missed")
        rows = page.evaluate("explorer.list.order.map((row) => row.missed)")
        assert rows == sorted(rows, reverse=True) and rows[0] > rows[-1]
        assert f"{rows[0]} missed" in page.inner_text(".row")
        assert page.inner_text("#legend").split("\n")[:3] == ["8 found", "1 false", "12 missed"]
        until(page, "explorer.scores.done")
        assert "of 1 of 64 pictures" in page.inner_text("#scores")
        page.click("text=Load all pictures")
        until(page, "explorer.scores.done && explorer.scores.pictures.size === 64")
        detections, truth = kept(read_predictions(RAW), Settings(), read_truth(TRUTH)), read_truth(TRUTH)
        counts = match(detections, truth, iou_thresholds=[0.5]).evaluate().counts()
        true, wrong, objects = (counts[name] for name in ("true_positives", "false_positives", "objects"))
        f1 = 2 * true / (true + wrong + objects)
        said = f"{true / (true + wrong):.3f}\nprecision\n{true / objects:.3f}\nrecall\n{f1:.3f}\nF1"
        assert said in page.inner_text("#scores") and page.locator("#scores circle").count() == 2
        page.evaluate("explorer.change({ matchIou: 0.9 })")
        until(page, "explorer.scores.done && !explorer.waiting")
        assert said not in page.inner_text("#scores") and "at IoU 0.9" in page.inner_text("#scores")
        until(page, "location.hash.includes('matchIou=0.9')")


@pytest.mark.slow
@no_browser
def test_a_missed_object_says_why(browser: Any, tmp_path: Path) -> None:
    """Two of three objects are side by side, at IoU 1/3; the box of one is removed by that of the other."""
    places = np.array([[0, 0, 20, 20], [10, 0, 30, 20], [100, 0, 120, 20]], "float32")
    file = save(tmp_path / "one.npz", (places, np.array([0.9, 0.8, 0.1], "float32"), np.zeros(3, int)), classes=["a"])
    truth = labelled(tmp_path, [[0, 0, 20, 20], [10, 0, 20, 20], [100, 0, 20, 19]], ["a"])
    with served(file, "--truth", truth, "--iou", 0.3) as server, opened(browser, server.address) as page:
        assert page.inner_text("#legend").split("\n") == ["1 found", "0 false", "2 missed"]
        page.keyboard.press("x")
        said = page.inner_text("#chosen")
        assert "its IoU\n1.000" in said and "why\nremoved\n" in said and "removed it\na\n0.9000" in said
        page.keyboard.press("x")
        said = page.inner_text("#chosen")
        assert "its IoU\n0.950" in said and "score 0.1000 row 2" in said and "its score is not above conf" in said
        # by the pointer, too; and the address holds it
        x, y = page.evaluate(
            "(({ x, y }) => { const { way: { scale, x: left, y: top }, room } = explorer.stage;"
            " const half = explorer.stage.panel();"
            " return [x + half.x + left + scale * 100, y + half.y + top + scale * 9]; })"
            "(document.getElementById('stage').getBoundingClientRect())"
        )
        page.keyboard.press("Escape")
        assert "Point at a box" in page.inner_text("#chosen")
        page.mouse.click(x, y)
        assert "Chosen object" in page.inner_text("#chosen") and page.evaluate("explorer.state.object") == 2
        until(page, "location.hash.includes('object=2')")


def test_pictures_that_do_not_count_are_told(browser: Any, tmp_path: Path) -> None:
    """One that cannot be read keeps no other from being counted, and no number of other settings stays."""
    truth = labelled(tmp_path, [[10, 10, 20, 20]], ["a", "b", "c"])
    for name in ("one", "other", "third"):
        save(tmp_path / f"{name}.npz", boxes(30, 1), classes=["a", "b", "c"])
    with (
        served(*sorted(tmp_path.glob("*.npz")), "--truth", truth) as server,
        opened(browser, server.address, but="status of 404") as page,
    ):
        until(page, "explorer.scores.done")
        assert "recall" in page.inner_text("#scores")
        page.route("**/payload/1", lambda route: route.fulfill(status=404, body="other.npz is gone"))
        page.click("text=Load all pictures")
        until(page, "explorer.scores.done && explorer.scores.seen.size === 2")
        told = page.inner_text("#scores")
        assert "picture 2 cannot be read: other.npz is gone" in told and "1 that were loaded are not compared" in told
        page.unroute("**/payload/1")
        page.click("text=Load all pictures")
        until(page, "explorer.scores.done && explorer.scores.seen.size === 3")
        told = page.inner_text("#scores")
        assert "cannot be read" not in told and "2 that were loaded" in told and "Load all" not in told
        page.evaluate("explorer.change({ metric: 'probiou' })")
        until(page, "!explorer.waiting && explorer.scores.done")
        assert "of upright boxes" in page.inner_text("#scores") and "recall" not in page.inner_text("#scores")
        page.keyboard.press("r")
        until(page, f"{SETTLED} && explorer.scores.done")
        assert page.inner_text("#scores") == told


VOC = """<annotation><filename>one.jpg</filename><size><width>640</width><height>640</height></size>%s</annotation>"""
OBJECT = """<object><name>%s</name><difficult>%d</difficult>
<bndbox><xmin>%d</xmin><ymin>%d</ymin><xmax>%d</xmax><ymax>%d</ymax></bndbox></object>"""
SPACES = ("picture", "normalised", "333x500", "letterbox:416x320", "letterbox:417x640:topleft", "ratio:0.65")
# The boxes of the page in pixels of the picture, and how many are false and missed.
IN_PICTURE = """async () => {
  const { inPicture } = await import("./truth.js");
  const { found: { compared: { outcome, missed } }, picture: { boxes, truth } } = explorer;
  return [[...inPicture(boxes, truth.way)], outcome.filter((what) => what === 0).length, missed.length];
}"""


@pytest.mark.slow
@no_browser
@pytest.mark.parametrize("dtype", ["float32", "float64"])
def test_boxes_come_to_pixels_as_in_python(browser: Any, tmp_path: Path, dtype: str) -> None:
    """To the last bit, of every unit; the truth has the size of the picture, 640 x 427."""
    found = boxes(200, 9, dtype)
    (tmp_path / "truth").mkdir()
    objects = "".join(OBJECT % ("a", 0, *box) for box in found[0][::20].round().astype(int).tolist())
    (tmp_path / "truth/one.xml").write_text(VOC.replace("<height>640", "<height>427") % objects)
    for space in SPACES:
        file = save(tmp_path / "one.npz", found, classes=["a", "b", "c"])
        words = "--truth", tmp_path / "truth", "--space", space
        with served(file, *words) as server, opened(browser, server.address) as page:
            placed, false, missed = page.evaluate(IN_PICTURE)
            (row,) = server._http.serves.library.listed()["rows"]
            assert (row["false"], row["missed"]) == (false, missed) and page.evaluate("explorer.picture.size[1]") == 427
        (of,) = read_predictions(file, ReadOptions(space=parse_space(space)))
        chosen = of.in_picture(of.candidates(0.001), (640, 427)).boxes
        assert chosen.dtype == dtype and placed == chosen.flatten().tolist(), space


def labelled(folder: Path, truth_boxes: list[list[float]], names: list[str]) -> Path:
    """A truth of one picture, `one.jpg`, in COCO's form."""
    entries = [
        {"id": n, "image_id": 1, "category_id": n % len(names) + 1, "bbox": box, "area": box[2] * box[3], "iscrowd": 0}
        for n, box in enumerate(truth_boxes)
    ]
    truth = {
        "images": [{"id": 1, "file_name": "one.jpg", "width": 640, "height": 640}],
        "categories": [{"id": n + 1, "name": name} for n, name in enumerate(names)],
        "annotations": entries,
    }
    path = folder / "truth.json"
    path.write_text(json.dumps(truth))
    return path


def test_what_cannot_be_compared_is_told(tmp_path: Path) -> None:
    truth = labelled(tmp_path, [[10, 10, 20, 20]], ["a", "b"])

    def notes(name: str, **meta: Any) -> tuple[Any, list[str]]:
        file = save(tmp_path / name, boxes(30, 1), **meta)
        with served(file, "--truth", truth) as server:
            library = server._http.serves.library
            found = unpacked(library.payload(0))
            assert ("missed" in library.listed()["rows"][0]) == (found["truth"] is not None)
            return found["truth"], found["notes"]

    assert notes("other.npz", classes=["a", "b", "c"]) == (
        None, ["not compared with the truth: it has no picture of this name"],
    )  # fmt: skip
    there, said = notes("one.npz", classes=["a", "b", "c"])
    assert there["count"] == 1 and any("the truth has no class c" in each for each in said)
    there, said = notes("one.npz", classes=["x", "y", "z"])
    assert there is None and "none of the classes" in said[0]
    there, said = notes("one.npz")
    assert there is not None and any("are taken as places in the truth's list: 0 a, 1 b" in each for each in said)


def test_a_truth_that_cannot_be_read_is_refused(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    file, truth = save(tmp_path / "one.npz", boxes(30, 1)), tmp_path / "none.json"
    assert cli.main(["report", str(file), "--truth", str(truth), "--out", str(tmp_path / "r.html")]) == 2
    assert "none.json" in capsys.readouterr().err and not (tmp_path / "r.html").exists()


def rotated(seed: int, count: int) -> tuple[Array, Array]:
    """Boxes (N, 5) in heaps, and the classes of three."""
    draw = np.random.default_rng(seed)
    heap = draw.integers(0, 20, count)
    centre = np.random.default_rng(1).uniform(60, 580, (20, 2))[heap] + draw.normal(0, 4, (count, 2))
    turn = np.random.default_rng(2).uniform(-2, 2, 20)[heap] + draw.normal(0, 0.1, count)
    return np.column_stack([centre, draw.uniform(30, 50, (count, 2)), turn]), heap % 3


@pytest.fixture
def turned(tmp_path: Path) -> Path:
    """A truth of rotated boxes, every seventh a crowd, in a picture of 640 x 480."""
    places, labels = rotated(3, 40)
    entries = [
        {"id": n, "image_id": 1, "category_id": int(label), "rbox": box, "iscrowd": int(n % 7 == 0)}
        for n, (box, label) in enumerate(zip(places.tolist(), labels, strict=True))
    ]
    image = {"id": 1, "file_name": "one.jpg", "width": 640, "height": 480}
    categories = [{"id": n, "name": name} for n, name in enumerate("abc")]
    path = tmp_path / "turned.json"
    path.write_text(json.dumps({"images": [image], "categories": categories, "annotations": entries}))
    return path


@pytest.mark.slow
@no_browser
@pytest.mark.parametrize("space", ["picture", "letterbox:416x320", "640x480", "ratio:0.65"])
def test_rotated_boxes_match_as_evaluation_does(browser: Any, tmp_path: Path, turned: Path, space: str) -> None:
    places, labels = rotated(4, 500)
    scores = np.random.default_rng(5).uniform(0.01, 1, 500).astype("float32")
    file = save(tmp_path / "one.npz", (places.astype("float32"), scores, labels), classes=list("abc"), boxes="cxcywhr")
    asked = [({}, Settings()), ({"conf": 0.05, "iou": 0.8, "matchIou": 0.7}, Settings("hard", 0.8, 0.05))]
    with served(file, "--truth", turned, "--space", space) as server, opened(browser, server.address) as page:
        answers = page.evaluate(ASK, [changed for changed, _ in asked])
        (row,) = server._http.serves.library.listed()["rows"]
        # by the key n to each kept box: the page says what it is
        said = page.evaluate("explorer.found.keep.forEach((own) => explorer.pin(own)), explorer.state.box")
        assert said is not None and "truth" in page.inner_text("#chosen")
    truth = read_truth(turned)
    (of,) = read_predictions(file, ReadOptions(space=parse_space(space)))
    seen = set()
    for (changed, settings), (outcome, missed, _) in zip(asked, answers, strict=True):
        ours = of.in_picture(suppress(of, settings).kept, (640, 480))
        assert ours.labels is not None
        nothing = np.zeros(len(ours), np.int64)
        detections = Detections(ours.boxes.astype(float), ours.scores, ours.labels, nothing)
        iou = changed.get("matchIou", 0.5)
        matches = match(detections, truth, iou_thresholds=[iou], max_detections=[100])
        assert outcome == matches.outcome[:, 0, 0].tolist()
        assert missed == [matches.evaluate().counts(iou)["missed"]]
        seen |= set(outcome)
        if not changed:
            assert (row["false"], row["missed"]) == (outcome.count(0), missed[0])
    assert seen >= ({0, 1, 2} if space == "picture" else {0})


def test_rotated_and_upright_boxes_are_not_compared(tmp_path: Path, turned: Path) -> None:
    places, labels = rotated(4, 30)
    scores, names = np.full(30, 0.5, "float32"), {"classes": ["a", "b", "c"]}
    upright = save(tmp_path / "one.npz", boxes(30, 1), **names)
    (tmp_path / "rotated").mkdir()
    file = save(tmp_path / "rotated/one.npz", (places, scores, labels), boxes="cxcywhr", **names)
    cases = [
        (upright, turned, (), "boxes are upright, those of the truth are rotated"),
        (file, labelled(tmp_path, [[10, 10, 20, 20]], ["a", "b"]), (), "rotated, those of the truth are upright"),
        (file, turned, ("--space", "100x400"), "stretched more on one axis"),
    ]
    for file, truth, words, why in cases:
        with served(file, "--truth", truth, *words) as server:
            found = unpacked(server._http.serves.library.payload(0))
            assert found["truth"] is None and any(why in note for note in found["notes"]), found["notes"]


# A detection for each answer, on objects of two classes: of "a" at 0 and 200, of "b" at 100.
REASONS = [
    ((0, 0, 20, 20), 0.9, 0, "found"), ((1, 0, 21, 20), 0.8, 0, "a better box has it"),
    ((100, 0, 120, 20), 0.7, 0, "of another class"), ((210, 0, 230, 20), 0.6, 0, "placed badly"),
    ((400, 0, 420, 20), 0.5, 0, "nothing there"),
]  # fmt: skip


@pytest.mark.slow
@no_browser
def test_a_false_box_says_why(browser: Any, tmp_path: Path) -> None:
    found = tuple(
        np.array([case[k] for case in REASONS], dtype) for k, dtype in ((0, "float32"), (1, "float32"), (2, int))
    )
    file = save(tmp_path / "one.npz", found, classes=["a", "b"])  # type: ignore[arg-type]
    truth = labelled(tmp_path, [[0, 0, 20, 20], [100, 0, 20, 20], [200, 0, 20, 20]], ["a", "b"])
    entries = json.loads(truth.read_text())
    for entry, category in zip(entries["annotations"], (1, 2, 1), strict=True):
        entry["category_id"] = category
    truth.write_text(json.dumps(entries))
    with served(file, "--truth", truth, "--iou", 1) as server, opened(browser, server.address) as page:
        for row, (*_, why) in enumerate(REASONS):
            page.evaluate("row => explorer.pin([...explorer.found.candidates].indexOf(row))", row)
            assert f"truth\n{why}" in page.inner_text("#chosen")
        assert "a, IoU 0.333" in page.evaluate("explorer.pin(3), document.getElementById('chosen').innerText")
        assert page.inner_text("#legend").split("\n") == ["1 found", "4 false", "2 missed"]
        page.keyboard.press("x")
        assert page.inner_text("#chosen").startswith("Chosen object\n\nmissed\nb\n")
        assert "best IoU\n0.000\n\nwhy\nno box of its class has IoU 0.5" in page.inner_text("#chosen")
        # one class alone: its boxes and its objects, and those of no other
        page.evaluate("explorer.change({ only: 'b' })")
        until(page, SETTLED)
        assert page.inner_text("#legend").split("\n") == ["0 found", "0 false", "1 missed"]
        assert page.inner_text("#after") == "after 0 of 5"


def test_pictures_of_the_truth_without_predictions_are_told(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    """Evaluation counts their objects as missed."""
    part = tmp_path / "part.json"
    results = [{"image_id": n, "category_id": 1, "bbox": [1, 1, 9, 9], "score": 0.9} for n in (139, 285, 17)]
    part.write_text(json.dumps(results))
    truth = read_truth(TRUTH)
    assert truth.crowd is not None
    places = [place for place, name in enumerate(truth.image_ids) if name in (139, 285)]
    rest = int((~truth.crowd & ~np.isin(truth.images, places)).sum())
    said = f"62 of 64 pictures of the truth are not on the page: ptdet eval counts their {rest} objects as missed"
    with served(part, "--truth", TRUTH) as server:
        (told,) = server._http.serves.library.listed()["problems"]
    assert told.startswith(said)
    file = write_report(tmp_path / "r.html", part, "--truth", TRUTH)
    assert said in file.read_text("utf-8") and said in capsys.readouterr().err


@pytest.mark.slow
@no_browser
def test_difficult_objects_and_hostile_names(browser: Any, tmp_path: Path) -> None:
    """VOC's boxes count pixels from 1. One object is found, one missed, and a box on a difficult one is ignored."""
    places = np.array([[0, 0, 20, 20], [100, 0, 120, 20], [200, 0, 220, 20]], "float32")
    file = save(tmp_path / "one.npz", (places, np.ones(3, "float32") / 2, np.array([0, 0, 0])), classes=[HOSTILE])
    name = HOSTILE.replace("<", "&lt;")
    objects = [(0, 1, 1, 20, 20), (1, 101, 1, 120, 20), (0, 301, 1, 320, 20), (1, 401, 1, 420, 20)]
    (tmp_path / "truth").mkdir()
    (tmp_path / "truth/one.xml").write_text(VOC % "".join(OBJECT % (name, *each) for each in objects))
    with served(file, "--truth", tmp_path / "truth") as server, opened(browser, server.address) as page:
        until(page, f"explorer.scores.done && {SETTLED}")
        assert page.inner_text("#legend").split("\n") == ["1 found", "1 false", "1 missed", "1 ignored"]
        assert page.evaluate("Object.values(explorer.picture.truth.names)") == [HOSTILE]
        assert page.locator("aside img, main img, nav img").count() == 0
        assert "0.500\nprecision\n0.500\nrecall\n0.500\nF1" in page.inner_text("#scores")
