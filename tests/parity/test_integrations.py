"""The adapters give what the peers give, where these are installed, and by hand where not."""

from __future__ import annotations

import warnings
from pathlib import Path
from types import SimpleNamespace
from typing import Any

import numpy as np
import pytest
import torch

import ptdet
from ptdet.integrations import detectron2, ensemble_boxes, mmcv, supervision, torchvision as adapter, ultralytics
from ptdet.testing import clustered

from ..contract.test_import import python

BOXES = torch.tensor([[0.0, 0, 9, 9], [0, 0, 9, 4], [20, 0, 29, 9], [0, 0, 9, 8]])
SCORES = torch.tensor([0.9, 0.8, 0.7, 0.6])


def test_no_peer_is_imported() -> None:
    python(
        "import sys\n"
        "import ptdet.integrations.ensemble_boxes, ptdet.integrations.supervision\n"
        "assert 'torch' not in sys.modules\n"
        "import ptdet.integrations.detectron2, ptdet.integrations.mmcv\n"
        "import ptdet.integrations.torchvision, ptdet.integrations.ultralytics\n"
        "peers = {'torchvision', 'ultralytics', 'detectron2', 'mmcv', 'supervision', 'ensemble_boxes'}\n"
        "assert not peers & set(sys.modules)\n"
    )


def models(seed: int) -> tuple[list[Any], list[Any], list[Any]]:
    """Normalised boxes of three models, no score twice."""
    random = np.random.default_rng(seed)
    lists: tuple[list[Any], list[Any], list[Any]] = ([], [], [])
    for count in (40, 60, 25):
        corner = random.integers(0, 6, (count, 2)) / 8 + random.uniform(0, 0.03, (count, 2))
        side = random.uniform(0.08, 0.15, (count, 2))
        lists[0].append(np.concatenate([corner, corner + side], 1))
        lists[1].append(random.uniform(0.05, 1, count))
        lists[2].append(random.integers(0, 3, count))
    return lists


@pytest.mark.parametrize("seed", range(5))
@pytest.mark.parametrize("weights", [None, [3, 1, 2]])
def test_ensemble_boxes(seed: int, weights: list[float] | None) -> None:
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")  # numba's own
        peer = pytest.importorskip("ensemble_boxes")
    options: dict[str, Any] = {"weights": weights, "iou_thr": 0.5, "skip_box_thr": 0.1}
    kinds = ("avg", "max", "box_and_model_avg", "absent_model_aware_avg")
    for kind in kinds:
        theirs = peer.weighted_boxes_fusion(*models(seed), **options, conf_type=kind)
        ours = ensemble_boxes.weighted_boxes_fusion(*models(seed), **options, conf_type=kind)
        for one, other in zip(ours, theirs, strict=True):
            np.testing.assert_allclose(one, other, rtol=1e-5)  # theirs rounds the fused box to float32
    theirs = peer.non_maximum_weighted(*models(seed), **options)
    for one, other in zip(ensemble_boxes.non_maximum_weighted(*models(seed), **options), theirs, strict=True):
        np.testing.assert_allclose(one, other, rtol=1e-5)
    theirs = peer.nms(*models(seed), iou_thr=0.4, weights=weights)
    for one, other in zip(ensemble_boxes.nms(*models(seed), iou_thr=0.4, weights=weights), theirs, strict=True):
        np.testing.assert_array_equal(one, other)


def test_ensemble_boxes_puts_boxes_right() -> None:
    boxes, scores, labels = ensemble_boxes.nms(
        [[[0.5, 0.5, 0.1, 0.1], [-1, 0, 2, 1], [0.3, 0.3, 0.3, 0.4]]], [[0.9, 0.8, 0.7]], [[1, 0, 0]]
    )
    assert boxes.tolist() == [[0, 0, 1, 1], [0.1, 0.1, 0.5, 0.5]]
    assert scores.tolist() == [0.8, 0.9] and labels.tolist() == [0, 1]
    for call in (ensemble_boxes.weighted_boxes_fusion, ensemble_boxes.non_maximum_weighted, ensemble_boxes.nms):
        assert [len(one) for one in call([[]], [[]], [[]])] == [0, 0, 0]
        with pytest.raises(ValueError, match="scores_list"):
            call([[[0, 0, 1, 1]]], [[0.1, 0.2]], [[1]])
        with pytest.raises(ValueError, match="weights"):
            call([[]], [[]], [[]], weights=[1, 2])


