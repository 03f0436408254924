"""The engine on one machine: worker processes, each with two shards at hand, and new ones for those that die."""

from __future__ import annotations

import json
import os
import selectors
import signal
import subprocess
import sys
from collections.abc import Callable, Generator, Iterator, Sequence
from typing import Any

from ..io import FileProblem
from .dispatch import Dispatch
from .plan import Places, Plan

ONE_THREAD = ("PTDET_NUM_THREADS", "OMP_NUM_THREADS", "OPENBLAS_NUM_THREADS", "MKL_NUM_THREADS", "ARROW_NUM_THREADS")


class _Worker:
    """A process that makes shards."""

    def __init__(self, hello: dict[str, Any], number: int) -> None:
        self.number = number
        self.ready = False
        self._rest = b""
        before = signal.pthread_sigmask(signal.SIG_BLOCK, {signal.SIGINT})  # a Ctrl-C is for the parent, which ends it
        try:
            self.process = subprocess.Popen(
                [sys.executable, "-m", "ptdet.dataset.worker"],
                stdin=subprocess.PIPE,
                stdout=subprocess.PIPE,
                bufsize=0,
                env={
                    **os.environ,
                    **dict.fromkeys(ONE_THREAD, "1"),
                    "PYTHONPATH": os.pathsep.join(filter(None, sys.path)),
                },
            )
        except OSError as error:  # there are as many processes as there may be, or no memory for one more
            raise FileProblem(f"no worker starts: {error.strerror or error}") from error
        finally:
            signal.pthread_sigmask(signal.SIG_SETMASK, before)
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
        self._dispatch = Dispatch(pending, plan.spans(), told)
        self._count = min(workers, len(pending))
        self._selector = selectors.DefaultSelector()
        self._workers: dict[int, _Worker] = {}

    def answers(self) -> Iterator[dict[str, Any]]:
        try:
            for number in range(self._count):
                self._start(number)
            while self._dispatch.left:
                for key, _ in self._selector.select():
                    yield from self._hear(key.data)
        finally:
            for worker in self._workers.values():
                worker.end()
            self._selector.close()

    def _start(self, number: int) -> None:
        worker = _Worker(self._hello, number)
        self._workers[number] = worker
        self._dispatch.starts(number)
        self._selector.register(worker.process.stdout or 0, selectors.EVENT_READ, worker)

    def _hear(self, worker: _Worker) -> Iterator[dict[str, Any]]:
        answers = worker.answers()
        if answers is None:
            yield from self._bury(worker)
            return
        for answer in answers:
            if "ready" in answer:
                worker.ready = True
                self._dispatch.ready(worker.number)
                self._told({"event": "worker", "number": worker.number, "process": answer["ready"]})
            else:
                yield from self._dispatch.answered(worker.number, answer)
        self._feed(worker)

    def _feed(self, worker: _Worker) -> None:
        while (shard := self._dispatch.next(worker.number)) is not None:
            worker.send(self._plan.task(shard, self._places))

    def _bury(self, worker: _Worker) -> Iterator[dict[str, Any]]:
        self._selector.unregister(worker.process.stdout or 0)
        worker.end()
        code = worker.process.returncode
        how = f"was killed by {signal.Signals(-code).name}" if code < 0 else f"ended with code {code}"
        yield from self._dispatch.died(worker.number, how, worker.ready)
        self._start(worker.number)
        for other in self._workers.values():  # those that had nothing left to do
            if other.ready:
                self._feed(other)
