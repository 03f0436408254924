"""One good call of every public function, and what kind of value each argument takes: for the sweeps over arguments."""

from __future__ import annotations

import inspect
from collections.abc import Callable
from typing import Any, NamedTuple

import torch

import ptdet
import ptdet.nn
import ptdet.yolo
from ptdet._shared.checks import check_flag, check_limit, check_number, check_number_or_none, check_positive
from ptdet._shared.methods import BATCH_METHODS, METHODS, Method
from ptdet._shared.parameters import PARAMETERS, parameter_of
from ptdet.testing.samples_methods import number_a_box

BOXES = torch.tensor([[0.0, 0, 5, 5], [1, 1, 6, 6], [20, 20, 25, 25]])
SCORES = torch.tensor([0.9, 0.8, 0.7])
IDS = torch.tensor([0, 0, 1])
ROW = [50.0, 50.0, 20.0, 10.0, 0.9, 4.0, -4.0]
HEAD = torch.tensor([[ROW, ROW, [90.0, 20.0, 8.0, 8.0, 0.8, 3.0, 2.0]]])  # (B, N, 5 + C)
V8 = torch.tensor([[[50.0, 51, 90], [50, 50, 20], [20, 20, 8], [10, 10, 8], [0.9, 0.8, 0.3]]])  # (B, 4 + C, N)


class Public(NamedTuple):
    call: Callable[..., Any]
    good: dict[str, Any]  # every parameter but those left out, which `test_every_parameter_is_swept` knows
    kinds: dict[str, str]  # of parameters whose name does not say it


NUMBERS = tuple(name for row in METHODS.values() for name in row.numbers)
# What values an argument takes, by its name: a row of PARAMETERS says it by its check.
_BY_CHECK = {
    check_number: "number", check_number_or_none: "number or none", check_positive: "positive", check_limit: "limit",
    check_flag: "flag",
}  # fmt: skip
KINDS = {name: _BY_CHECK.get(row.check, "choice") for name, row in PARAMETERS.items()} | {
    "boxes": "boxes", "scores": "scores", "idxs": "ids or none", "images": "images",
    "boxes1": "any boxes", "boxes2": "any boxes", "box1": "any boxes", "input": "planes", "prediction": "head",
    "boxes_list": "list of boxes", "scores_list": "list of scores", "labels_list": "list of labels",
    "match_threshold": "number", "iou_thr": "number",
    "skip_box_thr": "number", "conf_thres": "number", "iou_thres": "number", "nms_thres": "number",
    "min_size": "number", "theta": "positive", "alpha": "positive", "ratio": "positive",
    "constant": "positive", "delta": "positive", "gamma": "not negative", "eps": "epsilon",
    "norm_deg": "degree", "momentum": "share", "mean": "mean",
    "pre_topk": "limit", "max_per_class": "limit", "max_per_image": "slots", "max_det": "limit",
    "num_classes": "count of classes", "num_images": "count", "classes": "classes", "return_owner": "flag",
    "agnostic": "flag", "rotated": "flag", "multi_label": "flag", "logits": "flag", "multi_cls": "flag",
    "x1y1x2y2": "flag", "GIoU": "flag", "DIoU": "flag", "CIoU": "flag", "method": "choice",
    "fmt": "choice", "in_fmt": "choice", "out_fmt": "choice", "reduction": "choice", "base": "choice",
    "version": "choice", "head": "choice", "compat": "choice or none",
    "mode": "choice", "fun": "choice", "enclosing": "choice", "tau": "not negative",
    "normalize": "flag", "sqrt": "flag",
    "size": "size", "image_size": "sides", **dict.fromkeys(NUMBERS, "scores"),
    "image": "picture", "center": "flag", "clip": "flag", "fill": "number",
    "background": "nothing", "detections": "list of head", "offsets": "pairs", "rate": "positive",
    "letterbox": "record", "strides": "numbers", "min_sizes": "numbers", "max_sizes": "numbers or none",
    "aspect_ratios": "numbers or none", "variances": "two numbers", "locations": "rows of a head", "priors": "priors",
}  # fmt: skip

