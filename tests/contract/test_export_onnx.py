"""Models that call ptdet become ONNX of standard operators, and onnxruntime finds what ptdet finds."""

from __future__ import annotations

import math
from collections.abc import Callable
from typing import Any

import numpy as np
import pytest
import torch
from torch import Tensor

import ptdet
from ptdet._shared.parameters import choices_of
from tests.contract.test_export import HEADS, Head, given

Method = Callable[[Tensor, Tensor, Tensor], Any]

SCALE = torch.tensor(2.0)
WAY_OUT = "call ptdet.numpy on what the runtime returns"


def images(b: Tensor, s: Tensor) -> tuple[Tensor, Tensor]:
    """Boxes (2, N, 4) and scores (2, N, 3)."""
    return torch.stack([b, b + 1]), torch.stack([torch.stack([s, s.flip(0), s * 0.5], 1), torch.stack([s] * 3, 1)])


def found(detections: Any) -> tuple[Tensor, ...]:
    return detections.num, detections.boxes, detections.scores, detections.labels, detections.indices


PLAIN: dict[str, Method] = {
    "nms": HEADS["nms"],
    "all options": lambda b, s, i: ptdet.nms(b, s, 0.5, inclusive=True, score_threshold=0.3, max_output=7),
    "a threshold that float32 rounds up": lambda b, s, i: ptdet.nms(b, s, 0.6),
    "batched_nms": HEADS["batched_nms"],
    "batched, all options": lambda b, s, i: ptdet.batched_nms(b, s, i, 0.5, score_threshold=0.3, max_output=20),
    "classes that are no whole numbers": lambda b, s, i: ptdet.batched_nms(b, s, i / 4.0, 0.5),
    "or_nms": HEADS["or_nms"],
    "cluster_nms": lambda b, s, i: ptdet.cluster_nms(b, s, 0.5, i),
    "fast_nms": lambda b, s, i: ptdet.fast_nms(b, s, 0.5, i),
    "fast, all options": lambda b, s, i: ptdet.fast_nms(
        b, s, 0.6, score_threshold=0.3, max_output=10, metric="diou", inclusive=True
    ),
    "matrix_nms": lambda b, s, i: ptdet.matrix_nms(b, s, i),
    "matrix, linear": lambda b, s, i: ptdet.matrix_nms(b, s, kind="linear", score_threshold=0.3, max_output=20),
    "box_iou": lambda b, s, i: ptdet.box_iou(b, b.flip(0)),
    "complete_box_iou": lambda b, s, i: ptdet.complete_box_iou(b, b.flip(0)),
    "box_ios": lambda b, s, i: ptdet.overlap(b, b.flip(0), "ios"),
    "scylla_iou_loss": lambda b, s, i: ptdet.scylla_iou_loss(b, b + s[:, None]),
    "complete_box_iou_loss": lambda b, s, i: ptdet.complete_box_iou_loss(b, b + s[:, None], reduction="sum"),
    # the operator computes slopes, which a forward pass does not read
    "a loss of parameters": lambda b, s, i: ptdet.generalized_box_iou_loss(b * SCALE.requires_grad_(), b).detach(),
    "channel_norm": lambda b, s, i: ptdet.channel_norm(b[None], 3),
}

