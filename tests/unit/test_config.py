"""Files of settings: what is written is read back, by Python's reader and by ours; what cannot be is named."""

from __future__ import annotations

import sys
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from hypothesis import given, strategies as st

import ptdet
import ptdet.nn
from ptdet._shared.config import Config, Setting, dump_config, load_config, options_of
from ptdet._shared.methods import METHODS, PLAIN
from ptdet._shared.plain_toml import PlainTomlError, dump, parse, parse_plain
from ptdet.numpy._methods import select

TEXT = st.text(st.characters(exclude_categories=["Cs"]), max_size=12)
VALUE = TEXT | st.integers(-(2**63), 2**63 - 1) | st.booleans() | st.floats(allow_nan=False, allow_infinity=False)
TABLE = st.dictionaries(TEXT, VALUE | st.lists(VALUE, max_size=3), max_size=4)


@given(TABLE, st.dictionaries(TEXT, TABLE, max_size=3))
def test_what_is_written_is_read_back(plain: dict[str, Any], tables: dict[str, Any]) -> None:
    whole = {**plain, "deep": {"inner": tables}} if "deep" not in plain else plain
    text = dump(whole)
    assert parse_plain(text) == parse(text)
    if tables and all(tables.values()):
        assert parse_plain(text) == whole


def test_text_that_people_write() -> None:
    text = (
        '# mine\r\nmethod = "hard" # best\n\n[ classes . "a b" ]\nconf = +1e-3\n[provenance]\nx = [1, "2", [true],]\n'
    )
    expected = {"method": "hard", "classes": {"a b": {"conf": 0.001}}, "provenance": {"x": [1, "2", [True]]}}
    assert parse_plain(text) == expected
    if sys.version_info >= (3, 11):
        assert parse(text) == expected


@pytest.mark.parametrize(
    "text",
    [
        *("a", "a = ", "a = 1\n[a]", "a = 1 2", "a = 01", "a = 1\na = 2", "[a", "[a]\n[a]", 'a = "\\x41"', "a = [1"),
        "a=nan",
    ],
)
def test_what_is_no_toml_or_more_than_is_written(text: str) -> None:
    with pytest.raises(PlainTomlError, match="at line"):
        parse_plain(text)
    if text != "a=nan":
        with pytest.raises(PlainTomlError):
            parse(text)


SETTINGS = [
    Setting(),
    Setting("matrix", iou=None, sigma=2.0, kind="gaussian", conf=0.1),
    Setting("soft", iou=0.5, kind="linear", metric="giou", conf=1e-05, min_score=0.3),
    Setting("cluster", iou=0.65, weighted=True),
    Setting("diou", iou=0.65, beta=0.6),
    Setting("merge", iou=0.7, members="overlapping", conf=0.05, min_score=0.2),
    Setting("wbf", iou=0.55),
    Setting("soft", iou=0.7, kind="hard"),
]
ROTATED = Setting("fast", iou=0.4, metric="probiou")


@pytest.mark.parametrize("setting", [*SETTINGS, ROTATED], ids=str)
def test_configs_are_read_back(tmp_path: Path, setting: Setting) -> None:
    classes = {"stop sign": {"conf": 0.3}, 'a"\\é': {"iou": 0.5, "min_score": 0.9}}
    config = Config(setting, False, classes, {"seed": 0, "inputs": {"a.npz": "12ab"}})
    (tmp_path / "tuned.toml").write_text(dump_config(config), encoding="utf-8")
    assert ptdet.load_config(tmp_path / "tuned.toml") == config == load_config(str(tmp_path / "tuned.toml"))


