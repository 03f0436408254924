"""Files of arrays: .npz, .npy and .pt, loaded without running anything that they hold."""

from __future__ import annotations

import json
import re
import warnings
from collections.abc import Mapping
from dataclasses import replace
from pathlib import Path
from typing import Any

import torch
from torch import Tensor

from .layouts import LISTED, Scored, read_tensor
from .predictions import FileProblem, Predictions, ReadOptions
from .space import Space

EXPECTED = f"expected boxes and scores (and labels), pred, m0_boxes and m0_scores, or one tensor: {LISTED}"


def read_npz(path: Path, options: ReadOptions) -> list[Predictions]:
    """Named arrays; `meta_json`, `ratio`, `image_size_hw` and `offsets` are understood as tests/data/README.md says."""
    _not_a(path, b"\x93NUMPY", "is no .npz archive but one array: name it .npy")
    with path.open("rb") as file, _numpy().load(file, allow_pickle=False) as stored:
        arrays = {name: stored[name] for name in stored.files}
    meta = _meta(arrays.pop("meta_json", None))
    if "image_ids" in arrays and arrays["image_ids"].dtype.kind in "iuU":
        meta["image_ids"] = arrays.pop("image_ids").flatten().tolist()
    tensors = {name: _tensor(name, array) for name, array in arrays.items() if array.dtype.kind in "fiub"}
    return read_named(path.stem, tensors, meta, options)


def read_npy(path: Path, options: ReadOptions) -> list[Predictions]:
    """One tensor."""
    _not_a(path, b"PK", "is no .npy array but an archive: name it .npz")
    array = _tensor("array", _numpy().load(path, allow_pickle=False))
    return _pictures(path.stem, read_tensor(array, options), options)


def read_pt(path: Path, options: ReadOptions) -> list[Predictions]:
    """A tensor; a list of them, one a picture; (prediction, ...) as YOLO heads return; a dict of named tensors, or a
    list of these, as torchvision's detectors return."""
    try:
        with warnings.catch_warnings():
            warnings.simplefilter("ignore")  # torch on its own old formats: nothing the reader could act on
            stored = torch.load(path, weights_only=True, map_location="cpu")
    except Exception as error:  # whatever the unpickler meets in a foreign file
        raise FileProblem("does not load as tensors, or lists and dicts of them (weights_only=True)") from error
    if isinstance(stored, (list, tuple)) and stored and isinstance(stored[0], Tensor) and stored[0].dim() == 3:
        stored = stored[0]
    if isinstance(stored, Tensor):
        return _pictures(path.stem, read_tensor(_plain("tensor", stored), options), options)
    if isinstance(stored, dict):
        return _of_dict(path.stem, stored, options)
    if not isinstance(stored, (list, tuple)) or not all(isinstance(part, (Tensor, dict)) for part in stored):
        raise FileProblem(f"holds a {type(stored).__name__}; {EXPECTED}")
    found = []
    for number, part in enumerate(stored):
        name = f"{path.stem}_{number}"
        of_tensor = isinstance(part, Tensor)
        found += (
            _pictures(name, read_tensor(_plain("tensor", part), options), options)
            if of_tensor
            else _of_dict(name, part, options)
        )
    return found


def read_named(
    name: str, tensors: Mapping[str, Tensor], meta: Mapping[str, Any], options: ReadOptions
) -> list[Predictions]:
    """The pictures in named tensors."""
    named = meta.get("classes")
    classes = options.classes or (tuple(map(str, named)) if isinstance(named, list) else ())
    options = replace(options, classes=classes)
    common: dict[str, Any] = {
        "detector": str(meta.get("detector", "")),
        "space": options.space or _space(tensors, str(meta.get("layout", ""))),
        "picture_size": _size(tensors.get("image_size_hw")),
        "category_ids": _ids(tensors) or options.category_ids,
    }
    if "boxes" in tensors and "scores" in tensors:
        scored = _scored(tensors["boxes"], tensors["scores"], tensors.get("labels"))
        if "offsets" in tensors:
            return _split(
                name, scored, tensors["offsets"].flatten().long().tolist(), {**common, "classes": classes}, meta
            )
        pictures = [scored]
    elif "m0_boxes" in tensors and "m0_scores" in tensors:
        pictures = [_ensemble(tensors)]
    else:
        bare = [key for key, value in tensors.items() if value.is_floating_point() and value.dim() in (2, 3)]
        key = "pred" if "pred" in tensors else bare[0] if len(bare) == 1 else None
        if key is None:
            raise FileProblem(f"holds {', '.join(tensors) or 'no array of numbers'}; {EXPECTED}")
        pictures = read_tensor(tensors[key], options)[1]
    found = [replace(one, **common) for one in _pictures(name, ("", pictures), options)]
    ids = meta.get("image_ids", [])
    return (
        [replace(one, image_id=own) for one, own in zip(found, ids, strict=True)] if len(ids) == len(found) else found
    )


