"""The emulator (tests/cuda_emulator) in place of a GPU, so that the faults of `make gpu` itself are found without one.

ptdet's CUDA operators run over emulated kernels as operators of the CPU; its own CPU kernels are left out
(PTDET_DISABLE_NATIVE=1), and the reference is what the answers are compared with. A fault can be planted:

    no-load        the kernels do not load, also after a build
    differs:NAME   an operator's numbers are wrong
    raises:NAME    it raises
    lost:NAME      it raises, and the device is lost
    crashes:NAME   its process ends
    hangs:NAME     it never returns
"""

from __future__ import annotations

import os
import time
from collections.abc import Iterator, Sequence
from contextlib import contextmanager, nullcontext
from typing import Any

import torch

import ptdet

from .device import Call, Gpu, Tensors
from .plan import EMULATED


class Emulated(Gpu):
    key = "CPU"
    is_fake = True

    def __init__(self, fault: str = "") -> None:
        self.device = torch.device("cpu")
        self.fault, _, self.at = fault.partition(":")
        self.has_failed = False

    def why_absent(self) -> str:
        return ""

    def why_not_loaded(self) -> str:
        if self.fault == "no-load":
            return "planted: the kernels do not load"
        if ptdet.build_info()["cpu"]:
            return "the emulator wants PTDET_DISABLE_NATIVE=1"
        if not EMULATED.exists():
            return "the emulator is not built"
        torch.ops.load_library(EMULATED)
        return ""

    def facts(self) -> dict[str, Any]:
        return {"gpu": "emulated", "gpus": 1, "capability": "0.0"}

    def answer(self, name: str, positional: Sequence[Any], keywords: dict[str, Any]) -> Tensors:
        planted = self.fault if name == self.at else ""
        if planted == "hangs":
            time.sleep(3600)
        if planted == "crashes":
            os.abort()
        if planted in ("raises", "lost"):
            self.has_failed = planted == "lost"
            raise RuntimeError(f"planted: {planted}")
        found = super().answer(name, positional, keywords)
        return [each + 1 for each in found] if planted == "differs" else found

    @contextmanager
    def oracle(self) -> Iterator[None]:
        with ptdet.backend("reference"):
            yield

    def synchronize(self) -> None:
        if self.has_failed:
            raise RuntimeError("planted: the device is lost")

    def milliseconds(self, call: Call) -> float:
        begin = time.perf_counter()
        call()
        return 1e3 * (time.perf_counter() - begin)

    def cache_bytes(self) -> int:
        return 1 << 10

    def free_memory(self) -> None:
        pass

    def captured(self, call: Call) -> tuple[Any, Call]:
        results = call()

        def replay() -> None:
            for ours, again in zip(results, call(), strict=True):
                ours.copy_(again)

        return results, replay

    def waits_are_errors(self) -> nullcontext[None]:  # type: ignore[override]
        return nullcontext()

    def side_by_side(self, calls: Sequence[Call]) -> list[Any]:
        return [call() for call in calls]

    def microseconds_of_kernels(self, call: Call) -> dict[str, float]:
        call()
        return {}
