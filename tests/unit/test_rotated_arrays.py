"""Rotated boxes as corners, for arrays: what the tensor functions give."""

from __future__ import annotations

import numpy as np
import torch

import ptdet
from ptdet._shared.elementary import angle_of, direction
from ptdet._shared.rotated_boxes import corners_of, min_area_rect, upright
from ptdet.ops.rotated_boxes import direction_angle
from ptdet.reference import cosine, sine

RANDOM = np.random.default_rng(0)
ODD = np.array([0.0, -0.0, np.inf, -np.inf, np.nan, 1e300, -1e-320])


def same(array: object, tensor: torch.Tensor) -> bool:
    return np.array_equal(array, tensor.numpy(), equal_nan=True)  # type: ignore[arg-type]


def test_elementary_functions_are_the_same_bits() -> None:
    angles = np.concatenate([RANDOM.normal(size=20000) * 10.0 ** RANDOM.uniform(-9, 9, 20000), ODD])
    of_arrays, of_tensors = direction(angles), torch.from_numpy(angles)
    assert same(of_arrays[0], cosine(of_tensors)) and same(of_arrays[1], sine(of_tensors))
    x, y = (np.concatenate([RANDOM.normal(size=5000), each.ravel()]) for each in np.meshgrid(ODD, ODD))
    assert same(angle_of(x, y), direction_angle(torch.from_numpy(x), torch.from_numpy(y)))


def test_corners() -> None:
    boxes = RANDOM.normal(size=(2000, 5)) * [100, 100, 50, 50, 3]
    tensor = torch.from_numpy(boxes)
    assert same(corners_of(boxes).reshape(-1, 8), ptdet.rotated.box_convert(tensor, "cxcywhr", "xyxyxyxy"))
    assert same(upright(boxes), ptdet.rotated.box_convert(tensor, "cxcywhr", "xyxy"))


def test_smallest_rectangles() -> None:
    """To rounding: torch's square root is not always the nearest number."""
    quads = RANDOM.normal(size=(1000, 4, 2)) * 100
    quads[:200] = np.round(quads[:200] / 50)  # ties, points on one line, equal points
    quads[7] = quads[7, 0]
    expected = ptdet.rotated.min_area_rect(torch.from_numpy(quads)).numpy()
    np.testing.assert_allclose(min_area_rect(quads), expected, rtol=1e-12, atol=1e-12)
