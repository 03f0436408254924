"""The command line: `ptdet info`."""

from __future__ import annotations

import argparse
import platform

from . import __version__


def info() -> None:
    """Prints what is native here and, where something is not, why and what to do."""
    import torch

    from ._backend import OPERATORS
    from .info import build_info

    facts = build_info()
    print(f"ptdet {__version__}, torch {facts['torch']}, {platform.system()} {platform.machine()}")
    if facts["cpu"]:
        isa, compiler, built = (facts[k] for k in ("instruction_set", "compiler", "built_with_torch"))
        print(f"CPU   native, {isa} ({compiler}, built with torch {built})")
    else:
        print(f"CPU   reference: {facts['why_not_cpu']}")
    gpu = torch.cuda.get_device_name() if torch.cuda.is_available() else "no GPU present"
    print(f"CUDA  native, archs {facts['cuda_archs']}, {gpu}" if facts["cuda"] else f"CUDA  {facts['why_not_cuda']}")
    print(f"other devices (MPS, XPU, ...) run on the pure-torch reference; operators: {', '.join(OPERATORS)}")


def main() -> None:
    """Entry point of the command `ptdet`."""
    parser = argparse.ArgumentParser(prog="ptdet", description="detection post-processing for PyTorch")
    parser.add_argument("command", choices=["info"], help="info: what is native here, and why the rest is not")
    parser.parse_args()
    info()
