"""Files of detections and of their truth: raw predictions in, survivors out, as NumPy arrays.

Only .pt and .pth files need torch.
"""

from .coco import CATEGORY_IDS, coco_results
from .corners import BOX_FORMS
from .detections import DetectionOptions, read_detections
from .dota import DotaLabels, TileName, is_task1, parse_tile_name, read_dota_labels, write_task1
from .files import READERS, read_predictions, write_survivors
from .layouts import LAYOUTS
from .predictions import Candidates, FileProblem, Predictions, ReadOptions, Records, above
from .space import SPACES, Space, parse_space
from .truth import read_truth
from .truth_options import TruthOptions
from .whole_files import check_writable, whole_file

__all__ = [
    "BOX_FORMS",
    "CATEGORY_IDS",
    "LAYOUTS",
    "READERS",
    "SPACES",
    "Candidates",
    "DetectionOptions",
    "DotaLabels",
    "FileProblem",
    "Predictions",
    "ReadOptions",
    "Records",
    "Space",
    "TileName",
    "TruthOptions",
    "above",
    "check_writable",
    "coco_results",
    "is_task1",
    "parse_space",
    "parse_tile_name",
    "read_detections",
    "read_dota_labels",
    "read_predictions",
    "read_truth",
    "whole_file",
    "write_survivors",
    "write_task1",
]
