"""torch.set_default_device does not disturb calls with tensors that lie elsewhere."""

from __future__ import annotations

from typing import Any

import pytest
import torch
from torch import Tensor

import ptdet.nn

from ..public_calls import PUBLIC


def flat(found: Any) -> list[Tensor]:
    if isinstance(found, ptdet.Letterbox):  # numbers alone
        return []
    return [found] if isinstance(found, Tensor) else [one for each in found if each is not None for one in flat(each)]


@pytest.mark.parametrize("name", PUBLIC)
def test_the_default_device_moves_nothing(name: str, backend: str) -> None:
    """A process that builds its models without memory may call ptdet with tensors that have data."""
    call, good, _ = PUBLIC[name]
    if name == "nn.WIoULoss":  # made under that default it has its mean there, as modules do
        loss = ptdet.nn.WIoULoss()
        call, good = loss, {"boxes1": good["boxes1"], "boxes2": good["boxes2"]}
        loss.eval()
    expected = flat(call(**good))
    torch.set_default_device("meta")
    try:
        got = flat(call(**good))
    finally:
        torch.set_default_device(None)
    assert all(torch.equal(one, other) for one, other in zip(got, expected, strict=True))
