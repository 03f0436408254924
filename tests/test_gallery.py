"""The picture of the methods in README.md is what its script draws."""

from __future__ import annotations

import importlib.util
from pathlib import Path

import pytest

Image = pytest.importorskip("PIL.Image")
ImageChops = pytest.importorskip("PIL.ImageChops")
ImageStat = pytest.importorskip("PIL.ImageStat")
ROOT = Path(__file__).parents[1]


def test_the_gallery_is_up_to_date(tmp_path: Path) -> None:
    spec = importlib.util.spec_from_file_location("gallery", ROOT / "benchmarks/gallery.py")
    assert spec is not None and spec.loader is not None
    gallery = importlib.util.module_from_spec(spec)
    spec.loader.exec_module(gallery)
    gallery.main(tmp_path / "methods.jpg")
    assert gallery.OUT.stat().st_size < 600_000 and gallery.OUT.name in (ROOT / "README.md").read_text()
    drawn, stored = (Image.open(path).convert("L") for path in (tmp_path / "methods.jpg", gallery.OUT))
    assert drawn.size == stored.size
    differing = ImageChops.difference(drawn, stored).point(lambda value: 255 * (value > 64))
    assert ImageStat.Stat(differing).mean[0] < 0.03  # of 255: a small box less is 0.07, a JPEG written anew 0.00
