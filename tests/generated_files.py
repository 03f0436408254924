"""Seeded files of predictions in every form, and what is to be read from them: the truth comes first, then the file.

Coordinates are even whole numbers below 256 and scores are 256ths, which every type holds: what is read is compared to
the last bit.
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy
import torch

CLASSES = 6


@dataclass(frozen=True)
class Truth:
    """One picture's boxes, in float64."""

    corners: torch.Tensor  # (N, 4)
    scores: torch.Tensor  # (N,)
    labels: torch.Tensor  # (N,)
    more: torch.Tensor  # (N, 51) what else can be said of a box

    @property
    def centres(self) -> torch.Tensor:
        return torch.cat(
            [(self.corners[:, :2] + self.corners[:, 2:]) / 2, self.corners[:, 2:] - self.corners[:, :2]], 1
        )

    @property
    def angles(self) -> torch.Tensor:
        return self.more[:, :1] / 16  # -2 .. 2

    def keep(self, which: torch.Tensor) -> Truth:
        return Truth(self.corners[which], self.scores[which], self.labels[which], self.more[which])


def _each(*columns: torch.Tensor) -> torch.Tensor:
    return torch.cat([column.reshape(len(columns[0]), -1) for column in columns], 1)


def _one_hot(of: Truth) -> torch.Tensor:
    scores = torch.full((len(of.scores), CLASSES), 1 / 256, dtype=torch.float64)
    scores[torch.arange(len(scores)), of.labels.long()] = of.scores
    return scores


def _objectness(of: Truth) -> tuple[torch.Tensor, torch.Tensor]:
    """Two numbers whose product is the score: either of them is 1."""
    first = torch.where(torch.arange(len(of.scores)) % 2 == 0, of.scores, 1.0)
    return first, of.scores / first


def _with_objectness(of: Truth) -> torch.Tensor:
    objectness, scores = _objectness(of)
    return _each(of.centres, objectness, _one_hot(Truth(of.corners, scores, of.labels, of.more)))


# kept after a suppression: layout -> a row for each box. `score` says where the score is, `label` where the class is.
Rows = Callable[[Truth], torch.Tensor]
KEPT: dict[str, tuple[Rows, int | None]] = {
    "detections": (lambda of: _each(of.corners, of.scores, of.labels), 5),
    "detections, no class": (lambda of: _each(of.corners, of.scores), None),
    "detections, masks": (lambda of: _each(of.corners, of.scores, of.labels, of.more[:, :32]), 5),
    "detections, poses": (lambda of: _each(of.corners, of.scores, of.labels, of.more), 5),
    "yolox-kept": (lambda of: _each(of.corners, *_objectness(of), of.labels), 6),
    "tracked": (lambda of: _each(of.corners, torch.arange(len(of.scores)) + 1, of.scores, of.labels), 6),
    "oriented": (lambda of: _each(of.centres, of.scores, of.labels, of.angles), 5),
    "oriented-results": (lambda of: _each(of.centres, of.angles, of.scores, of.labels), 6),
    "paddle": (lambda of: _each(of.labels, of.scores, of.corners), 0),
}
# the same for all pictures of a batch, told apart by a column
NUMBERED: dict[str, Callable[[Truth, int], torch.Tensor]] = {
    "ssd": lambda of, n: _each(torch.full((len(of.scores),), n), of.labels, of.scores, of.corners),
    "yolov7-kept": lambda of, n: _each(torch.full((len(of.scores),), n), of.corners, of.labels, of.scores),
}
# a head's output: layout -> a row for each prior
HEADS: dict[str, Rows] = {
    "yolov5": _with_objectness,
    "yolov5, masks": lambda of: _each(_with_objectness(of), of.more[:, :32]),
    "yolov5-columns": _with_objectness,
    "yolov8": lambda of: _each(of.centres, _one_hot(of)),
    "yolov8, masks": lambda of: _each(of.centres, _one_hot(of), of.more[:, :32]),
    "yolov8-rows": lambda of: _each(of.centres, _one_hot(of)),
    "yolov8-rows, masks": lambda of: _each(of.centres, _one_hot(of), of.more[:, :32]),
}
NAMED = {
    "torchvision": ("boxes", "scores", "labels"),
    "detectron2": ("pred_boxes", "scores", "pred_classes"),
    "ultralytics": ("xyxy", "conf", "cls"),
    "TensorRT": ("det_boxes", "det_scores", "det_classes"),
    "mmdet": ("bboxes", "scores", "labels"),
    "centres": ("boxes", "scores", "labels"),
    "scores of classes": ("boxes", "scores", ""),
}
PADDING = ("none", "zeros", "minus one", "label")
BAD = ("none", "one inverted", "one NaN", "one half class", "one score of 7", "many inverted")
TYPES = {"float64": torch.float64, "float32": torch.float32, "float16": torch.float16, "bfloat16": torch.bfloat16}
CONTAINERS = (".npy", ".npz", ".npz strange", ".pt", ".pt dict", ".pt list", ".pt features", ".npz each")