ALL: dict[str, Any] = {"score_threshold": 0.3, "max_output": 9, "return_owner": True}
WALKS: dict[str, Method] = {
    "nms of every metric": lambda b, s, i: [
        ptdet.nms(b, s, 0.4, metric=metric) for metric in ("giou", "ciou", "iof", "ios")
    ],
    "nms at thresholds below what overlaps at all": lambda b, s, i: (
        ptdet.nms(b, s, -0.5, metric="giou"), ptdet.nms(b, s, 0.0, inclusive=True), ptdet.nms(b, s, -0.5),
    ),
    "the owner": lambda b, s, i: ptdet.batched_nms(b, s, i, 0.6, return_owner=True),
    "the owner, all options": lambda b, s, i: ptdet.nms(b, s, 0.5, metric="diou", inclusive=True, **ALL),
    "diou_nms": lambda b, s, i: (
        ptdet.diou_nms(b, s, 0.5, i), ptdet.diou_nms(b, s, 0.4, beta=0.6), ptdet.diou_nms(b, s, 0.5, i, **ALL),
    ),
    "and_nms": lambda b, s, i: (
        ptdet.and_nms(b, s, 0.5, i, return_owner=True), ptdet.and_nms(b, s, 0.5, overlap_threshold=0.7),
        ptdet.and_nms(b, s, 0.5, inclusive=False, metric="giou", **ALL), ptdet.and_nms(b, s, 0.5, max_output=0),
    ),
    "merge_nms": HEADS["merge_nms"],
    "merge_nms of parameters": lambda b, s, i: ptdet.merge_nms(b * SCALE.requires_grad_(), s, 0.5)[0].detach(),
    "merge, all members": lambda b, s, i: [
        ptdet.merge_nms(b, s, 0.5, i, members=members, return_owner=True) for members in choices_of("members")
    ],
    "merge, all options": lambda b, s, i: [
        ptdet.merge_nms(b, s, 0.5, members=members, weights="score_overlap", metric="diou", inclusive=True, **ALL)
        for members in ("cluster", "later")
    ],
    "cluster_nms, weighted": lambda b, s, i: ptdet.cluster_nms(b, s, 0.5, i, weighted=True),
    "soft_nms": lambda b, s, i: ptdet.soft_nms(b, s, 0.5, i, return_owner=True),
    "soft, linear and hard": lambda b, s, i: [
        ptdet.soft_nms(b, s, 0.5, kind=kind, min_score=0.1, return_owner=True) for kind in ("linear", "hard")
    ],
    "soft, all options": lambda b, s, i: [
        ptdet.soft_nms(b, s, 0.5, i, kind=kind, sigma=0.3, reselect=reselect, inclusive=True, metric="diou", **ALL)
        for kind, reselect in (("gaussian", True), ("linear", False), ("hard", True))
    ],
    "weighted_boxes_fusion": lambda b, s, i: [
        ptdet.weighted_boxes_fusion(
            [b, b + 1, b * 1.01], [s, s * 0.9, s.flip(0)], [i, i, i], [0.5, 2.0, 1.3], skip_box_thr=0.3,
            conf_type=conf_type, return_owner=True,
        )
        for conf_type in choices_of("conf_type")
    ],
    "wbf_walk, all options": lambda b, s, i: torch.ops.ptdet.wbf_walk(
        b, s, None, None, None, 0.4, "avg", True, "diou", True, 0.2, 13
    ),
    "non_maximum_weighted": HEADS["non_maximum_weighted"],
    "combined_nms": lambda b, s, i: [
        found(ptdet.combined_nms(*images(b, s), 0.5, max_per_image=20, max_per_class=7, score_threshold=0.2)),
        found(ptdet.combined_nms(*images(b, s), 0.5, method="merge", agnostic=True)),
    ],
    "combined_nms of scores that decay": lambda b, s, i: [
        found(ptdet.combined_nms(*images(b, s), 0.5, method="soft", max_per_image=20)),
        found(ptdet.combined_nms(*images(b, s), None, method="matrix", max_per_image=20)),
    ],
    "half boxes": lambda b, s, i: ptdet.merge_nms(b.half(), s.bfloat16(), 0.5, i.to(torch.uint8)),
}  # fmt: skip


FAST = {
    "nms",
    "batched_nms",
    "matrix_nms",
    "box_iou",
    "channel_norm",
    "merge_nms",
    "soft_nms",
}


def each(methods: dict[str, Method]) -> list[Any]:
    """The exporter takes seconds for each; test_export_formulas.py asks the same of what is exported, at once."""
    return [pytest.param(name, marks=() if name in FAST else pytest.mark.slow) for name in methods]