BAD = [
    ("ioo = 0.5", "unknown key 'ioo': expected method, iou"),
    ('method = "nmss"', "method: expected one of hard, or"),
    ("method = 3", "method: expected one of hard, or"),
    ('method = "matrix"\nsigma = 0', "sigma: expected a finite number > 0, got 0"),
    ("sigma = 0.5", "sigma: hard has no such option"),
    ('method = "diou"\nmetric = "iou"', "metric: diou has no such option"),
    ('metric = "l2"', "metric: expected one of iou, giou"),
    ('method = "soft"\nkind = "cubic"', "kind: expected one of gaussian, linear, hard, got 'cubic'"),
    ('method = "merge"\nmembers = "all"', "members: expected one of cluster"),
    ('method = "matrix"\nkind = "hard"', "kind: expected one of gaussian, linear, got 'hard'"),
    ('conf = "0.5"', "conf: expected a number, got str"),
    ("conf = inf", "conf: expected a finite number, got inf"),
    ("agnostic = 1", "agnostic: expected True or False, got int"),
    ("classes = 3", "classes: expected a table, got 3"),
    ("[classes]\na = 1", "classes.a: expected a table, got 1"),
    ("[classes.a]\nsigma = 1.0", "unknown key 'sigma' of class 'a': expected iou, conf, min_score"),
    ("[classes.a]\niou = true", "classes.a.iou: expected a number or a name, got True"),
    ("agnostic = true\n[classes.a]\niou = 0.3", "classes: boxes of all classes meet"),
    ("method = ", "is no TOML"),
]


@pytest.mark.parametrize(("text", "said"), BAD)
def test_what_no_file_may_hold(tmp_path: Path, text: str, said: str) -> None:
    path = tmp_path / "tuned.toml"
    path.write_text(text)
    with pytest.raises((TypeError, ValueError)) as raised:
        load_config(path)
    assert str(raised.value).startswith(f"{path}: ") and said in str(raised.value)


def test_a_name_of_the_function_is_a_method(tmp_path: Path) -> None:
    (tmp_path / "a.toml").write_text('method = "soft_nms"')
    assert load_config(tmp_path / "a.toml").setting == Setting("soft", iou=None)


@pytest.mark.parametrize("method", PLAIN)
def test_every_option_of_a_file_is_one_of_the_method(method: str) -> None:
    values = {"sigma": 0.4, "beta": 0.7, "kind": "linear", "members": "later", "weighted": True, "metric": "iou"}
    boxes, scores = np.array([[0.0, 0, 9, 9], [0, 0, 9, 8]]), np.array([0.9, 0.8])
    options = {name: values[name] for name in options_of(method)}
    select(method, boxes, scores, np.zeros(2, np.int64), 0.5, **options)
    assert {"sigma", "beta", "kind", "members", "weighted"} & {*METHODS[method].options} == {*options} - {"metric"}


def test_limits_of_classes() -> None:
    config = Config(Setting(iou=0.5, conf=0.2), classes={"b": {"conf": 0.4}, "c": {"iou": 0.7, "min_score": 0.6}})
    ious, confs, cuts = (each.tolist() for each in config.limits(["a", "b", "c"]))
    assert (ious, confs, cuts) == ([0.5, 0.5, 0.7], [0.2, 0.4, 0.2], [0.2, 0.4, 0.6])
    config = Config(Setting("merge", iou=0.5, conf=0.2, min_score=0.5), classes={"b": {"conf": 0.4}})
    assert config.limits(["a", "b"]).cuts.tolist() == [0.5, 0.5]


def test_modules_of_a_config() -> None:
    """They keep what the settings say: the cut after suppression is in the method, or refused."""
    import torch

    boxes = torch.tensor([[0.0, 0, 10, 10], [0, 0, 10, 6], [20, 0, 30, 10]], dtype=torch.float64)
    scores = torch.tensor([0.9, 0.8, 0.15], dtype=torch.float64)
    for setting in SETTINGS[:5]:
        module = ptdet.nn.NMS.from_config(Config(setting))
        found = module(boxes, scores)
        keep = found[-1] if isinstance(found, tuple) else found
        above = np.flatnonzero(scores.numpy() > setting.conf)
        _, kept_scores, kept = select(
            setting.method, boxes.numpy()[above], scores.numpy()[above], None, setting.threshold, **setting.options
        )
        assert keep.tolist() == above[kept[kept_scores > setting.least_score]].tolist()
    with pytest.raises(ValueError, match=r"config: min_score: merge does not cut after suppression"):
        ptdet.nn.NMS.from_config(Config(SETTINGS[5]))
    with pytest.raises(ValueError, match="config: expected no classes"):
        ptdet.nn.NMS.from_config(Config(classes={"a": {"conf": 0.5}}))
    with pytest.raises(ValueError, match="method: expected one of hard"):
        ptdet.nn.NMS.from_config(Config(SETTINGS[6]))