@dataclass(frozen=True)
class Case:
    """One file and how it is asked for; `sure` where nothing but the truth is an answer, not even an error."""

    form: str
    batch: int  # 0: without a dimension for it
    padding: str
    dtype: str
    bad: str
    container: str
    arguments: tuple[str, ...]
    truth: tuple[Truth, ...]  # what is to be read, without odd rows
    odd: int
    has_labels: bool
    sure: bool
    content: Any

    def write(self, folder: Path) -> Path:
        suffix = self.container.split()[0]
        path = folder / f"x{suffix}"
        if suffix == ".pt":
            torch.save(self.content, path)
        elif suffix == ".npy":
            numpy.save(path, self.content.numpy())
        else:
            numpy.savez(path, **{name: value.numpy() for name, value in self.content.items()})
        return path

    def __str__(self) -> str:
        said = (self.form, self.batch, self.padding, self.dtype, self.bad, self.container, " ".join(self.arguments))
        return " | ".join(map(str, said)) + f" | {[len(one.scores) for one in self.truth]} boxes, {self.odd} odd"


def file_case(seed: int) -> Case:
    """The file of a seed: forms in turn, all else drawn."""
    random = numpy.random.default_rng(seed)
    forms = [*KEPT, *NUMBERED, *HEADS, *NAMED]
    form = forms[seed % len(forms)]
    pick = {"batch": int(random.choice([0, 1, 3])), "dtype": str(random.choice(list(TYPES)))}
    count = int(random.choice([1, 2, 3, 7, 20, 120, 300])) if form not in HEADS else int(random.choice([40, 130, 700]))
    bad = str(random.choice(BAD, p=[0.5, *[0.1] * 5]))
    truths = [_truth(random, count) for _ in range(max(pick["batch"], 1))]
    make = _named if form in NAMED else _numbered if form in NUMBERED else _tensor
    return make(form, random, truths, bad, **pick)


def _truth(random: Any, count: int) -> Truth:
    start = random.integers(0, 60, (count, 2)) * 2
    corners = numpy.concatenate([start, start + random.integers(1, 60, (count, 2)) * 2], 1)
    more = random.integers(-32, 33, (count, 51)) / 1.0
    scores = random.integers(64, 256, count) / 256
    parts = (corners / 1.0, scores, random.integers(0, CLASSES, count) / 1.0, more)
    return Truth(*(torch.from_numpy(numpy.ascontiguousarray(part)) for part in parts))


