"""Packages that only some runs need."""

from __future__ import annotations

from importlib import import_module
from typing import Any

from ..io import FileProblem


def needed(module: str, what: str, extra: str) -> Any:
    """The module.

    Raises:
        FileProblem: it is not installed; says what installs it.
    """
    try:
        return import_module(module)
    except ModuleNotFoundError as error:
        package = module.split(".")[0]
        if error.name is None or error.name.split(".")[0] != package:
            raise
        raise FileProblem(f"{what} needs {package}: pip install 'ptdet[{extra}]'") from None
