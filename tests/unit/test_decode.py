"""`decode_yolox`, `prior_boxes` and `decode_ssd` beside their formulas, torchvision, and stored outputs."""

from __future__ import annotations

import math
from itertools import product

import numpy as np
import pytest
import torch
from torch import Tensor

import ptdet
import ptdet.numpy
from ptdet._shared import elementary

from ..detections import DATA, load

ULTRAFACE = {"strides": [8, 16, 32, 64], "min_sizes": [[10, 16, 24], [32, 48], [64, 96], [128, 192, 256]]}
SSD300 = {
    "strides": [8, 16, 32, 64, 100, 300], "min_sizes": [30, 60, 111, 162, 213, 264],
    "max_sizes": [60, 111, 162, 213, 264, 315], "aspect_ratios": [[2], [2, 3], [2, 3], [2, 3], [2], [2]],
}  # fmt: skip


def raw_head(rows: int, classes: int = 3, dtype: torch.dtype = torch.float32) -> Tensor:
    return torch.randn(2, rows, 5 + classes, generator=torch.Generator().manual_seed(rows)).to(dtype)


def test_yolox_by_its_formula() -> None:
    """Cell by cell: (value + cell) * stride, e^value * stride; an input that is not square, in four strides."""
    high, wide, strides = 128, 256, (8, 16, 32, 64)
    cells = [(x, y, s) for s in strides for y, x in product(range(high // s), range(wide // s))]
    raw = raw_head(len(cells), dtype=torch.float64)
    found = ptdet.decode_yolox(raw, (high, wide), strides)
    for at in (0, 1, 31, 32, 511, 512, 600, len(cells) - 1):
        x, y, stride = cells[at]
        tx, ty, tw, th = raw[1, at, :4].tolist()
        expected = [(tx + x) * stride, (ty + y) * stride, math.exp(tw) * stride, math.exp(th) * stride]
        assert found[1, at, :4].tolist() == pytest.approx(expected, rel=1e-14)
    assert torch.equal(found[..., 4:], raw[..., 4:])


def test_yolox_cells_lie_where_its_stored_boxes_do() -> None:
    """The rows of the 416 network kept their numbers: a box is centred near its cell, and no other grid is as near."""
    grid = ptdet.decode_yolox(torch.zeros(1, 3549, 6), 416)[0, :, :4]
    near, turned = [], []
    for path in sorted((DATA / "yolox_nano_coco").glob("*.npz")):
        arrays, _ = load(path)
        boxes, rows = torch.from_numpy(arrays["pred"][:, :4]), torch.from_numpy(arrays["row_index"]).long()
        off = (boxes[:, :2] - grid[rows, :2]) / grid[rows, 2:]
        near.append(off.abs().amax(1))
        turned.append(((boxes[:, :2] - grid[rows][:, [1, 0]]) / grid[rows, 2:]).abs().amax(1))
    assert float(torch.cat(near).median()) < 1 < 5 < float(torch.cat(turned).median())
    assert float((torch.cat(near) < 3).float().mean()) > 0.99


def test_yolox_refuses_what_does_not_fit_its_grid() -> None:
    for prediction, size, strides in (
        (torch.zeros(1, 8400, 85), 416, (8, 16, 32)), (torch.zeros(1, 3549, 85), 416, (8, 16)),
        (torch.zeros(1, 85, 3549), 416, (8, 16, 32)), (torch.zeros(3549, 85), 416, (8, 16, 32)),
        (torch.zeros(1, 3549, 4), 416, (8, 16, 32)),
    ):  # fmt: skip
        for call, given in ((ptdet.decode_yolox, prediction), (ptdet.numpy.decode_yolox, prediction.numpy())):
            with pytest.raises(ValueError, match="^prediction: expected (N = |shape)"):
                call(given, size, strides)
    with pytest.raises(ValueError, match="^strides: "):
        ptdet.decode_yolox(torch.zeros(1, 3549, 85), 416, (8.5, 16, 32))  # type: ignore[arg-type]


def test_priors_of_ultraface() -> None:
    """4420 of a 320x240 input; the first, the second cell and the last, by hand."""
    priors = ptdet.prior_boxes((240, 320), **ULTRAFACE, clip=True)
    assert priors.shape == (4420, 4)
    first = torch.tensor([[4 / 320, 4 / 240, side / 320, side / 240] for side in (10, 16, 24)])
    assert torch.equal(priors[:3], first)
    assert torch.equal(priors[3, :2], torch.tensor([12 / 320, 4 / 240]))
    # the last map is 5x4 cells of 64 pixels, so that its lowest row is centred at 224, and 256 pixels exceed 240
    assert torch.equal(priors[-1], torch.tensor([288 / 320, 224 / 240, 256 / 320, 1.0]))
    assert float(ptdet.prior_boxes((240, 320), **ULTRAFACE)[-1, 3]) > 1
    assert len(ptdet.prior_boxes((480, 640), **ULTRAFACE)) == 17640


def test_ultraface_faces_lie_on_their_priors() -> None:
    """The stored boxes kept their numbers: whatever scores as a face overlaps its prior, as training matched them."""
    for folder, size, count in (("ultraface_rfb320", (240, 320), 5), ("ultraface_rfb640", (480, 640), 300)):
        priors = ptdet.box_convert(ptdet.prior_boxes(size, **ULTRAFACE, clip=True), "cxcywh", "xyxy")
        overlaps = []
        for path in sorted((DATA / folder).glob("*.npz")):
            arrays, _ = load(path)
            sure = torch.from_numpy(arrays["scores"]) > 0.9
            boxes, rows = torch.from_numpy(arrays["boxes"])[sure], torch.from_numpy(arrays["row_index"]).long()[sure]
            overlaps.append(ptdet.overlap(boxes, priors[rows]))
        assert len(torch.cat(overlaps)) > count
        assert float(torch.cat(overlaps).median()) > 0.4 and float(torch.cat(overlaps).min()) > 0.1


def test_priors_of_ssd300_are_torchvisions() -> None:
    anchors = pytest.importorskip("torchvision.models.detection.anchor_utils")
    images = pytest.importorskip("torchvision.models.detection.image_list")
    scales = [side / 300 for side in [*SSD300["min_sizes"], 315]]  # type: ignore[misc]
    theirs = anchors.DefaultBoxGenerator(SSD300["aspect_ratios"], scales=scales, steps=SSD300["strides"], clip=False)
    maps = [torch.zeros(1, 1, side, side) for side in (38, 19, 10, 5, 3, 1)]
    expected = theirs(images.ImageList(torch.zeros(1, 3, 300, 300), [(300, 300)]), maps)[0] / 300
    ours = ptdet.box_convert(ptdet.prior_boxes(300, **SSD300), "cxcywh", "xyxy")
    assert ours.shape == (8732, 4)
    torch.testing.assert_close(ours, expected, rtol=1e-5, atol=1e-5)


def test_ssd_boxes_are_torchvisions() -> None:
    """Its weights are the inverse of the variances."""
    coder = pytest.importorskip("torchvision.models.detection._utils").BoxCoder((10.0, 10.0, 5.0, 5.0))
    priors = ptdet.prior_boxes(300, **SSD300)
    corners = ptdet.box_convert(priors, "cxcywh", "xyxy").double()
    offsets = torch.randn(len(priors), 4, generator=torch.Generator().manual_seed(1), dtype=torch.float64)
    expected = coder.decode_single(offsets, corners)
    torch.testing.assert_close(ptdet.decode_ssd(offsets, priors.double()), expected, rtol=1e-6, atol=1e-6)
    assert torch.equal(ptdet.decode_ssd(torch.zeros(2, len(priors), 4), priors)[1], corners_of(priors))


def corners_of(priors: Tensor) -> Tensor:
    return torch.cat([priors[:, :2] - priors[:, 2:] / 2, priors[:, :2] + priors[:, 2:] / 2], 1)


def test_ssd_variances_by_hand() -> None:
    """Centre 0.5 + 1 * 0.25 * 0.2 = 0.55, side 0.2 e^(ln 2) = 0.4."""
    found = ptdet.decode_ssd(
        torch.tensor([[1.0, 0, math.log(2) / 0.5, 0]]), torch.tensor([[0.5, 0.5, 0.2, 0.4]]), (0.25, 0.5)
    )
    assert found[0].tolist() == pytest.approx([0.35, 0.3, 0.75, 0.7], abs=1e-6)


def test_gradients_pass() -> None:
    raw = raw_head(21, dtype=torch.float64).requires_grad_()
    assert torch.autograd.gradcheck(lambda each: ptdet.decode_yolox(each, 32), raw)
    offsets = torch.randn(5, 4, dtype=torch.float64, generator=torch.Generator().manual_seed(2)).requires_grad_()
    priors = torch.rand(5, 4, dtype=torch.float64, generator=torch.Generator().manual_seed(3)).requires_grad_()
    assert torch.autograd.gradcheck(ptdet.decode_ssd, (offsets, priors))


@pytest.mark.parametrize("dtype", [np.float32, np.float64])
def test_the_elementary_functions_of_arrays_are_those_of_tensors(dtype: type) -> None:
    """Bit for bit, beyond both ends of the normal numbers, and near the true value."""
    most = 800 if dtype is np.float64 else 120
    draw = np.random.default_rng(0)
    special = np.array([0.0, -0.0, np.inf, -np.inf, np.nan, 1.0, -1.0, 88.8, -87.5, -103.9, 709.9, -745.2])
    x = np.concatenate([special, draw.uniform(-most, most, 100_000), draw.normal(0, 1, 100_000)]).astype(dtype)
    for name in ("sigmoid", "exponential"):
        ours = getattr(elementary, name)(x)
        theirs = getattr(ptdet.reference, name)(torch.from_numpy(x)).numpy()
        assert ours.dtype == theirs.dtype == dtype
        assert np.array_equal(ours, theirs, equal_nan=True)
    with np.errstate(all="ignore"):
        sound = np.isfinite(ours) & (np.abs(x) < 0.7 * most)
        np.testing.assert_allclose(ours[sound], np.exp(x[sound]), rtol=4 * np.finfo(dtype).eps)


def test_what_of_priors_is_refused() -> None:
    good = {"size": 64, "strides": [8, 16], "min_sizes": [[4], [8]]}
    for change, name in (
        ({"min_sizes": [[4]]}, "min_sizes"), ({"min_sizes": [[4], []]}, "min_sizes"),
        ({"min_sizes": [4, -1]}, "min_sizes"),
        ({"strides": []}, "strides"), ({"strides": [0, 8]}, "strides"), ({"strides": [8, 16, 32]}, "min_sizes"),
        ({"max_sizes": [8]}, "max_sizes"), ({"max_sizes": [[8, 9], 9]}, "max_sizes"),
        ({"aspect_ratios": [2, 3]}, "aspect_ratios"), ({"aspect_ratios": [[2], [0]]}, "aspect_ratios"),
    ):  # fmt: skip
        for call in (ptdet.prior_boxes, ptdet.numpy.prior_boxes):
            with pytest.raises((TypeError, ValueError), match=f"^{name}: "):
                call(**{**good, **change})  # type: ignore[arg-type]
    mixed = ptdet.prior_boxes(64, [8, 16], [4, [8, 9]], [None, [10, 12]], [None, [2]])
    assert len(mixed) == 64 + 16 * 2 * 4


def test_what_is_not_finite_passes_in_silence() -> None:
    """As of tensors: arrays warn of nothing."""
    odd = np.array([[math.nan, math.inf, 1000, -1000], [1e38, -1e38, 88, -104]], np.float32)
    priors = np.array([[0.5, 0.5, 100, 1e38]] * 2, np.float32)
    theirs = ptdet.decode_ssd(torch.from_numpy(odd), torch.from_numpy(priors)).numpy()
    assert np.array_equal(ptdet.numpy.decode_ssd(odd, priors), theirs, equal_nan=True)
    raw = np.concatenate([odd, odd[:, :2]], 1)[None]
    assert np.array_equal(
        ptdet.numpy.decode_yolox(raw, (8, 16), [8]), ptdet.decode_yolox(torch.from_numpy(raw), (8, 16), [8]).numpy(),
        equal_nan=True,
    )  # fmt: skip
    fitted = ptdet.Letterbox.fit((9000, 9000), 3)
    for clip in (False, True):
        back = ptdet.unletterbox(torch.from_numpy(odd), fitted, clip=clip).numpy()
        assert np.array_equal(ptdet.numpy.unletterbox(odd, fitted, clip=clip), back, equal_nan=True)
