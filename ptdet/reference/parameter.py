"""An option of a call, a Python float, in the type that computes."""

import torch


def parameter(value: float, dtype: torch.dtype) -> float:
    """As near to it as a normal number of the type is: what is above 0 stays above 0, and finite (SPEC 1)."""
    limits = torch.finfo(dtype)
    if 0 < value < limits.tiny:
        return limits.tiny
    return limits.max if value > limits.max else value
