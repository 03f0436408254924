"""Whole batches of pictures on the GPU of an actor: one ragged call of torch each."""

from __future__ import annotations

from typing import Any

from .._shared.by_class import Kept
from .._shared.methods import METHODS, NAMES
from .._shared.shapes import Rotated
from ..dataset.batch import Batch, Choose, Chooser
from ..dataset.settings import Settings


def on_torch(device: str) -> Chooser:
    """What `ptdet.dataset.batch.suppress` takes for a method of BATCH_METHODS to run on this device.

    Raises:
        ImportError: there is no torch.
        RuntimeError: there is no such device, or ptdet has no kernels for it.
    """
    try:
        import torch
    except ModuleNotFoundError as error:
        raise ImportError(
            "num_gpus: the workers need torch for a GPU: pip install torch, or leave num_gpus out"
        ) from error
    from .._library.load import WHY_NOT_CUDA
    from ..ops.batch import ragged_nms

    if device == "cuda" and not torch.cuda.is_available():
        told = f"num_gpus: torch {torch.__version__} finds no GPU on this worker"
        raise RuntimeError(f"{told}: give it one and a torch with CUDA, or leave num_gpus out")
    if device == "cuda" and WHY_NOT_CUDA:
        raise RuntimeError(f"num_gpus: ptdet has no kernels for the GPU on this worker: {WHY_NOT_CUDA}")

    def chooser(batch: Batch, settings: Settings) -> Choose:
        method, labels, found = NAMES[settings.method], batch.apart(settings), batch.found

        def choose(rows: Any, iou_threshold: float) -> Kept:
            def there(array: Any) -> Any:
                return torch.tensor(array[rows], device=device)  # a copy: arrays of Arrow cannot be written to

            boxes, scores = there(found.boxes), there(found.scores)
            keep, _, *changed = ragged_nms(
                Rotated(boxes) if found.rotated else boxes,  # type: ignore[arg-type]
                scores,
                there(batch.picture),
                iou_threshold if METHODS[method].has_threshold else None,
                None if labels is None else there(labels),
                num_images=len(batch.of),
                method=method,
                **settings.options,
            )
            kept_boxes, kept_scores = boxes[keep], scores[keep]
            if METHODS[method].boxes:
                (kept_boxes,) = changed
            if METHODS[method].scores:
                (kept_scores,) = changed
            return tuple(each.cpu().numpy() for each in (kept_boxes, kept_scores, keep))  # type: ignore[return-value]

        return choose

    return chooser