_COMMON = {"score_threshold": 0.1, "max_output": 10, "return_owner": True}
_HARD = {"boxes": BOXES, "scores": SCORES, "iou_threshold": 0.5, **_COMMON, "metric": "iou", "inclusive": False}
_IDS = {"idxs": IDS}
_PAIR = {"boxes1": BOXES, "boxes2": BOXES + 1}
_LOSS = {**_PAIR, "reduction": "none", "eps": 1e-7}
_LISTS = {"boxes_list": [BOXES, BOXES + 1], "scores_list": [SCORES, SCORES], "labels_list": [IDS, IDS]}
_FUSED = {**_LISTS, "weights": [2.0, 1.0], "iou_thr": 0.5, "skip_box_thr": 0.1, "return_owner": True}
_BATCH = {"boxes": BOXES[None], "scores": SCORES[None], "iou_threshold": 0.5, "score_threshold": 0.1,
          "max_per_image": 3, "metric": "iou", "method": "hard"}  # fmt: skip


def _tried(row: Method, option: str) -> Any:
    """A value of one of its options: of a number not the most usual."""
    if option not in PARAMETERS:
        return None
    tries = parameter_of(row.operator, option).tries
    return tries[1] if isinstance(tries[0], float) else tries[0]


def _without(good: dict[str, Any], *names: str) -> dict[str, Any]:
    return {name: value for name, value in good.items() if name not in names}


PUBLIC: dict[str, Public] = {}


def _add(name: str, call: Callable[..., Any], good: dict[str, Any], **kinds: str) -> None:
    PUBLIC[name] = Public(call, good, kinds)


_add("nms", ptdet.nms, {**_HARD, "compat": None})
_add("batched_nms", ptdet.batched_nms, {**_HARD, **_IDS, "compat": None}, idxs="ids")
_GOOD = {**_HARD, **_IDS, "match_threshold": 0.5, "compat": None}
for _method, _row in METHODS.items():
    _function = getattr(ptdet, _row.function)
    if _method != "hard" and not _row.of_models:  # above, and below
        _names = inspect.signature(_function).parameters
        _numbers = dict.fromkeys(_row.numbers, number_a_box(SCORES))
        _add(_row.function, _function, {each: ({**_GOOD, **_numbers}).get(each, _tried(_row, each)) for each in _names})
_add("cluster_nms", ptdet.cluster_nms, {**PUBLIC["cluster_nms"].good, "beta": 0.6, "metric": "diou"})
_add("weighted_boxes_fusion", ptdet.weighted_boxes_fusion,
     {**_FUSED, "conf_type": "avg", "allows_overflow": False}, weights="list of positive")  # fmt: skip
_add("non_maximum_weighted", ptdet.non_maximum_weighted, _FUSED, weights="list of positive")
_add("combined_nms", ptdet.combined_nms, {**_BATCH, "max_per_class": 3, "agnostic": False, "background": None},
     boxes="boxes of images", scores="scores of images")  # fmt: skip
for _method in BATCH_METHODS:
    _row = METHODS[_method]
    _options = {each: _tried(_row, each) for each in _row.options}
    _threshold = 0.5 if _row.has_threshold else None
    _kinds = {"iou_threshold": "number" if _threshold else "nothing"}
    _add(f"combined_nms {_method}", ptdet.combined_nms,
         {"boxes": BOXES[None], "scores": SCORES[None], "iou_threshold": _threshold, "method": _method, **_options},
         boxes="boxes of images", scores="scores of images", **_kinds)  # fmt: skip
    _add(f"ragged_nms {_method}", ptdet.ragged_nms,
         {"boxes": BOXES, "scores": SCORES, "images": IDS, "num_images": 2, "idxs": IDS, "iou_threshold": _threshold,
          "method": _method, **_options}, **_kinds)  # fmt: skip
_add("ragged_nms", ptdet.ragged_nms,
     {**_without(_BATCH, "boxes", "scores"), "boxes": BOXES, "scores": SCORES, "images": IDS, "num_images": 2,
      "idxs": IDS}, max_per_image="limit")  # fmt: skip
_add("non_max_suppression", ptdet.non_max_suppression,
     {"prediction": HEAD, "conf_thres": 0.3, "nms_thres": 0.5, "multi_cls": True, "method": "vision",
      "max_per_class": 10})  # fmt: skip
