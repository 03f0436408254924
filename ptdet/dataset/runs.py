"""Which worker does which shard: neighbours go to one worker, and who is done takes half of what another has left."""

from __future__ import annotations

from collections import deque
from collections.abc import Iterable, Sequence


class Runs:
    """Hands out each shard once, until it is given back."""

    def __init__(self, pending: Sequence[int], spans: Iterable[range]) -> None:
        """`pending` in rising order; shards of one of `spans` are neighbours."""
        self._pending = pending
        self._again: deque[int] = deque()
        self._own: dict[int, list[int]] = {}  # worker -> places in `pending` that are its own: from, to
        self._free: deque[list[int]] = deque()
        at = 0
        for span in spans:
            start = at
            while at < len(pending) and pending[at] < span.stop:
                at += 1
            if at > start:
                self._free.append([start, at])

    def next(self, worker: int) -> int | None:
        """The next shard of a worker; None if nothing is left for it now."""
        if self._again:
            return self._again.popleft()
        own = self._own.get(worker)
        if own is None or own[0] == own[1]:
            own = self._free.popleft() if self._free else self._half_of_another()
            if own is None:
                return None
            self._own[worker] = own
        own[0] += 1
        return self._pending[own[0] - 1]

    def give_back(self, shard: int) -> None:
        """It was not done: the next who asks gets it."""
        self._again.append(shard)

    def _half_of_another(self) -> list[int] | None:
        longest = max(self._own.values(), key=lambda own: own[1] - own[0], default=None)
        if longest is None or longest[0] == longest[1]:
            return None
        middle = (longest[0] + longest[1]) // 2
        half = [middle, longest[1]]
        longest[1] = middle
        return half
