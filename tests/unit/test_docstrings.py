"""The examples in the docstrings of every module run."""

from __future__ import annotations

import doctest
import importlib
import inspect
import pkgutil
from types import ModuleType

import numpy as np
import pytest

import ptdet

MODULES = [name for _, name, _ in pkgutil.walk_packages(ptdet.__path__, "ptdet.") if not name.endswith("__main__")]


def loaded(name: str) -> ModuleType:
    if name.split(".")[-1].startswith("_C"):
        pytest.skip("a compiled library that is no Python module")
    return importlib.import_module(name)


@pytest.mark.parametrize("name", MODULES)
def test_the_examples_run(name: str) -> None:
    module = loaded(name)
    with np.printoptions():  # the default formatter: ultralytics sets another as it is imported
        assert doctest.testmod(module).failed == 0


def test_every_public_function_has_an_example() -> None:
    functions = {name: value for name in ptdet.__all__ if inspect.isfunction(value := getattr(ptdet, name))}
    assert len(functions) > 40
    assert not [name for name, value in functions.items() if ">>>" not in (value.__doc__ or "")]
