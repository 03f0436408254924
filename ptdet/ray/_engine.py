"""The engine on Ray: the shards of a plan as tasks of one CPU each, with as many under way as there are workers.

A task writes its result as the local engine does, so that what Ray runs twice is there once.
"""

from __future__ import annotations

import re
import socket
from collections import deque
from collections.abc import Callable, Generator, Mapping, Sequence
from pathlib import Path
from typing import Any

from ..dataset.plan import Places, Plan
from ..dataset.settings import Job
from ..dataset.shard import Attempts, answer_to
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
            raise FileProblem(f"--workers {workers}: this Ray has {cpus} CPUs, and more tasks would wait for ever")
        yield from _answers(ray, plan, places, pending, workers or cpus, told)
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


def _answers(
    ray: Any,
    plan: Plan,
    places: Places,
    pending: Sequence[int],
    workers: int,
    told: Callable[[dict[str, Any]], None],
) -> Generator[dict[str, Any], None, None]:
    attempts, waiting = Attempts(), deque(pending)
    at_work: dict[Any, int] = {}
    # Ray would try again without end where a shard kills its worker
    remote = ray.remote(num_cpus=1, max_retries=0)(_work)
    job, out, workshop = plan.job.told(), str(places.out), str(places.workshop)
    while waiting or at_work:
        while waiting and len(at_work) < workers + 1:  # one more: a worker need not wait for the next
            shard = waiting.popleft()
            at_work[remote.remote(plan.task(shard, places), job, out, workshop)] = shard
        (done,), _ = ray.wait(list(at_work), num_returns=1)
        shard = at_work.pop(done)
        try:
            answer = attempts.judged(ray.get(done))
        except ray.exceptions.RayError as error:
            how = f"{type(error).__name__}: {(str(error).splitlines() or [''])[0]}"
            told({"event": "worker died", "how": how, "shards": [shard]})
            answer = attempts.lost(shard, f"its worker died, {type(error).__name__}")
        if answer is None:
            waiting.appendleft(shard)
        else:
            yield answer


def _work(task: Mapping[str, Any], job: Mapping[str, Any], out: str, workshop: str) -> dict[str, Any]:
    from ..numpy import set_num_threads

    set_num_threads(1)
    return answer_to(task, Job.of(job), Path(out), Path(workshop))
