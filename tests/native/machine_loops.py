"""The loops of a kernel's machine code: what their instructions are, and how few of them a turn takes."""

from __future__ import annotations

import re
import subprocess
from collections import Counter
from dataclasses import dataclass
from pathlib import Path

from .machine_code import disassembler

LINE = re.compile(r"\s*/\*([0-9a-f]{4,})\*/\s+(?:(@!?U?P\w+) )?([A-Z0-9_.]+)([^;]*);")


@dataclass(frozen=True)
class Instruction:
    """One line of SASS: `LDS.128` has the name LDS; `target` is where a branch goes."""

    address: int
    conditional: bool
    full_name: str
    operands: str

    @property
    def name(self) -> str:
        return self.full_name.split(".")[0]

    @property
    def target(self) -> int | None:
        if self.name != "BRA":
            return None
        found = re.search(r"0x([0-9a-f]+)\s*$", self.operands.strip())
        return int(found.group(1), 16) if found else None


@dataclass(frozen=True)
class Loop:
    """From where a branch jumps back to, up to the last branch that does."""

    instructions: tuple[Instruction, ...]

    @property
    def names(self) -> Counter[str]:
        """By name, and by name with what follows the dots."""
        return Counter(each.name for each in self.instructions) + Counter(each.full_name for each in self.instructions)

    def loads(self) -> int:
        """How many boxes a turn takes from shared memory: 16 bytes each, or twice 16."""
        return sum(each.full_name == "LDS.128" for each in self.instructions)

    def shortest_turn(self) -> int:
        """The instructions on the shortest way from the head back to it past all loads that no branch jumps over."""
        places = {each.address: i for i, each in enumerate(self.instructions)}
        steps = {0: 0}
        best = len(self.instructions)
        for i, each in enumerate(self.instructions):  # the ways on lead forward
            if i not in steps:
                continue
            after = steps[i] + 1
            if each.target == self.instructions[0].address:
                best = min(best, after)
            if each.target is not None and places.get(each.target, 0) > i:
                at = places[each.target]
                steps[at] = min(steps.get(at, after), after)
            ends = not each.conditional and each.name in ("BRA", "EXIT", "RET", "BRX", "JMP")
            if not ends and i + 1 < len(self.instructions):
                steps[i + 1] = min(steps.get(i + 1, after), after)
        return best


def code_of(binary: Path, arch: int) -> dict[str, list[Instruction]]:
    """The instructions of each function."""
    functions: dict[str, list[Instruction]] = {}
    here: list[Instruction] = []
    command = [str(disassembler()), "-sass", "-arch", f"sm_{arch}", str(binary)]
    with subprocess.Popen(command, stdout=subprocess.PIPE, stderr=subprocess.DEVNULL, text=True) as run:
        assert run.stdout
        for line in run.stdout:
            if "Function : " in line:
                here = functions.setdefault(line.split("Function : ")[1].strip(), [])
            elif found := LINE.match(line):
                here.append(Instruction(int(found[1], 16), found[2] is not None, found[3], found[4]))
    return functions


def loops(code: list[Instruction]) -> list[Loop]:
    """All of them, the outer ones too."""
    places = {each.address: i for i, each in enumerate(code)}
    last: dict[int, int] = {}
    for i, each in enumerate(code):
        if each.target is not None and each.target < each.address:
            last[places[each.target]] = i
    return [Loop(tuple(code[first : end + 1])) for first, end in last.items()]


def innermost(code: list[Instruction]) -> list[Loop]:
    found = loops(code)
    spans = [(each.instructions[0].address, each.instructions[-1].address) for each in found]
    return [
        each
        for each, (first, end) in zip(found, spans, strict=True)
        if not any((a, b) != (first, end) and first <= a and b <= end for a, b in spans)
    ]
