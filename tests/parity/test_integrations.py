"""The adapters give what the peers give, where these are installed, and by hand where not."""

from __future__ import annotations

import warnings
from pathlib import Path
from types import SimpleNamespace
from typing import Any

import numpy as np
import pytest
import torch

import ptdet.numpy
from ptdet.integrations import detectron2, ensemble_boxes, mmcv, supervision, torchvision as adapter
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


@pytest.mark.parametrize("nothing", range(3))
@pytest.mark.parametrize("kind", ["avg", "max"])
def test_ensemble_boxes_of_a_model_that_weighs_nothing(nothing: int, kind: str) -> None:
    """As the original while no two boxes of that model meet; where they do, it makes the fused box NaN."""
    given = models(1)
    boxes, scores, _ = (one[nothing] for one in given)
    apart = ptdet.numpy.nms(boxes, scores, 0.0)
    for one in given:
        one[nothing] = one[nothing][apart]
    options: dict[str, Any] = {"weights": [2, 3, 1], "conf_type": kind}
    options["weights"][nothing] = 0
    ours = ensemble_boxes.weighted_boxes_fusion(*given, **options)
    both = [[[0, 0, 0.5, 0.5], [0, 0, 0.5, 0.48]]], [[0.9, 0.8]], [[1, 1]]
    for call in FUSIONS:
        fused, confidences, _ = call(*(one * 2 for one in both), weights=[0, 1])
        assert np.isfinite(fused).all() and confidences[0] > 0.5
        alone = call(*(one + [[]] for one in both), weights=[0, 1])
        assert np.isfinite(alone[0]).all() and alone[1].tolist() == pytest.approx([0])
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")  # numba's own
        peer = pytest.importorskip("ensemble_boxes")
    theirs = peer.weighted_boxes_fusion(*given, **options)
    some = theirs[1] > 0
    assert some.sum() > 20 and not some.all() and len(some) == len(ours[1])
    for one, other in zip(ours, theirs, strict=True):
        np.testing.assert_allclose(one[some], other[some], rtol=1e-5)


FUSIONS = (ensemble_boxes.weighted_boxes_fusion, ensemble_boxes.non_maximum_weighted)
ENSEMBLE = (*FUSIONS, ensemble_boxes.nms, ensemble_boxes.soft_nms, ensemble_boxes.nms_method)


@pytest.mark.parametrize("weights", [[0, 0], [-1, 1], [float("nan"), 1], [float("inf"), 1]], ids=str)
@pytest.mark.parametrize("call", ENSEMBLE)
def test_ensemble_boxes_weights_that_give_nonsense(call: Any, weights: list[float]) -> None:
    """The original divides by their sum or largest and gives NaN, infinities or negative confidences."""
    with pytest.raises(ValueError, match="weights: expected"):
        call([[[0, 0, 1, 1]]] * 2, [[0.9]] * 2, [[1]] * 2, weights=weights)
    with pytest.raises(TypeError, match="weights: expected"):
        call([[[0, 0, 1, 1]]] * 2, [[0.9]] * 2, [[1]] * 2, weights=["1", 1])


@pytest.mark.parametrize("call", ENSEMBLE)
def test_ensemble_boxes_says_what_it_did_to_boxes(call: Any) -> None:
    pixels = [[[10, 10, 200, 100], [0.1, 0.1, 0.5, 0.5], [0.3, 0.1, 0.2, 0.2]], [[0.2, 0.2, 0.2, 0.4]]]
    given = pixels, [[0.9, 0.8, 0.7], [0.6]], [[1, 1, 2], [1]]
    with pytest.warns(UserWarning) as told:
        call(*given)
    assert len(told) == 1 and told[0].filename == __file__
    assert str(told[0].message).startswith(
        "boxes: of 4, 1 had their corners swapped, 1 reached outside [0, 1] and were clipped, 2 had no area then, or "
        "NaN, and were left out. They are expected in [0, 1]: divide pixels by the width and height"
    )
    call([[[0, 0, 1, 1]]], [[0.9]], [[1]])  # without a word
    if call in FUSIONS:  # boxes that take no part are not told of
        call(*given, skip_box_thr=0.95)


