"""The overlap measures with an epsilon and with their derivatives, which autograd takes from the formulas.

The values are those of `overlap` where epsilon is 0. A quotient that is 0/0 or not finite passes no gradient.
"""

from typing import Any

import torch
from torch import Tensor

from .losses import box_loss
from .overlap import METRICS, Rule, finite_or_zero


def quotient(part: Tensor, whole: Tensor) -> Tensor:
    """part / whole, and 0 for 0/0."""
    raw = part / whole
    sound = torch.isfinite(raw)
    value = torch.where(sound, part, 0.0) / torch.where(sound, whole, 1.0)
    return torch.where(sound | ((part == 0) & (whole == 0)), value, raw.detach())


def paired_overlap(
    boxes1: Tensor, boxes2: Tensor, kind: str = "iou", eps: float = 0.0, joint_eps: float = 0.0
) -> Tensor:
    """The overlap of boxes (..., 4) that broadcast, differentiable; float64 if one of them is, else float32."""
    _check(boxes1, boxes2, kind, eps, joint_eps)
    stored = torch.float64 if torch.float64 in (boxes1.dtype, boxes2.dtype) else torch.float32
    integers = not (boxes1.is_floating_point() and boxes2.is_floating_point())
    computed = torch.float64 if integers else stored
    rule = Rule(quotient, eps, joint_eps, torch.detach)
    return finite_or_zero(METRICS[kind](boxes1.to(computed), boxes2.to(computed), rule)).to(stored)


def pairwise_overlap(
    boxes1: Tensor, boxes2: Tensor, kind: str = "iou", eps: float = 0.0, joint_eps: float = 0.0
) -> Tensor:
    """The overlap of each of (..., N, 4) with each of (..., M, 4), as (..., N, M)."""
    _check(boxes1, boxes2, kind, eps, joint_eps, least_dims=2)
    return paired_overlap(boxes1[..., :, None, :], boxes2[..., None, :, :], kind, eps, joint_eps)


def pairwise_overlap_backward(
    grad: Tensor,
    boxes1: Tensor,
    boxes2: Tensor,
    kind: str = "iou",
    eps: float = 0.0,
    joint_eps: float = 0.0,
    wanted1: bool = True,
    wanted2: bool = True,
) -> tuple[Tensor, Tensor]:
    """The gradients of the boxes, in the type of the overlaps; (0,) in place of one that is not wanted."""
    with recording():
        a, b = (boxes.detach().to(grad.dtype).requires_grad_() for boxes in (boxes1, boxes2))
        value = pairwise_overlap(a, b, kind, eps, joint_eps)
        slopes1, slopes2 = torch.autograd.grad(value, (a, b), grad)
    none = grad.new_empty(0)
    return bounded(slopes1) if wanted1 else none, bounded(slopes2) if wanted2 else none


def graded_box_loss(
    boxes1: Tensor,
    boxes2: Tensor,
    kind: str = "iou",
    eps: float = 1e-7,
    joint_eps: float = 1e-7,
    similarity: bool = False,
    slopes1: bool = False,
    slopes2: bool = False,
    power: float = 1.0,
    scale: float = 1.0,
    base: str = "iou",
) -> tuple[Tensor, Tensor]:
    """The `box_loss` of boxes (..., 4), or if `similarity` the overlap, and its derivatives by the boxes asked for.

    Returns:
        value (...) and slopes: (2, ..., 4) of both, (..., 4) of one, or (0,).
    """
    with recording():
        dtype = torch.float64 if torch.float64 in (boxes1.dtype, boxes2.dtype) else torch.float32
        a, b = (
            boxes.detach().to(dtype).requires_grad_() if wanted else boxes.detach()
            for boxes, wanted in ((boxes1, slopes1), (boxes2, slopes2))
        )
        value = graded_value(a, b, kind, eps, joint_eps, similarity, power, scale, base)
        wanted = [boxes for boxes in (a, b) if boxes.requires_grad]
        slopes = torch.autograd.grad(value.sum(), wanted) if wanted else []
    if not slopes:
        return value, value.new_empty(0)
    return value.detach(), bounded(torch.stack(list(slopes)) if len(slopes) == 2 else slopes[0])


def graded_value(
    boxes1: Tensor,
    boxes2: Tensor,
    kind: str,
    eps: float,
    joint_eps: float,
    similarity: bool,
    power: float,
    scale: float,
    base: str,
) -> Tensor:
    """What `graded_box_loss` computes, differentiable."""
    if similarity:
        return paired_overlap(boxes1, boxes2, kind, eps, joint_eps)
    return box_loss(boxes1, boxes2, kind, eps, power, scale, base)


def graded_box_loss_backward(grad: Tensor, slopes: Tensor) -> Tensor:
    """The slopes that a forward pass has kept, times the gradient of their values."""
    return bounded(grad[..., None] * slopes)


def graded_box_loss_gradient(
    grad: Tensor,
    boxes1: Tensor,
    boxes2: Tensor,
    kind: str = "iou",
    eps: float = 1e-7,
    joint_eps: float = 1e-7,
    similarity: bool = False,
    wanted1: bool = True,
    wanted2: bool = True,
    power: float = 1.0,
    scale: float = 1.0,
    base: str = "iou",
) -> Tensor:
    """`graded_box_loss_backward` of the slopes that `graded_box_loss` gives of these boxes."""
    _, slopes = graded_box_loss(boxes1, boxes2, kind, eps, joint_eps, similarity, wanted1, wanted2, power, scale, base)
    return graded_box_loss_backward(grad, slopes) if wanted1 or wanted2 else slopes


def bounded(gradient: Tensor) -> Tensor:
    """0 for NaN, and the largest number of its type for what is infinite."""
    return torch.nan_to_num(gradient)


class recording:
    """Autograd, inside an operator that autograd has already been told of."""

    def __enter__(self) -> None:
        excluded = torch._C._dispatch_tls_local_exclude_set()
        for key in (torch._C.DispatchKey.AutogradFunctionality, torch._C.DispatchKey.ADInplaceOrView):
            excluded = excluded.remove(key)
        included = torch._C._dispatch_tls_local_include_set()
        self._guards = (torch._C._ForceDispatchKeyGuard(included, excluded), torch.enable_grad())
        for guard in self._guards:
            guard.__enter__()

    def __exit__(self, *error: Any) -> None:
        for guard in reversed(self._guards):
            guard.__exit__(*error)


def _check(boxes1: Tensor, boxes2: Tensor, kind: str, eps: float, joint_eps: float, least_dims: int = 1) -> None:
    for name, boxes in (("boxes1", boxes1), ("boxes2", boxes2)):
        if boxes.dim() < least_dims or boxes.size(-1) != 4:
            raise ValueError(
                f"{name}: expected shape ({'..., N' if least_dims == 2 else '...'}, 4), got {tuple(boxes.shape)}"
            )
        if boxes.is_complex() or boxes.dtype == torch.bool:
            raise TypeError(f"{name}: expected floats or integers, got {boxes.dtype}")
    if boxes1.device != boxes2.device:
        raise ValueError(f"boxes2: expected device {boxes1.device} as of boxes1, got {boxes2.device}")
    if kind not in METRICS:
        raise ValueError(f"kind: expected one of {', '.join(METRICS)}, got {kind!r}")
    if not (eps >= 0 and joint_eps >= 0):
        raise ValueError(f"eps: expected a number >= 0, got {eps} and {joint_eps}")
