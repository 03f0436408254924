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
SCENES = {
    "explorer.jpg": ("dark", "picture=0&conf=0.1&view=side", FURTHEST),
    "explorer_light.jpg": ("light", "picture=2&view=wipe&split=0.4", BUSIEST),
}


def main() -> None:
    with (
        served(DATA / "yolox_nano_coco", "--images", DATA / "images") as server,
        started() as browser,
    ):
        for name, (theme, address, choice) in SCENES.items():
            page = browser.new_page(viewport={"width": 1280, "height": 800}, color_scheme=theme)
            page.goto(f"{server.address}#{address}")
            until(page, f"globalThis.explorer && {SETTLED}")
            page.evaluate(CHOOSE % choice)
            page.wait_for_timeout(200)
            page.screenshot(path=DOCS / name, type="jpeg", quality=78)
            page.close()
            print(f"docs/{name}: {(DOCS / name).stat().st_size} bytes")


if __name__ == "__main__":
    main()
