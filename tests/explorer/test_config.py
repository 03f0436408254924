"""A file of settings on the page: it keeps what `ptdet run --config` keeps, and saves what that reads."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path
from typing import Any

import numpy as np
import pytest

import ptdet
from ptdet import cli
from ptdet.cli import build_parser
from ptdet.cli.run import suppress
from ptdet.io import read_predictions

from .browser import SETTLED, started, until, why_no_browser
from .scenes import DATA, boxes, save, served
from .test_page import HOSTILE, kept_by, opened

FILE = DATA / "yolox_nano_coco/raw_000000001000.npz"
CONFIGS = {
    "hard": "iou = 0.6\nconf = 0.1\n[classes.person]\nconf = 0.3\niou = 0.4\n[classes.cup]\nconf = 0.05\n",
    "soft": "iou = 0.6\nkind = 'linear'\nconf = 0.05\n[classes.person]\nconf = 0.01\nmin_score = 0.2\niou = 0.3\n",
    "soft_nms": "iou = 0.3\nkind = 'hard'\nconf = 0.05\n",
    "merge": "members = 'overlapping'\nconf = 0.05\nmin_score = 0.1\n[classes.person]\niou = 0.7\nconf = 0.02\n",
    "diou": "iou = 0.5\nbeta = 0.6\nconf = 0.05\n[classes.person]\nconf = 0.2\n",
    "matrix": "kind = 'linear'\nmetric = 'giou'\nconf = 0.05\n[classes.person]\nconf = 0.2\n",
    "cluster": "weighted = true\niou = 0.4\nmetric = 'giou'\nconf = 0.05\n[classes.person]\niou = 0.6\n",
    "nmm": "iou = 0.5\nconf = 0.05\nagnostic = true\n",
}


@pytest.fixture(scope="module")
def browser() -> Iterator[Any]:
    with started() as running:
        yield running


def kept_on(page: Any) -> tuple[list[int], list[float], list[float]]:
    rows = "Array.from(explorer.found.keep, (own) => explorer.picture.rows[explorer.found.candidates[own]])"
    kept: list[Any] = page.evaluate(f"[{rows}, [...explorer.found.boxes], [...explorer.found.scores]]")
    return kept[0], kept[1], kept[2]


def saved(page: Any, folder: Path) -> Path:
    """What the button gives."""
    with page.expect_download() as waited:
        page.click("#save")
    assert waited.value.suggested_filename == "tuned.toml"
    path = folder / "tuned.toml"
    waited.value.save_as(path)
    return path


@pytest.mark.slow
@pytest.mark.skipif(bool(why_no_browser()), reason=why_no_browser())
@pytest.mark.parametrize("method", CONFIGS)
def test_the_page_keeps_what_run_keeps_by_the_file(
    browser: Any, tmp_path: Path, method: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    config = tmp_path / "given.toml"
    config.write_text(f"method = '{method}'\n{CONFIGS[method]}")
    monkeypatch.chdir(tmp_path)  # the command that the page writes names the file alone
    with served(FILE, "--config", config) as server, opened(browser, server.address) as page:
        row = server._http.serves.library.listed()["rows"][0]
        kept = kept_by(f"ptdet run {FILE} --config {config}")
        assert len(kept[0]) > 5 and kept_on(page) == kept
        assert row["candidates"] - row["removed"] == len(kept[0])
        again = saved(page, tmp_path)
        ours, theirs = ptdet.load_config(again), ptdet.load_config(config)
        assert (ours.setting, ours.agnostic, ours.classes) == (theirs.setting, theirs.agnostic, theirs.classes)
        if not theirs.agnostic:
            command = page.evaluate("import('./command.js').then((m) => m.asCommand(explorer.words, explorer.state))")
            assert command.endswith("--config tuned.toml") and kept_by(command) == kept
        page.evaluate("explorer.stepMethod(1)")  # what is of the method goes with it
        until(page, SETTLED)
        after = kept_by(f"ptdet run {FILE} --config {saved(page, tmp_path)}")
        assert kept_on(page) == after


@pytest.mark.slow
@pytest.mark.skipif(bool(why_no_browser()), reason=why_no_browser())
def test_thresholds_of_a_class_are_seen_and_changed(browser: Any, tmp_path: Path) -> None:
    """Names are hostile ones, the kinds of class that TOML needs in quotes among them."""
    names = [HOSTILE, 'a "b" \\ .c\x7f\u2028', "__proto__"]
    file = save(tmp_path / "one.npz", boxes(300, 7), classes=names)
    with served(file) as server, opened(browser, server.address) as page:
        page.click("#classes summary")
        assert page.locator("#class-rows tr").count() == 4 and page.locator("aside img, aside script").count() == 0
        before = kept_on(page)[0]
        for name, conf, iou in zip(names, ("0.5", "0.75", "0.6"), ("", "0.7", "0.1"), strict=True):
            row = page.locator("#class-rows tr").filter(has=page.get_by_label(f"conf of {name}", exact=True))
            row.locator("input").first.fill(conf)
            row.locator("input").last.fill(iou)
            row.locator("input").last.press("Tab")
        until(page, f"location.hash.includes('iou%22%3A0.1%7D') && {SETTLED}")  # the last of them
        kept = kept_on(page)
        assert kept[0] != before
        config = saved(page, tmp_path)
        assert ptdet.load_config(config).classes == {
            names[0]: {"conf": 0.5}, names[1]: {"conf": 0.75, "iou": 0.7}, names[2]: {"conf": 0.6, "iou": 0.1},
        }  # fmt: skip
        assert kept_by(f"ptdet run {file} --config {config}") == kept
        with opened(browser, page.url) as again:
            assert kept_on(again) == kept
        page.keyboard.press("a")  # where classes meet, none has anything of its own
        until(page, SETTLED)
        assert not page.locator("#classes").is_visible()
        assert kept_by(f"ptdet run {file} --config {saved(page, tmp_path)}") == kept_on(page)
        page.keyboard.press("r")
        until(page, SETTLED)
        assert kept_on(page)[0] == before


@pytest.mark.slow
@pytest.mark.skipif(bool(why_no_browser()), reason=why_no_browser())
def test_variants_of_a_method(browser: Any, tmp_path: Path) -> None:
    """Those of the menu: what the page keeps is what run keeps by the file that it saves."""
    seen = []
    with served(FILE, "--conf", "0.05", "--iou", "0.4") as server, opened(browser, server.address) as page:
        for method in ("hard", "soft", "matrix", "merge", "cluster"):
            page.select_option("#method", method)
            until(page, SETTLED)
            assert page.locator("#variant").is_visible() == (method != "hard")
            names = page.locator("#variant option").all_inner_texts() if method != "hard" else []
            for name in names:
                page.select_option("#variant", name)
                until(page, f"{SETTLED} && document.getElementById('variant').value === '{name}'")
                assert kept_by(f"ptdet run {FILE} --config {saved(page, tmp_path)}") == kept_on(page), (method, name)
                seen.append((method, name, kept_on(page)[1:]))
        page.select_option("#method", "soft")
        page.select_option("#variant", "hard")
        until(page, f"location.hash.includes('kind=hard') && {SETTLED}")
        with opened(browser, page.url) as again:
            assert kept_on(again) == kept_on(page) and again.input_value("#variant") == "hard"
        with opened(browser, page.url.replace("method=soft", "method=matrix")) as again:
            assert again.input_value("#variant") == "gaussian"  # matrix has no such kind
    assert len(seen) == 11 and all(a[2] != b[2] for a in seen for b in seen if a[0] == b[0] and a[1] < b[1])


def test_the_list_counts_by_the_file(tmp_path: Path) -> None:
    """Also below --conf, where a class has a lower one; options beside the file go before."""
    config = tmp_path / "tuned.toml"
    config.write_text("conf = 0.3\n[classes.person]\nconf = 0.0004\n")
    (of,) = read_predictions(FILE)
    for words in ((), ("--conf", "0.4")):
        with served(FILE, "--config", config, *words) as server:
            library = server._http.serves.library
            asked = build_parser().parse_args(["run", str(FILE), "--config", str(config), *words])
            ours = suppress(of, cli._settings(asked, build_parser())[0])
            row = library.listed()["rows"][0]
            assert (row["candidates"], row["removed"]) == (
                len(ours.candidates), len(ours.candidates) - len(ours.kept),
            )  # fmt: skip
            lowest = b'"lowest": 0.0004' if not words else b'"lowest": 0.001'
            assert lowest in library.payload(0)


def test_a_file_that_the_page_cannot_follow_is_refused(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    config, out = tmp_path / "tuned.toml", tmp_path / "r.html"
    config.write_text("conf = 0.3\n[classes.person]\nconf = 0.1\n")
    nameless = save(tmp_path / "nameless.npz", (np.ones((1, 4), "float32"), np.ones(1, "float32"), np.zeros(1, int)))
    assert cli.main(["report", str(nameless), "--config", str(config), "--out", str(out)]) == 2
    assert "has no names of classes" in capsys.readouterr().err
