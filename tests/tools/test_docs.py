"""The code in docs/*.md is the code of the project, and the examples run.

`python -m tests.tools.test_docs` refreshes it.

In a page, `<!-- from: path [docs: name] -->` is followed by what stands between the lines that hold `[docs: name]` and
`[docs: end]`; `[line: text]` stands for the lines that begin with the text, and `[all]` for a file.
"""

from __future__ import annotations

import re
import subprocess
import sys
import textwrap
from pathlib import Path

import pytest

ROOT = Path(__file__).parents[2]
PLACE = re.compile(
    r"^<!-- from: (\S+) \[(docs|line|all)(?:: ([^\]\n]*))?\] -->\n(?:```\w*\n(?s:.*?)^```\n)?", re.MULTILINE
)


def read(path: Path) -> str:
    return path.read_text(encoding="utf-8")  # whatever the locale


PAGES = [page for page in sorted((ROOT / "docs").glob("*.md")) if PLACE.search(read(page))]
EXAMPLES = sorted((ROOT / "examples").glob("gradient_*.py"))  # those of the page; others have tests of their own
LANGUAGES = {".py": "python", ".txt": "text"}


def snippet(path: str, kind: str, name: str) -> str:
    text = read(ROOT / path)
    if kind == "all":
        return text
    if kind == "line":
        lines = [line for line in text.splitlines(keepends=True) if line.startswith(name)]
        assert lines, f"{path} has no line that begins with {name!r}"
        return textwrap.dedent("".join(lines))
    piece = rf"^[^\n]*\[docs: {re.escape(name)}\]\n(.*?)^[^\n]*\[docs: end\]"
    found = re.findall(piece, text, re.DOTALL | re.MULTILINE)
    assert len(found) == 1, f"{path} has {len(found)} pieces named {name!r}"
    return textwrap.dedent(found[0]).strip("\n") + "\n"


def refreshed(page: str) -> str:
    def write(place: re.Match[str]) -> str:
        path, kind, name = place.group(1, 2, 3)
        marker = place.group().splitlines()[0]
        language = LANGUAGES.get(Path(path).suffix, "cpp")
        return f"{marker}\n```{language}\n{snippet(path, kind, name)}```\n"

    return PLACE.sub(write, page)


@pytest.mark.parametrize("page", PAGES, ids=lambda page: page.name)
def test_snippets_are_the_code(page: Path) -> None:
    assert read(page) == refreshed(read(page)), f"run: python -m tests.tools.test_docs  (to refresh {page.name})"


def test_there_is_something_to_check() -> None:
    assert any(page.name == "write-your-own-operator.md" for page in PAGES) and EXAMPLES


@pytest.mark.parametrize("example", EXAMPLES, ids=lambda example: example.stem)
def test_examples_run(example: Path) -> None:
    command = [sys.executable, "-W", "error", "-c", f"import runpy; runpy.run_path({str(example)!r})"]
    ran = subprocess.run(command, cwd=ROOT, capture_output=True, text=True, timeout=120)
    assert ran.returncode == 0, ran.stderr
    assert ran.stdout


if __name__ == "__main__":
    for page in PAGES:
        page.write_text(refreshed(read(page)), encoding="utf-8")
