"""A clock for calls while other processes use the cores."""

from __future__ import annotations

import subprocess
import sys
import time

from .cases import Call
from .measure import wall_clock

SETTLE = 0.1  # seconds until the other processes run
SPIN = "while True: pass"


def busy_clock(call: Call, repeats: int, processes: int = 2) -> float:
    """Seconds a call takes while this many processes compute without pause."""
    others = [subprocess.Popen([sys.executable, "-S", "-c", SPIN]) for _ in range(processes)]
    try:
        time.sleep(SETTLE)
        return wall_clock(call, repeats)
    finally:
        for other in others:
            other.kill()
            other.wait()
