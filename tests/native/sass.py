"""How many instructions a warp issues on its way through a kernel, read from machine code (cuobjdump -sass)."""

from __future__ import annotations

import re
from collections.abc import Iterator
from dataclasses import dataclass, field
from functools import cached_property
from pathlib import Path

from .machine_code import call, disassembler

LINE = re.compile(r"\s*/\*([0-9a-f]{4,})\*/\s+(?:@(!?U?P\w+)\s+)?([A-Z0-9_.]+)\s*([^;]*);")


@dataclass(frozen=True)
class Instruction:
    address: int
    predicate: str  # "" if it is always executed
    name: str  # with what follows the dots: LDG.E.128
    operands: str

    @property
    def opcode(self) -> str:
        return self.name.split(".")[0]

    @property
    def branch_target(self) -> int | None:
        """Where it may jump and not come back."""
        return self.target if self.opcode == "BRA" else None

    @property
    def target(self) -> int | None:
        """Where it may jump."""
        found = re.search(r"0x([0-9a-f]+)\s*$", self.operands)
        return int(found.group(1), 16) if self.name.startswith(("BRA", "CALL")) and found else None


@dataclass
class Code:
    """The machine code of one kernel."""

    symbol: str
    instructions: list[Instruction] = field(default_factory=list)

    @cached_property
    def body(self) -> list[Instruction]:
        """Without the subroutines (the ways out of a division) and the padding after the end."""
        called = [i.target for i in self.instructions if i.name.startswith("CALL") and i.target is not None]
        end = min(called, default=self.instructions[-1].address + 16)
        return [i for i in self.instructions if i.address < end and i.name != "NOP"]

    def loops(self) -> Iterator[list[Instruction]]:
        """What lies between each jump backwards and its target; the trap at the end jumps to itself."""
        for jump in self.body:
            if jump.name.startswith("BRA") and jump.target is not None and jump.target < jump.address:
                yield [i for i in self.body if jump.target <= i.address <= jump.address]

    def issued(self, **through: int) -> list[Instruction]:
        """The shortest way from the start to the end through the first so many instructions of each kind, in their
        order (STG=1; LDG_E_128=4): no way out is taken, and a loop is gone through once."""
        way = [0]
        for kind, times in {**through, "EXIT": 1}.items():
            for goal in self._places(kind, way[-1], times):
                way += self.shortest(way[-1], goal)[1:]
        return [self.body[place] for place in way]

    def most_issued(self, **through: int) -> list[Instruction]:
        """As `issued`, but after the last of these instructions the longest way to the first end behind it: every
        division is made, and what only a rare number asks for is done too, unless it is a subroutine."""
        way = [0]
        for kind, times in through.items():
            for goal in self._places(kind, way[-1], times):
                way += self.shortest(way[-1], goal)[1:]
        return [self.body[place] for place in way + self._longest(way[-1])[1:]]

    def round(self, loop: list[Instruction], kind: str, times: int) -> int:
        """How many instructions the shortest round of a loop issues that has so many of a kind (as a pattern)."""
        first, last = self._at[loop[0].address], self._at[loop[-1].address]
        waiting = [(first, 0)]
        length = {(first, 0): 1}
        for place, met in waiting:
            met_here = min(times, met + bool(re.fullmatch(kind, self.body[place].name)))
            if place == last and met_here == times:
                return length[place, met]
            for each in self._next(place):
                if first <= each <= last and each != first and (each, met_here) not in length:
                    length[each, met_here] = length[place, met] + 1
                    waiting.append((each, met_here))
        return 0

    def _places(self, kind: str, after: int, times: int) -> list[int]:
        name = kind.replace("_", ".") + "."
        found = [i for i, each in enumerate(self.body) if i > after and f"{each.name}.".startswith(name)]
        assert len(found) >= times, f"{self.symbol}: {len(found)} {name}"
        return found[:times]

    def _next(self, place: int) -> list[int]:
        """Where it goes on, but not after a call: that is the way out of a division."""
        here, kind = self.body[place], self.body[place].opcode
        if kind == "CALL":
            return []
        follow = [place + 1] if here.predicate or kind not in ("EXIT", "BRA", "RET", "BRX") else []
        if kind == "BRA" and here.target in self._at:
            follow.append(self._at[here.target])
        return [each for each in follow if each < len(self.body)]

    @cached_property
    def _at(self) -> dict[int | None, int]:
        return {each.address: place for place, each in enumerate(self.body)}

    def shortest(self, start: int, goal: int) -> list[int]:
        before: dict[int, int] = {start: -1}
        waiting = [start]
        for place in waiting:
            if place == goal:
                return trail(before, goal)
            for each in self._next(place):
                if each not in before:
                    before[each] = place
                    waiting.append(each)
        raise AssertionError(f"{self.symbol}: no way from {self.body[start]} to {self.body[goal]}")

    def _longest(self, start: int) -> list[int]:
        """To an unconditional EXIT; no jump backwards into a loop is taken."""
        order: list[int] = []
        state: dict[int, int] = {}
        stack = [(start, iter(self._next(start)))]
        edges: dict[int, list[int]] = {start: []}
        state[start] = 1
        while stack:
            place, rest = stack[-1]
            for each in rest:
                if state.get(each) == 1:  # open: a jump back
                    continue
                edges[place].append(each)
                if each not in state:
                    state[each] = 1
                    edges[each] = []
                    stack.append((each, iter(self._next(each))))
                    break
            else:
                state[place] = 2
                order.append(place)
                stack.pop()
        length, before = {start: 0}, {start: -1}
        for place in reversed(order):
            for each in edges[place]:
                if place in length and length[place] + 1 > length.get(each, -1):
                    length[each], before[each] = length[place] + 1, place
        ends = [i for i in length if self.body[i].name == "EXIT"]
        return trail(before, max(ends, key=length.__getitem__))


def trail(before: dict[int, int], end: int) -> list[int]:
    way = [end]
    while before[way[-1]] != -1:
        way.append(before[way[-1]])
    return way[::-1]


def read(binary: Path, arch: int = 90) -> list[Code]:
    """Each kernel that a binary holds for one architecture."""
    found: list[Code] = []
    for line in call(disassembler(), "-sass", "-arch", f"sm_{arch}", binary).splitlines():
        if "Function : " in line:
            found.append(Code(line.split("Function : ")[1].strip()))
        elif found and (one := LINE.match(line)):
            found[-1].instructions.append(Instruction(int(one[1], 16), one[2] or "", one[3], one[4].strip()))
    return found
