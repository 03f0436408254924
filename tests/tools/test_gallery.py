"""The pictures of the pages are what `python -m benchmarks.gallery` draws."""

from __future__ import annotations

from pathlib import Path

import pytest

Image = pytest.importorskip("PIL.Image")
ImageChops = pytest.importorskip("PIL.ImageChops")
ImageStat = pytest.importorskip("PIL.ImageStat")
ROOT = Path(__file__).parents[2]


def test_the_gallery_is_up_to_date(tmp_path: Path) -> None:
    from benchmarks import gallery

    gallery.main(tmp_path)
    readme, switching = ((ROOT / page).read_text(encoding="utf-8") for page in ("README.md", "docs/switching.md"))
    for name in gallery.PICTURES:
        assert (gallery.DOCS / name).stat().st_size < 600_000
        assert f"(docs/{name})" in readme or f"({name})" in switching
        drawn, stored = (Image.open(folder / name).convert("L") for folder in (tmp_path, gallery.DOCS))
        assert drawn.size == stored.size
        differing = ImageChops.difference(drawn, stored).point(lambda value: 255 * (value > 64))
        assert ImageStat.Stat(differing).mean[0] < 0.03  # of 255: a small box less is 0.07, a JPEG written anew 0.00
