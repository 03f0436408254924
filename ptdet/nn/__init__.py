"""ptdet's operations as torch.nn.Module."""

from __future__ import annotations

from ..ops.channel_norm import ChannelNorm
from .losses import (
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
from .rotated_losses import (
    GWDLoss,
    KFIoULoss,
    KLDLoss,
    ProbIoULoss,
    RotatedDIoULoss,
    RotatedGIoULoss,
    RotatedIoULoss,
)
from .suppression import NMS, BoxFusion

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
    "GWDLoss",
    "InnerIoULoss",
    "IoULoss",
    "KFIoULoss",
    "KLDLoss",
    "MPDIoULoss",
    "NWDLoss",
    "ProbIoULoss",
    "RotatedDIoULoss",
    "RotatedGIoULoss",
    "RotatedIoULoss",
    "SIoULoss",
    "WIoULoss",
]
