"""Files of plain text, a record a line."""

from __future__ import annotations

import math
from pathlib import Path

from .predictions import FileProblem


def text_lines(path: Path) -> list[str]:
    """The lines of a text file, without the blanks around them.

    Raises:
        FileProblem: it is no text, or cannot be read.
    """
    return [line.strip() for line in text_of(path).splitlines()]


def text_of(path: Path) -> str:
    """All of a text file.

    Raises:
        FileProblem: it is no text, or cannot be read.
    """
    try:
        return path.read_text(encoding="utf-8-sig")
    except UnicodeDecodeError as error:
        raise FileProblem(f"{path.name} is no text: {error.reason}") from error
    except OSError as error:
        raise FileProblem(f"{path.name} cannot be read: {error.strerror or error}") from error


def finite_number(word: str) -> float | None:
    """The number that a word is; None if it is none, or not finite."""
    if "_" in word or not word.isascii():  # Python's own notation, and other digits
        return None
    try:
        value = float(word)
    except ValueError:
        return None
    return value if math.isfinite(value) else None


def class_number(word: str) -> int | None:
    """The class that a word is, perhaps written as 3.0; None if it is none."""
    value = finite_number(word)
    return None if value is None or value != int(value) or not 0 <= value < 2**31 else int(value)


def is_count(word: str) -> bool:
    """Whether it is a whole number that an int64 holds."""
    return word.isdecimal() and word.isascii() and len(word) <= 18
