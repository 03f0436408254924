"""The post-processing of torchvision's detectors for a whole batch in one suppression; torchvision is not imported."""

from __future__ import annotations

import copy
import functools
from collections.abc import Callable
from multiprocessing.reduction import ForkingPickler
from types import MethodType
from typing import Any, SupportsIndex

import torch
from torch import Tensor, nn

from .._library.recording import is_exported
from ..ops.nms import batched_nms

__all__ = ["install", "uninstall"]

SMALLEST_SIDE = 1e-2  # as torchvision has it


def postprocess_roi_heads(
    roi_heads: Any,
    class_logits: Tensor,
    box_regression: Tensor,
    proposals: list[Tensor],
    image_shapes: list[tuple[int, int]],
) -> tuple[list[Tensor], list[Tensor], list[Tensor]]:
    """RoIHeads.postprocess_detections: boxes, scores and labels of each image.

    Args:
        roi_heads: a torchvision RoIHeads, whose thresholds and box coder are used; the others as there.
    """
    sizes = [len(one) for one in proposals]
    device, classes = class_logits.device, class_logits.shape[-1]
    images = torch.arange(len(sizes), device=device).repeat_interleave(torch.tensor(sizes, device=device))
    boxes = _clipped(roi_heads.box_coder.decode(box_regression, proposals), image_shapes, images)[:, 1:]
    scores = torch.softmax(class_logits, -1)[:, 1:]
    side = boxes[..., 2:] - boxes[..., :2]
    rows, columns = torch.nonzero((scores > roi_heads.score_thresh) & (side >= SMALLEST_SIDE).all(-1), as_tuple=True)
    boxes, scores, labels, images = boxes[rows, columns], scores[rows, columns], columns + 1, images[rows]
    places, counts = _suppressed(
        boxes, scores, labels, images, classes, len(sizes), roi_heads.nms_thresh, roi_heads.detections_per_img
    )
    found = (one[places].split(counts) for one in (boxes, scores, labels))
    of_boxes, of_scores, of_labels = (list(one) for one in found)
    return of_boxes, of_scores, of_labels


def postprocess_retinanet(
    model: Any,
    head_outputs: dict[str, list[Tensor]],
    anchors: list[list[Tensor]],
    image_shapes: list[tuple[int, int]],
) -> list[dict[str, Tensor]]:
    """RetinaNet.postprocess_detections: a dict of boxes, scores and labels for each image.

    Args:
        model: a torchvision RetinaNet, whose thresholds and box coder are used; the others as there.
    """
    parts: list[tuple[Tensor, Tensor, Tensor, Tensor]] = []
    for level, (logits, deltas) in enumerate(
        zip(head_outputs["cls_logits"], head_outputs["bbox_regression"], strict=True)
    ):
        for image, of_image in enumerate(torch.sigmoid(logits).flatten(1)):
            passing = torch.nonzero(of_image > model.score_thresh)[:, 0]
            scores, best = of_image[passing].topk(min(len(passing), model.topk_candidates))
            rows = passing[best] // logits.shape[-1]
            boxes = model.box_coder.decode_single(deltas[image][rows], anchors[image][level][rows])
            parts.append((boxes, scores, passing[best] % logits.shape[-1], torch.full_like(rows, image)))
    boxes, scores, labels, images = (torch.cat(one) for one in zip(*parts, strict=True))
    boxes = _clipped(boxes[:, None], image_shapes, images)[:, 0]
    classes = head_outputs["cls_logits"][0].shape[-1]
    places, counts = _suppressed(
        boxes, scores, labels, images, classes, len(image_shapes), model.nms_thresh, model.detections_per_img
    )
    found = zip(*(one[places].split(counts) for one in (boxes, scores, labels)), strict=True)
    return [{"boxes": b, "scores": s, "labels": label} for b, s, label in found]


DETECTION = "torchvision.models.detection"
OURS: dict[str, Callable[..., Any]] = {
    f"{DETECTION}.roi_heads.RoIHeads": postprocess_roi_heads,
    f"{DETECTION}.retinanet.RetinaNet": postprocess_retinanet,
}


def install(model: nn.Module) -> nn.Module:
    """Gives a torchvision detector, a model with RoI heads or a RetinaNet, our post-processing.

    Copies of the model have it too, and what multiprocessing sends to another process. A file has torchvision's model,
    which loads where ptdet is absent: install again after loading. What is exported, traced or scripted has
    torchvision's own post-processing. `uninstall` restores that.

    Returns:
        The model.

    Raises:
        TypeError: for another model.
    """
    target = _target(model)
    if not isinstance(target, _Installed):
        theirs: Any = type(target)
        target.__class__ = _with_ours(theirs)
    return model


