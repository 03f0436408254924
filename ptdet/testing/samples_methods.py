"""The calls that the other methods are tested with: those of plain suppression, and each method's own options."""

from collections.abc import Iterator
from dataclasses import replace
from typing import Any

import torch
from torch import Tensor

from . import scenes
from .samples import Sample, suppression


def _scene(n: int, device: torch.device, dtype: torch.dtype) -> tuple[Tensor, Tensor, Tensor]:
    boxes, scores = scenes.clustered(n, n, image=300)
    return boxes.to(device, dtype), scores.to(device, dtype), scenes.class_ids(n, "few", n).to(device)


def _with_options(
    device: torch.device, dtype: torch.dtype, threshold: float, options: list[dict[str, Any]]
) -> Iterator[Sample]:
    for n in (1, 60):
        boxes, scores, idxs = _scene(n, device, dtype)
        for keywords in options:
            yield Sample(f"{n} boxes {keywords}", (boxes, scores, None, threshold), keywords)
            yield Sample(f"{n} boxes of classes {keywords}", (boxes, scores, idxs, threshold), keywords)


def _plain(device: torch.device, dtype: torch.dtype) -> Iterator[Sample]:
    """But for the largest: the reference visits box by box."""
    return (sample for sample in suppression(device, dtype) if len(sample.arguments[0]) <= 120)


def diou(device: torch.device, dtype: torch.dtype) -> Iterator[Sample]:
    for sample in _plain(device, dtype):
        if "metric" not in sample.keywords:
            yield sample
    yield from _with_options(device, dtype, 0.4, [{"beta": 0.6}, {"beta": 2.0, "inclusive": True, "max_output": 7}])


def and_(device: torch.device, dtype: torch.dtype) -> Iterator[Sample]:
    yield from _plain(device, dtype)
    options = [{"overlap_threshold": t} for t in (-0.5, 0.0, 0.3, 0.8)]
    options += [{"overlap_threshold": 0.3, "max_output": 5}, {"inclusive": False, "score_threshold": 0.4}]
    yield from _with_options(device, dtype, 0.5, options)


def merge(device: torch.device, dtype: torch.dtype) -> Iterator[Sample]:
    yield from _plain(device, dtype)
    options: list[dict[str, Any]] = []
    for members in ("cluster", "overlapping", "later", "best"):
        for weights in ("score", "score_overlap"):
            options += [{"members": members, "weights": weights}]
        options += [{"members": members, "max_output": 4, "score_threshold": 0.2}]
    yield from _with_options(device, dtype, 0.4, options)


def nmm(device: torch.device, dtype: torch.dtype) -> Iterator[Sample]:
    yield from _plain(device, dtype)
    options = [{"members_hand_on": True, **more} for more in ({}, {"metric": "iou", "inclusive": False})]
    options += [{"members_hand_on": hand_on, "max_output": 4, "score_threshold": 0.2} for hand_on in (True, False)]
    yield from _with_options(device, dtype, 0.3, options)


def soft(device: torch.device, dtype: torch.dtype) -> Iterator[Sample]:
    for sample in _plain(device, dtype):
        yield replace(sample, keywords={"kind": "linear", **sample.keywords})
    options: list[dict[str, Any]] = []
    for kind in ("gaussian", "linear", "hard"):
        for reselect in (True, False):
            options += [{"kind": kind, "reselect": reselect, "min_score": 0.05}]
            options += [{"kind": kind, "reselect": reselect, "max_output": 6}]
    yield from _with_options(device, dtype, 0.3, options)


def fast(device: torch.device, dtype: torch.dtype) -> Iterator[Sample]:
    yield from _plain(device, dtype)
    yield from _with_options(device, dtype, 0.4, [{"max_output": 4}, {"max_output": 0}, {"inclusive": True}])


def matrix(device: torch.device, dtype: torch.dtype) -> Iterator[Sample]:
    for sample in _plain(device, dtype):
        if "inclusive" not in sample.keywords:
            boxes, scores, idxs, *rest = sample.arguments
            yield replace(sample, arguments=(boxes, scores, idxs), keywords={"kind": "linear", **sample.keywords})
    options = [{"sigma": s, "min_score": 0.05, **more} for s in (0.5, 2.0) for more in ({}, {"max_output": 6})]
    for sample in _with_options(device, dtype, 0.0, [*options, {"kind": "linear", "min_score": 0.2}]):
        yield replace(sample, arguments=sample.arguments[:3])


def wbf(device: torch.device, dtype: torch.dtype) -> Iterator[Sample]:
    for n in (0, 1, 60):
        boxes, scores, idxs = _scene(n, device, dtype)
        models = torch.arange(n, device=device) % 3
        weights = torch.tensor([2.0, 1.0, 0.5], device=device, dtype=dtype)
        yield Sample(f"{n} boxes of one model", (boxes, scores, None, None, None, 0.5))
        for conf_type in ("avg", "max", "box_and_model_avg", "absent_model_aware_avg"):
            for more in ({}, {"allows_overflow": True, "score_threshold": 0.2, "max_output": 9}):
                keywords = {"conf_type": conf_type, **more}
                yield Sample(f"{n} boxes {keywords}", (boxes, scores, idxs, models, weights, 0.4), keywords)
