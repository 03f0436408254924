"""Class names, as `--classes` takes them: a list, or a file of names."""

from __future__ import annotations

import re
from pathlib import Path

from ..io import FileProblem
from ..io.data_yaml import complete, load_yaml, names_in

OTHER_FORMS = (".json", ".pbtxt", ".csv", ".xml")  # whose lines are no names
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
    try:
        return complete(text.removesuffix(",").split(","), "name")
    except FileProblem as problem:
        raise ValueError(str(problem)) from problem


def _of_file(path: Path) -> tuple[str, ...]:
    if path.suffix.lower() in OTHER_FORMS:
        raise ValueError(f"{path} is a {path.suffix}: expected a text with one name a line, or a data.yaml")
    try:
        text = path.read_text(encoding="utf-8-sig")
    except (OSError, UnicodeDecodeError) as error:
        said = error.strerror if isinstance(error, OSError) else f"is no UTF-8: {error}"
        raise ValueError(f"{path} cannot be read: {said}") from error
    try:
        if path.suffix.lower() in (".yaml", ".yml"):
            return names_in(load_yaml(text))
        return complete(text.rstrip().splitlines(), "line")
    except FileProblem as problem:
        raise ValueError(f"{path}: {problem}") from problem
