"""What the peers' own code kept of real detections, index for index."""

from __future__ import annotations

import numpy
import pytest
import torch

import ptdet

from ..detections import Detections, plain_nms_cases

CASES = plain_nms_cases()


def kept(case: Detections, dtype: torch.dtype = torch.float32) -> numpy.ndarray:
    boxes, scores = torch.from_numpy(case.boxes).to(dtype), torch.from_numpy(case.scores).to(dtype)
    keywords = {"inclusive": case.inclusive, "metric": case.metric, "max_output": case.max_output}
    if case.labels is None:
        keep = ptdet.nms(boxes, scores, case.iou_threshold, **keywords)
    else:
        keep = ptdet.batched_nms(boxes, scores, torch.from_numpy(case.labels), case.iou_threshold, **keywords)
    return case.in_peer_order(keep.numpy())


@pytest.mark.parametrize("case", CASES, ids=lambda case: case.name)
@pytest.mark.parametrize("dtype", [torch.float32, torch.float64], ids=str)
def test_rows_that_the_peer_kept(case: Detections, dtype: torch.dtype, backend: str) -> None:
    """The smallest distance of an overlap from its threshold is 1e-4 in these files, so both types agree."""
    assert kept(case, dtype).tolist() == case.expected.tolist()


@pytest.mark.parametrize("case", [case for case in CASES if case.metric == "iou"], ids=lambda case: case.name)
def test_torchvision_keeps_the_same(case: Detections) -> None:
    """torchvision, class by class; no overlap is exactly on its threshold, so SAHI's >= does not matter."""
    import torchvision

    boxes, scores = torch.from_numpy(case.boxes), torch.from_numpy(case.scores)
    labels = torch.zeros(len(scores), dtype=torch.int64) if case.labels is None else torch.from_numpy(case.labels)
    found = [torch.zeros(0, dtype=torch.int64)]
    for label in labels.unique():
        rows = torch.nonzero(labels == label)[:, 0]
        found.append(rows[torchvision.ops.nms(boxes[rows], scores[rows], case.iou_threshold)])
    rows = torch.cat(found).sort().values
    rows = rows[torch.sort(scores[rows], descending=True, stable=True).indices][: case.max_output]
    assert case.in_peer_order(rows.numpy()).tolist() == kept(case).tolist()


def test_every_expectation_is_read() -> None:
    assert len(CASES) == 41
    assert len({case.name for case in CASES}) == 41
    assert sum(len(case.expected) for case in CASES) == 2079
