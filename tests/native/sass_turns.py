"""How many instructions of a warp the build's machine code for sm_90 takes for a turn of a loop, or from end to end."""

from __future__ import annotations

import re
from functools import cache

from . import machine_code, machine_loops, sass
from .sass import Code, Instruction

Turn = list[Instruction]


@cache
def kernels(stem: str) -> list[Code]:
    return sass.read(machine_code.compiled(machine_code.CSRC / "cuda" / f"{stem}.cu"))


def kernel(stem: str, pattern: str) -> Code:
    """The one instance whose mangled name has the pattern."""
    (found,) = [code for code in kernels(stem) if re.search(pattern, code.symbol)]
    return found


def count(code: Turn, *names: str) -> int:
    """How many instructions have one of these names; LDG_E is LDG.E, with whatever follows."""
    wanted = tuple(f"{name.replace('_', '.')}." for name in names)
    return sum(f"{each.name}.".startswith(wanted) for each in code)


def smallest_loop(stem: str, pattern: str, **least: int) -> Turn:
    """The smallest of the loops that have so many instructions of each kind at least."""
    found = [
        list(loop.instructions)
        for loop in machine_loops.loops(kernel(stem, pattern).body)
        if all(count(list(loop.instructions), name) >= number for name, number in least.items())
    ]
    return min(found, key=len)


def innermost(stem: str, pattern: str) -> list[Turn]:
    return [list(loop.instructions) for loop in machine_loops.innermost(kernel(stem, pattern).body)]


def around(stem: str, pattern: str, inner: Turn) -> Turn:
    """The smallest loop around another."""
    loops = [list(loop.instructions) for loop in machine_loops.loops(kernel(stem, pattern).body)]
    first, last = inner[0].address, inner[-1].address
    return min((each for each in loops if each[0].address < first and last < each[-1].address), key=len)


def shortest_turn(turn: Turn) -> int:
    return machine_loops.Loop(tuple(turn)).shortest_turn()


def way_to(stem: str, pattern: str, loop: Turn) -> int:
    """From the start of the kernel to the loop, by the shortest way."""
    code = kernel(stem, pattern)
    place = next(i for i, each in enumerate(code.body) if each.address == loop[0].address)
    return len(code.shortest(0, place))