def test_ensemble_boxes_soft() -> None:
    boxes = [[[0, 0, 0.5, 0.5], [0, 0, 0.5, 0.4]]]
    _, scores, _ = ensemble_boxes.soft_nms(boxes, [[0.9, 0.8]], [[0, 0]], method=1, iou_thr=0.5)
    np.testing.assert_allclose(scores, [0.9, 0.8 * 0.2])


def test_detectron2() -> None:
    assert detectron2.batched_nms(BOXES, SCORES, torch.tensor([0, 1, 0, 0]), 0.5).tolist() == [0, 1, 2]


@pytest.mark.filterwarnings("ignore:`torch.jit:FutureWarning", "ignore:`torch.jit:DeprecationWarning")
def test_detectron2_in_torchscript(tmp_path: Path) -> None:
    """What detectron2's own test asks; and that a program without ptdet's Python can load it."""
    boxes, scores = clustered(2000)
    idxs = torch.arange(2000) % 50
    path = str(tmp_path / "scripted.pt")
    torch.jit.script(detectron2.batched_nms).save(path)
    for iou in (0.2, 0.5, 0.8):
        expected = detectron2.batched_nms(boxes, scores, idxs, iou)
        assert torch.equal(torch.jit.load(path)(boxes, scores, idxs, iou), expected)


def test_mmcv_nms() -> None:
    dets, keep = mmcv.nms(BOXES, SCORES, 0.44)
    assert keep.tolist() == [0, 2] and dets.shape == (2, 5) and dets[0].tolist() == [0, 0, 9, 9, SCORES[0].item()]
    # 4/9 without the offset, 5/10 with it
    assert mmcv.nms(BOXES[:2], SCORES[:2], 0.47)[1].tolist() == [0, 1]
    assert mmcv.nms(BOXES[:2], SCORES[:2], 0.47, offset=1)[1].tolist() == [0]
    assert mmcv.nms(BOXES[:2], SCORES[:2], 0.5, offset=1)[1].tolist() == [0, 1]  # strictly above
    assert mmcv.nms(BOXES, SCORES, 0.4, score_threshold=0.75, max_num=1)[1].tolist() == [0]
    with pytest.raises(ValueError, match="offset"):
        mmcv.nms(BOXES, SCORES, 0.4, offset=2)


def test_mmcv_soft_nms() -> None:
    boxes, scores = torch.tensor([[0.0, 0, 10, 10], [0, 0, 10, 5]]), torch.tensor([0.9, 0.8])
    dets, keep = mmcv.soft_nms(boxes, scores, 0.5)  # inclusive: IoU is the threshold
    assert keep.tolist() == [0, 1] and torch.allclose(dets[:, 4], torch.tensor([0.9, 0.4]))
    assert mmcv.soft_nms(boxes, scores, 0.5, method="naive")[1].tolist() == [0]
    assert mmcv.soft_nms(boxes, scores, 0.5, min_score=0.4)[1].tolist() == [0, 1]  # drops only what is below
    assert torch.allclose(mmcv.soft_nms(boxes, scores, method="gaussian")[0][1, 4], 0.8 * torch.tensor(-0.5).exp())
    with pytest.raises(ValueError, match="method"):
        mmcv.soft_nms(boxes, scores, method="cubic")


def test_mmcv_batched_nms() -> None:
    ids = torch.tensor([0, 1, 0, 0])
    assert mmcv.batched_nms(BOXES, SCORES, ids, {"type": "nms", "iou_threshold": 0.4})[1].tolist() == [0, 1, 2]
    config = {"type": "nms", "iou_threshold": 0.4, "class_agnostic": True, "split_thr": 10}
    assert mmcv.batched_nms(BOXES, SCORES, ids, config)[1].tolist() == [0, 2]
    assert mmcv.batched_nms(BOXES, SCORES, ids, None)[1].tolist() == [0, 1, 2, 3]
    soft = mmcv.batched_nms(BOXES, SCORES, ids, {"type": "soft_nms", "iou_threshold": 0.4, "max_num": 3})
    assert soft[1].tolist() == [0, 1, 2]
    for wrong in ({"type": "fast"}, {"type": "nms", "iou_threshold": 0.5, "speed": 9}):
        with pytest.raises(ValueError, match="nms_cfg"):
            mmcv.batched_nms(BOXES, SCORES, ids, wrong)


