"""The page in a real Chromium: it keeps what ptdet keeps, and nothing from a file can do harm or go unsaid."""

from __future__ import annotations

import contextlib
import json
import os
import shlex
import shutil
import subprocess
import sys
import threading
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from PIL import Image

from ptdet import cli, numpy as pn
from ptdet._shared.methods import PLAIN
from ptdet.cli.run import Settings, suppress
from ptdet.explorer import Library, Server, Shown
from ptdet.io import read_predictions
from ptdet.io.pictures import ORIENTATION

from ..conftest import ROOT
from .browser import SETTLED, started, until, why_no_browser
from .scenes import DATA, boxes, save, served, write_report

pytestmark = [pytest.mark.slow, pytest.mark.skipif(bool(why_no_browser()), reason=why_no_browser())]
FILES = (
    DATA / "yolox_nano_coco/raw_000000001000.npz", DATA / "yolox_nano_coco/raw_000000005001.npz",
    DATA / "picodet_layout_doc/raw_layout.npz", DATA / "ultraface_rfb320/raw_multiface.npz",
    DATA / "yolo_fastestv2_coco/raw_000000005001.npz", DATA / "yolox_nano_sliced/raw_small_vehicles1.npz",
)  # fmt: skip
HOSTILE = "</script><script>globalThis.hacked=1</script><img src=x onerror='globalThis.hacked=1'>"


@pytest.fixture(scope="module")
def browser() -> Iterator[Any]:
    with started() as running:
        yield running


@contextlib.contextmanager
def opened(browser: Any, address: str, but: str | None = None, **options: Any) -> Iterator[Any]:
    """A page that must raise no error `but` such, and ask no other place for anything."""
    context = browser.new_context(**{"viewport": {"width": 1280, "height": 800}, **options})
    page = context.new_page()
    told: list[str] = []
    asked: list[str] = []
    page.on("pageerror", lambda error: told.append(str(error)))
    page.on("console", lambda line: told.append(line.text) if line.type in ("error", "warning") else None)
    page.on("dialog", lambda dialog: told.append(dialog.message))
    page.on("request", lambda request: asked.append(request.url))
    page.goto(address)
    until(page, f"globalThis.explorer && {SETTLED}")
    yield page
    home = address.split("#")[0]
    assert [line for line in told if but is None or but not in line] == [] and page.evaluate(
        "globalThis.hacked"
    ) is None
    assert asked and all(url.startswith((home, "data:", "blob:")) for url in asked)
    if home.startswith("file:"):
        assert [url.split("#")[0] for url in asked if url.startswith("file:")] == [home]
    context.close()


def row_of(page: Any, box: int) -> int:
    """In the file, of a candidate."""
    return int(page.evaluate("box => explorer.picture.rows[explorer.found.candidates[box]]", box))


# Every method at five thresholds, on the picture that is open: what the page keeps, and the command for it.
ASK = """async ([methods, thresholds]) => {
  const { run } = await import("./pipeline.js");
  const { asCommand } = await import("./command.js");
  return methods.flatMap((method) => thresholds.map(([iou, conf, more]) => {
    const settings = { ...explorer.state, method, iou, conf, ...(more[method] ?? more.all) };
    const found = run(explorer.kernels, explorer.picture, settings);
    const rows = Array.from(found.keep, (own) => explorer.picture.rows[found.candidates[own]]);
    return [asCommand(explorer.words, settings), rows, [...found.boxes], [...found.scores]];
  }));
}"""
THRESHOLDS: list[tuple[float, float, dict[str, Any]]] = [
    (0.5, 0.25, {}),
    (0.45, 0.1, {"all": {"agnostic": True}}),
    (0.7, 0.3, {"soft": {"sigma": 0.3, "minScore": 0.05}, "matrix": {"sigma": 1.25}, "all": {"maxDet": 5}}),
    (0.3, 0.05, {"hard": {"metric": "giou"}, "fast": {"metric": "ciou"}, "all": {"minScore": 0.2}}),
    (0.9, 0.6, {}),
]  # fmt: skip