def uninstall(model: nn.Module) -> nn.Module:
    """Undoes `install`, in a copy as in the model itself.

    Returns:
        The model.

    Raises:
        RuntimeError: if nothing is installed in it, as in a model that was loaded, or another changed its class since.
        TypeError: for another model.
    """
    target = _target(model)
    theirs = vars(type(target)).get("_theirs")
    if theirs is None:
        raise RuntimeError("model: nothing is installed in it, or its class was changed since")
    target.__class__ = theirs
    return model


class _Installed(nn.Module):
    """What `install` adds to the class of a part: to its class, because torch copies attributes in many ways."""

    _theirs: type[nn.Module]

    def __reduce_ex__(self, protocol: SupportsIndex) -> Any:
        reduced: Any = super().__reduce_ex__(0)
        made, (_, *rest), state = reduced  # from 2 on, it must name the class that the object has
        return made, (self._theirs, *rest), state

    def __copy__(self) -> nn.Module:
        made: nn.Module = _new(self._theirs)
        made.__setstate__(_state(self))
        return made

    def __deepcopy__(self, memo: dict[int, Any]) -> nn.Module:
        made: nn.Module = _new(self._theirs)
        memo[id(self)] = made
        made.__setstate__(copy.deepcopy(_state(self), memo))
        return made


class _PostProcessing:
    """A method of the instances; the class has torchvision's function, which is what torch.jit.script compiles."""

    def __init__(self, theirs: Any) -> None:
        self.theirs: Callable[..., Any] = theirs.postprocess_detections
        self.ours = OURS[_name_of(theirs)]

    def __get__(self, part: Any, owner: Any = None) -> Any:
        if part is None:
            return self.theirs
        return MethodType(self.theirs if is_exported() else self.ours, part)


@functools.cache
def _with_ours(theirs: Any) -> Any:
    """A subclass that looks like `theirs`, but for the post-processing of its instances."""
    body = {name: getattr(theirs, name) for name in ("__module__", "__qualname__", "__doc__")}
    made = type(theirs.__name__, (_Installed, theirs), {
        **body, "_theirs": theirs, "postprocess_detections": _PostProcessing(theirs),
    })  # fmt: skip
    ForkingPickler.register(made, _sent)
    return made


def _sent(part: _Installed) -> tuple[Any, ...]:
    """How multiprocessing takes a part to another process of this program."""
    return _new, (part._theirs,), _state(part)


def _new(theirs: Any) -> Any:
    made = _with_ours(theirs)
    return made.__new__(made)


def _state(part: _Installed) -> Any:
    return part.__reduce_ex__(0)[2]


def _target(model: Any) -> Any:
    for part in (getattr(model, "roi_heads", None), model):
        if _name_of(type(part)) in OURS:
            return part
    raise TypeError(f"model: expected a torchvision detector with RoI heads or a RetinaNet, got {type(model).__name__}")


def _name_of(theirs: type) -> str:
    """Of the class in OURS that it is or comes from. Not by methods: torchvision's SSD and FCOS have RetinaNet's."""
    names = (f"{each.__module__}.{each.__qualname__}" for each in theirs.__mro__)
    return next((name for name in names if name in OURS), "")


def _clipped(boxes: Tensor, image_shapes: list[tuple[int, int]], images: Tensor) -> Tensor:
    """(N, C, 4) within the image of each row."""
    limits = boxes.new_tensor([[w, h, w, h] for h, w in image_shapes])[images][:, None]
    return torch.minimum(boxes.clamp(min=0), limits)


def _suppressed(
    boxes: Tensor, scores: Tensor, labels: Tensor, images: Tensor, classes: int, batch: int, threshold: float, most: int
) -> tuple[Tensor, list[int]]:
    """Rows that are kept, image after image, at most so many of each, and how many of each."""
    keep = batched_nms(boxes, scores, images * classes + labels, threshold)
    order = keep[torch.sort(images[keep], stable=True).indices]
    sizes = torch.bincount(images[order], minlength=batch)
    rank = torch.arange(len(order), device=order.device) - (sizes.cumsum(0) - sizes)[images[order]]
    return order[rank < most], sizes.clamp(max=most).tolist()
