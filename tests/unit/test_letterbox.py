"""`letterbox` and `unletterbox`: where pictures lie, as ultralytics and YOLOX place them, and what pixels they get."""

from __future__ import annotations

import random
import sys
from pathlib import Path

import numpy as np
import pytest
import torch

import ptdet
import ptdet.numpy
from ptdet import Letterbox, yolo
from ptdet.io import parse_space

from ..detections import DATA, load

YOLOX = sorted((DATA / "yolox_nano_coco").glob("*.npz"))


def test_by_hand() -> None:
    """640x427 in a square of 640: 213 rows are left, 106 above; of 416: 278 rows rounded, 277 cut."""
    assert Letterbox.fit((427, 640), 640) == ((427, 640), (640, 640), (427, 640), 1.0, 106, 0)
    assert Letterbox.fit((427, 640), 416) == ((427, 640), (416, 416), (278, 416), 0.65, 69, 0)
    assert Letterbox.fit((427, 640), (416, 416), center=False) == ((427, 640), (416, 416), (277, 416), 0.65, 0, 0)
    assert Letterbox.fit((100, 50), (200, 300)) == ((100, 50), (200, 300), (200, 100), 2.0, 0, 100)
    assert Letterbox.fit((1, 1000), 10).resized == (1, 10)  # never nothing


def test_as_the_peers_place_it() -> None:
    """What ultralytics' LetterBox and YOLOX's preproc compute, written from their descriptions."""
    draw = random.Random(0)
    for _ in range(3000):
        height, width, high, wide = (draw.randint(1, 3000) for _ in range(4))
        ratio = min(high / height, wide / width)
        fitted = Letterbox.fit((height, width), (high, wide))
        if min(fitted.resized) > 1:
            across, down = round(width * ratio), round(height * ratio)
            left, top = round((wide - across) / 2 - 0.1), round((high - down) / 2 - 0.1)
            assert fitted[2:] == ((down, across), ratio, top, left)
        corner = Letterbox.fit((height, width), (high, wide), center=False)
        if min(corner.resized) > 1:
            assert corner[2:] == ((int(height * ratio), int(width * ratio)), ratio, 0, 0)


def test_a_picture_that_others_fitted() -> None:
    """The ratio that was used for YOLOX's stored outputs, and the boxes that its code kept."""
    for path in YOLOX:
        arrays, meta = load(path)
        height, width = (int(side) for side in arrays["image_size_hw"])
        fitted = Letterbox.fit((height, width), 416, center=False)
        assert fitted.ratio == arrays["ratio"]
        found = yolo.postprocess(torch.from_numpy(arrays["pred"])[None], 0.25, 0.45, head="x")[0]
        expected = arrays["exp_aware"][:, :4] / np.float32(arrays["ratio"])
        assert ptdet.unletterbox(found, fitted, clip=False)[:, :4].numpy().tolist() == expected.tolist()
        inside = ptdet.unletterbox(found, fitted)
        assert torch.equal(inside[:, :4], ptdet.clip_boxes_to_image(torch.from_numpy(expected), (height, width)))
        assert torch.equal(inside[:, 4:], found[:, 4:])


def test_there_and_back() -> None:
    boxes = torch.tensor([[[0.0, 0, 640, 427], [100, 50, 300.5, 200]]], dtype=torch.float64)
    for center in (True, False):
        fitted = Letterbox.fit((427, 640), (352, 608), center)
        moved = boxes * fitted.ratio + torch.tensor([fitted.left, fitted.top] * 2)
        torch.testing.assert_close(ptdet.unletterbox(moved, fitted), boxes, rtol=1e-12, atol=1e-12)
        assert ptdet.unletterbox(moved.half(), fitted).dtype == torch.float32
    assert ptdet.unletterbox(torch.zeros(0, 6), fitted).shape == (0, 6)
    assert ptdet.unletterbox(torch.tensor([[-9.0, -9, 9999, 9999]]), fitted).tolist() == [[0, 0, 640, 427]]


def test_files_are_placed_by_the_same_rule() -> None:
    boxes = torch.tensor([[100.0, 120, 300, 400]])
    for text, center in (("letterbox:416x416", True), ("letterbox:416x416:topleft", False)):
        fitted = Letterbox.fit((427, 640), 416, center)
        placed = torch.from_numpy(parse_space(text).to_picture(boxes.numpy(), (640, 427)))
        assert torch.equal(placed, ptdet.unletterbox(boxes, fitted, clip=False))


def picture(height: int, width: int, channels: int | None = 3) -> np.ndarray:
    shape = (height, width) if channels is None else (height, width, channels)
    return np.random.default_rng(height).integers(0, 256, shape, dtype=np.uint8)


