"""What is done with each picture, and how that is told to workers and to a later run."""

from __future__ import annotations

import hashlib
import json
import math
from collections.abc import Mapping
from dataclasses import asdict, dataclass, field, fields, replace
from typing import Any

from .. import __version__
from .._shared.config import Config, has_threshold
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
        """As JSON can hold it; each value by the name that a person knows it by.

        Raises:
            FileProblem: single classes have thresholds of their own.
        """
        if self.settings.by_class is not None:
            raise FileProblem("thresholds of single classes are not for a run over a data set: run it on a few files")
        read = asdict(self.read)
        del read["progress"]
        own = {name: getattr(self, name) for name in OWN}
        return {
            **asdict(replace(self.settings, options=dict(self.settings.options))),
            **read,
            **own,
            "ptdet": __version__,
        }

    @classmethod
    def of(cls, told: Mapping[str, Any]) -> Job:
        """What `told` returned, perhaps through a file."""
        settings = Settings(**{one.name: told[one.name] for one in fields(Settings) if one.name != "by_class"})
        read: dict[str, Any] = {one.name: told[one.name] for one in fields(ReadOptions) if one.name != "progress"}
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
