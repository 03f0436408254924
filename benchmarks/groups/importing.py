"""The time of an import, each in a fresh process that has imported torch."""

from __future__ import annotations

import subprocess
import sys
from collections.abc import Callable, Iterator

from ..cases import OURS, Case, Contender, Group, Options, Series
from ..measure import self_timed
from ..peers import PEERS, find

TIMED = "import time{first}; start = time.perf_counter(); import {module}{then}; print(time.perf_counter() - start)"


def seconds_of(module: str, *, beside_torch: bool = True, then: str = "") -> Callable[[], float]:
    """Starts a Python process and returns the seconds of the import in it."""
    code = TIMED.format(first=", torch" if beside_torch else "", module=module, then=then)

    def call() -> float:
        ran = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, timeout=300, check=True)
        return float(ran.stdout)

    return call


def build(n: int) -> Case:
    ours = Contender(OURS, seconds_of("ptdet", then="; ptdet.build_info()"), note="with all operators registered")
    alone = Contender("ptdet, no torch", seconds_of("ptdet", beside_torch=False), note="registers when first used")
    peers = [Contender(name, seconds_of(peer.module)) for name, peer in PEERS.items() if find(name)]
    return Case([ours, alone, *peers], seconds_of("torch", beside_torch=False), self_timed)


def series(options: Options) -> Iterator[Series]:
    yield Series("import", "after torch", (1,), build, dtype="")


GROUP = Group(
    "import",
    "seconds that an import adds to importing torch",
    "importing torch itself",
    series,
    difference=lambda ours, theirs: 0.0,
    difference_in="",
    size_name="import",
)
