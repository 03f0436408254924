"""The engine on Ray: actors of one CPU each make the shards of a plan.

They write as the workers of the local engine do, so that what is done twice is there once.
"""

from __future__ import annotations

import re
import socket
from collections import deque
from collections.abc import Callable, Generator, Iterator, Mapping, Sequence
from pathlib import Path
from typing import Any

from ..dataset.local import AHEAD, FALSE_STARTS
from ..dataset.plan import Places, Plan
from ..dataset.runs import Runs
from ..dataset.settings import Job
from ..dataset.shard import Attempts, answer_to, prepare
from ..io import FileProblem
from ._cluster import processors, ray_module


def run_on_ray(
    plan: Plan,
    places: Places,
    pending: Sequence[int],
    workers: int | None,
    address: str | None,
    told: Callable[[dict[str, Any]], None],
) -> Generator[dict[str, Any], None, None]:
    """As `ptdet.dataset.local.run_local`.

    Args:
        workers: None: as many as the cluster has CPUs.
        address: of a cluster that sees the same files; None: a Ray of this machine, for this run.

    Raises:
        FileProblem: there is no such cluster, it has too few CPUs, or nothing can be written.
    """
    ray = ray_module("--engine ray")
    _check_reachable(address)
    try:
        own = {"num_cpus": workers, "include_dashboard": False} if address is None else {"address": address}
        ray.init(log_to_driver=False, logging_level="error", **own)
    except (ConnectionError, RuntimeError, ValueError) as error:
        raise FileProblem(f"no Ray at {address or 'this machine'}: {str(error).splitlines()[0]}") from error
    try:
        cpus = processors(ray)
        if workers is not None and workers > cpus:
            raise FileProblem(f"--workers {workers}: this Ray has {cpus} CPUs, and more actors would wait for ever")
        yield from _Pool(ray, plan, places, pending, told).answers(workers or cpus)
    finally:
        ray.shutdown()


def _check_reachable(address: str | None) -> None:
    """Ray itself tries for minutes."""
    found = re.fullmatch(r"(?:ray://)?(.+):(\d+)", address or "")
    if found:
        try:
            socket.create_connection((found[1], int(found[2])), timeout=10).close()
        except OSError as error:
            raise FileProblem(f"no Ray at {address}: {error.strerror or error}") from error


class Maker:
    """An actor: makes one shard after the other, as a worker of the local engine does."""

    def __init__(self, job: Mapping[str, Any], out: str, workshop: str) -> None:
        from ..numpy import set_num_threads

        set_num_threads(1)
        self._job, self._places = Job.of(job), (Path(out), Path(workshop))
        prepare(self._job)

    def ready(self) -> None:
        """Returns once it can work."""

    def make(self, task: Mapping[str, Any]) -> dict[str, Any]:
        return answer_to(task, self._job, *self._places)


class _Pool:
    """Actors, each with two shards at hand, and new ones for those that die."""

    def __init__(
        self, ray: Any, plan: Plan, places: Places, pending: Sequence[int], told: Callable[[dict[str, Any]], None]
    ) -> None:
        self._ray, self._plan, self._places, self._told = ray, plan, places, told
        # an actor that Ray itself started again would try without end what kills it
        self._remote = ray.remote(num_cpus=1, max_restarts=0, max_task_retries=0)(Maker)
        self._runs, self._attempts = Runs(pending, plan.spans()), Attempts()
        self._actors: dict[int, Any] = {}
        self._given: dict[int, deque[int]] = {}  # of each actor, the shard in work first
        self._waiting: dict[Any, int] = {}  # what is waited for -> whose it is
        self._false_starts = 0
        self._left = len(pending)

    def answers(self, workers: int) -> Generator[dict[str, Any], None, None]:
        for number in range(min(workers, self._left)):
            self._start(number)
        while self._left:
            (done,), _ = self._ray.wait(list(self._waiting), num_returns=1)
            for answer in self._hear(self._waiting.pop(done), done):
                self._left -= 1
                yield answer

    def _start(self, number: int) -> None:
        job, places = self._plan.job.told(), self._places
        self._actors[number] = self._remote.remote(job, str(places.out), str(places.workshop))
        self._given[number] = deque()
        self._waiting[self._actors[number].ready.remote()] = number

    def _hear(self, number: int, done: Any) -> Iterator[dict[str, Any]]:
        try:
            answer = self._ray.get(done)
        except self._ray.exceptions.RayError as error:
            yield from self._bury(number, error)
            return
        if answer is None:
            self._false_starts = 0
        else:
            shard = self._given[number].popleft()
            yield from self._settled(shard, self._attempts.judged(answer))
        self._feed(number)

    def _feed(self, number: int) -> None:
        given = self._given[number]
        while len(given) < AHEAD and (shard := self._runs.next(number)) is not None:
            given.append(shard)
            self._waiting[self._actors[number].make.remote(self._plan.task(shard, self._places))] = number

    def _bury(self, number: int, error: Exception) -> Iterator[dict[str, Any]]:
        how, given = type(error).__name__, list(self._given[number])
        said = (str(error).splitlines() or [""])[0]
        self._told({"event": "worker died", "number": number, "how": f"{how}: {said}", "shards": given})
        if not given:
            self._false_starts += 1
            if self._false_starts >= FALSE_STARTS:
                raise FileProblem(f"no actor starts: {FALSE_STARTS} in a row, the last by {how}: {said}")
        self._waiting = {each: whose for each, whose in self._waiting.items() if whose != number}
        for shard in given[1:]:
            self._runs.give_back(shard)
        if given:
            yield from self._settled(given[0], self._attempts.lost(given[0], f"its actor died, {how}"))
        self._start(number)

    def _settled(self, shard: int, answer: dict[str, Any] | None) -> Iterator[dict[str, Any]]:
        if answer is None:
            self._runs.give_back(shard)
        else:
            yield answer
