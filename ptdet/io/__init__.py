"""Files of detections: raw predictions in, survivors out."""

from .coco import CATEGORY_IDS, coco_results
from .files import READERS, read_predictions, write_survivors
from .layouts import LAYOUTS
from .predictions import Candidates, FileProblem, Predictions, ReadOptions
from .space import SPACES, Space, parse_space

__all__ = [
    "CATEGORY_IDS",
    "LAYOUTS",
    "READERS",
    "SPACES",
    "Candidates",
    "FileProblem",
    "Predictions",
    "ReadOptions",
    "Space",
    "coco_results",
    "parse_space",
    "read_predictions",
    "write_survivors",
]
