"""Loads _numpy, says why where that fails, and settles its threads."""

from __future__ import annotations

import os
from functools import partial
from importlib import import_module
from typing import Any

from .._shared.build_record import HERE, build_record, cpu_problem, not_built, warn, why_disabled
from .._shared.shapes import Rotated

MOST_THREADS = 1024


def _load() -> Any:
    if disabled := why_disabled():
        raise ImportError(f"ptdet.numpy has no kernels: {disabled}")
    try:
        return import_module("ptdet._numpy")
    except ModuleNotFoundError as error:
        record = build_record()
        of_another = f"the ptdet in {HERE.parent} was built for another Python: pip install . there with this one"
        why = record.get("numpy_failed") or (of_another if record else not_built())
        raise ImportError(f"ptdet.numpy has no kernels: {why}") from error
    except ImportError as error:
        why = build_record().get("numpy_failed", f"{error}; build ptdet again for this Python")
        raise ImportError(f"ptdet.numpy has no kernels: {why}") from error


def _usable_processors() -> int:
    return len(os.sched_getaffinity(0)) if hasattr(os, "sched_getaffinity") else os.cpu_count() or 1


def _threads_at_first() -> int:
    asked = os.environ.get("PTDET_NUM_THREADS", "")
    if asked.isdecimal() and 0 < int(asked) <= MOST_THREADS:
        return int(asked)
    if asked:
        warn(f"PTDET_NUM_THREADS={asked!r} is not obeyed: expected a number from 1 to {MOST_THREADS}")
    return min(_usable_processors(), MOST_THREADS)


def _possible_instruction_sets() -> list[str]:
    found: list[str] = []
    while name := native.possible_instruction_set(len(found)):
        found.append(name)
    return found


native = _load()
if _problem := cpu_problem(_possible_instruction_sets(), native.instruction_set()):
    warn(_problem)
native.set_num_threads(_threads_at_first())


def kernel(name: str, boxes: Any) -> Any:
    """The kernel of this name for the boxes' shape, which takes what comes after them."""
    if type(boxes) is Rotated:
        return partial(getattr(native, f"rotated_{name}"), boxes.boxes)
    return partial(getattr(native, name), boxes)


def get_num_threads() -> int:
    """How many threads a call may use; PTDET_NUM_THREADS, or the number of usable processors, unless it was set."""
    count: int = native.get_num_threads()
    return count


def set_num_threads(count: int) -> None:
    """Sets how many threads a call may use, that of the caller included. No result depends on it.

    Raises:
        TypeError, ValueError: if it is no whole number above 0.
    """
    if not isinstance(count, int):
        raise TypeError(f"count: expected an integer, got {type(count).__name__}")
    if not 0 < count <= MOST_THREADS:
        raise ValueError(f"count: expected a number from 1 to {MOST_THREADS}, got {count}")
    native.set_num_threads(count)
