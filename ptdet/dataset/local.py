"""The engine on one machine: worker processes, each with two shards at hand, and new ones for those that die."""

from __future__ import annotations

import json
import os
import selectors
import signal
import subprocess
import sys
from collections import deque
from collections.abc import Callable, Generator, Iterator, Sequence
from typing import Any

from ..io import FileProblem
from .plan import Places, Plan
from .runs import Runs
from .shard import Attempts

FALSE_STARTS = 3  # in a row, until no worker is started any more
AHEAD = 2  # shards that a worker knows of: it need not wait for the next
ONE_THREAD = ("PTDET_NUM_THREADS", "OMP_NUM_THREADS", "OPENBLAS_NUM_THREADS", "MKL_NUM_THREADS", "ARROW_NUM_THREADS")


class _Worker:
    """A process and the shards that it was given, the one in work first."""

    def __init__(self, hello: dict[str, Any], number: int) -> None:
        self.number = number
        self.given: deque[int] = deque()
        self.ready = False
        self._rest = b""
        self.process = subprocess.Popen(
            [sys.executable, "-m", "ptdet.dataset.worker"],
            stdin=subprocess.PIPE,
            stdout=subprocess.PIPE,
            bufsize=0,
            env={**os.environ, **dict.fromkeys(ONE_THREAD, "1"), "PYTHONPATH": os.pathsep.join(filter(None, sys.path))},
        )
        self.send(hello)

    def send(self, what: dict[str, Any]) -> None:
        """Its death is noticed where answers are read."""
        assert self.process.stdin is not None
        line = memoryview(json.dumps(what).encode() + b"\n")
        try:
            while line:
                line = line[self.process.stdin.write(line) :]
        except BrokenPipeError:
            pass

    def answers(self) -> list[dict[str, Any]] | None:
        """What it says; None if it is gone."""
        assert self.process.stdout is not None
        block = os.read(self.process.stdout.fileno(), 1 << 16)
        *lines, self._rest = (self._rest + block).split(b"\n")
        return [json.loads(line) for line in lines] if block else None

    def end(self) -> None:
        """It is killed if it still works: what it has not finished is nowhere."""
        self.process.kill()
        for pipe in (self.process.stdin, self.process.stdout):
            assert pipe is not None
            pipe.close()
        self.process.wait()


def run_local(
    plan: Plan, places: Places, pending: Sequence[int], workers: int, told: Callable[[dict[str, Any]], None]
) -> Generator[dict[str, Any], None, None]:
    """An answer for each pending shard: what `make` returns, or {"shard", "failed": why}.

    Args:
        told: is given what else happens, as lines of the log.

    Raises:
        FileProblem: nothing can be written, or no worker starts.
    """
    yield from _Pool(plan, places, pending, workers, told).answers()


class _Pool:
    def __init__(
        self,
        plan: Plan,
        places: Places,
        pending: Sequence[int],
        workers: int,
        told: Callable[[dict[str, Any]], None],
    ) -> None:
        self._plan, self._places, self._told = plan, places, told
        self._hello = {"job": plan.job.told(), "out": str(places.out), "workshop": str(places.workshop)}
        self._runs = Runs(pending, plan.spans())
        self._left = len(pending)
        self._attempts = Attempts()
        self._count = min(workers, max(1, len(pending)))
        self._selector = selectors.DefaultSelector()
        self._workers: dict[int, _Worker] = {}
        self._false_starts = 0

    def answers(self) -> Iterator[dict[str, Any]]:
        try:
            for number in range(self._count if self._left else 0):
                self._start(number)
            while self._left:
                for key, _ in self._selector.select():
                    for answer in self._hear(key.data):
                        self._left -= 1
                        yield answer
        finally:
            for worker in self._workers.values():
                worker.end()
            self._selector.close()

    def _start(self, number: int) -> None:
        worker = _Worker(self._hello, number)
        self._workers[number] = worker
        self._selector.register(worker.process.stdout or 0, selectors.EVENT_READ, worker)

    def _hear(self, worker: _Worker) -> Iterator[dict[str, Any]]:
        answers = worker.answers()
        if answers is None:
            yield from self._bury(worker)
            return
        for answer in answers:
            if "ready" in answer:
                worker.ready, self._false_starts = True, 0
                self._told({"event": "worker", "number": worker.number, "process": answer["ready"]})
            else:
                shard = worker.given.popleft()
                assert shard == answer["shard"]
                yield from self._settled(shard, self._attempts.judged(answer))
        self._feed(worker)

    def _feed(self, worker: _Worker) -> None:
        while len(worker.given) < AHEAD and (shard := self._runs.next(worker.number)) is not None:
            worker.given.append(shard)
            worker.send(self._plan.task(shard, self._places))

    def _bury(self, worker: _Worker) -> Iterator[dict[str, Any]]:
        """Its shard is tried again by others; a new worker takes its place."""
        self._selector.unregister(worker.process.stdout or 0)
        worker.end()
        code = worker.process.returncode
        how = f"was killed by {signal.Signals(-code).name}" if code < 0 else f"ended with code {code}"
        self._told({"event": "worker died", "number": worker.number, "how": how, "shards": list(worker.given)})
        if not worker.ready:
            self._false_starts += 1
            if self._false_starts >= FALSE_STARTS:
                raise FileProblem(f"no worker starts: {FALSE_STARTS} in a row ended at once, the last {how}")
        in_work = worker.given[0] if worker.given else None
        ahead = list(worker.given)[1:]
        for shard in ahead:
            self._runs.give_back(shard)
        if in_work is not None:
            yield from self._settled(in_work, self._attempts.lost(in_work, f"its worker {how}"))
        self._start(worker.number)
        for other in self._workers.values():  # those that had nothing left to do
            if other.ready:
                self._feed(other)

    def _settled(self, shard: int, answer: dict[str, Any] | None) -> Iterator[dict[str, Any]]:
        if answer is None:
            self._runs.give_back(shard)
        else:
            yield answer
