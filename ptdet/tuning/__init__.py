"""Which method and which thresholds, on one's own data: every setting is tried, and the gain is told honestly."""

from .._shared.config import Config, Setting
from .objective import OBJECTIVES
from .records import Fold, Row, Tuning
from .report import html_report
from .search import PER_CLASS
from .tune import tune

__all__ = ["OBJECTIVES", "PER_CLASS", "Config", "Fold", "Row", "Setting", "Tuning", "html_report", "tune"]
