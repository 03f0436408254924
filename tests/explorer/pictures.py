"""Makes the pictures of docs/explorer.md: `python -m tests.explorer.pictures`. Needs Chromium and playwright."""

from __future__ import annotations

from .browser import SETTLED, started, until
from .scenes import DATA, ROOT, served

DOCS = ROOT / "docs"
# The removed box that is furthest from its owner, and the kept one that removed most.
FURTHEST = "(own, by) => (by < 0 ? 0 : Math.hypot(...[0, 1].map((k) => centre(own)[k] - centre(by)[k])))"
BUSIEST = "(own, by) => [...owner].filter((each) => each === own).length"
CHOOSE = """() => {
  const { stage, found: { owner, candidates } } = explorer;
  const centre = (own) => stage.centre(candidates[own]);
  const of = Array.from(owner, (by, own) => (%s)(own, by));
  explorer.pin(of.indexOf(Math.max(...of)));
}"""
NANO = (DATA / "yolox_nano_coco",)
WITH_TRUTH = (DATA / "coco_map/yolox_nano_candidates.npz", "--truth", DATA / "coco_map/gt_coco_val64.json")
SCENES = {
    "explorer.jpg": ("dark", NANO, "picture=0&conf=0.1&view=side", CHOOSE % FURTHEST),
    "explorer_light.jpg": ("light", NANO, "picture=2&view=wipe&split=0.4", CHOOSE % BUSIEST),
    "explorer_truth.jpg": ("dark", WITH_TRUTH, "picture=8&view=side&object=1", "explorer.loadAll()"),
}


def main() -> None:
    with started() as browser:
        for name, (theme, words, address, choice) in SCENES.items():
            with served(*words, "--images", DATA / "images") as server:
                page = browser.new_page(viewport={"width": 1280, "height": 800}, color_scheme=theme)
                page.goto(f"{server.address}#{address}")
                until(page, f"globalThis.explorer && {SETTLED}")
                page.evaluate(choice)
                until(page, f"{SETTLED} && (!explorer.scores || explorer.scores.done)")
                page.wait_for_timeout(400)
                page.screenshot(path=DOCS / name, type="jpeg", quality=78)
                page.close()
            print(f"docs/{name}: {(DOCS / name).stat().st_size} bytes")


if __name__ == "__main__":
    main()