def kept_by(command: str) -> tuple[list[int], list[float], list[float]]:
    """What `ptdet run` keeps by this command."""
    parser = cli.build_parser()
    asked = parser.parse_args(shlex.split(command)[1:])
    (of,) = read_predictions(asked.predictions[0], cli._read_options(asked, parser))
    kept = suppress(of, cli._settings(asked, parser)[0]).kept
    return kept.rows.tolist(), kept.boxes.flatten().tolist(), kept.scores.tolist()


@pytest.mark.parametrize(
    ("file", "words"),
    [*((file, ()) for file in FILES), (FILES[2], ("--multi-label", "--background", 3))],
    ids=lambda value: value.parent.name if isinstance(value, Path) else " ".join(map(str, value)),
)
def test_the_page_keeps_what_the_command_keeps(browser: Any, file: Path, words: tuple[object, ...]) -> None:
    with served(file, *words) as server, opened(browser, server.address) as page:
        answers = page.evaluate(ASK, [list(PLAIN), THRESHOLDS])
    assert len(answers) == len(PLAIN) * len(THRESHOLDS) == 65
    assert sum(len(rows) for _, rows, _, _ in answers) > 65
    for command, *found in answers:
        assert tuple(found) == kept_by(command), command


def test_rotated_boxes_too(browser: Any, tmp_path: Path) -> None:
    upright, scores, labels = boxes(400, 3, "float64")
    turn = np.random.default_rng(4).uniform(-2, 2, 400)
    rotated = np.stack(
        [upright[:, [0, 2]].mean(1), upright[:, [1, 3]].mean(1), *(upright[:, 2:] - upright[:, :2]).T, turn], 1
    )
    file = save(tmp_path / "turned.npz", (rotated, scores, labels), boxes="cxcywhr")
    with served(file) as server, opened(browser, server.address) as page:
        assert page.evaluate("explorer.picture.rotated")
        answers = page.evaluate(ASK, [list(PLAIN), [(0.5, 0.25, {}), (0.3, 0.1, {"hard": {"metric": "probiou"}})]])
        for command, *found in answers:
            assert tuple(found) == kept_by(command), command
        page.evaluate("explorer.stepBox(1)")
        assert "kept" in page.inner_text("#chosen")


def test_a_box_tells_who_removed_it(browser: Any) -> None:
    """By the pointer: the owner of ptdet.numpy, the overlap of the kernel, and both scores."""
    (of,) = read_predictions(FILES[0])
    found = of.candidates(0.25)
    _, owner = pn.batched_nms(found.boxes, found.scores, found.labels, 0.5, return_owner=True)
    overlap = pn.box_iou(found.boxes, found.boxes)
    with served(FILES[0], "--images", DATA / "images") as server, opened(browser, server.address) as page:
        assert page.evaluate("[...explorer.found.owner]") == owner.tolist()
        for own in range(len(found)):
            page.evaluate("own => explorer.pin(own)", own)
            text = page.inner_text("#chosen")
            assert f"row {found.rows[own]}" in text and f"{found.scores[own]:.4g}" in text
            if owner[own] != own:
                assert f"row {found.rows[owner[own]]}" in text and f"{found.scores[owner[own]]:.4g}" in text
                told = float(text.split("\niou ")[1].split(" > 0.5")[0])
                assert abs(told - overlap[own, owner[own]]) < 6e-5
            else:
                assert f"It removed {(owner == own).sum() - 1}" in text or (owner == own).sum() == 1
        # the pointer finds the box whose border is under it
        page.evaluate("explorer.pin(null)")
        met = set()
        for own in range(len(found)):
            place = page.evaluate(
                "own => { const { x, y } = document.getElementById('stage').getBoundingClientRect();"
                " const at = 8 * explorer.found.candidates[own], { scale, x: left, y: top } = explorer.stage.way;"
                " const corners = explorer.stage.corners;"
                " const middle = (corners[at + 1] + corners[at + 7]) / 2;"
                " return [x + left + scale * corners[at], y + top + scale * middle]; }",
                own,
            )
            page.mouse.move(*place)
            pointed = page.evaluate("explorer.pointed?.box")
            assert pointed is not None
            assert f"row {row_of(page, pointed)}" in page.inner_text("#chosen")
            met.add(pointed)
        assert len(met) > 10


