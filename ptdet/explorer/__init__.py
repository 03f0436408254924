"""See detections in the browser: the page, its server and the report. Needs no torch."""

from .data import Library, Shown, There, as_shown
from .picture_files import SHOWN_BY_BROWSERS, file_within
from .report import Limits, Report, write_report
from .server import Server

__all__ = [
    "SHOWN_BY_BROWSERS",
    "Library",
    "Limits",
    "Report",
    "Server",
    "Shown",
    "There",
    "as_shown",
    "file_within",
    "write_report",
]