def test_ensemble_boxes_puts_boxes_right() -> None:
    with pytest.warns(UserWarning, match="boxes: of 3, 1 had"):
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


def test_mmcv_old_name_of_the_threshold() -> None:
    for call in (mmcv.nms, mmcv.soft_nms):
        with pytest.warns(DeprecationWarning, match="iou_thr is called iou_threshold now") as told:
            found = call(BOXES, SCORES, iou_thr=0.4)
        assert told[0].filename == __file__
        assert torch.equal(found[0], call(BOXES, SCORES, iou_threshold=0.4)[0])
        with pytest.raises(TypeError, match="iou_thr: expected it or iou_threshold, got both"):
            call(BOXES, SCORES, iou_threshold=0.4, iou_thr=0.4)
    ids = torch.tensor([0, 1, 0, 0])
    with pytest.warns(DeprecationWarning, match="nms_cfg: iou_thr"):
        assert mmcv.batched_nms(BOXES, SCORES, ids, {"iou_thr": 0.4})[1].tolist() == [0, 1, 2]


WRONG_ENTRIES: list[tuple[Any, str]] = [
    ({"type": "nms"}, "nms_cfg: expected iou_threshold, got type"),
    ({}, "nms_cfg: expected iou_threshold, got nothing"),
    ({"iou_threshold": None}, "iou_threshold: expected a number, got None"),
    ({"type": "soft_nms", "iou_threshold": None}, "iou_threshold: expected a number, got None"),
    ({"iou_threshold": 0.5, "score_threshold": None}, "score_threshold: expected a number, got None"),
    ({"iou_threshold": 0.5, "max_num": None}, "max_num: expected an integer, got None"),
    ({"iou_threshold": 0.5, "max_num": 2.5}, "max_num: expected an integer, got float"),
    ({"type": "soft_nms", "max_num": None}, "max_num: expected an integer, got None"),
    ({"iou_threshold": 0.5, "offset": None}, "offset: expected 0 or 1, got None"),
    ({"type": "soft_nms", "sigma": None}, "sigma: expected a number, got None"),
    ({"type": "soft_nms", "min_score": None}, "min_score: expected a number, got None"),
    ({"type": "soft_nms", "method": None}, "method: expected one of naive"),
    ({"type": None, "iou_threshold": 0.5}, "nms_cfg: expected type nms, soft_nms or nms_rotated, got None"),
    ({"iou_threshold": 0.5, "sigma": 0.5}, "nms_cfg: sigma is not known"),
    (0.5, "nms_cfg: expected a dict or None, got float"),
]


@pytest.mark.parametrize(("config", "match"), WRONG_ENTRIES, ids=str)
def test_mmcv_says_which_entry_is_wrong(config: Any, match: str) -> None:
    with pytest.raises((TypeError, ValueError), match=match):
        mmcv.batched_nms(BOXES, SCORES, torch.zeros(4), config)


def test_mmcv_entries_of_none_that_mmcv_takes() -> None:
    config = {"iou_threshold": 0.4, "class_agnostic": None, "split_thr": None}
    assert mmcv.batched_nms(BOXES, SCORES, torch.tensor([0, 1, 0, 0]), config)[1].tolist() == [0, 1, 2]


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