# What can be used, and which of them has the focus.
CONTROLS = """[...document.querySelectorAll("button, input, select, summary, [tabindex]")]
  .filter((each) => each.getClientRects().length && !each.closest("dialog")).length"""
FOCUSED = f"""(() => {{
  const {{ outlineStyle, outlineWidth }} = getComputedStyle(document.activeElement);
  return [({CONTROLS.removesuffix(".length")}).indexOf(document.activeElement), `${{outlineStyle}} ${{outlineWidth}}`];
}})()"""


def test_keys_alone_reach_everything(browser: Any, tmp_path: Path) -> None:
    for number in range(30):
        save(tmp_path / f"{number:02}.npz", boxes(200, number))
    with served(tmp_path) as server, opened(browser, server.address) as page:

        def state(name: str) -> Any:
            return page.evaluate(f"explorer.state.{name}")

        def press(*keys: str) -> None:
            for key in keys:
                page.keyboard.press(key)
            until(page, SETTLED)

        press("j", "j", "k")
        assert state("picture") == 1 and page.inner_text("#title") == "01"
        before = page.inner_text("#counts")
        press("]", "]")
        assert state("iou") == 0.52
        page.focus("[aria-label='max det, as a number']")
        page.keyboard.type("7")
        press("Enter")
        assert state("maxDet") == 7 and page.inner_text("#after") == "after 7"
        page.keyboard.press("Backspace")
        press("Enter")
        assert state("maxDet") is None
        page.keyboard.press("Tab")
        press("[", "[", "[", "'", "'", ";")
        assert state("iou") == 0.49 and state("conf") == 0.26 and page.inner_text("#counts") != before
        press("m", "m", "M")
        assert state("method") == "or"
        press("a", "v")
        assert state("agnostic") is True and state("view") == "wipe"
        press(".", ".", ",")
        assert state("split") == 0.55
        scale = page.evaluate("explorer.stage.way.scale")
        press("+")
        assert page.evaluate("explorer.stage.way.scale") == pytest.approx(scale * 1.25)
        x = page.evaluate("explorer.stage.way.x")
        press("l")
        assert page.evaluate("explorer.stage.way.x") == x - 40
        press("0")
        assert page.evaluate("explorer.stage.way.scale") == pytest.approx(scale)
        press("n", "n")
        assert state("box") is not None and "row" in page.inner_text("#chosen")
        until(page, "location.hash.includes('box=')")
        address = page.url
        press("Escape", "r", "t")
        assert state("box") is None and state("method") == "hard" and state("theme") in ("dark", "light")
        press("?")
        assert page.locator("#keys").is_visible()
        press("Escape", "/")
        page.keyboard.type("17")
        until(page, "explorer.list.order.length === 1")
        press("Escape", "b")
        assert state("labels") is False and not page.is_checked("#labels")
        press("f")
        assert state("only") in ("0", "1", "2") and " of " in page.inner_text("#after")
        press("F")
        assert state("only") == ""
        # every control by Tab, each with an outline that is seen; the list takes arrows
        page.evaluate("document.getElementById('classes').open = true")
        assert page.evaluate(CONTROLS) > 20
        reached = set()
        for _ in range(60):
            page.keyboard.press("Tab")
            place, outline = page.evaluate(FOCUSED)
            reached.add(place)
            assert place < 0 or outline == "solid 2px", place
        assert set(range(page.evaluate(CONTROLS))) <= reached
        page.focus("#rows")
        press("End")
        assert page.inner_text("#title") == "17"
        with opened(browser, address) as again:  # the address holds all of it
            assert again.evaluate("explorer.state.method") == "or" and again.inner_text("#title") == "01"
            assert "row" in again.inner_text("#chosen")


