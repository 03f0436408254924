"""A clock for a machine whose cores have other work."""

from __future__ import annotations

import subprocess
import sys
import time

from .cases import Call
from .measure import wall_clock

SETTLE = 0.1  # seconds until the others are on the cores
SPIN = "while True: pass"


def busy_clock(call: Call, repeats: int, processes: int = 2) -> float:
    """Seconds a call while so many processes do nothing but compute."""
    others = [subprocess.Popen([sys.executable, "-S", "-c", SPIN]) for _ in range(processes)]
    try:
        time.sleep(SETTLE)
        return wall_clock(call, repeats)
    finally:
        for other in others:
            other.kill()
            other.wait()
