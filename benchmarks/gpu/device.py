"""The GPU as the stages use it. Where there is none, the one of fake_device.py stands in for it."""

from __future__ import annotations

import argparse
from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager
from typing import Any

import torch
from torch.utils import _pytree as pytree

import ptdet

Tensors = list[torch.Tensor]
Call = Callable[[], Any]


def tensors(result: Any) -> Tensors:
    return [leaf for leaf in pytree.tree_leaves(result) if isinstance(leaf, torch.Tensor)]


class Gpu:
    key = "CUDA"  # the dispatch key of its operators
    is_fake = False

    def __init__(self) -> None:
        self.device = torch.device("cuda")

    def why_absent(self) -> str:
        """Empty if there is a GPU."""
        if torch.version.cuda is None:
            return f"torch {torch.__version__} is built without CUDA"
        return "" if torch.cuda.is_available() else f"torch {torch.__version__} sees no NVIDIA GPU"

    def why_not_loaded(self) -> str:
        """Loads the kernels; empty if they are those of this GPU, too."""
        info = ptdet.build_info()
        if why_not := info["why_not_cpu"] or info["why_not_cuda"]:
            return str(why_not)
        try:
            ptdet.nms(torch.zeros(2, 4, device=self.device), torch.zeros(2, device=self.device), 0.5)
            self.synchronize()
        except RuntimeError as error:
            return first_line(error)
        return ""

    def facts(self) -> dict[str, Any]:
        """Nothing that names the machine, but its GPU."""
        properties = torch.cuda.get_device_properties(0)
        return {
            "gpu": torch.cuda.get_device_name(0),
            "gpus": torch.cuda.device_count(),
            "capability": "{}.{}".format(*torch.cuda.get_device_capability(0)),
            "multiprocessors": properties.multi_processor_count,
            "memory_gib": round(properties.total_memory / 2**30, 1),
        }

    def answer(self, name: str, positional: Sequence[Any], keywords: dict[str, Any]) -> Tensors:
        """What an operator of ptdet returns for these arguments, moved there before."""
        given = pytree.tree_map_only(torch.Tensor, lambda tensor: tensor.to(self.device), (positional, keywords))
        found = tensors(getattr(torch.ops.ptdet, name)(*given[0], **given[1]))
        self.synchronize()
        return found

    @contextmanager
    def oracle(self) -> Iterator[None]:
        """Within it, ptdet's answers for tensors of the CPU are what this device is compared with."""
        yield

    def synchronize(self) -> None:
        torch.cuda.synchronize()

    def is_lost(self) -> bool:
        """Whether an error has ended all work of this process on the device."""
        try:
            self.synchronize()
        except RuntimeError:
            return True
        return False

    def milliseconds(self, call: Call) -> float:
        before, after = torch.cuda.Event(enable_timing=True), torch.cuda.Event(enable_timing=True)
        before.record()
        call()
        after.record()
        after.synchronize()
        return float(before.elapsed_time(after))

    def cache_bytes(self) -> int:
        return int(torch.cuda.get_device_properties(self.device).L2_cache_size)

    def free_memory(self) -> None:
        torch.cuda.empty_cache()

    def captured(self, call: Call) -> tuple[Any, Call]:
        """The call as a CUDA graph: its results, and what computes them again in their place."""
        side = torch.cuda.Stream()
        side.wait_stream(torch.cuda.current_stream())
        with torch.cuda.stream(side):
            call()
            call()
        torch.cuda.current_stream().wait_stream(side)
        graph = torch.cuda.CUDAGraph()
        with torch.cuda.graph(graph):
            results = call()
        return results, graph.replay

    @contextmanager
    def waits_are_errors(self) -> Iterator[None]:
        self.synchronize()
        torch.cuda.set_sync_debug_mode("error")
        try:
            yield
        finally:
            torch.cuda.set_sync_debug_mode("default")

    def side_by_side(self, calls: Sequence[Call]) -> list[Any]:
        """The results of the calls, each on a stream of its own behind a long wait."""
        results = []
        for call in calls:
            with torch.cuda.stream(torch.cuda.Stream(self.device)):
                torch.cuda._sleep(2_000_000)
                results.append(call())
        self.synchronize()
        return results

    def microseconds_of_kernels(self, call: Call) -> dict[str, float]:
        """Of each kernel of ptdet in one call."""
        with torch.profiler.profile(activities=[torch.profiler.ProfilerActivity.CUDA]) as profile:
            call()
            self.synchronize()
        times: dict[str, float] = {}
        for event in profile.key_averages():
            if "ptdet::" in event.key:
                name = event.key.replace("(anonymous namespace)::", "").split("(")[0].split("<")[0].split("::")[-1]
                times[name] = round(times.get(name, 0.0) + float(event.device_time_total), 2)
        return times


def first_line(error: BaseException) -> str:
    return f"{type(error).__name__}: {(str(error).splitlines() or [''])[0][:300]}"


def loaded(asked: argparse.Namespace) -> Gpu:
    """The device that was asked for, with its kernels."""
    gpu = chosen(asked)
    if why_not := gpu.why_absent() or gpu.why_not_loaded():
        raise SystemExit(why_not)
    print("the kernels are loaded", flush=True)
    return gpu


def chosen(asked: argparse.Namespace) -> Gpu:
    if asked.fake_device is None:
        return Gpu()
    from .fake_device import Emulated

    return Emulated(asked.fake_device)