@pytest.fixture(scope="module")
def strange(tmp_path_factory: pytest.TempPathFactory) -> Path:
    folder = tmp_path_factory.mktemp("strange")
    (folder / "images").mkdir()
    name = HOSTILE.replace("/", "_")
    save(folder / f"1 {name}.npz", boxes(60, 1), image_id=1, classes=[HOSTILE, "<b>b</b>", "\u202e&amp;"])
    bad = boxes(60, 2)
    bad[0][3, 1], bad[0][5, :], bad[1][7] = np.nan, np.inf, np.nan
    save(folder / "2 not finite.npz", bad)
    save(folder / "3 none.npz", (np.zeros((0, 4), "float32"), np.zeros(0, "float32"), np.zeros(0, int)))
    save(folder / "4 many.npz", boxes(100_000, 3))
    save(folder / "5 broken picture.npz", boxes(40, 5))
    save(folder / "6 no picture.npz", boxes(40, 6))
    (folder / "8 broken.npz").write_bytes(b"PK no zip")
    (folder / "images/5 broken picture.jpg").write_bytes(b"<script>globalThis.hacked=1</script>")
    shutil.copy(DATA / "images/000000000885.jpg", folder / f"images/1 {name}.jpg")
    return folder


@pytest.mark.parametrize("way", ["served", "report"])
def test_strange_files_harm_nothing_and_are_told(browser: Any, strange: Path, tmp_path: Path, way: str) -> None:
    with contextlib.ExitStack() as stack:
        if way == "served":
            address = stack.enter_context(served(strange, "--images", strange / "images")).address
        else:
            file = write_report(tmp_path / "r.html", strange, "--images", strange / "images")
            address = file.as_uri()
        page = stack.enter_context(opened(browser, address))

        def go(number: int) -> str:
            page.evaluate("number => explorer.go(number)", number)
            until(page, f"explorer.state.picture === {number} && {SETTLED}")
            return str(page.inner_text("#notes"))

        assert "8 broken.npz" in go(0)
        assert page.inner_text("#title") == f"1 {HOSTILE.replace('/', '_')}"
        page.evaluate("explorer.stepBox(1)")
        assert page.inner_text("#chosen b").startswith(("</script>", "<b>b</b>", "\u202e&amp;"))
        assert page.locator("main img, nav img, aside img, b b").count() == 0
        assert "2 rows are left out" in go(1)
        assert page.evaluate("explorer.found.candidates.length") > 20
        assert "0 boxes in the file" in go(2) and "No box has a score above" in page.inner_text("#notice")
        go(3)
        assert page.evaluate("explorer.picture.count") > 99_000
        page.evaluate("explorer.change({ conf: 0.01 })")
        until(page, "explorer.found?.candidates.length > 98000")
        assert "cannot be shown" in go(4)
        assert "no picture of this name" in go(5)
        assert page.evaluate("explorer.list.rows.length") == 6


IS_MARKED = """(canvas) => {
  const blank = document.createElement("canvas");
  [blank.width, blank.height] = [canvas.width, canvas.height];
  return canvas.toDataURL() !== blank.toDataURL();
}"""