def onnx_program(method: Method) -> Any:
    for module in ("onnxscript", "onnx", "onnxruntime"):
        pytest.importorskip(module)
    import ptdet.onnx

    rows = torch.export.Dim("rows", min=0)
    before = dict(torch._decomp.decomposition_table)
    try:
        shapes = ({0: rows}, {0: rows}, {0: rows})
        return ptdet.onnx.export(Head(method), given(200), verbose=False, dynamic_shapes=shapes)
    finally:
        assert torch._decomp.decomposition_table == before  # inductor wants our operators whole


def runner(method: Method) -> Callable[..., list[Any]]:
    """What onnxruntime makes of the exported method."""
    model = onnx_program(method).model_proto
    assert {node.domain for node in model.graph.node} <= {""} and not model.functions  # standard operators alone
    session = pytest.importorskip("onnxruntime").InferenceSession(model.SerializeToString())
    names = [one.name for one in session.get_inputs()]

    def run(*inputs: Tensor) -> list[Any]:
        arrays = {key: value.numpy() for key, value in zip(("boxes", "logits", "ids"), inputs, strict=True)}
        results: list[Any] = session.run(None, {key: value for key, value in arrays.items() if key in names})
        return results

    return run


def apart(method: Method, boxes: Tensor, wanted: Any) -> float:
    """What a sum in another order, or the runtime's own exp, atan or pow, may change of numbers as large as these.

    Means and decays are of boxes that meet; nothing cancels in them, for scores are above 0.
    """
    of_all_rows = method in (PLAIN["complete_box_iou_loss"], PLAIN["channel_norm"])
    meets = (ptdet.box_iou(boxes, boxes) > 0).sum(1)
    terms = len(boxes) if of_all_rows or not len(boxes) else int(meets.max())
    eps = 2 * (terms + 8) * np.finfo(np.float32).eps + (np.finfo(np.float16).eps if wanted.dtype == np.float16 else 0)
    return float(eps * np.abs(wanted[np.isfinite(wanted)]).max(initial=0.0))


def assert_same(results: list[Any], method: Method, *inputs: Tensor) -> None:
    expected = torch.utils._pytree.tree_leaves(Head(method)(*inputs))
    assert len(results) == len(expected)
    for result, wanted in zip(results, (each.numpy() for each in expected), strict=True):
        assert result.dtype == wanted.dtype
        if wanted.dtype == np.int64:
            np.testing.assert_array_equal(result, wanted)
        else:
            np.testing.assert_allclose(result, wanted, rtol=0, atol=apart(method, inputs[0], wanted))


@pytest.mark.filterwarnings("ignore")  # of the exporter itself
@pytest.mark.parametrize("name", each(PLAIN))
def test_what_becomes_plain_operators(name: str) -> None:
    run = runner(PLAIN[name])
    for count in (200, 2, 57, 1000):
        assert_same(run(*given(count)), PLAIN[name], *given(count))


@pytest.mark.filterwarnings("ignore")
@pytest.mark.parametrize("name", each(WALKS))
def test_what_becomes_a_loop(name: str) -> None:
    run = runner(WALKS[name])
    for count in (200, 0, 1, 2, 57, 500):
        assert_same(run(*given(count)), WALKS[name], *given(count))


STRANGE: Method = lambda b, s, i: (  # noqa: E731
    ptdet.nms(b, s, 0.5, return_owner=True), ptdet.and_nms(b, s, 0.5, i, metric="diou", return_owner=True),
    ptdet.merge_nms(b, s, 0.5, members="overlapping"), ptdet.merge_nms(b, s, 0.5, i, members="best"),
    ptdet.soft_nms(b, s.abs(), 0.5, kind="linear", min_score=-1.0, return_owner=True),
    ptdet.soft_nms(b, s.abs(), 0.5, i, kind="linear", reselect=False),
)  # fmt: skip


