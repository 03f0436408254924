"""The engine on Ray: actors of one CPU each make the shards of a plan.

They write as the workers of the local engine do, so that what is done twice is there once.
"""

from __future__ import annotations

import re
import socket
from collections.abc import Callable, Generator, Iterator, Mapping, Sequence
from pathlib import Path
from typing import Any

from ..dataset.dispatch import Dispatch
from ..dataset.plan import Places, Plan
from ..dataset.settings import Job
from ..dataset.shard import answer_to, prepare
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
        here = {"address": "local", "num_cpus": workers, "include_dashboard": False}  # whatever RAY_ADDRESS says
        own = here if address is None else {"address": address}
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
        self._ray, self._plan, self._places = ray, plan, places
        # an actor that Ray itself started again would try without end what kills it
        self._remote = ray.remote(num_cpus=1, max_restarts=0, max_task_retries=0)(Maker)
        self._dispatch = Dispatch(pending, plan.spans(), told)
        self._actors: dict[int, Any] = {}
        self._ready: set[int] = set()
        self._waiting: dict[Any, int] = {}  # what is waited for -> whose it is

    def answers(self, workers: int) -> Generator[dict[str, Any], None, None]:
        for number in range(min(workers, self._dispatch.left)):
            self._start(number)
        while self._dispatch.left:
            (done,), _ = self._ray.wait(list(self._waiting), num_returns=1)
            yield from self._hear(self._waiting.pop(done), done)

    def _start(self, number: int) -> None:
        job, places = self._plan.job.told(), self._places
        self._actors[number] = self._remote.remote(job, str(places.out), str(places.workshop))
        self._ready.discard(number)
        self._dispatch.starts(number)
        self._waiting[self._actors[number].ready.remote()] = number

    def _hear(self, number: int, done: Any) -> Iterator[dict[str, Any]]:
        try:
            answer = self._ray.get(done)
        except self._ray.exceptions.RayError as error:
            self._waiting = {each: whose for each, whose in self._waiting.items() if whose != number}
            how = f"died, {type(error).__name__}"
            yield from self._dispatch.died(number, how, number in self._ready)
            self._start(number)
            return
        if answer is None:
            self._ready.add(number)
            self._dispatch.ready(number)
        else:
            yield from self._dispatch.answered(number, answer)
        while (shard := self._dispatch.next(number)) is not None:
            self._waiting[self._actors[number].make.remote(self._plan.task(shard, self._places))] = number
