"""How quick the page is: `python -m tests.explorer.speed`. Reported, not asserted: a machine that does more is slower.

From a slider's event to pixels (drawn, and read back), at 3,000 and 20,000 candidates, without a truth and with one of
250 objects; and to the first paint where 5,000 pictures are.
"""

from __future__ import annotations

import json
import tempfile
import time
from pathlib import Path
from typing import Any

from .browser import SETTLED, started, until
from .scenes import boxes, save, served

EVENTS = 60
MOVE = """async ([name, events]) => {
  const range = explorer.settings.sliders[name].range, pixels = explorer.stage.below.getContext("2d");
  const [wall, milliseconds] = [[], []];
  for (let i = 0; i < events; ++i) {
    await new Promise((resolve) => setTimeout(resolve, 5));
    range.value = 0.2 + 0.01 * (i % 50);
    const before = performance.now();
    range.dispatchEvent(new Event("input"));
    cancelAnimationFrame(explorer.waiting);  // now, not at the next frame
    explorer.waiting = undefined;
    explorer.update();
    pixels.getImageData(5, 5, 1, 1);
    wall.push(performance.now() - before);
    milliseconds.push(explorer.found.milliseconds);
  }
  return [wall, milliseconds];
}"""


def truth_of(folder: Path) -> Path:
    """250 objects of the picture `one`."""
    places, _, labels = boxes(250, 7)
    entries = [
        {"id": n, "image_id": 1, "category_id": int(label), "bbox": [x, y, right - x, bottom - y], "iscrowd": 0}
        for n, ((x, y, right, bottom), label) in enumerate(zip(places.tolist(), labels, strict=True))
    ]
    image = {"id": 1, "file_name": "one.jpg", "width": 640, "height": 640}
    categories = [{"id": n, "name": name} for n, name in enumerate("abc")]
    path = folder / "truth.json"
    path.write_text(json.dumps({"images": [image], "categories": categories, "annotations": entries}))
    return path


def sliders(browser: Any, folder: Path) -> None:
    truth = "--truth", truth_of(folder)
    for count, words in ((3000, ()), (3000, truth), (20000, ()), (20000, truth)):
        file = save(folder / "one.npz", boxes(count, count), classes=list("abc"))
        with served(file, "--conf", "0.01", *words) as server:
            page = browser.new_page(viewport={"width": 1280, "height": 800})
            page.goto(server.address)
            until(page, f"globalThis.explorer && {SETTLED}")
            session = page.context.new_cdp_session(page)
            session.send("Performance.enable", {"timeDomain": "threadTicks"})
            for name in ("iou", "conf"):
                before = cpu_time(session)
                wall, of_kernel = map(sorted, page.evaluate(MOVE, [name, EVENTS]))
                used = (cpu_time(session) - before) / EVENTS
                middle, late, kind = EVENTS // 2, EVENTS * 95 // 100, "with" if words else "no"
                print(
                    f"{count:6} candidates, {kind} truth, {name:4}: median {wall[middle]:.1f} ms, "
                    f"p95 {wall[late]:.1f} ms, of them the kernel {of_kernel[middle]:.1f} ms; "
                    f"{used:.1f} ms of the main thread's own time an event"
                )
            page.close()


def cpu_time(session: Any) -> float:
    """Milliseconds that the page's main thread has worked, whatever else the machine did."""
    metrics = session.send("Performance.getMetrics")["metrics"]
    return 1e3 * float(next(one["value"] for one in metrics if one["name"] == "TaskDuration"))


def long_list(browser: Any, folder: Path) -> None:
    one = boxes(40, 1)
    for number in range(5000):
        save(folder / f"{number:05}.npz", one)
    before = time.perf_counter()
    with served(folder) as server:
        print(f"5,000 files read in {time.perf_counter() - before:.1f} s")
        page = browser.new_page(viewport={"width": 1280, "height": 800})
        page.goto(server.address)
        until(page, f"globalThis.explorer && {SETTLED} && explorer.list.rows.length === 5000")
        paint = page.evaluate("performance.getEntriesByName('first-contentful-paint')[0].startTime")
        print(f"5,000 pictures listed: first paint after {paint:.0f} ms")


def main() -> None:
    with tempfile.TemporaryDirectory() as folder, started() as browser:
        sliders(browser, Path(folder))
        (Path(folder) / "many").mkdir()
        long_list(browser, Path(folder) / "many")


if __name__ == "__main__":
    main()
