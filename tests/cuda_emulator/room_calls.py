"""Calls every CUDA operator over the emulated kernels and prints how many, and each that is not as the reference.

PTDET_DISABLE_NATIVE=1 python -m tests.cuda_emulator.room_calls LIBRARY [--some]

--some: of the samples every fourth, another one for each type.
"""

from __future__ import annotations

import sys

import torch

import ptdet
from ptdet.testing import CATALOG, method_call
from tests.contract.test_torch_contract import assert_as_expected, operator

DTYPES = (torch.float32, torch.float64, torch.float16, torch.bfloat16)


def main() -> int:
    assert not ptdet.build_info()["cpu"]
    torch.ops.load_library(sys.argv[1])
    calls, wrong, some = 0, [], "--some" in sys.argv
    for operation in CATALOG:
        if not torch._C._dispatch_has_kernel_for_dispatch_key(f"ptdet::{operation.name}", "CPU"):
            print(f"{operation.name}: no CUDA kernel")
            continue
        for first, dtype in enumerate(DTYPES):
            samples = list(operation.samples(torch.device("cpu"), dtype))
            for sample in samples[first::4] if some else samples:
                calls += 1
                try:
                    got = operator(operation)(*sample.arguments, **sample.keywords)
                    expected = operation.reference(*sample.arguments, **sample.keywords)
                    assert_as_expected(operation, sample, got, expected)
                except (AssertionError, RuntimeError) as error:
                    wrong.append(f"{operation.name}, {sample.name}, {dtype}: {error}")
    for seed in range(50):
        call = method_call(seed, most=60)
        calls += 1
        if not call.equals_the_reference():
            wrong.append(f"method_call({seed}, most=60), {call.name}")
    print(f"{calls} calls", *wrong, sep="\n")
    return 1 if wrong else 0


if __name__ == "__main__":
    raise SystemExit(main())
