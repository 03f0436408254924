"""Checks of what is promised on a GPU: graphs, no hidden wait, any stream, any device, the same bits on every run."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from functools import partial
from typing import Any

import torch
from torch._subclasses.fake_tensor import FakeTensorMode
from torch.fx.experimental.symbolic_shapes import ShapeEnv
from torch.utils import _pytree as pytree

import ptdet
from ptdet._shared.methods import METHODS
from ptdet.testing import CATALOG, Operation, clustered
from ptdet.testing.samples import Sample

from .small import close, on
from .timing import arguments, finish

Tensors = list[torch.Tensor]
Call = Callable[[], Tensors]


def tensors(result: Any) -> Tensors:
    return [leaf for leaf in pytree.tree_leaves(result) if isinstance(leaf, torch.Tensor)]


def calls(device: torch.device) -> Iterator[tuple[Operation, str, Call]]:
    """One call of each row of the CATALOG for each of its samples, its arguments already on the device."""
    for operation in CATALOG:
        for sample in operation.samples(torch.device("cpu"), torch.float32):
            yield operation, sample.name, call_of(operation, sample, device)


def call_of(operation: Operation, sample: Sample, device: torch.device) -> Call:
    positional = tuple(on(device, value) for value in sample.arguments)
    keywords = {name: on(device, value) for name, value in sample.keywords.items()}
    return lambda: tensors(getattr(torch.ops.ptdet, operation.name)(*positional, **keywords))


def has_fixed_shape(operation: Operation) -> bool:
    """Whether the shapes of the results depend only on the shapes of the arguments, by the fake kernel."""
    sample = next(iter(operation.samples(torch.device("cpu"), torch.float32)))
    with FakeTensorMode(shape_env=ShapeEnv(), static_shapes=True) as mode:
        positional, keywords = pytree.tree_map_only(
            torch.Tensor, mode.from_tensor, (sample.arguments, sample.keywords)
        )  # fmt: skip
        results = tensors(getattr(torch.ops.ptdet, operation.name)(*positional, **keywords))
    return all(isinstance(size, int) for result in results for size in result.shape)


def _tensors_of(call: Callable[[], Any]) -> Tensors:
    return tensors(call())


def padded(device: torch.device) -> Iterator[tuple[str, Call]]:
    """The public form of a batch, by each method."""
    boxes = torch.stack([clustered(60, image)[0] for image in range(3)]).to(device)
    scores = torch.stack([clustered(180, image)[1].view(60, 3) for image in range(3)]).to(device)
    for method, facts in METHODS.items():
        if not facts.in_batches:
            continue
        threshold = 0.5 if facts.has_threshold else None
        options: dict[str, Any] = {"method": method, "score_threshold": 0.2, "max_per_class": 9, "max_per_image": 20}
        call = partial(ptdet.combined_nms, boxes, scores, threshold, **options)
        yield f"combined_nms, {method}", partial(_tensors_of, call)


def waits_for_nothing(device: torch.device) -> Iterator[tuple[str, Call]]:
    """The calls that promise it: those of fixed shape that have a CUDA kernel, and the padded forms."""
    for operation, name, call in calls(device):
        native = torch._C._dispatch_has_kernel_for_dispatch_key(f"ptdet::{operation.name}", "CUDA")
        if native and has_fixed_shape(operation):
            yield f"{operation.name}, {name}", call
    yield from padded(device)


def same(ours: Tensors, theirs: Tensors, tolerance: float = 0.0) -> bool:
    return all(close(a.cpu(), b.cpu(), tolerance) for a, b in zip(ours, theirs, strict=True))


def graphs(device: torch.device) -> Iterator[str]:
    """Each call is captured, then replayed over memory that was overwritten."""
    for name, call in waits_for_nothing(device):
        expected = [result.clone() for result in call()]
        graph = torch.cuda.CUDAGraph()
        try:
            with torch.cuda.graph(graph):
                results = call()
        except RuntimeError as error:
            yield f"{name}: not captured: {str(error).splitlines()[0]}"
            torch.cuda.synchronize()
            continue
        for _ in range(2):
            for result in results:
                result.zero_()
            graph.replay()
            torch.cuda.synchronize()
            if not same(results, expected):
                yield f"{name}: a replay differs"


def hidden_waits(device: torch.device) -> Iterator[str]:
    for name, call in waits_for_nothing(device):
        call()
        torch.cuda.synchronize()
        torch.cuda.set_sync_debug_mode("error")
        try:
            call()
        except RuntimeError as error:
            yield f"{name}: {str(error).splitlines()[0]}"
        finally:
            torch.cuda.set_sync_debug_mode("default")


def streams(device: torch.device) -> Iterator[str]:
    """Two streams at once: a stream with a long wait must not see the work of the other."""
    inputs = [tuple(part.to(device) for part in clustered(n, n)) for n in (20_000, 19_000)]
    expected = [ptdet.nms(boxes, scores, 0.5) for boxes, scores in inputs]
    torch.cuda.synchronize()
    lanes = [torch.cuda.Stream(device), torch.cuda.Stream(device)]
    for _ in range(10):
        results = []
        for lane, (boxes, scores) in zip(lanes, inputs, strict=True):
            with torch.cuda.stream(lane):
                torch.cuda._sleep(2_000_000)
                results.append(torch.ops.ptdet.nms_walk(boxes * 1, scores * 1, None, 0.5))
        torch.cuda.synchronize()
        if not all(torch.equal(r[0][: len(e)], e) for r, e in zip(results, expected, strict=True)):
            yield "nms_walk on two streams at once differs"
            return


def devices(device: torch.device) -> Iterator[str]:
    """An operation runs on the device of its tensors and does not change the current device."""
    first = torch.device(device.type, 0)
    for index in range(1, torch.cuda.device_count()):
        torch.cuda.set_device(first)
        there = torch.device("cuda", index)
        for (operation, name, call), (_, _, on_first) in zip(calls(there), calls(first), strict=True):
            results = call()
            if any(result.device != there for result in results) or not same(results, on_first()):
                yield f"{operation.name}, {name}: on {there} it differs from cuda:0"
        if torch.cuda.current_device() != 0:
            yield "the current device was changed"


def repeats(device: torch.device) -> Iterator[str]:
    """The same bits on every run."""
    for operation, name, call in calls(device):
        first = call()
        if not all(same(call(), first) for _ in range(5)):
            yield f"{operation.name}, {name}: two runs differ"
    boxes, scores = (part.to(device) for part in clustered(200_000, 3))
    first_keep = ptdet.nms(boxes, scores, 0.5)
    if not all(torch.equal(ptdet.nms(boxes, scores, 0.5), first_keep) for _ in range(10)):
        yield "nms of 200,000 boxes: two runs differ"


def main() -> int:
    asked = arguments(__doc__).parse_args()
    assert ptdet.build_info()["cuda"], ptdet.build_info()
    torch.set_grad_enabled(False)
    result: dict[str, Any] = {"table": [], "checks": {}}
    for check in (graphs, hidden_waits, streams, devices, repeats):
        try:
            found = list(check(asked.device))
        except Exception as error:  # the other checks can still run
            found = [f"{type(error).__name__}: {error}"]
        if check is devices and torch.cuda.device_count() < 2:
            result["checks"]["devices"] = "not run: one device"
        else:
            result["checks"][check.__name__] = found
        result["table"].append(f"{check.__name__}: {result['checks'][check.__name__] or 'as promised'}")
    return finish(result, asked.out, any(found for found in result["checks"].values() if isinstance(found, list)))


if __name__ == "__main__":
    raise SystemExit(main())
