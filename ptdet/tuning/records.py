"""What a tuning found."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field, replace
from pathlib import Path
from typing import Any

from .._shared.config import Config, Setting, dump_config
from .latency import Latency


@dataclass(frozen=True)
class Row:
    """One suppression at the cut that is best for it."""

    setting: Setting
    score: float  # of all pictures
    precision: float  # at an overlap of 0.5 with the truth, over all classes
    recall: float
    shown: int  # detections
    latency: Latency | None  # None: not measured
    on_front: bool  # nothing that is faster scores as much


@dataclass(frozen=True)
class Fold:
    """A part of the pictures, and what the others would have chosen for it."""

    pictures: int
    config: Config


@dataclass(frozen=True)
class Tuning:
    """What `tune` found. Scores are those of the objective; larger is better, so a cost is negative."""

    best: Config  # to be used: `default`, if the gain of `chosen` may be chance
    chosen: Config  # the simplest within one standard error of the best
    default: Config
    score: float  # of `best`, on all pictures: those it was chosen on
    chosen_score: float
    default_score: float
    out_of_fold: float  # of detections by what the other folds chose, all pictures together
    gain: float  # out_of_fold - default_score
    default_is_allowed: bool  # it has the precision and recall that are demanded
    interval: tuple[float, float]  # 95 % of the gain, by draws of the pictures
    objective: str
    table: tuple[Row, ...]  # every suppression that was tried, the simplest first
    front: tuple[Row, ...]  # the rows that nothing faster equals, the fastest first; empty without latencies
    folds: tuple[Fold, ...]
    curve: Mapping[str, tuple[float, ...]]  # of `chosen` over the confidence: conf, score, precision, recall
    warnings: tuple[str, ...]
    complete: bool  # nobody interrupted it
    facts: Mapping[str, Any] = field(default_factory=dict)  # numbers of pictures, objects, ..., and what was asked for

    @property
    def keep_default(self) -> bool:
        """Whether the gain over a default that meets the demands may be chance: its interval includes zero."""
        return self.default_is_allowed and not self.interval[0] > 0

    @property
    def verdict(self) -> str:
        """One sentence."""
        low, high = self.interval
        gain = f"{self.gain:+.4f} ({low:+.4f} to {high:+.4f})"
        if self.chosen == self.default:
            return f"keep the default, {self.default.setting}: nothing else is clearly better"
        if not self.default_is_allowed:
            return f"use {self.chosen.setting}: {self.default.setting} does not meet the demands; gain {gain}"
        if self.gain == 0 and self.interval == (0, 0):
            return f"keep the default, {self.default.setting}: {self.chosen.setting} scores the same"
        if self.keep_default:
            why = f"the gain of {gain} may be chance" if self.gain > 0 else f"out of fold there is no gain, {gain}"
            return f"keep the default, {self.default.setting}: {why}"
        return f"use {self.chosen.setting}: a gain of {gain} over {self.default.setting}"

    def to_toml(self, provenance: Mapping[str, Any] | None = None, config: Config | None = None) -> str:
        """The settings of `best`, or of `config`, as `load_config` reads them, with where they come from."""
        written = self.best if config is None else config
        scores = {
            "score": self.default_score if written == self.default else self.chosen_score,
            "score_out_of_fold": self.out_of_fold,
            "score_of_default": self.default_score,
            "gain": self.gain,
            "gain_interval": self.interval,
            "verdict": self.verdict,
        }
        return dump_config(replace(written, provenance={**self.facts, **scores, **(provenance or {})}))

    def save(self, path: str | Path) -> None:
        """Writes `to_toml` to a file."""
        Path(path).write_text(self.to_toml(), encoding="utf-8")
