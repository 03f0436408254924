"""The losses of rotated boxes as modules: the functions of ptdet.ops.rotated_losses with their parameters kept."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import torch
from torch import Tensor, nn

from ..ops import rotated_losses as losses


class _RotatedLoss(nn.Module):
    """A function of ptdet.ops.rotated_losses and its keywords, which are attributes of the module."""

    function: Callable[..., Tensor]

    def __init__(self, reduction: str, **keywords: Any) -> None:
        super().__init__()
        self.reduction, self._keywords = reduction, tuple(keywords)
        for name, value in keywords.items():
            setattr(self, name, value)
        # the function alone knows what its keywords may be, and a bad one should not wait for the first batch
        none = torch.zeros(0, 5, device="cpu")  # which torch.set_default_device does not move
        self(none, none)

    def forward(self, boxes1: Tensor, boxes2: Tensor) -> Tensor:
        """The loss of predicted `boxes1` against `boxes2`, both (..., 5), cx, cy, w, h, angle."""
        keywords = {name: getattr(self, name) for name in self._keywords}
        return type(self).function(boxes1, boxes2, self.reduction, **keywords)

    def extra_repr(self) -> str:
        return ", ".join(f"{name}={getattr(self, name)!r}" for name in (*self._keywords, "reduction"))


class RotatedIoULoss(_RotatedLoss):
    """`ptdet.rotated.box_iou_loss` as a module.

    >>> import torch, ptdet.nn
    >>> ptdet.nn.RotatedIoULoss()(torch.tensor([[5., 5., 4., 2., 0.3]]), torch.tensor([[5., 5., 2., 2., 0.3]]))
    tensor(0.5000)
    """

    function = losses.box_iou_loss

    def __init__(self, mode: str = "linear", reduction: str = "mean", eps: float = 1e-6) -> None:
        super().__init__(reduction, mode=mode, eps=eps)


class RotatedGIoULoss(_RotatedLoss):
    """`ptdet.rotated.generalized_box_iou_loss` as a module."""

    function = losses.generalized_box_iou_loss

    def __init__(self, enclosing: str = "hull", reduction: str = "mean") -> None:
        super().__init__(reduction, enclosing=enclosing)


class RotatedDIoULoss(_RotatedLoss):
    """`ptdet.rotated.distance_box_iou_loss` as a module."""

    function = losses.distance_box_iou_loss

    def __init__(self, enclosing: str = "hull", reduction: str = "mean") -> None:
        super().__init__(reduction, enclosing=enclosing)


class ProbIoULoss(_RotatedLoss):
    """`ptdet.rotated.probiou_loss` as a module."""

    function = losses.probiou_loss

    def __init__(self, mode: str = "l1", reduction: str = "mean") -> None:
        super().__init__(reduction, mode=mode)


class KFIoULoss(_RotatedLoss):
    """`ptdet.rotated.kfiou_loss` as a module."""

    function = losses.kfiou_loss

    def __init__(self, fun: str = "none", reduction: str = "mean", eps: float = 1e-6) -> None:
        super().__init__(reduction, fun=fun, eps=eps)


class GWDLoss(_RotatedLoss):
    """`ptdet.rotated.gwd_loss` as a module."""

    function = losses.gwd_loss

    def __init__(
        self,
        fun: str = "log1p",
        tau: float = 1.0,
        alpha: float = 1.0,
        normalize: bool = True,
        reduction: str = "mean",
    ) -> None:
        super().__init__(reduction, fun=fun, tau=tau, alpha=alpha, normalize=normalize)


class KLDLoss(_RotatedLoss):
    """`ptdet.rotated.kld_loss` as a module."""

    function = losses.kld_loss

    def __init__(
        self, fun: str = "log1p", tau: float = 1.0, alpha: float = 1.0, sqrt: bool = True, reduction: str = "mean"
    ) -> None:
        super().__init__(reduction, fun=fun, tau=tau, alpha=alpha, sqrt=sqrt)
