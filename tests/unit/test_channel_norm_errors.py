"""Bad input to the norm over channels: what is raised, and that the message names the argument."""

from __future__ import annotations

import math
from typing import Any

import pytest
import torch

import ptdet

BAD: dict[str, tuple[Any, Any, type[Exception], tuple[str, ...]]] = {
    "integers": (torch.ones(2, 3, dtype=torch.int64), 2, TypeError, ("input", "int64")),
    "bools": (torch.ones(2, 3, dtype=torch.bool), 2, TypeError, ("input", "bool")),
    "complex": (torch.ones(2, 3, dtype=torch.complex64), 2, TypeError, ("input", "complex64")),
    "a list": ([[1.0]], 2, TypeError, ("input", "Tensor", "list")),
    "one dimension": (torch.ones(3), 2, ValueError, ("input", "2 dimensions", "(3,)")),
    "no dimension": (torch.ones(()), 2, ValueError, ("input", "2 dimensions", "()")),
    "degree 0": (torch.ones(2, 3), 0, ValueError, ("norm_deg", "above 0", "0")),
    "degree below 0": (torch.ones(2, 3), -1.5, ValueError, ("norm_deg", "above 0", "-1.5")),
    "degree -inf": (torch.ones(2, 3), -math.inf, ValueError, ("norm_deg", "above 0", "-inf")),
    "degree nan": (torch.ones(2, 3), math.nan, ValueError, ("norm_deg", "nan")),
    "degree text": (torch.ones(2, 3), "2", TypeError, ("norm_deg", "str")),
    "degree none": (torch.ones(2, 3), None, TypeError, ("norm_deg", "None")),
}


@pytest.mark.parametrize("name", BAD)
def test_bad_input(name: str, backend: str) -> None:
    input, degree, raises, fragments = BAD[name]
    with pytest.raises(raises) as caught:
        ptdet.channel_norm(input, degree)
    assert all(fragment in str(caught.value) for fragment in fragments), str(caught.value)
    with pytest.raises((RuntimeError, TypeError, ValueError)):
        torch.ops.ptdet.channel_norm(input, degree)
    if name.startswith("degree"):
        with pytest.raises(raises):
            ptdet.nn.ChannelNorm(degree)


def test_backward_called_directly_with_what_does_not_fit(backend: str) -> None:
    x = torch.ones(2, 3, 4)
    good = torch.ones(2, 1, 4)
    for grad, norm in ((good[:1], good), (good, good[..., :3]), (good.double(), good), (good, x), (good[0], good)):
        with pytest.raises((RuntimeError, ValueError)):
            torch.ops.ptdet.channel_norm_backward(grad, x, norm, 2.0)
    with pytest.raises((RuntimeError, ValueError)):
        torch.ops.ptdet.channel_norm_backward(good, x, good.to("meta"), 2.0)
