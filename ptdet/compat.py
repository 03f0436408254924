"""Differences between packages that raise no error, for the `compat` of nms, batched_nms and soft_nms.

docs/switching.md has the table and tells which of them was checked against the package itself. Boxes are x1, y1, x2, y2
in all of them, or two opposite corners in any order where the profile says so. Nothing here needs torch.
"""

from __future__ import annotations

import math
from typing import Any, NamedTuple

from ._shared.checks import check_flag, one_of
from ._shared.shapes import Rotated

__all__ = ["PROFILES", "Profile"]


class Profile(NamedTuple):
    """What a package does where others do something else."""

    inclusive: bool = False  # hard: removes at overlap == threshold too
    soft_inclusive: bool = False  # linear and hard decay: at overlap == threshold too
    sigma_factor: float = 1.0  # gaussian: exp(-overlap^2 / (sigma_factor * sigma))
    reselect: bool = True  # soft: by current scores
    keeps_min_score: bool = False  # soft: a score equal to min_score stays
    by_class: bool = False  # kept boxes come class after class, by rising id
    offset: int = 0  # 1: coordinates count pixels, a box is x2 - x1 + 1 wide
    any_corners: bool = False  # a box is given by two opposite corners, in any order

    def least(self, min_score: float) -> float:
        """The score that a box must be above to stay."""
        return math.nextafter(min_score, -math.inf) if self.keeps_min_score else min_score


PROFILES: dict[str, Profile] = {
    "torchvision": Profile(),
    "yolov3": Profile(inclusive=True, soft_inclusive=True, reselect=False),
    "yolov5": Profile(),
    "mmcv": Profile(soft_inclusive=True, keeps_min_score=True),
    "mmcv_offset_1": Profile(soft_inclusive=True, keeps_min_score=True, offset=1),
    "tensorflow": Profile(sigma_factor=2.0, any_corners=True),
    "onnx": Profile(by_class=True, any_corners=True),
    "opencv": Profile(),
}


def refuse_corners(boxes: Any) -> None:
    """Rotated boxes are written in one way."""
    if type(boxes) is Rotated:
        raise ValueError("compat: expected a package that differs in more than corners of boxes, for rotated boxes")


def hard_profile(compat: str, inclusive: bool) -> Profile:
    """The profile of this name; `inclusive` is an option that it settles."""
    profile = _profile(compat)
    check_flag("inclusive", inclusive)
    if inclusive and not profile.inclusive:
        raise ValueError(f"inclusive: expected False as compat={compat!r} has it, got {inclusive}")
    return profile


def soft_profile(compat: str, inclusive: bool, reselect: bool) -> Profile:
    """The profile of this name; `inclusive` and `reselect` are options that it settles."""
    profile = _profile(compat)
    check_flag("inclusive", inclusive)
    if inclusive and not profile.soft_inclusive:
        raise ValueError(f"inclusive: expected False as compat={compat!r} has it, got {inclusive}")
    check_flag("reselect", reselect)
    if not reselect and profile.reselect:
        raise ValueError(f"reselect: expected True as compat={compat!r} has it, got {reselect}")
    return profile


def _profile(compat: str) -> Profile:
    one_of("compat", compat, tuple(PROFILES))
    return PROFILES[compat]
