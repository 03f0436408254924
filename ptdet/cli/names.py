"""Class names, as `--classes` takes them: a list, or a file of names."""

from __future__ import annotations

import re
from pathlib import Path
from typing import Any

LOOKS_LIKE_A_FILE = re.compile(r"[^,]*([/\\][^,]*|\.\w{1,5})|.*\.(txt|names|ya?ml)", re.IGNORECASE)


def class_names(text: str) -> tuple[str, ...]:
    """The names in `a,b,c`, in a file with one a line, or in the data.yaml of ultralytics.

    `x,` is the one class x, whatever it looks like.

    Raises:
        ValueError: there is no such file, or it has no names; in one line.
    """
    try:
        is_there = Path(text).exists()
    except (OSError, ValueError):  # a list of names may be longer than a name of a file
        is_there = False
    if is_there:
        return _of_file(Path(text))
    if LOOKS_LIKE_A_FILE.fullmatch(text):
        raise ValueError(f"{text}: there is no such file (one class of that name is {text!r} with a comma behind it)")
    return _complete(text.removesuffix(",").split(","), "name")


def _of_file(path: Path) -> tuple[str, ...]:
    try:
        text = path.read_text(encoding="utf-8-sig")
    except (OSError, UnicodeDecodeError) as error:
        said = error.strerror if isinstance(error, OSError) else f"is no UTF-8: {error}"
        raise ValueError(f"{path} cannot be read: {said}") from error
    if path.suffix.lower() in (".yaml", ".yml"):
        return _of_yaml(path, text)
    return _complete(text.rstrip().splitlines(), f"{path}, line")


def _of_yaml(path: Path, text: str) -> tuple[str, ...]:
    """`names` as a list, or as a dict of number and name."""
    try:
        import yaml
    except ImportError as error:
        raise ValueError(f"{path} needs PyYAML: pip install pyyaml, or give a file with one name a line") from error
    try:
        stored: Any = yaml.load(text, yaml.BaseLoader)  # all scalars are text: a class "no" is not false
    except yaml.YAMLError as error:
        raise ValueError(f"{path} is no YAML: {' '.join(str(error).split())}") from error
    named = stored.get("names") if isinstance(stored, dict) else None
    if isinstance(named, dict):
        if sorted(named) != sorted(map(str, range(len(named)))):
            raise ValueError(f"{path}: names: expected the numbers 0..{len(named) - 1}, got {', '.join(named)[:60]}")
        named = [named[str(number)] for number in range(len(named))]
    if not isinstance(named, list) or not all(isinstance(name, str) for name in named):
        raise ValueError(f"{path}: expected names, a list or a dict of number and name")
    return _complete(named, f"{path}, name")


def _complete(names: list[str], place: str) -> tuple[str, ...]:
    """A name that is missing would move all that follow to another class."""
    stripped = tuple(name.strip() for name in names)
    for number, name in enumerate(stripped, 1):
        if not name:
            raise ValueError(f"{place} {number} is empty")
    if not stripped:
        raise ValueError(f"{place.split(',')[0]} has no names")
    return stripped
