"""One file a family of operations; a line here makes it a group of `python -m benchmarks`."""

from ..cases import Group
from . import (
    channel_norm,
    corners,
    evaluation,
    importing,
    latency,
    losses,
    methods,
    nms,
    numpy_arrays,
    pairwise,
    postprocess,
    rotated,
)

GROUPS: dict[str, Group] = {
    group.name: group
    for group in (
        nms.PLAIN,
        nms.BATCHED,
        latency.GROUP,
        methods.GROUP,
        corners.GROUP,
        postprocess.GROUP,
        numpy_arrays.GROUP,
        pairwise.GROUP,
        losses.GROUP,
        rotated.GROUP,
        channel_norm.GROUP,
        evaluation.GROUP,
        importing.GROUP,
    )
}
