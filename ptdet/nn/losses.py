"""The losses as modules: the functions of ptdet.ops.losses with their parameters kept, and WIoU's running mean."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import torch
from torch import Tensor, nn

from .._library.pieces import is_traced
from .._shared.checks import check_at_least, one_of
from ..ops import losses


class _BoxLoss(nn.Module):
    """A function of ptdet.ops.losses and its keywords, which are attributes of the module."""

    function: Callable[..., Tensor]

    def __init__(self, reduction: str, eps: float, **keywords: Any) -> None:
        super().__init__()
        self.reduction, self.eps, self._keywords = reduction, eps, tuple(keywords)
        for name, value in keywords.items():
            setattr(self, name, value)
        # the function alone knows what its keywords may be, and a bad one should not wait for the first batch
        none = torch.zeros(0, 4, device="cpu")  # which torch.set_default_device does not move
        self._call(none, none)

    def _call(self, boxes1: Tensor, boxes2: Tensor, **more: Any) -> Tensor:
        keywords = {name: getattr(self, name) for name in self._keywords}
        return type(self).function(boxes1, boxes2, self.reduction, self.eps, **keywords, **more)

    def forward(self, boxes1: Tensor, boxes2: Tensor) -> Tensor:
        """The loss of predicted `boxes1` against `boxes2`, both (..., 4), x1, y1, x2, y2."""
        return self._call(boxes1, boxes2)

    def extra_repr(self) -> str:
        return ", ".join(f"{name}={getattr(self, name)!r}" for name in (*self._keywords, "reduction", "eps"))


class IoULoss(_BoxLoss):
    """`ptdet.box_iou_loss` as a module.

    >>> import torch, ptdet.nn
    >>> ptdet.nn.IoULoss()(torch.tensor([[0., 0., 2., 2.]]), torch.tensor([[1., 1., 3., 3.]]))
    tensor(0.8571)
    """

    function = losses.box_iou_loss

    def __init__(self, reduction: str = "mean", eps: float = 1e-7) -> None:
        super().__init__(reduction, eps)


class GIoULoss(_BoxLoss):
    """`ptdet.generalized_box_iou_loss` as a module."""

    function = losses.generalized_box_iou_loss

    def __init__(self, reduction: str = "mean", eps: float = 1e-7) -> None:
        super().__init__(reduction, eps)


class DIoULoss(_BoxLoss):
    """`ptdet.distance_box_iou_loss` as a module."""

    function = losses.distance_box_iou_loss

    def __init__(self, reduction: str = "mean", eps: float = 1e-7) -> None:
        super().__init__(reduction, eps)


class CIoULoss(_BoxLoss):
    """`ptdet.complete_box_iou_loss` as a module."""

    function = losses.complete_box_iou_loss

    def __init__(self, reduction: str = "mean", eps: float = 1e-7) -> None:
        super().__init__(reduction, eps)


class EIoULoss(_BoxLoss):
    """`ptdet.efficient_iou_loss` as a module."""

    function = losses.efficient_iou_loss

    def __init__(self, reduction: str = "mean", eps: float = 1e-7) -> None:
        super().__init__(reduction, eps)


class FocalEIoULoss(_BoxLoss):
    """`ptdet.focal_efficient_iou_loss` as a module."""

    function = losses.focal_efficient_iou_loss

    def __init__(self, gamma: float = 0.5, reduction: str = "mean", eps: float = 1e-7) -> None:
        super().__init__(reduction, eps, gamma=gamma)


class SIoULoss(_BoxLoss):
    """`ptdet.scylla_iou_loss` as a module."""

    function = losses.scylla_iou_loss

    def __init__(self, theta: float = 4.0, reduction: str = "mean", eps: float = 1e-7) -> None:
        super().__init__(reduction, eps, theta=theta)


class AlphaIoULoss(_BoxLoss):
    """`ptdet.alpha_iou_loss` as a module."""

    function = losses.alpha_iou_loss

    def __init__(self, alpha: float = 3.0, base: str = "iou", reduction: str = "mean", eps: float = 1e-7) -> None:
        super().__init__(reduction, eps, alpha=alpha, base=base)


class MPDIoULoss(_BoxLoss):
    """`ptdet.mpd_iou_loss` as a module, for images of one size (height, width)."""

    function = losses.mpd_iou_loss

    def __init__(self, image_size: tuple[float, float], reduction: str = "mean", eps: float = 1e-7) -> None:
        super().__init__(reduction, eps, image_size=image_size)


class InnerIoULoss(_BoxLoss):
    """`ptdet.inner_iou_loss` as a module."""

    function = losses.inner_iou_loss

    def __init__(self, ratio: float = 0.75, base: str = "iou", reduction: str = "mean", eps: float = 1e-7) -> None:
        super().__init__(reduction, eps, ratio=ratio, base=base)


class NWDLoss(_BoxLoss):
    """`ptdet.normalized_wasserstein_loss` as a module."""

    function = losses.normalized_wasserstein_loss

    def __init__(self, constant: float = 12.8, reduction: str = "mean", eps: float = 1e-7) -> None:
        super().__init__(reduction, eps, constant=constant)


class WIoULoss(_BoxLoss):
    """`ptdet.wise_iou_loss` as a module that keeps the running mean of 1 - IoU for versions 2 and 3.

    While training, each batch that is not empty first moves the mean, as in the authors' code:
    running_mean <- (1 - momentum) running_mean + momentum mean(1 - IoU). In eval mode it stays. It is a buffer of
    float32 that begins at 1 and goes with the module's state_dict; a half module keeps it in float32, where so small
    a step is not rounded away. Each process of a distributed run keeps the mean of what it sees.

    Args:
        version: 1 (no mean), 2 or 3.
        momentum: in [0, 1]; the paper's 1 - 0.05^(1 / n) with n, the batches until the detector's accuracy rises
            slowly, above 7000: the default is that of 7000.
        gamma, alpha, delta, reduction, eps: see `ptdet.wise_iou_loss`.

    Tong et al., "Wise-IoU: Bounding Box Regression Loss with Dynamic Focusing Mechanism", 2023, arXiv 2301.10051.

    >>> import torch, ptdet.nn
    >>> loss = ptdet.nn.WIoULoss(momentum=0.5)
    >>> _ = loss(torch.tensor([[0., 0., 2., 2.]]), torch.tensor([[0., 0., 4., 2.]]))
    >>> loss.running_mean
    tensor(0.7500)
    """

    function = losses.wise_iou_loss
    running_mean: Tensor | None

    def __init__(
        self,
        version: int = 3,
        momentum: float = 1 - 0.05 ** (1 / 7000),
        *,
        gamma: float = 0.5,
        alpha: float = 1.9,
        delta: float = 3.0,
        reduction: str = "mean",
        eps: float = 1e-7,
    ) -> None:
        one_of("version", version, (1, 2, 3))
        check_at_least("momentum", momentum)
        if momentum > 1:
            raise ValueError(f"momentum: expected a number in [0, 1], got {momentum}")
        self.momentum = momentum
        super().__init__(reduction, eps, version=version, gamma=gamma, alpha=alpha, delta=delta)
        self.register_buffer("running_mean", None if version == 1 else torch.ones(()))

    def _call(self, boxes1: Tensor, boxes2: Tensor, **more: Any) -> Tensor:
        if self.version != 1 and "mean" not in more:
            more["mean"] = 1.0
        return super()._call(boxes1, boxes2, **more)

    def forward(self, boxes1: Tensor, boxes2: Tensor) -> Tensor:
        """The loss of predicted `boxes1` against `boxes2`, both (..., 4), x1, y1, x2, y2."""
        if self.running_mean is None:
            return self._call(boxes1, boxes2)
        if self.training:
            self._look_at(boxes1, boxes2)
        # a copy, since the next batch writes to the buffer, maybe before this loss has gone backward
        return self._call(boxes1, boxes2, mean=self.running_mean.clone())

    @torch.no_grad()
    def _look_at(self, boxes1: Tensor, boxes2: Tensor) -> None:
        error = losses.box_iou_loss(boxes1, boxes2, "none", self.eps)
        if self.running_mean is None:
            return
        if is_traced():  # the next batch may be empty, which this one then is not
            mean = torch.where(torch.ones_like(error).sum() > 0, losses.reduced(error, "mean"), self.running_mean)
            self.running_mean.lerp_(mean.to(self.running_mean.dtype), self.momentum)
        elif error.numel() > 0:
            self.running_mean.lerp_(error.mean().to(self.running_mean.dtype), self.momentum)

    def _apply(self, *arguments: Any, **keywords: Any) -> WIoULoss:
        super()._apply(*arguments, **keywords)  # type: ignore[no-untyped-call]
        if self.running_mean is not None and self.running_mean.dtype in (torch.float16, torch.bfloat16):
            self.running_mean = self.running_mean.float()
        return self

    def extra_repr(self) -> str:
        return f"{super().extra_repr()}, momentum={self.momentum:.3g}"