@pytest.mark.slow
@pytest.mark.filterwarnings("ignore")
def test_boxes_and_scores_that_are_no_boxes_and_scores() -> None:
    run = runner(STRANGE)
    boxes, scores, ids = given(60)
    boxes[3], boxes[8, 2], boxes[15, 0] = math.nan, math.inf, -math.inf
    boxes[20:24], boxes[30], boxes[40, 2:] = boxes[20].clone(), boxes[30].flip(0), boxes[40, :2]
    scores[5], scores[50] = math.nan, math.nan
    assert_same(run(boxes, scores, ids), STRANGE, boxes, scores, ids)
    scores[[5, 50, 7, 8]] = torch.tensor([-math.inf, 0.0, math.inf, -0.0])
    assert_same(run(boxes, scores, ids), STRANGE, boxes, scores, ids)


@pytest.mark.filterwarnings("ignore")
def test_any_number_of_images() -> None:
    pytest.importorskip("onnxscript")
    runtime = pytest.importorskip("onnxruntime")
    import ptdet.onnx

    class Batch(torch.nn.Module):
        def forward(self, b: Tensor, s: Tensor) -> tuple[Tensor, ...]:
            return found(ptdet.combined_nms(b, s, 0.5, max_per_image=10))

    def batch(count: int, number: int) -> tuple[Tensor, Tensor]:
        boxes, scores = images(*given(count)[:2])
        which = torch.arange(number) % 2
        return boxes[which], scores[which]

    free = {0: torch.export.Dim("images"), 1: torch.export.Dim("rows")}
    program = ptdet.onnx.export(Batch(), batch(50, 2), verbose=False, dynamic_shapes=(free, free))
    session = runtime.InferenceSession(program.model_proto.SerializeToString())
    for count, number in ((50, 2), (31, 5), (1, 1), (7, 0), (0, 3)):
        arrays = zip(session.get_inputs(), batch(count, number), strict=True)
        results = session.run(None, {each.name: array.numpy() for each, array in arrays})
        for result, wanted in zip(results, Batch()(*batch(count, number)), strict=True):
            np.testing.assert_array_equal(result, wanted.numpy())


@pytest.mark.filterwarnings("ignore")
@pytest.mark.parametrize(
    "method, said",
    [
        (lambda b, s, i: ptdet.nmm(b, s, 0.5, i), "or use ptdet.merge_nms"),
        (lambda b, s, i: ptdet.ragged_nms(b, s, i + 2, 0.5, num_images=5), "or use ptdet.combined_nms"),
        (lambda b, s, i: ptdet.yolo.postprocess(b[None], head="v5"), "or use ptdet.combined_nms"),
        (lambda b, s, i: ptdet.non_max_suppression(b[None]), "call ptdet or ptdet.numpy on what it returns"),
        (lambda b, s, i: torch.ops.ptdet.fast_nms_walk(b, s, i, 0.5), "call ptdet.fast_nms, which is exported"),
        (lambda b, s, i: torch.ops.ptdet.graded_box_loss_backward(s, b), WAY_OUT),
        (
            lambda b, s, i: torch.ops.ptdet.yolo_filter(b[None], 0, False, False, False, 0.0, None, 0.0, 1.0),
            "call ptdet.combined_nms, which is exported",
        ),
    ],
)
def test_what_onnx_has_no_means_for(method: Method, said: str) -> None:
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
@pytest.mark.parametrize(
    "method", [PLAIN["box_iou"], WALKS["soft_nms"], lambda b, s, i: ptdet.nms(b, s, 0.5, metric="giou")]
)
def test_the_table_alone_exports_nms_and_names_what_exports_the_rest(method: Method) -> None:
    pytest.importorskip("onnxscript")
    import ptdet.onnx

    options: dict[str, Any] = {"verbose": False, "custom_translation_table": ptdet.onnx.translation_table()}
    torch.onnx.export(Head(HEADS["batched_nms"]), given(200), dynamo=True, **options)
    with pytest.raises(Exception) as raised:
        torch.onnx.export(Head(method), given(200), dynamo=True, **options)
    assert "is exported by ptdet.onnx.export" in not_implemented(raised.value)
