"""The norm over channels, as a function, a module and an autograd Function."""

from __future__ import annotations

from typing import Any

import torch
from torch import Tensor

from .._library.autograd import channel_norm as gradients
from .._library.checks import check_channel_norm, check_dense
from .._library.register import operator

CHANNEL_NORM = operator("channel_norm")
CHANNEL_NORM_BACKWARD = operator("channel_norm_backward")


# [docs: function]
class ChannelNormFunction(torch.autograd.Function):
    """`channel_norm` with its gradient: saves input and output, keeps the degree on ctx, differentiable twice.

    `ChannelNormFunction.apply(input, norm_deg)` is what `channel_norm` calls after it has checked its arguments.
    """

    generate_vmap_rule = True

    @staticmethod
    def forward(input: Tensor, norm_deg: float) -> Tensor:
        norm: Tensor = CHANNEL_NORM(input, norm_deg)
        return norm

    setup_context = staticmethod(gradients.setup_context)

    @staticmethod
    def backward(ctx: Any, grad: Tensor) -> tuple[Tensor, None]:
        input, output = ctx.saved_tensors
        return _ChannelNormBackward.apply(grad, input, output, ctx.norm_deg), None
        # [docs: end]


class _ChannelNormBackward(torch.autograd.Function):
    """The gradient as a Function of its own, which is what makes it differentiable."""

    generate_vmap_rule = True

    @staticmethod
    def forward(grad: Tensor, input: Tensor, norm: Tensor, norm_deg: float) -> Tensor:
        gradient: Tensor = CHANNEL_NORM_BACKWARD(grad, input, norm, norm_deg)
        return gradient

    setup_context = staticmethod(gradients.setup_context_of_backward)
    backward = staticmethod(gradients.backward_of_backward)


# [docs: public]
def channel_norm(input: Tensor, norm_deg: float = 2) -> Tensor:
    """The p-norm over channels, (sum over c of |x_c|^p)^(1/p), for each pixel.

    Computed in float32 for half types and scaled where need be, so that nothing overflows or underflows whose result
    the dtype can hold. Differentiable twice; the gradient is 0 where x = 0, and for p = inf the largest share it.

    Args:
        input: (B, C, *spatial), in any unit; float64, float32, float16 or bfloat16, any strides, any number of
            spatial dimensions.
        norm_deg: p, any number above 0, or inf for the largest |x_c|. Below 1 it is no norm, and computed all the same.

    Returns:
        (B, 1, *spatial), contiguous, in the dtype of input, under autocast too; 0 where there are no channels.

    Raises:
        TypeError, ValueError: naming the argument, what was expected and what came.

    The values and gradients are those of torch.linalg.vector_norm(input, norm_deg, dim=1, keepdim=True). The operation
    is that of FlowNet 2.0 (Ilg et al., CVPR 2017); docs/SPEC.md, section 5, has every detail.

    >>> import torch, ptdet
    >>> ptdet.channel_norm(torch.tensor([[[3.], [4.]]]))
    tensor([[[5.]]])
    """
    try:
        check_channel_norm(input, norm_deg)
        if torch.compiler.is_compiling():  # the operator's own gradient is what a compiler can see through
            compiled: Tensor = CHANNEL_NORM(input, norm_deg)
            return compiled
        norm: Tensor = ChannelNormFunction.apply(input, float(norm_deg))
        return norm
    except RuntimeError:
        check_dense(input=input)
        raise
    # [docs: end]


class ChannelNorm(torch.nn.Module):
    """`channel_norm` as a module, with its degree.

    Args:
        norm_deg: p, any number above 0, or inf.

    >>> import torch, ptdet
    >>> ptdet.nn.ChannelNorm(norm_deg=1)(torch.tensor([[[3.], [-4.]]]))
    tensor([[[7.]]])
    """

    def __init__(self, norm_deg: float = 2) -> None:
        super().__init__()
        check_channel_norm(torch.empty(0, 0, device="cpu"), norm_deg)
        self.norm_deg = norm_deg

    def forward(self, input: Tensor) -> Tensor:
        """(B, C, *spatial) to (B, 1, *spatial)."""
        return channel_norm(input, self.norm_deg)

    def extra_repr(self) -> str:
        return f"norm_deg={self.norm_deg}"
