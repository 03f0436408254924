"""ultralytics' non_max_suppression, without ultralytics; `install` puts it in the place of ultralytics' own."""

from __future__ import annotations

import inspect
import math
import threading
from collections.abc import Callable, Sequence
from importlib import import_module
from importlib.util import find_spec
from typing import Any

import torch
from torch import Tensor

from .._library.recording import is_exported
from .._shared.checks import check_limit
from ..yolo import postprocess
from ._patch import Patch

__all__ = ["install", "non_max_suppression", "uninstall"]

MODULES = ("ultralytics.utils.nms", "ultralytics.utils.ops")  # where the function is defined; ops in older versions

_lock = threading.Lock()
_active: Installation | None = None  # the last one


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
    *,
    labels: Sequence[Tensor] | None = (),
) -> Any:
    """The function of this name in ultralytics.utils, for (B, 4 + classes + extra, N) predictions.

    Args:
        prediction: or a list whose first item it is; (B, n, 6 + extra) with `end2end`, or where the last dimension is
            6, which is filtered only. Not edited.
        conf_thres, iou_thres, classes, agnostic, multi_label, max_det: as there.
        nc: 0: all rows behind the box are classes, of rotated boxes all but the last, which is the angle.
        max_nms: the best so many candidates of an image take part in the suppression; of equal confidences the lower
            rows (there: any).
        max_time_img, max_wh: taken and without effect: there is no time limit, and classes are not moved apart.
        rotated: the last row is an angle in radians from +x to +y, and the rule is Fast NMS by ProbIoU, as there.
            ProbIoU has no eps here (see docs/switching.md), and a box with a side not above 0 meets none.
        return_idxs: also the index of each detection among the N; -1 of one that `labels` gave.
        labels: for each image (n, 5) class, centre x, centre y, width, height: boxes known before, which take part with
            confidence 1; not among rotated ones. ultralytics has it, in the seventh place, up to 8.4.163.

    Returns:
        For each image (n, 6 + extra): x1, y1, x2, y2, confidence, class, extra; with `return_idxs` a pair of lists. Of
        rotated boxes the first four are centre x, centre y, width, height, and the angle is the last.

    Raises:
        TypeError, ValueError: naming the argument, what was expected and what came.
    """
    if isinstance(max_det, (list, tuple)):
        raise TypeError(
            f"max_det: expected an integer, got {type(max_det).__name__}: labels, which older versions of ultralytics "
            "have in this place, is passed by name"
        )
    max_nms = check_limit("max_nms", max_nms)
    if isinstance(prediction, (list, tuple)):
        prediction = prediction[0]
    if not isinstance(prediction, Tensor):
        raise TypeError(f"prediction: expected a torch.Tensor, got {type(prediction).__name__}")
    if prediction.dim() != 3:
        raise ValueError(f"prediction: expected three dimensions, got shape {tuple(prediction.shape)}")
    if end2end or prediction.shape[-1] == 6:
        found, rows = _filtered(prediction, conf_thres, classes, max_det)
        return (found, rows) if return_idxs else found
    num_classes, num_rows = nc or prediction.shape[1] - (5 if rotated else 4), prediction.shape[2]
    multi_label = multi_label and num_classes > 1
    if labels is not None and len(labels) and not rotated:
        prediction = _with_labels(prediction, labels, num_classes)
    if return_idxs:
        prediction = _with_numbers(prediction, num_rows, rotated)
    most = prediction.shape[2] * (num_classes if multi_label else 1)
    rule: dict[str, Any] = {"rotated": True, "method": "fast", "metric": "probiou"} if rotated else {}
    found = postprocess(
        prediction, conf_thres, iou_thres, num_classes=num_classes, classes=classes, agnostic=agnostic,
        multi_label=multi_label, pre_topk=None if max_nms is None or most <= max_nms else max_nms, max_det=max_det,
        **rule,
    )  # fmt: skip
    detections = [one[:, :-1] for one in found] if return_idxs else found
    if rotated:  # the angle behind all others
        detections = [torch.cat([one[:, :4], one[:, 5:], one[:, 4:5]], dim=1) for one in detections]
    return (detections, [one[:, -1].long() for one in found]) if return_idxs else detections


def _wide(prediction: Tensor) -> Tensor:
    return prediction if prediction.dtype == torch.float64 else prediction.float()


def _with_numbers(prediction: Tensor, num_rows: int, rotated: bool) -> Tensor:
    """A column more, the last but the angle: the number of each row, -1 from `num_rows` on."""
    if prediction.shape[2] > 2**24:
        raise ValueError("return_idxs: expected at most 2^24 rows, because float32 counts no further")
    wide = _wide(prediction)
    number = torch.arange(wide.shape[2], device=wide.device, dtype=wide.dtype)
    number[num_rows:] = -1
    columns = wide.shape[1] - (1 if rotated else 0)
    return torch.cat([wide[:, :columns], number.expand(len(wide), 1, -1), wide[:, columns:]], dim=1)


