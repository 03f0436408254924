"""What the values of options are: text of the command line in, numbers and names out."""

from __future__ import annotations

import argparse
import math
import re
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from ..io import Space


def number(text: str) -> float:
    try:
        value = float(text)
    except ValueError:
        value = math.nan
    if math.isnan(value):
        raise argparse.ArgumentTypeError(f"expected a number, got {text!r}")
    return value


def count(text: str) -> int:
    if not text.isdecimal() or len(text) > 18:
        raise argparse.ArgumentTypeError(f"expected a whole number, got {text[:60]!r}")
    return int(text)


def count_above_0(text: str) -> int:
    if not text.isdecimal() or len(text) > 18 or int(text) < 1:
        raise argparse.ArgumentTypeError(f"expected a whole number above 0, got {text[:60]!r}")
    return int(text)


def weights(text: str) -> tuple[float, ...]:
    weights = tuple(map(number, text.split(",")))
    if not all(0 < weight < math.inf for weight in weights):
        raise argparse.ArgumentTypeError(f"expected numbers above 0, got {text!r}")
    return weights


def size(text: str) -> tuple[int, int]:
    found = re.fullmatch(r"([1-9]\d{0,5})x([1-9]\d{0,5})", text)
    if not found:
        raise argparse.ArgumentTypeError(f"expected width and height, as 640x480, got {text!r}")
    return int(found[1]), int(found[2])


def spread(text: str) -> tuple[float, ...]:
    """Increasing numbers: a,b,c or first:last:step."""
    parts = [number(part) for part in text.split(":" if ":" in text else ",")]
    if ":" in text and len(parts) == 3 and parts[2] > 0 and parts[1] >= parts[0]:
        first, last, step = parts
        count = round((last - first) / step)
        if not 0 < count <= 1000 or abs(first + count * step - last) > 1e-9:
            raise argparse.ArgumentTypeError(f"expected a step that leads from the first to the last, got {text!r}")
        # as numpy.linspace, and so pycocotools, has them, to the last bit
        parts = [first + n * ((last - first) / count) for n in range(count)] + [last]
    elif ":" in text:
        raise argparse.ArgumentTypeError(f"expected first:last:step, got {text!r}")
    if parts != sorted(set(parts)):
        raise argparse.ArgumentTypeError(f"expected increasing numbers, got {text!r}")
    return tuple(parts)


def port(text: str) -> int:
    port = count(text)
    if port > 65535:
        raise argparse.ArgumentTypeError(f"expected a number from 0 to 65535, got {text!r}")
    return port


def thresholds(text: str) -> tuple[float, ...]:
    """The same, above 0 and up to 1."""
    parts = spread(text)
    if not 0 < parts[0] <= parts[-1] <= 1:
        raise argparse.ArgumentTypeError(f"expected increasing overlaps above 0, up to 1, got {text!r}")
    return parts


def names(text: str) -> tuple[str, ...]:
    return tuple(name.strip() for name in text.split(","))


class Classes(tuple[str, ...]):
    """Their names, and the text that gave them: the name of a file may stand for names with commas in them."""

    given: str


def classes(text: str) -> Classes:
    from .names import class_names

    try:
        names = Classes(class_names(text))
        names.given = text
        return names
    except ValueError as error:
        raise argparse.ArgumentTypeError(str(error)) from error


def space(text: str) -> Space:
    from ..io import parse_space

    try:
        return parse_space(text)
    except ValueError as error:
        raise argparse.ArgumentTypeError(str(error)) from error
