"""Options of the methods that no number of the type that computes is near (SPEC 1)."""

from __future__ import annotations

import numpy as np
import torch

import ptdet
import ptdet.numpy
from ptdet._shared.methods import FUSIONS, METHODS
from tests.unit.test_finite import BOXES, SCORES, WEIGHTS, in_lists


def test_a_sigma_beyond_the_type(backend: str) -> None:
    """exp(-overlap^2 / sigma) is 0 for a small sigma and 1 for a large one; matrix multiplies by sigma."""
    boxes, scores = BOXES[:2].float(), torch.tensor([0.75, 0.5])
    for small, large in ((1e-46, 1e39), (5e-324, 1.7e308)):
        assert ptdet.soft_nms(boxes, scores, sigma=small)[0].tolist() == [0.75]
        assert ptdet.soft_nms(boxes, scores, sigma=large)[0].tolist() == [0.75, 0.5]
        assert ptdet.matrix_nms(boxes, scores, sigma=small)[0].tolist() == [0.75, 0.5]
        assert ptdet.matrix_nms(boxes, scores, sigma=large)[0].tolist() == [0.75]


def test_a_beta_beyond_the_type(backend: str) -> None:
    """x^beta for 0 < x < 1 is 1 for a small beta and 0 for a large one, and 0^beta is 0 for both."""
    boxes, scores = torch.tensor([[0.0, 0, 10, 10], [0, 0, 10, 10], [0, 1, 10, 11]]), torch.tensor([0.9, 0.8, 0.7])
    for small, large in ((1e-46, 1e39), (5e-324, 1.7e308)):
        assert ptdet.diou_nms(boxes, scores, 0.5, beta=small).tolist() == [0, 2]
        assert ptdet.diou_nms(boxes, scores, 0.5, beta=large).tolist() == [0]


def test_arrays_have_the_same_weights(native: None) -> None:
    boxes, scores = BOXES.float().numpy(), SCORES.float().numpy()
    for weights in WEIGHTS:
        for function in (METHODS[name].function for name in FUSIONS):
            ours = getattr(ptdet.numpy, function)(*in_lists(boxes, scores), weights=weights, iou_thr=0.3)
            lists = in_lists(torch.from_numpy(boxes), torch.from_numpy(scores))
            theirs = getattr(ptdet, function)(*lists, weights=weights, iou_thr=0.3)
            for array, tensor in zip(ours, theirs, strict=True):
                assert np.isfinite(array).all() and np.array_equal(array, tensor.numpy())
