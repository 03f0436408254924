"""Which shards a worker has at hand, and what becomes of them when it answers or dies; for both engines."""

from __future__ import annotations

from collections import deque
from collections.abc import Callable, Iterable, Iterator, Sequence
from typing import Any

from ..io import FileProblem
from .runs import Runs

AHEAD = 2  # shards that a worker knows of: it need not wait for the next
ATTEMPTS = 3  # of a shard, until it is given up
FALSE_STARTS = 3  # of workers in a row, until none is started any more


class Dispatch:
    """Shards that are not done yet. `left` says how many no answer has come for."""

    def __init__(self, pending: Sequence[int], spans: Iterable[range], told: Callable[[dict[str, Any]], None]) -> None:
        self.left = len(pending)
        self._runs, self._told = Runs(pending, spans), told
        self._given: dict[int, deque[int]] = {}  # of each worker, the shard in work first
        self._lost: dict[int, int] = {}  # how often an attempt at a shard came to nothing
        self._false_starts = 0

    def starts(self, worker: int) -> None:
        """A worker of this number is started, perhaps in the place of one that died."""
        self._given[worker] = deque()

    def ready(self, worker: int) -> None:
        """It can work."""
        self._false_starts = 0

    def next(self, worker: int) -> int | None:
        """A shard that it is given now; None if it has enough, or nothing is left."""
        given = self._given[worker]
        shard = self._runs.next(worker) if len(given) < AHEAD else None
        if shard is not None:
            given.append(shard)
        return shard

    def answered(self, worker: int, answer: dict[str, Any]) -> Iterator[dict[str, Any]]:
        """What the run is told of what `answer_to` says: that itself, or {"shard", "failed": why}, or nothing yet.

        Raises:
            FileProblem: nothing more can be written.
        """
        shard = self._given[worker].popleft()
        assert shard == answer["shard"]
        if "disk" in answer:
            raise FileProblem(answer["disk"])
        if "error" in answer:
            yield from self._again(shard, answer["error"])
            return
        self.left -= 1
        yield {"shard": shard, "failed": answer["impossible"]} if "impossible" in answer else answer

    def died(self, worker: int, how: str, was_ready: bool) -> Iterator[dict[str, Any]]:
        """As `answered`; the shard in its hands is tried again, and what it had not begun goes to others.

        Raises:
            FileProblem: no worker starts.
        """
        given = self._given[worker]
        self._told({"event": "worker died", "number": worker, "how": how, "shards": list(given)})
        if not was_ready:
            self._false_starts += 1
            if self._false_starts >= FALSE_STARTS:
                raise FileProblem(f"no worker starts: {FALSE_STARTS} in a row did not, the last {how}")
        for shard in list(given)[1:]:
            self._runs.give_back(shard)
        if given:
            yield from self._again(given[0], f"its worker {how}")

    def _again(self, shard: int, why: str) -> Iterator[dict[str, Any]]:
        self._lost[shard] = self._lost.get(shard, 0) + 1
        if self._lost[shard] < ATTEMPTS:
            self._runs.give_back(shard)
        else:
            self.left -= 1
            yield {"shard": shard, "failed": f"{why}, {ATTEMPTS} times"}
