"""Drawn cases of suppression, CUDA against CPU, index for index: plain and strange ones, as many as the time allows."""

from __future__ import annotations

import time
from typing import Any

from gpu_timing import arguments, finish, torch

import ptdet
from ptdet.testing import Case, fuzz_case, strange_case


def answer(case: Case, device: torch.device) -> list[torch.Tensor]:
    moved = [value.to(device) if isinstance(value, torch.Tensor) else value for value in case.arguments]
    keep, owner, kept = torch.ops.ptdet.nms_walk(*moved)
    return [keep.cpu(), owner.cpu(), kept.cpu(), torch.ops.ptdet.nms(*moved).cpu()]


def main() -> int:
    parser = arguments(__doc__)
    parser.add_argument("--cases", type=int, default=10_000)
    parser.add_argument("--seconds", type=float, default=60)
    parser.add_argument("--first", type=int, default=0, help="the first seed")
    asked = parser.parse_args()
    assert ptdet.build_info()["cpu"], ptdet.build_info()
    end = time.perf_counter() + asked.seconds
    ran, differences = 0, []
    # every second case is a strange one, which only the reference could judge
    for number in range(asked.cases):
        if time.perf_counter() > end:
            break
        seed = asked.first + number
        case = (strange_case if number % 2 else fuzz_case)(seed)
        ran += 1
        ours, theirs = answer(case, asked.device), answer(case, torch.device("cpu"))
        if not all(torch.equal(a, b) for a, b in zip(ours, theirs, strict=True)):
            differences.append(f"{'strange' if number % 2 else 'fuzz'}_case({seed})")
    line = f"{ran} of {asked.cases} cases ran, {len(differences)} differ"
    result: dict[str, Any] = {"ran": ran, "asked": asked.cases, "differences": differences}
    result["table"] = [line, *differences[:20]]
    return finish(result, asked.out, bool(differences) or ran == 0)


if __name__ == "__main__":
    raise SystemExit(main())