def test_nothing_of_another_result_is_left(browser: Any, tmp_path: Path) -> None:
    """Pictures that come late or never, settings that a picture cannot have, and those that no control can say."""
    for number in range(6):
        save(tmp_path / f"{number}.npz", boxes(200 + number, number), classes=["a", "b", "c"])
    save(tmp_path / "6 without names.npz", boxes(50, 1))
    with served(tmp_path) as server, opened(browser, server.address, but="status of 404") as page:

        def held(route: Any) -> None:  # 1 comes after 2; 3 never
            number = route.request.url[-1]
            waiting.append(route) if number in "13" else route.continue_()

        def told() -> tuple[str, str]:
            return page.inner_text("#title"), page.inner_text("#notice")

        def is_empty() -> bool:
            texts = [page.inner_text(f"#{name}") for name in ("counts", "before", "after", "legend")]
            marked = page.evaluate(f"[explorer.stage.below, explorer.stage.above].some({IS_MARKED})")
            return texts == [""] * 4 and not marked and "row" not in page.inner_text("#chosen")

        waiting: list[Any] = []
        page.route("**/payload/*", held)
        page.evaluate(
            "explorer.stepBox(1), explorer.go(1), explorer.pin(3), explorer.change({ iou: 0.9 }), explorer.go(2)"
        )
        until(page, SETTLED)
        waiting.pop().continue_()
        page.wait_for_timeout(200)
        assert told() == ("2", "") and page.evaluate("[explorer.picture.name, explorer.state.box]") == ["2", None]
        kept = kept_by(f"ptdet run {tmp_path / '2.npz'} --iou 0.9")[0]
        assert page.inner_text("#after") == f"after {len(kept)}"

        page.evaluate("explorer.go(3)")
        until(page, "explorer.loading")
        while not waiting:
            page.wait_for_timeout(20)
        waiting.pop().fulfill(status=404, body="3.npz has changed since it was listed\n")
        until(page, "!explorer.loading")
        for press in ("", "n", "o", "]", "v", "v", "+", "0"):
            page.keyboard.press(press) if press else None
            page.wait_for_timeout(30)
            assert told() == ("3", "This picture cannot be read: 3.npz has changed since it was listed") and is_empty()
        page.unroute("**/payload/*")
        page.evaluate("explorer.go(3)")
        until(page, SETTLED)
        assert told() == ("3", "") and page.inner_text("#counts")

        for change, said in (
            ({"metric": "probiou"}, "of upright boxes: metric: expected one of iou, "),
            ({"metric": None, "method": "diou", "iou": -0.5}, ""),
            ({"method": "hard"}, ""),
            ({"conf": 0, "classes": {"a": {"conf": 0.0001}}}, ""),
        ):
            page.evaluate("change => explorer.change(change)", change)
            until(page, "!explorer.waiting")
            assert said in told()[1] and is_empty() == bool(said)
        assert page.evaluate("[explorer.state.iou, explorer.state.conf, explorer.state.classes.a.conf]") == [
            0,
            0.001,
            0.001,
        ]
        page.evaluate("explorer.go(6)")
        until(page, "!explorer.loading")
        assert "no names of classes" in told()[1] and is_empty()
        page.keyboard.press("r")
        until(page, SETTLED)
        left = "range => { range.value = 0; range.dispatchEvent(new Event('input')); }"
        page.locator("[aria-label=conf]").evaluate(left)
        until(page, SETTLED)
        assert told()[1] == "" and page.evaluate("explorer.state.conf") == 0.001


def test_a_full_memory_is_said_and_no_more(browser: Any, tmp_path: Path) -> None:
    """As is what does not fit into it; and five hundred calls take no more of it than two hundred."""
    with served(save(tmp_path / "a.npz", boxes(500, 1))) as server, opened(browser, server.address) as page:
        sizes = page.evaluate("""async () => {
          const names = Object.keys((await import("./kernels.js")).METHODS);
          return Array.from({ length: 500 }, (_, n) => {
            Object.assign(explorer.state, { method: names[n % names.length], iou: (n % 97) / 100 });
            explorer.found = null;
            explorer.update();
            return explorer.kernels.exports.memory.buffer.byteLength;
          }).filter((_, n) => n === 199 || n === 499);
        }""")
        assert sizes[0] == sizes[1]
        before = page.evaluate(
            "explorer.change({ method: 'nmm', iou: 0.5 }), explorer.update(), [...explorer.found.keep]"
        )
        for room in (0, 2**12, 2**16):  # the arrays of the call fit, those of the kernel do not
            said = page.evaluate(
                """(room) => {
              const { allocate, release } = explorer.kernels.exports;
              const own = [48, 8, 8, 8, 8, 8].map((bytes) => allocate(bytes * 500));
              const rest = allocate(room);
              for (let size = 2 ** 30; size >= 16; size /= 2) while (allocate(size));
              if (room) [...own, rest].forEach(release);
              explorer.found = null;
              explorer.update();
              return document.getElementById("notice").textContent;
            }""",
                room,
            )
            assert "there is no memory for 3" in said
            assert page.evaluate("explorer.update(), [...explorer.found.keep]") == before