def test_mmcv_nms_match() -> None:
    dets = torch.cat([BOXES, SCORES[:, None]], 1)
    assert [group.tolist() for group in mmcv.nms_match(dets, 0.44)] == [[0, 1, 3], [2]]
    assert mmcv.nms_match(dets[:0], 0.5) == []
    with pytest.raises(ValueError, match="dets"):
        mmcv.nms_match(BOXES, 0.5)


def test_mmcv_says_which_argument_is_no_tensor() -> None:
    array: Any = BOXES.numpy()
    with pytest.raises(TypeError, match=r"dets: expected a torch\.Tensor, got ndarray"):
        mmcv.nms_match(array, 0.5)
    with pytest.raises(TypeError, match="boxes: expected"):
        mmcv.nms(array, SCORES, 0.5, offset=1)
    with pytest.raises(TypeError, match="bboxes2: expected"):
        mmcv.bbox_overlaps(BOXES, array, offset=1)


def test_mmcv_bbox_overlaps() -> None:
    assert mmcv.bbox_overlaps(BOXES[:2], BOXES[1:2])[0, 0].item() == pytest.approx(4 / 9)
    assert mmcv.bbox_overlaps(BOXES[:2], BOXES[1:2], offset=1)[0, 0].item() == pytest.approx(0.5)
    assert mmcv.bbox_overlaps(BOXES[1:2], BOXES[:1], mode="iof", aligned=True).tolist() == [1.0]
    with pytest.raises(ValueError, match="mode"):
        mmcv.bbox_overlaps(BOXES, BOXES, mode="giou")


class Detections:
    """As much of supervision's as the adapter asks for."""

    def __init__(self, xyxy: Any, confidence: Any, class_id: Any) -> None:
        self.xyxy, self.confidence, self.class_id, self.mask, self.data = xyxy, confidence, class_id, None, {}

    def __len__(self) -> int:
        return len(self.xyxy)

    def __getitem__(self, kept: Any) -> Any:
        return Detections(self.xyxy[kept], self.confidence[kept], self.class_id[kept])


def test_supervision() -> None:
    given = Detections(BOXES.numpy()[::-1].copy(), SCORES.numpy()[::-1].copy(), np.array([0, 0, 1, 0]))
    assert supervision.with_nms(given, 0.4).confidence.tolist() == pytest.approx([0.7, 0.8, 0.9])
    assert len(supervision.with_nms(given, 0.4, class_agnostic=True)) == 2
    assert len(supervision.with_nms(given, 0.9, class_agnostic=True, overlap_metric="IOS")) == 2
    assert len(supervision.with_nms(given[:0])) == 0
    given.confidence = None
    with pytest.raises(ValueError, match="confidences"):
        supervision.with_nms(given)
    for wrong, match in ((np.zeros((2, 4)), "predictions"), ([[0]], "predictions")):
        with pytest.raises((TypeError, ValueError), match=match):
            supervision.box_non_max_suppression(wrong)  # type: ignore[arg-type]


def test_supervision_itself() -> None:
    peer = pytest.importorskip("supervision")
    for seed in range(5):
        boxes, scores = (t.numpy() for t in clustered(200, seed))
        predictions = np.column_stack([boxes, scores, np.arange(200) % 3])
        for metric in peer.detection.utils.iou_and_nms.OverlapMetric:
            theirs = peer.box_non_max_suppression(predictions, 0.5, metric)
            np.testing.assert_array_equal(supervision.box_non_max_suppression(predictions, 0.5, metric), theirs)


def raw_head() -> torch.Tensor:
    random = torch.Generator().manual_seed(0)
    head = torch.rand(2, 4 + 3 + 2, 300, generator=random)
    head[:, :2] *= 100
    head[:, 2:4] = head[:, 2:4] * 30 + 5
    return head


OPTIONS: list[dict[str, Any]] = [
    {"nc": 3}, {"nc": 3, "multi_label": True}, {"nc": 3, "agnostic": True, "max_det": 9}, {"nc": 3, "classes": [0, 2]},
    {"nc": 3, "return_idxs": True}, {"nc": 3, "conf_thres": 0.999},
]  # fmt: skip


