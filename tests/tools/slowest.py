"""What takes longest in the fast layer: `python -m tests.tools.slowest build/test.xml`, of the last `make test`.

A test belongs to the fast layer until it is marked `slow`: this is where one shows that should be.
"""

from __future__ import annotations

import sys
from collections import Counter
from pathlib import Path
from xml.etree import ElementTree

MOST = 15


def table(report: Path) -> list[str]:
    """The slowest files and tests, of pytest's --junit-xml."""
    files: Counter[str] = Counter()
    tests: Counter[str] = Counter()
    for case in ElementTree.parse(report).iter("testcase"):
        seconds, file = float(case.get("time", "0")), case.get("classname", "").replace(".", "/") + ".py"
        files[file] += seconds
        tests[f"{file}::{case.get('name')}"] += seconds
    together = f"the fast layer: {len(tests)} tests, {sum(files.values()):.0f} s in all workers together; longest:"
    return [together, *(f"{seconds:7.1f} s  {name}" for of in (files, tests) for name, seconds in of.most_common(MOST))]


if __name__ == "__main__":
    written = Path(sys.argv[1])
    print("\n".join(table(written)) if written.exists() else f"{written} is not there: make test writes it")
