"""Checks of what is promised on a GPU: graphs, no hidden wait, any stream, any device, the same bits on every run."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from functools import partial
from itertools import islice
from typing import Any

import torch
from torch._subclasses.fake_tensor import FakeTensorMode
from torch.fx.experimental.symbolic_shapes import ShapeEnv
from torch.utils import _pytree as pytree

import ptdet
from ptdet._shared.methods import BATCH_METHODS, METHODS
from ptdet.testing import CATALOG, Operation, clustered
from ptdet.testing.samples import Sample

from .device import Gpu, Tensors, first_line, loaded, tensors
from .operators import close
from .stage import Journal, arguments
from .workloads import Sizes

Call = Callable[[], Tensors]


def calls(gpu: Gpu, device: torch.device) -> Iterator[tuple[Operation, str, Call]]:
    """One call of each row of the CATALOG for each of its samples, its arguments already on the device."""
    for operation in CATALOG:
        samples = operation.samples(torch.device("cpu"), torch.float32)
        for sample in islice(samples, 1 if gpu.is_fake else None):
            yield operation, sample.name, call_of(operation, sample, device)


def call_of(operation: Operation, sample: Sample, device: torch.device) -> Call:
    given = (sample.arguments, sample.keywords)
    positional, keywords = pytree.tree_map_only(torch.Tensor, lambda tensor: tensor.to(device), given)
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
    for method in BATCH_METHODS:
        threshold = 0.5 if METHODS[method].has_threshold else None
        options: dict[str, Any] = {"method": method, "score_threshold": 0.2, "max_per_class": 9, "max_per_image": 20}
        call = partial(ptdet.combined_nms, boxes, scores, threshold, **options)
        yield f"combined_nms, {method}", partial(_tensors_of, call)


def waits_for_nothing(gpu: Gpu) -> Iterator[tuple[str, Call]]:
    """The calls that promise it: those of fixed shape that have a CUDA kernel, and the padded forms."""
    fixed = {operation.name for operation in CATALOG if has_fixed_shape(operation)}
    for operation, name, call in calls(gpu, gpu.device):
        native = torch._C._dispatch_has_kernel_for_dispatch_key(f"ptdet::{operation.name}", gpu.key)
        if native and operation.name in fixed:
            yield f"{operation.name}, {name}", call
    yield from padded(gpu.device)


def _walk_of_new_tensors(boxes: torch.Tensor, scores: torch.Tensor) -> Tensors:
    return tensors(torch.ops.ptdet.nms_walk(boxes * 1, scores * 1, None, 0.5))


def same(ours: Tensors, theirs: Tensors) -> bool:
    return all(close(a.cpu(), b.cpu(), 0.0) for a, b in zip(ours, theirs, strict=True))


# Of each check: what it is about to call, and then why the call is wrong, if it is.
Step = tuple[str, Callable[[], str]]


def graphs(gpu: Gpu) -> Iterator[Step]:
    """Each call is captured, then replayed over memory that was overwritten."""

    def replayed(call: Call) -> str:
        expected = [result.clone() for result in call()]
        try:
            results, replay = gpu.captured(call)
        except RuntimeError as error:
            return f"not captured: {first_line(error)}"
        for _ in range(2):
            for result in results:
                result.zero_()
            replay()
            gpu.synchronize()
            if not same(results, expected):
                return "a replay differs"
        return ""

    for name, call in waits_for_nothing(gpu):
        yield name, partial(replayed, call)


def hidden_waits(gpu: Gpu) -> Iterator[Step]:
    def without_a_wait(call: Call) -> str:
        call()
        try:
            with gpu.waits_are_errors():
                call()
        except RuntimeError as error:
            return first_line(error)
        return ""

    for name, call in waits_for_nothing(gpu):
        yield name, partial(without_a_wait, call)


def streams(gpu: Gpu) -> Iterator[Step]:
    """Two streams at once: a stream with a long wait must not see the work of the other."""

    def both() -> str:
        largest = Sizes.of(gpu).repeats // 10
        inputs = [tuple(part.to(gpu.device) for part in clustered(n, n)) for n in (largest, largest * 19 // 20)]
        expected = [ptdet.nms(boxes, scores, 0.5) for boxes, scores in inputs]
        walks = [partial(_walk_of_new_tensors, *each) for each in inputs]
        gpu.synchronize()
        for _ in range(10):
            results = gpu.side_by_side(walks)
            if not all(torch.equal(r[0][: len(e)], e) for r, e in zip(results, expected, strict=True)):
                return "differs"
        return ""

    yield "nms_walk on two streams at once", both


def devices(gpu: Gpu) -> Iterator[Step]:
    """An operation runs on the device of its tensors and does not change the current device."""

    def agrees(there: torch.device, call: Call, on_first: Call) -> str:
        torch.cuda.set_device(0)
        results = call()
        if any(result.device != there for result in results) or not same(results, on_first()):
            return "differs from cuda:0"
        return "" if torch.cuda.current_device() == 0 else "the current device was changed"

    for index in range(1, gpu.facts()["gpus"]):
        there, first = torch.device("cuda", index), torch.device("cuda", 0)
        for (operation, name, call), (_, _, on_first) in zip(calls(gpu, there), calls(gpu, first), strict=True):
            yield f"{operation.name}, {name}, on {there}", partial(agrees, there, call, on_first)


def repeats(gpu: Gpu) -> Iterator[Step]:
    """The same bits on every run."""

    def repeated(call: Call, times: int) -> str:
        first = call()
        return "" if all(same(call(), first) for _ in range(times)) else "two runs differ"

    for operation, name, call in calls(gpu, gpu.device):
        yield f"{operation.name}, {name}", partial(repeated, call, 5)
    boxes, scores = (part.to(gpu.device) for part in clustered(Sizes.of(gpu).repeats, 3))
    yield f"nms of {len(boxes)} boxes", partial(repeated, lambda: [ptdet.nms(boxes, scores, 0.5)], 10)


def main() -> int:
    asked = arguments(__doc__).parse_args()
    gpu = loaded(asked)
    torch.set_grad_enabled(False)
    checks = (graphs, hidden_waits, streams, devices, repeats)
    journal = Journal(asked, len(checks), "checks")
    table = []
    for check in checks:
        steps, wrong = 0, 0
        try:
            for what, is_wrong in check(gpu):
                if not journal.begin(f"{check.__name__}: {what}"):
                    break
                steps += 1
                if why := is_wrong():
                    wrong += 1
                    journal.fail(f"{check.__name__}: {what}: {why}")
        except Exception as error:  # the other checks can still run, if the device does
            wrong += 1
            journal.fail(f"{check.__name__}: {first_line(error)}")
        if gpu.is_lost():
            return journal.finish(is_lost=True)
        if "cut_before" in journal.result:
            break
        table.append(f"{check.__name__}: {steps} steps, {wrong} not as promised")
        journal.done()
    journal.result["table"] = table
    return journal.finish()


if __name__ == "__main__":
    raise SystemExit(main())