def without_cv2(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setitem(sys.modules, "cv2", None)


@pytest.mark.parametrize("center", [True, False])
@pytest.mark.parametrize("shape", [(120, 200, 3), (50, 31, 1), (64, 64, None), (33, 90, 4)], ids=str)
def test_pixels(shape: tuple[int, int, int | None], center: bool, monkeypatch: pytest.MonkeyPatch) -> None:
    """OpenCV's bilinear picture, padded with 114; Pillow and torch differ by 1 at most."""
    cv2, _ = pytest.importorskip("cv2"), pytest.importorskip("PIL")
    given = picture(*shape)
    before = given.copy()
    canvas, fitted = ptdet.numpy.letterbox(given, (96, 128), center=center)
    high, wide = fitted.resized
    inside = (slice(fitted.top, fitted.top + high), slice(fitted.left, fitted.left + wide))
    expected = np.full((96, 128, *given.shape[2:]), 114, np.uint8)
    expected[inside] = cv2.resize(given, (wide, high), interpolation=cv2.INTER_LINEAR).reshape(expected[inside].shape)
    assert canvas.dtype == np.uint8 and np.array_equal(canvas, expected) and np.array_equal(given, before)
    strided = np.repeat(given, 2, 1)[::-1, ::2]
    assert np.array_equal(ptdet.numpy.letterbox(strided[::-1], (96, 128), center=center)[0], expected)

    planes = given if given.ndim == 2 else given.transpose(2, 0, 1)
    tensor, same = ptdet.letterbox(torch.from_numpy(planes.copy()), (96, 128), center=center)
    assert same == fitted and tensor.dtype == torch.uint8
    as_array = tensor.numpy() if given.ndim == 2 else tensor.numpy().transpose(1, 2, 0)
    assert int(np.abs(as_array.astype(int) - expected).max()) <= 1

    without_cv2(monkeypatch)
    by_pillow, same = ptdet.numpy.letterbox(given, (96, 128), center=center)
    assert same == fitted and int(np.abs(by_pillow.astype(int) - expected).max()) <= 1
    floats, _ = ptdet.numpy.letterbox(given.astype(np.float32) / 255, (96, 128), center=center, fill=0.5)
    assert floats.dtype == np.float32 and np.abs(floats[inside] * 255 - expected[inside]).max() <= 1


def test_a_ramp_by_hand() -> None:
    """Twice as wide: a sample lies a quarter off its pixel, and at the edge on it."""
    ramp = torch.tensor([[0.0, 8, 16, 24]]).repeat(2, 1)
    found, fitted = ptdet.letterbox(ramp, (4, 8), fill=0)
    assert found[0].tolist() == [0, 2, 6, 10, 14, 18, 22, 24]
    assert ptdet.numpy.letterbox(ramp.numpy(), (4, 8))[0].tolist() == found.tolist()
    batch, _ = ptdet.letterbox(ramp.expand(5, 3, 2, 4), (8, 8), fill=7)
    assert batch.shape == (5, 3, 8, 8) and fitted.ratio == 2
    assert batch[4, 2, :, 0].tolist() == [7, 7, 0, 0, 0, 0, 7, 7]


def test_a_picture_of_the_right_size_needs_no_library(monkeypatch: pytest.MonkeyPatch) -> None:
    without_cv2(monkeypatch)
    monkeypatch.setitem(sys.modules, "PIL", None)
    given = picture(40, 64)
    assert np.array_equal(ptdet.numpy.letterbox(given, (64, 64))[0][12:52], given)
    with pytest.raises(ImportError, match="needs OpenCV or Pillow"):
        ptdet.numpy.letterbox(given, 32)


def test_what_is_refused() -> None:
    for image, raises in (
        (np.zeros((4, 4), np.float64), TypeError), (np.zeros(4, np.uint8), ValueError), ([[1]], TypeError),
        (np.zeros((0, 4, 3), np.uint8), ValueError), (np.zeros((1, 4, 4, 3), np.uint8), ValueError),
    ):  # fmt: skip
        with pytest.raises(raises, match="^image: "):
            ptdet.numpy.letterbox(image, 8)  # type: ignore[arg-type]
    with pytest.raises(ValueError, match="^image: "):
        ptdet.letterbox(torch.zeros(3, 0, 4), 8)
    for fill in (256, -1, 0.5, float("inf"), float("nan")):
        for call, whole in ((ptdet.letterbox, torch.zeros(3, 4, 4).byte()), (ptdet.numpy.letterbox, picture(4, 4))):
            with pytest.raises(ValueError, match="^fill: "):
                call(whole, 8, fill=fill)  # type: ignore[arg-type]
    for size, kind in (
        (0, ValueError),
        ((4, -1), ValueError),
        ((4, 4, 3), TypeError),
        (1.5, TypeError),
        (True, TypeError),
    ):
        for call, given in ((ptdet.letterbox, torch.zeros(3, 4, 4)), (ptdet.numpy.letterbox, picture(4, 4))):
            with pytest.raises(kind, match="^size: "):
                call(given, size)  # type: ignore[arg-type]


def test_a_picture_of_the_project() -> None:
    """Read by OpenCV or Pillow, it goes in as it is."""
    image = pytest.importorskip("PIL.Image")
    with image.open(Path(DATA / "images/000000000885.jpg")) as opened:
        canvas, fitted = ptdet.numpy.letterbox(np.asarray(opened), 416, center=False)
    assert canvas.shape == (416, 416, 3) and fitted.resized == (277, 416) and bool((canvas[277:] == 114).all())


def test_rotated_boxes() -> None:
    """The centre moves as a point does, the sides are scaled, the angle and what follows stay; nothing is cut."""
    fitted = Letterbox.fit((427, 640), (320, 320))  # ratio 1/2, 53 rows above
    rows = torch.tensor([[160.0, 53, 320, 20, 0.5, 0.9, 2]])
    expected = [[320.0, 0, 640, 40, 0.5, torch.tensor(0.9).item(), 2]]
    assert ptdet.unletterbox(rows, fitted, rotated=True).tolist() == expected
    assert ptdet.numpy.unletterbox(rows.numpy(), fitted, rotated=True).tolist() == expected
    for call, boxes in ((ptdet.unletterbox, rows), (ptdet.numpy.unletterbox, rows.numpy())):
        with pytest.raises(ValueError, match=r"boxes: expected shape \(..., 5 or more\)"):
            call(boxes[:, :4], fitted, rotated=True)  # type: ignore[operator]
        with pytest.raises(TypeError, match="rotated: expected True or False"):
            call(boxes, fitted, rotated="no")  # type: ignore[operator]
