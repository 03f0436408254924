"""Prints the instruction set in use and a digest of what it answers: `python -m tests.digest [--cases 60]`.

The instruction set is chosen once, when the library is loaded, so each takes a process of its own.
"""

from __future__ import annotations

import argparse
import hashlib
import json

import torch

import ptdet
from ptdet.testing import fuzz_case, strange_case


def digest(cases: int) -> str:
    """Of keep, owner and kept over plain and strange cases, at one thread and at two."""
    ptdet.build_info()
    found = hashlib.sha256()
    before = torch.get_num_threads()
    for seed in range(cases):
        torch.set_num_threads(1 + seed % 2)
        for case in (fuzz_case(seed), strange_case(seed)):
            for tensor in torch.ops.ptdet.nms_walk(*case.arguments):
                found.update(tensor.numpy().tobytes())
    torch.set_num_threads(before)
    return found.hexdigest()


if __name__ == "__main__":
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--cases", type=int, default=60)
    asked = parser.parse_args()
    print(json.dumps({"instruction_set": ptdet.build_info()["instruction_set"], "digest": digest(asked.cases)}))
