"""How `ptdet run` was asked to suppress: by its options, and by a file of settings where none is given."""

from __future__ import annotations

import argparse
from dataclasses import replace

from .._shared.config import PER_CLASS, Config, Setting, load_config, options_of
from .._shared.methods import NAMES
from .run import Settings


def settings_of(asked: argparse.Namespace) -> tuple[Settings, list[str]]:
    """The settings, and notes on what of the file is not used.

    Raises:
        OSError, ValueError, TypeError: the file cannot be read, or holds what no file may.
    """
    notes: list[str] = []
    file = asked.config
    config = Config(Setting(iou=0.5, conf=0.25)) if file is None else load_config(file)
    setting, method = config.setting, asked.method or ("nms" if file is None else config.setting.method)
    options = setting.options
    if NAMES[method] != setting.method:
        allowed = options_of(NAMES[method])
        left_out = [name for name in options if name not in allowed or name in ("kind", "sigma")]
        options = {name: value for name, value in options.items() if name not in left_out}
        if left_out:
            notes.append(f"{file}: {', '.join(left_out)} of {setting.method} is not for --method {method}")
    for name in ("metric", "sigma"):
        if (value := getattr(asked, name)) is not None:
            options = {**options, name: value}
    # an option is for all classes
    given = {"iou": asked.iou, "conf": asked.conf, "min_score": asked.min_score}
    given = {name: value for name, value in given.items() if value is not None}
    own = {
        name: {key: value for key, value in limits.items() if key not in given}
        for name, limits in config.classes.items()
    }
    config = Config(replace(setting, **given), config.agnostic or asked.agnostic, own)
    if asked.agnostic and any(own.values()):
        raise ValueError(f"{file}: {' and '.join(PER_CLASS)} of single classes, but --agnostic lets all classes meet")
    settings = Settings.of(
        config,
        method=method,
        options=options,
        multi_label=asked.multi_label,
        background=asked.background,
        pre_topk=getattr(asked, "pre_topk", None),
        max_det=asked.max_det,
    )
    return settings, notes
