"""Which method and which thresholds, on one's own data: every setting is tried, and the gain is told honestly."""

from .._shared.config import Config, Setting
from .objective import OBJECTIVES
from .search import PER_CLASS
from .tune import Fold, Row, Tuning, tune

__all__ = ["OBJECTIVES", "PER_CLASS", "Config", "Fold", "Row", "Setting", "Tuning", "tune"]