def test_the_copied_command_runs_in_a_shell(browser: Any, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """Whatever the files are called, and with class names that hold commas: the same boxes."""
    monkeypatch.chdir(tmp_path)
    names = ["--out.npz", "it's $HOME `x` !1.npz", '"q" \\ é.npz', "new\nline.npz", "a&b;c #d*?[x].npz", "~.npz"]
    names.append(os.fsdecode(b"by'\xff\\te\xfea.npz"))
    for number, name in enumerate(names):
        save(Path(name), boxes(80, number))
    Path("-names.txt").write_text("dog, small\n it's\n<b>\n")
    words = "--classes=-names.txt", "--method=diou", "--iou=-0.5", "--"
    with served(*words, *names) as server:
        context = browser.new_context(permissions=["clipboard-read", "clipboard-write"])
        page = context.new_page()
        page.goto(server.address)
        until(page, SETTLED)
        kept = {}
        for number, name in enumerate(names):
            page.evaluate("number => explorer.go(number)", number)
            until(page, SETTLED)
            kept[Path(name).stem] = page.evaluate("[...explorer.found.scores]")
        page.click("#copy")
        until(page, "explorer.command")
        command = page.evaluate("navigator.clipboard.readText()")
        context.close()
    ptdet = shlex.join([sys.executable, "-m", "ptdet", "run", "--out=out"])
    command = command.replace("ptdet run", ptdet, 1)
    subprocess.run(["bash", "-c", command], check=True, env={**os.environ, "PYTHONPATH": str(ROOT)}, timeout=60)
    assert sum(map(len, kept.values())) > 70
    for name, scores in kept.items():
        found = json.loads(Path("out", f"{name}.json").read_text(encoding="utf-8"))
        assert [entry["score"] for entry in found] == scores


def test_boxes_are_in_sight_and_where_they_belong(browser: Any, tmp_path: Path) -> None:
    """One that is far away does not hide the others; and on a picture that EXIF turns."""
    near, scores, labels = boxes(60, 1)
    for name, moved in (("1 below", near - 2000), ("2 small", near / 1e6)):
        save(tmp_path / f"{name}.npz", (moved, scores, labels))
    save(
        tmp_path / "3 far.npz", (np.concatenate([near[:-1], [[1e30, -1e30, 2e30, 1e30]]]).astype("f4"), scores, labels)
    )
    save(tmp_path / "4 turned.npz", (np.array([[10, 10, 60, 30]], "f4"), scores[:1] * 0 + 1, labels[:1]))
    upright = Image.new("RGB", (200, 100), "white")
    upright.paste((255, 0, 0), (10, 10, 60, 30))
    exif = Image.Exif()
    exif[ORIENTATION] = 6
    (tmp_path / "images").mkdir()
    upright.transpose(Image.Transpose.ROTATE_90).save(tmp_path / "images/4 turned.png", exif=exif)
    in_sight = """() => {
      const { corners, way: { scale, x, y } } = explorer.stage, { width, height } = explorer.stage.panel();
      const within = (at) => {
        const [left, top] = [corners[at] * scale + x, corners[at + 1] * scale + y];
        return left >= 0 && top >= 0 && left <= width && top <= height;
      };
      return Array.from(explorer.found.candidates, (row) => within(8 * row)).filter(Boolean).length;
    }"""
    with served(tmp_path, "--images", tmp_path / "images") as server, opened(browser, server.address) as page:
        for number, far in ((0, 0), (1, 0), (2, 1)):
            page.evaluate("number => explorer.go(number)", number)
            until(page, SETTLED)
            assert page.evaluate(in_sight) == page.evaluate("explorer.found.candidates.length") - far
            scale = page.evaluate("explorer.stage.way.scale")
            assert page.evaluate("explorer.stage.zoom(2), explorer.stage.way.scale") == 2 * scale
        page.evaluate("explorer.go(3)")
        until(page, SETTLED)
        colours = page.evaluate("""() => {
          const { below, way: { scale, x, y } } = explorer.stage;
          const copy = new OffscreenCanvas(below.width, below.height).getContext("2d", { willReadFrequently: true });
          copy.drawImage(below, 0, 0);
          const at = (px, py) => copy.getImageData(px * scale + x, py * scale + y, 1, 1).data;
          return [[12, 12], [58, 28], [5, 5], [65, 20], [30, 35], [20, 95], [195, 5]].map((point) => [...at(...point)]);
        }""")
        red, white = [255, 0, 0, 255], [255, 255, 255, 255]
        assert colours == [red, red, white, white, white, white, white]


def test_a_report_opens_from_disk(browser: Any, tmp_path: Path) -> None:
    words = (*FILES[:2], "--images", DATA / "images", "--method", "soft", "--conf", 0.1, "--max-pictures", 1)
    file = write_report(tmp_path / "r & #1.html", *words)
    with opened(browser, file.as_uri()) as page:
        kept = page.evaluate(
            "Array.from(explorer.found.keep, (own) => explorer.picture.rows[explorer.found.candidates[own]])"
        )
        (of,) = read_predictions(FILES[0])
        assert kept == suppress(of, Settings("soft", 0.5, 0.1)).kept.rows.tolist()
        assert "1 more are not in this report" in page.inner_text("#listed")
        assert page.evaluate("explorer.state.method") == "soft" and page.evaluate("explorer.picture.image") is False


def test_an_address_finds_a_picture_that_is_not_read_yet(browser: Any, tmp_path: Path) -> None:
    files = [save(tmp_path / f"{number:02}.npz", boxes(20, number)) for number in range(20)]
    let_on = threading.Event()
    with served(tmp_path) as whole:
        payloads = [whole._http.serves.library.payload(number) for number in range(20)]
        start = whole._http.serves._start

    def read(file: Path) -> list[Shown]:
        if file.stem == "08":
            assert let_on.wait(60)
        return [Shown({"name": file.stem, "candidates": 9, "removed": 3}, payloads[int(file.stem)], None)]

    server = Server(Library(files, read), None, start)
    server.start()
    try:
        page = browser.new_page()
        page.goto(f"{server.address}#picture=15&iou=0.7")
        until(page, "globalThis.explorer?.list?.rows.length === 8")
        assert page.inner_text("#notice") == "Reading ..." and "8 of 20 files read" in page.inner_text("#listed")
        let_on.set()
        until(page, SETTLED)
        assert page.inner_text("#title") == "15" and page.evaluate("explorer.state.iou") == 0.7
        before = page.inner_text("#counts")
        page.evaluate("location.hash = '#picture=15&iou=0.1'")  # as a person would change it
        until(page, "explorer.state.iou === 0.1 && explorer.found && !explorer.waiting")
        assert page.inner_text("#counts") != before
        page.close()
    finally:
        let_on.set()
        server.close()


def axe_core() -> str:
    """The source of axe-core from npm, which build/ keeps.

    Raises:
        OSError, CalledProcessError: npm is absent, or the registry cannot be reached.
    """
    folder = ROOT / "build/axe-core"
    script = folder / "node_modules/axe-core/axe.min.js"
    if not script.exists():
        folder.mkdir(parents=True, exist_ok=True)
        command = ["npm", "install", "--no-audit", "--no-fund", "--ignore-scripts", "--silent", "axe-core@4.14.1"]
        subprocess.run(command, cwd=folder, check=True, capture_output=True, timeout=60)
    return script.read_text(encoding="utf-8")


@pytest.mark.parametrize("theme", ["dark", "light"])
def test_contrast_and_roles(browser: Any, theme: str) -> None:
    try:
        axe = axe_core()
    except (OSError, subprocess.SubprocessError) as error:
        pytest.skip(f"axe-core cannot be had from npm: {error}")
    truth = "--truth", DATA / "coco_map/gt_coco_val64.json"
    for width, height in ((1280, 800), (390, 844)):
        size = {"width": width, "height": height}
        with (
            served(DATA / "coco_map/yolox_nano_candidates.npz", "--images", DATA / "images", *truth) as server,
            opened(browser, server.address, viewport=size, color_scheme=theme) as page,
        ):
            page.evaluate("explorer.stepBox(1)")
            page.evaluate("document.getElementById('classes').open = true")
            until(page, "explorer.scores.done")
            for _ in range(2):  # nothing is cut off, whatever the buttons say
                press = "document.getElementById('view').click()"
                assert page.evaluate(f"{press}, document.documentElement.scrollWidth") <= width
                until(page, SETTLED)
            page.evaluate(axe)  # by the debugger: the page's policy lets no script in
            found = page.evaluate("axe.run(document)")["violations"]
            assert [(each["id"], [node["html"] for node in each["nodes"]]) for each in found] == []
