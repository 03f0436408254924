"""Whether a call is recorded into a program, which is to run where neither this patch nor ptdet is."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager

import torch

from .pieces import is_traced

_translates = False


def is_exported() -> bool:
    """Whether torch.export, either exporter of torch.onnx or torch.jit.trace is at work. torch.compile is not one.

    The flag and not `torch.compiler.is_exporting()`: torch.compile takes that for True, before torch 2.13.
    """
    return is_traced() or torch.compiler._is_exporting_flag


@contextmanager
def translated() -> Iterator[None]:
    """Within it our operators may be recorded: `ptdet.onnx.export` writes them in standard ones."""
    global _translates
    before, _translates = _translates, True
    try:
        yield
    finally:
        _translates = before


def takes_our_operators() -> bool:
    return _translates or not is_exported()
