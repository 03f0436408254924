"""How rotated boxes merge: both the mean of boxes and a box that grows are relative to one of them.

A box is a row: its five numbers, and behind them what is computed once a box. The order of operations is part of the
contract, because results are compared bit for bit.
"""

import torch
from torch import Tensor

from .elementary import quarter_turns
from .rotated_box import Turned
from .rotated_overlap import magnitude


def offsets(box: Tensor, reference: Tensor) -> Tensor:
    """Of the five numbers, in the writing of the box whose angle is nearest to the reference's.

    The same rectangle is (w, h, angle), (h, w, angle + pi/2) and both with pi more.
    """
    cx, cy, w, h, angle, *_ = box.unbind(-1)
    x, y, along, across, direction, *_ = reference.unbind(-1)
    rest, _, quadrant = quarter_turns(angle - direction)
    odd = quadrant * quadrant == 1
    return torch.stack([cx - x, cy - y, torch.where(odd, h, w) - along, torch.where(odd, w, h) - across, rest], dim=-1)


def moved(offset: Tensor, reference: Tensor) -> Tensor:
    return reference[..., :5] + offset


def frame_extents(box: Tensor, frame: Tensor) -> Tensor:
    """From and to along both sides of the frame, seen from its centre: u0, v0, u1, v1."""
    b, f = Turned(*box.unbind(-1)), Turned(*frame.unbind(-1))
    parallel = b.angle == f.angle
    c = magnitude(torch.where(parallel, 1.0, b.cos * f.cos + b.sin * f.sin))
    s = magnitude(torch.where(parallel, 0.0, b.sin * f.cos - b.cos * f.sin))
    dx, dy = b.cx - f.cx, b.cy - f.cy
    u, v = dx * f.cos + dy * f.sin, dy * f.cos - dx * f.sin
    w, h = 0.5 * b.w, 0.5 * b.h
    reach_u, reach_v = c * w + s * h, s * w + c * h
    return torch.stack([u - reach_u, v - reach_v, u + reach_u, v + reach_v], dim=-1)


def box_in_frame(extents: Tensor, frame: Tensor) -> Tensor:
    """The five numbers of the box with these extents."""
    u0, v0, u1, v1 = extents.unbind(-1)
    f = Turned(*frame.unbind(-1))
    u, v = 0.5 * (u0 + u1), 0.5 * (v0 + v1)
    x, y = f.cx + (u * f.cos - v * f.sin), f.cy + (u * f.sin + v * f.cos)
    return torch.stack([x, y, u1 - u0, v1 - v0, f.angle], dim=-1)