def _with_labels(prediction: Tensor, labels: Sequence[Tensor], num_classes: int) -> Tensor:
    """A row more for each label. Images have as many rows: those that stand for none are infinite, so they leave."""
    wide = _wide(prediction)
    if len(labels) != len(wide):
        raise ValueError(f"labels: expected one item for each of {len(wide)} images, got {len(labels)}")
    of_images = [torch.as_tensor(one, dtype=wide.dtype, device=wide.device) for one in labels]
    rows = wide.new_full((len(wide), wide.shape[1], max(map(len, of_images))), -math.inf)
    for image, known in enumerate(of_images):
        if len(known) == 0:
            continue
        if known.dim() != 2 or known.shape[1] != 5:
            raise ValueError(f"labels[{image}]: expected shape (n, 5), got {tuple(known.shape)}")
        numbers = known[:, 0].long()
        if bool(((numbers < 0) | (numbers >= num_classes)).any()):
            raise ValueError(f"labels[{image}]: expected classes in [0, {num_classes}), got {numbers.tolist()}")
        rows[image, :, : len(known)] = 0
        rows[image, :4, : len(known)] = known[:, 1:].T
        rows[image, 4 + numbers, torch.arange(len(known), device=wide.device)] = 1
    return torch.cat([wide, rows], dim=2)


def _filtered(
    prediction: Tensor, conf_thres: float, classes: int | Sequence[int] | None, max_det: int
) -> tuple[list[Tensor], list[Tensor]]:
    passing = prediction[..., 4] > conf_thres
    if classes is not None:
        wanted = torch.as_tensor(classes, dtype=prediction.dtype, device=prediction.device).flatten()
        passing &= (prediction[..., 5:6] == wanted).any(-1)
    rows = [torch.nonzero(one)[:max_det, 0] for one in passing]
    return [one[kept].float() for one, kept in zip(prediction, rows, strict=True)], rows


class Installation(Patch):
    """What `install` put in place. Leaving it as a context manager undoes it.

    Attributes:
        replaced: {"non_max_suppression": the places where it stood, such as "ultralytics.utils.nms..."}.
        calls: how often the function that stands there was called.
        passed_on: how many of these calls ultralytics' own answered.
    """

    def __init__(self, original: Callable[..., Any]) -> None:
        self.passed_on = 0
        self._original, self._signature = original, inspect.signature(original)
        name = non_max_suppression.__name__
        super().__init__({name: original}, {name: self._answer})

    def _answer(self, *arguments: Any, **keywords: Any) -> Any:
        given = self._signature.bind(*arguments, **keywords).arguments  # in the order that this version has
        if is_exported() or given.keys() - OURS:
            self.passed_on += 1
            return self._original(*arguments, **keywords)
        return non_max_suppression(**given)

    def undo(self) -> None:
        """Puts every name back to the very object that it was, also where it was imported to in the meantime.

        Raises:
            RuntimeError: if it is undone already.
        """
        with _lock:
            if self._undone:
                raise RuntimeError("ptdet.integrations.ultralytics: this installation is undone already")
            self._take_back()
            self._undone = True

    def __repr__(self) -> str:
        """Where it stands, how often it was called, and how often ultralytics' own answered."""
        told = super().__repr__().replace("ptdet.patch", "ptdet.integrations.ultralytics", 1)
        return f"{told}\n  {self.passed_on} calls passed on to ultralytics' own"


OURS = frozenset(inspect.signature(non_max_suppression).parameters)


def _original() -> Callable[..., Any]:
    try:
        import_module("ultralytics")
        for name in MODULES:
            if find_spec(name) is not None and hasattr(module := import_module(name), non_max_suppression.__name__):
                found: Callable[..., Any] = module.non_max_suppression
                return found
    except Exception as error:  # an ultralytics made for another torch fails in many ways
        raise ImportError(f"ptdet.integrations.ultralytics: ultralytics cannot be imported: {error}") from error
    raise ImportError(f"ptdet.integrations.ultralytics: no non_max_suppression in {' or '.join(MODULES)}")


def install() -> Installation:
    """Puts `non_max_suppression` in the place of ultralytics' own, in every module and class that holds it.

    ultralytics' own answers where ours cannot: for arguments that ours does not know, and while something is traced or
    exported. Not reached are functions kept in closures, containers or default arguments.

    Returns:
        An Installation: what was replaced and how often it was called; `undo()`, `uninstall()` and leaving it as a
        context manager take it back.

    Raises:
        RuntimeError: if it is installed already.
        ImportError: if ultralytics is not there or cannot be imported.
    """
    global _active
    with _lock:
        if _active is not None and not _active._undone:
            raise RuntimeError("ptdet.integrations.ultralytics: installed already: uninstall it first")
        installation = Installation(_original())
        installation._put_in_place()
        _active = installation
    return installation


def uninstall() -> None:
    """Undoes `install`.

    Raises:
        RuntimeError: if nothing is installed.
    """
    if _active is None or _active._undone:
        raise RuntimeError("ptdet.integrations.ultralytics: nothing is installed")
    _active.undo()
