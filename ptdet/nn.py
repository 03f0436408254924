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
from ._nn_suppression import NMS, BoxFusion
from .norm import ChannelNorm

__all__ = [
    "NMS",
    "BoxFusion",
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
