"""Which settings a tuning tries, the simplest first."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, replace
from itertools import product
from typing import Any

import numpy as np

from .._shared.checks import check_number, check_positive
from .._shared.config import Setting, least_overlap, options_of
from .._shared.methods import FUSIONS, METHODS, NAMES, SUPPRESSIONS
from .._shared.parameters import METRICS, ROTATED_METRICS

# Methods in which only a better box acts on a box. Boxes at or below a confidence then change nothing above it, and
# one pass over all candidates holds the answer of every confidence: its beginning.
COMMUTING = ("hard", "or", "diou", "soft", "fast", "matrix")
IOUS = (0.3, 0.4, 0.5, 0.55, 0.6, 0.65, 0.7, 0.75, 0.8)
SIGMAS = (0.25, 0.5, 1.0, 2.0)
BETAS = (0.6, 1.0)
LOWEST = 0.001  # COCO's habit: lower scores change no precision that counts
CONFS = tuple(step / 100 for step in range(1, 100))  # the cuts of what is left
RANKED_CONFS = (LOWEST, 0.01, *(step / 20 for step in range(1, 20)))  # the same where each is a matching of its own
RAW_CONFS = (0.05, 0.1, 0.25, 0.5)  # before the methods that do not commute, beside the lowest


def commutes(setting: Setting) -> bool:
    """Whether the survivors above a confidence are those of the candidates above it."""
    return setting.method in COMMUTING


@dataclass(frozen=True)
class Grid:
    """The values of each axis."""

    methods: tuple[str, ...]
    ious: tuple[float, ...]
    sigmas: tuple[float, ...]
    betas: tuple[float, ...]
    metrics: tuple[str | None, ...]  # None: that of the method's function
    confs: tuple[float, ...]  # cuts after suppression, rising
    raw_confs: tuple[float, ...]  # cuts before it, rising; all but the first only where it does not commute

    def settings(self) -> list[Setting]:
        """All of them but for the cut after suppression; `conf` is the cut before it."""
        return [setting for method in self.methods for setting in self._of(method)]

    def _of(self, method: str) -> list[Setting]:
        found = []
        for axes in _forms(method):
            values = [self._values(method, axis, fixed) for axis, fixed in axes.items()]
            for chosen in product(*values):
                setting = Setting(**{"method": method, "iou": None, **dict(zip(axes, chosen, strict=True))})
                if setting.iou is not None and setting.iou < least_overlap(method, setting.metric):
                    continue  # `ptdet run` would refuse it
                raw = self.raw_confs[:1] if commutes(setting) else self.raw_confs
                found += [replace(setting, conf=conf) for conf in raw]
        return found

    def _values(self, method: str, axis: str, fixed: Any) -> tuple[Any, ...]:
        axes = {"iou": self.ious, "sigma": self.sigmas, "beta": self.betas, "metric": self.metrics}
        return axes[axis] if fixed is ... else (fixed,)


def _forms(method: str) -> list[dict[str, Any]]:
    """The forms of a method: each option with its one value, or `...` for an axis of the grid.

    The plain form of cluster is left out: it is hard.
    """
    options = options_of(method)
    common = {"metric": ...} if "metric" in options else {}
    if "kind" in options:
        threshold = {"iou": ...} if METHODS[method].has_threshold else {}
        return [{"kind": "gaussian", "sigma": ..., **common}, {"kind": "linear", **threshold, **common}]
    for option, choices in (("members", ("cluster", "overlapping")), ("weighted", (True,))):
        if option in options:
            return [{option: choice, "iou": ..., **common} for choice in choices]
    return [{"beta": ..., "iou": ...} if "beta" in options else {"iou": ..., **common}]


def grid_of(
    methods: Sequence[str] | None, ious: Sequence[float] | None, sigmas: Sequence[float] | None,
    betas: Sequence[float] | None, metrics: Sequence[str] | None, confs: Sequence[float] | None,
    rotated: bool, cuts: tuple[float, ...],
) -> Grid:  # fmt: skip
    """The axes that were given, each checked, and those of the default where None was.

    Args:
        cuts: the confidences to try where none are given.
    """
    ious, sigmas = _axis("iou", ious), _axis("sigma", sigmas)
    betas, confs = _axis("beta", betas), _axis("conf", confs)
    for name, names in (("methods", methods), ("metric", metrics)):
        if isinstance(names, str):
            raise TypeError(f"{name}: expected a list of names, got {names!r}")
    for metric in metrics or ():
        allowed = ROTATED_METRICS if rotated else METRICS
        if metric not in allowed:
            raise ValueError(f"metric: expected some of {', '.join(allowed)}, got {metric!r}")
    cuts = tuple(sorted(set(confs))) if confs else cuts
    grid = Grid(
        methods=_methods(methods),
        ious=tuple(ious or IOUS),
        sigmas=tuple(sigmas or SIGMAS),
        betas=tuple(betas or BETAS),
        metrics=tuple(metrics or (None,)),
        confs=cuts,
        raw_confs=_raw_confs(cuts, bool(confs)),
    )
    if not grid.settings():
        raise ValueError(
            f"iou: expected an overlap of at least 0 for {', '.join(grid.methods)}, got {max(grid.ious):g}"
        )
    return grid


def _raw_confs(cuts: tuple[float, ...], given: bool) -> tuple[float, ...]:
    """Of a long axis some, since each is a suppression of its own."""
    if given and len(cuts) <= len(RAW_CONFS) + 1:
        return cuts
    return (cuts[0], *(conf for conf in RAW_CONFS if cuts[0] < conf <= cuts[-1]))


def _methods(methods: Sequence[str] | None) -> tuple[str, ...]:
    if methods is None:
        return SUPPRESSIONS
    chosen = []
    for name in methods:
        method = NAMES.get(name) if isinstance(name, str) else None
        if method in FUSIONS:
            raise ValueError(f"methods: {name} fuses what several models found; here are the detections of one")
        if method is None or method not in SUPPRESSIONS:
            raise ValueError(f"methods: expected some of {', '.join(SUPPRESSIONS)}, got {name!r}")
        chosen.append(method)
    if not chosen:
        raise ValueError("methods: expected at least one")
    return tuple(name for name in SUPPRESSIONS if name in chosen)


def _axis(name: str, values: Sequence[float] | None) -> tuple[float, ...] | None:
    """The values as Python's numbers."""
    if values is None:
        return None
    if isinstance(values, np.ndarray) and values.ndim == 1:
        values = values.tolist()
    if not isinstance(values, (list, tuple)) or not values:
        raise ValueError(f"{name}: expected a list of at least one number, got {values!r}")
    for value in values:
        check_positive(name, value) if name in ("sigma", "beta") else check_number(name, value)
        if name == "iou" and not -1 <= value <= 1:
            raise ValueError(f"iou: expected numbers from -1 to 1, as overlaps are, got {value:g}")
    return tuple(map(float, values))
