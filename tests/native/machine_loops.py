"""The loops of a kernel's machine code: what their instructions are, and how few of them a turn takes."""

from __future__ import annotations

from collections import Counter
from dataclasses import dataclass

from .sass import Instruction


@dataclass(frozen=True)
class Loop:
    """From where a branch jumps back to, up to the last branch that does."""

    instructions: tuple[Instruction, ...]

    @property
    def names(self) -> Counter[str]:
        """By name, and by name with what follows the dots."""
        return Counter(each.opcode for each in self.instructions) + Counter(each.name for each in self.instructions)

    def loads(self) -> int:
        """How many boxes a turn takes from shared memory: 16 bytes each, or twice 16."""
        return sum(each.name == "LDS.128" for each in self.instructions)

    def shortest_turn(self) -> int:
        """The instructions on the shortest way from the head back to it past all loads that no branch jumps over."""
        places = {each.address: i for i, each in enumerate(self.instructions)}
        steps = {0: 0}
        best = len(self.instructions)
        for i, each in enumerate(self.instructions):  # the ways on lead forward
            if i not in steps:
                continue
            after = steps[i] + 1
            if each.branch_target == self.instructions[0].address:
                best = min(best, after)
            if each.branch_target is not None and places.get(each.branch_target, 0) > i:
                at = places[each.branch_target]
                steps[at] = min(steps.get(at, after), after)
            ends = not each.predicate and each.opcode in ("BRA", "EXIT", "RET", "BRX", "JMP")
            if not ends and i + 1 < len(self.instructions):
                steps[i + 1] = min(steps.get(i + 1, after), after)
        return best


def loops(code: list[Instruction]) -> list[Loop]:
    """All of them, the outer ones too."""
    places = {each.address: i for i, each in enumerate(code)}
    last: dict[int, int] = {}
    for i, each in enumerate(code):
        if each.branch_target is not None and each.branch_target < each.address:
            last[places[each.branch_target]] = i
    return [Loop(tuple(code[first : end + 1])) for first, end in last.items()]


def innermost(code: list[Instruction]) -> list[Loop]:
    found = loops(code)
    spans = [(each.instructions[0].address, each.instructions[-1].address) for each in found]
    return [
        each
        for each, (first, end) in zip(found, spans, strict=True)
        if not any((a, b) != (first, end) and first <= a and b <= end for a, b in spans)
    ]
