"""Every method of suppression, once: what it is called, what it takes, what it gives back. Nothing here needs torch.

`ptdet.nn`, `ptdet run`, the forms that take a batch, the fuzz, the benchmarks and the tests iterate over METHODS.
"""

from __future__ import annotations

from collections.abc import Mapping
from types import MappingProxyType
from typing import Any, NamedTuple

NO_SETTINGS: Mapping[str, Any] = MappingProxyType({})


class Method(NamedTuple):
    """A method by its name in METHODS."""

    function: str  # of ptdet and of ptdet.numpy
    operator: str  # of torch.ops.ptdet: its form of fixed shape
    options: tuple[str, ...]  # keywords of its own, beside score_threshold, max_output and metric
    settings: Mapping[str, Any] = NO_SETTINGS  # what the operator is given to be this method
    boxes: str = ""  # the operator's result that has its boxes; empty: they stay as they are
    scores: str = ""  # the same for its scores
    has_threshold: bool = True
    in_batches: bool = False  # combined_nms and ragged_nms take it
    of_models: bool = False  # its function takes lists, an entry a model
    aliases: tuple[str, ...] = ()


METHODS: dict[str, Method] = {
    "hard": Method("nms", "nms_walk", ("inclusive",), in_batches=True, aliases=("nms", "batched_nms", "vision")),
    "or": Method("or_nms", "nms_walk", ("inclusive",), {"inclusive": True}, in_batches=True, aliases=("or_nms",)),
    "diou": Method(
        "diou_nms", "diou_nms_walk", ("beta", "inclusive"), in_batches=True, aliases=("diou_nms", "diounms")
    ),
    "and": Method("and_nms", "and_nms_walk", ("overlap_threshold", "inclusive"), in_batches=True, aliases=("and_nms",)),
    "merge": Method(
        "merge_nms",
        "merge_nms_walk",
        ("members", "weights", "inclusive"),
        boxes="merged",
        in_batches=True,
        aliases=("merge_nms",),
    ),
    "cluster": Method(
        "cluster_nms",
        "merge_nms_walk",
        ("weighted", "beta", "inclusive"),
        {"members": "later", "weights": "score_overlap"},
        boxes="merged",
        aliases=("cluster_nms",),
    ),
    "soft": Method(
        "soft_nms",
        "soft_nms_walk",
        ("sigma", "min_score", "kind", "reselect", "inclusive"),
        scores="decayed",
        in_batches=True,
        aliases=("soft_nms",),
    ),
    "fast": Method("fast_nms", "fast_nms_walk", ("inclusive",), in_batches=True, aliases=("fast_nms",)),
    "matrix": Method(
        "matrix_nms",
        "matrix_nms_walk",
        ("kind", "sigma", "min_score"),
        scores="decayed",
        has_threshold=False,
        in_batches=True,
        aliases=("matrix_nms",),
    ),
    "greedy_nmm": Method("greedy_nmm", "nmm_walk", ("inclusive",), boxes="grown"),
    "nmm": Method("nmm", "nmm_walk", ("inclusive",), {"members_hand_on": True}, boxes="grown"),
    "wbf": Method(
        "weighted_boxes_fusion",
        "wbf_walk",
        ("conf_type", "allows_overflow"),
        boxes="fused",
        scores="confidences",
        of_models=True,
        aliases=("weighted_boxes_fusion",),
    ),
    "nmw": Method(
        "non_maximum_weighted",
        "merge_nms_walk",
        (),
        {"members": "best", "weights": "score_overlap"},
        boxes="merged",
        of_models=True,
        aliases=("non_maximum_weighted",),
    ),
}
NAMES: dict[str, str] = {
    **{alias: name for name, method in METHODS.items() for alias in method.aliases},
    **{name: name for name in METHODS},
}


def method_named(name: str) -> Method:
    """The method of this name, or of this alias."""
    if not isinstance(name, str) or name not in NAMES:
        raise ValueError(f"method: expected one of {', '.join(METHODS)}, got {name!r}")
    return METHODS[NAMES[name]]