@pytest.mark.parametrize("options", OPTIONS, ids=str)
def test_ultralytics_itself(options: dict[str, Any]) -> None:
    nms = pytest.importorskip("ultralytics.utils.nms")
    chosen = {"conf_thres": 0.6, **options}
    theirs = nms.non_max_suppression(raw_head(), **chosen)
    ours = ultralytics.non_max_suppression(raw_head(), **chosen)
    if not options.get("return_idxs"):
        theirs, ours = (theirs,), (ours,)
    for one, other in zip(ours, theirs, strict=True):
        for got, expected in zip(one, other, strict=True):
            assert torch.equal(got, expected.view(got.shape).to(got.dtype))


def test_ultralytics() -> None:
    found, rows = ultralytics.non_max_suppression([raw_head()], 0.6, nc=3, return_idxs=True)
    assert len(found) == len(rows) == 2 and found[0].shape[1] == 8
    column = raw_head()[0, :, rows[0][0]]
    assert found[0][0, 4] == column[4:7].max() and torch.equal(found[0][0, 6:], column[7:])
    finished = torch.tensor([[[0.0, 0, 1, 1, 0.9, 2], [0, 0, 1, 1, 0.1, 2]]])
    assert ultralytics.non_max_suppression(finished)[0].tolist() == finished[0, :1].tolist()
    assert ultralytics.non_max_suppression(finished, classes=[1])[0].shape == (0, 6)
    with pytest.raises(NotImplementedError, match="rotated"):
        ultralytics.non_max_suppression(raw_head(), rotated=True)
    with pytest.raises(TypeError, match="prediction"):
        ultralytics.non_max_suppression("nothing")


def test_torchvision_roi_heads() -> None:
    detection = pytest.importorskip("torchvision").models.detection
    torch.manual_seed(0)
    model = detection.fasterrcnn_mobilenet_v3_large_320_fpn(weights=None, weights_backbone=None, num_classes=5).eval()
    shapes, sizes = [(60, 80), (90, 50), (64, 64)], [120, 0, 70]
    proposals = [clustered(size, seed)[0] % 60 for seed, size in enumerate(sizes)]
    for one in proposals:
        one[:, 2:] = one[:, :2] + 10
    given = (torch.randn(190, 5), torch.randn(190, 20), proposals, shapes)
    theirs = model.roi_heads.postprocess_detections(*given)
    adapter.install(model)
    ours = model.roi_heads.postprocess_detections(*given)
    for one, other in zip(ours, theirs, strict=True):
        for got, expected in zip(one, other, strict=True):
            assert torch.equal(got, expected)
    adapter.uninstall(model)
    assert "postprocess_detections" not in vars(model.roi_heads)
    with pytest.raises(RuntimeError, match="nothing is installed"):
        adapter.uninstall(model)
    with pytest.raises(TypeError, match="RetinaNet"):
        adapter.install(torch.nn.Linear(1, 1))


def test_torchvision_retinanet() -> None:
    retinanet = pytest.importorskip("torchvision.models.detection.retinanet").RetinaNet
    coder = pytest.importorskip("torchvision.models.detection._utils").BoxCoder((1.0, 1.0, 1.0, 1.0))
    model = SimpleNamespace(
        box_coder=coder, score_thresh=0.5, nms_thresh=0.5, topk_candidates=50, detections_per_img=40
    )
    torch.manual_seed(0)
    shapes, levels = [(60, 80), (90, 50)], (80, 20)
    outputs = {"cls_logits": [torch.randn(2, n, 4) for n in levels],
               "bbox_regression": [torch.randn(2, n, 4) for n in levels]}  # fmt: skip
    anchors = [[clustered(n, n)[0] for n in levels] for _ in shapes]
    theirs = retinanet.postprocess_detections(model, outputs, anchors, shapes)
    ours = adapter.postprocess_retinanet(model, outputs, anchors, shapes)
    assert sum(len(one["scores"]) for one in ours) > 20
    for one, other in zip(ours, theirs, strict=True):
        assert all(torch.equal(one[name], other[name]) for name in other)


def test_ptdet_is_what_runs(monkeypatch: pytest.MonkeyPatch) -> None:
    calls = []
    monkeypatch.setattr(mmcv, "_nms", lambda *a, **k: calls.append(a) or ptdet.nms(*a, **k))
    mmcv.nms(BOXES, SCORES, 0.5)
    assert len(calls) == 1
