"""Heads with ptdet in them compile in one graph, export with any N, and become ONNX where ONNX can say it."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import numpy as np
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


SCALE = torch.tensor(2.0)
ONNX: dict[str, Callable[[Tensor, Tensor, Tensor], Any]] = {
    "nms": HEADS["nms"],
    "all options": lambda b, s, i: ptdet.nms(b, s, 0.5, inclusive=True, score_threshold=0.3, max_output=7),
    "a threshold that float32 rounds up": lambda b, s, i: ptdet.nms(b, s, 0.6),
    "batched_nms": HEADS["batched_nms"],
    "batched, all options": lambda b, s, i: ptdet.batched_nms(b, s, i, 0.5, score_threshold=0.3, max_output=20),
    "or_nms": HEADS["or_nms"],
    "cluster_nms": lambda b, s, i: ptdet.cluster_nms(b, s, 0.5, i)[1],
    "fast_nms": lambda b, s, i: ptdet.fast_nms(b, s, 0.5, i),
    "fast, all options": lambda b, s, i: ptdet.fast_nms(
        b, s, 0.6, score_threshold=0.3, max_output=10, metric="diou", inclusive=True
    ),
    "matrix_nms": lambda b, s, i: ptdet.matrix_nms(b, s, i)[1],
    "matrix, linear": lambda b, s, i: ptdet.matrix_nms(b, s, kind="linear", score_threshold=0.3, max_output=20)[0],
    "box_iou": lambda b, s, i: ptdet.box_iou(b, b.flip(0)),
    "complete_box_iou": lambda b, s, i: ptdet.complete_box_iou(b, b.flip(0)),
    "box_ios": lambda b, s, i: ptdet.overlap(b, b.flip(0), "ios"),
    "scylla_iou_loss": lambda b, s, i: ptdet.scylla_iou_loss(b, b + s[:, None]),
    "complete_box_iou_loss": lambda b, s, i: ptdet.complete_box_iou_loss(b, b + s[:, None], reduction="mean"),
    # the operator computes slopes, which a forward pass does not read
    "a loss of parameters": lambda b, s, i: ptdet.generalized_box_iou_loss(b * SCALE.requires_grad_(), b).detach(),
    "channel_norm": lambda b, s, i: ptdet.channel_norm(b[None], 3),
}


def onnx_program(method: Callable[[Tensor, Tensor, Tensor], Any]) -> Any:
    for module in ("onnxscript", "onnx", "onnxruntime"):
        pytest.importorskip(module)
    import ptdet.onnx

    rows = torch.export.Dim("rows", min=2)
    before = dict(torch._decomp.decomposition_table)
    try:
        shapes = ({0: rows}, {0: rows}, {0: rows})
        return ptdet.onnx.export(Head(method), given(200), verbose=False, dynamic_shapes=shapes)
    finally:
        assert torch._decomp.decomposition_table == before  # inductor wants our operators whole


@pytest.mark.filterwarnings("ignore")  # of the exporter itself
@pytest.mark.parametrize("name", ONNX)
def test_onnx(name: str) -> None:
    model = onnx_program(ONNX[name]).model_proto
    assert {node.domain for node in model.graph.node} <= {""} and not model.functions  # standard operators alone
    session = pytest.importorskip("onnxruntime").InferenceSession(model.SerializeToString())
    names = [one.name for one in session.get_inputs()]
    for count in (200, 2, 57, 1000):
        arrays = {key: value.numpy() for key, value in zip(("boxes", "logits", "ids"), given(count), strict=True)}
        found = session.run(None, {key: value for key, value in arrays.items() if key in names})[0]
        expected = ONNX[name](*given(count)).numpy()
        if expected.dtype == np.int64:
            np.testing.assert_array_equal(found, expected)
        else:  # exp, atan and pow are the runtime's own; 2e-7 were seen
            np.testing.assert_allclose(found, expected, rtol=1e-6, atol=1e-6)


@pytest.mark.filterwarnings("ignore")
@pytest.mark.parametrize(
    "method, said",
    [
        (HEADS["soft_nms"], "call ptdet.numpy on what the runtime returns"),
        (HEADS["merge_nms"], "ptdet.merge_nms has no counterpart in ONNX"),
        (HEADS["nmm"], "ptdet.nmm_walk has no counterpart in ONNX"),
        (lambda b, s, i: ptdet.nms(b, s, 0.5, metric="giou"), "metric='giou' has no counterpart"),
        (lambda b, s, i: ptdet.nms(b, s, -0.5), "iou_threshold"),
    ],
)
def test_what_onnx_has_no_means_for(method: Callable[[Tensor, Tensor, Tensor], Any], said: str) -> None:
    with pytest.raises(Exception) as raised:
        onnx_program(method)
    assert said in not_implemented(raised.value)


def not_implemented(error: BaseException | None) -> str:
    while error is not None and not isinstance(error, NotImplementedError):
        error = error.__cause__
    return str(error)


def test_without_onnxscript(monkeypatch: pytest.MonkeyPatch) -> None:
    import sys

    import ptdet.onnx

    monkeypatch.setitem(sys.modules, "onnxscript", None)
    with pytest.raises(ImportError, match="pip install onnxscript"):
        ptdet.onnx.export(Head(HEADS["nms"]), given(200))


@pytest.mark.filterwarnings("ignore")
def test_the_table_alone_names_what_exports_the_rest() -> None:
    pytest.importorskip("onnxscript")
    import ptdet.onnx

    table = ptdet.onnx.translation_table()
    with pytest.raises(Exception) as raised:
        torch.onnx.export(Head(ONNX["box_iou"]), given(200), dynamo=True, verbose=False, custom_translation_table=table)
    assert "is exported by ptdet.onnx.export" in not_implemented(raised.value)
