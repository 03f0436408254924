"""How far the elementary functions of docs/SPEC.md section 1 lie from the exact values, in units in the last place:

    python -m tests.unit.elementary_errors --points 400000

prints what was measured beside each bound, and the table of that section. The exact values are mpmath's. Of a function
in float32 all points are screened in float64, and the worst of them measured.
"""

from __future__ import annotations

import argparse
import math
from collections.abc import Callable
from dataclasses import dataclass

import mpmath
import torch
from torch import Tensor

from ptdet import reference

Exact = Callable[..., mpmath.mpf]


@dataclass(frozen=True)
class Function:
    name: str
    dtype: torch.dtype
    points: Callable[[int], tuple[Tensor, ...]]
    computed: Callable[..., Tensor]
    exact: Exact
    bound: float  # units in the last place
    domain: str


def every(first: float, last: float, dtype: torch.dtype, count: int) -> Tensor:
    """About so many numbers of a type, as evenly among its bit patterns as can be, from first to last."""
    whole, unsigned = (torch.int32, 2**31) if dtype == torch.float32 else (torch.int64, 2**63)

    def key(x: float) -> int:
        bits = int(torch.tensor(x, dtype=dtype).view(whole))
        return bits if bits >= 0 else -unsigned - bits

    low, high = key(first), key(last)
    keys = [low + (high - low) * k // count for k in range(count + 1)]
    bits = torch.tensor([k if k >= 0 else -unsigned - k for k in keys], dtype=torch.int64)
    return bits.to(whole).view(dtype)


def line(first: float, last: float, dtype: torch.dtype) -> Callable[[int], tuple[Tensor]]:
    """Half of them evenly among the bit patterns, half among the numbers."""

    def points(count: int) -> tuple[Tensor]:
        random = torch.Generator().manual_seed(count)
        drawn = first + (last - first) * torch.rand(count // 2, generator=random, dtype=torch.float64)
        return (torch.cat([every(first, last, dtype, count // 2), drawn.to(dtype)]),)

    return points


TURNS = "abs(x) <= 10^6"


def angles(dtype: torch.dtype) -> Callable[[int], tuple[Tensor]]:
    """Of a few turns, of many, and near the quadrants, where one of the two is small."""

    def points(count: int) -> tuple[Tensor]:
        random = torch.Generator().manual_seed(count)
        third = count // 3
        unit = 2 * torch.rand(2 * third, generator=random, dtype=torch.float64) - 1
        quadrants = torch.randint(-600_000, 600_000, (third,), generator=random) * (math.pi / 2)
        return (torch.cat([7 * unit[:third], 1e6 * unit[third:], quadrants]).to(dtype),)

    return points


def powers(dtype: torch.dtype) -> Callable[[int], tuple[Tensor, Tensor]]:
    """Bases of all sizes, and near 1; exponents for which the result takes all sizes, and small ones."""

    def points(count: int) -> tuple[Tensor, Tensor]:
        random = torch.Generator().manual_seed(count)
        least, most = (-104.0, 88.7) if dtype == torch.float32 else (-745.0, 709.7)
        third = count // 3
        tiny = 1e-45 if dtype == torch.float32 else 5e-324
        near_one = 1 + torch.randn(third, generator=random, dtype=torch.float64) * 0.1 ** (1 + torch.arange(third) % 6)
        bases = torch.cat([every(tiny, torch.finfo(dtype).max, dtype, third), near_one.abs().to(dtype)])
        bases = bases[bases != 1].double()
        wanted = least + (most - least) * torch.rand(len(bases), generator=random, dtype=torch.float64)
        unit = torch.rand(third, generator=random, dtype=torch.float64).to(dtype)
        exponents = torch.cat([wanted / bases.log(), 4 * torch.rand(third, generator=random, dtype=torch.float64)])
        return torch.cat([bases.to(dtype), unit]), exponents

    return points


def sigmoid(x: mpmath.mpf) -> mpmath.mpf:
    return 1 / (1 + mpmath.exp(-x))


FUNCTIONS = [
    Function("exp", torch.float32, line(-104.5, 89, torch.float32), reference.exponential, mpmath.exp, 1.3, "all x"),
    Function("exp", torch.float64, line(-746, 710, torch.float64), reference.exponential, mpmath.exp, 1.3, "all x"),
    Function("sigmoid", torch.float32, line(-104.5, 40, torch.float32), reference.sigmoid, sigmoid, 2.6, "all x"),
    Function("sigmoid", torch.float64, line(-746, 60, torch.float64), reference.sigmoid, sigmoid, 2.6, "all x"),
    Function("power", torch.float32, powers(torch.float32), reference.power, mpmath.power, 0.6, "a >= 0, all p"),
    Function("power", torch.float64, powers(torch.float64), reference.power, mpmath.power, 1.5, "a >= 0, all p"),
    Function("atan", torch.float32, line(0, 1, torch.float32), reference.arctangent, mpmath.atan, 2.0, "0 <= r <= 1"),
    Function("atan", torch.float64, line(0, 1, torch.float64), reference.arctangent, mpmath.atan, 1.5, "0 <= r <= 1"),
    Function("cos", torch.float32, angles(torch.float32), reference.cosine, mpmath.cos, 0.51, TURNS),
    Function("cos", torch.float64, angles(torch.float64), reference.cosine, mpmath.cos, 1.0, TURNS),
    Function("sin", torch.float32, angles(torch.float32), reference.sine, mpmath.sin, 0.51, TURNS),
    Function("sin", torch.float64, angles(torch.float64), reference.sine, mpmath.sin, 1.0, TURNS),
]


def errors(computed: Tensor, exact: list[mpmath.mpf]) -> list[float]:
    """In units in the last place of the exact value; infinity counts as the power of two that it stands for."""
    info = torch.finfo(computed.dtype)
    digits = 24 if computed.dtype == torch.float32 else 53
    beyond = mpmath.mpf(2) ** (mpmath.floor(mpmath.log(info.max, 2)) + 1)
    found = []
    for ours, theirs in zip(computed.tolist(), exact, strict=True):
        exponent = mpmath.floor(mpmath.log(abs(theirs), 2)) if theirs != 0 else -math.inf
        unit = mpmath.mpf(2) ** (max(exponent, mpmath.log(info.tiny, 2)) + 1 - digits)
        found.append(float(abs((beyond if ours == math.inf else ours) - min(theirs, beyond)) / unit))
    return found


def worst(function: Function, count: int) -> tuple[float, tuple[float, ...]]:
    """The largest error over so many points, and where it is."""
    mpmath.mp.prec = 120
    given = function.points(count)
    computed = function.computed(*given)
    if function.dtype == torch.float32:
        exact = function.computed(*(each.double() for each in given))
        unit = torch.ldexp(torch.ones_like(exact), torch.frexp(exact).exponent.clamp(min=-125) - 24)
        off = ((computed.double() - exact).abs() / unit).nan_to_num(nan=0.0, posinf=0.0)
        chosen = off.topk(min(200, len(off))).indices
        given, computed = tuple(each[chosen] for each in given), computed[chosen]
    exact_values = [function.exact(*map(mpmath.mpf, each)) for each in zip(*(x.tolist() for x in given), strict=True)]
    found = errors(computed, exact_values)
    at = max(range(len(found)), key=found.__getitem__)
    return found[at], tuple(float(each[at]) for each in given)


def table() -> str:
    rows = ["| function | where | float32 | float64 |", "| --- | --- | --- | --- |"]
    for name in dict.fromkeys(function.name for function in FUNCTIONS):
        one, other = (f for f in FUNCTIONS if f.name == name)
        rows.append(f"| {name} | {one.domain} | {one.bound} | {other.bound} |")
    return "\n".join(rows)


def main() -> int:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--points", type=int, default=20_000)
    asked = parser.parse_args()
    for function in FUNCTIONS:
        most, at = worst(function, asked.points)
        print(f"{function.name:8} {str(function.dtype):14} {most:.3f} of {function.bound} at {at}", flush=True)
    print(table())
    return 0


if __name__ == "__main__":
    raise SystemExit(main())
