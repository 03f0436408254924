"""Pictures: labels lie on no other label, inside the picture; a picture has the right size and is not blank."""

from __future__ import annotations

import itertools
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from hypothesis import given, settings, strategies as st

from ptdet.cli.draw import PALETTE, class_colour, draw_before_after
from ptdet.cli.label_places import Rectangle, place_labels
from ptdet.io import Candidates, FileProblem
from ptdet.io.pictures import picture_size

Image = pytest.importorskip("PIL.Image")

WIDTH, HEIGHT = 300.0, 200.0
numbers = st.floats(-50, 350, allow_nan=False)
boxes_and_sizes = st.lists(
    st.tuples(st.tuples(numbers, numbers, st.floats(0, 200), st.floats(0, 200)), st.floats(5, 120), st.floats(5, 30)),
    max_size=40,
)


def meet(a: Rectangle, b: Rectangle) -> bool:
    return a[0] < b[2] and b[0] < a[2] and a[1] < b[3] and b[1] < a[3]


@settings(max_examples=150)
@given(boxes_and_sizes)
def test_labels_never_overlap(
    drawn: list[tuple[tuple[float, float, float, float], float, float]],
) -> None:
    boxes = [(x, y, x + w, y + h) for (x, y, w, h), _, _ in drawn]
    sizes = [(wide, high) for _, wide, high in drawn]
    places = place_labels(boxes, sizes, WIDTH, HEIGHT)
    assert len(places) == len(boxes)
    found = [place for place in places if place is not None]
    for a, b in itertools.combinations(found, 2):
        assert not meet(a, b)
    for place, (wide, high) in zip(places, sizes, strict=True):
        if place is not None:
            assert place[0] >= 0 and place[1] >= 0 and place[2] <= WIDTH + 1e-6 and place[3] <= HEIGHT + 1e-6
            assert place[2] - place[0] == pytest.approx(wide) and place[3] - place[1] == pytest.approx(high)


def test_a_label_sits_on_its_box_where_there_is_room() -> None:
    assert place_labels([(50, 50, 150, 150)], [(40, 15)], WIDTH, HEIGHT) == [(50, 35, 90, 50)]
    assert place_labels([(50, 5, 150, 150)], [(40, 15)], WIDTH, HEIGHT) == [(50, 150, 90, 165)]  # no room above
    assert place_labels([(0, 0, 300, 200)], [(40, 15)], WIDTH, HEIGHT) == [(0, 0, 40, 15)]  # nor below: inside


def test_a_small_box_is_not_hidden_by_the_label_of_another() -> None:
    small = (60.0, 36.0, 80.0, 48.0)
    for place in place_labels([(50, 50, 150, 150), small], [(40, 15), (30, 15)], WIDTH, HEIGHT):
        assert place is not None and not meet(place, small)


def test_copies_of_a_box_get_labels_until_there_is_no_room() -> None:
    places = place_labels([(100, 80, 140, 120)] * 200, [(40, 15)] * 200, WIDTH, HEIGHT)
    placed = sum(place is not None for place in places)
    assert 15 < placed < 200
    assert all(place is not None for place in places[:15])  # the best choose first


def test_a_label_wider_than_the_picture_is_left_out() -> None:
    assert place_labels([(0, 0, 10, 10)], [(400, 15)], WIDTH, HEIGHT) == [None]


def test_neighbouring_classes_differ() -> None:
    assert len({class_colour(label) for label in range(len(PALETTE))}) == len(PALETTE)
    assert class_colour(-3) in PALETTE and class_colour(10**12) in PALETTE


def candidates(*boxes: list[float]) -> Candidates:
    count = len(boxes)
    return Candidates(np.array(boxes).reshape(-1, 4), np.linspace(0.9, 0.3, count), np.arange(count), np.arange(count))