def _of_dict(name: str, stored: Mapping[Any, Any], options: ReadOptions) -> list[Predictions]:
    tensors = {str(key): _plain(str(key), value) for key, value in stored.items() if isinstance(value, Tensor)}
    return read_named(name, tensors, {}, options)


def _pictures(name: str, read: tuple[str, list[Scored]], options: ReadOptions) -> list[Predictions]:
    found = []
    for number, one in enumerate(read[1]):
        called = name if len(read[1]) == 1 else f"{name}_{number}"
        found.append(
            Predictions(
                name=called,
                image_id=_image_id(called),
                boxes=one.boxes,
                scores=one.scores,
                labels=one.labels,
                objectness=one.objectness,
                classes=options.classes,
                category_ids=options.category_ids,
                space=options.space or Space(),
            )
        )
    return found


def _image_id(name: str) -> int | str:
    """COCO's files are called 000000000885; other names are ids as they are."""
    digits = re.search(r"(?:^|_)(\d{12})$", name)
    return int(digits[1]) if digits else name


def _scored(boxes: Tensor, scores: Tensor, labels: Tensor | None) -> Scored:
    if boxes.dim() != 2 or boxes.shape[1] != 4:
        raise FileProblem(f"boxes: expected shape (N, 4), got {tuple(boxes.shape)}")
    count = len(boxes)
    if scores.dim() not in (1, 2) or len(scores) != count:
        raise FileProblem(f"scores: expected shape ({count},) or ({count}, C), got {tuple(scores.shape)}")
    if labels is not None and (labels.shape != (count,) or scores.dim() == 2):
        raise FileProblem(f"labels: expected shape ({count},) beside scores of that shape, got {tuple(labels.shape)}")
    if not scores.is_floating_point():
        raise FileProblem(f"scores: expected floating point numbers, got {scores.dtype}")
    whole = None if labels is None else labels.to(torch.int64)
    if whole is not None and labels is not None and not bool((whole == labels).all()):
        raise FileProblem("labels: expected whole numbers")
    exact = torch.float64 if boxes.dtype in (torch.float64, torch.int64) else torch.float32
    return Scored(boxes.to(exact), scores if scores.dtype == torch.float64 else scores.float(), whole)


def _split(
    name: str, flat: Scored, offsets: list[int], common: dict[str, Any], meta: Mapping[str, Any]
) -> list[Predictions]:
    """Picture n owns the rows offsets[n]:offsets[n + 1]."""
    count = len(flat.boxes)
    if not offsets or offsets[0] != 0 or offsets[-1] != count or offsets != sorted(offsets):
        raise FileProblem(f"offsets: expected numbers that rise from 0 to {count}")
    ids = meta.get("image_ids", list(range(len(offsets) - 1)))
    if len(ids) != len(offsets) - 1:
        raise FileProblem(f"image_ids: expected {len(offsets) - 1}, got {len(ids)}")
    return [
        Predictions(
            name=f"{name}_{image_id}",
            image_id=image_id,
            boxes=flat.boxes[first:last],
            scores=flat.scores[first:last],
            labels=None if flat.labels is None else flat.labels[first:last],
            **common,
        )
        for image_id, first, last in zip(ids, offsets, offsets[1:], strict=False)
    ]


