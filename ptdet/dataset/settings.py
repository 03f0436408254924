"""What is done with each picture, and how that is told to workers and to a later run."""

from __future__ import annotations

import hashlib
import json
import math
from collections.abc import Iterator, Mapping, Sequence
from contextlib import contextmanager
from dataclasses import asdict, dataclass, field, fields, replace
from itertools import zip_longest
from typing import Any

from .. import __version__
from .._shared.arrays import Array
from .._shared.by_class import ClassLimits
from .._shared.config import Config, Setting, has_threshold
from .._shared.methods import NAMES
from ..io import FileProblem, Predictions, ReadOptions, Space
from . import STEPS

OWN = ("format", "step", "models", "weights")  # what a Job has besides settings and what its files are
METADATA = b"ptdet"  # the key of Parquet's metadata that has ours


@dataclass(frozen=True)
class Settings:
    """How candidates are chosen and suppressed."""

    method: str = "nms"
    iou_threshold: float = 0.5
    confidence: float = 0.25
    agnostic: bool = False  # boxes of different classes meet too
    multi_label: bool = False  # every class of a box above the confidence is a candidate, not only its best
    background: int | None = None  # the class that says that there is nothing
    pre_topk: int | None = None  # only the best so many candidates of a picture take part
    min_score: float | None = None  # what a method leaves must be above it; None: above the confidence
    options: Mapping[str, Any] = field(default_factory=dict)  # of the method's function
    by_class: Config | None = None  # where single classes have thresholds of their own
    max_det: int | None = None  # only the best so many of the kept boxes of a picture

    @classmethod
    def of(cls, config: Config, **more: Any) -> Settings:
        """What the file of `ptdet tune` says, and what it does not."""
        setting = config.setting
        given = {
            "method": setting.method,
            "iou_threshold": setting.threshold,
            "confidence": setting.conf,
            "agnostic": config.agnostic,
            "min_score": setting.min_score,
            "options": setting.options,
            "by_class": config if any(config.classes.values()) else None,
        }
        return cls(**{**given, **more})

    @property
    def least_score(self) -> float:
        return self.confidence if self.min_score is None else self.min_score

    @property
    def lowest(self) -> float:
        """The confidence of the class that has the lowest."""
        own = self.by_class.classes.values() if self.by_class else ()
        return min([self.confidence, *(limits.get("conf", self.confidence) for limits in own)])

    @property
    def has_threshold(self) -> bool:
        """Whether the overlap changes anything."""
        return has_threshold(NAMES[self.method], self.options.get("kind", "gaussian"))


def refuse_per_cent(predictions: Predictions, settings: Settings) -> None:
    """Scores may be in any unit, but a threshold beyond all that a probability can be is a slip.

    Raises:
        FileProblem: it is one.
    """
    for option, value in (("conf", settings.confidence), ("min-score", settings.least_score)):
        if value > 1:
            best = max(predictions.candidates(-math.inf).scores.tolist(), default=0.0)
            if best <= 1:
                said = f"--{option} {value:g} is above all: 25 per cent is 0.25"
                raise FileProblem(f"has scores up to {best:.3g}, and {said}")


def refuse_no_classes(method: str, labels: Array | None) -> None:
    """One function insists on classes.

    Raises:
        FileProblem: it is that one, and there are none.
    """
    if method == "batched_nms" and labels is None:
        raise FileProblem("has no classes here, which batched_nms needs: use --method nms")


def differing(one: Sequence[str], other: Sequence[str]) -> int | None:
    """The first class that these lists of names call differently; a name that is the number itself says nothing."""
    pairs = enumerate(zip(one, other, strict=False))
    return next((n for n, (a, b) in pairs if a != b and str(n) not in (a, b)), None)


def agreed(one: Sequence[str], other: Sequence[str]) -> tuple[str, ...]:
    """What two lists of names that do not differ say together."""
    pairs = enumerate(zip_longest(one, other))
    return tuple(b if b is not None and a in (None, str(n)) else a for n, (a, b) in pairs)


@contextmanager
def of_such_boxes(options: Mapping[str, Any], rotated: bool) -> Iterator[None]:
    """An option that these boxes cannot have is a problem of their file; all else is checked before."""
    try:
        yield
    except ValueError as error:
        if not options:
            raise
        raise FileProblem(f"has {'rotated' if rotated else 'upright'} boxes: {error}") from error


def limits_of(predictions: Predictions, labels: Array | None, config: Config) -> ClassLimits:
    """The thresholds of the classes of a picture, by their names.

    Raises:
        FileProblem: its classes have none.
    """
    if labels is None or not predictions.classes:
        raise FileProblem("has no names of classes, which the thresholds of single classes need: give --classes")
    highest, lowest = int(labels.max(initial=0)), int(labels.min(initial=0))
    if lowest < 0 or highest >= len(predictions.classes):  # as category ids have it: a name would be another class's
        wrong = lowest if lowest < 0 else highest
        told = f"has a class {wrong}, but names for {len(predictions.classes)} classes, numbered from 0"
        raise FileProblem(f"{told}: the thresholds of single classes are found by name")
    return config.limits(predictions.classes)


@dataclass(frozen=True)
class Job:
    """All that the result of a shard depends on, besides its input."""

    settings: Settings = field(default_factory=Settings)
    read: ReadOptions = field(default_factory=ReadOptions)
    format: str = "parquet"
    step: str = STEPS[0]
    models: tuple[int, ...] = ()  # of an ensemble: how many files each has
    weights: tuple[float, ...] = ()  # of the models; empty: all alike

    def told(self) -> dict[str, Any]:
        """As JSON can hold it; each value by the name that a person knows it by."""
        # those that are called may be no plain values
        nothing: dict[str, Any] = dict.fromkeys(ReadOptions.CALLS)
        read = asdict(replace(self.read, **nothing))
        for name in ReadOptions.CALLS:
            del read[name]
        own = {name: getattr(self, name) for name in OWN}
        return {
            **asdict(replace(self.settings, options=dict(self.settings.options), by_class=None)),
            "by_class": self._limits(),
            **read,
            **own,
            "ptdet": __version__,
        }

    def _limits(self) -> dict[str, dict[str, float]] | None:
        """What single classes have instead of the settings of all."""
        if self.settings.by_class is None:
            return None
        return {name: dict(own) for name, own in self.settings.by_class.classes.items() if own}

    @classmethod
    def of(cls, told: Mapping[str, Any]) -> Job:
        """What `told` returned, perhaps through a file."""
        settings = Settings(**{one.name: told[one.name] for one in fields(Settings) if one.name != "by_class"})
        if told["by_class"] is not None:
            of_all = Setting(
                iou=settings.iou_threshold, conf=settings.confidence, min_score=settings.min_score
            )  # what a class does not have of its own
            settings = replace(settings, by_class=Config(of_all, classes=told["by_class"]))
        read: dict[str, Any] = {
            one.name: told[one.name] for one in fields(ReadOptions) if one.name not in ReadOptions.CALLS
        }
        for name in ("classes", "category_ids"):
            read[name] = tuple(read[name])
        if read["space"] is not None:
            read["space"] = Space(**{**read["space"], "size": tuple(read["space"]["size"])})
        models, weights = tuple(told["models"]), tuple(told["weights"])
        return cls(settings, ReadOptions(**read), told["format"], told["step"], models, weights)

    @property
    def hash(self) -> str:
        """The same for the same settings, in every process."""
        return hashlib.sha256(json.dumps(self.told(), sort_keys=True).encode()).hexdigest()