@pytest.mark.parametrize("size", [(64, 48), (640, 427), (2400, 300), (3, 900)])
def test_pictures(tmp_path: Path, size: tuple[int, int]) -> None:
    """Two panels, one width; boxes show as their class's colour, in the panel they belong to; the photo is there."""
    width, height = size
    Image.new("RGB", size, (10, 20, 30)).save(tmp_path / "photo.png")
    box = [width * 0.2, height * 0.3, width * 0.8, height * 0.9]
    before, after = candidates(box, [-9.0, -9.0, width * 2.0, height * 2.0]), candidates(box)
    out = tmp_path / "new" / "out.png"
    draw_before_after(tmp_path / "photo.png", out, before=before, after=after, classes=["cat"], title="t" * 999)
    with Image.open(out) as drawn:
        pixels = drawn.convert("RGB")
    assert 900 <= max(pixels.size) <= 3200
    colours = {colour for _, colour in pixels.getcolors(1 << 24)}
    assert (10, 20, 30) in colours and len(colours) > 5
    if width > 100:
        halves = [pixels.crop((0, 0, pixels.width // 2, pixels.height)), None]
        halves[1] = pixels.crop((pixels.width // 2, 0, pixels.width, pixels.height))
        shown = [count_close(half, class_colour(1)) for half in halves]
        assert shown[0] > 100 and shown[1] == 0  # only before has the second class
        assert all(count_close(half, class_colour(0)) > 100 for half in halves)


def count_close(picture: Any, colour: tuple[int, int, int]) -> int:
    """Pixels of nearly this colour: outlines are a little transparent."""
    pixels = np.frombuffer(picture.tobytes(), np.uint8).reshape(-1, 3).astype(int)
    return int((np.abs(pixels - np.array(colour)).max(1) < 24).sum())


def test_no_boxes_and_no_labels(tmp_path: Path) -> None:
    Image.new("L", (50, 50)).save(tmp_path / "grey.png")
    none = Candidates(np.zeros((0, 4)), np.zeros(0), None, np.arange(0))
    one = Candidates(np.array([[5.0, 5, 20, 20]]), np.ones(1), None, np.arange(1))
    draw_before_after(tmp_path / "grey.png", tmp_path / "out.jpg", before=one, after=none)
    assert (tmp_path / "out.jpg").stat().st_size > 1000


NONE = Candidates(np.zeros((0, 4)), np.zeros(0), None, np.arange(0))
# Where the upper left corner of a stored picture is on the upright one (EXIF 2.3, orientation).
CORNERS = {1: "left top", 2: "right top", 3: "right bottom", 4: "left bottom", 5: "left top", 6: "right top",
           7: "right bottom", 8: "left bottom"}  # fmt: skip


@pytest.mark.parametrize("suffix", [".jpg", ".png", ".tif", ".webp"])
@pytest.mark.parametrize("orientation", range(1, 9))
def test_pictures_are_upright(tmp_path: Path, orientation: int, suffix: str) -> None:
    """A stored picture of 80x40 with one white corner; from 5 on its rows are the columns of the upright one."""
    stored = Image.new("RGB", (80, 40))
    stored.paste((255, 255, 255), (0, 0, 30, 15))
    exif = Image.Exif()
    exif[0x0112] = orientation
    path = tmp_path / f"x{suffix}"
    stored.save(path, exif=exif)
    upright = (40, 80) if orientation >= 5 else (80, 40)
    assert picture_size(path) == upright
    left, top, right, bottom = panel_of(path, tmp_path / "out.png", upright)
    white = {name: pixel for name, pixel in (("left top", left), ("right top", top), ("right bottom", right),
                                             ("left bottom", bottom)) if sum(pixel) > 600}  # fmt: skip
    assert list(white) == [CORNERS[orientation]]


def panel_of(path: Path, out: Path, size: tuple[int, int]) -> list[tuple[int, int, int]]:
    """The pixels near the corners of the left panel: left top, right top, right bottom, left bottom."""
    draw_before_after(path, out, before=NONE, after=NONE)
    with Image.open(out) as drawn:
        scale = 900 / max(size)
        wide, high = round(size[0] * scale), round(size[1] * scale)
        assert drawn.size == (2 * wide + 3 * 24, high + 56 + 40 + 24)
        x, y = (24 + 40, 24 + wide - 40), (96 + 40, 96 + high - 40)
        return [drawn.getpixel(at) for at in ((x[0], y[0]), (x[1], y[0]), (x[1], y[1]), (x[0], y[1]))]


@pytest.mark.parametrize("suffix", [".png", ".tif"])
def test_sixteen_bits_of_grey(tmp_path: Path, suffix: str) -> None:
    """0..65535 is 0..255."""
    values = [0, 257 * 50, 257 * 200, 65535]
    picture = Image.new("I;16", (40, 40))
    for n, value in enumerate(values):
        picture.paste(value, (n % 2 * 20, n // 2 * 20, n % 2 * 20 + 20, n // 2 * 20 + 20))
    picture.save(tmp_path / f"x{suffix}")
    corners = panel_of(tmp_path / f"x{suffix}", tmp_path / "out.png", (40, 40))
    assert corners == [(0,) * 3, (50,) * 3, (255,) * 3, (200,) * 3]


@pytest.mark.parametrize("mode", ["I", "F"])
def test_grey_of_any_range(tmp_path: Path, mode: str) -> None:
    """The darkest and the lightest pixel of 32 bits, or of floating point, are black and white."""
    picture = Image.new(mode, (40, 40), -100_000)
    picture.paste(155_000, (0, 0, 40, 20))
    picture.paste(-50_000, (0, 0, 20, 20))
    picture.save(tmp_path / "x.tif")
    assert panel_of(tmp_path / "x.tif", tmp_path / "out.png", (40, 40)) == [(50,) * 3, (255,) * 3, (0,) * 3, (0,) * 3]
    Image.new(mode, (40, 40), -7).save(tmp_path / "x.tif")
    assert len(set(panel_of(tmp_path / "x.tif", tmp_path / "out.png", (40, 40)))) == 1


def test_large_pictures(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """A way on, and Pillow's own limit is as before. The size alone is known of every picture."""
    Image.new("L", (200, 150)).save(tmp_path / "x.png")
    with pytest.raises(FileProblem, match="is 200x150 pixels, more than 29999: .* say --max-pixels 30000"):
        draw_before_after(tmp_path / "x.png", tmp_path / "out.png", before=NONE, after=NONE, max_pixels=29_999)
    monkeypatch.setattr(Image, "MAX_IMAGE_PIXELS", 10_000)  # Pillow refuses above 20,000
    assert picture_size(tmp_path / "x.png") == (200, 150)
    draw_before_after(tmp_path / "x.png", tmp_path / "out.png", before=NONE, after=NONE, max_pixels=30_000)
    assert (tmp_path / "out.png").exists() and Image.MAX_IMAGE_PIXELS == 10_000
