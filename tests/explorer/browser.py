"""Chromium, driven by playwright: for the tests of the page, its pictures in docs and its times."""

from __future__ import annotations

import contextlib
import os
import shutil
import time
from collections.abc import Iterator
from typing import Any

SWITCHES = ("--no-sandbox", "--disable-background-networking", "--disable-component-update", "--no-first-run")
SETTLED = "explorer.found && !explorer.waiting && !explorer.loading"


def chromium() -> str | None:
    """The command of it, or $CHROMIUM."""
    names = ("chromium", "chromium-browser", "google-chrome")
    return os.environ.get("CHROMIUM") or next(filter(None, map(shutil.which, names)), None)


def why_no_browser() -> str:
    """Empty where Chromium and playwright are."""
    if chromium() is None:
        return "no Chromium is installed (apt-get install chromium)"
    try:
        import playwright.sync_api  # noqa: F401
    except ModuleNotFoundError:
        return "no playwright (pip install playwright)"
    return ""


@contextlib.contextmanager
def started() -> Iterator[Any]:
    """A browser without a window."""
    from playwright.sync_api import sync_playwright

    with sync_playwright() as driver:
        browser = driver.chromium.launch(executable_path=chromium(), args=list(SWITCHES))
        yield browser
        browser.close()


def until(page: Any, true: str, seconds: float = 60) -> None:
    """Asks until it is so. Playwright's own wait needs eval, which the page does not allow."""
    end = time.monotonic() + seconds
    while not page.evaluate(f"Boolean({true})"):
        assert time.monotonic() < end, f"never came: {true}"
        page.wait_for_timeout(20)
