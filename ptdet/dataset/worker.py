"""A worker: reads tasks, a JSON object a line, and answers each with a line. `python -m ptdet.dataset.worker`.

It has one thread that computes. Where its parent is gone it ends at once.
"""

from __future__ import annotations

import json
import os
import queue
import sys
import threading
from pathlib import Path
from typing import Any, BinaryIO

from .settings import Job
from .shard import answer_to, prepare


def main() -> None:
    """Works until its parent ends it."""
    answers = os.fdopen(os.dup(1), "wb", buffering=0)
    os.dup2(2, 1)  # what a library prints is no answer
    tasks: queue.SimpleQueue[dict[str, Any]] = queue.SimpleQueue()  # the parent sends no more than two ahead
    threading.Thread(target=_listen, args=(sys.stdin.buffer, tasks), daemon=True).start()
    hello = tasks.get()
    job, out, workshop = Job.of(hello["job"]), Path(hello["out"]), Path(hello["workshop"])
    prepare(job)
    _say(answers, {"ready": os.getpid()})
    while True:
        _say(answers, answer_to(tasks.get(), job, out, workshop))


def _listen(source: BinaryIO, tasks: queue.SimpleQueue[dict[str, Any]]) -> None:
    for line in source:
        tasks.put(json.loads(line))
    os._exit(1)  # the parent died: whoever goes on does this shard again


def _say(answers: Any, what: dict[str, Any]) -> None:
    answers.write(json.dumps(what).encode() + b"\n")


if __name__ == "__main__":
    main()
