"""`pytest -m cuda`: the tests that need a GPU, in one process, each named before it runs."""

from __future__ import annotations

import re
import time
from collections import Counter
from pathlib import Path
from typing import Any

from .plan import ROOT
from .stage import Journal, arguments

NEEDS_A_GPU = re.compile(r"\bmark\.cuda\b|\bdevice\b")


class Watch:
    """A plugin of pytest that keeps the journal."""

    def __init__(self, journal: Journal) -> None:
        self.journal = journal
        self.counts: Counter[str] = Counter()
        self.reasons: Counter[str] = Counter()

    def pytest_collection_finish(self, session: Any) -> None:
        self.journal.result["of"] = len(session.items)

    def pytest_runtest_protocol(self, item: Any) -> bool | None:
        """True: this test is not to be run."""
        if time.time() < self.journal.until:
            return None
        item.session.shouldstop = "there is no time left"
        self.journal.result.setdefault("cut_before", item.nodeid)
        return True

    def pytest_runtest_logreport(self, report: Any) -> None:
        if report.failed:
            self.counts["failed"] += 1
            why = [line for line in str(report.longrepr).splitlines() if line.startswith("E ")]
            self.journal.fail(f"{report.nodeid}, {report.when}: {' '.join(why[:1]).removeprefix('E').strip()}")
        elif report.skipped:
            self.counts["skipped"] += 1
            reason = report.longrepr[-1] if isinstance(report.longrepr, tuple) else report.wasxfail
            self.reasons[str(reason).removeprefix("Skipped: ")] += 1
        elif report.when == "call":
            self.counts["passed"] += 1
        if report.when == "teardown":
            self.journal.done()

    def pytest_collectreport(self, report: Any) -> None:
        if report.failed:
            self.journal.fail(f"{report.nodeid}: {str(report.longrepr).splitlines()[-1]}")


def main() -> int:
    parser = arguments(__doc__)
    parser.add_argument("files", type=Path, nargs="*", help="default: those of tests/ that may need a GPU")
    parser.add_argument("--mark", default="cuda", help="the tests that are chosen")
    asked = parser.parse_args()
    journal = Journal(asked, 0, "tests")
    try:
        import pytest
    except ImportError as error:
        journal.result["left_out"] = f"pytest is not installed: {error}"
        return journal.finish()
    files = asked.files or [
        path for path in sorted((ROOT / "tests").rglob("test_*.py")) if NEEDS_A_GPU.search(path.read_text("utf-8"))
    ]
    watch = Watch(journal)
    options = ["-v", "--color=no", "--tb=short", "-p", "no:cacheprovider", "-m", asked.mark]
    code = pytest.main([*options, *map(str, files)], plugins=[watch])
    if code not in (pytest.ExitCode.OK, pytest.ExitCode.TESTS_FAILED) and "cut_before" not in journal.result:
        journal.fail(f"pytest: {code!s}")
    elif not watch.counts["passed"] and asked.fake_device is None and "cut_before" not in journal.result:
        journal.fail("no test passed")
    journal.result["counts"], journal.result["skipped"] = dict(watch.counts), dict(watch.reasons)
    journal.result["table"] = [
        ", ".join(f"{count} {what}" for what, count in sorted(watch.counts.items())) or "no test ran",
        *(f"skipped {count}: {reason}" for reason, count in sorted(watch.reasons.items())),
    ]
    return journal.finish()


if __name__ == "__main__":
    raise SystemExit(main())
