"""What has a gradient, as torch.nn.Module."""

from .norm import ChannelNorm

__all__ = ["ChannelNorm"]
