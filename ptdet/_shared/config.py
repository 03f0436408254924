"""Settings of a suppression as a file: what `ptdet tune` writes, and `ptdet run`, `ptdet.nn` and `load_config` take."""

from __future__ import annotations

import math
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field, fields
from pathlib import Path
from typing import Any, TypeAlias

import numpy as np

from .by_class import ClassLimits
from .checks import check_flag, check_number, one_of
from .methods import METHODS, NAMES, PLAIN
from .parameters import ANY_METRIC, parameter_of
from .plain_toml import PlainTomlError, dump, parse

PER_CLASS = ("iou", "conf", "min_score")
Limits: TypeAlias = Mapping[str, float]  # iou, conf and min_score of one class, where it has its own


def options_of(method: str) -> tuple[str, ...]:
    """The keywords that a file may name for a method of METHODS."""
    row = METHODS[method]
    own = [name for name in ("sigma", "beta", "kind", "members", "weighted") if name in row.options]
    # the fusions have none, and the measure of diou is its own
    return (*own, "metric") if not row.of_models and "beta" not in row.options else tuple(own)


@dataclass(frozen=True)
class Setting:
    """A method and all its numbers. None: that of the method's function."""

    method: str = "hard"  # of METHODS
    iou: float | None = 0.5  # None where nothing asks for it: matrix, and soft by a Gaussian
    sigma: float | None = None
    beta: float | None = None
    metric: str | None = None
    kind: str | None = None
    members: str | None = None
    weighted: bool | None = None
    conf: float = 0.25  # before: a box with a raw score above it takes part
    min_score: float | None = None  # after: what is left must be above it; None: above conf

    @property
    def least_score(self) -> float:
        """The cut after suppression."""
        return self.conf if self.min_score is None else self.min_score

    @property
    def options(self) -> dict[str, Any]:
        """Keywords of the method's function, beside its threshold."""
        given = {name: getattr(self, name) for name in options_of(self.method)}
        return {name: value for name, value in given.items() if value is not None}

    @property
    def threshold(self) -> float:
        """The overlap, for a function that insists on one."""
        return 0.5 if self.iou is None else self.iou

    def __str__(self) -> str:
        """As `merge iou 0.65, members overlapping, conf 0.001`."""
        shown = {"iou": self.iou, **self.options, "conf": self.conf, "min_score": self.min_score}
        said = (f"{name} {value:g}" if type(value) is float else f"{name} {value}" for name, value in shown.items())
        return f"{self.method} " + ", ".join(one for one, value in zip(said, shown.values(), strict=True)
                                             if value is not None)  # fmt: skip


KEYS = (*(each.name for each in fields(Setting)), "agnostic")


@dataclass(frozen=True)
class Config:
    """What `load_config` returns: a setting, what single classes have instead, and where it comes from."""

    setting: Setting = field(default_factory=Setting)
    agnostic: bool = False  # boxes of different classes meet too
    classes: Mapping[str, Limits] = field(default_factory=dict)  # by the class's name
    provenance: Mapping[str, Any] = field(default_factory=dict)

    def limits(self, names: Sequence[str]) -> ClassLimits:
        """The thresholds of each of these classes: its own, else those of all."""
        return ClassLimits(*(np.array([self._limit(name, key) for name in names]) for key in PER_CLASS))

    def _limit(self, name: str, key: str) -> float:
        own, setting = self.classes.get(name, {}), self.setting
        if key == "min_score" and setting.min_score is None:  # a class is cut at its own conf before and after
            return own.get(key, own.get("conf", setting.conf))
        return own.get(key, {"iou": setting.threshold, "conf": setting.conf, "min_score": setting.least_score}[key])


