"""Boxes for which users of other packages have reported a wrong overlap, beside the oracle, in the package's own units.

The numbers are those of the reports; what each package answered stands beside them.
"""

from __future__ import annotations

import math
from collections.abc import Callable
from typing import NamedTuple

import mpmath
import pytest
import torch
from torch import Tensor

import ptdet
from ptdet.integrations import detectron2, mmcv

from .. import rotated_oracle

Box = tuple[float, float, float, float, float]


class Report(NamedTuple):
    where: str  # repository, number
    unit: str  # degrees, the other way, as detectron2; or radians
    first: Box
    second: Box
    least: float  # of the IoU
    most: float
    error: float = 1e-12


# IoU, known by hand or from the pictures that the reporters drew, between two numbers
REPORTS = (
    # 1.35
    Report("mjq11302010044/RRPN 44", "radians", (46.83, 44.03, 3.9, 1.63, 0), (46.83, 44.03, 1.63, 3.9, 1.45), 0.8, 1),
    # 0.3333, of a box with itself
    *(
        Report("open-mmlab/mmcv 2621", "radians", box, box, 1, 1)
        for box in [(0.0, 0.0, 180.6422271729, 136.3633728027, 0.9559648633)]
    ),
    # -12128368 and 6.0509: a side of a millionth
    Report(
        "open-mmlab/mmcv 2952", "radians",
        (135.07, 406.72, 7.9445e-7, 1971.1, 1.7708), (151.008, 436.2173, 302.0159, 313.7347, 3.1184), 1e-10, 1e-8,
    ),
    Report(
        "open-mmlab/mmcv 2952, longer", "radians",
        (135.07, 406.72, 7.9445e-7, 1.9711e10, 1.7708), (151.008, 436.2173, 302.0159, 313.7347, 3.1184), 1e-10, 1e-8,
        error=1e-9,  # the ends of 2e10 are known to 2e-6, which is more than the other side
    ),
    # 0, of two boxes about one centre
    Report(
        "open-mmlab/mmcv 2335", "radians",
        (0, 0, 5, 10, math.pi / 6), (0, 0, 10, 5, math.pi / 3), 0.4058, 0.4059,
    ),
    # -0.1261, of sides below 0
    Report("open-mmlab/mmcv 2335, below 0", "radians", (0, 0, -5, 10, 0.5), (0, 0, -10, 5, 1.0), 0, 0),
    # 56 / 72, for two that share two sides
    Report("lilanxiao/Rotated_IoU 39", "radians", (4, 5, 8, 10, 0), (3, 4, 6, 8, 0), 0.6, 0.6),
    # 0, of a box with itself
    Report("lilanxiao/Rotated_IoU 38", "radians", (0, 0, 2, 2, math.pi / 4), (0, 0, 2, 2, math.pi / 4), 1, 1),
    # three corners where there are four: two squares that overlap by (1 - sqrt(1/2)) of their side
    Report(
        "DetectionTeamUCAS/RRPN_Faster-RCNN_Tensorflow 2", "degrees",
        (200, 200, 100, 100, -45), (250, 250, 100, 100, -45), 3 - math.sqrt(8) - 1e-7, 3 - math.sqrt(8) + 1e-7,
    ),
    # 0.600224: closer than float32 tells
    Report(
        "facebookresearch/detectron2 2154", "degrees",
        (296.6620178222656, 458.73883056640625, 23.515729904174805, 47.677001953125, 0.08795166015625),
        (296.66201, 458.73882000000003, 23.51573, 47.67702, 0.087951), 0.99999, 1,
    ),
    # 0.5848
    Report(
        "facebookresearch/detectron2 2167", "degrees",
        (2563.74462890625, 1436.7901611328125, 2174.703369140625, 214.0950012207031, 115.11834716796875),
        (2563.74462890625, 1436.790283203125, 2174.702880859375, 214.09495544433594, 115.1183547973632), 0.99999, 1,
    ),
    # 0.2655 and 0.3688, which are right: who expected 0 had turned the boxes the other way
    Report(
        "facebookresearch/detectron2 1207", "degrees", (160, 153, 230, 23, -37), (190, 127, 80, 21, -46), 0, 0.2656
    ),
    Report(
        "facebookresearch/detectron2 4961", "degrees",
        (1010.5, 860.00012207, 12.20655537, 48.82622528, 55.00798035),
        (1022, 870.49993896, 10.81665134, 43.26660919, 56.30992889), 0.3687, 0.3689,
    ),
    # 0.3333, of a box with itself; beside itself it was right
    *(
        Report("mrlooi/rotated_maskrcnn 46", "degrees", box, box, 1, 1)
        for box in [(672.4067, 290.7776, 791.0275, 38.9333, 34.1454)]
    ),
    Report(
        "mrlooi/rotated_maskrcnn 46, moved", "degrees",
        (672.4067, 290.7776, 791.0275, 38.9333, 34.1454), (672.3, 290.7776, 791.0275, 38.9333, 34.1454), 0.9966, 0.9968,
    ),
    *(
        Report("mrlooi/rotated_maskrcnn 9", "degrees", box, box, 1, 1)
        for box in [(50.7325, 50.7325, 100.7325, 300.7325, -3.4)]
    ),
)  # fmt: skip


def exact(first: list[float], second: list[float], unit: str) -> float:
    with mpmath.workprec(300):
        turn = -mpmath.pi / 180 if unit == "degrees" else mpmath.mpf(1)
        return float(rotated_oracle.overlap(*([*box[:4], mpmath.mpf(box[4]) * turn] for box in (first, second))))


@pytest.mark.parametrize("report", REPORTS, ids=lambda report: report.where)
@pytest.mark.parametrize("dtype", [torch.float64, torch.float32], ids=str)
def test_reported_overlaps(report: Report, dtype: torch.dtype) -> None:
    first, second = (torch.tensor([box], dtype=dtype) for box in (report.first, report.second))
    call: Callable[[Tensor, Tensor], Tensor] = (
        detectron2.pairwise_iou_rotated if report.unit == "degrees" else mmcv.box_iou_rotated
    )
    found = call(first, second)
    wanted = exact(first[0].tolist(), second[0].tolist(), report.unit)
    rounding = 0.0 if dtype == torch.float64 else 6e-8
    assert found.item() == pytest.approx(wanted, abs=report.error + rounding)
    assert report.least - rounding <= found.item() <= report.most + rounding and 0 <= found.item() <= 1
    assert torch.equal(call(second, first), found)
    scores = torch.tensor([0.9, 0.8])
    suppress = detectron2.nms_rotated if report.unit == "degrees" else ptdet.rotated.nms
    kept = suppress(torch.cat([first, second]), scores, 0.5)
    assert kept.tolist() == ([0] if wanted > 0.5 else [0, 1])
    if report.unit == "radians":
        first.requires_grad_()
        for loss in (ptdet.rotated.box_iou_loss, ptdet.rotated.probiou_loss, ptdet.rotated.gwd_loss):
            (slope,) = torch.autograd.grad(loss(first, second).sum(), first)
            assert bool(torch.isfinite(slope).all())