def test_supervision_merges() -> None:
    """Hulls, confidences weighted by area, and the best one's class; class after class."""
    boxes = np.array([[0.0, 0, 10, 10], [0, 0, 10, 6], [40, 0, 50, 10], [0, 0, 12, 10], [40, 0, 50, 0]])
    given = Detections(boxes, np.array([0.8, 0.5, 0.7, 0.9, 0.6]), np.array([0, 0, 1, 0, 1]))
    rows = np.column_stack([boxes, given.confidence, given.class_id])
    assert supervision.box_non_max_merge(rows, 0.5) == [[3, 0, 1], [2], [4]]  # IoU 10/12 and 6/12, which joins
    assert supervision.box_non_max_merge(rows[:, :5], 0.51) == [[3, 0], [2], [4], [1]]
    assert supervision.box_non_max_merge(rows[:0]) == []
    found = supervision.with_nmm(given, 0.5)
    assert found.xyxy.tolist() == [[0, 0, 12, 10], [40, 0, 50, 10], [40, 0, 50, 0]]
    np.testing.assert_allclose(found.confidence, [(120 * 0.9 + 100 * 0.8 + 60 * 0.5) / 280, 0.7, 0.6])
    assert found.class_id.tolist() == [0, 1, 1]
    flat = Detections(boxes[[4, 4]], np.array([0.4, 0.6]), np.array([1, 1]))
    assert supervision.with_nmm(flat, 0.0).confidence.tolist() == [0.6]  # no area to weigh by
    unknown = Detections(boxes, np.array([0.8, 0.5, np.nan, 0.9, 0.6]), np.array([0, 0, 1, 0, 1]))
    assert supervision.with_nmm(unknown, 0.5).class_id.tolist() == [0, 1, 1]
    assert len(supervision.with_nmm(given[:0])) == 0
    given.mask = np.ones((5, 4, 4))
    for call in (supervision.with_nms, supervision.with_nmm):
        with pytest.raises(NotImplementedError, match="masks"):
            call(given)


def test_supervision_itself() -> None:
    peer = pytest.importorskip("supervision")
    for seed in range(5):
        boxes, scores = (t.numpy() for t in clustered(200, seed))
        predictions = np.column_stack([boxes, scores, np.arange(200) % 3])
        found = peer.Detections(
            boxes, confidence=scores, class_id=np.arange(200) % 3, tracker_id=np.arange(200),
            data={"name": np.array([f"box {i}" for i in range(200)])},
        )  # fmt: skip
        for metric in peer.detection.utils.iou_and_nms.OverlapMetric:
            theirs = peer.box_non_max_suppression(predictions, 0.5, metric)
            np.testing.assert_array_equal(supervision.box_non_max_suppression(predictions, 0.5, metric), theirs)
            assert supervision.box_non_max_merge(predictions, 0.5, metric) == (
                peer.box_non_max_merge(predictions, 0.5, metric)
            )
            for agnostic in (False, True):
                one, other = supervision.with_nmm(found, 0.5, agnostic, metric), found.with_nmm(0.5, agnostic, metric)
                np.testing.assert_array_equal(one.xyxy, other.xyxy)
                np.testing.assert_allclose(one.confidence, other.confidence, rtol=1e-6)  # float32 of a sum of floats
                for name in ("class_id", "tracker_id"):
                    np.testing.assert_array_equal(getattr(one, name), getattr(other, name))
                np.testing.assert_array_equal(one.data["name"], other.data["name"])


@pytest.mark.parametrize("metric", ["ios", "iou"])
def test_sahi_itself(metric: str) -> None:
    """The same groups, greedy or not."""
    combine = pytest.importorskip("sahi.postprocess.combine")
    pytest.importorskip("sahi.postprocess.backends").set_postprocess_backend("numpy")
    for seed in range(3):
        boxes, scores = (each.numpy() for each in clustered(200, seed))
        rows = np.column_stack([boxes, scores, np.zeros(200)])
        for ours, theirs in ((ptdet.numpy.greedy_nmm, combine.greedy_nmm), (ptdet.numpy.nmm, combine.nmm)):
            _, keep, owner = ours(boxes, scores, 0.5, metric=metric, return_owner=True)
            groups = theirs(rows, metric.upper(), 0.5)
            assert list(groups) == keep.tolist() and max(map(len, groups.values())) > 1
            for kept, members in groups.items():
                assert sorted([kept, *members]) == np.flatnonzero(owner == kept).tolist()


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
