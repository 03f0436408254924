"""Suppression as modules: settings at construction, tensors at the call; nothing to learn, nothing to save."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from pathlib import Path
from typing import Any

from torch import Tensor, nn

from .._library.arguments import check_threshold_of
from .._shared.checks import check_number_or_none
from .._shared.config import Config, load_config
from .._shared.methods import FUSIONS, METHODS, SUPPRESSIONS, method_of
from ..ops._methods import function_of
from ..ops.nms import batched_nms, nms


def _hard(boxes: Tensor, scores: Tensor, iou_threshold: float, idxs: Tensor | None = None, **options: Any) -> Any:
    if idxs is None:
        return nms(boxes, scores, iou_threshold, **options)
    return batched_nms(boxes, scores, idxs, iou_threshold, **options)


LEAST_DECAYED = 0.001  # what soft and matrix drop by themselves


_FUNCTIONS: dict[str, Callable[..., Any]] = {**{name: function_of(name) for name in METHODS}, "hard": _hard}


class NMS(nn.Module):
    """Any suppression of ptdet as a module: `NMS(iou_threshold, method)(boxes, scores, idxs)`.

    Args:
        iou_threshold: of the method; None for matrix, which has none.
        method: hard, or, diou, and, merge, cluster, soft, fast, matrix, greedy_nmm or nmm; or the name of its
            function: nms, or_nms, ...
        options: keywords of the function of that name (`nms`, `or_nms`, ...), which says what is returned.

    Raises:
        ValueError: for an unknown method, or an iou_threshold that the method has no use for.
        TypeError, ValueError: at the call, as the function.

    >>> import torch, ptdet.nn
    >>> boxes = torch.tensor([[0., 0., 10., 10.], [1., 0., 11., 10.], [20., 0., 30., 10.]])
    >>> suppress = ptdet.nn.NMS(0.5, "merge", members="overlapping")
    >>> suppress
    NMS(iou_threshold=0.5, method='merge', members='overlapping')
    >>> suppress(boxes, torch.tensor([.75, .25, .5]))[1]
    tensor([0, 2])
    """

    def __init__(self, iou_threshold: float | None = 0.5, method: str = "hard", **options: Any) -> None:
        super().__init__()
        method = method_of(method, SUPPRESSIONS)
        check_threshold_of(method, iou_threshold)
        check_number_or_none("iou_threshold", iou_threshold)
        self.iou_threshold, self.method, self.options = iou_threshold, method, options

    @classmethod
    def from_config(cls, config: Config | str | Path) -> NMS:
        """The module of what `ptdet tune` has found: a file, or what `ptdet.load_config` read of it.

        A box counts if its score is above `conf`. If it is agnostic, call it without `idxs`.

        Raises:
            ValueError, TypeError: as `load_config`; classes have thresholds of their own, or the method has a cut after
                suppression that it does not do itself.

        >>> import ptdet.nn
        >>> from ptdet.tuning import Config, Setting
        >>> ptdet.nn.NMS.from_config(Config(Setting("diou", iou=0.65, beta=0.6, conf=0.01)))
        NMS(iou_threshold=0.65, method='diou', beta=0.6, score_threshold=0.01)
        """
        found = config if isinstance(config, Config) else load_config(config)
        setting = found.setting
        if found.classes:
            raise ValueError("config: expected no classes with thresholds of their own, which a module does not have")
        options = {**setting.options, "score_threshold": setting.conf}
        row = METHODS[setting.method]
        if row.scores and "min_score" in row.options:
            options["min_score"] = max(setting.least_score, LEAST_DECAYED)
        elif setting.least_score > setting.conf:
            raise ValueError(
                f"config: min_score: {setting.method} does not cut after suppression; expected at most conf, "
                f"{setting.conf:g}, got {setting.least_score:g}"
            )
        return cls(setting.threshold if row.has_threshold else None, setting.method, **options)

    def forward(self, boxes: Tensor, scores: Tensor, idxs: Tensor | None = None) -> Any:
        threshold = () if self.iou_threshold is None else (self.iou_threshold,)
        return _FUNCTIONS[self.method](boxes, scores, *threshold, idxs, **self.options)

    def extra_repr(self) -> str:
        options = "".join(f", {name}={value!r}" for name, value in self.options.items())
        return f"iou_threshold={self.iou_threshold}, method={self.method!r}{options}"


class BoxFusion(nn.Module):
    """Fusion of several models' boxes as a module: `BoxFusion(method)(boxes_list, scores_list, labels_list)`.

    Args:
        method: wbf (weighted_boxes_fusion) or nmw (non_maximum_weighted).
        options: keywords of that function, which says what is returned.

    Raises:
        ValueError: for an unknown method.
        TypeError, ValueError: at the call, as the function.

    >>> import torch, ptdet.nn
    >>> one = [torch.tensor([[0., 0., 10., 10.]])], [torch.tensor([.5])], [torch.tensor([3])]
    >>> ptdet.nn.BoxFusion("wbf", iou_thr=0.6)(*one)
    (tensor([[ 0.,  0., 10., 10.]]), tensor([0.5000]), tensor([3]))
    """

    def __init__(self, method: str = "wbf", **options: Any) -> None:
        super().__init__()
        method = method_of(method, FUSIONS)
        self.method, self.options = method, options

    def forward(
        self, boxes_list: Sequence[Tensor], scores_list: Sequence[Tensor], labels_list: Sequence[Tensor]
    ) -> Any:
        return _FUNCTIONS[self.method](boxes_list, scores_list, labels_list, **self.options)

    def extra_repr(self) -> str:
        options = "".join(f", {name}={value!r}" for name, value in self.options.items())
        return f"method={self.method!r}{options}"
