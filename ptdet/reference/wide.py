"""Numbers that neither overflow nor underflow: the digits of a type with an exponent of their own.

Each operation rounds once, to the digits of the type, so that where the type's own exponents suffice the result is the
type's, bit for bit.
"""

from dataclasses import dataclass
from typing import Any, NamedTuple

import torch
from torch import Tensor

_POWER_OF_ZERO = -(1 << 24)  # below all others: 0 aligns with any number


class _Layout(NamedTuple):
    bits: torch.dtype
    digits: int
    bias: int


_LAYOUTS = {torch.float32: _Layout(torch.int32, 23, 127), torch.float64: _Layout(torch.int64, 52, 1023)}


@dataclass(frozen=True)
class Wide:
    """part * 2^power with 1 <= |part| < 2; a part that is 0, infinite or NaN stands for itself."""

    part: Tensor
    power: Tensor

    def __mul__(self, other: "Wide") -> "Wide":
        return wide(self.part * other.part, self.power + other.power)

    def __truediv__(self, other: "Wide") -> "Wide":
        return wide(self.part / other.part, self.power - other.power)

    def __add__(self, other: "Wide") -> "Wide":
        top = torch.maximum(self.power, other.power)
        return wide(self.below(top) + other.below(top), top)

    def __getitem__(self, rows: Any) -> "Wide":
        return Wide(self.part[rows], self.power[rows])

    def below(self, top: Tensor) -> Tensor:
        """The part of a sum whose greatest member has the power `top`; what lies below its digits need not be exact."""
        return self.part * two_to((self.power - top).clamp(min=-100), self.part.dtype)

    def narrow(self) -> Tensor:
        """In the type: below its normal numbers rounded to their spacing, above its largest infinite."""
        reach = _LAYOUTS[self.part.dtype].bias + 77  # beyond it all is 0 or infinite
        within = self.power.clamp(-reach, reach)
        half = torch.div(within, 2, rounding_mode="trunc")
        return self.part * two_to(half, self.part.dtype) * two_to(within - half, self.part.dtype)


def wide(x: Tensor, by: Tensor | None = None) -> Wide:
    """x * 2^by."""
    bits, digits, bias = _LAYOUTS[x.dtype]
    exponents = 2 * bias + 1

    def exponent_of(value: Tensor) -> Tensor:
        return (value.view(bits) >> digits) & exponents

    x = x.contiguous()
    subnormal = exponent_of(x) == 0
    normal = torch.where(subnormal, x * 2.0**64, x)
    exponent = exponent_of(normal)
    is_number = (exponent != 0) & (exponent != exponents)  # not 0, infinite or NaN
    part = ((normal.view(bits) & ~(exponents << digits)) | (bias << digits)).view(x.dtype)
    power = exponent.to(torch.int64) - bias - torch.where(subnormal, 64, 0)
    if by is not None:
        power = power + by
    return Wide(
        torch.where(is_number, part, x), torch.where(is_number, power, torch.where(exponent == 0, _POWER_OF_ZERO, 0))
    )


def two_to(power: Tensor, dtype: torch.dtype) -> Tensor:
    """2^power, for the exponents of normal numbers."""
    bits, digits, bias = _LAYOUTS[dtype]
    return ((power + bias) << digits).to(bits).view(dtype)


def is_ordinary(*values: Tensor) -> bool:
    """Whether products of two of these numbers, sums of 2^20 products and quotients of sums surely are normal.

    Then its own operations have the digits of `Wide`.
    """
    reach = 20 if values[0].dtype == torch.float32 else 300
    return all(
        bool(((value == 0) | ((value.abs() >= 2.0**-reach) & (value.abs() <= 2.0**reach))).all()) for value in values
    )
