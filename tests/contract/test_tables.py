"""METHODS, PARAMETERS and METRICS say what schemas, signatures, docstrings and the reference say."""

from __future__ import annotations

import inspect
import re
from importlib import import_module
from typing import Any

import pytest
import torch

import ptdet
import ptdet.nn
import ptdet.numpy
from ptdet import reference
from ptdet._library.fakes import FAKES
from ptdet._library.fakes.derived import RESULTS
from ptdet._library.load import OPERATORS
from ptdet._library.signatures import SIGNATURES
from ptdet._shared.methods import BATCH_METHODS, METHODS, NAMES, SUPPRESSIONS
from ptdet._shared.parameters import BELOW_ZERO, LOSS_BASES, LOSSES, METRICS, PARAMETERS, choices_of, parameter_of
from ptdet.ops import _results
from ptdet.ops._methods import function_of

from .test_import import ROOT

# What a function names otherwise than its operator.
OTHERWISE = {"match_threshold": "iou_threshold", "iou_thr": "iou_threshold"}


def parameters(function: Any) -> dict[str, Any]:
    """Names and defaults, under the operator's names."""
    given = inspect.signature(function).parameters.values()
    return {OTHERWISE.get(each.name, each.name): each.default for each in given}


@pytest.mark.parametrize("name", METHODS)
def test_a_method_is_what_its_signatures_say(name: str) -> None:
    row = METHODS[name]
    signature = SIGNATURES[row.operator]
    assert getattr(ptdet, row.function) is function_of(name)
    assert {row.boxes, row.scores} - {""} <= {*signature.results}
    assert {*row.settings} <= {*signature.arguments} and (NAMES.get(row.function) == name) == (not row.numbers)
    assert row.has_threshold == ("iou_threshold" in signature.arguments)
    assert row.numbers == signature.arguments[3 : 3 + len(row.numbers)] and {*row.numbers} <= signature.tensors
    for home in (ptdet, ptdet.numpy):
        ours = parameters(getattr(home, row.function))
        assert {*row.options} <= {*ours} and row.numbers == tuple(ours)[2 : 2 + len(row.numbers)]
        assert row.has_threshold == ("iou_threshold" in ours)
        defaults = {**signature.defaults, **row.settings}
        for option, value in ours.items():
            if option in {*defaults} - {*signature.tensors} and value is not inspect.Parameter.empty:
                assert (option, name) in DEFAULTS_OF_ITS_OWN or (value == defaults[option]), (
                    f"{row.function}({option}={value}), {row.operator} has another"
                )


@pytest.mark.parametrize("name", METHODS)
def test_rotated_boxes_have_the_methods_of_the_table(name: str) -> None:
    row = METHODS[name]
    for home in (ptdet.rotated, ptdet.numpy.rotated):
        assert row.function in home.__all__ and hasattr(home, row.function)
    ours, theirs = SIGNATURES[f"rotated_{row.operator}"], SIGNATURES[row.operator]
    assert ours._replace(name=theirs.name) == theirs


# The function gives the operator another value than the operator's own default.
DEFAULTS_OF_ITS_OWN = {("weights", "nmw")}  # here the models' weights


@pytest.mark.parametrize("name", METHODS)
def test_an_option_is_told_as_the_table_says(name: str) -> None:
    """A docstring tells an option in the words of PARAMETERS, or refers to another function."""
    function = function_of(name)
    told = re.findall(r"^ {8}([a-z_, ]+): (.*)$", inspect.getdoc(function) and function.__doc__ or "", re.MULTILINE)
    for names, text in told:
        for option in names.split(", "):
            if option in METHODS[name].options and not re.match(r"as (in|above)|False makes", text):
                says = parameter_of(METHODS[name].operator, option).says
                assert text.startswith(says), f"{option}: {text!r}, the table says {says!r}"


def test_lists_of_names_in_docstrings_are_whole() -> None:
    for doc, names in ((ptdet.combined_nms, BATCH_METHODS), (ptdet.nn.NMS, SUPPRESSIONS), (ptdet.nms, METRICS)):
        told = " ".join((doc.__doc__ or "").split())
        told = re.sub(r" \([^()]*\)", "", told)
        assert f"{', '.join(names[:-1])} or {names[-1]}" in told
    for name in choices_of("members"):
        assert f'"{name}":' in (ptdet.merge_nms.__doc__ or "")
    for name in choices_of("conf_type"):
        assert f'"{name}":' in (ptdet.weighted_boxes_fusion.__doc__ or "")


def test_refusals_are_those_of_the_kernels() -> None:
    codes = {}
    for path in (ROOT / "csrc/api").glob("*.h"):
        codes |= dict(re.findall(r"int64_t k(\w+Is\w+) = (-\d+);", path.read_text(encoding="utf-8")))
    ours = {"".join(map(str.title, name.split("_"))): value for name, value in vars(_results).items() if "_IS_" in name}
    assert {name: int(code) for name, code in codes.items()} == ours and {*ours.values()} == {*_results.REFUSED}


def test_every_operator_has_a_fake() -> None:
    assert {*FAKES} == {*OPERATORS}


def test_the_reference_has_the_same_names() -> None:
    """It imports nothing of ptdet, so it has them a second time."""
    stems = ("losses", "merge_nms", "soft_nms", "box_fusion")  # functions have the names of some of these modules
    losses, merge_nms, soft_nms, box_fusion = (import_module(f"ptdet.reference.{stem}") for stem in stems)
    assert tuple(reference.METRICS) == METRICS
    assert {*LOSSES} == {*losses.LOSSES} - {"wiou_v2", "wiou_v3"}  # these two are composed of the first
    assert LOSS_BASES == losses.BASES
    assert (choices_of("kind"), choices_of("members")) == (soft_nms.KINDS, merge_nms.MEMBERS)
    assert (choices_of("weights"), choices_of("conf_type")) == (merge_nms.WEIGHTS, box_fusion.CONF_TYPES)


def test_the_measures_below_zero_are_those() -> None:
    apart = torch.tensor([0.0, 0.0, 1.0, 1.0]), torch.tensor([5.0, 5.0, 6.0, 7.0])
    found = {metric: reference.overlap(*apart, metric).item() for metric in METRICS}
    assert tuple(metric for metric, value in found.items() if value < 0) == BELOW_ZERO


def test_every_plain_argument_of_a_method_has_a_row() -> None:
    for signature in SIGNATURES.values():
        if {*signature.results} <= {*RESULTS}:
            for name in {*signature.arguments} - signature.tensors:
                row = parameter_of(signature.name, name)
                for value in row.tries:
                    row.check(name, value)
    with pytest.raises(ValueError, match="a number that a double can hold, got an integer of 1329 bits"):
        PARAMETERS["sigma"].check("sigma", 10**400)
