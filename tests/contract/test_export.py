"""Heads with ptdet in them compile in one graph and export with any N."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import pytest
import torch
from torch import Tensor, nn

import ptdet
from ptdet.testing import clustered

HEADS: dict[str, Callable[[Tensor, Tensor, Tensor], Any]] = {
    "nms": lambda b, s, i: ptdet.nms(b, s, 0.5),
    "batched_nms": lambda b, s, i: ptdet.batched_nms(b, s, i, 0.5),
    "or_nms": lambda b, s, i: ptdet.or_nms(b, s, 0.5, i),
    "diou_nms": lambda b, s, i: ptdet.diou_nms(b, s, 0.5, i, beta=0.6),
    "and_nms": lambda b, s, i: ptdet.and_nms(b, s, 0.5, i),
    "merge_nms": lambda b, s, i: ptdet.merge_nms(b, s, 0.5, i),
    "greedy_nmm": lambda b, s, i: ptdet.greedy_nmm(b, s, 0.3, i, score_threshold=0.1, return_owner=True),
    "nmm": lambda b, s, i: ptdet.nmm(b, s, 0.3, i, max_output=20),
    "soft_nms": lambda b, s, i: ptdet.soft_nms(b, s, 0.5, i),
    "cluster_nms": lambda b, s, i: ptdet.cluster_nms(b, s, 0.5, i, weighted=True),
    "fast_nms": lambda b, s, i: ptdet.fast_nms(b, s, 0.5, i, score_threshold=0.3, max_output=50),
    "matrix_nms": lambda b, s, i: ptdet.matrix_nms(b, s, i, kind="linear", score_threshold=0.3),
    "weighted_boxes_fusion": lambda b, s, i: ptdet.weighted_boxes_fusion([b, b + 1], [s, s], [i, i], skip_box_thr=0.3),
    "non_maximum_weighted": lambda b, s, i: ptdet.non_maximum_weighted([b, b + 1], [s, s], [i, i], skip_box_thr=0.3),
    "combined_nms": lambda b, s, i: ptdet.combined_nms(b[None], s[None], 0.5, max_per_image=20),
}


class Head(nn.Module):
    """Logits to scores and sides to corners, then a method."""

    def __init__(self, method: Callable[[Tensor, Tensor, Tensor], Any]) -> None:
        super().__init__()
        self.method = method

    def forward(self, boxes: Tensor, logits: Tensor, ids: Tensor) -> Any:
        return self.method(torch.cat([boxes[:, :2], boxes[:, :2] + (boxes[:, 2:] - boxes[:, :2])], 1), logits, ids)


def given(count: int) -> tuple[Tensor, Tensor, Tensor]:
    boxes, scores = clustered(count, count)
    return boxes, (scores * 20).round() / 20, torch.arange(count) % 5 - 2


def same(one: Any, other: Any) -> bool:
    pairs = zip(one, other, strict=True) if isinstance(one, (tuple, list)) else [(one, other)]
    return all(torch.equal(a, b) for a, b in pairs)


@pytest.mark.parametrize("name", HEADS)
def test_compiles_in_one_graph(name: str) -> None:
    torch._dynamo.reset()
    head = Head(HEADS[name])
    compiled = torch.compile(head, fullgraph=True, dynamic=True, backend="aot_eager")
    for count in (200, 31, 77):
        assert same(compiled(*given(count)), head(*given(count)))


@pytest.mark.parametrize("name", HEADS)
def test_exports_with_any_n(name: str) -> None:
    head = Head(HEADS[name])
    rows = torch.export.Dim("rows", min=2)
    exported = torch.export.export(head, given(200), dynamic_shapes=({0: rows}, {0: rows}, {0: rows})).module()
    for count in (200, 31, 77):
        assert same(exported(*given(count)), head(*given(count)))