def load_config(path: str | Path) -> Config:
    """Reads the settings that `ptdet tune --out` wrote: for `ptdet.nn.NMS.from_config`, or to look at.

    Args:
        path: a TOML file with the keys method, iou, sigma, beta, metric, kind, members, weighted, conf, min_score,
            agnostic, and the tables `[classes."NAME"]` (iou, conf, min_score of one class) and `[provenance]`.

    Returns:
        Config: `.setting`, `.agnostic`, `.classes`, `.provenance`.

    Raises:
        OSError: it cannot be read.
        ValueError, TypeError: an unknown key, or a value that the method cannot have; naming it.

    >>> import ptdet, tempfile, pathlib
    >>> with tempfile.TemporaryDirectory() as folder:
    ...     path = pathlib.Path(folder, "tuned.toml")
    ...     _ = path.write_text('method = "diou"\\niou = 0.65\\nbeta = 0.6\\nconf = 0.01\\n')
    ...     print(ptdet.load_config(path).setting)
    diou iou 0.65, beta 0.6, conf 0.01
    """
    where = str(path)
    try:
        stored = parse(Path(path).read_text(encoding="utf-8"))
    except (PlainTomlError, UnicodeDecodeError) as error:
        raise ValueError(f"{where}: is no TOML: {error}") from error
    return config_of(stored, where)


def config_of(stored: Mapping[str, Any], where: str) -> Config:
    """The settings of a file that is read, all checked; `where` begins every message."""
    unknown = sorted({*stored} - {*KEYS, "classes", "provenance"})
    if unknown:
        raise ValueError(f"{where}: unknown key {unknown[0]!r}: expected {', '.join(KEYS)}, classes or provenance")
    method = stored.get("method", "hard")
    if not isinstance(method, str) or method not in NAMES:
        raise ValueError(f"{where}: method: expected one of {', '.join(PLAIN)}, got {method!r}")
    method = NAMES[method]
    given = {name: value for name, value in stored.items() if name in KEYS and name not in ("method", "agnostic")}
    for name, value in given.items():
        if name not in (*PER_CLASS, *options_of(method)):
            raise ValueError(f"{where}: {name}: {method} has no such option")
        _checked(f"{where}: {name}", method, name, value)
    given.setdefault("iou", 0.5 if has_threshold(method, given.get("kind")) else None)
    agnostic = stored.get("agnostic", False)
    check_flag(f"{where}: agnostic", agnostic)
    classes, provenance = stored.get("classes", {}), stored.get("provenance", {})
    for name, table in (("classes", classes), ("provenance", provenance)):
        if not isinstance(table, Mapping):
            raise ValueError(f"{where}: {name}: expected a table, got {table!r}")
    for name, limits in classes.items():
        if not isinstance(limits, Mapping):
            raise ValueError(f"{where}: classes.{name}: expected a table, got {limits!r}")
        for key, value in limits.items():
            if key not in PER_CLASS:
                raise ValueError(f"{where}: unknown key {key!r} of class {name!r}: expected {', '.join(PER_CLASS)}")
            _checked(f"{where}: classes.{name}.{key}", method, key, value)
    if classes and agnostic:
        raise ValueError(f"{where}: classes: boxes of all classes meet, so none has settings of its own")
    return Config(Setting(method=method, **given), agnostic, classes, provenance)


def has_threshold(method: str, kind: str | None) -> bool:
    """Whether the overlap threshold changes anything: a Gaussian has none."""
    return METHODS[method].has_threshold and (method != "soft" or kind in ("linear", "hard"))


def _checked(name: str, method: str, key: str, value: Any) -> None:
    if isinstance(value, bool) and key != "weighted":
        raise TypeError(f"{name}: expected a number or a name, got {value}")
    if key in PER_CLASS:
        check_number(name, value)
        if math.isinf(value):
            raise ValueError(f"{name}: expected a finite number, got {value}")
    elif key == "metric":  # whether the boxes have it is seen once there are boxes
        one_of(name, value, ANY_METRIC)
    else:
        parameter_of(METHODS[method].operator, key).check(name, value)


def dump_config(config: Config) -> str:
    """The text of a file that `load_config` reads back as this."""
    setting = {name: value for name in KEYS[:-1] if (value := getattr(config.setting, name)) is not None}
    tables = {"classes": config.classes, "provenance": config.provenance}
    return dump({**setting, "agnostic": config.agnostic, **{name: table for name, table in tables.items() if table}})
