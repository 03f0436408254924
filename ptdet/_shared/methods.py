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

    stem: str  # of the file that has its function: ptdet/ops/<stem>.py
    function: str  # of ptdet, ptdet.numpy, ptdet.rotated and ptdet.numpy.rotated
    operator: str  # of torch.ops.ptdet: its form of fixed shape; of rotated boxes rotated_<operator>
    options: tuple[str, ...]  # keywords of its own, beside score_threshold, max_output and metric
    settings: Mapping[str, Any] = NO_SETTINGS  # what the operator is given to be this method
    boxes: str = ""  # the operator's result that has its boxes; empty: they stay as they are
    scores: str = ""  # the same for its scores
    has_threshold: bool = True  # the others take None for it
    in_batches: bool = False  # combined_nms and ragged_nms take it
    of_models: bool = False  # its function takes lists, an entry a model
    # Of the tensors that function and operator take besides: (N,) floats, a number a box; after the scores, in the
    # operator after the ids. A method with such is no module, has no form for a batch and none on the command line.
    numbers: tuple[str, ...] = ()


METHODS: dict[str, Method] = {
    "hard": Method("nms", "nms", "nms_walk", ("inclusive",), in_batches=True),
    "or": Method(
        *("nms_variants", "or_nms", "nms_walk", ("inclusive",), {"inclusive": True}),
        in_batches=True,
    ),
    "diou": Method(
        *("nms_variants", "diou_nms", "diou_nms_walk", ("beta", "inclusive")),
        in_batches=True,
    ),
    "and": Method(
        *("nms_variants", "and_nms", "and_nms_walk", ("overlap_threshold", "inclusive")),
        in_batches=True,
    ),
    "adaptive": Method(
        *("nms_variants", "adaptive_nms", "adaptive_nms_walk", ("inclusive",)),
        numbers=("densities",),
    ),
    "merge": Method(
        *("merge_nms", "merge_nms", "merge_nms_walk", ("members", "weights", "inclusive")),
        boxes="merged",
        in_batches=True,
    ),
    "cluster": Method("merge_nms", "cluster_nms", "nms_walk", ("weighted", "inclusive")),
    "soft": Method(
        *("soft_nms", "soft_nms", "soft_nms_walk", ("sigma", "min_score", "kind", "reselect", "inclusive")),
        scores="decayed",
        in_batches=True,
    ),
    "fast": Method("matrix_nms", "fast_nms", "fast_nms_walk", ("inclusive",), in_batches=True),
    "matrix": Method(
        *("matrix_nms", "matrix_nms", "matrix_nms_walk", ("kind", "sigma", "min_score")),
        scores="decayed",
        has_threshold=False,
        in_batches=True,
    ),
    "greedy_nmm": Method("nmm", "greedy_nmm", "nmm_walk", ("inclusive",), boxes="grown"),
    "nmm": Method("nmm", "nmm", "nmm_walk", ("inclusive",), {"members_propagate": True}, boxes="grown"),
    "wbf": Method(
        *("box_fusion", "weighted_boxes_fusion", "wbf_walk", ("conf_type", "allows_overflow")),
        boxes="fused",
        scores="confidences",
        of_models=True,
    ),
    "nmw": Method(
        *("box_fusion", "non_maximum_weighted", "merge_nms_walk", ()),
        {"members": "best", "weights": "score_overlap"},
        boxes="merged",
        of_models=True,
    ),
}
BATCH_METHODS = tuple(name for name, method in METHODS.items() if method.in_batches)
FUSIONS = tuple(name for name, method in METHODS.items() if method.of_models)
# What boxes, scores and ids are enough for.
PLAIN = tuple(name for name, method in METHODS.items() if not method.numbers)
SUPPRESSIONS = tuple(name for name in PLAIN if not METHODS[name].of_models)
# Each of these by all its names: that of the table and that of its function.
NAMES: dict[str, str] = {
    **{METHODS[name].function: name for name in PLAIN},
    **{name: name for name in PLAIN},
    "batched_nms": "hard",
}