def _spoil(rows: torch.Tensor, bad: str, box: int, score: int | None, label: int | None, centres: bool) -> torch.Tensor:
    """Makes rows odd in place; which they are."""
    odd = torch.zeros(len(rows), dtype=torch.bool)
    one = len(rows) // 2
    if bad == "many inverted":
        odd[: max(len(rows) // 3, 1)] = True
    elif bad != "none":
        odd[one] = True
    places = torch.nonzero(odd).flatten().tolist()
    for place in places:
        if bad.endswith("inverted") and centres:
            rows[place, box + 2] = -4
        elif bad.endswith("inverted"):
            rows[place, box : box + 4] = rows[place, [box + 2, box + 3, box, box + 1]].clone()
        elif bad == "one NaN":
            rows[place, box + 1] = float("nan")
        elif bad == "one half class" and label is not None:
            rows[place, label] = 0.5
        elif bad == "one score of 7" and score is not None:
            rows[place, score] = 7
        else:
            odd[place] = False
    return odd


def _filled(rows: torch.Tensor, padding: str, total: int, score: int | None, label: int | None) -> torch.Tensor:
    if padding == "none":
        return rows
    filling = torch.full((total - len(rows), rows.shape[1]), -1.0 if padding == "minus one" else 0.0, dtype=rows.dtype)
    if padding == "label" and label is not None:
        filling[:, label] = -1
        filling[:, [place for place in range(rows.shape[1]) if place not in (label, score)]] = 8
    return torch.cat([rows, filling])


def _few(odd: int, truths: list[Truth]) -> bool:
    """Whether so few rows are odd that they may not matter: one of five, one of twenty."""
    count = sum(len(of.scores) for of in truths)
    return odd == 0 or (count >= 5 and odd <= max(1, count // 20))


def _tensor(form: str, random: Any, truths: list[Truth], bad: str, batch: int, dtype: str) -> Case:
    layout, is_head = form.split(",")[0], form in HEADS
    columns = layout in ("yolov8", "yolov5-columns")
    centres = is_head or layout.startswith("oriented")
    label = None if is_head else KEPT[form][1]
    box = 2 if form == "paddle" else 0
    # the column of a score: of a head any class will do
    score = {"paddle": 1, "yolox-kept": 5, "tracked": 5, "oriented-results": 5}.get(form, 5 if is_head else 4)
    padding = "none" if is_head else str(random.choice(PADDING if label is not None else PADDING[:3]))
    good, rows = [], []
    for of in truths:
        own = HEADS[form](of) if is_head else KEPT[form][0](of)
        odd = _spoil(own, bad, box, score, label, centres)
        good.append(of.keep(~odd))
        rows.append(_filled(own, padding, 310, score, label))
    odd_count = sum(len(of.scores) - len(kept.scores) for of, kept in zip(truths, good, strict=True))
    every = [own.to(TYPES[dtype]) for own in rows]
    every = [own.T.contiguous() if columns else own for own in every]
    whole = torch.stack(every) if batch else every[0]
    container = str(random.choice(CONTAINERS if batch > 1 else CONTAINERS[:-1]))
    if dtype == "bfloat16" and not container.startswith(".pt"):
        container = ".pt"
    content: Any = {
        ".npz": {"pred": whole},
        ".npz strange": {"904": whole},
        ".pt dict": {"output0": whole},
        ".pt list": [own[None] if batch == 3 else own for own in every],
        ".pt features": (whole, [torch.zeros(1, 3, 4, 4, 9)]),
        ".npz each": {f"picture{n}": own for n, own in enumerate(every)},
    }.get(container, whole)
    asks: list[tuple[str, ...]] = [(), ("--layout", layout)]
    if is_head:
        count = ("--num-classes", str(CLASSES))
        asks = [(), count, ("--layout", layout, *count), ("--classes", ",".join("abcdef"))]
        if "masks" not in form:
            asks.append(("--layout", layout))
    arguments = asks[int(random.integers(len(asks)))]
    sure = "--layout" in arguments and _few(odd_count, truths)
    has_labels = form != "detections, no class"
    return Case(
        form, batch, padding, dtype, bad, container, arguments, tuple(good), odd_count, has_labels, sure, content
    )


def _numbered(form: str, random: Any, truths: list[Truth], bad: str, batch: int, dtype: str) -> Case:
    good, rows = [], []
    box, score, label = (3, 2, 1) if form == "ssd" else (1, 6, 5)
    for number, of in enumerate(truths):
        own = NUMBERED[form](of, number)
        odd = _spoil(own, bad, box, score, label, centres=False)
        good.append(of.keep(~odd))
        rows.append(own)
    odd_count = sum(len(of.scores) - len(kept.scores) for of, kept in zip(truths, good, strict=True))
    padding = str(random.choice(["none", "end"]))
    end = torch.tensor([[-1.0, 0, 0, 0, 0, 0, 0]], dtype=torch.float64)
    whole = torch.cat([*rows, *([end] if padding == "end" else [])]).to(TYPES[dtype])
    whole = whole[None, None] if batch else whole
    container = ".pt" if dtype == "bfloat16" else str(random.choice([".npy", ".npz", ".pt"]))
    arguments = ("--layout", form) if random.integers(2) else ()
    sure = bool(arguments) and _few(odd_count, truths)
    content: Any = {"pred": whole} if container == ".npz" else whole
    return Case(form, batch, padding, dtype, bad, container, arguments, tuple(good), odd_count, True, sure, content)


def _named(form: str, random: Any, truths: list[Truth], bad: str, batch: int, dtype: str) -> Case:
    names = NAMED[form]
    padding = str(random.choice(PADDING)) if names[2] else "none"
    float_labels = bool(random.integers(2)) or bad == "one half class"
    good, parts = [], []
    for of in truths:
        rows = _each(of.centres if form == "centres" else of.corners, of.scores, of.labels)
        odd = _spoil(rows, bad, 0, 4, 5 if names[2] else None, form == "centres")
        good.append(of.keep(~odd))
        rows = _filled(rows, padding, 310, 4, 5)
        scores = rows[:, 4]
        if not names[2]:
            scores = _one_hot(Truth(rows[:, :4], rows[:, 4], of.labels, of.more))
        labels = rows[:, 5].to(TYPES[dtype]) if float_labels else rows[:, 5].nan_to_num(0).to(torch.int64)
        parts.append((rows[:, :4].to(TYPES[dtype]), scores.to(TYPES[dtype]), labels))
    odd_count = sum(len(of.scores) - len(kept.scores) for of, kept in zip(truths, good, strict=True))
    dicts = [{name: value for name, value in zip(names, own, strict=True) if name} for own in parts]
    batched = {name: torch.stack([own[name] for own in dicts]) for name in dicts[0]} if batch else dicts[0]
    container = str(random.choice([".npz", ".pt dict", ".pt list of dicts", ".pt positional", ".npz arr"]))
    if dtype == "bfloat16" and not container.startswith(".pt"):
        container = ".pt dict"
    content: Any = {
        ".pt list of dicts": dicts,
        ".pt positional": list(batched.values()),
        ".npz arr": {f"arr_{n}": value for n, value in enumerate(batched.values())},
    }.get(container, batched)
    arguments = ("--boxes", "cxcywh") if form == "centres" else ()
    sure = _few(odd_count, truths) and container in (".npz", ".pt dict")
    return Case(form, batch, padding, dtype, bad, container, arguments, tuple(good), odd_count, True, sure, content)
