"""The data.yaml of ultralytics: `names`, and where the pictures are. Needs PyYAML, and only this file does."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

from .predictions import FileProblem


def load_yaml(text: str) -> Any:
    """What it holds, all scalars as text: a class "no" is not false. Nothing in it is executed.

    Raises:
        FileProblem: PyYAML is absent, or it is no YAML.
    """
    try:
        import yaml
    except ImportError as error:
        raise FileProblem("needs PyYAML: pip install pyyaml, or give a file with one name a line") from error
    try:
        return yaml.load(text, yaml.BaseLoader)
    except (yaml.YAMLError, RecursionError) as error:
        raise FileProblem(f"is no YAML: {' '.join(str(error).split())}") from error


def names_in(stored: Any) -> tuple[str, ...]:
    """`names` as a list, or as a dict of number and name.

    Raises:
        FileProblem: there are none, or some are missing, or `nc` is another number.
    """
    named = stored.get("names") if isinstance(stored, dict) else None
    if isinstance(named, dict):
        if set(named) != set(map(str, range(len(named)))):
            raise FileProblem(f"names: expected the numbers 0..{len(named) - 1}, got {', '.join(map(str, named))[:60]}")
        named = [named[str(number)] for number in range(len(named))]
    if not isinstance(named, list) or not all(isinstance(name, str) for name in named):
        raise FileProblem("expected names, a list or a dict of number and name")
    if "nc" in stored and stored["nc"] != str(len(named)):
        said = stored["nc"][:20] if isinstance(stored["nc"], str) else "no number"  # lists may be endless by aliases
        raise FileProblem(f"has nc: {said}, and {len(named)} names")
    return complete(named, "name")


def complete(names: Sequence[str], place: str) -> tuple[str, ...]:
    """The names, stripped. One that is missing would move all that follow to another class.

    Raises:
        FileProblem: one is empty, or there are none.
    """
    stripped = tuple(name.strip() for name in names)
    for number, name in enumerate(stripped, 1):
        if not name:
            raise FileProblem(f"{place} {number} is empty")
    if not stripped:
        raise FileProblem("has no names")
    return stripped
