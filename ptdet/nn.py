"""ptdet's operations as torch.nn.Module."""

from __future__ import annotations

from ._nn_losses import (
    AlphaIoULoss,
    CIoULoss,
    DIoULoss,
    EIoULoss,
    FocalEIoULoss,
    GIoULoss,
    InnerIoULoss,
    IoULoss,
    MPDIoULoss,
    NWDLoss,
    SIoULoss,
    WIoULoss,
)
from .norm import ChannelNorm

__all__ = [
    "AlphaIoULoss",
    "CIoULoss",
    "ChannelNorm",
    "DIoULoss",
    "EIoULoss",
    "FocalEIoULoss",
    "GIoULoss",
    "InnerIoULoss",
    "IoULoss",
    "MPDIoULoss",
    "NWDLoss",
    "SIoULoss",
    "WIoULoss",
]
