"""Runs the emulated kernels of the other methods. Free of pytest."""

from __future__ import annotations

import struct
from dataclasses import dataclass, replace
from typing import Any

import torch
from torch import Tensor

from .harness import TYPES, Case, Flavour, build, encode, execute, memory_of

METHODS = (
    "and_nms_walk",
    "merge_nms_walk",
    "soft_nms_walk",
    "diou_nms_walk",
    "wbf_walk",
    "fast_nms_walk",
    "matrix_nms_walk",
    "nmm_walk",
)
MEMBERS = ("cluster", "overlapping", "later", "best")
SIGMAS = {"matrix_nms_walk": 2.0}  # else 0.5, where it is read at all
KINDS = ("gaussian", "linear", "hard")
CONF_TYPES = ("avg", "max", "box_and_model_avg", "absent_model_aware_avg")


@dataclass(frozen=True)
class MethodCase:
    """Arguments of one call of a walk: those of plain suppression, and the method's own (models: of wbf_walk)."""

    method: str
    case: Case
    options: dict[str, Any]
    models: Tensor | None = None
    weights: Tensor | None = None

    @property
    def keywords(self) -> dict[str, Any]:
        """As the operator's schema has them."""
        common = {name: value for name, value in vars(self.case).items() if name not in ("boxes", "scores", "idxs")}
        if self.method == "diou_nms_walk":
            del common["metric"]
        if self.method == "matrix_nms_walk":
            del common["iou_threshold"], common["inclusive"]
        if self.method == "wbf_walk":
            common |= {"models": self.models, "weights": self.weights}
        return {**common, **self.options}


def plain_case(case: MethodCase) -> Case:
    return replace(case.case, metric="diou") if case.method == "diou_nms_walk" else case.case


def encode_options(case: MethodCase) -> bytes:
    o = case.options
    first, second = 0, 0
    if case.method == "merge_nms_walk":
        first, second = MEMBERS.index(o.get("members", "cluster")), o.get("weights", "score") == "score_overlap"
    if case.method == "soft_nms_walk":
        first, second = KINDS.index(o.get("kind", "gaussian")), o.get("reselect", True)
    if case.method == "matrix_nms_walk":
        first = KINDS.index(o.get("kind", "gaussian"))
    if case.method == "nmm_walk":
        first = o.get("members_hand_on", False)
    if case.method == "wbf_walk":
        first, second = CONF_TYPES.index(o.get("conf_type", "avg")), o.get("allows_overflow", False)
    number = (
        o.get("overlap_threshold", 0.5)
        if case.method == "and_nms_walk"
        else o.get("sigma", SIGMAS.get(case.method, 0.5))
    )
    method = METHODS.index(case.method)
    ensemble = (-1, -1) if case.weights is None else (len(case.weights), TYPES.index(case.weights.dtype))
    return struct.pack(
        "<6q3d",
        *(method, first, second, case.models is not None, *ensemble),
        *(number, o.get("min_score", 0.001), o.get("beta", 1.0)),
    )


def encode_ensemble(case: MethodCase) -> bytes:
    return b"".join(memory_of(each) for each in (case.models, case.weights) if each is not None)


def run(flavour: Flavour, cases: list[MethodCase], seed: int) -> list[tuple[Tensor, ...]]:
    """What the operator would return of each case, all from one process."""
    given = b"".join(encode(plain_case(each), True, encode_options(each)) + encode_ensemble(each) for each in cases)
    done = execute(build(flavour) / "methods_driver", [], seed, given)
    if done.returncode != 0:
        raise AssertionError(f"{flavour.name}: exit {done.returncode}\n{done.stderr.decode()[-6000:]}")
    found, at = [], 0

    def take(count: int, dtype: torch.dtype) -> Tensor:
        nonlocal at
        size = count * dtype.itemsize
        bytes_, at = done.stdout[at : at + size], at + size
        return torch.frombuffer(bytearray(bytes_), dtype=dtype) if count else torch.empty(0, dtype=dtype)

    for each in cases:
        n = len(each.case.boxes)
        kept, keep, owner = take(1, torch.int64)[0], take(n, torch.int64), take(n, torch.int64)
        if each.method == "merge_nms_walk":
            found.append((take(4 * n, each.case.boxes.dtype).view(n, 4), keep, owner, kept))
        elif each.method == "nmm_walk":
            grown, sides = take(4 * n, each.case.boxes.dtype).view(n, 4), take(4 * n, torch.int64).view(n, 4)
            found.append((grown, sides, keep, owner, kept))
        elif each.method in ("soft_nms_walk", "matrix_nms_walk"):
            found.append((take(n, each.case.scores.dtype), keep, owner, kept))
        elif each.method == "wbf_walk":
            fused = take(4 * n, each.case.boxes.dtype).view(n, 4)
            found.append((fused, take(n, each.case.scores.dtype), keep, owner, kept))
        else:
            found.append((keep, owner, kept))
    return found
