"""ultralytics' non_max_suppression, without ultralytics."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

import torch
from torch import Tensor

from ..yolo import postprocess


def non_max_suppression(
    prediction: Tensor | Sequence[Any],
    conf_thres: float = 0.25,
    iou_thres: float = 0.45,
    classes: int | Sequence[int] | None = None,
    agnostic: bool = False,
    multi_label: bool = False,
    max_det: int = 300,
    nc: int = 0,
    max_time_img: float = 0.05,
    max_nms: int = 30000,
    max_wh: int = 7680,
    rotated: bool = False,
    end2end: bool = False,
    return_idxs: bool = False,
) -> Any:
    """The function of this name in ultralytics.utils, for (B, 4 + classes + extra, N) predictions.

    Args:
        prediction: or a list whose first item it is; (B, n, 6 + extra) with `end2end`, or where the last dimension is
            6, which is filtered only. Not edited.
        conf_thres, iou_thres, classes, agnostic, multi_label, max_det, nc: as there.
        max_time_img, max_nms, max_wh: taken and without effect: there is no time limit, no candidate is cut off before
            the suppression, and classes are not moved apart.
        rotated: is refused.
        return_idxs: also the index of each detection among the N.

    Returns:
        For each image (n, 6 + extra): x1, y1, x2, y2, confidence, class, extra; with `return_idxs` a pair of lists.

    Raises:
        NotImplementedError: for rotated boxes.
        TypeError, ValueError: naming the argument, what was expected and what came.
    """
    if rotated:
        raise NotImplementedError("rotated: oriented boxes are not suppressed here; call ultralytics' own for them")
    if isinstance(prediction, (list, tuple)):
        prediction = prediction[0]
    if not isinstance(prediction, Tensor):
        raise TypeError(f"prediction: expected a torch.Tensor, got {type(prediction).__name__}")
    if prediction.dim() != 3:
        raise ValueError(f"prediction: expected three dimensions, got shape {tuple(prediction.shape)}")
    if end2end or prediction.shape[-1] == 6:
        found, rows = _filtered(prediction, conf_thres, classes, max_det)
        return (found, rows) if return_idxs else found
    num_classes = nc or prediction.shape[1] - 4
    if return_idxs:
        if prediction.shape[2] > 2**24:
            raise ValueError("return_idxs: expected at most 2^24 rows, because float32 counts no further")
        wide = prediction if prediction.dtype == torch.float64 else prediction.float()
        index = torch.arange(prediction.shape[2], device=prediction.device, dtype=wide.dtype)
        prediction = torch.cat([wide, index.expand(len(wide), 1, -1)], dim=1)
    found = postprocess(
        prediction, conf_thres, iou_thres, num_classes=num_classes, classes=classes, agnostic=agnostic,
        multi_label=multi_label and num_classes > 1, max_det=max_det,
    )  # fmt: skip
    if return_idxs:
        return [one[:, :-1] for one in found], [one[:, -1].long() for one in found]
    return found


def _filtered(
    prediction: Tensor, conf_thres: float, classes: int | Sequence[int] | None, max_det: int
) -> tuple[list[Tensor], list[Tensor]]:
    passing = prediction[..., 4] > conf_thres
    if classes is not None:
        wanted = torch.as_tensor(classes, dtype=prediction.dtype, device=prediction.device).flatten()
        passing &= (prediction[..., 5:6] == wanted).any(-1)
    rows = [torch.nonzero(one)[:max_det, 0] for one in passing]
    return [one[kept].float() for one, kept in zip(prediction, rows, strict=True)], rows
