"""`merge_tiles`: boxes of tiles in the picture, and what is left of those that two tiles have seen."""

from __future__ import annotations

import math
from typing import Any

import numpy as np
import pytest
import torch
from torch import Tensor

import ptdet
import ptdet.numpy
from ptdet.io import parse_tile_name


@pytest.fixture(params=["tensors", "arrays"])
def merge(request: pytest.FixtureRequest) -> Any:
    def of_arrays(tiles: Any, *rest: Any, **options: Any) -> Tensor:
        each = [tile.numpy() for tile in tiles] if isinstance(tiles, list) else tiles.numpy()
        return torch.from_numpy(ptdet.numpy.merge_tiles(each, *rest, **options))

    return ptdet.merge_tiles if request.param == "tensors" else of_arrays


def test_by_hand(merge: Any) -> None:
    """Tiles of 100 px that overlap by 20, of a picture at half its size; the box in the overlap is seen by both."""
    first = torch.tensor([[80.0, 10, 100, 20, 0.8, 3, 7], [82, 10, 98, 20, 0.9, 1, 8]], dtype=torch.float64)
    second = torch.tensor([[0.0, 10, 18, 20, 0.7, 3, 9], [50, 50, 60, 60, 0.5, 3, 6]], dtype=torch.float64)
    found = merge([first, second], [(0, 0), (80, 0)], 0.5)
    assert found.tolist() == [
        [164, 20, 196, 40, 0.9, 1, 8], [160, 20, 200, 40, 0.8, 3, 7], [260, 100, 280, 120, 0.5, 3, 6],
    ]  # fmt: skip
    assert len(merge([first, second], [(0, 0), (80, 0)], iou_threshold=0.9)) == 4  # 18 of 20 px: exactly 0.9
    assert len(merge([first, second], [(0, 0), (80, 0)], iou_threshold=0.9, inclusive=True)) == 3
    halves = merge([first, second], np.array([[0, 0], [160, 0]]), [1, 2])
    assert halves[:, 0].tolist() == [82, 80, 80, 105]  # the third is 10 px above
    assert merge([first[:0], second[:0]], [(0, 0), (1, 1)]).shape == (0, 7)


def test_rotated(merge: Any) -> None:
    names = ["P0706__2__0___0", "P0706__2__924___0.png"]
    first = torch.tensor([[930.0, 100, 40, 4, math.pi / 4, 0.9, 0], [930, 100, 40, 4, -math.pi / 4, 0.8, 0]])
    second = torch.tensor([[6.0, 100, 40, 4, math.pi * 5 / 4, 0.7, 0]])
    found = merge([first, second], [parse_tile_name(name).offset for name in names], 2, rotated=True)
    expected = first.clone()
    expected[:, :4] /= 2
    assert torch.equal(found, expected) and found.dtype == torch.float32


def test_far_away(merge: Any) -> None:
    """At 2^24 float32 has no halves: places and overlaps are those of float64."""
    tiles = [torch.tensor([[0.0, 0, 1.5, 1, 0.9, 0]]), torch.tensor([[0.5, 0, 2.0, 1, 0.8, 0]])]
    assert len(merge(tiles, [(2**24, 0), (2**24, 0)], iou_threshold=0.5)) == 2  # 1 of 2
    assert len(merge(tiles, [(2**24, 0), (2**24, 0)], iou_threshold=0.49)) == 1


def test_tensors_and_arrays_agree() -> None:
    random = torch.Generator().manual_seed(0)
    for rotated in (False, True):
        tiles = [torch.rand(60, 8, generator=random) * 40 + 5 for _ in range(4)]
        for tile in tiles:
            tile[:, 5 + rotated] = tile[:, 5 + rotated].floor() % 3
            if not rotated:
                tile[:, 2:4] += tile[:, :2]
        offsets = torch.rand(4, 2, generator=random, dtype=torch.float64) * 60
        ours = ptdet.merge_tiles(tiles, offsets, 0.7, rotated=rotated)
        arrays = [tile.numpy() for tile in tiles]
        theirs = ptdet.numpy.merge_tiles(arrays, offsets.numpy(), 0.7, rotated=rotated)
        assert 3 <= len(ours) < 200 and np.array_equal(ours.numpy(), theirs)


@pytest.mark.parametrize(("wrong", "told"), [
    ({"detections": []}, "detections: expected a tile or more"),
    ({"detections": torch.zeros(1, 6)}, "detections: expected a list"),
    ({"detections": [torch.zeros(1, 5)] * 2}, r"detections\[0\]: expected shape \(n, 6 or more\), got \(1, 5\)"),
    ({"rotated": True}, r"detections\[0\]: expected shape \(n, 7 or more\), got \(1, 6\)"),
    ({"detections": [torch.zeros(1, 6), torch.zeros(1, 7)]}, r"detections\[1\]: expected 6 columns"),
    ({"detections": [torch.zeros(1, 6), torch.full((1, 6), math.nan)]}, "detections: expected classes"),
    ({"offsets": [(0, 0)]}, r"offsets: expected 2 pairs \(x, y\)"),
    ({"offsets": [(0, 0), (0, math.inf)]}, "offsets: expected a finite number"),
    ({"offsets": 3}, r"offsets: expected a pair"),
    ({"rate": 0}, "rate: expected a finite number > 0"),
    ({"rate": [1, 2, 3]}, "rate: expected one number, or 2, got 3"),
    ({"iou_threshold": math.nan}, "iou_threshold"),
    ({"metric": "probability"}, "metric"),
])  # fmt: skip
def test_refusals(merge: Any, wrong: dict[str, Any], told: str) -> None:
    good = {"detections": [torch.zeros(1, 6), torch.zeros(1, 6)], "offsets": [(0, 0), (0, 0)]}
    given = {**good, **wrong}
    with pytest.raises((ValueError, TypeError), match=told):
        merge(given.pop("detections"), **given)
