"""The adapters take what the originals take: the same names, in the same order, with the same defaults."""

from __future__ import annotations

import inspect
import warnings
from collections.abc import Callable
from functools import reduce
from importlib import import_module
from typing import Any

import pytest

# The originals' signatures, of the version that is named; where that package is installed, its own are held to them.
ENSEMBLE = "boxes_list, scores_list, labels_list, weights=None, iou_thr=0.55, skip_box_thr=0.0"
ORIENTED = "predictions, oriented_boxes, iou_threshold=0.5, overlap_metric='IOU'"
DETECTIONS = "self, threshold=0.5, class_agnostic=False, overlap_metric='IOU'"
ORIGINALS = {
    "mmcv": ("2.2.0", {
        "ops.nms": "boxes, scores, iou_threshold, offset=0, score_threshold=0, max_num=-1",
        "ops.soft_nms": "boxes, scores, iou_threshold=0.3, sigma=0.5, min_score=0.001, method='linear', offset=0",
        "ops.batched_nms": "boxes, scores, idxs, nms_cfg, class_agnostic=False",
        "ops.nms_match": "dets, iou_threshold",
        "ops.bbox_overlaps": "bboxes1, bboxes2, mode='iou', aligned=False, offset=0",
        "ops.box_iou_rotated": "bboxes1, bboxes2, mode='iou', aligned=False, clockwise=True",
        "ops.nms_rotated": "dets, scores, iou_threshold, labels=None, clockwise=True",
    }),
    "detectron2": ("0.6", {
        "layers.batched_nms": "boxes, scores, idxs, iou_threshold",
        "layers.batched_nms_rotated": "boxes, scores, idxs, iou_threshold",
        "layers.nms_rotated": "boxes, scores, iou_threshold",
        "layers.pairwise_iou_rotated": "boxes1, boxes2",
    }),
    "ensemble_boxes": ("1.0.9", {
        "weighted_boxes_fusion": f"{ENSEMBLE}, conf_type='avg', allows_overflow=False",
        "non_maximum_weighted": ENSEMBLE,
        "nms": "boxes, scores, labels, iou_thr=0.5, weights=None",
        "soft_nms": "boxes, scores, labels, method=2, iou_thr=0.5, sigma=0.5, thresh=0.001, weights=None",
        "nms_method": "boxes, scores, labels, method=3, iou_thr=0.5, sigma=0.5, thresh=0.001, weights=None",
    }),
    "supervision": ("0.31.2", {
        "box_non_max_suppression": "predictions, iou_threshold=0.5, overlap_metric='IOU'",
        "box_non_max_merge": "predictions, iou_threshold=0.5, overlap_metric='IOU'",
        "oriented_box_iou_batch": "boxes_true, boxes_detection, overlap_metric='IOU'",
        "oriented_box_non_max_suppression": ORIENTED,
        "oriented_box_non_max_merge": ORIENTED,
        "Detections.with_nms": DETECTIONS,
        "Detections.with_nmm": DETECTIONS,
    }),
    "ultralytics": ("8.4.190", {
        "utils.nms.non_max_suppression": "prediction, conf_thres=0.25, iou_thres=0.45, classes=None, agnostic=False, "
        "multi_label=False, max_det=300, nc=0, max_time_img=0.05, max_nms=30000, max_wh=7680, rotated=False, "
        "end2end=False, return_idxs=False",
    }),
}  # fmt: skip
OWN = {"install", "uninstall"}
CASES = [(package, path) for package, (_, functions) in ORIGINALS.items() for path in functions]


def told(function: Callable[..., Any]) -> str:
    """The parameters that may be given by place; an enumeration's member by its value."""
    shown = []
    for name, one in inspect.signature(function).parameters.items():
        if one.kind is not one.KEYWORD_ONLY:
            default = getattr(one.default, "value", one.default)
            shown.append(name if one.default is one.empty else f"{name}={default!r}")
    return ", ".join(shown)


@pytest.mark.parametrize(("package", "path"), CASES)
def test_ours(package: str, path: str) -> None:
    function = getattr(import_module(f"ptdet.integrations.{package}"), path.rpartition(".")[2])
    given = ORIGINALS[package][1][path]
    assert told(function) == (given.replace("self", "detections") if path.startswith("Detections.") else given)
    more = {name for name, one in inspect.signature(function).parameters.items() if one.kind is one.KEYWORD_ONLY}
    assert more == ({"labels"} if package == "ultralytics" else set())


@pytest.mark.parametrize(("package", "path"), CASES)
def test_theirs(package: str, path: str) -> None:
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")  # of its import
        root = pytest.importorskip(package)
        if package == "ultralytics":
            root.utils.nms = pytest.importorskip("ultralytics.utils.nms")
        original = reduce(getattr, path.split("."), root)
    assert told(original) == ORIGINALS[package][1][path]


@pytest.mark.parametrize("package", ORIGINALS)
def test_all_are_listed(package: str) -> None:
    module = import_module(f"ptdet.integrations.{package}")
    public = {
        name for name, value in vars(module).items()
        if inspect.isfunction(value) and value.__module__ == module.__name__ and not name.startswith("_")
    }  # fmt: skip
    assert public - OWN == {path.rpartition(".")[2] for path in ORIGINALS[package][1]}
