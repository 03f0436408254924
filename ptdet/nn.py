"""The functions of ptdet as torch.nn.Module."""

from ._nn_suppression import NMS, BoxFusion

__all__ = ["NMS", "BoxFusion"]
