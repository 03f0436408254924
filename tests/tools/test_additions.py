"""CONTRIBUTING tells which files an addition touches: those of the last one of its kind, by a search for its name."""

from __future__ import annotations

import re
import subprocess
from pathlib import Path

import pytest

ROOT = Path(__file__).parents[2]
# Where the name stands that are no part of the addition.
LEFT_OUT = {"CHANGELOG.md", "CONTRIBUTING.md", "tests/tools/test_additions.py"}


def tracked_with(word: str) -> set[str]:
    """The files that git knows in which it stands, in any case, or the operator of this name."""
    command = ["git", "grep", "--untracked", "-liE", rf"\b{word}(_walk)?\b"]
    found = subprocess.run(command, cwd=ROOT, capture_output=True, text=True)
    if found.returncode > 1:
        pytest.skip("not a git checkout")
    return {*found.stdout.splitlines()} - LEFT_OUT


def told(section: str) -> tuple[int, set[str]]:
    """How many files a section of CONTRIBUTING says, and those it names."""
    page = (ROOT / "CONTRIBUTING.md").read_text(encoding="utf-8")
    text = page.split(f"\n## {section}\n")[1].split("\n## ")[0]
    count = re.search(r"(\d+) files", text)
    assert count
    return int(count.group(1)), {name for name in re.findall(r"`([\w./]+\.\w+)`", text) if (ROOT / name).exists()}


@pytest.mark.parametrize(
    ("section", "word"),
    [("To add an overlap measure", "tiou"), ("To add a variant of the greedy pass", "adaptive(_nms)?")],
)
def test_the_files_of_an_addition_are_those_told(section: str, word: str) -> None:
    count, files = told(section)
    assert files == tracked_with(word)
    assert count == len(files)
