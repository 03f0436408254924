"""Shapes and dtypes without data: one function an operator, by its name."""

from collections.abc import Callable
from typing import Any

from . import norm, suppression

FAKES: dict[str, Callable[..., Any]] = {
    "nms": suppression.nms,
    "nms_walk": suppression.nms_walk,
    "channel_norm": norm.channel_norm,
    "channel_norm_backward": norm.channel_norm_backward,
}