_add("yolo.postprocess", ptdet.yolo.postprocess,
     {"prediction": V8, "conf_thres": 0.25, "iou_thres": 0.45, "head": "v8", "num_classes": 1, "classes": [0],
      "agnostic": False, "multi_label": False, "logits": False, "pre_topk": None, "max_det": 300, "metric": "iou",
      "inclusive": False, "rotated": False, "method": "hard"})  # fmt: skip
_add("merge_tiles", ptdet.merge_tiles,
     {"detections": [torch.cat([BOXES, SCORES[:, None], SCORES[:, None].round()], 1)], "offsets": [[0, 0]], "rate": 1,
      "iou_threshold": 0.1, "rotated": False, "metric": "iou", "inclusive": False})  # fmt: skip
_add("pairwise_overlap", ptdet.pairwise_overlap, {**_PAIR, "kind": "giou", "eps": 1e-7, "fmt": "xyxy"}, boxes1="rows",
     boxes2="rows")  # fmt: skip
for _name in ("box_iou", "generalized_box_iou", "box_iof", "box_ios"):
    _add(_name, getattr(ptdet, _name), {**_PAIR, "fmt": "xyxy"}, boxes1="rows", boxes2="rows")
for _name in ("distance_box_iou", "complete_box_iou"):
    _add(_name, getattr(ptdet, _name), {**_PAIR, "eps": 1e-7, "fmt": "xyxy"}, boxes1="rows", boxes2="rows")
_add("overlap", ptdet.overlap, {**_PAIR, "kind": "giou", "eps": 1e-7, "fmt": "xyxy"})
_add("bbox_iou", ptdet.bbox_iou,
     {"box1": BOXES[0], "boxes2": BOXES, "x1y1x2y2": True, "GIoU": False, "DIoU": False, "CIoU": False},
     box1="one box", boxes2="matrix")  # fmt: skip
_LOSS_OPTIONS: dict[str, dict[str, Any]] = {
    "box_iou_loss": {}, "generalized_box_iou_loss": {}, "distance_box_iou_loss": {}, "complete_box_iou_loss": {},
    "efficient_iou_loss": {}, "focal_efficient_iou_loss": {"gamma": 0.5}, "scylla_iou_loss": {"theta": 4.0},
    "alpha_iou_loss": {"alpha": 3.0, "base": "iou"}, "mpd_iou_loss": {"image_size": (30, 40)},
    "inner_iou_loss": {"ratio": 0.75, "base": "iou"}, "normalized_wasserstein_loss": {"constant": 12.8},
    "wise_iou_loss": {"version": 3, "mean": 0.5, "gamma": 0.5, "alpha": 1.9, "delta": 3.0},
}  # fmt: skip
for _name, _own in _LOSS_OPTIONS.items():
    _add(_name, getattr(ptdet, _name), {**_LOSS, **_own})
_add("box_area", ptdet.box_area, {"boxes": BOXES, "fmt": "xyxy"}, boxes="boxes alone")
_add("box_convert", ptdet.box_convert, {"boxes": BOXES, "in_fmt": "xyxy", "out_fmt": "xywh"}, boxes="boxes alone")
_add("clip_boxes_to_image", ptdet.clip_boxes_to_image, {"boxes": BOXES, "size": (4, 8)}, boxes="boxes alone")
_add("remove_small_boxes", ptdet.remove_small_boxes, {"boxes": BOXES, "min_size": 2}, boxes="matrix")
_FITTED = ptdet.Letterbox.fit((40, 80), 64)
_add("letterbox", ptdet.letterbox, {"image": torch.zeros(3, 4, 8), "size": (8, 8), "center": True, "fill": 114},
     size="size of a letterbox")  # fmt: skip
_add(
    "unletterbox",
    ptdet.unletterbox,
    {"boxes": BOXES, "letterbox": _FITTED, "clip": True, "rotated": False},
    boxes="detections",
)
_add("decode_yolox", ptdet.decode_yolox, {"prediction": HEAD, "size": (8, 24), "strides": [8]}, prediction="raw head",
     size="size of a grid", strides="size of a grid")  # fmt: skip
