"""The parity tests on stand-ins of other machines: `python -m tests.tools.stand_ins`, which `make test-all` runs.

Torch, MKL, glibc's maths library and ptdet choose their code by the processor, once a process. A stand-in is a process
that is told to choose as on a lesser processor, or to take another number of threads; it runs the fast tests of PARITY.
The values are spread over few processes, so that the kernels and the reference are not always of the same kind.
"""

from __future__ import annotations

import argparse
import os
import subprocess
import sys
import time
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path

import torch

from ptdet import build_info

ROOT = Path(__file__).parents[2]
# Where the native kernels, the reference, the formulas and the peers are held against each other.
PARITY = (
    "parity/test_batch.py",
    "unit/test_boxes.py",
    "parity/test_channel_norm.py",
    "unit/test_compat.py",
    "contract/test_export_formulas.py",
    "parity/test_integrations.py",
    "parity/test_losses.py",
    "unit/test_losses_edges.py",
    "unit/test_methods_by_hand.py",
    "parity/test_methods_detections.py",
    "parity/test_methods_gradients.py",
    "parity/test_methods_parity.py",
    "unit/test_nms_by_hand.py",
    "parity/test_nms_detections.py",
    "parity/test_nms_fuzz.py",
    "parity/test_nms_parity.py",
    "parity/test_numpy.py",
    "parity/test_numpy_methods.py",
    "unit/test_overlap_edges.py",
    "parity/test_overlaps.py",
    "tools/test_stand_ins.py",  # that the process is what it was told to be
    "contract/test_torch_contract.py",
    "parity/test_ultralytics_adapter.py",
    "parity/test_yolo_pipeline.py",
    "parity/test_yolo_postprocess.py",
)
# glibc has an exp, a pow and an atan for processors with fused multiply-add; their last bits differ from the others'.
WITHOUT_FMA = "glibc.cpu.hwcaps=-AVX2,-FMA,-FMA4,-AVX512F"
STAND_INS: tuple[dict[str, str], ...] = (
    {"ATEN_CPU_CAPABILITY": "default", "OMP_NUM_THREADS": "3", "OMP_WAIT_POLICY": "passive"},
    {"ATEN_CPU_CAPABILITY": "avx2", "PTDET_CPU": "baseline", "OMP_NUM_THREADS": "1"},
    {"MKL_CBWR": "COMPATIBLE", "GLIBC_TUNABLES": WITHOUT_FMA, "PTDET_CPU": "avx2", "OMP_NUM_THREADS": "1"},
)


def possible(asked: dict[str, str]) -> dict[str, str]:
    """Without the instruction sets that this machine lacks."""
    lacks = set()
    if asked.get("PTDET_CPU") not in build_info()["instruction_sets"].split(", "):
        lacks.add("PTDET_CPU")
    if asked.get("ATEN_CPU_CAPABILITY") == "avx2" and not torch.backends.cpu.get_cpu_capability().startswith("AVX"):
        lacks.add("ATEN_CPU_CAPABILITY")
    return {name: value for name, value in asked.items() if name not in lacks}


def run(environment: dict[str, str]) -> bool:
    """Whether it passed; says so in a line, and why not in more."""
    start = time.perf_counter()
    command = [sys.executable, "-m", "pytest", "-q", "-p", "no:cacheprovider", "--color=no", "-m", "not slow"]
    done = subprocess.run(
        [*command, *(f"tests/{name}" for name in PARITY)],
        cwd=ROOT, env={**os.environ, **environment}, stdout=subprocess.PIPE, stderr=subprocess.STDOUT, text=True,
    )  # fmt: skip
    if done.returncode != 0:
        print(done.stdout)
    said = " ".join(f"{name}={value}" for name, value in environment.items())
    print(f"{said}: {done.stdout.splitlines()[-1].strip('= ')} ({time.perf_counter() - start:.0f} s)", flush=True)
    return done.returncode == 0


def main() -> int:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--workers", type=int, default=1, help="how many at a time")
    with ThreadPoolExecutor(parser.parse_args().workers) as pool:
        return 0 if all(list(pool.map(run, map(possible, STAND_INS)))) else 1


if __name__ == "__main__":
    raise SystemExit(main())
