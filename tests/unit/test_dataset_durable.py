"""Results that are there as a whole or not at all, and how one is known again."""

from __future__ import annotations

import os
from pathlib import Path

import pytest

from ptdet.dataset.durable import durable, is_as_printed, only_one, print_of
from ptdet.io import FileProblem


def write(place: Path, workshop: Path, text: str, folder: bool) -> None:
    with durable(place, workshop) as part:
        if folder:
            part.mkdir()
            (part / "a.txt").write_text(text)
            (part / "b.txt").write_text("b")
        else:
            part.write_text(text)


@pytest.mark.parametrize("folder", [False, True])
def test_what_was_there_stays_until_the_new_one_is_whole(tmp_path: Path, folder: bool) -> None:
    place, workshop = tmp_path / "x", tmp_path / "workshop"
    workshop.mkdir()
    write(place, workshop, "one", folder)
    known = print_of(place)
    content = place / "a.txt" if folder else place
    with pytest.raises(OSError, match="full"), durable(place, workshop) as part:
        part.mkdir() if folder else part.write_text("half")
        raise OSError("the disk is full")
    assert content.read_text() == "one" and print_of(place) == known and not list(workshop.iterdir())
    assert is_as_printed(place, known)
    os.utime(content)
    assert is_as_printed(place, known)  # its content is looked at
    content.write_text("two")
    assert not is_as_printed(place, known)
    write(place, workshop, "one", folder)
    assert is_as_printed(place, known) and not list(workshop.iterdir())
    content.unlink()
    assert not is_as_printed(place, known)


def test_one_at_a_time(tmp_path: Path) -> None:
    with only_one(tmp_path / "lock"), pytest.raises(FileProblem, match="at work"), only_one(tmp_path / "lock"):
        pass
    with only_one(tmp_path / "lock"):
        pass
