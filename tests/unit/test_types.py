"""What a type checker is told of the public functions."""

from __future__ import annotations

import inspect
import sys
import typing
from types import ModuleType

import pytest

import ptdet
import ptdet.numpy


@pytest.mark.skipif(sys.version_info < (3, 11), reason="typing.get_overloads came with Python 3.11")
@pytest.mark.parametrize("home", [ptdet, ptdet.numpy])
def test_keep_alone_is_no_union(home: ModuleType) -> None:
    """Where `return_owner` turns one result into a tuple, each has its overload."""
    functions = [getattr(home, name) for name in home.__all__]
    seen = 0
    for function in filter(inspect.isfunction, functions):
        signature = inspect.signature(function)
        if "return_owner" in signature.parameters and " | " in signature.return_annotation:
            seen += 1
            plain, owned = (inspect.signature(each) for each in typing.get_overloads(function))
            assert list(plain.parameters) == list(owned.parameters) == list(signature.parameters), function
            assert f"{plain.return_annotation} | {owned.return_annotation}" == signature.return_annotation
    assert seen >= 5
