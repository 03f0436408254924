"""What the examples of patched clients share: one call without ptdet and one with it, compared and timed."""

from __future__ import annotations

import sys
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any

import torch
from torch import Tensor

sys.path.insert(0, str(Path(__file__).resolve().parents[1]))

import ptdet  # noqa: E402

Detections = list[tuple[Tensor, ...]]  # of each image: what a client found, a row a detection


def compare(name: str, client: Callable[[], Detections], owner: Any, function: str) -> bool:
    """Runs the client as it is and under `ptdet.patch()`, and prints whether it found the same, bit by bit.

    Also printed: how often ours was called, and the share of the client's time spent in its suppression.

    Args:
        owner, function: where the client takes its suppression from, such as torchvision.ops.boxes and "batched_nms".
    """
    with ptdet.patch():
        client()  # loads and warms up what both need
    theirs, before = timed(client, owner, function)
    with ptdet.patch() as patched:
        ours, after = timed(client, owner, function)
    same = all(
        len(one) == len(other) and all(map(torch.equal, one, other)) for one, other in zip(theirs, ours, strict=True)
    )
    print(
        f"{name}: {sum(len(image[0]) for image in ours)} detections of {before['candidates']:.0f} candidates, "
        f"{'equal' if same else 'DIFFERENT'}; calls of ptdet: {dict(patched.calls)}; "
        f"suppression {shown(before)} before, {shown(after)} after",
        flush=True,
    )
    return same and sum(patched.calls.values()) > 0


def timed(client: Callable[[], Detections], owner: Any, function: str) -> tuple[Detections, dict[str, float]]:
    with suppression_timed(owner, function) as spent, torch.inference_mode():
        start = time.perf_counter()
        found = client()
        return found, {**spent, "total": time.perf_counter() - start}


@contextmanager
def suppression_timed(owner: Any, function: str) -> Iterator[dict[str, float]]:
    """Seconds and candidates that pass through a function, whoever stands there."""
    spent, stands_there = {"seconds": 0.0, "candidates": 0.0}, getattr(owner, function)

    def measured(candidates: Tensor, *arguments: Any) -> Tensor:
        start = time.perf_counter()
        kept: Tensor = stands_there(candidates, *arguments)
        spent["seconds"] += time.perf_counter() - start
        spent["candidates"] += len(candidates)
        return kept

    setattr(owner, function, measured)
    try:
        yield spent
    finally:
        setattr(owner, function, stands_there)


def shown(spent: dict[str, float]) -> str:
    share = spent["seconds"] / spent["total"]
    return f"{spent['seconds'] * 1e3:.1f} ms of {spent['total'] * 1e3:.0f} ({share:.1%})"