def _ensemble(tensors: Mapping[str, Tensor]) -> Scored:
    """What several models said of one picture, one after the other."""
    parts: list[Scored] = []
    while f"m{len(parts)}_boxes" in tensors:
        stem = f"m{len(parts)}"
        if f"{stem}_scores" not in tensors:
            raise FileProblem(f"has {stem}_boxes without {stem}_scores")
        parts.append(_scored(tensors[f"{stem}_boxes"], tensors[f"{stem}_scores"], tensors.get(f"{stem}_labels")))
    labels = [part.labels for part in parts if part.labels is not None]
    if len(labels) not in (0, len(parts)) or any(part.scores.dim() != 1 for part in parts):
        raise FileProblem("expected scores (N,) of each model, and labels of each or of none")
    boxes, scores = torch.cat([part.boxes for part in parts]), torch.cat([part.scores for part in parts])
    return Scored(boxes, scores, torch.cat(labels) if labels else None)


def _space(tensors: Mapping[str, Tensor], said: str) -> Space:
    """From `ratio`, else from the sentence in meta_json that tells people the unit."""
    if "ratio" in tensors:
        ratio = float(tensors["ratio"].double().mean())
        if tensors["ratio"].numel() != 1 or not 0 < ratio < float("inf"):
            raise FileProblem(f"ratio: expected one number above 0, got {tensors['ratio'].tolist()}")
        return Space("ratio", ratio=ratio)
    if re.search(r"\bnormali[sz]ed\b", said, re.IGNORECASE):
        return Space("normalised")
    size = re.search(r"network pixels ([1-9]\d*)x([1-9]\d*)|([1-9]\d*)x([1-9]\d*) network pixels", said)
    return Space("stretched", (int(size[1] or size[3]), int(size[2] or size[4]))) if size else Space()


def _ids(tensors: Mapping[str, Tensor]) -> tuple[int, ...]:
    return tuple(map(int, tensors["category_ids"].flatten())) if "category_ids" in tensors else ()


def _size(stored: Tensor | None) -> tuple[int, int] | None:
    """Width and height."""
    if stored is None:
        return None
    if stored.shape != (2,) or not bool(((stored > 0) & torch.isfinite(stored)).all()):
        raise FileProblem(f"image_size_hw: expected height and width, got {stored.tolist()}")
    return int(stored[1]), int(stored[0])


def _plain(name: str, tensor: Tensor) -> Tensor:
    """A strided tensor without history, of a type that torch can compute with."""
    if tensor.layout != torch.strided or tensor.is_quantized or tensor.is_nested:
        raise FileProblem(f"{name}: expected a dense tensor of numbers, got a {tensor.layout} one of {tensor.dtype}")
    if tensor.dtype == torch.uint64 and bool((tensor.view(torch.int64) < 0).any()):
        raise FileProblem(f"{name}: expected numbers below 2**63")
    return tensor.detach().long() if tensor.dtype in (torch.uint16, torch.uint32, torch.uint64) else tensor.detach()


def _not_a(path: Path, magic: bytes, problem: str) -> None:
    with path.open("rb") as file:
        if file.read(len(magic)) == magic:
            raise FileProblem(problem)


def _meta(stored: Any) -> dict[str, Any]:
    if stored is None:
        return {}
    try:
        meta = json.loads(str(stored))
    except ValueError as error:
        raise FileProblem("meta_json: expected JSON") from error
    return meta if isinstance(meta, dict) else {}


def _tensor(name: str, array: Any) -> Tensor:
    """A tensor of its own memory order; torch takes neither foreign byte order nor negative strides."""
    numpy = _numpy()
    if array.dtype.kind not in "fiub":
        raise FileProblem(f"{name}: expected numbers, got {array.dtype}")
    native = array.astype(array.dtype.newbyteorder("="), copy=False)
    if native.dtype.itemsize > 8:
        native = native.astype(numpy.float64)
    return _plain(name, torch.from_numpy(numpy.ascontiguousarray(native).reshape(native.shape)))


def _numpy() -> Any:
    try:
        import numpy
    except ImportError as error:
        raise FileProblem("needs NumPy to be read or written: pip install numpy") from error
    return numpy
