"""Seeded calls of every method: the CUDA operators over the emulated kernels against the CPU's kernels, bit for bit.

    python -m tests.cuda_emulator.fuzz --cases 5000

A call is a function of its seed: seeds run through METHODS, then through the combinations of a method's options; of two
rounds one takes plain boxes, one strange ones (ties, NaN, half types, none at all), with and without groups. Both
devices' operators are registered for the CPU, so the emulated ones run in a process of their own.
"""

from __future__ import annotations

import argparse
import os
import subprocess
import sys
import tempfile
from collections import Counter
from dataclasses import dataclass, field
from pathlib import Path

import torch
from torch import Tensor

import ptdet
from ptdet._library.signatures import SIGNATURES
from ptdet._shared.methods import METHODS
from ptdet.testing import fuzz_case, scenes, strange_case
from ptdet.testing.fuzz_methods import Call
from ptdet.testing.samples_methods import OF_ALL, options_of, tensors_of

ROOT = Path(__file__).parents[2]
SIZES = (40, 90, 300, 700)  # boxes at most: a tile of the kernels has 256
Answer = list[Tensor] | str  # what it returns, or how it refuses


def call(seed: int) -> tuple[str, Call]:
    """The method, and a call of its operator."""
    round_, place = divmod(seed, len(METHODS))
    method = tuple(METHODS)[place]
    row = METHODS[method]
    random = scenes.generator(seed)
    size = SIZES[int(torch.randint(len(SIZES), (), generator=random))]
    is_plain = round_ % 2 == 0 or method == "soft"  # which refuses negative scores
    case = (fuzz_case if is_plain else strange_case)(round_ * 31 + place)
    boxes, scores = case.boxes[:size], case.scores[:size]
    signature = SIGNATURES[row.operator]
    options = options_of(row.operator)
    keywords = {name: getattr(case, name) for name in OF_ALL if name in signature.arguments}
    keywords |= options[(round_ // 2) % len(options)] | row.settings
    keywords |= tensors_of(row.operator, scores, round_ % 3 > 0)
    idxs = None if case.idxs is None else case.idxs[:size]
    return method, Call(row.operator, (boxes, scores, idxs), keywords)


def answer(seed: int) -> Answer:
    try:
        return call(seed)[1].answer()
    except (RuntimeError, ValueError) as error:
        return f"{type(error).__name__}: {error}".splitlines()[0]


def same_bits(ours: Answer, theirs: Answer) -> bool:
    """NaN is NaN."""
    if isinstance(ours, str) or isinstance(theirs, str):
        return ours == theirs
    return all(
        a.shape == b.shape and a.dtype == b.dtype and torch.equal(a.isnan(), b.isnan())
        and torch.equal(*(each.nan_to_num(0.0, torch.inf, -torch.inf).contiguous().view(torch.uint8)
                          if each.is_floating_point() else each for each in (a, b)))
        for a, b in zip(ours, theirs, strict=True)
    )  # fmt: skip


def emulated(library: Path, first: int, cases: int) -> list[Answer]:
    """Of so many seeds, in a process that has the emulated operators in the place of the CPU's."""
    with tempfile.TemporaryDirectory() as folder:
        out = Path(folder) / "answers.pt"
        command = [sys.executable, "-m", "tests.cuda_emulator.fuzz", "--first", str(first), "--cases", str(cases)]
        environment = {**os.environ, "PTDET_DISABLE_NATIVE": "1"}
        done = subprocess.run(
            [*command, "--emulated", str(library), "--out", str(out)],
            cwd=ROOT, env=environment, capture_output=True, text=True, check=False,
        )  # fmt: skip
        if done.returncode != 0:
            raise AssertionError(f"exit {done.returncode}, after {done.stdout[-200:]}\n{done.stderr[-3000:]}")
        answers: list[Answer] = torch.load(out, weights_only=True)
        return answers


@dataclass
class Found:
    ran: Counter[str] = field(default_factory=Counter)
    refused: int = 0
    wrong: list[str] = field(default_factory=list)


def compare(library: Path, first: int, cases: int) -> Found:
    assert ptdet.build_info()["cpu"], "the CPU's kernels are what it is compared with"
    found = Found()
    for seed, theirs in zip(range(first, first + cases), emulated(library, first, cases), strict=True):
        ours = answer(seed)
        method, called = call(seed)
        found.ran[method] += 1
        found.refused += isinstance(ours, str)
        if not same_bits(ours, theirs):
            found.wrong.append(f"seed {seed}: {method}, {called.name}, {called.keywords}")
    return found


def main() -> int:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--cases", type=int, default=1000, help="seeds")
    parser.add_argument("--first", type=int, default=0, help="the first seed")
    parser.add_argument("--emulated", type=Path, metavar="LIBRARY", help=argparse.SUPPRESS)
    parser.add_argument("--out", type=Path, help=argparse.SUPPRESS)
    asked = parser.parse_args()
    if asked.emulated:
        torch.ops.load_library(asked.emulated)
        answers = []
        for seed in range(asked.first, asked.first + asked.cases):
            print(f"seed {seed}", flush=True)
            answers.append(answer(seed))
        torch.save(answers, asked.out)
        return 0
    from .torch_room import library

    found = compare(library(), asked.first, asked.cases)
    print(f"{asked.cases} calls, {found.refused} refused, {len(found.wrong)} differ", *found.wrong, sep="\n")
    print(", ".join(f"{method} {count}" for method, count in found.ran.items()))
    return 1 if found.wrong else 0


if __name__ == "__main__":
    raise SystemExit(main())
