"""Each operation on small inputs, on CUDA and on the CPU: small enough for compute-sanitizer."""

from __future__ import annotations

from typing import Any

import torch

import ptdet
from ptdet.testing import CATALOG

from .timing import arguments, finish

DTYPES = (torch.float32, torch.float64, torch.float16)


def on(device: torch.device, value: Any) -> Any:
    return value.to(device) if isinstance(value, torch.Tensor) else value


def outputs(name: str, positional: tuple[Any, ...], keywords: dict[str, Any]) -> list[torch.Tensor]:
    result = getattr(torch.ops.ptdet, name)(*positional, **keywords)
    flat = result if isinstance(result, tuple | list) else [result]
    return [part.cpu() for part in flat if isinstance(part, torch.Tensor)]


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


def main() -> int:
    asked = arguments(__doc__).parse_args()
    assert ptdet.build_info()["cpu"], ptdet.build_info()
    differences, calls = [], 0
    for operation in CATALOG:
        for dtype in DTYPES:
            for sample in operation.samples(torch.device("cpu"), dtype):
                positional = tuple(on(asked.device, value) for value in sample.arguments)
                keywords = {name: on(asked.device, value) for name, value in sample.keywords.items()}
                ours = outputs(operation.name, positional, keywords)
                theirs = outputs(operation.name, sample.arguments, sample.keywords)
                calls += 1
                if not all(close(a, b, operation.tolerance) for a, b in zip(ours, theirs, strict=True)):
                    differences.append(f"{operation.name}, {sample.name}, {dtype}: differs from the CPU's")
    result = {"calls": calls, "differences": differences, "table": [f"{calls} calls", *differences]}
    return finish(result, asked.out, bool(differences))


if __name__ == "__main__":
    raise SystemExit(main())
