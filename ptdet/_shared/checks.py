"""Bad plain values, for tensors and arrays alike: the argument, what was expected, what came. Needs no torch."""

from __future__ import annotations

import math
import sys
from collections.abc import Sequence
from numbers import Integral, Real
from operator import index
from typing import Any

LARGEST = sys.float_info.max
MOST = 2**63 - 1  # what an operator can be given
SYMBOLS = ("SymInt", "SymFloat")  # numbers that a torch compiler leaves open; by name, since torch may be absent


def shown(value: Any) -> str:
    """The value as a message can hold it: Python refuses to print an integer of thousands of digits."""
    return f"an integer of {value.bit_length()} bits" if type(value) is int and abs(value) > MOST**16 else repr(value)


def one_of(name: str, value: Any, allowed: Sequence[Any]) -> None:
    # an array or a dict that is looked for in the names would raise an error of its own
    if not isinstance(value, (str, int)) or value not in allowed:
        raise ValueError(f"{name}: expected one of {', '.join(map(str, allowed))}, got {shown(value)}")


def check_number(name: str, value: Any) -> None:
    """A number that is not NaN, and that a double can hold."""
    if type(value) is not float and not isinstance(value, Real) and type(value).__name__ not in SYMBOLS:
        raise TypeError(f"{name}: expected a number, got {type(value).__name__}")
    if value != value:  # math.isnan is more than torch.compile can trace
        raise ValueError(f"{name}: expected a number, got nan")
    if type(value) is int and not -LARGEST <= value <= LARGEST:
        raise ValueError(f"{name}: expected a number that a double can hold, got {shown(value)}")


def check_number_or_none(name: str, value: Any) -> None:
    if value is not None:
        check_number(name, value)


def check_at_least(name: str, value: Any, least: float = 0.0, above: bool = False) -> None:
    """A finite number >= least, or > least."""
    check_number(name, value)
    # comparisons alone, which NaN fails too: torch.compile knows no math.isfinite of a symbol
    if not (least < value < math.inf or (value == least and not above)):
        raise ValueError(f"{name}: expected a finite number {'>' if above else '>='} {least:g}, got {shown(value)}")


def check_positive(name: str, value: Any) -> None:
    """A finite number > 0."""
    check_at_least(name, value, above=True)


def check_flag(name: str, value: Any) -> None:
    if not isinstance(value, bool) and type(value).__name__ not in ("bool", "bool_"):  # NumPy's, by either name
        raise TypeError(f"{name}: expected True or False, got {type(value).__name__}")


def check_limit(name: str, value: Any) -> Any:
    """None, or an integer >= 0; None for more than there can be."""
    if value is not None and not isinstance(value, Integral) and type(value).__name__ != "SymInt":
        raise TypeError(f"{name}: expected an integer or None, got {type(value).__name__}")
    return None if value is None else _limit(name, value)


def _limit(name: str, value: Any) -> Any:
    if value < 0:
        raise ValueError(f"{name}: expected None or a number >= 0, got {shown(value)}")
    return None if isinstance(value, int) and value > MOST else value


def check_count(name: str, value: Any, most: int = MOST) -> None:
    """An integer in [0, most]."""
    if value is None:
        raise TypeError(f"{name}: expected an integer, got None")
    if value is not check_limit(name, value) or value > most:
        raise ValueError(f"{name}: expected a number from 0 to {most}, got {shown(value)}")


def class_numbers(classes: Any, num_classes: int) -> list[int]:
    """`classes`, one or several, as integers in [0, num_classes)."""
    try:
        labels = [classes] if hasattr(classes, "__index__") and not getattr(classes, "ndim", 0) else list(classes)
        numbers = [index(label) for label in labels]
    except TypeError as error:
        raise TypeError(f"classes: expected a list of integers, got {classes!r}") from error
    if any(isinstance(label, bool) for label in labels):  # a mask, whose flags would be taken for classes 0 and 1
        raise TypeError(f"classes: expected a list of integers, got {labels!r}")
    if not all(0 <= label < num_classes for label in numbers):
        raise ValueError(f"classes: expected numbers in [0, {num_classes}), got {numbers}")
    return numbers
