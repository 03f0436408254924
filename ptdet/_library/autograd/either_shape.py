"""What the gradients of methods that move boxes ask of boxes of either shape, (..., 4) or rotated (..., 5)."""

from __future__ import annotations

import torch
from torch import Tensor

from ... import reference
from ...reference.elementary import quarter_turns
from ...reference.rotated_box import turned, wide
from ...reference.rotated_fusion import box_in_frame, frame_extents
from .graded_overlap import overlap


def computed_type(boxes: Tensor) -> torch.dtype:
    """Rotated boxes are computed in float64."""
    return torch.float64 if boxes.shape[-1] == 5 else reference.computed(boxes).dtype


def raw_overlap(a: Tensor, b: Tensor, metric: str) -> Tensor:
    """As decisions see it."""
    return (reference.raw_rotated_overlap if a.shape[-1] == 5 else reference.raw_overlap)(a, b, metric)


def graded_overlap(a: Tensor, b: Tensor, metric: str, dtype: torch.dtype) -> Tensor:
    """The overlap of widened boxes, with its gradient."""
    if a.shape[-1] == 4:
        return overlap(a, b, metric, dtype).graded
    found: Tensor = torch.ops.ptdet.rotated_overlap(*torch.broadcast_tensors(a, b), metric)
    return found.to(a.dtype)


def in_form_of(boxes: Tensor, kept: Tensor) -> Tensor:
    """Each box as it is written for the mean about a kept box."""
    if boxes.shape[-1] == 4:
        return boxes
    cx, cy, w, h, angle = torch.broadcast_tensors(boxes, kept)[0].unbind(-1)
    with torch.no_grad():
        apart = angle - kept[..., 4]
        rest, _, quadrant = quarter_turns(apart)
        odd, turn = quadrant * quadrant == 1, apart - rest
    return torch.stack([cx, cy, torch.where(odd, h, w), torch.where(odd, w, h), angle - turn], dim=-1)


def grown_boxes(boxes: Tensor, keep: Tensor, sides: Tensor) -> Tensor:
    """The kept rotated boxes, each grown to the sides that belong to these rows; 0 where keep is -1."""
    rows = torch.stack(turned(wide(boxes)), dim=-1)
    keep, sides = keep.to(rows.device), sides.to(rows.device)
    kept = rows[keep.clamp(min=0)]
    reach = [frame_extents(rows[sides[:, i].clamp(min=0)], kept)[:, i] for i in range(4)]
    grown = box_in_frame(torch.stack(reach, dim=-1), kept)
    as_given = (sides == keep[:, None]).all(dim=1)
    grown = torch.where(as_given[:, None], kept[:, :5], grown)
    return torch.where((keep >= 0)[:, None], grown, 0.0).to(boxes)
