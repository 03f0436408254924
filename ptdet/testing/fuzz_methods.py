"""Seeded calls of the other methods, on the boxes of fuzz.py's cases."""

from collections.abc import Callable
from dataclasses import dataclass
from typing import Any

import torch
from torch import Tensor
from torch.utils import _pytree as pytree

import ptdet

from .._library.signatures import SIGNATURES
from .._shared.methods import BATCH_METHODS, METHODS
from .._shared.parameters import parameter_of
from . import scenes
from .fuzz import Case, fuzz_case, strange_case
from .samples_methods import OF_ALL, OPERATORS, tensors_of


@dataclass(frozen=True)
class Call:
    """Arguments of torch.ops.ptdet.<name>, or of ptdet.<name> where there is no such operator."""

    name: str
    arguments: tuple[Any, ...]
    keywords: dict[str, Any]

    def answer(self, device: torch.device | None = None) -> list[Tensor]:
        """What it returns, its tensors moved to a device before."""
        function = getattr(torch.ops.ptdet if hasattr(torch.ops.ptdet, self.name) else ptdet, self.name)
        given = (self.arguments, self.keywords)
        arguments, keywords = pytree.tree_map_only(Tensor, lambda tensor: tensor.to(device or tensor.device), given)
        return pytree.tree_leaves(function(*arguments, **keywords))

    def equals_the_reference(self) -> bool:
        """To the bit; NaN is NaN."""
        ours = self.answer()
        with ptdet.backend("reference"):
            theirs = self.answer()
        return all(torch.allclose(a, b, rtol=0, atol=0, equal_nan=True) for a, b in zip(ours, theirs, strict=True))


# The operators of METHODS but the plain one, and a padded batch of any method.
FUZZED = (*(name for name in OPERATORS if name.endswith("_walk")), "combined_nms")


def method_call(seed: int, most: int = 1200) -> Call:
    """A call of an operator other than the plain one, or of a padded batch of any method; on at most so many boxes."""
    random = scenes.generator(seed * 2 + 5)

    def one_of(options: Any) -> Any:
        return options[int(torch.randint(len(options), (), generator=random))]

    name = FUZZED[seed % len(FUZZED)]
    method = one_of(BATCH_METHODS)
    operator = METHODS[method].operator if name == "combined_nms" else name
    # soft-NMS refuses negative scores
    case = one_of((fuzz_case,) if operator == "soft_nms_walk" else (fuzz_case, strange_case))(seed)
    signature = SIGNATURES[operator]
    own = METHODS[method].options if name == "combined_nms" else signature.arguments[3:]
    keywords = {
        each: getattr(case, each) if each in OF_ALL else one_of(parameter_of(operator, each).tries)
        for each in own
        if each not in signature.tensors
    }
    if name == "combined_nms":
        common = {"method": method, "metric": case.metric, "score_threshold": case.score_threshold}
        return _batch(case, one_of, most, {**common, **keywords})
    first = slice(0, most)
    keywords |= tensors_of(name, case.scores[first], one_of((False, True)))
    idxs = None if case.idxs is None else case.idxs[first]
    return Call(name, (case.boxes[first], case.scores[first], idxs), keywords)


def _batch(case: Case, one_of: Callable[[Any], Any], most: int, keywords: dict[str, Any]) -> Call:
    images, classes = one_of((1, 2, 5)), one_of((1, 3))
    n = min(len(case.scores), most) // images
    boxes = case.boxes[: n * images].reshape(images, n, 4)
    scores = case.scores[: n * images].reshape(images, n)
    if classes > 1:
        scores = torch.stack([scores.roll(label, 1) for label in range(classes)], dim=2)
    limits = {"max_per_class": one_of((None, 1, 20)), "max_per_image": one_of((None, 7, 100))}
    limits["agnostic"] = one_of((False, True))
    threshold = case.iou_threshold if METHODS[keywords["method"]].has_threshold else None
    return Call("combined_nms", (boxes, scores, threshold), {**keywords, **limits})
