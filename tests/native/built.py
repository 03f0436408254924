"""Where the last build of this checkout is."""

from __future__ import annotations

from pathlib import Path

ROOT = Path(__file__).parents[2]


def last_build() -> Path | None:
    """The folder of its build.ninja, one for each release of ninja; None if nothing was built here."""
    found = list((ROOT / "build").glob("ninja-*/build.ninja"))
    return max(found, key=lambda path: path.stat().st_mtime).parent if found else None
