"""Files that are written as a whole or not at all."""

from __future__ import annotations

import errno
import os
import re
import secrets
import shutil
import tempfile
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

from .predictions import FileProblem

NO_FILE = "it is there, and no file"


@contextmanager
def whole_file(path: Path) -> Iterator[Path]:
    """A place to write to, of the same suffix, that becomes `path` at the end: nobody ever meets half a file.

    What was there before stays until then, and for good if something is raised.
    """
    target = path.resolve()  # a link stays a link
    if _is_special(target):
        raise OSError(errno.EINVAL, NO_FILE)
    target.parent.mkdir(parents=True, exist_ok=True)
    part = target.with_name(f".ptdet-{secrets.token_hex(8)}{target.suffix}")
    try:
        yield part
        if target.exists():
            shutil.copymode(target, part)
        os.replace(part, target)
    finally:
        part.unlink(missing_ok=True)


def check_writable(path: Path, is_folder: bool) -> None:
    """Makes the folder of `path`, or `path` itself, and a file in it that has no name.

    Raises:
        FileProblem: nothing can be written there.
    """
    folder = path if is_folder else path.resolve().parent
    try:
        folder.mkdir(parents=True, exist_ok=True)
        with tempfile.TemporaryFile(dir=folder):
            pass
        if not is_folder and _is_special(path):
            raise OSError(errno.EINVAL, NO_FILE)
        if not is_folder and path.exists() and not os.access(path, os.W_OK):
            raise PermissionError("is write-protected")
    except OSError as error:
        raise FileProblem(f"cannot be written: {error.strerror or error}") from error


def one_name(text: str) -> str:
    """`text` as the name of a file, short, in the folder at hand: an id of a picture may be a path, of anywhere."""
    short = re.sub(r'[\x00-\x1f/\\:*?"<>|]+', "_", text).encode("utf-8", "replace")[:100]
    return short.decode("utf-8", "ignore").strip(". ") or "_"


def _is_special(path: Path) -> bool:
    """A device or a pipe: the new file would take its place for everybody."""
    return path.exists() and not path.is_file() and not path.is_dir()