_add("prior_boxes", ptdet.prior_boxes,
     {"size": (16, 32), "strides": [8, 16], "min_sizes": [[4, 6], 8], "max_sizes": [None, 9],
      "aspect_ratios": [[2], None], "clip": False}, size="size of a letterbox")  # fmt: skip
_add("decode_ssd", ptdet.decode_ssd, {"locations": BOXES, "priors": BOXES + 0.5, "variances": [0.1, 0.2]})
_add("channel_norm", ptdet.channel_norm, {"input": BOXES[None], "norm_deg": 2})


def _module(name: str, options: dict[str, Any], call: dict[str, Any], **kinds: str) -> None:
    def run(**keywords: Any) -> Any:
        made = getattr(ptdet.nn, name)(**{key: value for key, value in keywords.items() if key not in call})
        return made(**{key: value for key, value in keywords.items() if key in call})

    _add(f"nn.{name}", run, {**options, **call}, **kinds)


for _name, _loss in {
    "IoULoss": "box_iou_loss", "GIoULoss": "generalized_box_iou_loss", "DIoULoss": "distance_box_iou_loss",
    "CIoULoss": "complete_box_iou_loss", "EIoULoss": "efficient_iou_loss", "FocalEIoULoss": "focal_efficient_iou_loss",
    "SIoULoss": "scylla_iou_loss", "AlphaIoULoss": "alpha_iou_loss", "MPDIoULoss": "mpd_iou_loss",
    "InnerIoULoss": "inner_iou_loss", "NWDLoss": "normalized_wasserstein_loss", "WIoULoss": "wise_iou_loss",
}.items():  # fmt: skip
    _own = {**_without(_LOSS_OPTIONS[_loss], "mean"), **({"momentum": 0.1} if _name == "WIoULoss" else {})}
    _module(_name, {**_own, "reduction": "mean", "eps": 1e-7}, _PAIR)
ROTATED = torch.cat([BOXES, SCORES[:, None]], 1)
_TURNED = {"boxes1": ROTATED, "boxes2": torch.cat([BOXES + 1, SCORES[:, None]], 1)}
for _name, _own in {
    "RotatedIoULoss": {"mode": "linear", "eps": 1e-6}, "RotatedGIoULoss": {"enclosing": "hull"},
    "RotatedDIoULoss": {"enclosing": "hull"}, "ProbIoULoss": {"mode": "l1"}, "KFIoULoss": {"fun": "none", "eps": 1e-6},
    "GWDLoss": {"fun": "log1p", "tau": 1.0, "alpha": 1.0, "normalize": True},
    "KLDLoss": {"fun": "log1p", "tau": 1.0, "alpha": 1.0, "sqrt": True},
}.items():  # fmt: skip
    _module(_name, {**_own, "reduction": "mean"}, _TURNED, eps="positive")
_module("ChannelNorm", {"norm_deg": 2}, {"input": BOXES[None]})
_module("NMS", {"iou_threshold": 0.5, "method": "hard", "max_output": 10}, {"boxes": BOXES, "scores": SCORES, **_IDS})
_module("BoxFusion", {"method": "wbf", "iou_thr": 0.5}, _LISTS)

for _row in (METHODS[_method] for _method in METHODS):  # signatures are those of ptdet
    if _row.function != "nms" and not _row.of_models:
        _add(f"rotated.{_row.function}", getattr(ptdet.rotated, _row.function),
             {**PUBLIC[_row.function].good, "boxes": ROTATED})  # fmt: skip

# Names of ptdet.__all__ and its modules that take nothing that a sweep could spoil, and why.
LEFT_OUT = {
    "Letterbox": "tests/unit/test_letterbox.py", "evaluate": "tests/unit/test_evaluation.py, by a sweep of its own",
    "tune": "tests/unit/test_tuning.py", "load_config": "tests/unit/test_config.py",
    "__version__": "a text", "Patch": "what patch returns",
    "backend": "tests/parity/test_nms_parity.py", "patch": "tests/contract/test_patch.py", "register": "takes nothing",
    "build_info": "takes nothing", "ChannelNormFunction": "asks nothing, as its docstring says",
}  # fmt: skip
