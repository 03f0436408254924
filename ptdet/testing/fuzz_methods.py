"""Seeded calls of the other methods, on the boxes of fuzz.py's cases."""

from collections.abc import Callable
from dataclasses import dataclass
from typing import Any

import torch
from torch import Tensor
from torch.utils import _pytree as pytree

import ptdet

from . import scenes
from .fuzz import Case, fuzz_case, strange_case


@dataclass(frozen=True)
class Call:
    """Arguments of torch.ops.ptdet.<name>, or of ptdet.<name> where there is no such operator."""

    name: str
    arguments: tuple[Any, ...]
    keywords: dict[str, Any]

    def answer(self, device: torch.device | None = None) -> list[Tensor]:
        """What it returns, its tensors moved to a device before."""
        function = getattr(torch.ops.ptdet if hasattr(torch.ops.ptdet, self.name) else ptdet, self.name)
        arguments = pytree.tree_map_only(Tensor, lambda tensor: tensor.to(device or tensor.device), self.arguments)
        return pytree.tree_leaves(function(*arguments, **self.keywords))

    def equals_the_reference(self) -> bool:
        """To the bit; NaN is NaN."""
        ours = self.answer()
        with ptdet.backend("reference"):
            theirs = self.answer()
        return all(torch.allclose(a, b, rtol=0, atol=0, equal_nan=True) for a, b in zip(ours, theirs, strict=True))


# What a method takes besides.
OPTIONS: dict[str, list[dict[str, Any]]] = {
    "or": [{}],
    "diou": [{}, {"beta": 0.6}, {"beta": 1.7}],
    "and": [{"overlap_threshold": t} for t in (0.5, 0.1, -0.2, 0.9)],
    "merge": [
        {"members": members, "weights": weights}
        for members in ("cluster", "overlapping", "later", "best")
        for weights in ("score", "score_overlap")
    ],
    "soft": [
        {"kind": kind, "reselect": reselect, **more}
        for kind, more in (("gaussian", {}), ("gaussian", {"sigma": 0.1}), ("linear", {}), ("hard", {}))
        for reselect in (True, False)
    ],
    "fast": [{}],
    "matrix": [
        {"kind": kind, "min_score": least, **more}
        for kind, more in (("gaussian", {}), ("gaussian", {"sigma": 0.5}), ("linear", {}))
        for least in (0.001, 0.3)
    ],
    "nmm": [{"members_hand_on": hand_on} for hand_on in (True, False)],
}
METHODS = ("diou", "and", "merge", "soft", "fast", "matrix", "nmm", "combined")
PADDED = tuple(kind for kind in OPTIONS if kind != "nmm")  # which combined_nms knows


def method_call(seed: int, most: int = 1200) -> Call:
    """A call of a walk other than the plain one, or of a padded batch of any; on at most so many boxes."""
    random = scenes.generator(seed * 2 + 5)

    def one_of(options: Any) -> Any:
        return options[int(torch.randint(len(options), (), generator=random))]

    method = METHODS[seed % len(METHODS)]
    kind = one_of(PADDED) if method == "combined" else method
    # soft-NMS refuses negative scores
    case = one_of((fuzz_case,) if kind == "soft" else (fuzz_case, strange_case))(seed)
    keywords = {"score_threshold": case.score_threshold, **one_of(OPTIONS[kind])}
    if kind not in ("diou", "or"):
        keywords |= {"metric": case.metric}
    if kind not in ("diou", "or", "matrix"):
        keywords |= {"inclusive": case.inclusive}
    if method == "combined":
        return _batch(case, one_of, most, {"method": kind, **keywords})
    first = slice(0, most)
    idxs = None if case.idxs is None else case.idxs[first]
    arguments: tuple[Any, ...] = (case.boxes[first], case.scores[first], idxs)
    if method != "matrix":
        arguments += (case.iou_threshold,)
    return Call(
        "nmm_walk" if method == "nmm" else f"{method}_nms_walk", arguments, {"max_output": case.max_output, **keywords}
    )


def _batch(case: Case, one_of: Callable[[Any], Any], most: int, keywords: dict[str, Any]) -> Call:
    images, classes = one_of((1, 2, 5)), one_of((1, 3))
    n = min(len(case.scores), most) // images
    boxes = case.boxes[: n * images].reshape(images, n, 4)
    scores = case.scores[: n * images].reshape(images, n)
    if classes > 1:
        scores = torch.stack([scores.roll(label, 1) for label in range(classes)], dim=2)
    limits = {"max_per_class": one_of((None, 1, 20)), "max_per_image": one_of((None, 7, 100))}
    limits["agnostic"] = one_of((False, True))
    threshold = None if keywords["method"] == "matrix" else case.iou_threshold
    return Call("combined_nms", (boxes, scores, threshold), {**keywords, **limits})
