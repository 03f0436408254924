"""What one call adds to the peak memory of a process that does nothing else. Linux only: it reads /proc.

`python -m benchmarks.memory GROUP SCENE N LIBRARY` prints the bytes.
"""

from __future__ import annotations

import ctypes
import subprocess
import sys
from pathlib import Path

from .cases import Call, Options, Series
from .results import Memory

ROOT = Path(__file__).parents[1]
WARM_UP = 1000  # boxes of a first call, which loads libraries and starts threads


def measure(group: str, scene: str, n: int, library: str) -> Memory | None:
    """In a fresh process; None if that fails."""
    command = [sys.executable, "-m", "benchmarks.memory", group, scene, str(n), library]
    try:
        ran = subprocess.run(command, capture_output=True, text=True, timeout=600, cwd=ROOT)
    except (OSError, subprocess.TimeoutExpired):
        return None
    return Memory(group, scene, n, library, float(ran.stdout) / n) if ran.returncode == 0 else None


def possible() -> bool:
    return Path("/proc/self/clear_refs").exists()


def growth(series: Series, n: int, library: str) -> int:
    """Bytes by which the peak rises above what was resident before the call. The result is freed after that."""
    _call(series, WARM_UP, library)()
    call = _call(series, n, library)
    if sys.platform == "linux":
        ctypes.CDLL(None).malloc_trim(0)  # free pages would hide what the call allocates
    Path("/proc/self/clear_refs").write_text("5")  # the peak starts again from here
    before = resident("VmRSS")
    result = call()
    grown = resident("VmHWM") - before
    del result
    return grown


def _call(series: Series, n: int, library: str) -> Call:
    return next(one.call for one in series.build(n).contenders if one.library == library)


def resident(field: str) -> int:
    lines = Path("/proc/self/status").read_text().splitlines()
    return next(int(line.split()[1]) << 10 for line in lines if line.startswith(field + ":"))


def main() -> None:
    from .groups import GROUPS

    group, scene, n, library = sys.argv[1:]
    series = next(one for one in GROUPS[group].series(Options()) if one.scene == scene)
    print(growth(series, int(n), library))


if __name__ == "__main__":
    main()
