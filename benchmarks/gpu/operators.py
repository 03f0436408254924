"""Every operator on the device against the CPU, its name printed before each call."""

from __future__ import annotations

from collections.abc import Iterator

import torch

from ptdet.testing import CATALOG, Operation
from ptdet.testing.samples import Sample
from tests import conditioning

from .device import Gpu, Tensors, first_line, loaded, tensors
from .stage import Journal, arguments

DTYPES = ("float32", "float64", "float16", "bfloat16")


def close(ours: torch.Tensor, theirs: torch.Tensor, tolerance: float) -> bool:
    """Whether integers are equal, and numbers within the tolerance of the row, as ptdet.testing.Operation defines it:
    relative, and times the largest number of the result. Half types allow at least their eps. NaN equals NaN.
    """
    if ours.shape != theirs.shape or ours.dtype != theirs.dtype:
        return False
    if not ours.is_floating_point():
        return torch.equal(ours, theirs)
    if tolerance > 0 and ours.dtype in (torch.float16, torch.bfloat16):
        tolerance = max(tolerance, torch.finfo(ours.dtype).eps)
    wide = theirs.double()
    sound = wide[wide.isfinite()].abs()
    largest = float(sound.max()) if len(sound) else 0.0
    return torch.allclose(ours.double(), wide, rtol=tolerance, atol=tolerance * largest, equal_nan=True)


def agree(operation: Operation, sample: Sample, ours: Tensors, theirs: Tensors) -> bool:
    if operation.name != "pairwise_overlap_backward":
        return all(close(a, b, operation.tolerance) for a, b in zip(ours, theirs, strict=True))
    with torch.enable_grad():
        bounds = conditioning.of_pair_sums(*sample.arguments)  # the device sums in another order
    return all(
        a.shape == b.shape and a.dtype == b.dtype and bool(((a - b).double().abs() <= bound).all())
        for a, b, bound in zip(ours, theirs, bounds, strict=True)
    )


def calls(samples: int | None, dtypes: list[str], skip: list[str]) -> Iterator[tuple[Operation, Sample, str]]:
    """The first sample of each operator, then all others: so each has run once as early as can be."""
    for is_first in (True, False):
        for operation in CATALOG:
            if operation.name in skip:
                continue
            for at, name in enumerate(dtypes):
                given = operation.samples(torch.device("cpu"), getattr(torch, name))
                for number, sample in enumerate(given):
                    if samples is not None and number == samples:
                        break
                    if (at == number == 0) == is_first:
                        yield operation, sample, name


def compare(gpu: Gpu, operation: Operation, sample: Sample) -> str:
    """Empty if the device answers as the CPU does."""
    given = (operation.name, sample.arguments, sample.keywords)
    try:
        ours = [each.cpu() for each in gpu.answer(*given)]
        with gpu.oracle():
            theirs = tensors(getattr(torch.ops.ptdet, operation.name)(*sample.arguments, **sample.keywords))
        return "" if agree(operation, sample, ours, theirs) else "differs from the CPU"
    except Exception as error:  # the other operators can still run, if the device does
        return first_line(error)


def main() -> int:
    parser = arguments(__doc__)
    parser.add_argument("--samples", type=int, help="so many of each operator and type (default: all)")
    parser.add_argument("--dtypes", nargs="+", default=list(DTYPES))
    parser.add_argument("--skip", nargs="*", default=[], metavar="NAME", help="operators to leave out")
    asked = parser.parse_args()
    gpu = loaded(asked)
    torch.set_grad_enabled(False)
    chosen = list(calls(asked.samples, asked.dtypes, asked.skip))
    journal = Journal(asked, len(chosen), "calls")
    for operation, sample, dtype in chosen:
        name = f"{operation.name}, {sample.name}, {dtype}"
        if not journal.begin(name):
            break
        if wrong := compare(gpu, operation, sample):
            journal.fail(f"{name}: {wrong}")
            if gpu.is_lost():
                journal.result["broken_at"] = operation.name
                return journal.finish(is_lost=True)
        journal.done()
    operators = {operation.name for operation, _, _ in chosen}
    journal.result["table"] = [f"{journal.result['done']} calls of {len(operators)} operators"]
    return journal.finish()


if __name__ == "__main__":
    raise SystemExit(main())
